//! Records made by hand, for tests.

/// A TLS record with arbitrary content.
pub fn record(kind: u8, length: usize) -> Vec<u8> {
    framed(kind, &vec![0xee; length - 5])
}

fn framed(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend(length(content.len()).to_be_bytes());
    record.extend(content);
    record
}

/// Numbers of two octets, as hellos have them.
#[cfg(test)]
pub(super) fn numbers(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// Extensions of these types with nothing in them.
#[cfg(test)]
pub(super) fn empty_extensions(kinds: &[u16]) -> Vec<u8> {
    kinds.iter().flat_map(|kind| [kind.to_be_bytes(), [0, 0]].concat()).collect()
}

pub fn client_hello(server_name: Option<&str>) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0, 4, 0xc0, 0x30, 0xc0, 0x2f, 1, 0]);
    let mut extensions = Vec::new();
    if let Some(name) = server_name {
        let length = length(name.len());
        extensions.extend([0, 0]);
        extensions.extend((length + 5).to_be_bytes());
        extensions.extend((length + 3).to_be_bytes());
        extensions.push(0);
        extensions.extend(length.to_be_bytes());
        extensions.extend(name.as_bytes());
    }
    extensions.extend([0, 13, 0, 4, 0, 2, 4, 3]);
    body.extend(length(extensions.len()).to_be_bytes());
    body.extend(extensions);
    handshake(1, &body)
}

pub fn server_hello(version: u16, cipher_suite: u16) -> Vec<u8> {
    let mut body = version.min(0x0303).to_be_bytes().to_vec();
    body.extend([9; 32]);
    body.push(0);
    body.extend(cipher_suite.to_be_bytes());
    body.push(0);
    if version > 0x0303 {
        body.extend([0, 6, 0, 43, 0, 2, 3, 4]);
    }
    handshake(2, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0];
    message.extend(length(body.len()).to_be_bytes());
    message.extend(body);
    framed(22, &message)
}

/// What is made here is short.
fn length(octets: usize) -> u16 {
    u16::try_from(octets).unwrap_or(u16::MAX)
}
