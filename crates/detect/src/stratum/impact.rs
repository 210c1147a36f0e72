//! How fast is mined, and what that takes.
//!
//! A share takes a known number of hashes on average, and shares come like raindrops: their number is Poisson distributed. So
//! accepted shares give a rate with an exact interval, wide for few of them.
//!
//! # Where the factors come from
//!
//! Hashes per second and watts of processors at `RandomX` are those of its authors' table (tevador/RandomX, README, "Mining
//! performance"): 44 to 260 hashes per joule, 300 to 1700 hashes per second and core.

use super::difficulty::{SCRYPT_SCALE, Work};
use super::facts::{Dialect, Facts};

mod poisson;

/// What a session's shares tell of the machine behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impact {
    /// What was counted.
    pub basis: Basis,
    /// In what difficulties are counted.
    pub unit: Unit,
    /// How many shares were counted.
    pub shares: u32,
    /// For how long.
    pub seconds: f64,
    /// Hashes per second, with an interval that holds the true rate in 95 of 100 cases.
    pub hashes_per_second: Estimate,
    /// What such a rate takes, for algorithms that run on processors.
    pub processors: Option<Processors>,
}

/// Which shares were counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Basis {
    /// Those that the pool has accepted.
    AcceptedShares,
    /// Those that were handed in: no answers were seen.
    SubmittedShares,
}

/// What a pool's difficulties count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Hashes, or what is looked for instead: the pool names boundaries, or the dialect says what a difficulty is.
    Told,
    /// Shares of Bitcoin's difficulty 1. The algorithm was not told: if it is scrypt, the rate is a 65,536th.
    TakenForBitcoins,
    /// Shares of scrypt's difficulty 1: the payee's coin is mined with it.
    TakenForScrypts,
}

impl Unit {
    /// `None` if what the pool counts is not known: then no rate follows from it.
    fn of(facts: &Facts) -> Option<Self> {
        let dialect = facts.dialect?;
        if !facts.difficulty.is_some_and(|difficulty| difficulty.is_relative) {
            return Some(Self::Told);
        }
        match dialect {
            // Their specifications say 2^32 hashes, or their jobs name the boundary whatever the pool says besides.
            Dialect::EthereumStratum1 | Dialect::EthashStratum | Dialect::KawPow | Dialect::Kaspa => {
                Some(Self::Told)
            }
            Dialect::Bitcoin if !facts.has_coinbase_jobs => None,
            Dialect::Bitcoin if facts.algorithm.is_some() => Some(Self::Told),
            Dialect::Bitcoin if facts.coin.is_some_and(|coin| SCRYPT_COINS.contains(&coin)) => {
                Some(Self::TakenForScrypts)
            }
            Dialect::Bitcoin => Some(Self::TakenForBitcoins),
            _ => None,
        }
    }

    fn scale(self) -> f64 {
        if self == Self::TakenForScrypts { SCRYPT_SCALE } else { 1.0 }
    }
}

/// A number and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The lower end.
    pub low: f64,
    /// The most likely number.
    pub likely: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    fn scaled(self, scale: f64) -> Self {
        Self { low: self.low * scale, likely: self.likely * scale, high: self.high * scale }
    }
}

/// What mining on processors takes: ranges over processors, at the most likely rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Processors {
    /// Cores, from the fastest usual ones to the slowest.
    pub cores: (f64, f64),
    /// Watts, from the most efficient usual processors to the least.
    pub watts: (f64, f64),
    /// Kilowatt-hours a day.
    pub kilowatt_hours_per_day: (f64, f64),
    /// The rate is more than one processor has: a proxy with many miners behind it, or a machine made for it.
    pub is_more_than_one_machine: bool,
}

impl Impact {
    /// What the facts tell, if they hold a share whose difficulty is known, and took any time.
    pub fn of(facts: &Facts) -> Option<Self> {
        let (basis, work) = if facts.shares.answered() > 0 {
            (Basis::AcceptedShares, facts.accepted_work)
        } else {
            (Basis::SubmittedShares, facts.submitted_work)
        };
        // Mining begins with the first job, and is known to go on until the last message.
        let begin = facts.first_job.or(facts.first)?;
        let seconds = (facts.last? - begin).as_secs_f64();
        if work.shares == 0 || seconds <= 0.0 {
            return None;
        }
        let unit = Unit::of(facts)?;
        let hashes_per_second = rate(&work, seconds).scaled(unit.scale());
        let processors = runs_on_processors(facts).then(|| Processors::of(hashes_per_second.likely));
        Some(Self { basis, unit, shares: work.shares, seconds, hashes_per_second, processors })
    }
}

impl Processors {
    fn of(hashes_per_second: f64) -> Self {
        let watts = (hashes_per_second / MOST_HASHES_PER_JOULE, hashes_per_second / LEAST_HASHES_PER_JOULE);
        Self {
            cores: (hashes_per_second / MOST_HASHES_PER_CORE, hashes_per_second / LEAST_HASHES_PER_CORE),
            watts,
            kilowatt_hours_per_day: (
                watts.0 * KILOWATT_HOURS_PER_WATT_DAY,
                watts.1 * KILOWATT_HOURS_PER_WATT_DAY,
            ),
            is_more_than_one_machine: hashes_per_second > FASTEST_MACHINE,
        }
    }
}

