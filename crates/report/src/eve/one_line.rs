use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use crate::readable::is_acted_on;

/// Writes an object on a line of its own.
pub(super) fn write(line: &impl Serialize, buffer: &mut Vec<u8>) -> io::Result<()> {
    let begin = buffer.len();
    let outcome = line.serialize(&mut Serializer::with_formatter(&mut *buffer, OneLine));
    if outcome.is_err() {
        // Half a line would spoil the next one, too.
        buffer.truncate(begin);
        return outcome.map_err(io::Error::from);
    }
    buffer.push(b'\n');
    Ok(())
}

/// JSON without any character that moves a terminal's cursor, turns the direction of writing, or is taken by some readers for the end
/// of a line. JSON itself asks for less (RFC 8259, 7), and what stands escaped has the same meaning.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((place, char)) = rest.char_indices().find(|(_, char)| is_acted_on(*char)) {
            let (before, after) = rest.split_at(place);
            writer.write_all(before.as_bytes())?;
            // All of them are below U+10000: one unit of UTF-16.
            write!(writer, "\\u{:04x}", u32::from(char))?;
            rest = after.get(char.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_and_readers_of_lines_act_on_is_escaped_and_means_the_same() {
        let hostile = "a\u{1b}[2J\u{9b}\u{85}\u{7f}\u{2028}\u{202e}\"\\\r\n\0é€😀";
        let mut line = Vec::new();
        write(&hostile, &mut line).unwrap();
        let text = String::from_utf8(line).unwrap();
        assert_eq!(text, "\"a\\u001b[2J\\u009b\\u0085\\u007f\\u2028\\u202e\\\"\\\\\\r\\n\\u0000é€😀\"\n");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }
}
