use ipfix_export::{Gap, Notice, Output};
use jiff::Timestamp;

use crate::standard_error::say;

/// Says on standard error what has happened to an output in the background. Returns the last loss among that, in a clause.
pub(super) fn tell(name: &str, output: &mut dyn Output) -> Option<String> {
    let mut lost = None;
    for notice in output.take_notices() {
        let text = match &notice {
            // As it should be.
            Notice::Connected { collector: None, waiting_records: 0 } => continue,
            Notice::Lost(gap) => {
                let text = clause(gap);
                lost = Some(text.clone());
                text
            }
            notice => notice.to_string(),
        };
        say(&format!("{name}: {text}"));
    }
    lost
}

fn clause(gap: &Gap) -> String {
    no_room(gap.records, gap.first_export_s, gap.last_export_s)
}

fn no_room(records: u64, first_export_s: u32, last_export_s: u32) -> String {
    let time = |seconds: u32| {
        Timestamp::from_second(seconds.into()).map_or_else(|_| seconds.to_string(), |time| time.to_string())
    };
    let (first, last) = (time(first_export_s), time(last_export_s));
    format!("no room was left for {records} records that were exported from {first} to {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_has_its_number_and_its_times() {
        assert_eq!(
            no_room(7, 1_763_888_400, 1_763_888_401),
            "no room was left for 7 records that were exported from 2025-11-23T09:00:00Z to 2025-11-23T09:00:01Z"
        );
    }
}
