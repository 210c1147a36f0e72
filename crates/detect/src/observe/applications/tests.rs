use application::{
    Application,
    tls::sample::{client_hello, server_hello},
};
use flow::{Meter, MeterConfig, Placed, Timeouts};
use wire::{Address, Ip, Link, Ports, Tcp};

use super::*;

/// A meter with its observer.
struct Probe {
    meter: Meter,
    applications: Applications,
    records: Vec<(FlowRecord, Option<Arc<Application>>)>,
}

impl Probe {
    fn new(octets: usize) -> Self {
        let timeouts = Timeouts { active: std::time::Duration::from_secs(10), ..Timeouts::default() };
        let config = ApplicationsConfig { octets, longest_silence_nanos: 500 * SECOND };
        Self {
            meter: Meter::new(MeterConfig { timeouts, ..MeterConfig::default() }),
            applications: Applications::new(config),
            records: Vec::new(),
        }
    }

    fn show(&mut self, second: u64, packet: &Packet<'_>) -> &mut Self {
        let clock = at(second);
        let Placed::InFlow(placement) = self.meter.place(packet, clock) else { unreachable!() };
        let accounted = self.meter.account(packet, &placement);
        self.applications.packet(packet, accounted, clock, &mut self.meter);
        self
    }

    fn take(&mut self) {
        let mut records = Vec::new();
        self.meter.take_records(&mut records, usize::MAX);
        let of_record = |record: FlowRecord| {
            let known = self.applications.of_record(&record);
            (record, known)
        };
        self.records.extend(records.into_iter().map(of_record));
    }

    fn close(mut self, second: u64) -> (Vec<Option<Arc<Application>>>, Applications) {
        self.meter.close(at(second));
        self.take();
        (self.records.into_iter().map(|(_, known)| known).collect(), self.applications)
    }
}

const SECOND: u64 = 1_000_000_000;

fn at(second: u64) -> Timestamp {
    Timestamp::from_nanos(second * SECOND)
}

/// A packet of connection `number`, from its client or its server.
fn packet(number: u16, from_client: bool, transport: Transport, payload: &[u8]) -> Packet<'_> {
    let [high, low] = number.to_be_bytes();
    let ends = [Address::from_v4([10, 0, high, low]), Address::from_v4([192, 0, 2, 1])];
    let [source, destination] = if from_client { ends } else { [ends[1], ends[0]] };
    let protocol = if matches!(transport, Transport::Tcp(_)) { 6 } else { 17 };
    let octets = 40 + u32::try_from(payload.len()).unwrap();
    Packet {
        timestamp: Timestamp::ZERO,
        interface: 0,
        link: Link::default(),
        segment: None,
        ip: Ip { source, destination, version: 4, protocol, ttl: 64, octets, ..Ip::default() },
        transport,
        payload,
        payload_offset: 0,
        carrier: None,
    }
}

fn segment(number: u16, from_client: bool, flags: u16, sequence: u32, payload: &[u8]) -> Packet<'_> {
    let (source, destination) = if from_client { (40_000, 443) } else { (443, 40_000) };
    let ports = Ports { source, destination };
    let tcp = Tcp { ports, flags: TcpFlags(flags), sequence, acknowledgment: 1, ..Tcp::default() };
    packet(number, from_client, Transport::Tcp(tcp), payload)
}

fn datagram(number: u16, from_client: bool, payload: &[u8]) -> Packet<'_> {
    let (source, destination) = if from_client { (40_000, 53) } else { (53, 40_000) };
    packet(number, from_client, Transport::Ports(Ports { source, destination }), payload)
}

const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
const ANSWER: &[u8] = b"\0\x07\x81\x80\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
const ROOM: usize = 1 << 20;

#[test]
fn every_slice_has_what_was_known_when_it_was_cut() {
    let (hello, answer) = (client_hello(Some("shop.example")), server_hello(0x0304, 0x1301));
    // Records are taken at once, or all at the end: that makes no difference.
    for takes in [true, false] {
        let mut probe = Probe::new(ROOM);
        let shown = [
            (0, segment(1, true, 0x02, 0, &[])),
            (11, segment(1, true, 0x10, 1, &hello)),
            (22, segment(1, false, 0x10, 1, &answer)),
            (33, segment(1, true, 0x10, 500, b"\x17\x03\x03")),
        ];
        for (second, packet) in &shown {
            probe.show(*second, packet);
            if takes {
                probe.meter.look(at(*second));
                probe.take();
            }
        }
        let (known, applications) = probe.close(34);
        let parts: Vec<_> = known
            .iter()
            .map(|known| match known.as_deref() {
                Some(Application::Tls(tls)) => (tls.client.is_some(), tls.server.is_some()),
                other => {
                    assert_eq!(other, None);
                    (false, false)
                }
            })
            .collect();
        assert_eq!(parts, [(false, false), (true, false), (true, true), (true, true)], "{takes}");
        assert!(applications.is_empty() && applications.octets == 0);
    }
}

#[test]
fn a_flow_without_an_application_leaves_nothing() {
    let mut probe = Probe::new(ROOM);
    probe.show(0, &segment(1, true, 0x02, 0, &[]));
    for at in 0..20 {
        probe.show(1, &segment(1, false, 0x10, 1 + at, b"2"));
    }
    // Nor is what follows the first segment taken for what has overtaken it.
    probe.show(1, &segment(2, true, 0x02, 0, &[]));
    for at in 0..3 {
        probe.show(1, &segment(2, true, 0x10, 1 + at, b"2"));
    }
    assert!(probe.applications.is_empty());
    // What looks like one later is not looked at.
    probe.show(2, &segment(1, true, 0x10, 1, b"GET / HTTP/1.1\r\n\r\n"));
    let (known, applications) = probe.close(3);
    assert!(known == [None, None] && applications.is_empty());
}

