use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use serde::{Serialize, Serializer};
use wire::Timestamp;

use crate::{Findings, PacketLedger, Talker, grouped, moment::rfc3339, printable, scaled_octets};

/// What a run says at its end: as text for people (`Display`), as JSON for programs (`Serialize`).
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The program's version.
    pub version: &'static str,
    /// The captures that were read, as they were named, in the order given.
    pub captures: Vec<String>,
    /// The interfaces that were watched, and what was lost on the way from them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveSummary>,
    /// Time from the start to the end of the run.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// How many workers metered.
    pub workers: usize,
    /// Earliest and latest time of a packet; `None` if there was no packet.
    #[serde(serialize_with = "span")]
    pub packet_time: Option<(Timestamp, Timestamp)>,
    /// What became of the packets.
    pub packets: PacketLedger,
    /// Drops that the captures themselves tell of.
    pub drops: Vec<InterfaceDrops>,
    /// What became of the flows.
    pub flows: FlowCounts,
    /// The hosts with the most octets.
    pub top_talkers: Vec<Talker>,
    /// What each output took.
    pub outputs: Vec<OutputCounts>,
    /// What went wrong or needs to be known, each in a sentence.
    pub warnings: Vec<String>,
    /// What was found.
    pub findings: Findings,
}

/// What was watched, and what was lost on the way from there: packets before they were received, records before any output.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct LiveSummary {
    /// The interfaces.
    pub interfaces: Vec<String>,
    /// Workers, in their order.
    pub workers: Vec<WorkerLosses>,
}

/// What was lost on the way to a worker, and from it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct WorkerLosses {
    /// Packets that the worker received.
    pub received: u64,
    /// Packets that the kernel had for it, and that were still in the ring when it stopped.
    pub unread: u64,
    /// Packets that the kernel dropped since its ring was full.
    pub dropped_by_kernel: u64,
    /// Packets that the interface dropped.
    pub dropped_by_interface: u64,
    /// Flow records that the collecting thread had no room for.
    pub records_lost: u64,
    /// Observations that it had no room for.
    pub observations_lost: u64,
}

/// Packets that a capture says were lost before it was written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct InterfaceDrops {
    /// The capture.
    pub capture: String,
    /// The interface's name or number.
    pub interface: String,
    /// Dropped by the interface.
    pub by_interface: u64,
    /// Dropped by the capturing system.
    pub by_system: u64,
}

/// Flows and their records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct FlowCounts {
    /// Flows that were seen.
    pub flows: u64,
    /// Records of them, with those that the active timeout cut.
    pub records: u64,
    /// Packets in these records: those that were metered, if nothing was lost on the way.
    pub packets: u64,
    /// Octets in these records.
    pub octets: u64,
    /// Records with packets both ways.
    pub bidirectional: u64,
    /// Records of flows without a packet for the idle timeout. This one and the next four are by flowEndReason (RFC 7012).
    pub idle_timeout: u64,
    /// Records that the active timeout cut.
    pub active_timeout: u64,
    /// Records of TCP connections that were closed or reset.
    pub end_of_flow_detected: u64,
    /// Records of flows that were open when metering ended.
    pub forced_end: u64,
    /// Records of flows that were ended for lack of memory.
    pub lack_of_resources: u64,
}

/// What an output took.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct OutputCounts {
    /// The output as it was asked for.
    pub output: String,
    /// Flow records that it took, or lines.
    pub records: u64,
    /// Records that it lost.
    pub lost_records: u64,
    /// IPFIX messages, for outputs that have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Octets of these messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub octets: Option<u64>,
    /// Records with texts that were cut to have room in a message, for outputs where that may be; not told if there are none.
    #[serde(skip_serializing_if = "is_none_or_zero")]
    pub shortened_records: Option<u64>,
}

#[expect(clippy::ref_option, reason = "serde hands it over like that")]
fn is_none_or_zero(count: &Option<u64>) -> bool {
    count.unwrap_or_default() == 0
}

