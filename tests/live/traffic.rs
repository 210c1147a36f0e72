//! Captures to send: conversations of which everything is known.

use std::{fs, path::Path};

/// Writes a capture of `flows` conversations over UDP, of `rounds` datagrams each, one way and back in turn. All of them go on at
/// the same time.
pub(super) fn write_conversations(path: &Path, flows: u16, rounds: u16) {
    write(path, (0..rounds).flat_map(|round| (0..flows).map(move |flow| datagram(flow, round % 2 == 1))));
}

/// One direction of these conversations.
pub(super) fn write_direction(path: &Path, flows: u16, rounds: u16, is_back: bool) {
    write(path, (0..rounds).flat_map(|_| (0..flows).map(move |flow| datagram(flow, is_back))));
}

fn write(path: &Path, frames: impl Iterator<Item = Vec<u8>>) {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for (frame, micros) in frames.zip(0_u32..) {
        let octets = u32::try_from(frame.len()).unwrap();
        for field in [1_700_000_000, micros, octets, octets] {
            file.extend(field.to_le_bytes());
        }
        file.extend(frame);
    }
    fs::write(path, file).unwrap();
}

/// A datagram of conversation number `flow`: from a client's port of its own to port 4000 of a server.
fn datagram(flow: u16, is_back: bool) -> Vec<u8> {
    let [high, low] = flow.to_be_bytes();
    let (client, server) = ([10, 0, high, low], [192, 0, 2, low % 10 + 1]);
    let (client_port, server_port) = (20_000 + flow, 4_000_u16);
    let (from, to, source, destination) = if is_back {
        (server, client, server_port, client_port)
    } else {
        (client, server, client_port, server_port)
    };
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    for field in [source, destination, 26, 0] {
        frame.extend(field.to_be_bytes());
    }
    frame.extend([0; 18]);
    frame
}
