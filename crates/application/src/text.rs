use smol_str::SmolStr;

/// Octets as text that can be shown: what is no UTF-8 or no printable character becomes `?`, and what goes beyond `most` octets is cut.
pub(crate) fn printable(octets: &[u8], most: usize) -> SmolStr {
    let is_plain = |octet: &u8| matches!(octet, b' '..=b'~');
    if octets.len() <= most
        && octets.iter().all(is_plain)
        && let Ok(text) = str::from_utf8(octets)
    {
        return text.into();
    }
    // Some octets more, so that the cut comes between characters and not before one.
    let octets = octets.get(..most + LONGEST_CHARACTER).unwrap_or(octets);
    let mut text = String::with_capacity(octets.len().min(most));
    for character in String::from_utf8_lossy(octets).chars() {
        let shown = if is_shown(character) { character } else { '?' };
        if text.len() + shown.len_utf8() > most {
            break;
        }
        text.push(shown);
    }
    text.into()
}

/// Control characters end lines and move cursors, and those of direction have text read backwards (UAX 9).
fn is_shown(character: char) -> bool {
    let turns =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !character.is_control() && !turns && character != char::REPLACEMENT_CHARACTER
}

const LONGEST_CHARACTER: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_printable_and_bounded() {
        assert_eq!(&*printable("höf\n\0\u{202e}".as_bytes(), 99), "höf???");
        assert_eq!(&*printable(b"\xff\xfe", 99), "??");
        assert_eq!(&*printable("aéé".as_bytes(), 4), "aé");
        assert_eq!(printable(&[b'a'; 500], 255).len(), 255);
    }
}
