//! What runs by itself in every network: clocks, monitoring, address resolution.

use std::time::Duration;

use crate::{
    datagram,
    host::{Host, Path},
    packet::{Echo, Ip, ethernet},
    protocol::{arp, ntp},
    recording::Recording,
};

/// A host asks a time server. `epoch` is the time since 1970 at which the capture began.
pub fn set_clock(
    recording: &mut Recording,
    path: Path,
    client: Host,
    server: Host,
    epoch: Duration,
    at: Duration,
) {
    let (client, server) = (client.port(NTP_PORT), server.port(NTP_PORT));
    let request = ntp::request(epoch + at);
    datagram::send(recording, path, client, server, at, &request);
    let answered = at + path.server_round_trip + Duration::from_micros(60);
    let received = epoch + at + path.server_round_trip / 2;
    let response = ntp::response(&request, received, &mut recording.random);
    datagram::send(recording, path, server, client, answered, &response);
}

/// A host sends `count` echo requests to another, one a second, and all are answered.
pub fn echo(recording: &mut Recording, path: Path, from: Host, to: Host, count: u16, at: Duration) {
    let identifier = u16::from_be_bytes(recording.random.array());
    let payload: Vec<u8> = (0..56).collect();
    for number in 1..=count {
        let asked = at + Duration::from_secs(1) * u32::from(number - 1);
        let identification = u16::from_be_bytes(recording.random.array());
        let request =
            Ip::between(&from, &to, identification).echo(Echo::Request, identifier, number, &payload);
        recording.push(asked, ethernet(&from, &to, path.vlan, &request));
        let answered =
            asked + path.server_round_trip + recording.random.time(Duration::ZERO, Duration::from_micros(80));
        let reply = Ip::between(&to, &from, identification).echo(Echo::Reply, identifier, number, &payload);
        recording.push(answered, ethernet(&to, &from, path.vlan, &reply));
    }
}

/// A host finds the hardware address of another on its segment.
pub fn resolve_neighbor(recording: &mut Recording, asking: Host, asked: Host, at: Duration) {
    let [question, answer] = arp::resolution(&asking, &asked);
    recording.push(at, question);
    recording.push(at + Duration::from_micros(190), answer);
}

const NTP_PORT: u16 = 123;
