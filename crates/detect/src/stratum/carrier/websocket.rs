use memchr::memchr;

use super::packed::Packed;
use super::{Carrier, Context, Step};
use crate::stratum::dialogue::Carriage;
use crate::stratum::objects::{Layout, Objects};

/// Frames of WebSocket (RFC 6455, 5), of which those are heard that hold JSON: alone, or in an event of socket.io.
#[derive(Debug)]
pub(in crate::stratum) struct WebSocket {
    state: State,
    objects: Objects,
    /// Nothing of the message's JSON has come yet.
    is_before_object: bool,
    /// The message is compressed.
    is_packed: bool,
    packed: Packed,
}

#[derive(Debug)]
enum State {
    Header(Vec<u8>),
    Payload(Payload),
}

#[derive(Debug)]
struct Payload {
    remaining: u64,
    key: [u8; 4],
    /// Where in the key the next octet is.
    at: usize,
    /// Text or binary, in no way that is not known.
    is_read: bool,
    /// With it, the message ends.
    is_last: bool,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            state: State::Header(Vec::new()),
            objects: Objects::new(Layout::Document),
            is_before_object: true,
            is_packed: false,
            packed: Packed::default(),
        }
    }
}

impl WebSocket {
    pub(super) fn octets<'o>(&mut self, mut octets: &'o [u8], context: &mut Context<'_>) -> Step<'o> {
        while let Some((first, rest)) = octets.split_first() {
            match &mut self.state {
                State::Header(header) => {
                    header.push(*first);
                    octets = rest;
                    let Some(frame) = read_header(header) else { continue };
                    let Some((opcode, payload)) = frame else { return Step::Become(Carrier::Opaque, &[]) };
                    if opcode == TEXT || opcode == BINARY {
                        self.objects = Objects::new(Layout::Document);
                        self.is_before_object = true;
                        self.is_packed = header.first().is_some_and(|first| first & COMPRESSED != 0);
                    }
                    self.state = State::Payload(payload);
                }
                State::Payload(payload) => {
                    let mut block = [0; BLOCK_OCTETS];
                    let unmasked = payload.unmask(octets, &mut block);
                    octets = octets.get(unmasked.len()..).unwrap_or_default();
                    match (payload.is_read, self.is_packed) {
                        (true, true) => self.packed.octets(unmasked),
                        (true, false) => {
                            hear(&mut self.objects, &mut self.is_before_object, unmasked, context);
                        }
                        (false, _) => (),
                    }
                }
            }
            if !self.ends_frame(context) {
                return Step::Become(Carrier::Opaque, &[]);
            }
        }
        Step::Done
    }

    /// Goes on to the next frame if this one is over; false if what follows cannot be read.
    fn ends_frame(&mut self, context: &mut Context<'_>) -> bool {
        let State::Payload(Payload { remaining: 0, is_read, is_last, .. }) = self.state else { return true };
        self.state = State::Header(Vec::new());
        if !(is_read && is_last && self.is_packed) {
            return true;
        }
        let Some(text) = self.packed.unpack() else { return false };
        hear(&mut self.objects, &mut self.is_before_object, &text, context);
        context.dialogue.facts.statements > 0 || self.packed.messages < MAX_STRANGE_MESSAGES
    }
}

impl Payload {
    fn unmask<'b>(&mut self, octets: &[u8], block: &'b mut [u8; BLOCK_OCTETS]) -> &'b [u8] {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(octets.len());
        let mut length = 0;
        for ((octet, place), key) in
            octets.iter().take(most).zip(block.iter_mut()).zip(self.key.iter().cycle().skip(self.at))
        {
            *place = octet ^ key;
            length += 1;
        }
        self.at = (self.at + length) % self.key.len();
        self.remaining = self.remaining.saturating_sub(length as u64);
        block.get(..length).unwrap_or_default()
    }
}

/// The opcode and the payload to come; the outer `None` if the header is not whole, the inner one if it is none.
#[expect(clippy::option_option, reason = "both are answers, and the caller has to tell them apart")]
fn read_header(header: &[u8]) -> Option<Option<(u8, Payload)>> {
    let (first, second) = (*header.first()?, *header.get(1)?);
    let (opcode, is_masked) = (first & 0x0f, second & 0x80 != 0);
    if matches!(opcode, 3..=7 | 11..=15) {
        return Some(None);
    }
    let (remaining, key_at) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*header.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*header.get(2..)?.first_chunk()?), 10),
        length => (u64::from(length), 2),
    };
    let key = if is_masked { *header.get(key_at..)?.first_chunk()? } else { [0; 4] };
    // The other reserved bits are those of no extension that is in use.
    let is_read = opcode <= BINARY && first & 0x30 == 0;
    let is_last = first & LAST != 0;
    Some(Some((opcode, Payload { remaining, key, at: 0, is_read, is_last })))
}

fn hear(objects: &mut Objects, is_before_object: &mut bool, mut text: &[u8], context: &mut Context<'_>) {
    if *is_before_object {
        // An event of socket.io is `42["name",{…}]`.
        let Some(brace) = memchr(b'{', text) else { return };
        *is_before_object = false;
        text = text.get(brace..).unwrap_or_default();
    }
    objects.octets(text, |object| context.hear(Carriage::WebSocket, object));
}

/// This frame ends the message.
const LAST: u8 = 0x80;
/// The message is compressed (RFC 7692, 6).
const COMPRESSED: u8 = 0x40;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// How much is unmasked at a time.
const BLOCK_OCTETS: usize = 512;
/// After so many compressed messages that are not about mining, none will be: a miner logs in first.
const MAX_STRANGE_MESSAGES: u32 = 16;