/// The rate and its exact interval.
///
/// For shares of one difficulty this is the interval of Garwood (1936, Biometrika 28). For shares of several it is that of Fay and
/// Feuer (1997, Statistics in Medicine 16), which never covers less than it says, and becomes Garwood's for one difficulty.
fn rate(work: &Work, seconds: f64) -> Estimate {
    let sum = work.hashes / seconds;
    let variance = work.squares / (seconds * seconds);
    let largest = work.largest / seconds;
    let low = variance / (2.0 * sum)
        * poisson::chi_square_quantile(2.0 * sum * sum / variance, (1.0 - CONFIDENCE) / 2.0);
    let (sum_above, variance_above) = (sum + largest, largest.mul_add(largest, variance));
    let high = variance_above / (2.0 * sum_above)
        * poisson::chi_square_quantile(
            2.0 * sum_above * sum_above / variance_above,
            f64::midpoint(1.0, CONFIDENCE),
        );
    Estimate { low, likely: sum, high }
}

/// Only `RandomX` and its kin are mined on processors; of other algorithms no table is at hand.
fn runs_on_processors(facts: &Facts) -> bool {
    facts.algorithm.as_deref().is_some_and(|algorithm| algorithm == "rx" || algorithm.starts_with("rx/"))
}

const SCRYPT_COINS: &[&str] = &["Litecoin", "Dogecoin or DigiByte"];
const CONFIDENCE: f64 = 0.95;
/// Usual processors lie within these; the extremes of the table are 44 and 260.
const LEAST_HASHES_PER_JOULE: f64 = 50.0;
const MOST_HASHES_PER_JOULE: f64 = 130.0;
/// Usual cores lie within these; the extremes of the table are 300 and 1700.
const LEAST_HASHES_PER_CORE: f64 = 400.0;
const MOST_HASHES_PER_CORE: f64 = 1_100.0;
const KILOWATT_HOURS_PER_WATT_DAY: f64 = 0.024;
/// The fastest processors for one socket do some 27 kH/s, two sockets of a server some 60.
const FASTEST_MACHINE: f64 = 60_000.0;

#[cfg(test)]
mod tests {
    use wire::Timestamp;

    use super::*;
    use crate::stratum::facts::Shares;

    fn mined(shares: &[f64], seconds: u64) -> Facts {
        let mut facts = Facts {
            first: Some(Timestamp::from_parts(1_000, 0)),
            last: Some(Timestamp::from_parts(1_000 + seconds, 0)),
            dialect: Some(Dialect::CryptoNote),
            algorithm: Some("rx/0".into()),
            shares: Shares { accepted: u32::try_from(shares.len()).unwrap(), ..Shares::default() },
            ..Facts::default()
        };
        for hashes in shares {
            facts.accepted_work.add(*hashes);
        }
        facts
    }

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 0.001, "{found} is not {expected}");
    }

    #[test]
    fn equal_shares_have_the_interval_of_garwood() {
        // The exact 95 % interval for 10 events is 4.795 to 18.390 (Garwood 1936).
        let impact = Impact::of(&mined(&[10_000.0; 10], 100)).expect("there are shares");
        close(impact.hashes_per_second.likely, 1_000.0);
        close(impact.hashes_per_second.low, 479.5);
        close(impact.hashes_per_second.high, 1_839.0);
    }

    #[test]
    fn one_share_says_little() {
        // 0.0253 to 5.572 for one event.
        let impact = Impact::of(&mined(&[1_000.0], 1)).expect("there is a share");
        close(impact.hashes_per_second.low, 25.32);
        close(impact.hashes_per_second.high, 5_571.6);
    }

    #[test]
    fn the_difficulty_of_each_share_counts() {
        let impact = Impact::of(&mined(&[1_000.0, 9_000.0], 10)).expect("there are shares");
        close(impact.hashes_per_second.likely, 1_000.0);
        let equal = Impact::of(&mined(&[5_000.0; 2], 10)).expect("there are shares");
        assert!(impact.hashes_per_second.high > equal.hashes_per_second.high, "unequal shares tell less");
    }

    #[test]
    fn processors_are_ranges() {
        let impact = Impact::of(&mined(&[48_000.0; 100], 1_000)).expect("there are shares");
        let processors = impact.processors.expect("RandomX runs on processors");
        close(processors.cores.0, 4.363);
        close(processors.cores.1, 12.0);
        close(processors.watts.0, 36.92);
        close(processors.watts.1, 96.0);
        close(processors.kilowatt_hours_per_day.1, 2.304);
        assert!(!processors.is_more_than_one_machine);
    }

    #[test]
    fn nothing_comes_from_nothing() {
        assert_eq!(Impact::of(&Facts::default()), None);
        assert_eq!(Impact::of(&mined(&[], 10)), None);
        assert_eq!(Impact::of(&mined(&[1.0], 0)), None);
    }
}
