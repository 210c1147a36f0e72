use memchr::memchr;

/// Finds the JSON objects in a stream of octets, however it is cut.
///
/// Stratum puts one object on a line, but programs leave the newline out, or put several on one. So an object ends at its own
/// brace, and the newline is where to begin again after something else: a gap, an object that is too long, the middle of one.
#[derive(Debug)]
pub(super) struct Objects {
    state: State,
    layout: Layout,
    /// What is known of an object whose end has not come.
    partial: Vec<u8>,
    /// Braces and brackets that are open.
    depth: u32,
    in_string: bool,
    after_backslash: bool,
    /// The octet before was a newline.
    after_newline: bool,
    /// Octets of the object so far.
    length: usize,
    /// Lines that began as no object does.
    foreign_lines: u8,
}

/// What may stand between objects, and within.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// One object to a line. Few programs spread one over several; a newline within a string breaks it, and an object that
    /// begins a line was not meant to lie in another.
    Lines,
    /// A document that holds objects: newlines are whitespace, and what cannot be read ends it.
    Document,
}

/// A JSON object as it was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Object<'a> {
    pub(super) octets: &'a [u8],
    /// If not, these are the first members of an object that is too long: a block, or the template of one.
    pub(super) is_whole: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Between,
    Inside,
    /// After a gap: what follows it is likely to be the beginning of a segment, and programs put messages there.
    Resuming,
    /// To the next newline.
    Skipping,
    /// This is something else: nothing more is read.
    Ended,
}