impl OutputCounts {
    /// Adds what the same output took and lost at another time.
    pub fn add(&mut self, other: &Self) {
        let sum = |one: Option<u64>, other: Option<u64>| {
            one.zip(other).map(|(one, other)| one + other).or(one).or(other)
        };
        self.records += other.records;
        self.lost_records += other.lost_records;
        self.messages = sum(self.messages, other.messages);
        self.octets = sum(self.octets, other.octets);
        self.shortened_records = sum(self.shortened_records, other.shortened_records);
    }
}

impl LiveSummary {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |of: fn(&WorkerLosses) -> u64| self.workers.iter().map(of).sum::<u64>();
        line(f, "lost", sum(|worker| worker.dropped_by_kernel), "since the kernel's rings were full")?;
        let by_interface = sum(|worker| worker.dropped_by_interface);
        if by_interface > 0 {
            line(f, "", by_interface, "by interfaces")?;
        }
        let unread = sum(|worker| worker.unread);
        if unread > 0 {
            line(f, "", unread, "in the rings when it stopped")?;
        }
        if self.workers.len() > 1 {
            for (number, worker) in self.workers.iter().enumerate() {
                let mut lost = format!("{} lost", grouped(worker.dropped_by_kernel));
                let (records, observations) = (worker.records_lost, worker.observations_lost);
                if records + observations > 0 {
                    let (records, observations) = (grouped(records), grouped(observations));
                    write!(lost, "; {records} records and {observations} observations to slow outputs")?;
                }
                line(f, &format!("  worker {number}"), worker.received, &lost)?;
            }
        }
        let (records, observations) =
            (sum(|worker| worker.records_lost), sum(|worker| worker.observations_lost));
        if records + observations > 0 {
            let (records, observations) = (grouped(records), grouped(observations));
            writeln!(
                f,
                "  OUTPUTS WERE TOO SLOW: {records} records and {observations} observations are lost."
            )?;
        }
        Ok(())
    }
}

