//! Our reader of captures and our interpreter of filters against libpcap.

use std::{
    fs,
    path::{Path, PathBuf},
};

use capture::{Batch, CaptureReader, Damage, Fill, Filter};
use pcap::{Capture, Offline, Precision};
use wire::Frame;

use crate::shared::corpus;

#[test]
fn captures_of_the_corpus_read_as_libpcap_reads_them() {
    let mut compared = 0;
    for path in corpus() {
        let Ok(libpcap) = Capture::from_file_with_precision(&path, Precision::Nano) else { continue };
        compared += assert_reads_alike(&path, libpcap);
    }
    assert!(compared > 100_000 || corpus().is_empty(), "only {compared} packets were compared");
}

/// Every short capture of the corpus, cut after every octet of its first records.
#[test]
fn cut_captures_end_as_they_end_for_libpcap() {
    let folder = tempfile::tempdir().unwrap();
    for (i, path) in short_captures().iter().enumerate() {
        let octets = fs::read(path).unwrap();
        for length in 24..octets.len().min(400) {
            let cut = folder.path().join(format!("{i}-cut-after-{length}"));
            fs::write(&cut, &octets[..length]).unwrap();
            if let Ok(libpcap) = Capture::from_file_with_precision(&cut, Precision::Nano) {
                assert_reads_alike(&cut, libpcap);
            }
            fs::remove_file(cut).unwrap();
        }
    }
}

/// Every short capture of the corpus, with one octet changed, for many octets of it.
#[test]
fn spoilt_captures_end_as_they_end_for_libpcap() {
    let folder = tempfile::tempdir().unwrap();
    for (i, path) in short_captures().iter().enumerate() {
        let octets = fs::read(path).unwrap();
        for at in 4..octets.len().min(250) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut octets = octets.clone();
                octets[at] = value;
                let spoilt = folder.path().join(format!("{i}-octet-{at}-is-{value}"));
                fs::write(&spoilt, &octets).unwrap();
                if let Ok(libpcap) = Capture::from_file_with_precision(&spoilt, Precision::Nano) {
                    assert_reads_alike(&spoilt, libpcap);
                }
                fs::remove_file(spoilt).unwrap();
            }
        }
    }
}

/// What we read and libpcap does not is by its own account beyond it, and not a capture that we misread.
#[test]
fn what_libpcap_refuses_to_open_is_damaged_or_beyond_it() {
    for path in corpus() {
        let Err(error) = Capture::from_file_with_precision(&path, Precision::Nano) else { continue };
        let theirs = error.to_string();
        let Ok(mut reader) = CaptureReader::open(&path) else { continue };
        let (packets, damage) = drain(&mut reader);
        let is_beyond_libpcap =
            ["timestamp resolution", "timestamp offset"].iter().any(|reason| theirs.contains(reason));
        // It looks for the first interface when it opens a pcapng file, so that damage before it is an error of opening.
        let is_damaged = packets == 0 && damage.is_some();
        assert!(
            is_damaged || is_beyond_libpcap,
            "{}: {packets} packets; libpcap says: {theirs}",
            path.display()
        );
    }
}

#[test]
fn filters_match_what_libpcap_matches() {
    let mut matched = [0_u32; EXPRESSIONS.len()];
    for path in corpus() {
        for (expression, matched) in EXPRESSIONS.iter().zip(&mut matched) {
            let Ok(mut libpcap) = Capture::from_file_with_precision(&path, Precision::Nano) else { continue };
            // An expression can be wrong for a link type.
            if libpcap.filter(expression, true).is_ok() {
                *matched += assert_filters_alike(&path, expression, libpcap);
            }
        }
    }
    for (expression, matched) in EXPRESSIONS.iter().zip(matched) {
        assert!(
            matched > 0 || corpus().is_empty(),
            "\"{expression}\" matched nothing, so that nothing was compared"
        );
    }
}

/// How many packets there were.
fn assert_reads_alike(path: &Path, mut libpcap: Capture<Offline>) -> u32 {
    let mut ours =
        CaptureReader::open(path).unwrap_or_else(|error| panic!("libpcap opens what we refuse: {error}"));
    let mut batch = Batch::new();
    let mut number = 0;
    loop {
        let fill = ours.fill(&mut batch);
        for frame in batch.frames() {
            number += 1;
            let which = format!("{}, packet {number}", path.display());
            match libpcap.next_packet() {
                Ok(packet) => assert_same_frame(&frame, &packet, &which),
                Err(error) if is_beyond_libpcap(&error) => return number,
                Err(error) => panic!("{which}: libpcap ends before: {error}"),
            }
        }
        match fill {
            Ok(Fill::Frames) => {}
            Ok(Fill::End) => {
                let end = libpcap.next_packet().map(|packet| *packet.header);
                let is_same_end = matches!(&end, Err(pcap::Error::NoMorePackets))
                    || end.as_ref().is_err_and(is_beyond_libpcap);
                assert!(is_same_end, "{}: {number} packets, then libpcap has {end:?}", path.display());
                return number;
            }
            Err(damage) => {
                let end = libpcap.next_packet().map(|packet| *packet.header);
                assert!(matches!(end, Err(pcap::Error::PcapError(_))), "{damage}, but libpcap has {end:?}");
                return number;
            }
        }
    }
}

