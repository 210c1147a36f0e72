//! Stratum V2 in the clear, as it is spoken within local networks (Stratum V2 specification, 3 to 5).

use super::guess::Guess;
use super::{Context, Step};
use crate::stratum::dialogue::keep;
use crate::stratum::difficulty::Difficulty;
use crate::stratum::facts::{Dialect, Login};
use crate::stratum::grammar::{Refusal, Speaker, Weight};

/// Frames of one end.
#[derive(Debug, Default)]
pub(in crate::stratum) struct Frames {
    header: Vec<u8>,
    /// The beginning of a frame's payload; what is read stands there.
    payload: Vec<u8>,
    /// Octets of the payload to come.
    remaining: usize,
}

/// Is this the first frame of a miner, or of a pool?
pub(super) fn guess(octets: &[u8]) -> Guess {
    let is = |at: usize, allowed: &[u8]| octets.get(at).is_none_or(|octet| allowed.contains(octet));
    // Extension 0; SetupConnection is message 0, SetupConnection.Success message 1 with six octets.
    let setup = is(0, &[0])
        && is(1, &[0])
        && is(2, &[0])
        && is(4, &[0, 1, 2, 3, 4, 5])
        && is(5, &[0])
        && is(6, &[0, 1, 2])
        && is(7, &[2])
        && is(8, &[0])
        && is(9, &[2, 3, 4])
        && is(10, &[0]);
    let success = is(0, &[0])
        && is(1, &[0])
        && is(2, &[1])
        && is(3, &[6])
        && is(4, &[0])
        && is(5, &[0])
        && is(6, &[2, 3, 4])
        && is(7, &[0]);
    match octets.len() {
        11.. if setup => Guess::StratumV2,
        8.. if success => Guess::StratumV2,
        ..11 if setup => Guess::More,
        ..8 if success => Guess::More,
        _ => Guess::Unknown,
    }
}

impl Frames {
    pub(super) fn octets<'o>(&mut self, mut octets: &'o [u8], context: &mut Context<'_>) -> Step<'o> {
        while let Some((first, rest)) = octets.split_first() {
            if self.header.len() < HEADER_OCTETS {
                self.header.push(*first);
                octets = rest;
                if let [_, _, _, a, b, c] = *self.header.as_slice() {
                    self.remaining = u32::from_le_bytes([a, b, c, 0]) as usize;
                    self.payload.clear();
                }
            } else {
                let (here, rest) = octets.split_at(self.remaining.min(octets.len()));
                self.remaining = self.remaining.saturating_sub(here.len());
                let room = MAX_PAYLOAD_OCTETS.saturating_sub(self.payload.len());
                self.payload.extend_from_slice(here.get(..room.min(here.len())).unwrap_or_default());
                octets = rest;
            }
            if self.header.len() == HEADER_OCTETS && self.remaining == 0 {
                if let [_, _, kind, ..] = *self.header.as_slice() {
                    hear(kind, &self.payload, context);
                }
                self.header.clear();
                self.payload = Vec::new();
            }
        }
        Step::Done
    }
}

fn hear(kind: u8, payload: &[u8], context: &mut Context<'_>) {
    let speaker = match kind {
        SETUP_CONNECTION
        | OPEN_STANDARD_CHANNEL
        | OPEN_EXTENDED_CHANNEL
        | SUBMIT_STANDARD
        | SUBMIT_EXTENDED => Speaker::Miner,
        0x01 | 0x02 | 0x11 | 0x12 | 0x14 | 0x15 | 0x1c..=0x1f | 0x20 | 0x21 => Speaker::Pool,
        _ => return,
    };
    if !context.dialogue.plays_its_role(context.from_initiator, speaker) {
        return;
    }
    context.dialogue.note(context.time);
    context.dialogue.speaks(Dialect::StratumV2, Weight::Shape);
    context.dialogue.facts.is_distinctive = true;
    context.dialogue.facts.miner_spoke |= speaker == Speaker::Miner;
    context.dialogue.facts.pool_said |= speaker == Speaker::Pool;
    // A message that is shorter than its kind says nothing.
    let _understood = match speaker {
        Speaker::Miner => hear_miner(kind, payload, context),
        Speaker::Pool => hear_pool(kind, payload, context),
    };
}

