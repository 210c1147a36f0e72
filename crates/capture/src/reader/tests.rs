use std::{env, fs, io::Cursor};

use proptest::prelude::*;

use super::*;
use crate::{
    octets::ByteOrder::{Big, Little},
    sample::{
        Failing, Field, Pieces, Seen, block, enhanced_packet, fields, gzip, interface, pcap_header, read,
        read_octets, record, section, small_pcap, small_pcapng, zstd,
    },
};

fn refusal(octets: &[u8]) -> String {
    CaptureReader::from_stream("sample", Cursor::new(octets.to_vec())).unwrap_err().to_string()
}

#[test]
fn compressed_captures_read_as_what_is_in_them() {
    for plain in [small_pcap(), small_pcapng()] {
        let expected = read_octets(&plain);
        let half = plain.len() / 2;
        // Several members or frames are one content; parallel compressors put frames first that are to be skipped.
        let members = [gzip(&plain[..half]), gzip(&plain[half..])].concat();
        let skipped =
            [&[0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7], &zstd(&plain[..half])[..], &zstd(&plain[half..])]
                .concat();
        for compressed in [gzip(&plain), zstd(&plain), members, skipped] {
            assert_eq!(read_octets(&compressed), expected);
        }
    }
}

#[test]
fn a_compressed_stream_that_is_cut_anywhere_gives_frames_and_then_damage() {
    let plain = many_records();
    let (all, _) = read_octets(&plain);
    for (format, compressed) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
        let mut most = 0;
        for length in 4..compressed.len() {
            let (frames, damage) = read_octets(&compressed[..length]);
            assert_eq!(
                damage.map(|damage| damage.kind),
                Some(DamageKind::CompressionCut(format)),
                "cut after {length}"
            );
            assert_eq!(frames, all[..frames.len()], "cut after {length}");
            most = most.max(frames.len());
        }
        assert!(most > all.len() / 2, "{format} gave {most} frames at most before the cut");
    }
}

#[test]
fn a_compressed_stream_with_a_wrong_octet_ends_in_damage() {
    let plain = many_records();
    let (all, _) = read_octets(&plain);
    for compressed in [gzip(&plain), zstd(&plain)] {
        // The checksums at the end cover everything.
        for at in compressed.len() / 2..compressed.len() {
            let mut spoilt = compressed.clone();
            spoilt[at] ^= 0x55;
            let (_, damage) = read_octets(&spoilt);
            assert!(damage.is_some(), "octet {at} of {}", compressed.len());
        }
    }
    assert!(all.len() > 100);
}

/// Found by fuzzing: what a decompressor had given in the call that failed was lost, and how much that was depended on the reads.
#[test]
fn what_was_decompressed_before_damage_is_given_whatever_the_reads() {
    let plain = many_records();
    let (all, _) = read_octets(&plain);
    for (compressed, least) in [(gzip(&plain), all.len() / 2), (zstd(&plain), 0)] {
        let at = compressed.len() * 3 / 4;
        let mut spoilt = compressed;
        spoilt[at..].fill(0xff);
        let (frames, damage) = read_octets(&spoilt);
        assert!(damage.is_some());
        // What is decompressed from a wrong octet on may look like a record, until a checksum tells.
        assert_eq!(frames.get(..least), all.get(..least));
        for sizes in [vec![1], vec![7, 90], vec![1_000]] {
            assert_eq!(read_in_pieces(&spoilt, sizes), Some((frames.clone(), damage.clone())));
        }
    }
}

/// The optional fields of RFC 1952, all at once.
#[test]
fn a_gzip_header_with_everything_is_walked_over() {
    let plain = small_pcap();
    let compressed = gzip(&plain);
    let fields = b"\x03\0abcname\0comment\0\x12\x34";
    let with_all = [&compressed[..3], &[0x1e], &compressed[4..10], fields, &compressed[10..]].concat();
    assert_eq!(read_octets(&with_all), read_octets(&plain));
    let unknown_flag = [&compressed[..3], &[0x20], &compressed[4..]].concat();
    let (_, damage) = read_octets(&unknown_flag);
    assert!(damage.unwrap().to_string().contains("gzip stream is damaged: no gzip header"));
    let (frames, damage) = read_octets(&[&compressed[..], b"garbage"].concat());
    assert_eq!((frames.len(), damage.is_some()), (3, true));
}

#[test]
fn an_empty_stream_is_damage() {
    for empty in [Vec::new(), gzip(b""), zstd(b"")] {
        let (frames, damage) = read_octets(&empty);
        assert_eq!((frames.len(), damage.unwrap().to_string()), (0, "sample: empty file".to_owned()));
    }
}

