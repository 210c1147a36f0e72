//! What it costs to read a packet from a capture: ours from memory, from a file and decompressed, and libpcap's for comparison.
//!
//! `cargo bench --bench reading`. Throughput is in packets: the time of one of them is its reciprocal. Files are in the page
//! cache, so that what is measured is the copy out of it and the indexing.

#![expect(clippy::unwrap_used, reason = "a bench ends where its setting fails")]

use std::{
    fs,
    hint::black_box,
    io::{Cursor, Write as _},
    path::Path,
    sync::Arc,
};

use capture::{Batch, CaptureReader, Fill};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(benches, reading);
criterion_main!(benches);

const PACKETS: u32 = 100_000;

fn reading(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    for length in [64, 1_400] {
        let (pcap, pcapng) = (pcap_file(length), pcapng_file(length));
        let path = folder.path().join("reading.pcap");
        fs::write(&path, &pcap).unwrap();
        let mut group = criterion.benchmark_group(format!("reading/{length} octets"));
        group.throughput(Throughput::Elements(PACKETS.into())).sample_size(20);
        let mut batch = Batch::new();
        for (name, octets) in [("pcap", &pcap), ("pcapng", &pcapng)] {
            let octets: Arc<[u8]> = octets.as_slice().into();
            group.bench_function(format!("{name} in memory"), |bencher| {
                bencher.iter(|| read_all(in_memory(&octets), &mut batch));
            });
        }
        group.bench_function("pcap file", |bencher| {
            bencher.iter(|| read_all(CaptureReader::open(&path).unwrap(), &mut batch));
        });
        let (gzip, zstd): (Arc<[u8]>, Arc<[u8]>) =
            (gzip(&pcap).into(), zstd::encode_all(&pcap[..], 3).unwrap().into());
        for (name, octets) in [("pcap.gz", &gzip), ("pcap.zst", &zstd)] {
            group.bench_function(format!("{name} in memory"), |bencher| {
                bencher.iter(|| read_all(in_memory(octets), &mut batch));
            });
        }
        group.bench_function("pcap file, libpcap", |bencher| bencher.iter(|| read_all_with_libpcap(&path)));
        group.finish();
    }
}

fn in_memory(octets: &Arc<[u8]>) -> CaptureReader {
    CaptureReader::from_stream("in memory", Cursor::new(Arc::clone(octets))).unwrap()
}

/// Looks at every frame, so that none is optimised away.
fn read_all(mut reader: CaptureReader, batch: &mut Batch) {
    let mut octets = 0;
    while reader.fill(batch).unwrap() == Fill::Frames {
        octets += batch.frames().map(|frame| frame.data.len()).sum::<usize>();
    }
    black_box(octets);
    assert_eq!(reader.packets_read(), u64::from(PACKETS));
}

fn read_all_with_libpcap(path: &Path) {
    let mut capture = pcap::Capture::from_file(path).unwrap();
    let (mut packets, mut octets) = (0, 0);
    while let Ok(packet) = capture.next_packet() {
        packets += 1;
        octets += packet.data.len();
    }
    black_box(octets);
    assert_eq!(packets, PACKETS);
}

fn pcap_file(length: u32) -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for i in 0..PACKETS {
        let header = [1_700_000_000 + i / 1_000, i % 1_000 * 1_000, length, length];
        file.extend(header.map(u32::to_le_bytes).concat());
        file.extend(packet(i, length));
    }
    file
}

fn pcapng_file(length: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padding = body.len().next_multiple_of(4) - body.len();
        let total = u32::try_from(12 + body.len() + padding).unwrap().to_le_bytes();
        file.extend([&kind.to_le_bytes(), &total, body, &[0; 3][..padding], &total].concat());
    };
    block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    block(1, &[1, 0, 0, 0, 0, 0, 4, 0]);
    for i in 0..PACKETS {
        let micros = 1_700_000_000_000_000 + u64::from(i) * 1_000;
        let [high, low] = [micros >> 32, micros & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        block(
            6,
            &[&[0, high, low, length, length].map(u32::to_le_bytes).concat(), &packet(i, length)[..]]
                .concat(),
        );
    }
    file
}

/// Octets that compress about as well as traffic: half of them random.
fn packet(number: u32, length: u32) -> Vec<u8> {
    let mut state = number.wrapping_mul(2_654_435_761) | 1;
    let mut octet = |i: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        if i.is_multiple_of(2) { state.to_le_bytes()[0] } else { 0 }
    };
    (0..length).map(&mut octet).collect()
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}
