//! The tables of the file and their keys, each with the option that it stands for.

use std::fmt;

use serde::Deserialize;

use super::{
    Typed,
    values::{
        Amount, ApplicationSwitch, Count, CpuList, DetectionSwitch, Domain, Eve, EveLines, Export, Fanout,
        Filter, FindingsMode, Flows, Folder, Inverted, List, Memory, MessageOctets, Metrics, Name, Payload,
        Pen, Profile, Rate, Ring, Room, Sample, SampleBy, Seconds, Share, SmallCount, SnapLength, SpoolSize,
        Summary, Switch, Time, User, Value, WholeSeconds, Window, Workers,
    },
};
use crate::arguments::{CommonArguments, LiveArguments};

/// A key and its value as a file has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Setting {
    pub(crate) table: &'static str,
    pub(crate) key: String,
    /// `None` if it is not set.
    pub(crate) value: Option<String>,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}", self.key),
            None => write!(f, "# {}: not set", self.key),
        }
    }
}

/// Writes down a table: each key with the kind of its value, the field of the arguments that it fills, and the option that wins over it.
macro_rules! table {
    ($table:ident of $target:ty { $($key:ident: $kind:ty => $($place:ident).+, $option:literal;)+ }) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
        struct $table {
            $($key: Option<$kind>,)+
        }

        impl $table {
            const KEYS: &[&str] = &[$(stringify!($key)),+];
            #[cfg(test)]
            const OPTIONS: &[&str] = &[$($option),+];

            fn fill(self, target: &mut $target, typed: &Typed) {
                $(if let Some(value) = self.$key && !typed.has($option) {
                    target.$($place).+ = value.into_place();
                })+
            }

            fn settings(table: &'static str, target: &$target) -> Vec<Setting> {
                vec![$(Setting {
                    table,
                    key: key(stringify!($key)),
                    value: <$kind>::show(&target.$($place).+),
                }),+]
            }
        }
    };
}

table!(Live of LiveArguments {
    interfaces: List<Name> => interfaces, "interfaces";
    fanout: Fanout => fanout, "fanout";
    ring: Ring => ring, "ring";
    snap_length: SnapLength => snap_length, "snap_length";
    promiscuous: Inverted => no_promiscuous, "no_promiscuous";
    cpus: CpuList => cpus, "cpus";
    user: User => user, "user";
    stats_interval: Time => stats_interval, "stats_interval";
    metrics: Metrics => metrics, "metrics";
});

table!(Metering of CommonArguments {
    filter: Filter => filter, "filter";
    sample: Sample => sample, "sample";
    sample_by: SampleBy => sample_by, "sample_by";
    workers: Workers => workers, "workers";
    memory: Memory => memory, "memory";
    application: ApplicationSwitch => application, "application";
    payload: Payload => payload, "payload";
    histograms: Switch => histograms, "histograms";
});

table!(Timeouts of CommonArguments {
    active: Time => timeouts.active, "active";
    tcp: Time => timeouts.tcp, "tcp";
    tcp_closed: Time => timeouts.tcp_closed, "tcp_closed";
    udp: Time => timeouts.udp, "udp";
    icmp: Time => timeouts.icmp, "icmp";
    other: Time => timeouts.other, "other";
});

table!(Outputs of CommonArguments {
    export: List<Export> => export, "export";
    flows: Flows => flows, "flows";
    eve: Eve => eve, "eve";
    eve_types: EveLines => eve_types, "eve_types";
    summary: Summary => summary, "summary";
});

table!(Ipfix of CommonArguments {
    observation_domain: Domain => ipfix.observation_domain, "observation_domain";
    message_octets: MessageOctets => ipfix.message_octets, "message_octets";
    datagram_rate: Rate => ipfix.datagram_rate, "datagram_rate";
    template_refresh: WholeSeconds => ipfix.template_refresh, "template_refresh";
    pen: Pen => ipfix.pen, "pen";
    findings: FindingsMode => ipfix.findings, "findings";
    profile: Profile => ipfix.ipfix_profile, "ipfix_profile";
    spool: Folder => ipfix.spool, "spool";
    spool_size: SpoolSize => ipfix.spool_size, "spool_size";
});

table!(Detection of CommonArguments {
    enabled: DetectionSwitch => detect, "detect";
    incident_window: Window => incident_window, "incident_window";
});

