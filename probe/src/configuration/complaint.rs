//! What is wrong with a file, where, and what was probably meant.

use super::tables;

/// What is wrong: line, column, and a sentence.
pub(super) fn of(error: &toml::de::Error, text: &str) -> String {
    let (line, column) = place(text, error.span().map_or(0, |span| span.start));
    let message = error.message();
    let sentence = message.strip_prefix(UNKNOWN).map_or_else(|| message.replace('\n', ", "), unknown);
    format!("{line}:{column}: {sentence}")
}

/// Counted from one, in characters.
fn place(text: &str, octet: usize) -> (usize, usize) {
    let before = text.get(..octet).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// `message` goes on with the unknown name and those that there are, each between backticks.
fn unknown(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let name = names.next().unwrap_or_default();
    let there: Vec<_> = names.collect();
    let is_table = there.contains(&"live");
    let kind = if is_table { "table" } else { "key" };
    if let Some(near) = nearest(name, &there) {
        return format!("there is no {kind} `{name}`; the nearest is `{near}`");
    }
    if let Some((table, key)) = tables::keys().find(|(_, key)| key == name) {
        return if is_table {
            format!("`{key}` stands outside of its table; it belongs to [{table}]")
        } else {
            format!("there is no key `{name}` in this table; it belongs to [{table}]")
        };
    }
    let there: Vec<_> = there.iter().map(|name| format!("`{name}`")).collect();
    format!("there is no {kind} `{name}`; there are {}", there.join(", "))
}

/// The name that takes the fewest changes, if these are few.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    // With underscores, as the program's own fields have them, it is the same name.
    let plain = name.replace('_', "-").to_lowercase();
    let by_changes = names.iter().map(|other| (changes(&plain, other), *other));
    let (changes, nearest) = by_changes.min_by_key(|(changes, _)| *changes)?;
    (changes * 3 <= name.chars().count()).then_some(nearest)
}

/// How many characters are to be changed, added or left out to make one name of another (Levenshtein), where two that changed places
/// are one change.
fn changes(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let at = |rows: &Vec<Vec<usize>>, up: usize, left: usize| {
                let row = (i + 1).checked_sub(up).and_then(|up| rows.get(up));
                (j + 1).checked_sub(left).and_then(|left| row?.get(left)).copied()
            };
            let replaced = at(&rows, 1, 1).map(|changes| changes + usize::from(a != b));
            let left_out = at(&rows, 1, 0).map(|changes| changes + 1);
            let added = row.last().map(|changes| changes + 1);
            let is_swapped = i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a);
            let swapped = is_swapped.then(|| at(&rows, 2, 2)).flatten().map(|changes| changes + 1);
            row.push([replaced, left_out, added, swapped].into_iter().flatten().min().unwrap_or(usize::MAX));
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

/// How serde begins what it says of a name that it does not know.
const UNKNOWN: &str = "unknown field ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted() {
        for (one, other, count) in [
            ("workers", "workers", 0),
            ("wrokers", "workers", 1),
            ("", "abc", 3),
            ("rings", "ring", 1),
            ("ca", "abc", 3),
        ] {
            assert_eq!(changes(one, other), count, "{one} {other}");
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["fast-failures", "slow-failures", "ring"];
        assert_eq!(nearest("fast_failures", &names), Some("fast-failures"));
        assert_eq!(nearest("fast-failure", &names), Some("fast-failures"));
        assert_eq!(nearest("king", &names), Some("ring"));
        assert_eq!(nearest("colour", &names), None);
    }

    #[test]
    fn places_are_counted_in_characters() {
        assert_eq!(place("a\nüx", 4), (2, 2));
        assert_eq!(place("", 0), (1, 1));
    }
}
