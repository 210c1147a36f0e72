//! What an observer states of handshakes.

use detect::synflood::{Fates, Observer, ObserverConfig, Second, Target, TargetCount};
use flow::{Meter, MeterConfig};
use wire::Packet;

use crate::packets::{Lot, ends, place, v4};

const SERVER: [u8; 4] = [192, 0, 2, 10];

fn seconds(mut packets: Vec<Packet<'static>>) -> Vec<Second> {
    packets.sort_by_key(|packet| packet.timestamp);
    let mut observer = Observer::new(ObserverConfig::default());
    let mut meter = Meter::new(MeterConfig::default());
    for packet in &packets {
        observer.segment(packet, &place(&mut meter, packet, packet.timestamp).unwrap());
    }
    observer.close();
    std::iter::from_fn(|| observer.take()).collect()
}

fn target(second: &Second) -> &TargetCount {
    &second.targets[&Target::Port(v4(SERVER), 80)]
}

#[test]
fn each_handshake_has_one_fate_in_the_second_of_its_syn() {
    let one = |port| ends([198, 51, 100, 1], port, SERVER, 80);
    let packets = [
        one(1).handshake(0),
        vec![one(2).syn(0), one(2).server_reset(1_500)],
        vec![one(3).syn(0), one(3).syn_ack(1), one(3).client_reset(2_999)],
        vec![one(4).syn(0), one(4).syn(1_000), one(4).syn(3_000)],
        vec![one(5).syn(0), one(5).syn_ack(1), one(5).syn_ack(1_001)],
        vec![one(6).syn(0)],
        // What comes after the second was handed over is no longer its fate.
        vec![one(7).syn(0), one(7).syn_ack(1), one(7).ack(9_000)],
    ];
    let seconds = seconds(packets.concat());
    let first = target(&seconds[0]);
    let fates = Fates { completed: 1, refused: 1, aborted: 1, retried: 1, half_open: 2, silent: 1 };
    assert_eq!((first.fates, first.fates.opened()), (fates, 7));
    assert_eq!((first.answered, first.answered_again, first.syn), (4, 1, 7));
    assert_eq!(seconds.iter().map(|second| target(second).syn_repeated).sum::<u32>(), 2);
    assert_eq!(target(&seconds[seconds.len() - 1]).completed_late, 1);
    let source = &seconds[0].sources[&v4([198, 51, 100, 1])];
    assert_eq!((source.fates, source.targets.distinct()), (fates, 1));
}

#[test]
fn either_direction_alone_shows_that_a_handshake_was_completed() {
    let packets = ends([198, 51, 100, 1], 1, SERVER, 80).handshake(0);
    let [syn, syn_ack, ack, data] = packets[..] else { panic!("a handshake has four packets") };
    let count = target(&seconds(vec![syn, ack])[0]).clone();
    assert_eq!((count.fates.completed, count.completed_unanswered), (1, 1));
    let count = target(&seconds(vec![syn_ack, data])[0]).clone();
    assert_eq!((count.fates.opened(), count.unsolicited, count.unsolicited_completed), (0, 1, 1));
}

#[test]
fn an_acknowledgment_of_something_else_completes_nothing() {
    let one = ends([198, 51, 100, 1], 1, SERVER, 80);
    let guess = ends([198, 51, 100, 1], 1, SERVER, 80);
    let mut ack = guess.ack(10);
    if let wire::Transport::Tcp(tcp) = &mut ack.transport {
        tcp.acknowledgment = tcp.acknowledgment.wrapping_sub(1 << 31);
    }
    let count = target(&seconds(vec![one.syn(0), one.syn_ack(1), ack])[0]).clone();
    assert_eq!((count.fates.half_open, count.fates.completed), (1, 0));
}

#[test]
fn a_second_is_handed_over_once_three_more_have_passed() {
    let mut observer = Observer::new(ObserverConfig::default());
    let syn = ends([198, 51, 100, 1], 1, SERVER, 80).syn(999);
    observer.segment(&syn, &place(&mut Meter::new(MeterConfig::default()), &syn, syn.timestamp).unwrap());
    let later = |seconds: u64| wire::Timestamp::from_parts(syn.timestamp.seconds() + seconds, 0);
    observer.advance(later(3));
    assert!(observer.take().is_none());
    observer.advance(later(4));
    assert!(observer.take().is_some_and(|second| !second.premature));
}

#[test]
fn what_syn_look_like_is_counted() {
    let mut lot = Lot(1);
    let packets = (0..100).map(|n| ends(lot.address(), lot.port(), SERVER, 80).without_options().syn(n));
    let seconds = seconds(packets.collect());
    let count = target(&seconds[0]);
    assert_eq!(count.with_options, 0);
    assert!((count.fingerprints.concentration() - 1.0).abs() < 1e-9);
    assert!(count.sources.distinct().abs_diff(100) < 40);
    assert!((count.sources.share(|source| source.opened == 1) - 1.0).abs() < 1e-9);
}