table!(SynFlood of CommonArguments {
    floor_half_open: Count => thresholds.handshakes.floor_half_open, "";
    floor_completion: Share => thresholds.handshakes.floor_completion, "";
    floor_seconds: Seconds => thresholds.handshakes.floor_seconds, "";
    port_excess: Amount => thresholds.handshakes.port_excess, "";
    address_excess: Amount => thresholds.handshakes.address_excess, "";
    prefix_excess: Amount => thresholds.handshakes.prefix_excess, "";
    slack_per_second: Amount => thresholds.handshakes.slack_per_second, "";
    learning_seconds: Seconds => thresholds.handshakes.learning_seconds, "";
    learning_ratio: Share => thresholds.handshakes.learning_ratio, "";
    refusals_per_second: Count => thresholds.handshakes.refusals_per_second, "";
    refusals_per_source: Count => thresholds.handshakes.refusals_per_source, "";
    severe_per_second: Amount => thresholds.handshakes.severe_per_second, "";
    quiet_seconds: Seconds => thresholds.handshakes.quiet_seconds, "";
    scan_targets: Count => thresholds.handshakes.scan_targets, "";
    scan_completion: Share => thresholds.handshakes.scan_completion, "";
    scan_completion_nearby: Share => thresholds.handshakes.scan_completion_nearby, "";
    scan_targets_medium: Count => thresholds.handshakes.scan_targets_medium, "";
    scan_memory_seconds: Seconds => thresholds.handshakes.scan_memory_seconds, "";
    reflection_excess: Amount => thresholds.handshakes.reflection_excess, "";
    victims: Room => thresholds.handshakes.victims, "";
    sources: Room => thresholds.handshakes.sources, "";
});

table!(Rdp of CommonArguments {
    fast_failures: SmallCount => thresholds.logons.fast_failures, "";
    fast_window: Time => thresholds.logons.fast_window, "";
    slow_failures: SmallCount => thresholds.logons.slow_failures, "";
    slow_window: Time => thresholds.logons.slow_window, "";
    distributed_failures: SmallCount => thresholds.logons.distributed_failures, "";
    distributed_sources: SmallCount => thresholds.logons.distributed_sources, "";
    logon_screen_weight: Share => thresholds.logons.logon_screen_weight, "";
    logon_screen_time: Time => thresholds.logons.logon_screen_time, "";
    sprayed_servers: SmallCount => thresholds.logons.sprayed_servers, "";
    sprayed_users: SmallCount => thresholds.logons.sprayed_users, "";
    failures_before_success: SmallCount => thresholds.logons.failures_before_success, "";
    typed_failures_before_success: SmallCount => thresholds.logons.typed_failures_before_success, "";
    forgiven_failures: SmallCount => thresholds.logons.forgiven_failures, "";
    typing_pause: Time => thresholds.logons.typing_pause, "";
    steady_period: Time => thresholds.logons.steady_period, "";
    ladder_pause: Time => thresholds.logons.ladder_pause, "";
    refusals: SmallCount => thresholds.logons.refusals, "";
});

/// A file as it was written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    live: Live,
    metering: Metering,
    timeouts: Timeouts,
    outputs: Outputs,
    ipfix: Ipfix,
    detection: Detection,
    synflood: SynFlood,
    rdp: Rdp,
}

impl File {
    /// Fills in all that was not typed.
    pub(super) fn fill_live(mut self, arguments: &mut LiveArguments, typed: &Typed) {
        std::mem::take(&mut self.live).fill(arguments, typed);
        self.fill_common(&mut arguments.common, typed);
    }

    /// The same without what is for interfaces alone.
    pub(super) fn fill_common(self, arguments: &mut CommonArguments, typed: &Typed) {
        self.metering.fill(arguments, typed);
        self.timeouts.fill(arguments, typed);
        self.outputs.fill(arguments, typed);
        self.ipfix.fill(arguments, typed);
        self.detection.fill(arguments, typed);
        self.synflood.fill(arguments, typed);
        self.rdp.fill(arguments, typed);
    }
}

/// All settings, in the order of the tables.
pub(super) fn settings(arguments: &LiveArguments) -> Vec<Setting> {
    let common = &arguments.common;
    [
        Live::settings("live", arguments),
        Metering::settings("metering", common),
        Timeouts::settings("timeouts", common),
        Outputs::settings("outputs", common),
        Ipfix::settings("ipfix", common),
        Detection::settings("detection", common),
        SynFlood::settings("synflood", common),
        Rdp::settings("rdp", common),
    ]
    .concat()
}

/// All tables with their keys.
pub(super) fn keys() -> impl Iterator<Item = (&'static str, String)> {
    TABLES.into_iter().flat_map(|(table, keys)| keys.iter().map(move |name| (table, key(name))))
}

/// The options that keys stand for.
#[cfg(test)]
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    [
        Live::OPTIONS,
        Metering::OPTIONS,
        Timeouts::OPTIONS,
        Outputs::OPTIONS,
        Ipfix::OPTIONS,
        Detection::OPTIONS,
        SynFlood::OPTIONS,
        Rdp::OPTIONS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// A field's name as the file has it.
fn key(field: &str) -> String {
    field.replace('_', "-")
}

const TABLES: [(&str, &[&str]); 8] = [
    ("live", Live::KEYS),
    ("metering", Metering::KEYS),
    ("timeouts", Timeouts::KEYS),
    ("outputs", Outputs::KEYS),
    ("ipfix", Ipfix::KEYS),
    ("detection", Detection::KEYS),
    ("synflood", SynFlood::KEYS),
    ("rdp", Rdp::KEYS),
];
