//! Stratum V2 encrypted, known by the sizes of its Noise handshake.

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
        if self.number == 1 && self.current <= KEY_OCTETS {
            for octet in octets {
                let word = self.values.get_mut(usize::from(octet >> 6));
                word.into_iter().for_each(|word| *word |= 1 << (octet & 0x3f));
                self.printable += u32::from(octet.is_ascii_graphic() || octet.is_ascii_whitespace());
            }
        }
    }

    /// May this still be such a handshake?
    pub(super) fn is_possible(&self, noise: Option<NoiseSizes>) -> bool {
        match self.number {
            0 => true,
            1 => self.from_initiator && self.current <= KEY_OCTETS,
            _ => noise.is_some() || (self.number <= 3 && self.has_key()),
        }
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
    fn text_of_the_right_sizes_is_no_key() {
        let (text, answer, more) = ([b'a'; 64], random(234), random(100));
        assert_eq!(noise_of(&[(true, &text), (false, &answer), (true, &more)]), None);
    }
}
