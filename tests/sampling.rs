//! Looking at a part of the packets.

use std::collections::BTreeSet;

use crate::program::{Ended, Flow, Replay, own_capture, replay};

#[test]
fn flows_that_are_taken_are_whole_and_the_same_for_any_number_of_workers() {
    let capture = own_capture("cryptojacking.pcap");
    let whole = Replay::of([&capture], &[]);
    let one = Replay::of([&capture], &["--sample", "1:4"]);
    one.ended.assert_status(0);
    let all: BTreeSet<_> = whole.flows.iter().map(told).collect();
    assert!(one.flows.iter().all(|flow| all.contains(&told(flow))));
    assert!(one.flows.len() > 20 && one.flows.len() < whole.flows.len() / 2, "{}", one.flows.len());
    assert_eq!((one.packets("balance"), one.packets("received")), (0, whole.packets("received")));
    assert_eq!(
        one.summary["packets"]["received_octets"], whole.summary["packets"]["received_octets"],
        "what was left out was received"
    );
    assert!(one.packets("sampled_out") > 0);
    // What is of no flow is not sampled.
    assert_eq!(one.packets("undecoded"), whole.packets("undecoded"));
    for workers in ["2", "3"] {
        let several = Replay::of([&capture], &["--sample", "1:4", "--workers", workers]);
        assert!(several.flows == one.flows, "{workers} workers");
        assert_eq!(several.summary["packets"], one.summary["packets"], "{workers} workers");
    }
}

#[test]
fn packets_by_themselves_are_taken_without_detectors_only() {
    let capture = own_capture("cryptojacking.pcap");
    let by_packet = ["--sample", "1:10", "--sample-by", "packet"];
    let refused = Ended::of(replay([&capture]).args(by_packet));
    assert!(refused.assert_status(2).stderr.contains("--detect off"), "{refused:?}");

    let sampled = Replay::of([&capture], &[&by_packet[..], &["--detect", "off"]].concat());
    sampled.ended.assert_status(0);
    assert_eq!(sampled.packets("balance"), 0);
    let taken = sampled.packets("received") - sampled.packets("sampled_out");
    let tenth = sampled.packets("received") / 10;
    assert!((tenth * 8 / 10..tenth * 12 / 10).contains(&taken), "{taken} of {}", sampled.packets("received"));
    let again = Replay::of([&capture], &[&by_packet[..], &["--detect", "off", "--workers", "2"]].concat());
    assert!(again.flows == sampled.flows);
}

#[test]
fn findings_say_that_a_part_was_looked_at() {
    let capture = own_capture("cryptojacking.pcap");
    let (all, half) =
        (crate::eve::eve_of(&[&capture], &[]), crate::eve::eve_of(&[&capture], &["--sample", "1:2"]));
    assert!(all.alerts.iter().all(|alert| alert["flowcanary"]["capture_quality"].get("sampled").is_none()));
    assert!(!half.alerts.is_empty(), "another capture would have to be chosen");
    for alert in &half.alerts {
        assert_eq!(alert["flowcanary"]["capture_quality"]["sampled"], "1:2 by flow");
    }
    // One in one is all.
    let one = crate::eve::eve_of(&[&capture], &["--sample", "1:1"]);
    assert_eq!(one.alerts, all.alerts);
}

/// A flow without why it ended: the last packets, which tell how late it is, may be left out.
fn told(flow: &Flow) -> String {
    format!("{:?}", flow.without("end_reason"))
}
