use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::objects::Object;
use crate::digest::fnv1a;

/// The members of a message that any dialect uses, each as it was written. What is absent, and what is null, is `None`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) method: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) params: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// eth-proxy's name of the machine.
    #[serde(borrow)]
    pub(super) worker: Option<&'a RawValue>,
    /// Coinhive's method.
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<&'a RawValue>,
    /// Iron Fish's parameters.
    #[serde(borrow)]
    pub(super) body: Option<&'a RawValue>,
    /// Beam's parameters stand at the top.
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) difficulty: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) api_key: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) output: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) nonce: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) code: Option<&'a RawValue>,
    /// What Beam's miners put before their nonces.
    #[serde(borrow)]
    pub(super) nonceprefix: Option<&'a RawValue>,
    /// webminerpool's method.
    #[serde(borrow)]
    pub(super) identifier: Option<&'a RawValue>,
    /// All of it.
    #[serde(skip)]
    octets: &'a [u8],
    /// If not, members that came later are missing.
    #[serde(skip)]
    pub(super) is_whole: bool,
}

impl<'a> Message<'a> {
    /// Reads one object; `None` if it is not JSON.
    pub(super) fn read(object: Object<'a>) -> Option<Self> {
        // An array would be read as members in their order.
        let message: Option<Self> =
            object.octets.starts_with(b"{").then(|| serde_json::from_slice(object.octets).ok())?;
        Some(Self { is_whole: object.is_whole, octets: object.octets, ..message? })
    }

    /// The message itself as a value, for dialects whose parameters stand at the top.
    pub(super) fn value(&self) -> Option<&'a RawValue> {
        serde_json::from_slice(self.octets).ok()
    }

    /// Does it have a member of this name, though it be null?
    pub(super) fn has(&self, name: &str) -> bool {
        all_members(self.value()).is_some_and(|members| members.contains_key(name))
    }

    /// The request's identifier, for comparing. Some pools answer the number 1 with the string "1".
    pub(super) fn request(&self) -> Option<u64> {
        self.id.map(|id| digest(id.get().trim_matches('"')))
    }
}

/// The parameters of a request, by position.
#[derive(Debug, Default)]
pub(super) struct List<'a>(Vec<&'a RawValue>);

impl<'a> List<'a> {
    /// Of an array; `None` if it is something else.
    pub(super) fn of(value: Option<&'a RawValue>) -> Option<Self> {
        let value = value?.get();
        value.starts_with('[').then(|| serde_json::from_str(value).ok().map(Self))?
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn value(&self, at: usize) -> Option<&'a RawValue> {
        self.0.get(at).copied()
    }

    pub(super) fn text(&self, at: usize) -> Option<Cow<'a, str>> {
        text(self.value(at))
    }

    /// Is there a string of exactly so many hexadecimal digits? A leading `0x` does not count.
    pub(super) fn is_hexadecimal(&self, at: usize, digits: usize) -> bool {
        self.text(at).is_some_and(|text| hexadecimal_digits(&text) == Some(digits))
    }

    /// Is there a string of at least so many hexadecimal digits?
    pub(super) fn is_at_least(&self, at: usize, digits: usize) -> bool {
        self.hexadecimal(at).is_some_and(|found| found >= digits)
    }

    /// The number of hexadecimal digits, if it is a string of those.
    pub(super) fn hexadecimal(&self, at: usize) -> Option<usize> {
        self.text(at).and_then(|text| hexadecimal_digits(&text))
    }

    pub(super) fn is_boolean(&self, at: usize) -> bool {
        self.value(at).is_some_and(|value| matches!(value.get(), "true" | "false"))
    }

    /// Is there a yes or no, in any of the ways in which it is written, or nothing?
    pub(super) fn is_flag(&self, at: usize) -> bool {
        self.value(at)
            .is_none_or(|value| matches!(value.get(), "true" | "false" | "0" | "1" | "\"0\"" | "\"1\""))
    }

    /// Is there a string without a character?
    pub(super) fn is_empty(&self, at: usize) -> bool {
        self.value(at).is_some_and(|value| value.get() == "\"\"")
    }

    pub(super) fn is_list(&self, at: usize) -> bool {
        self.value(at).is_some_and(|value| value.get().starts_with('['))
    }
}

/// All members of an object; `None` if it is something else.
pub(super) fn all_members(value: Option<&RawValue>) -> Option<BTreeMap<Cow<'_, str>, &RawValue>> {
    members(value)
}

/// The members of an object of type `T`; `None` if it is something else.
pub(super) fn members<'a, T: Deserialize<'a>>(value: Option<&'a RawValue>) -> Option<T> {
    let value = value?.get();
    value.starts_with('{').then(|| serde_json::from_str(value).ok())?
}

/// The string that this value is, if it is one.
pub(super) fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let value = value?.get();
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(value).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The number that this value is, or that stands in the string that it is.
pub(super) fn number(value: Option<&RawValue>) -> Option<f64> {
    value?.get().trim_matches('"').parse().ok()
}

/// A string, or a number as its digits: job identifiers and ports come as either.
pub(super) fn text_or_number(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    text(value).or_else(|| {
        let digits = value?.get();
        digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(Cow::Borrowed(digits))
    })
}

/// A number that stands for a text of any length. All that a collision spoils is which job a share belongs to.
pub(super) fn digest(text: &str) -> u64 {
    fnv1a(text.bytes())
}

pub(super) fn hexadecimal_digits(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_kept_as_they_were_written() {
        let octets = br#"{"id":"7","method":"sub\u006dit","params":["a",12,"0xff",true,[]],"x":{}}"#;
        let message = Message::read(Object { octets, is_whole: true }).expect("this is JSON");
        assert_eq!(message.request(), Some(digest("7")));
        assert_eq!(text(message.method).as_deref(), Some("submit"));
        let list = List::of(message.params).expect("this is an array");
        assert_eq!(list.len(), 5);
        assert_eq!(text_or_number(list.value(1)).as_deref(), Some("12"));
        assert!(list.is_hexadecimal(2, 2) && list.is_boolean(3) && list.is_list(4));
        assert!(message.result.is_none());
    }

    #[test]
    fn what_is_no_object_is_no_message() {
        for octets in [&b"{"[..], b"[]", b"{\"id\":}", b"", b"{\"method\":\"\xff\"}"] {
            assert!(Message::read(Object { octets, is_whole: true }).is_none());
        }
    }
}
