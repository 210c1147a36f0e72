//! What is encrypted from the first octet, known by the sizes of its handshake: Stratum V2, and nodes of Ethereum.

use super::facts::NoiseSizes;

/// Counts the octets that one end sends before the other one answers, at the beginning of a connection.
///
/// Noise NX begins with exactly 64 random octets of the miner (its key in `ElligatorSwift` form) and an answer of 234 (Stratum V2
/// specification, 4.5; one place there says 170). Nodes of Bitcoin begin with 64 octets too (BIP 324), but the answer is of the
/// same kind. Then the miner's `SetupConnection` follows in one encrypted frame.
#[derive(Debug, Default)]
pub(super) struct Flights {
    /// Octets of the first flights.
    octets: [u32; HANDSHAKE_FLIGHTS],
    /// The number of the flight that is going on, from 1; 0 before the first.
    number: u32,
    /// Octets of that flight.
    current: u32,
    from_initiator: bool,
    /// Which values the octets of the first flight had, one bit for each.
    values: [u64; 4],
    printable: u32,
    /// The first octets of the first two flights.
    heads: [Head; 2],
}

/// The first octets of a flight, and how many there are.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    octets: [u8; 3],
    count: u8,
}

impl Head {
    fn take(&mut self, octets: &[u8]) {
        for (place, octet) in self.octets.iter_mut().skip(usize::from(self.count)).zip(octets) {
            *place = *octet;
            self.count += 1;
        }
    }

    /// The size of a message of `RLPx` after its size field (EIP-8): a public key begins with 4.
    fn rlpx_size(self) -> Option<u32> {
        let [high, low, key] = self.octets;
        let size = u32::from(u16::from_be_bytes([high, low]));
        (self.count == 3 && key == UNCOMPRESSED_KEY && RLPX_OCTETS.contains(&size)).then_some(size)
    }
}

impl Flights {
    /// Takes octets of an end, and says what the sizes tell once the handshake is over.
    pub(super) fn octets(&mut self, from_initiator: bool, octets: &[u8], noise: &mut Option<NoiseSizes>) {
        if self.number == 0 || from_initiator != self.from_initiator {
            self.close(noise);
            self.number = self.number.saturating_add(1);
            self.from_initiator = from_initiator;
            self.current = 0;
        }
        self.current = self.current.saturating_add(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        if let Some(head) = self.number.checked_sub(1).and_then(|at| self.heads.get_mut(at as usize)) {
            head.take(octets);
        }
        if self.number == 1 && self.current <= KEY_OCTETS {
            for octet in octets {
                if let Some(word) = self.values.get_mut(usize::from(octet >> 6)) {
                    *word |= 1 << (octet & 0x3f);
                }
                self.printable += u32::from(octet.is_ascii_graphic() || octet.is_ascii_whitespace());
            }
        }
    }

    /// May this still be such a handshake?
    pub(super) fn is_possible(&self, noise: Option<NoiseSizes>) -> bool {
        let [first, _] = self.heads;
        match self.number {
            0 => true,
            1 => self.from_initiator && (self.current <= KEY_OCTETS || first.rlpx_size().is_some()),
            _ => noise.is_some() || (self.number <= 3 && (self.has_key() || first.rlpx_size().is_some())),
        }
    }

    /// Did two nodes of Ethereum greet each other (`RLPx`, "Initial Handshake")? The initiator waits for the answer, so that its
    /// first flight is one message; the answer is another, and more may follow.
    pub(super) fn is_rlpx(&self) -> bool {
        let ([first, second], [greeting, ..]) = (self.heads, self.octets);
        let is_greeting = first.rlpx_size().is_some_and(|size| size + RLPX_SIZE_OCTETS == greeting);
        let is_answer = second.rlpx_size().is_some_and(|size| size + RLPX_SIZE_OCTETS <= self.current);
        self.number == 2 && !self.from_initiator && is_greeting && is_answer
    }

    /// The flight that was going on is over.
    pub(super) fn close(&mut self, noise: &mut Option<NoiseSizes>) {
        if let Some(place) = self.number.checked_sub(1).and_then(|at| self.octets.get_mut(at as usize)) {
            *place = self.current;
        }
        if let Some(noise) = noise {
            let is_share = self.from_initiator && self.current == SHARE_OCTETS;
            noise.share_sized_flights = noise.share_sized_flights.saturating_add(u32::from(is_share));
        } else if self.number == 3 && self.from_initiator && self.has_key() {
            let [_, answer_octets, setup] = self.octets;
            if ANSWER_OCTETS.contains(&answer_octets) && SETUP_OCTETS.contains(&setup) {
                *noise = Some(NoiseSizes { answer_octets, share_sized_flights: 0 });
            }
        }
    }

    /// Was the first flight as long as a key, and as random?
    fn has_key(&self) -> bool {
        let [first, ..] = self.octets;
        let different: u32 = self.values.iter().map(|word| word.count_ones()).sum();
        first == KEY_OCTETS && different >= LEAST_DIFFERENT && self.printable <= MOST_PRINTABLE
    }
}

/// SEC 1, 2.3.3.
const UNCOMPRESSED_KEY: u8 = 4;
/// A key, an initialisation vector, a tag, and what is encrypted: 97 octets and more of the answer, with up to 300 of padding, 162
/// of the greeting (EIP-8).
const RLPX_OCTETS: std::ops::RangeInclusive<u32> = 200..=700;
const RLPX_SIZE_OCTETS: u32 = 2;

const HANDSHAKE_FLIGHTS: usize = 3;
const KEY_OCTETS: u32 = 64;
const ANSWER_OCTETS: [u32; 2] = [170, 234];
/// A frame of 22 octets of encrypted header, and `SetupConnection` with its tag of 16: 16 octets without any text, 1291 with all.
const SETUP_OCTETS: std::ops::RangeInclusive<u32> = 22 + 16 + 16..=22 + 1_291 + 16;
/// `SubmitSharesStandard` has 24 octets.
const SHARE_OCTETS: u32 = 22 + 24 + 16;
/// Of 64 random octets, 56.7 are different on average, with a standard deviation of 2.3: this is five of those below.
const LEAST_DIFFERENT: u32 = 45;
/// Of 64 random octets, 39 % are printable or white: 25, with a standard deviation of 4; this is five above.
const MOST_PRINTABLE: u32 = 45;

#[cfg(test)]
mod tests {
    use super::*;