fn assert_same_frame(ours: &Frame<'_>, theirs: &pcap::Packet<'_>, which: &str) {
    let header = theirs.header;
    let lengths = (u32::try_from(ours.data.len()).unwrap(), ours.original_length);
    assert_eq!(lengths, (header.caplen, header.len), "{which}");
    assert!(ours.data == theirs.data, "{which}: other octets");
    // libpcap gives a simple packet block, which has no time, the epoch.
    let is_untimed = (header.ts.tv_sec, header.ts.tv_usec) == (0, 0);
    assert!(
        is_untimed || ours.timestamp == unsigned_time(header.ts.tv_sec, header.ts.tv_usec),
        "{which}: {} is {header:?}",
        ours.timestamp
    );
}

/// libpcap takes the two fields of a time in a pcap file, which have 32 bits, for signed numbers.
fn unsigned_time(seconds: i64, nanos: i64) -> wire::Timestamp {
    const UNSIGNED: i64 = 1 << 32;
    let seconds = seconds.rem_euclid(UNSIGNED);
    let nanos = if nanos < 0 { nanos + UNSIGNED * 1_000 } else { nanos };
    wire::Timestamp::from_parts(u64::try_from(seconds).unwrap(), u64::try_from(nanos).unwrap())
}

/// libpcap has one link type and one snap length for a whole file, and ends where an interface has others.
fn is_beyond_libpcap(error: &pcap::Error) -> bool {
    let pcap::Error::PcapError(reason) = error else { return false };
    reason.contains("different from the type of the first interface")
        || reason.contains("different from the snapshot length of the first interface")
}

/// How many packets matched.
fn assert_filters_alike(path: &Path, expression: &str, mut libpcap: Capture<Offline>) -> u32 {
    let mut filter = Filter::new(expression).unwrap();
    let mut ours = CaptureReader::open(path).unwrap();
    let mut batch = Batch::new();
    let (mut number, mut matched) = (0, 0);
    while let Ok(Fill::Frames) = ours.fill(&mut batch) {
        for frame in batch.frames() {
            number += 1;
            if !filter.matches(&frame) {
                continue;
            }
            let which = format!("{}, packet {number}, \"{expression}\"", path.display());
            match libpcap.next_packet() {
                Ok(packet) => assert!(frame.data == packet.data, "{which}: libpcap's next match is another"),
                Err(error) if is_beyond_libpcap(&error) => return matched,
                Err(error) => panic!("{which}: libpcap has no further match: {error}"),
            }
            matched += 1;
        }
    }
    let further = libpcap.next_packet();
    assert!(
        further.is_err(),
        "{}, \"{expression}\": libpcap has more than {matched} matches",
        path.display()
    );
    matched
}

fn short_captures() -> Vec<PathBuf> {
    let is_short = |path: &PathBuf| path.metadata().unwrap().len() < 3_000;
    corpus().into_iter().filter(is_short).collect()
}

fn drain(reader: &mut CaptureReader) -> (u64, Option<Damage>) {
    let mut batch = Batch::new();
    loop {
        match reader.fill(&mut batch) {
            Ok(Fill::Frames) => {}
            Ok(Fill::End) => return (reader.packets_read(), None),
            Err(damage) => return (reader.packets_read(), Some(damage)),
        }
    }
}

/// Of every kind of instruction some: loads of all sizes and modes, arithmetic, jumps, scratch memory, and the length, which
/// libpcap too takes from the wire when it reads a file.
const EXPRESSIONS: [&str; 14] = [
    "tcp",
    "udp and less 90",
    "greater 600",
    "port 53 or port 443",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "src net 10.0.0.0/8 or dst net 192.168.0.0/16",
    "ip6 and not tcp",
    "vlan and ip",
    "mpls",
    "ip[2:2] > 576 and ip[6:2] & 0x1fff = 0",
    "tcp portrange 1-1023",
    "(ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2) != 0",
    "len % 7 = 3 or ip[8] * 2 / 3 > 80",
    "ip6 protochain 6",
];
