use std::collections::BTreeSet;

use application::{
    Application, Certificate, Dns, DnsResponse, Http, HttpRequest, HttpResponse, Quic, SmolStr, Ssh, Tls,
    TlsClient, TlsServer,
};
use detect::incident::{CaseId, IncidentLink};
use flow::{DetailsConfig, Meter, MeterConfig, Placed};
use ipfix_export::{Exporter, ExporterConfig, MemoryOutput};
use report::FlowContext;
use wire::{Address, Icmp, Ip, Link, MplsEntry, Packet, Ports, Tcp, TcpFlags, Timestamp, Transport};

use super::*;

fn packet(
    is_v6: bool,
    transport: Transport,
    protocol: u8,
    link: Link,
    segment: Option<Segment>,
) -> Packet<'static> {
    let version = if is_v6 { 6 } else { 4 };
    let (source, destination) = (Address::from_v4([192, 0, 2, 1]), Address::from_v4([192, 0, 2, 2]));
    let ip = Ip { source, destination, version, protocol, tos: 1, ttl: 2, octets: 60, fragment: None };
    let timestamp = Timestamp::from_parts(1_700_000_000, 0);
    Packet {
        timestamp,
        interface: 0,
        link,
        segment,
        ip,
        transport,
        payload: &[],
        payload_offset: 0,
        carrier: None,
    }
}

fn account(meter: &mut Meter, packet: &Packet<'_>) {
    let Placed::InFlow(placement) = meter.place(packet, packet.timestamp) else { panic!("no fragment") };
    meter.account(packet, &placement);
}

/// Records of every shape.
fn records(details: DetailsConfig) -> Vec<FlowRecord> {
    let mut records = Vec::new();
    for (bits, kind) in (0..8_u8).flat_map(|bits| [1_u8, 6, 17].map(|kind| (bits, kind))) {
        let [is_v6, both, has_segment] = [1, 2, 4].map(|bit| bits & bit != 0);
        for (vlan_count, mpls_count) in (0..=2).flat_map(|vlans| (0..=4).map(move |labels| (vlans, labels))) {
            let link = Link { vlan_count, mpls_count, mpls: [MplsEntry([1, 2, 3]); 4], ..Link::default() };
            let segment = has_segment.then_some(Segment::Vxlan(7));
            let ports = |source, destination| match kind {
                6 => Transport::Tcp(Tcp { ports: Ports { source, destination }, ..Tcp::default() }),
                17 => Transport::Ports(Ports { source, destination }),
                _ => Transport::Icmp(Icmp { kind: if is_v6 { 128 } else { 8 }, code: 0 }),
            };
            let protocol = if kind == 1 && is_v6 { 58 } else { kind };
            let there = Packet { payload: &[7; 600], ..packet(is_v6, ports(1, 2), protocol, link, segment) };
            let mut back = Packet { transport: ports(2, 1), ..there };
            (back.ip.source, back.ip.destination) = (there.ip.destination, there.ip.source);
            let mut meter = Meter::new(MeterConfig { details, ..MeterConfig::default() });
            for packet in [there, back].into_iter().take(if both { 2 } else { 1 }) {
                account(&mut meter, &packet);
            }
            meter.close(there.timestamp);
            assert!(meter.take_records(&mut records, usize::MAX));
        }
    }
    records
}

/// Records without details and with them.
fn all_records() -> Vec<FlowRecord> {
    [DetailsConfig::default(), DetailsConfig { payload_octets: 512, has_histograms: true }]
        .map(records)
        .concat()
}

/// Applications of every shape, and none.
fn applications() -> Vec<Option<Application>> {
    let dns = |query_flags, response| Dns { query_flags, response, ..Dns::default() };
    let response = Some(DnsResponse { flags: 0x8180, code: 0 });
    let http = |request, response| Application::Http(Http { request, response });
    let (request, page) = (Some(HttpRequest::default()), Some(HttpResponse::default()));
    let mut all = vec![
        Application::Dns(dns(Some(1), None)),
        Application::Dns(dns(None, response)),
        Application::Dns(dns(Some(1), response)),
        http(request.clone(), None),
        http(None, page.clone()),
        http(request, page),
        Application::Quic(Quic::default()),
        Application::Ssh(Ssh::default()),
    ];
    all.push(Application::Stratum);
    for parts in 1..8 {
        let [client, server, certificate] = [1, 2, 4].map(|part| parts & part != 0);
        all.push(Application::Tls(Tls {
            client: client.then(TlsClient::default),
            server: server.then(TlsServer::default),
            certificate: certificate.then(Certificate::default),
        }));
    }
    all.into_iter().map(Some).chain([None]).collect()
}

fn layouts() -> impl Iterator<Item = (Layout, Option<IncidentLink>)> {
    [(false, false), (true, false), (false, true)].into_iter().flat_map(
        |(has_short_flags, has_microseconds)| {
            let layout = Layout { has_short_flags, has_microseconds, pen: 32_473 };
            [None, Some(IncidentLink { case: CaseId(7), score: 90 })].map(|link| (layout, link))
        },
    )
}

