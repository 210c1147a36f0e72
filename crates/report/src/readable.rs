use std::borrow::Cow;

/// A text from a capture or a file name as it may be shown on a terminal: characters that could move the cursor, forge lines or turn
/// the direction of writing stand as escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_acted_on) {
        return Cow::Borrowed(text);
    }
    let shown = text
        .chars()
        .map(|char| if is_acted_on(char) { char.escape_default().to_string() } else { char.into() });
    Cow::Owned(shown.collect())
}

/// Control characters, separators of lines, and marks of direction (UAX #9, 2): terminals and readers of lines act on them.
pub(crate) fn is_acted_on(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number in groups of three digits: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Octets in the largest decimal unit that leaves a number before the point: `3.9 GB`.
pub fn scaled_octets(octets: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if octets < 1_000 {
        return format!("{octets} B");
    }
    let (mut tenths, mut unit) = (octets / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS.get(unit).unwrap_or(&"EB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_is_shown_as_text() {
        assert_eq!(printable("eth0"), "eth0");
        assert_eq!(printable("a\n\u{1b}[2Jb\u{9b}c"), "a\\n\\u{1b}[2Jb\\u{9b}c");
        assert_eq!(printable("é\u{202e}exe.txt"), "é\\u{202e}exe.txt");
    }

    #[test]
    fn numbers_are_grouped_and_scaled() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_000, 1_950_000, 3_890_000_000].map(scaled_octets),
            ["0 B", "999 B", "1.0 kB", "1.9 MB", "3.8 GB"]
        );
        assert_eq!(scaled_octets(u64::MAX), "18.4 EB");
    }
}