#[test]
fn what_is_no_capture_is_refused() {
    assert!(
        refusal(b"GET / HTTP/1.1").starts_with("sample: not a capture (begins with 47 45 54 20 2f 20 48 54)")
    );
    assert!(refusal(b"x").starts_with("sample: not a capture (begins with 78)"));
    assert!(refusal(&[0; 100]).contains("begins with 00 00"));
    assert!(refusal(&gzip(b"some text")).contains("begins with 73 6f 6d 65"));
}

#[test]
fn a_stream_that_may_have_begun_a_capture_was_cut() {
    for beginning in [&[0xa1][..], &[0x0a, 0x0d, 0x0d], &[0x1f], &[0x28, 0xb5]] {
        let (_, damage) = read_octets(beginning);
        let kind = DamageKind::CutFileHeader { expected: 24, present: beginning.len() };
        assert_eq!(damage.unwrap().kind, kind);
    }
}

#[test]
fn a_device_that_fails_gives_what_it_gave() {
    let (frames, damage) = read(Failing(Cursor::new(small_pcap())));
    assert_eq!((frames, damage.is_some()), (read_octets(&small_pcap()).0, true));
    let (_, damage) = read(Failing(Cursor::new(small_pcap()[..60].to_vec())));
    let message = damage.unwrap().to_string();
    assert_eq!(message, "sample: packet 3 at octet 59: cannot be read further: the disk is gone");
    let refused = CaptureReader::from_stream("sample", Failing(Cursor::new(vec![0xa1])));
    assert_eq!(refused.unwrap_err().to_string(), "sample: cannot be read: the disk is gone");
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let error = CaptureReader::open(folder.path()).unwrap_err();
    assert!(
        matches!(&error, OpenError::Io { source, .. } if source.kind() == std::io::ErrorKind::IsADirectory),
        "{error}"
    );
    let missing = folder.path().join("missing.pcap");
    let error = CaptureReader::open(&missing).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: cannot be read: ", missing.display())), "{error}");
}

#[test]
fn a_reader_says_how_far_it_came() {
    let compressed = gzip(&many_records());
    let taken = u64::try_from(compressed.len()).unwrap();
    let mut reader = CaptureReader::from_stream("sample", Cursor::new(compressed)).unwrap();
    let (frames, _) = crate::sample::drain(&mut reader);
    assert_eq!(reader.packets_read(), u64::try_from(frames.len()).unwrap());
    assert_eq!(reader.offset(), u64::try_from(many_records().len()).unwrap());
    assert_eq!((reader.input_octets(), reader.name()), (taken, "sample"));
}

/// A block of nearly the greatest length, which comes in small pieces, and a packet behind it.
#[test]
fn a_long_block_takes_no_more_memory_than_it_has() {
    let long = 15 << 20;
    let file = [
        section(Little),
        interface(Little, 1, 0, &[]),
        block(Little, 0xbad, &vec![0; long]),
        enhanced_packet(Little, 0, 0, b"packet", 6),
    ]
    .concat();
    let mut reader = CaptureReader::from_stream("sample", Pieces::new(&file, vec![60_000])).unwrap();
    let mut batch = Batch::new();
    assert_eq!(reader.fill(&mut batch), Ok(Fill::Frames));
    assert_eq!(batch.frames().map(|frame| frame.data).collect::<Vec<_>>(), [b"packet"]);
    assert!(batch.room_octets() <= 2 * (long + 2 * READ_OCTETS), "{} octets", batch.room_octets());
    assert_eq!(reader.fill(&mut batch), Ok(Fill::End));
    assert!(batch.room_octets() <= 4 << 20, "{} octets are kept", batch.room_octets());
}

/// Batches of a file that takes many reads are filled in the memory of the first ones.
#[test]
fn a_recycled_batch_takes_no_further_memory() {
    let data = [7; 1_000];
    let records = record(Little, (1, 1), &data, 1_000).repeat(8_000);
    let file = [pcap_header(Little, 0xa1b2_c3d4, 0, 1), records].concat();
    let mut reader = CaptureReader::from_stream("sample", Cursor::new(file)).unwrap();
    let mut batch = Batch::new();
    for _ in 0..2 {
        assert_eq!(reader.fill(&mut batch), Ok(Fill::Frames));
    }
    let room = batch.room_octets();
    while reader.fill(&mut batch) == Ok(Fill::Frames) {
        assert_eq!(batch.room_octets(), room);
    }
    assert_eq!(reader.packets_read(), 8_000);
}

/// Records of many lengths that do not compress to nothing.
fn many_records() -> Vec<u8> {
    let mut file = pcap_header(Big, 0xa1b2_3c4d, 0, 1);
    let mut state = 1_u32;
    for i in 0..150 {
        let data: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            state.to_be_bytes()[0]
        })
        .take(i % 40)
        .collect();
        file.extend(record(Big, (u32::try_from(i).unwrap(), 0), &data, 40));
    }
    file
}

