use std::fmt::{self, Display, Write as _};

/// Counts as Prometheus reads them: its text format, version 0.0.4.
///
/// A family of counts has a name, which says the unit and ends in `_total` for what only grows, and samples that labels tell apart.
///
/// Source: Prometheus, "Exposition formats", section "Text-based format".
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    text: String,
    /// The family that samples belong to.
    name: &'static str,
}

/// What may become of a count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// It only grows, as long as the program runs.
    Counter,
    /// It may fall, too.
    Gauge,
}

impl Exposition {
    /// Begins a family: what follows are its samples, until the next one begins.
    pub fn family(&mut self, name: &'static str, kind: MetricKind, help: &str) {
        self.name = name;
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
        };
        let help = Escaped { text: help, is_label: false };
        // Text takes everything.
        writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
    }

    /// Adds a sample to the family, with the names and values of its labels.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.name);
        for (number, (name, value)) in labels.iter().enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            let value = Escaped { text: value, is_label: true };
            write!(self.text, "{before}{name}=\"{value}\"").ok();
        }
        let after = if labels.is_empty() { "" } else { "}" };
        writeln!(self.text, "{after} {value}").ok();
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// Text that cannot end its line or its label.
struct Escaped<'a> {
    text: &'a str,
    is_label: bool,
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '\n' => f.write_str("\\n"),
            '"' if self.is_label => f.write_str("\\\""),
            _ => f.write_char(character),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_a_heading_and_a_line_for_each_sample() {
        let mut exposition = Exposition::default();
        exposition.family("packets_total", MetricKind::Counter, "Packets.");
        exposition.sample(&[("worker", "0"), ("place", "a")], 7);
        exposition.sample(&[("worker", "1"), ("place", "a")], u64::MAX);
        exposition.family("age_seconds", MetricKind::Gauge, "How old\nit is \\ \"was\".");
        exposition.sample(&[], 0.25);
        let expected = "# HELP packets_total Packets.\n# TYPE packets_total counter\n\
                        packets_total{worker=\"0\",place=\"a\"} 7\n\
                        packets_total{worker=\"1\",place=\"a\"} 18446744073709551615\n\
                        # HELP age_seconds How old\\nit is \\\\ \"was\".\n# TYPE age_seconds gauge\nage_seconds 0.25\n";
        assert_eq!(exposition.into_text(), expected);
    }

    #[test]
    fn a_label_does_not_end_before_its_end() {
        let mut exposition = Exposition::default();
        exposition.family("records", MetricKind::Gauge, "Records.");
        exposition.sample(&[("output", "a\"} 1\nb\\")], 2);
        let text = exposition.into_text();
        assert_eq!(text.lines().last(), Some("records{output=\"a\\\"} 1\\nb\\\\\"} 2"));
    }
}