fn hear_miner(kind: u8, payload: &[u8], context: &mut Context<'_>) -> Option<()> {
    let dialogue = &mut *context.dialogue;
    match kind {
        SETUP_CONNECTION => {
            dialogue.introduces(Login::Asked);
            // Protocol, lowest and highest version, flags; then endpoint, port, vendor, hardware, firmware, device.
            let (host, rest) = string(payload.get(9..)?)?;
            let (port, rest) = rest.split_first_chunk::<2>()?;
            keep(&mut dialogue.facts.pool, Some(&format!("{host}:{}", u16::from_le_bytes(*port))));
            let (vendor, rest) = string(rest)?;
            let (hardware, _) = string(rest)?;
            keep(&mut dialogue.facts.agent, Some(&format!("{vendor} {hardware}")));
        }
        OPEN_STANDARD_CHANNEL | OPEN_EXTENDED_CHANNEL => {
            dialogue.authorizes(Login::Asked);
            let (user, rest) = string(payload.get(4..)?)?;
            dialogue.user(Some(&user));
            let rate = f32::from_le_bytes(*rest.first_chunk()?);
            if rate.is_finite() && rate > 0.0 {
                dialogue.facts.reported_hashes_per_second = Some(f64::from(rate));
            }
        }
        _ => {
            // Channel, sequence number, job.
            let job = number(payload, 8)?;
            dialogue.share(Some(&job.to_string()));
        }
    }
    Some(())
}

fn hear_pool(kind: u8, payload: &[u8], context: &mut Context<'_>) -> Option<()> {
    let time = context.time;
    let dialogue = &mut *context.dialogue;
    let hashes = dialogue.facts.difficulty.map(|difficulty| difficulty.hashes);
    match kind {
        0x01 => dialogue.introduces(Login::Accepted),
        0x02 => dialogue.introduces(Login::Refused),
        0x12 => dialogue.authorizes(Login::Refused),
        // OpenStandardMiningChannel.Success and its extended kin: request, channel, target.
        0x11 | 0x14 => {
            dialogue.authorizes(Login::Accepted);
            dialogue.difficulty(Difficulty::of_little_endian(payload.get(8..40)?));
        }
        // SetTarget: channel, target.
        0x21 => dialogue.difficulty(Difficulty::of_little_endian(payload.get(4..36)?)),
        // NewMiningJob and NewExtendedMiningJob: channel, job.
        0x15 | 0x1f => {
            let job = number(payload, 4)?.to_string();
            dialogue.job_of(time, &job);
        }
        // SubmitShares.Success: channel, last sequence number, how many.
        0x1c => {
            for _ in 0..number(payload, 8)?.min(MAX_SHARES_AT_ONCE) {
                dialogue.share_answered(Ok(()), hashes);
            }
        }
        // SubmitShares.Error: channel, sequence number, code.
        0x1d => {
            let (code, _) = string(payload.get(8..)?)?;
            let refusal = if code.contains("stale") { Refusal::Stale } else { Refusal::Other };
            dialogue.share_answered(Err(refusal), None);
        }
        _ => (),
    }
    Some(())
}

fn number(payload: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*payload.get(at..)?.first_chunk()?))
}

/// `STR0_255`: a length in one octet, then so many octets.
fn string(octets: &[u8]) -> Option<(String, &[u8])> {
    let (length, octets) = octets.split_first()?;
    let (text, rest) = octets.split_at_checked(usize::from(*length))?;
    Some((String::from_utf8_lossy(text).into_owned(), rest))
}

/// Extension type, message type, length in 24 bits (Stratum V2 specification, 3.2).
const HEADER_OCTETS: usize = 6;
/// Five strings of 255 octets and what is around them.
const MAX_PAYLOAD_OCTETS: usize = 1_536;
/// A pool answers shares in batches; no more than these are believed to be in one.
const MAX_SHARES_AT_ONCE: u32 = 1_000;

const SETUP_CONNECTION: u8 = 0x00;
const OPEN_STANDARD_CHANNEL: u8 = 0x10;
const OPEN_EXTENDED_CHANNEL: u8 = 0x13;
const SUBMIT_STANDARD: u8 = 0x1a;
const SUBMIT_EXTENDED: u8 = 0x1b;