    /// Octets that look random and are the same each time.
    fn random(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect()
    }

    fn noise_of(flights: &[(bool, &[u8])]) -> Option<NoiseSizes> {
        let (mut tracked, mut noise) = (Flights::default(), None);
        for (from_initiator, octets) in flights {
            tracked.octets(*from_initiator, octets, &mut noise);
        }
        tracked.close(&mut noise);
        noise
    }

    #[test]
    fn a_noise_handshake_is_known_by_its_sizes() {
        let (key, answer, setup, share) = (random(64), random(234), random(120), random(62));
        let flights: [(bool, &[u8]); 7] = [
            (true, &key),
            (false, &answer[..100]),
            (false, &answer[100..]),
            (true, &setup),
            (false, &answer[..44]),
            (true, &share),
            (false, &answer[..50]),
        ];
        assert_eq!(noise_of(&flights), Some(NoiseSizes { answer_octets: 234, share_sized_flights: 1 }));
    }

    #[test]
    fn nodes_with_keys_of_the_same_size_are_something_else() {
        let (key, answer, more) = (random(64), random(64 + 700), random(100));
        assert_eq!(noise_of(&[(true, &key), (false, &answer), (true, &more)]), None);
    }

    #[test]
    fn nodes_of_ethereum_greet_with_sizes_and_keys() {
        let message = |size: u16| [&size.to_be_bytes()[..], &[4], &random(usize::from(size) - 1)].concat();
        let (greeting, answer) = (message(430), message(390));
        let (mut flights, mut noise) = (Flights::default(), None);
        flights.octets(true, &greeting, &mut noise);
        assert!(!flights.is_rlpx() && flights.is_possible(noise));
        flights.octets(false, &answer[..100], &mut noise);
        assert!(!flights.is_rlpx());
        flights.octets(false, &answer[100..], &mut noise);
        assert!(flights.is_rlpx());
    }

    #[test]
    fn text_of_the_right_sizes_is_no_key() {
        let (text, answer, more) = ([b'a'; 64], random(234), random(100));
        assert_eq!(noise_of(&[(true, &text), (false, &answer), (true, &more)]), None);
    }
}
