/// How much an observer may keep. A worker has one observer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ObserverConfig {
    /// Handshakes that are followed at a time. The oldest one makes room for a new one.
    pub half_open: usize,
    /// Ports of hosts that are counted by themselves in one second; further ones are counted by their prefix.
    pub targets_per_second: usize,
    /// Prefixes that are counted by themselves in one second, once there are too many ports; further ones are counted together.
    pub prefixes_per_second: usize,
    /// Sources that are counted by themselves in one second; further ones are counted as missing.
    pub sources_per_second: usize,
    /// Entries of samples beyond the first of each, of all targets of one second, and of all its sources.
    pub sampled_per_second: usize,
    /// Keys the choice of samples. All observers of a judge need the same; a live probe should draw it by lot.
    pub sample_seed: u64,
}

impl Default for ObserverConfig {
    fn default() -> Self {
        Self {
            half_open: 65_536,
            targets_per_second: 4_096,
            prefixes_per_second: 512,
            sources_per_second: 4_096,
            sampled_per_second: 16_384,
            sample_seed: 0,
        }
    }
}

/// From when on a judge says something. What has no source here was chosen for this program, and `tests/synflood/traps.rs` and
/// `tests/synflood/corpus.rs` hold it against traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeConfig {
    /// Half-open handshakes of a port, at the least, of a flood that is stated for its persistence alone (low severity).
    pub floor_half_open: u64,
    /// The share of handshakes that are completed stays below this while it lasts.
    pub floor_completion: f64,
    /// For how long, in seconds.
    pub floor_seconds: u64,
    /// Handshakes that lead nowhere, beyond what is expected and summed up (CUSUM), that make a flood against a port.
    /// At 20 a second, the lowest rate that matters, they take about three seconds.
    pub port_excess: f64,
    /// The same for all ports of an address together, where no single port stands out and sources are many.
    pub address_excess: f64,
    /// The same for all addresses of a prefix together (carpet bombing).
    pub prefix_excess: f64,
    /// Handshakes a second that lead nowhere and are put down to nothing in particular.
    pub slack_per_second: f64,
    /// Until a victim has been watched for this long, in seconds, its past explains nothing, and a ratio is asked for instead.
    pub learning_seconds: u64,
    /// That ratio: of the handshakes that were completed or lead nowhere, those that lead nowhere.
    pub learning_ratio: f64,
    /// Refusals a second that clients with a whole TCP may cause by asking again at a closed port.
    pub refusals_per_second: u64,
    /// Of these, as many as one client may cause: Windows asks three times within a second and a half.
    pub refusals_per_source: u64,
    /// Handshakes a second that lead nowhere from which on severity is high whatever the server does.
    pub severe_per_second: f64,
    /// A flood has ended after this many seconds without excess.
    pub quiet_seconds: u64,
    /// Addresses and ports that one source tries, and fails at, to be called a scan.
    pub scan_targets: u64,
    /// The share of them, at most, that it completed a handshake with.
    pub scan_completion: f64,
    /// The same where they are ports of one host, or hosts of one network.
    pub scan_completion_nearby: f64,
    /// Targets from which on a scan is of medium severity.
    pub scan_targets_medium: u64,
    /// A source that is silent for this long, in seconds, begins anew. A scan is said to have ended after a tenth of it.
    pub scan_memory_seconds: u64,
    /// SYN-ACKs beyond [`Self::slack_per_second`], summed up, that nobody asked for or that are never answered, that make a
    /// reflection against their receiver.
    pub reflection_excess: f64,
    /// Victims that may be followed at a time.
    pub victims: usize,
    /// Sources that may be followed at a time.
    pub sources: usize,
}

impl Default for JudgeConfig {
    fn default() -> Self {
        Self {
            floor_half_open: 20,
            floor_completion: 0.2,
            floor_seconds: 10,
            port_excess: 60.0,
            address_excess: 300.0,
            prefix_excess: 1_000.0,
            slack_per_second: 2.0,
            learning_seconds: 60,
            learning_ratio: 0.15,
            refusals_per_second: 200,
            refusals_per_source: 5,
            severe_per_second: 1_000.0,
            quiet_seconds: 15,
            scan_targets: 25,
            scan_completion: 0.1,
            scan_completion_nearby: 0.3,
            scan_targets_medium: 60,
            scan_memory_seconds: 600,
            reflection_excess: 60.0,
            victims: 2_048,
            sources: 4_096,
        }
    }
}
