//! Our reader of captures and our interpreter of filters against libpcap.

use std::{
    fs,
    path::{Path, PathBuf},
};

use capture::{Batch, CaptureReader, Damage, DamageKind, Fill, Filter};
use pcap::{Capture, Offline, Precision};
use wire::{Frame, Timestamp};

use crate::shared::corpus;

#[test]
fn captures_of_the_corpus_read_as_libpcap_reads_them() {
    let (mut compared, mut batch) = (0, Batch::new());
    for path in corpus() {
        let Ok(libpcap) = Capture::from_file_with_precision(&path, Precision::Nano) else { continue };
        compared += assert_reads_alike(&path, libpcap, &mut batch);
    }
    assert!(compared > 100_000 || corpus().is_empty(), "only {compared} packets were compared");
}

/// A short capture of each format, cut after every octet of its first records.
#[test]
fn cut_captures_end_as_they_end_for_libpcap() {
    let (folder, mut batch) = (tempfile::tempdir().unwrap(), Batch::new());
    for path in short_captures() {
        let octets = fs::read(&path).unwrap();
        for length in 24..octets.len().min(400) {
            assert_octets_read_alike(
                &octets[..length],
                &folder.path().join(format!("cut-after-{length}")),
                &mut batch,
            );
        }
    }
}

/// A short capture of each format, with one octet changed.
#[test]
fn spoilt_captures_end_as_they_end_for_libpcap() {
    let (folder, mut batch) = (tempfile::tempdir().unwrap(), Batch::new());
    for path in short_captures() {
        let octets = fs::read(&path).unwrap();
        for (at, value) in
            (4..octets.len().min(250)).flat_map(|at| [(at, 0), (at, 1), (at, 0x7f), (at, 0xff)])
        {
            let mut octets = octets.clone();
            octets[at] = value;
            assert_octets_read_alike(
                &octets,
                &folder.path().join(format!("octet-{at}-is-{value}")),
                &mut batch,
            );
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
    let (mut matched, mut batch) = ([0_u32; EXPRESSIONS.len()], Batch::new());
    for path in corpus() {
        for (expression, matched) in EXPRESSIONS.iter().zip(&mut matched) {
            let Ok(mut libpcap) = Capture::from_file_with_precision(&path, Precision::Nano) else { continue };
            // An expression can be wrong for a link type.
            if libpcap.filter(expression, true).is_ok() {
                *matched += assert_filters_alike(&path, expression, libpcap, &mut batch);
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
fn assert_reads_alike(path: &Path, mut libpcap: Capture<Offline>, batch: &mut Batch) -> u32 {
    let mut ours =
        CaptureReader::open(path).unwrap_or_else(|error| panic!("libpcap opens what we refuse: {error}"));
    let mut number = 0;
    loop {
        let fill = ours.fill(batch);
        for frame in batch.frames() {
            number += 1;
            let which = format!("{}, packet {number}", path.display());
            match libpcap.next_packet() {
                Ok(packet) => assert_same_frame(&frame, &packet, &which),
                Err(error) if is_beyond_libpcap(&error) => return number,
                Err(error) => panic!("{which}: libpcap ends before: {error}"),
            }
        }
        if fill == Ok(Fill::Frames) {
            continue;
        }
        let end = libpcap.next_packet().map(|packet| *packet.header);
        let is_same_end = match (&fill, &end) {
            (Ok(_), Err(pcap::Error::NoMorePackets)) | (Err(_), Err(pcap::Error::PcapError(_))) => true,
            (Ok(_), Err(error)) => is_beyond_libpcap(error),
            // libpcap does not look at the second length of the first block.
            (Err(damage), _) => {
                damage.offset == 0 && matches!(damage.kind, DamageKind::BlockLengthsDiffer { .. })
            }
            (Ok(_), Ok(_)) => false,
        };
        assert!(is_same_end, "{}: after {number} packets {fill:?}, but libpcap has {end:?}", path.display());
        return number;
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
        is_untimed || is_same_time(ours.timestamp, header.ts.tv_sec, header.ts.tv_usec),
        "{which}: {ours:?} is {header:?}"
    );
}

/// libpcap takes the two fields of a time in a pcap file, which have 32 bits, for signed numbers; the second one may count
/// microseconds.
fn is_same_time(ours: Timestamp, seconds: i64, nanos: i64) -> bool {
    const UNSIGNED: i64 = 1 << 32;
    let seconds = if seconds < 0 { seconds + UNSIGNED } else { seconds };
    let may_be = if nanos < 0 { [nanos + UNSIGNED, nanos + UNSIGNED * 1_000] } else { [nanos, nanos] };
    may_be.map(|nanos| Timestamp::from_parts(seconds.cast_unsigned(), nanos.cast_unsigned())).contains(&ours)
}

/// libpcap has one link type and one snap length for a whole file, and ends where an interface has others, or where a packet in
/// a pcapng file is longer than its snap length, which we cut as libpcap does it in pcap files.
fn is_beyond_libpcap(error: &pcap::Error) -> bool {
    let pcap::Error::PcapError(reason) = error else { return false };
    reason.contains("different from the type of the first interface")
        || reason.contains("different from the snapshot length of the first interface")
        || reason.contains("bigger than snaplen")
}

/// How many packets matched.
fn assert_filters_alike(
    path: &Path,
    expression: &str,
    mut libpcap: Capture<Offline>,
    batch: &mut Batch,
) -> u32 {
    let mut filter = Filter::new(expression).unwrap();
    let mut ours = CaptureReader::open(path).unwrap();
    let (mut number, mut matched) = (0, 0);
    while let Ok(Fill::Frames) = ours.fill(batch) {
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

/// Two captures of fewer than 3000 octets for each way that captures begin.
fn short_captures() -> Vec<PathBuf> {
    let mut begun: Vec<[u8; 12]> = Vec::new();
    let mut is_wanted = |path: &PathBuf| {
        let octets = fs::read(path).unwrap();
        let Some(&beginning) = octets.first_chunk().filter(|_| octets.len() < 3_000) else { return false };
        begun.push(beginning);
        begun.iter().filter(|&&other| other == beginning).count() <= 2
    };
    corpus().into_iter().filter(|path| is_wanted(path)).collect()
}

fn assert_octets_read_alike(octets: &[u8], path: &Path, batch: &mut Batch) {
    fs::write(path, octets).unwrap();
    if let Ok(libpcap) = Capture::from_file_with_precision(path, Precision::Nano) {
        assert_reads_alike(path, libpcap, batch);
    }
    fs::remove_file(path).unwrap();
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