#[test]
fn values_meet_their_template_in_every_shape() {
    let (mut indices, mut templates) = (BTreeSet::new(), BTreeSet::new());
    let (records, applications) = (all_records(), applications());
    for record in &records {
        let mut exporter = Exporter::new(ExporterConfig::new(1), MemoryOutput::stream()).unwrap();
        let speaks = !matches!(record.protocol(), 1 | 58);
        for application in applications.iter().filter(|known| speaks || known.is_none()) {
            for (layout, link) in layouts() {
                let content =
                    Content::new(record, FlowContext { application: application.as_ref(), incident: link });
                let shape = Shape::of(&content);
                assert!(shape.index() < Shape::COUNT, "{shape:?}");
                indices.insert(shape.index());
                let template = shape.template(layout, link.is_some()).unwrap();
                assert!(templates.insert(template.id()), "{shape:?}");
                let handle = exporter.register(&template).unwrap();
                exporter.record(&handle, 1, |writer| shape.write(&content, layout, writer)).unwrap();
            }
        }
    }
    assert_eq!(indices.len(), 8 * 3 * 5 * (1 + 2 * applications.len()));
    assert_eq!(templates.len(), 2 * 6 * indices.len());
    assert_eq!(applications.len(), ApplicationShape::COUNT);
}

/// Applications with the longest texts that there are.
fn longest_applications() -> [Application; 5] {
    let text = |octets: usize| SmolStr::from("é".repeat(octets / 2));
    let request = HttpRequest {
        method: text(16),
        target: text(1_024),
        host: text(260),
        user_agent: text(256),
        minor_version: 1,
    };
    let response = HttpResponse { status: 200, content_type: text(128) };
    let client = TlsClient {
        version: 771,
        server_name: text(254),
        alpn: vec![text(32); 8].into(),
        ja3: text(32).as_str().try_into().unwrap(),
        ja4: text(36).as_str().try_into().unwrap(),
    };
    let certificate = Certificate { subject: text(128), issuer: text(128), ..Certificate::default() };
    let tls = Tls {
        client: Some(client.clone()),
        server: Some(TlsServer::default()),
        certificate: Some(certificate),
    };
    [
        Application::Http(Http { request: Some(request), response: Some(response) }),
        Application::Rdp(Some(tls.clone())),
        Application::Tls(tls),
        Application::Quic(Quic { version: 1, client }),
        Application::Ssh(Ssh { client: text(254), server: text(254) }),
    ]
}

/// In a small message payload and texts are cut; as large as it is for a datagram, no text is, unless there are details, too.
#[test]
fn the_longest_record_has_room_in_every_message() {
    let layout = Layout { has_short_flags: false, has_microseconds: true, pen: 32_473 };
    let link = Some(IncidentLink { case: CaseId(7), score: 90 });
    let records = all_records();
    for (octets, cuts_texts) in [(1_400, false), (640, true)] {
        for record in records.iter().filter(|record| !matches!(record.protocol(), 1 | 58)) {
            for application in longest_applications() {
                let config = ExporterConfig::new(1).with_maximum_message(octets);
                let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
                let content =
                    Content::new(record, FlowContext { application: Some(&application), incident: link });
                let shape = Shape::of(&content);
                let template = shape.template(layout, true).unwrap();
                let fixed = template.fields().iter().filter(|field| !field.is_variable());
                let fixed: usize = fixed.map(|field| usize::from(field.length())).sum();
                let handle = exporter.register(&template).unwrap();
                let content = content.within(exporter.largest_record() - fixed);
                exporter.record(&handle, 1, |writer| shape.write(&content, layout, writer)).unwrap();
                let are_texts_cut = content.application.is_some_and(|application| application.is_cut());
                assert!(cuts_texts || record.details.is_some() || !are_texts_cut, "{octets} {record:?}");
                assert_eq!(content.is_cut(), are_texts_cut || content.payload_octets < 512, "{record:?}");
            }
        }
    }
}

#[test]
fn directions_of_a_record_that_is_turned_are_those_of_its_source() {
    let answers = |sequence, data_octets| {
        let ports = Ports { source: 443, destination: 50_000 };
        let flags = TcpFlags(0x10);
        let tcp = Tcp { ports, sequence, flags, data_octets, ..Tcp::default() };
        packet(false, Transport::Tcp(tcp), 6, Link::default(), None)
    };
    let mut meter = Meter::new(MeterConfig::default());
    for answer in [answers(0, 10), answers(30, 10), answers(0, 10)] {
        account(&mut meter, &answer);
    }
    meter.close(answers(0, 0).timestamp);
    let mut records = Vec::new();
    assert!(meter.take_records(&mut records, 1));
    let content = Content::new(&records[0], FlowContext::default());
    let shape = Shape::of(&content);
    let mut exporter = Exporter::new(ExporterConfig::new(1), MemoryOutput::stream()).unwrap();
    let handle = exporter.register(&shape.template(Layout::default(), false).unwrap()).unwrap();
    exporter.record(&handle, 1, |writer| shape.write(&content, Layout::default(), writer)).unwrap();
    exporter.flush(1).unwrap();
    let octets = exporter.output_mut().octets();
    // By the ports; octets of the source are missing, and all of the other direction; one was sent again, 20 are missing.
    assert_eq!(octets[octets.len() - 18..], [1, 1 | 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0]);
}

#[test]
fn what_only_answers_is_the_source_and_said_to_be_the_responder() {
    let segment =
        Tcp { ports: Ports { source: 443, destination: 50_000 }, flags: TcpFlags(0x12), ..Tcp::default() };
    let answer = packet(false, Transport::Tcp(segment), 6, Link::default(), None);
    let mut meter = Meter::new(MeterConfig::default());
    account(&mut meter, &answer);
    meter.close(answer.timestamp);
    let mut records = Vec::new();
    assert!(meter.take_records(&mut records, 1));
    let oriented = Oriented::new(&records[0]);
    assert_eq!((oriented.source.port, oriented.forward.packets), (443, 1));
    assert_eq!(oriented.biflow_direction, REVERSE_INITIATOR);
    assert_eq!((records[0].initiator().port, records[0].reverse.packets), (50_000, 1));
}