impl Objects {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            state: State::Between,
            layout,
            partial: Vec::new(),
            depth: 0,
            in_string: false,
            after_backslash: false,
            after_newline: false,
            length: 0,
            foreign_lines: 0,
        }
    }

    /// One that begins in the middle of something, and waits for the next newline.
    pub(super) fn resuming() -> Self {
        Self { state: State::Skipping, ..Self::new(Layout::Lines) }
    }

    /// Will nothing more be read?
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Octets are missing. Of an object that they cut, `consume` gets the first members: a capture may hold no more of any.
    pub(super) fn gap(&mut self, mut consume: impl FnMut(Object<'_>)) {
        if self.state == State::Inside {
            self.consume_beginning(&mut consume);
        }
        if self.state != State::Ended {
            self.skip();
            if self.state == State::Skipping {
                self.state = State::Resuming;
            }
        }
    }

    /// Takes the next octets; `consume` gets each object that is complete.
    pub(super) fn octets(&mut self, mut octets: &[u8], mut consume: impl FnMut(Object<'_>)) {
        while let Some(&first) = octets.first() {
            match self.state {
                State::Ended => return,
                State::Resuming if first == b'{' => self.begin(),
                State::Resuming => self.state = State::Skipping,
                State::Skipping => {
                    let Some(newline) = memchr(b'\n', octets) else { return };
                    octets = octets.get(newline..).unwrap_or_default();
                    self.state = State::Between;
                }
                State::Between => {
                    match first {
                        b'{' => self.begin(),
                        // Batches of JSON-RPC are arrays of objects.
                        b' ' | b'\t' | b'\r' | b'\n' | b'[' | b']' | b',' | 0 => octets = rest(octets, 1),
                        _ => self.foreign_line(),
                    }
                }
                State::Inside => {
                    let Some(end) = self.end_of_object(octets, &mut consume) else { return };
                    self.finish(octets.get(..end).unwrap_or_default(), &mut consume);
                    octets = rest(octets, end);
                }
            }
        }
    }

    fn begin(&mut self) {
        self.state = State::Inside;
        (self.depth, self.length) = (0, 0);
        (self.in_string, self.after_backslash, self.after_newline) = (false, false, false);
        self.partial.clear();
    }

    /// A text that holds objects on some of its lines is a text about Stratum, and not Stratum.
    fn foreign_line(&mut self) {
        self.skip();
        self.foreign_lines = self.foreign_lines.saturating_add(1);
        if self.foreign_lines >= MAX_FOREIGN_LINES {
            self.state = State::Ended;
        }
    }

    fn skip(&mut self) {
        self.state = match self.layout {
            Layout::Lines => State::Skipping,
            Layout::Document => State::Ended,
        };
        self.partial = Vec::new();
    }

    /// How many of these octets belong to the object, if its end, good or bad, is among them. Else they are put aside.
    fn end_of_object(&mut self, octets: &[u8], consume: &mut impl FnMut(Object<'_>)) -> Option<usize> {
        let room = MAX_OBJECT_OCTETS.saturating_sub(self.length);
        for (at, &octet) in octets.iter().enumerate() {
            let is_broken = self.layout == Layout::Lines && octet == b'\n' && self.in_string;
            if at >= room || is_broken {
                if at >= room {
                    self.partial.extend_from_slice(octets.get(..at).unwrap_or_default());
                    self.consume_beginning(consume);
                }
                self.skip();
                return Some(at);
            }
            if self.layout == Layout::Lines && self.after_newline && octet == b'{' {
                self.state = State::Between;
                self.partial = Vec::new();
                return Some(at);
            }
            self.after_newline = octet == b'\n';
            if self.ends(octet) {
                return Some(at + 1);
            }
        }
        self.length = self.length.saturating_add(octets.len());
        self.partial.extend_from_slice(octets);
        None
    }

    /// Hands out the first members of an object that is not read to its end, if any is known.
    fn consume_beginning(&self, consume: &mut impl FnMut(Object<'_>)) {
        let octets = beginning(&self.partial);
        if !octets.is_empty() {
            consume(Object { octets: &octets, is_whole: false });
        }
    }

    /// Takes one octet of an object and says whether it is the last.
    fn ends(&mut self, octet: u8) -> bool {
        if self.in_string {
            match octet {
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' => self.after_backslash = true,
                b'"' => self.in_string = false,
                _ => (),
            }
            return false;
        }
        match octet {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => (),
        }
        self.depth == 0
    }

    fn finish(&mut self, end: &[u8], consume: &mut impl FnMut(Object<'_>)) {
        if self.state != State::Inside {
            return;
        }
        self.state = State::Between;
        if self.partial.is_empty() {
            consume(Object { octets: end, is_whole: true });
            return;
        }
        self.partial.extend_from_slice(end);
        consume(Object { octets: &self.partial, is_whole: true });
        // A session is silent for most of its life, and should not hold on to its longest message.
        self.partial = Vec::new();
    }
}

/// Makes an object of the first members of one that was cut: those of its own, and those of its members that are objects.
fn beginning(octets: &[u8]) -> Vec<u8> {
    let (mut open, mut in_string, mut after_backslash) = (Vec::new(), false, false);
    let mut good = (0, Vec::new());
    for (at, octet) in octets.iter().enumerate() {
        match octet {
            _ if after_backslash => after_backslash = false,
            b'\\' => after_backslash = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => (),
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                open.pop();
            }
            b',' if open.len() <= MEMBERS_DEPTH => good = (at, open.clone()),
            _ => (),
        }
    }
    let (end, open) = good;
    octets.iter().take(end).chain(open.iter().rev()).copied().collect()
}

fn rest(octets: &[u8], from: usize) -> &[u8] {
    octets.get(from..).unwrap_or_default()
}

/// The longest object that is read, as in `XMRig` (`kMaxReceiveBufferSize`, 16 KiB).
pub(super) const MAX_OBJECT_OCTETS: usize = 16 * 1024;

/// A template is in the member `result`.
const MEMBERS_DEPTH: usize = 2;

/// A pool's banner or a broken line may be among the objects; more is another protocol.
const MAX_FOREIGN_LINES: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn split(layout: Layout, parts: &[&[u8]]) -> Vec<String> {
        let mut objects = Objects::new(layout);
        let mut found = Vec::new();
        for part in parts {
            objects.octets(part, |object| found.push(String::from_utf8_lossy(object.octets).into_owned()));
        }
        found
    }

    #[test]
    fn objects_end_at_their_own_brace() {
        let text = br#"{"a":"}\"{"}{"b":[{}]} {"c":1}"#;
        assert_eq!(split(Layout::Lines, &[text]), [r#"{"a":"}\"{"}"#, r#"{"b":[{}]}"#, r#"{"c":1}"#]);
    }

    #[test]
    fn a_broken_line_costs_itself_only() {
        assert_eq!(
            split(Layout::Lines, &[b"{\"a\":\"\n{\"b\":1}\nnoise {\"c\":2}\n{\"d\":3}"]),
            [r#"{"b":1}"#, r#"{"d":3}"#]
        );
        assert_eq!(split(Layout::Lines, &[b"{\"a\":1,\n{\"b\":1}\n"]), [r#"{"b":1}"#]);
    }

    #[test]
    fn an_object_may_be_spread_over_lines() {
        let text = b"{\n  \"a\": [\n    1\n  ]\n}\n{\"b\":1}\n";
        assert_eq!(split(Layout::Lines, &[text]), ["{\n  \"a\": [\n    1\n  ]\n}", r#"{"b":1}"#]);
        let pieces: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(split(Layout::Lines, &pieces).len(), 2);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_the_next_newline() {
        let long = format!("{{\"a\":\"{}\"}}{{\"lost\":1}}\n{{\"b\":1}}\n", "x".repeat(MAX_OBJECT_OCTETS));
        assert_eq!(split(Layout::Lines, &[long.as_bytes()]), [r#"{"b":1}"#]);
        let pieces: Vec<&[u8]> = long.as_bytes().chunks(1_000).collect();
        assert_eq!(split(Layout::Lines, &pieces), [r#"{"b":1}"#]);
        let known = format!("{{\"a\":1,\"b\":\"{}\"}}\n{{\"c\":1}}\n", "x".repeat(MAX_OBJECT_OCTETS));
        assert_eq!(
            split(Layout::Lines, &[known.as_bytes()]),
            [r#"{"a":1}"#, r#"{"c":1}"#],
            "as of a document"
        );
    }

    #[test]
    fn documents_may_have_newlines_and_batches() {
        assert_eq!(split(Layout::Document, &[b"[{\n\"a\":1},\n{}]"]), ["{\n\"a\":1}", "{}"]);
    }

    #[test]
    fn of_a_document_that_is_too_long_the_first_members_are_read() {
        let long =
            format!(r#"{{"a":1,"b":{{"c":"}},{{","d":2,"e":["{}"]}},"f":3}}"#, "x".repeat(MAX_OBJECT_OCTETS));
        let expected = [r#"{"a":1,"b":{"c":"},{","d":2}}"#];
        assert_eq!(split(Layout::Document, &[long.as_bytes()]), expected);
        let pieces: Vec<&[u8]> = long.as_bytes().chunks(999).collect();
        assert_eq!(split(Layout::Document, &pieces), expected);
    }

    #[test]
    fn after_a_gap_the_next_line_counts() {
        let mut objects = Objects::new(Layout::Lines);
        let mut found = 0;
        objects.octets(b"{\"a\":", |_| found += 1);
        objects.gap(|_| panic!("nothing is known of it"));
        objects.octets(b"1}\n{\"b\":2}\n", |object| {
            assert_eq!(object.octets, br#"{"b":2}"#);
            found += 1;
        });
        assert_eq!(found, 1);
        let mut beginnings = Vec::new();
        objects.octets(b"{\"c\":3,\"d\":[4,5", |_| ());
        objects.gap(|object| beginnings.push((object.octets.to_vec(), object.is_whole)));
        assert_eq!(beginnings, [(b"{\"c\":3,\"d\":[4]}".to_vec(), false)]);
    }
}
