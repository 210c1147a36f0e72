use wire::{Packet, Tcp};

/// How alike the SYN of a second were: a small histogram over what a TCP stack, or a tool, puts into each of its SYN.
///
/// The flags, the window, the octets of headers (which tell whether there were options) and the initial time to live choose one of
/// sixteen bins. Real clients are many stacks; a tool fills one bin, or all of them evenly where it draws by lot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fingerprints {
    bins: [u32; 16],
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
        let bin = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
        if let Some(count) = usize::try_from(bin).ok().and_then(|bin| self.bins.get_mut(bin)) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds those of another observer or second.
    pub(super) fn add(&mut self, other: &Self) {
        for (own, other) in self.bins.iter_mut().zip(other.bins) {
            *own = own.saturating_add(other);
        }
    }

    /// The share of the fullest bin, 0 if none was counted.
    pub fn concentration(&self) -> f64 {
        let all: u64 = self.bins.iter().copied().map(u64::from).sum();
        let most = self.bins.iter().copied().max().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let all = all.max(1) as f64;
        f64::from(most) / all
    }
}

/// Does a SYN carry TCP options? Every TCP has sent at least its maximum segment size since RFC 1122, 4.2.2.6; tools often do not.
pub(super) fn has_options(packet: &Packet<'_>) -> bool {
    let without = if packet.ip.version == 4 { 40 } else { 60 };
    header_octets(packet) > without
}

/// Octets of the IP and TCP headers together.
fn header_octets(packet: &Packet<'_>) -> u32 {
    packet.ip.octets.saturating_sub(u32::try_from(packet.payload.len()).unwrap_or(u32::MAX))
}