impl Summary {
    /// Packets per second of the run.
    fn packets_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown in three digits")]
        let packets = self.packets.received as f64;
        packets / self.elapsed.as_secs_f64().max(1e-9)
    }

    fn write_packets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = &self.packets;
        writeln!(f, "Packets")?;
        if let Some((first, last)) = self.packet_time {
            writeln!(f, "  from {} to {}", rfc3339(first), rfc3339(last))?;
        }
        line(f, "received", ledger.received, &scaled_octets(ledger.received_octets))?;
        line(f, "metered", ledger.metered, &format!("{} of IP", scaled_octets(ledger.metered_octets)))?;
        if ledger.tunnel_fragments > 0 {
            line(f, "tunnel fragments", ledger.tunnel_fragments, "rest of packets that were metered whole")?;
        }
        if ledger.filtered > 0 {
            line(f, "filtered", ledger.filtered, "")?;
        }
        if ledger.sampled_out > 0 {
            line(f, "sampled out", ledger.sampled_out, "")?;
        }
        if ledger.undecoded() > 0 {
            line(f, "not decoded", ledger.undecoded(), "")?;
            let reasons = ledger.undecoded_by_reason();
            for (reason, packets) in reasons.iter().take(SHOWN_REASONS) {
                writeln!(f, "  {:>17}  {reason}", grouped(*packets))?;
            }
            let shown: u64 = reasons.iter().take(SHOWN_REASONS).map(|(_, packets)| packets).sum();
            if shown < ledger.undecoded() {
                writeln!(f, "  {:>17}  other reasons", grouped(ledger.undecoded() - shown))?;
            }
        }
        // Of a run that goes on, many flows are still open; of one whose outputs are slow, some records are gone.
        let unrecorded = match self.live {
            None => i128::from(ledger.metered) - i128::from(self.flows.packets),
            Some(_) => 0,
        };
        match (ledger.balance(), unrecorded) {
            (0, 0) => writeln!(f, "  The ledger balances: each packet is accounted for once.")?,
            (0, rest) => {
                writeln!(f, "  THE FLOWS LACK {rest} PACKETS THAT WERE METERED. Please report this.")?;
            }
            (rest, _) => writeln!(f, "  THE LEDGER IS OFF BY {rest} PACKETS. Please report this.")?,
        }
        if let Some(live) = &self.live {
            live.write(f)?;
        }
        for InterfaceDrops { capture, interface, by_interface, by_system } in &self.drops {
            writeln!(
                f,
                "  Lost before the capture {} was written, on {}: {} by the interface, {} by the system",
                printable(capture),
                printable(interface),
                grouped(*by_interface),
                grouped(*by_system)
            )?;
        }
        Ok(())
    }

    fn write_flows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flows = &self.flows;
        writeln!(f, "Flows")?;
        line(f, "flows", flows.flows, &format!("{} records", grouped(flows.records)))?;
        line(
            f,
            "both ways",
            flows.bidirectional,
            &format!("{} one way", grouped(flows.records - flows.bidirectional)),
        )?;
        let mut reasons = String::new();
        for (packets, reason) in [
            (flows.end_of_flow_detected, "closed"),
            (flows.idle_timeout, "idle"),
            (flows.active_timeout, "cut by the active timeout"),
            (flows.forced_end, "open at the end"),
            (flows.lack_of_resources, "ended early for lack of memory"),
        ] {
            if packets > 0 {
                let separator = if reasons.is_empty() { "" } else { ", " };
                write!(reasons, "{separator}{} {reason}", grouped(packets))?;
            }
        }
        if reasons.is_empty() { Ok(()) } else { writeln!(f, "  {reasons}") }
    }

    fn write_talkers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(width) = self.top_talkers.iter().map(|talker| talker.address.to_string().len()).max() else {
            return Ok(());
        };
        writeln!(f, "Top talkers")?;
        for Talker { address, octets, packets, records } in &self.top_talkers {
            let address = address.to_string();
            let (octets, packets, records) =
                (scaled_octets(*octets), counted(*packets, "packet"), counted(*records, "record"));
            writeln!(f, "  {address:<width$}  {octets:>9}  {packets:>16}  {records:>14}")?;
        }
        Ok(())
    }

    fn write_outputs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.outputs.is_empty() {
            return Ok(());
        }
        writeln!(f, "Outputs")?;
        for OutputCounts { output, records, lost_records, messages, octets, shortened_records } in
            &self.outputs
        {
            write!(f, "  {}: {}", printable(output), counted(*records, "record"))?;
            if let (Some(messages), Some(octets)) = (messages, octets) {
                write!(f, " in {} ({})", counted(*messages, "message"), scaled_octets(*octets))?;
            }
            if *lost_records > 0 {
                write!(f, ", {} LOST", grouped(*lost_records))?;
            }
            if let Some(shortened @ 1..) = shortened_records {
                write!(f, ", {} with texts cut", grouped(*shortened))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        let (inputs, noun) = match &self.live {
            Some(live) => (live.interfaces.len(), "interface"),
            None => (self.captures.len(), "capture"),
        };
        writeln!(
            f,
            "flowcanary {}: {} in {seconds:.3} s, {} with {}",
            self.version,
            counted(u64::try_from(inputs).unwrap_or(u64::MAX), noun),
            rate(self.packets_per_second()),
            counted(u64::try_from(self.workers).unwrap_or(u64::MAX), "worker"),
        )?;
        self.write_packets(f)?;
        self.write_flows(f)?;
        self.write_talkers(f)?;
        self.write_outputs(f)?;
        for warning in &self.warnings {
            writeln!(f, "warning: {}", printable(warning))?;
        }
        // Last, where it is read: right above the prompt.
        self.findings.fmt(f)
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, number: u64, more: &str) -> fmt::Result {
    let number = grouped(number);
    if more.is_empty() {
        writeln!(f, "  {name:<17} {number:>15}")
    } else {
        writeln!(f, "  {name:<17} {number:>15}  {more}")
    }
}

/// `1 packet`, `1,000 packets`.
fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

fn rate(packets_per_second: f64) -> String {
    match packets_per_second {
        rate if rate >= 1e6 => format!("{:.2} M packets/s", rate / 1e6),
        rate if rate >= 1e3 => format!("{:.1} k packets/s", rate / 1e3),
        rate => format!("{rate:.0} packets/s"),
    }
}

fn seconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(elapsed.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn span<S: Serializer>(span: &Option<(Timestamp, Timestamp)>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|(first, last)| [first, last].map(|time| rfc3339(time).to_string())).serialize(serializer)
}

/// So many reasons are shown; JSON has all.
const SHOWN_REASONS: usize = 12;

#[cfg(test)]
mod tests {
    use wire::{DecodeFailure, NotIp};

    use super::*;

    fn summary() -> Summary {
        let mut packets = PacketLedger::default();
        (packets.received, packets.received_octets) = (12_345, 9_876_543);
        (packets.metered, packets.metered_octets) = (12_000, 9_000_000);
        packets.filtered = 340;
        for _ in 0..5 {
            packets.count_undecoded(DecodeFailure::NotIp(NotIp::EtherType(0x0806)));
        }
        Summary {
            version: "0.0.0",
            captures: vec!["a.pcap".into()],
            live: None,
            elapsed: Duration::from_millis(12),
            workers: 1,
            packet_time: Some((
                Timestamp::from_parts(1_700_000_000, 0),
                Timestamp::from_parts(1_700_000_009, 5),
            )),
            packets,
            drops: vec![InterfaceDrops {
                capture: "a.pcap".into(),
                interface: "eth0".into(),
                by_interface: 0,
                by_system: 17,
            }],
            flows: FlowCounts {
                flows: 100,
                records: 101,
                packets: 12_000,
                octets: 9_000_000,
                bidirectional: 90,
                idle_timeout: 60,
                forced_end: 41,
                ..FlowCounts::default()
            },
            top_talkers: vec![Talker {
                address: [192, 0, 2, 1].into(),
                octets: 8_000_000,
                packets: 9_000,
                records: 1,
            }],
            outputs: vec![OutputCounts {
                output: "file:a.ipfix".into(),
                records: 101,
                messages: Some(3),
                octets: Some(12_000),
                ..OutputCounts::default()
            }],
            warnings: vec!["something".into()],
            findings: Findings::new(&["SYN floods and scans", "RDP logons", "mining"]),
        }
    }

    #[test]
    fn text_is_for_people() {
        let expected = "\
flowcanary 0.0.0: 1 capture in 0.012 s, 1.03 M packets/s with 1 worker
Packets
  from 2023-11-14T22:13:20.000000000Z to 2023-11-14T22:13:29.000000005Z
  received                   12,345  9.8 MB
  metered                    12,000  9.0 MB of IP
  filtered                      340
  not decoded                     5
                  5  not IP: ARP
  The ledger balances: each packet is accounted for once.
  Lost before the capture a.pcap was written, on eth0: 0 by the interface, 17 by the system
Flows
  flows                         100  101 records
  both ways                      90  11 one way
  60 idle, 41 open at the end
Top talkers
  192.0.2.1     8.0 MB     9,000 packets        1 record
Outputs
  file:a.ipfix: 101 records in 3 messages (12.0 kB)
warning: something
Nothing was found. Detectors that ran: SYN floods and scans, RDP logons, mining.
";
        assert_eq!(summary().to_string(), expected);
    }

    #[test]
    fn json_has_the_same_numbers() {
        let json = serde_json::to_value(summary()).unwrap();
        assert_eq!(json["packets"]["received"], 12_345);
        assert_eq!(json["packets"]["balance"], 0);
        assert_eq!(json["packets"]["undecoded_by_reason"]["not IP: ARP"], 5);
        assert_eq!(json["elapsed_s"], 0.012);
        assert_eq!(json["packet_time"][0], "2023-11-14T22:13:20.000000000Z");
        assert_eq!(json["top_talkers"][0]["address"], "192.0.2.1");
        assert_eq!(json["flows"]["records"], 101);
        assert_eq!(json["findings"]["detectors"][2], "mining");
    }
}
