//! Messages of DNS: what was asked, and how it was answered.

use arrayvec::ArrayString;
use domain::base::{Message, ParsedName, iana::Opcode};
use smol_str::SmolStr;

use crate::{Dns, DnsResponse};

/// Adds what a message says to `known`. `None` if it is no message of DNS, or of another transaction.
pub(crate) fn add(known: &mut Option<Dns>, octets: &[u8]) -> Option<()> {
    let message = Message::from_slice(octets).ok()?;
    let (header, counts) = (message.header(), message.header_counts());
    // What these ask about stands where the question stands (RFC 1996, 3.7; RFC 2136, 2.3).
    let has_question = matches!(header.opcode(), Opcode::QUERY | Opcode::NOTIFY | Opcode::UPDATE);
    let is_usual = has_question && !header.z();
    is_usual.then_some(())?;
    let [_, _, high, low, ..] = *octets else { return None };
    let flags = u16::from_be_bytes([high, low]);
    if known.as_ref().is_some_and(|known| known.transaction_id != header.id()) {
        return None;
    }
    let response = DnsResponse { flags, code: header.rcode().to_int() };
    if counts.qdcount() == 0 && header.qr() {
        // Servers that do not understand a query may not repeat its question.
        known.as_mut()?.response.get_or_insert(response);
        return Some(());
    }
    let question = (counts.qdcount() == 1).then(|| message.sole_question().ok())??;
    let known = known.get_or_insert_with(|| Dns {
        transaction_id: header.id(),
        name: name(question.qname()).unwrap_or_default(),
        query_type: question.qtype().to_int(),
        query_class: question.qclass().to_int(),
        query_flags: None,
        response: None,
    });
    if header.qr() {
        known.response.get_or_insert(response);
    } else {
        known.query_flags.get_or_insert(flags);
    }
    Some(())
}

/// Whether all is known that can be.
pub(crate) const fn is_complete(known: &Dns) -> bool {
    known.query_flags.is_some() && known.response.is_some()
}

/// A name as it is shown: in lower case, without the dot at its end, and with `?` for what could do harm on a terminal or pass for
/// the border of a label. `None` for the root.
pub fn name(name: &ParsedName<&[u8]>) -> Option<SmolStr> {
    let mut text = ArrayString::<MAX_NAME_OCTETS>::new();
    let is_plain = |octet: u8| octet.is_ascii_graphic() && octet != b'.';
    for label in name.iter().filter(|label| !label.is_root()) {
        if !text.is_empty() {
            text.try_push('.').ok()?;
        }
        for octet in label.as_slice().iter().copied() {
            let shown = if is_plain(octet) { char::from(octet.to_ascii_lowercase()) } else { '?' };
            text.try_push(shown).ok()?;
        }
    }
    (!text.is_empty()).then(|| SmolStr::new(text))
}

/// RFC 1035, 4.2.1.
pub(crate) const PORT: u16 = 53;
/// RFC 1035, 2.3.4, without lengths and the root.
const MAX_NAME_OCTETS: usize = 253;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A question for the addresses of `www.example.org`, or the beginning of an answer to it.
    pub(crate) fn message(id: u16, flags: u16) -> Vec<u8> {
        let header = [id, flags, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
        [&header[..], b"\x03wWw\x07example\x03org\0\0\x01\0\x01"].concat()
    }

    #[test]
    fn a_question_and_its_answer_are_put_together() {
        let mut known = None;
        add(&mut known, &message(7, 0x0100)).unwrap();
        assert!(!is_complete(known.as_ref().unwrap()));
        assert_eq!(add(&mut known, &message(8, 0x8180)), None, "of another question");
        add(&mut known, &message(7, 0x8183)).unwrap();
        let known = known.unwrap();
        assert!(is_complete(&known));
        assert_eq!((&*known.name, known.query_type, known.query_class), ("www.example.org", 1, 1));
        assert_eq!(known.query_flags, Some(0x0100));
        assert_eq!(known.response, Some(DnsResponse { flags: 0x8183, code: 3 }));
    }

    #[test]
    fn notices_and_updates_name_a_zone() {
        for opcode in [4, 5] {
            let mut known = None;
            add(&mut known, &message(7, opcode << 11)).unwrap();
            add(&mut known, &message(7, 0x8000 | opcode << 11)).unwrap();
            let known = known.unwrap();
            assert_eq!((&*known.name, known.query_flags), ("www.example.org", Some(opcode << 11)));
            assert!(is_complete(&known));
        }
    }

    #[test]
    fn an_answer_may_lack_the_question() {
        let answer = [7_u16, 0x8001, 0, 0, 0, 0].map(u16::to_be_bytes).concat();
        assert_eq!(add(&mut None, &answer), None, "what was asked is not known");
        let mut known = None;
        add(&mut known, &message(7, 0x0100)).unwrap();
        add(&mut known, &answer).unwrap();
        assert_eq!(known.unwrap().response, Some(DnsResponse { flags: 0x8001, code: 1 }));
    }

    #[test]
    fn what_is_cut_or_something_else_is_no_message() {
        let whole = message(7, 0x0100);
        for end in 0..whole.len() {
            assert_eq!(add(&mut None, &whole[..end]), None, "{end}");
        }
        assert_eq!(add(&mut None, &message(7, 0x1000)), None, "a request for status");
        assert_eq!(add(&mut None, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
    }
}
