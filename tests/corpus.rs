//! Every capture of the corpus is replayed to its end, and what comes out adds up.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    parallel,
    program::{Ended, Replay},
    shared::{self, corpus},
};

#[test]
fn every_capture_is_accounted_for() {
    let captures = corpus();
    let Some(tools) = shared::folder("tools") else { return };
    // Python takes longer to start than to decode.
    let groups: Vec<_> = captures.chunks(32).collect();
    let replays = parallel::each(&groups, |captures| {
        let replay = |capture: &PathBuf| {
            let replay = Replay::of([capture], &[]);
            assert_adds_up(capture, &replay);
            replay
        };
        let replays: Vec<_> = captures.iter().map(replay).collect();
        assert_conform(captures, &replays, &tools);
        replays
    });
    let replays: Vec<_> = replays.into_iter().flatten().collect();
    assert_eq!(replays.len(), captures.len());
    print_table(&replays);
}

fn assert_adds_up(capture: &Path, replay: &Replay) {
    let Replay { ended, flows, summary, .. } = replay;
    let which = capture.display();
    assert!([0, 3].contains(&ended.status) && !ended.stderr.contains("panicked"), "{which}: {ended:?}");
    assert_eq!(replay.packets("balance"), 0, "{which}");
    let parts = ["metered", "tunnel_fragments", "filtered", "sampled_out", "undecoded"]
        .map(|part| replay.packets(part));
    assert_eq!(parts.iter().sum::<i64>(), replay.packets("received"), "{which}");
    let by_reason = summary["packets"]["undecoded_by_reason"].as_object().unwrap();
    let reasons: i64 = by_reason.values().map(|packets| packets.as_i64().unwrap()).sum();
    assert_eq!(reasons, replay.packets("undecoded"), "{which}");

    let sum = |column: &str, reverse: &str| {
        let each = flows.iter().map(|flow| flow.number(column) + flow.number(reverse));
        i64::try_from(each.sum::<u64>()).unwrap()
    };
    assert_eq!(sum("packets", "reverse_packets"), replay.packets("metered"), "{which}");
    assert_eq!(sum("octets", "reverse_octets"), replay.packets("metered_octets"), "{which}");
    assert_eq!(summary["flows"]["records"].as_u64(), Some(u64::try_from(flows.len()).unwrap()), "{which}");
    for output in summary["outputs"].as_array().unwrap() {
        assert_eq!(output["records"], summary["flows"]["records"], "{which}: {output}");
        assert_eq!(output["lost_records"], 0, "{which}: {output}");
    }
    // What was said is in the summary, and the other way round for a damaged file.
    assert_eq!(ended.status == 3, !damages(replay).is_empty(), "{which}: {summary}");
}

/// Our IPFIX files keep RFC 7011, and have a data record for each flow record, beside those of options.
fn assert_conform(captures: &[PathBuf], replays: &[Replay], tools: &Path) {
    let mut command = Command::new("python3");
    command.args(["-c", CHECK]).arg(tools).args(replays.iter().map(Replay::ipfix));
    let checked = Ended::of(&mut command);
    let lines: Vec<_> = checked.assert_status(0).stdout.lines().collect();
    assert_eq!(lines.len(), captures.len());
    for ((capture, replay), line) in captures.iter().zip(replays).zip(lines) {
        let expected = format!("{} records, violations: {{}}", replay.flows.len());
        assert_eq!(line, expected, "{}", capture.display());
    }
}

/// Warnings that are of damage: they name a packet, or say that there is nothing.
fn damages(replay: &Replay) -> Vec<&str> {
    let warnings = replay.summary["warnings"].as_array().unwrap().iter();
    let texts = warnings.map(|warning| warning.as_str().unwrap());
    texts.filter(|text| text.contains(": packet ") || text.ends_with(": empty file")).collect()
}

/// Captures by exit status and frames by what became of them.
fn print_table(replays: &[Replay]) {
    let (mut statuses, mut reasons) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, (i64, u64)>::new());
    let names = ["received", "metered", "tunnel_fragments", "undecoded"];
    let mut totals = BTreeMap::<_, i64>::new();
    for replay in replays {
        *statuses.entry(replay.ended.status).or_default() += 1;
        for name in names {
            *totals.entry(name).or_default() += replay.packets(name);
        }
        for (reason, packets) in replay.summary["packets"]["undecoded_by_reason"].as_object().unwrap() {
            let (sum, captures) = reasons.entry(reason.clone()).or_default();
            *sum += packets.as_i64().unwrap();
            *captures += 1;
        }
    }
    println!("{} captures", replays.len());
    for (status, captures) in statuses {
        println!("{captures:>9}  ended with status {status}");
    }
    println!("Frames");
    for name in names {
        println!("{:>9}  {name}", totals.get(name).copied().unwrap_or_default());
    }
    println!("Frames that were not decoded, and in how many captures");
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, (packets, _))| (-packets, reason.clone()));
    for (reason, (packets, captures)) in reasons {
        println!("{packets:>9}  {captures:>3}  {reason}");
    }
    for (damage, replay) in replays.iter().flat_map(|replay| damages(replay).into_iter().zip([replay])) {
        println!("status {}: {damage}", replay.ended.status);
    }
}

/// What `ipfix_decode.py --check` does, for many files.
const CHECK: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import ipfix_decode
for path in sys.argv[2:]:
    records, faults = ipfix_decode.decode(open(path, 'rb').read())
    flows = [record for record in records if not record.get('_options')]
    print(f'{len(flows)} records, violations: {faults}')
";
