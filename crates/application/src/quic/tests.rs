use super::*;

/// The client's Initial packet of RFC 9001, A.2: header, and the frames before they are padded.
const HEADER: &str = "c300000001088394c8f03e5157080000449e00000002";
const FRAMES: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";

fn octets(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The packet, protected as the RFC says: `open` is its own inverse but for the tag.
fn packet() -> Vec<u8> {
    let mut frames = octets(FRAMES);
    frames.resize(1_162, 0);
    initial::tests::protect(&octets(HEADER), &frames)
}

#[test]
fn the_example_of_the_specification() {
    let packet = packet();
    // The first octets of what RFC 9001, A.2 shows.
    assert_eq!(
        packet[..36],
        octets("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123")[..36]
    );
    assert!(is_initial(&packet));
    let mut handshake = Handshake::default();
    let client = handshake.datagram(&packet).unwrap();
    assert_eq!((&*client.server_name, client.version, handshake.version()), ("example.com", 0x0304, 1));
    assert_eq!(client.alpn[..], ["alpn"]);
    assert!(client.ja4.starts_with("q13d"), "{}", client.ja4);
}

#[test]
fn a_packet_that_was_changed_says_nothing() {
    for at in [5, 30, 300, 1_199] {
        let mut packet = packet();
        packet[at] ^= 1;
        assert_eq!(Handshake::default().datagram(&packet), None, "{at}");
    }
}

#[test]
fn what_no_server_would_take_is_no_beginning() {
    let packet = packet();
    assert!(packet.len() == 1_200 && !is_initial(&packet[..1_199]));
    // One that says that it is shorter, and so it is.
    let mut frames = octets(FRAMES);
    frames.resize(300, 0);
    let short = initial::tests::protect(&octets("c300000001088394c8f03e5157080000414000000002"), &frames);
    assert!(short.len() < 1_200 && Initial::read(&short).is_some() && !is_initial(&short));
}

#[test]
fn a_datagram_of_packets_that_nothing_opens_is_given_up() {
    let unopened = [&octets("c300000001084142434445464748000014")[..], &[7; 20]].concat();
    for (count, is_heard) in [(1, true), (2, false), (30, false)] {
        let datagram = [unopened.repeat(count), packet()].concat();
        assert_eq!(Handshake::default().datagram(&datagram).is_some(), is_heard, "{count}");
    }
}

#[test]
fn pieces_come_in_any_order() {
    let mut handshake = Handshake::default();
    let hello = &octets(FRAMES)[4..];
    let frame = |from: usize, to: usize| {
        let from_high = u8::try_from(from >> 8).unwrap() | 0x40;
        let length = u8::try_from(to - from).unwrap();
        [&[CRYPTO, from_high, u8::try_from(from & 0xff).unwrap(), 0x40, length], &hello[from..to]].concat()
    };
    for (from, to) in [(200, hello.len()), (0, 10), (150, 210), (10, 60)] {
        handshake.frames(&frame(from, to));
        assert_eq!(handshake.hello(), None);
    }
    // An acknowledgment with two ranges and counts stands before it.
    let acknowledgment = [ACK_WITH_COUNTS, 9, 0, 1, 0, 0, 0, 1, 2, 3];
    handshake.frames(&[&[PADDING, PING], &acknowledgment[..], &frame(60, 150)].concat());
    assert_eq!(&*handshake.hello().unwrap().server_name, "example.com");
}

#[test]
fn pieces_are_bounded() {
    let mut handshake = Handshake::default();
    for offset in 0..10_000 {
        handshake.piece(offset, &[0; 100]);
    }
    assert!(handshake.octets <= MAX_OCTETS && handshake.pieces.len() <= MAX_PIECES);
    assert_eq!(handshake.hello(), None);
}
