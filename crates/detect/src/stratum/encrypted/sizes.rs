/// How long records were: counts in bands, which become shares and medians.
///
/// A band that is full halves all: shares stay, and it is the last few hundred records that count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sizes {
    bands: [u8; BANDS],
}

impl Default for Sizes {
    fn default() -> Self {
        Self { bands: [0; BANDS] }
    }
}

impl Sizes {
    /// Takes note of a record with so many octets of content.
    pub(super) fn add(&mut self, octets: usize) {
        let band = band(octets);
        if self.bands.get(band) == Some(&u8::MAX) {
            for count in &mut self.bands {
                *count /= 2;
            }
        }
        if let Some(count) = self.bands.get_mut(band) {
            *count += 1;
        }
    }

    /// The size that half of the records do not exceed, as exact as a band is wide; 0 if there are none.
    pub(super) fn median(&self) -> usize {
        let half = self.total().div_ceil(2);
        let mut seen = 0;
        for (band, count) in self.bands.iter().enumerate() {
            seen += u32::from(*count);
            if seen >= half && seen > 0 {
                return middle(band);
            }
        }
        0
    }

    /// Which share of the records lies within the `clusters` fullest clusters, each of them of a few neighbouring bands.
    pub(super) fn clustered(&self, clusters: usize) -> f64 {
        let total = self.total();
        if total == 0 {
            return 0.0;
        }
        let mut rest = self.bands;
        let mut within = 0;
        for _ in 0..clusters {
            let sum = |bands: &[u8]| bands.iter().map(|count| u32::from(*count)).sum::<u32>();
            let Some((start, count)) =
                rest.windows(CLUSTER_BANDS).map(sum).enumerate().max_by_key(|(_, count)| *count)
            else {
                break;
            };
            within += count;
            rest.iter_mut().skip(start).take(CLUSTER_BANDS).for_each(|count| *count = 0);
        }
        f64::from(within) / f64::from(total)
    }

    /// Which share of the records differs from the median by a quarter at most.
    pub(super) fn near_median(&self) -> f64 {
        let (total, median) = (self.total(), self.median());
        let is_near = |band: usize| (median - median / 4..=median + median / 4).contains(&middle(band));
        let near: u32 = self
            .bands
            .iter()
            .enumerate()
            .map(|(band, count)| if is_near(band) { u32::from(*count) } else { 0 })
            .sum();
        if total == 0 { 0.0 } else { f64::from(near) / f64::from(total) }
    }

    fn total(&self) -> u32 {
        self.bands.iter().map(|count| u32::from(*count)).sum()
    }
}

/// Narrow bands for what miners say and hear most, wide ones beyond, and the last one for all the rest.
fn band(octets: usize) -> usize {
    if octets < WIDE_FROM {
        octets / NARROW
    } else {
        (WIDE_FROM / NARROW + (octets - WIDE_FROM) / WIDE).min(BANDS - 1)
    }
}

fn middle(band: usize) -> usize {
    match band.checked_sub(WIDE_FROM / NARROW) {
        None => band * NARROW + NARROW / 2,
        Some(wide) => WIDE_FROM + wide * WIDE + WIDE / 2,
    }
}

/// A submit's length changes by the digits of its number and no more.
const NARROW: usize = 8;
const WIDE: usize = 128;
const WIDE_FROM: usize = 512;
/// Reaches to 3,072 octets.
const BANDS: usize = WIDE_FROM / NARROW + 20;
const CLUSTER_BANDS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sizes: impl IntoIterator<Item = usize>) -> Sizes {
        let mut all = Sizes::default();
        sizes.into_iter().for_each(|octets| all.add(octets));
        all
    }

    #[test]
    fn one_size_is_one_cluster() {
        let sizes = of([180, 181, 179, 183, 60]);
        assert!((sizes.clustered(1) - 0.8).abs() < 1e-9 && (sizes.clustered(2) - 1.0).abs() < 1e-9);
        assert_eq!(sizes.median(), 180);
        assert!((sizes.near_median() - 0.8).abs() < 1e-9);
    }

    #[test]
    fn all_sizes_are_no_cluster() {
        let sizes = of((0..500).step_by(5));
        assert!(sizes.clustered(2) < 0.2 && sizes.near_median() < 0.3);
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!((Sizes::default().median(), Sizes::default().clustered(2)), (0, 0.0));
    }

    #[test]
    fn shares_outlive_full_bands() {
        let sizes = of((0..10_000).map(|number| if number % 4 == 0 { 300 } else { 100 }));
        assert_eq!(sizes.median(), 100);
        assert!((sizes.clustered(1) - 0.75).abs() < 0.05, "{}", sizes.clustered(1));
        assert!(of([100_000]).median() > 3_000);
    }
}
