//! Messages made by hand, for tests.

pub(crate) use crate::tls::sample::{client_hello, record, server_hello};

/// A TPDU of class 0 in a TPKT.
pub(crate) fn tpdu(code: u8, variable: &[u8]) -> Vec<u8> {
    let length = u16::try_from(11 + variable.len()).unwrap();
    let mut tpkt = vec![3, 0];
    tpkt.extend(length.to_be_bytes());
    tpkt.extend([u8::try_from(length - 5).unwrap(), code, 0, 0, 0, 0, 0]);
    tpkt.extend(variable);
    tpkt
}

pub(crate) fn connection_request(cookie: Option<&str>, protocols: Option<u32>) -> Vec<u8> {
    let mut variable = Vec::new();
    if let Some(cookie) = cookie {
        variable.extend(format!("Cookie: mstshash={cookie}\r\n").into_bytes());
    }
    if let Some(protocols) = protocols {
        variable.extend([1, 0, 8, 0]);
        variable.extend(protocols.to_le_bytes());
    }
    tpdu(0xe0, &variable)
}

pub(crate) fn connection_confirm(kind: u8, flags: u8, value: u32) -> Vec<u8> {
    let mut variable = vec![kind, flags, 8, 0];
    variable.extend(value.to_le_bytes());
    tpdu(0xd0, &variable)
}

/// MCS Connect Initial: what stands before the client's data is not all there, since nothing reads it.
pub(crate) fn connect_initial(name: &str, build: u32, channels: &[&str]) -> Vec<u8> {
    let mut core = Vec::new();
    core.extend(0x0008_0004_u32.to_le_bytes());
    core.extend([0x00, 0x05, 0x00, 0x04, 0x01, 0xca, 0x03, 0xaa]);
    core.extend(0x409_u32.to_le_bytes());
    core.extend(build.to_le_bytes());
    let mut name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    name.resize(32, 0);
    core.extend(name);
    core.extend([0; 24]);
    let mut network = u32::try_from(channels.len()).unwrap().to_le_bytes().to_vec();
    for channel in channels {
        let mut name = channel.as_bytes().to_vec();
        name.resize(8, 0);
        network.extend(name);
        network.extend([0, 0, 0, 0xc0]);
    }
    let blocks = [user_data(0xc001, &core), user_data(0xc003, &network)].concat();
    let mut mcs = vec![2, 0xf0, 0x80, 0x7f, 0x65, 0x82, 0, 0, 4, 1, 1, 4, 1, 1, 1, 1, 0xff];
    mcs.extend(*b"Duca");
    mcs.extend((0x8000 | u16::try_from(blocks.len()).unwrap()).to_be_bytes());
    mcs.extend(blocks);
    tpkt(&mcs)
}

pub(crate) fn tpkt(content: &[u8]) -> Vec<u8> {
    let mut tpkt = vec![3, 0];
    tpkt.extend(u16::try_from(4 + content.len()).unwrap().to_be_bytes());
    tpkt.extend(content);
    tpkt
}

fn user_data(kind: u16, content: &[u8]) -> Vec<u8> {
    let mut block = kind.to_le_bytes().to_vec();
    block.extend(u16::try_from(4 + content.len()).unwrap().to_le_bytes());
    block.extend(content);
    block
}
