//! JA3, the older fingerprint of a TLS client (`github.com/salesforce/ja3`): the MD5 of five lists of decimal numbers.

use arrayvec::ArrayString;
use md5::{Digest, Md5};

use super::{ClientHello, hexadecimal, is_grease};

/// A JA3, 32 hexadecimal digits.
pub type Ja3 = ArrayString<32>;

/// The fingerprint of a hello, as 32 hexadecimal digits.
pub fn ja3(hello: &ClientHello<'_>) -> Ja3 {
    let mut digits = Ja3::new();
    Md5::digest(text(hello).as_bytes()).into_iter().for_each(|octet| hexadecimal(&mut digits, octet));
    digits
}

/// What is digested: the version, then cipher suites, extensions, groups and point formats as they stand.
fn text(hello: &ClientHello<'_>) -> String {
    let mut text = String::with_capacity(USUAL_OCTETS);
    decimal(&mut text, hello.legacy_version);
    list(&mut text, hello.cipher_suites.iter());
    list(&mut text, hello.extensions.iter().map(|(kind, _)| kind));
    list(&mut text, hello.groups.iter());
    list(&mut text, hello.point_formats.iter().copied().map(u16::from));
    text
}

/// Appends a comma, and the values with dashes between.
fn list(text: &mut String, values: impl Iterator<Item = u16>) {
    let mut separator = ',';
    for value in values.filter(|value| !is_grease(*value)) {
        text.push(separator);
        decimal(text, value);
        separator = '-';
    }
    if separator == ',' {
        text.push(separator);
    }
}

/// Appends a number: some sixty for each hello, so that this is done without the machinery of formats.
fn decimal(text: &mut String, value: u16) {
    for divisor in [10_000, 1_000, 100, 10, 1] {
        let digit = value / divisor % 10;
        if value >= divisor || divisor == 1 {
            text.extend(char::from_digit(digit.into(), 10));
        }
    }
}

/// Browsers need some two hundred.
const USUAL_OCTETS: usize = 256;

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Extensions, Numbers,
            sample::{empty_extensions, numbers},
        },
        *,
    };

    #[test]
    fn the_examples_of_the_specification() {
        let suites = numbers(&[0x0a0a, 47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4]);
        let (extensions, groups) = (empty_extensions(&[0, 10, 11]), numbers(&[23, 24, 25]));
        let hello = ClientHello {
            legacy_version: 769,
            cipher_suites: Numbers::of(&suites),
            extensions: Extensions(&extensions),
            groups: Numbers::of(&groups),
            point_formats: &[0],
            ..ClientHello::default()
        };
        assert_eq!(text(&hello), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
        assert_eq!(&*ja3(&hello), "ada70206e40642a3e4461f35503241d5");
        let suites = numbers(&[4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99]);
        let hello = ClientHello {
            legacy_version: 769,
            cipher_suites: Numbers::of(&suites),
            ..ClientHello::default()
        };
        assert_eq!(&*ja3(&hello), "de350869b8c85de67a350c8d186f11e6");
    }
}
