//! Datagrams between two ports.

use std::time::Duration;

use crate::{
    host::{Endpoint, Path},
    packet::{Ip, ethernet},
    recording::Recording,
};

/// Records a datagram that passes the probe at `at`.
pub fn send(
    recording: &mut Recording,
    path: Path,
    from: Endpoint,
    to: Endpoint,
    at: Duration,
    payload: &[u8],
) {
    let identification = u16::from_be_bytes(recording.random.array());
    let packet = Ip::between(&from.host, &to.host, identification).udp(from.port, to.port, payload);
    recording.push(at, ethernet(&from.host, &to.host, path.vlan, &packet));
}
