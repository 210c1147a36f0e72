use ipfix_export::{Gap, Notice, Output};
use jiff::Timestamp;
use report::printable;

use crate::say;

/// Says on standard error what has happened to an output in the background. Returns the last loss among that, in a clause.
pub(super) fn tell(name: &str, output: &mut dyn Output) -> Option<String> {
    let mut lost = None;
    for notice in output.take_notices() {
        let text = match &notice {
            // As it should be.
            Notice::Connected { waiting_records: 0 } => continue,
            Notice::Lost(gap) => {
                let text = clause(gap);
                lost = Some(text.clone());
                text
            }
            notice => notice.to_string(),
        };
        say(&format!("flowcanary: {}: {}\n", printable(name), printable(&text)));
    }
    lost
}

fn clause(gap: &Gap) -> String {
    let time = |seconds: u32| {
        Timestamp::from_second(seconds.into()).map_or_else(|_| seconds.to_string(), |time| time.to_string())
    };
    let (records, first, last) = (gap.records, time(gap.first_export_s), time(gap.last_export_s));
    format!("no room was left for {records} records that were exported from {first} to {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Lossy(Vec<Notice>);

    impl Output for Lossy {
        fn send(&mut self, _message: &[u8]) -> std::io::Result<()> {
            Ok(())
        }

        fn is_datagram(&self) -> bool {
            false
        }

        fn take_notices(&mut self) -> Vec<Notice> {
            std::mem::take(&mut self.0)
        }
    }

    #[test]
    fn nothing_is_told_twice() {
        let mut output = Lossy(vec![Notice::Connected { waiting_records: 0 }]);
        assert_eq!(tell("tcp://collector", &mut output), None);
        assert_eq!(tell("tcp://collector", &mut output), None);
    }
}
