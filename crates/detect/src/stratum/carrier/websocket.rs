use memchr::memchr;

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
    /// Text or binary, whole and not compressed.
    is_read: bool,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            state: State::Header(Vec::new()),
            objects: Objects::new(Layout::Document),
            is_before_object: true,
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
                    }
                    self.state = if payload.remaining == 0 {
                        State::Header(Vec::new())
                    } else {
                        State::Payload(payload)
                    };
                }
                State::Payload(payload) => {
                    let mut block = [0; BLOCK_OCTETS];
                    let unmasked = payload.unmask(octets, &mut block);
                    octets = octets.get(unmasked.len()..).unwrap_or_default();
                    let (is_read, is_over) = (payload.is_read, payload.remaining == 0);
                    if is_read {
                        hear(&mut self.objects, &mut self.is_before_object, unmasked, context);
                    }
                    if is_over {
                        self.state = State::Header(Vec::new());
                    }
                }
            }
        }
        Step::Done
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
    // A reserved bit means an extension, in practice compression (RFC 7692), which hides the text.
    let is_read = opcode <= BINARY && first & 0x70 == 0;
    Some(Some((opcode, Payload { remaining, key, at: 0, is_read })))
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

const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// How much is unmasked at a time.
const BLOCK_OCTETS: usize = 512;
