use wire::{Packet, Tcp};

/// How alike the SYN of a second were: a small histogram over what a TCP stack, or a tool, puts into each of its SYN.
///
/// The flags, the window, the octets of headers (which tell whether there were options) and the initial time to live choose one of
/// sixteen bins. Real clients are many stacks; a tool fills one bin, or all of them evenly where it draws by lot.
///
/// Most targets get one SYN in a second, or a few of one kind, so that all bins are made when a second one is needed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fingerprints(Bins);

#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Bins {
    #[default]
    None,
    /// All SYN were in one bin.
    One { bin: u8, count: u32 },
    /// At least two bins are filled.
    All(Box<[u32; BINS]>),
}

impl Fingerprints {
    /// Counts a SYN.
    pub(super) fn count(&mut self, packet: &Packet<'_>, tcp: &Tcp) {
        let ttl_class = u64::from(packet.ip.ttl.div_ceil(32));
        let word = u64::from(tcp.flags.0)
            | u64::from(tcp.window) << 16
            | u64::from(header_octets(packet) & 0xff) << 32
            | ttl_class << 40;
        // Fibonacci hashing: the upper bits of a product are well mixed.
        let [bin, ..] = word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        self.enter(bin >> 4, 1);
    }

    /// Adds those of another observer or second.
    pub(super) fn add(&mut self, other: &Self) {
        for (bin, count) in other.filled() {
            self.enter(bin, count);
        }
    }

    /// The share of the fullest bin, 0 if none was counted.
    pub fn concentration(&self) -> f64 {
        let all: u64 = self.filled().map(|(_, count)| u64::from(count)).sum();
        let most = self.filled().map(|(_, count)| count).max().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let all = all.max(1) as f64;
        f64::from(most) / all
    }

    fn enter(&mut self, bin: u8, more: u32) {
        match &mut self.0 {
            Bins::None => self.0 = Bins::One { bin, count: more },
            Bins::One { bin: one, count } if *one == bin => *count = count.saturating_add(more),
            Bins::One { bin: one, count } => {
                let mut all = Box::new([0; BINS]);
                fill(&mut all, *one, *count);
                fill(&mut all, bin, more);
                self.0 = Bins::All(all);
            }
            Bins::All(all) => fill(all, bin, more),
        }
    }

    /// The bins that are not empty, and what is in them.
    fn filled(&self) -> impl Iterator<Item = (u8, u32)> {
        let (one, all) = match &self.0 {
            Bins::None => (None, None),
            Bins::One { bin, count } => (Some((*bin, *count)), None),
            Bins::All(all) => (None, Some((0_u8..).zip(all.iter().copied()))),
        };
        one.into_iter().chain(all.into_iter().flatten()).filter(|(_, count)| *count > 0)
    }
}

fn fill(all: &mut [u32; BINS], bin: u8, more: u32) {
    if let Some(count) = all.get_mut(usize::from(bin)) {
        *count = count.saturating_add(more);
    }
}

const BINS: usize = 16;

/// Does a SYN carry TCP options? Every TCP has sent at least its maximum segment size since RFC 1122, 4.2.2.6; tools often do not.
pub(super) fn has_options(packet: &Packet<'_>) -> bool {
    let without = if packet.ip.version == 4 { 40 } else { 60 };
    header_octets(packet) > without
}

/// Octets of the IP and TCP headers together.
fn header_octets(packet: &Packet<'_>) -> u32 {
    packet.ip.octets.saturating_sub(u32::try_from(packet.payload.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole_in_any_order() {
        let of = |bins: &[u8]| {
            let mut fingerprints = Fingerprints::default();
            for bin in bins {
                fingerprints.enter(*bin, 1);
            }
            fingerprints
        };
        let parts = [of(&[3, 3]), of(&[]), of(&[15, 3]), of(&[3])];
        let sum = |order: [usize; 4]| {
            let mut sum = Fingerprints::default();
            for part in order {
                sum.add(&parts[part]);
            }
            sum
        };
        let whole = of(&[3, 15, 3, 3, 3]);
        assert_eq!((sum([0, 1, 2, 3]), sum([3, 2, 1, 0])), (whole.clone(), whole));
        let is_near = |bins: &Fingerprints, share: f64| (bins.concentration() - share).abs() < 1e-9;
        assert!(is_near(&sum([0, 1, 2, 3]), 0.8));
        assert!(is_near(&sum([0, 0, 1, 3]), 1.0) && is_near(&of(&[]), 0.0));
        assert!(size_of::<Fingerprints>() <= 16);
    }
}