/// The samples of both formats are what fuzzing begins with. `UPDATE_EXPECT=1` writes them anew.
#[test]
fn seeds_of_fuzzing_are_the_samples() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/reader"));
    for (name, sample) in [("pcap", small_pcap()), ("pcapng", small_pcapng()), ("pcap-be-ns", many_records())]
    {
        // The first octet is the size of the pieces.
        let (path, seed) = (folder.join(name), [vec![33], sample].concat());
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::create_dir_all(folder).unwrap();
            fs::write(&path, &seed).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), seed, "{}", path.display());
        crate::fuzz_reader(&seed);
    }
}

/// Captures of either format whose lengths mostly hold.
fn capture() -> impl Strategy<Value = Vec<u8>> {
    let order = prop::bool::ANY.prop_map(|big| if big { Big } else { Little });
    let data = || prop::collection::vec(any::<u8>(), 0..40);
    let pcap = (order.clone(), prop::collection::vec((any::<(u32, u32)>(), data(), any::<u32>()), 0..12))
        .prop_map(|(order, packets)| {
            let records =
                packets.into_iter().flat_map(|(time, data, original)| record(order, time, &data, original));
            pcap_header(order, 0xa1b2_c3d4, 20, 1).into_iter().chain(records).collect()
        });
    let pcapng_block = (order.clone(), 0_u32..9, data(), any::<u64>(), 0_u32..3).prop_map(
        |(order, kind, data, time, number)| match kind {
            0 => section(order),
            1 => interface(order, 1, 20, &[(9, &data[..data.len().min(1)])]),
            2..6 => enhanced_packet(order, number, time, &data, number),
            kind => block(order, kind, &data),
        },
    );
    let pcapng = (order, prop::collection::vec(pcapng_block, 0..12))
        .prop_map(|(order, blocks)| [section(order), interface(order, 1, 0, &[]), blocks.concat()].concat());
    let plain = prop_oneof![pcap, pcapng];
    (plain, 0_u8..4).prop_map(|(plain, compression)| match compression {
        0 => gzip(&plain),
        1 => zstd(&plain),
        _ => plain,
    })
}

/// Everything that reading `stream` gives. `None` if it is no capture.
fn read_in_pieces(octets: &[u8], sizes: Vec<usize>) -> Option<(Vec<Seen>, Option<Damage>)> {
    let mut reader = CaptureReader::from_stream("sample", Pieces::new(octets, sizes)).ok()?;
    Some(crate::sample::drain(&mut reader))
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_how_reads_divide_the_octets(
        octets in capture(), sizes in prop::collection::vec(1_usize..90, 1..9),
    ) {
        prop_assert_eq!(read_in_pieces(&octets, sizes), Some(read_octets(&octets)));
    }

    #[test]
    fn spoilt_captures_give_the_same_whatever_the_reads(
        mut octets in capture(),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        left in any::<prop::sample::Index>(),
        sizes in prop::collection::vec(1_usize..90, 1..9),
    ) {
        for (at, octet) in spoilt {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(left.index(octets.len()) + 1);
        let in_pieces = read_in_pieces(&octets, sizes);
        prop_assert_eq!(in_pieces, read_in_pieces(&octets, vec![usize::MAX]));
        crate::fuzz_reader(&octets);
    }

    #[test]
    fn any_octets_behind_a_header_end_somehow(
        order in prop::bool::ANY, is_pcapng in prop::bool::ANY, octets in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let order = if order { Big } else { Little };
        let header = if is_pcapng { section(order) } else { pcap_header(order, 0xa1b2_c3d4, 0, 1) };
        let (frames, _) = read_octets(&[header, octets].concat());
        prop_assert!(frames.iter().all(|frame| frame.data.len() <= 300));
    }
}

#[test]
fn a_record_that_lies_about_its_length_takes_no_memory() {
    let lie = fields(Little, &[Field::Long(0), Field::Word(128 << 20), Field::Word(128 << 20)]);
    // D-Bus messages may be that long.
    let file = [pcap_header(Little, 0xa1b2_c3d4, 0, 231), lie].concat();
    let mut reader = CaptureReader::from_stream("sample", Cursor::new(file)).unwrap();
    let mut batch = Batch::new();
    let damage = reader.fill(&mut batch).unwrap_err();
    assert_eq!(damage.kind, DamageKind::CutPacket { expected: 128 << 20, present: 0 });
    assert!(batch.room_octets() <= 3 * READ_OCTETS, "{} octets", batch.room_octets());
}
