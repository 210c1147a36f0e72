//! Numbers that look random and are the same each time: `SplitMix64`, seeded with a word.

use std::time::Duration;

/// A source of numbers that depends on nothing but its seed.
///
/// The generator is `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014). It uses whole numbers only, so that
/// every machine writes the same.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A source whose numbers follow from `seed`, a word that names what it is for.
    pub fn seeded(seed: &str) -> Self {
        // FNV-1a spreads words over the state; similar words begin far apart.
        let state = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self { state }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `lowest` to `highest`, both included.
    pub fn between(&mut self, lowest: u64, highest: u64) -> u64 {
        lowest + self.number() % (highest.saturating_sub(lowest) + 1)
    }

    /// A count from `lowest` to `highest`, both included.
    pub fn count(&mut self, lowest: usize, highest: usize) -> usize {
        let spread = u64::try_from(highest.saturating_sub(lowest)).unwrap_or(0);
        lowest + usize::try_from(self.between(0, spread)).unwrap_or(0)
    }

    /// A time from `shortest` to `longest`.
    pub fn time(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.between(nanos(shortest), nanos(longest)))
    }

    /// A time to the next of events that come independently of each other, `mean` apart on average.
    ///
    /// The exponential distribution, cut at four times its mean: straight lines between its sixteenths.
    pub fn waiting_time(&mut self, mean: Duration) -> Duration {
        let sixteenth = self.count(0, 15);
        let (from, to) = (SIXTEENTHS[sixteenth], SIXTEENTHS[sixteenth + 1]);
        let thousandths = from + u32::try_from(self.between(0, u64::from(to - from))).unwrap_or(0);
        mean * thousandths / 1000
    }

    /// One of `choices`, which holds at least one.
    pub fn choice<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.count(0, choices.len().saturating_sub(1))]
    }

    /// An array of any octets.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.octet())
    }

    /// `length` octets, any.
    pub fn octets(&mut self, length: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.octet()).take(length).collect()
    }

    /// `length` octets in hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        hex(&self.octets(length))
    }

    /// A port that a client's system would choose: the dynamic ports of RFC 6335, section 6.
    pub fn client_port(&mut self) -> u16 {
        u16::try_from(self.between(49_152, 65_535)).unwrap_or(49_152)
    }

    fn octet(&mut self) -> u8 {
        self.number().to_le_bytes()[7]
    }
}

/// `octets` in lower-case hexadecimal digits.
pub fn hex(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 0x0f])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// The exponential distribution's quantiles in sixteenths, in thousandths of its mean: -1000 ln(1 - k/16),
/// the last one cut.
const SIXTEENTHS: [u32; 17] =
    [0, 65, 134, 208, 288, 375, 470, 575, 693, 827, 981, 1163, 1386, 1674, 2079, 2773, 4000];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_gives_others() {
        let numbers = |seed| Random::seeded(seed).octets(64);
        assert_eq!(numbers("flood"), numbers("flood"));
        assert_ne!(numbers("flood"), numbers("floor"));
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The first output for state 0, as the reference implementation gives it.
        assert_eq!(Random { state: 0 }.number(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn waiting_times_have_their_mean() {
        let mut random = Random::seeded("waiting");
        let total: Duration = (0..10_000).map(|_| random.waiting_time(Duration::from_secs(30))).sum();
        let mean = total / 10_000;
        assert!((Duration::from_secs(28)..Duration::from_secs(32)).contains(&mean), "{mean:?}");
    }
}