#[test]
fn what_two_ends_agree_on_later_is_heard() {
    let hello = client_hello(None);
    let mut probe = Probe::new(ROOM);
    probe
        .show(0, &segment(1, true, 0x02, 0, &[]))
        .show(0, &segment(1, true, 0x10, 1, b"\x03\x00\x00\x13 request"))
        .show(0, &segment(1, false, 0x10, 1, b"\x03\x00\x00\x13 answer"))
        .show(0, &segment(1, true, 0x10, 13, &hello));
    let (known, _) = probe.close(1);
    assert!(matches!(known[0].as_deref(), Some(Application::Tls(tls)) if tls.client.is_some()), "{known:?}");
}

#[test]
fn mail_that_goes_on_in_tls_is_heard() {
    let smtp = ["220 mail ready", "EHLO a", "250-mail\r\n250 STARTTLS", "STARTTLS", "220 go ahead"];
    let imap = ["* OK ready", "a CAPABILITY", "* CAPABILITY STARTTLS\r\na OK", "b STARTTLS", "b OK begin"];
    let pop = ["+OK ready", "CAPA", "+OK\r\nSTLS\r\n.", "STLS", "+OK begin"];
    for said in [smtp, imap, pop] {
        let mut probe = Probe::new(ROOM);
        probe.show(0, &segment(1, true, 0x02, 0, &[]));
        for (place, line) in said.into_iter().enumerate() {
            probe.show(
                0,
                &segment(1, place % 2 == 1, 0x10, 1 + u32::try_from(place).unwrap() * 50, line.as_bytes()),
            );
        }
        probe.show(0, &segment(1, true, 0x10, 300, &client_hello(Some("mail.example"))));
        let (known, _) = probe.close(1);
        assert!(matches!(known[0].as_deref(), Some(Application::Tls(_))), "{said:?}: {known:?}");
    }
}

#[test]
fn a_segment_that_overtook_the_first_waits_for_it() {
    let (first, last) = b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n".split_at(20);
    let mut probe = Probe::new(ROOM);
    probe
        .show(0, &segment(1, true, 0x02, 0, &[]))
        .show(0, &segment(1, true, 0x10, 21, last))
        .show(0, &segment(1, true, 0x10, 1, first));
    let (known, _) = probe.close(1);
    let Some(Application::Http(http)) = known[0].as_deref() else { panic!("{known:?}") };
    assert_eq!(&*http.request.as_ref().unwrap().host, "example.org");
}

#[test]
fn a_request_whose_rest_is_missing_counts_at_the_end_of_its_flow() {
    let mut probe = Probe::new(ROOM);
    probe
        .show(0, &segment(1, true, 0x02, 0, &[]))
        .show(0, &segment(1, true, 0x10, 1, b"GET /a HTTP/1.1\r\nHost: example.org\r\nCookie: "))
        .show(0, &segment(1, true, 0x10, 2_000, b"more"));
    let (known, _) = probe.close(1);
    let Some(Application::Http(http)) = known[0].as_deref() else { panic!("{known:?}") };
    assert_eq!(&*http.request.as_ref().unwrap().host, "example.org");
}

#[test]
fn later_fragments_end_nothing() {
    let hello = client_hello(Some("shop.example"));
    let mut rest = packet(1, true, Transport::Unseen, b"the rest of it");
    rest.ip.protocol = 6;
    rest.ip.fragment = Some(wire::Fragment { identification: 1, offset: 10, more: false });
    let mut first = segment(1, true, 0x10, 1, &hello[..hello.len() / 2]);
    first.ip.fragment = Some(wire::Fragment { identification: 1, offset: 0, more: true });
    let again = segment(1, true, 0x10, 1, &hello);
    let mut probe = Probe::new(ROOM);
    // So short a fragment that of the header only the ports are there.
    let ports = Ports { source: 40_000, destination: 443 };
    let tiny = Packet { transport: Transport::Ports(ports), payload: &[], ..rest };
    for shown in [&segment(1, true, 0x02, 0, &[]), &first, &rest, &again, &rest, &tiny] {
        probe.show(0, shown);
    }
    let (known, _) = probe.close(1);
    assert!(matches!(known[0].as_deref(), Some(Application::Tls(_))), "{known:?}");
}

#[test]
fn those_of_which_nothing_was_heard_for_longest_make_room() {
    let mut probe = Probe::new(50_000);
    for number in 0..1_000 {
        probe.show(u64::from(number / 500), &datagram(number, true, QUERY));
        assert!(probe.applications.octets <= 50_000);
    }
    let kept = probe.applications.len();
    assert!((10..900).contains(&kept), "{kept}");
    assert_eq!(probe.applications.evicted(), 1_000 - u64::try_from(kept).unwrap());
    // An answer for one that was given up changes nothing.
    probe.show(2, &datagram(0, false, ANSWER));
    let (known, applications) = probe.close(3);
    assert_eq!(known.iter().flatten().count(), kept);
    assert!(applications.is_empty() && applications.octets == 0);
}

#[test]
fn flows_that_go_without_a_word_are_forgotten() {
    let mut probe = Probe::new(ROOM);
    probe.show(0, &datagram(1, true, QUERY)).show(1, &datagram(1, false, ANSWER));
    probe.meter.look(at(11));
    probe.take();
    assert_eq!((probe.records.len(), probe.applications.len()), (1, 1));
    // Cut, and empty since: there is no record at its end.
    probe.meter.look(at(300));
    probe.take();
    probe.applications.forget_before(at(300));
    assert_eq!((probe.records.len(), probe.applications.len()), (1, 1));
    probe.applications.forget_before(at(900));
    assert_eq!((probe.applications.len(), probe.applications.octets), (0, 0));
}
