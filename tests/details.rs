//! What flow records have only if it is asked for.

use crate::{
    program::{Ended, Replay, own_capture, tool},
    shared::folder,
};

const OPTIONS: [&str; 3] = ["--payload", "64", "--histograms"];

#[test]
fn first_octets_and_histograms_are_in_records_that_ask_for_them() {
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &OPTIONS);
    let numbers =
        |text: &str| text.split(' ').map(|number| number.parse::<u64>().unwrap()).collect::<Vec<_>>();
    let mut requests = 0;
    for flow in &replay.flows {
        for way in ["", "reverse_"] {
            let packets = flow.number(&format!("{way}packets"));
            let Some(lengths) = flow.optional_text(&format!("{way}packet_lengths")) else {
                assert_eq!(packets, 0, "{flow:?}");
                continue;
            };
            assert_eq!(numbers(lengths).iter().sum::<u64>(), packets, "{flow:?}");
            let gaps = numbers(flow.text(&format!("{way}packet_gaps")));
            assert_eq!((gaps.len(), gaps.iter().sum::<u64>()), (8, packets.saturating_sub(1)), "{flow:?}");
        }
        let is_request = flow.application().is_some_and(|known| known["http_method"] == "GET");
        if is_request {
            let payload = flow.text("payload");
            assert!(payload.starts_with("474554") && payload.len() <= 128, "{flow:?}");
            requests += 1;
        }
    }
    assert!(requests > 3, "{requests} requests");
}

#[test]
fn details_change_nothing_else_and_do_not_depend_on_workers() {
    let captures = [own_capture("cryptojacking.pcap"), own_capture("tunnels.pcap")];
    let plain = Replay::of(&captures, &[]);
    let one = Replay::of(&captures, &OPTIONS);
    let three = Replay::of(&captures, &[&OPTIONS[..], &["--workers", "3"]].concat());
    assert_eq!(std::fs::read(one.ipfix()).unwrap(), std::fs::read(three.ipfix()).unwrap());
    assert_eq!(one.flows, three.flows);
    let without = |replay: &Replay| -> Vec<_> {
        let columns = ["payload", "packet_lengths", "packet_gaps"];
        let columns = columns.iter().flat_map(|column| [(*column).to_owned(), format!("reverse_{column}")]);
        let columns: Vec<_> = columns.collect();
        replay
            .flows
            .iter()
            .map(|flow| columns.iter().fold(flow.clone(), |flow, column| flow.without(column)))
            .collect()
    };
    assert_eq!(without(&one), plain.flows);
}

#[test]
fn messages_with_details_are_right_by_the_letter() {
    let Some(checker) = folder("tools") else { return };
    for options in [&OPTIONS[..], &["--payload", "512", "--histograms", "--ipfix-profile", "uniflow"]] {
        let replay = Replay::of([own_capture("cryptojacking.pcap")], options);
        let mut command = tool("python3", "python3");
        command.arg(checker.join("ipfix_decode.py")).arg("--check").arg(replay.ipfix());
        Ended::of(&mut command).assert_status(0);
    }
}

#[test]
fn more_payload_than_is_kept_is_refused() {
    for octets in ["513", "-1", "many"] {
        let mut command = crate::program::replay([own_capture("tunnels.pcap")]);
        Ended::of(command.arg(format!("--payload={octets}"))).assert_status(2);
    }
}
