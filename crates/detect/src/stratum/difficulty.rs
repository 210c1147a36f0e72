/// How hard a share is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difficulty {
    /// As the pool counts: Bitcoin's kind of difficulty where it names one, else expected hashes.
    pub value: f64,
    /// How many hashes a share takes on average.
    pub hashes: f64,
    /// The pool counts in shares of difficulty 1, and `hashes` takes these for Bitcoin's: what they are, the algorithm tells.
    pub is_relative: bool,
}

impl Difficulty {
    /// Of `mining.set_difficulty`: a share of difficulty 1 takes 2^32 hashes (Bitcoin's `0x1d00ffff`, rounded as pools do).
    ///
    /// scrypt pools mean 2^16 of their own, slower, hashes ([`SCRYPT_SCALE`]), and other algorithms something else again.
    pub(super) fn of_number(value: f64) -> Option<Self> {
        let difficulty = Self::checked(value, value * HASHES_OF_DIFFICULTY_ONE)?;
        Some(Self { is_relative: true, ..difficulty })
    }

    /// Of a boundary in 64 hexadecimal digits, the first ones the most significant (ZIP 301; Ethereum's `eth_getWork`).
    pub(super) fn of_boundary(digits: &str) -> Option<Self> {
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        if digits.len() != BOUNDARY_DIGITS {
            return None;
        }
        Self::of_threshold(digits.bytes().try_fold(0.0, |value: f64, digit| {
            let digit = char::from(digit).to_digit(16)?;
            Some(value.mul_add(16.0, f64::from(digit)))
        })?)
    }

    /// Of a boundary in 32 octets, the last ones the most significant (Stratum V2's U256).
    pub(super) fn of_little_endian(octets: &[u8]) -> Option<Self> {
        Self::of_threshold(
            octets.iter().rev().fold(0.0, |value: f64, octet| value.mul_add(256.0, f64::from(*octet))),
        )
    }

    /// Of `CryptoNote`'s target: the upper 4 or 8 octets of the boundary, least significant first, in hexadecimal.
    pub(super) fn of_cryptonote_target(digits: &str) -> Option<Self> {
        let octets = hexadecimal(digits)?;
        let octets = octets.as_slice();
        let hashes = if let Ok(upper) = <[u8; 4]>::try_from(octets) {
            f64::from(u32::MAX) / f64::from(u32::from_le_bytes(upper))
        } else if let Ok(upper) = <[u8; 8]>::try_from(octets) {
            U64_SPAN / approximate(u64::from_le_bytes(upper))
        } else if octets.len() == BOUNDARY_DIGITS / 2 {
            return Self::of_little_endian(octets);
        } else {
            return None;
        };
        Self::checked(hashes, hashes)
    }

    /// Of getwork's target: 32 octets in hexadecimal, least significant first.
    pub(super) fn of_getwork_target(digits: &str) -> Option<Self> {
        let octets = hexadecimal(digits)?;
        (octets.len() == BOUNDARY_DIGITS / 2).then(|| Self::of_little_endian(&octets)).flatten()
    }

    fn of_threshold(threshold: f64) -> Option<Self> {
        let hashes = HASH_SPAN / threshold;
        Self::checked(hashes, hashes)
    }

    fn checked(value: f64, hashes: f64) -> Option<Self> {
        let is_difficulty = value > 0.0 && hashes.is_finite() && hashes <= HASH_SPAN;
        is_difficulty.then_some(Self { value, hashes, is_relative: false })
    }
}

/// A sum of work behind shares, with what an interval for it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Shares whose difficulty is known.
    pub shares: u32,
    /// The hashes that they take on average, summed.
    pub hashes: f64,
    /// The squares of these, summed.
    pub squares: f64,
    /// The most that one share takes.
    pub largest: f64,
}

impl Work {
    /// Counts a share of this difficulty.
    pub(super) fn add(&mut self, hashes: f64) {
        self.shares = self.shares.saturating_add(1);
        self.hashes += hashes;
        self.squares = hashes.mul_add(hashes, self.squares);
        self.largest = self.largest.max(hashes);
    }
}

/// The octets that hexadecimal digits stand for, if they are that, and not more than a boundary's.
fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if digits.len() > BOUNDARY_DIGITS {
        return None;
    }
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let digit = |octet: u8| char::from(octet).to_digit(16);
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a difficulty is an estimate")]
fn approximate(number: u64) -> f64 {
    number as f64
}

const HASHES_OF_DIFFICULTY_ONE: f64 = 4_294_967_296.0;
/// What a share of difficulty 1 takes in hashes of scrypt, over what it takes in Bitcoin's: 2^16 over 2^32.
pub(super) const SCRYPT_SCALE: f64 = 1.0 / 65_536.0;
/// Digits of a boundary of 256 bits.
const BOUNDARY_DIGITS: usize = 64;
/// 2^64.
const U64_SPAN: f64 = 18_446_744_073_709_551_616.0;
/// 2^256.
const HASH_SPAN: f64 =
    115_792_089_237_316_195_423_570_985_008_687_907_853_269_984_665_640_564_039_457_584_007_913_129_639_936.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(difficulty: Option<Difficulty>) -> f64 {
        difficulty.map_or(0.0, |difficulty| difficulty.hashes)
    }

    #[test]
    fn targets_of_cryptonote_are_the_upper_octets_of_a_boundary() {
        assert!((hashes(Difficulty::of_cryptonote_target("b88d0600")) - 10_000.0).abs() < 1.0);
        assert!((hashes(Difficulty::of_cryptonote_target("dc460300")) - 20_000.0).abs() < 1.0);
        assert!((hashes(Difficulty::of_cryptonote_target("0000000000000001")) - 256.0).abs() < 1e-6);
        for wrong in ["", "00000000", "b88d06", "b88d060", "zzzzzzzz", &"0".repeat(64), &"f".repeat(66)] {
            assert_eq!(Difficulty::of_cryptonote_target(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn boundaries_give_what_they_divide() {
        let quarter = format!("3{}", "f".repeat(63));
        assert!((hashes(Difficulty::of_boundary(&quarter)) - 4.0).abs() < 1e-9);
        assert!((hashes(Difficulty::of_boundary(&format!("0x{quarter}"))) - 4.0).abs() < 1e-9);
        let zcash = "0004189374bc6a7ef9db22d0e5604189374bc6a7ef9db22d0e5604189374bc6a";
        assert!((hashes(Difficulty::of_boundary(zcash)) - 16_000.0).abs() < 1.0);
        assert_eq!(Difficulty::of_boundary(&"0".repeat(64)), None);
    }

    #[test]
    fn difficulties_that_are_no_numbers_are_none() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Difficulty::of_number(wrong), None);
        }
    }
}
