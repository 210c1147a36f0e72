use std::fmt;

use crate::printable;

/// Writes a text behind a prefix in lines of no more than [`WIDTH`] columns; those after the first begin where the text does.
///
/// The text may come from the network: what a terminal would act on is escaped, and what is too long is cut.
pub(crate) fn write_wrapped(f: &mut fmt::Formatter<'_>, prefix: &str, text: &str) -> fmt::Result {
    let indent = prefix.chars().count();
    let room = WIDTH.saturating_sub(indent).max(LEAST_ROOM);
    let text = printable(text);
    let text = shortened(&text);
    f.write_str(prefix)?;
    let mut column = 0;
    for word in text.split_whitespace() {
        let mut length = word.chars().count();
        if column > 0 && column + 1 + length <= room {
            f.write_str(" ")?;
            column += 1;
        } else if column > 0 {
            write!(f, "\n{:indent$}", "")?;
            column = 0;
        }
        // Wallets and IPv6 addresses in a narrow place have to be broken.
        let mut rest = word;
        while length > room {
            let end = rest.char_indices().nth(room).map_or(rest.len(), |(end, _)| end);
            let (line, after) = rest.split_at(end);
            write!(f, "{line}\n{:indent$}", "")?;
            (rest, length) = (after, length - room);
        }
        f.write_str(rest)?;
        column += length;
    }
    writeln!(f)
}

fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(LONGEST_TEXT) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

/// Columns of a line for people.
pub(crate) const WIDTH: usize = 110;
const LEAST_ROOM: usize = 20;
/// Characters of a text: some lines, and no more than a screen.
const LONGEST_TEXT: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    struct Wrapped<'a>(&'a str, &'a str);

    impl fmt::Display for Wrapped<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_wrapped(f, self.0, self.1)
        }
    }

    #[test]
    fn lines_hang_and_fit() {
        let text = format!("{} {} end", "word ".repeat(30), "x".repeat(250));
        let shown = Wrapped("    says  ", &text).to_string();
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{shown}");
        assert!(lines[0].starts_with("    says  word word"));
        assert!(
            lines[1..].iter().all(|line| line.starts_with("          ") && !line.ends_with(' ')),
            "{shown}"
        );
        assert_eq!(shown.split_whitespace().filter(|word| *word == "word").count(), 30);
        assert_eq!(shown.matches('x').count(), 250);
    }

    #[test]
    fn a_short_text_is_one_line() {
        assert_eq!(Wrapped("  a  ", "b c").to_string(), "  a  b c\n");
        assert_eq!(Wrapped("  a", "").to_string(), "  a\n");
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = format!("\u{1b}[2J\nforged {}", "y".repeat(10_000));
        let shown = Wrapped("  ", &text).to_string();
        assert!(shown.starts_with("  \\u{1b}[2J\\nforged"), "{shown}");
        assert!(shown.lines().count() <= 7 && shown.ends_with("…\n"));
    }
}
