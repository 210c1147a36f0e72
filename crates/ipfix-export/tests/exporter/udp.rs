//! Datagrams over the loopback interface.

use std::{net::UdpSocket, time::Duration};

use ipfix_export::{Exporter, ExporterConfig, Output, Template, TemplateHandle, UdpOutput, iana};

use super::decoder::{Decoder, Message};

#[test]
fn datagrams_arrive_whole_and_in_order() {
    let collector = collector("127.0.0.1:0");
    let output = UdpOutput::connect(collector.local_addr().unwrap()).unwrap();
    let (mut exporter, template) = exporter(output);
    for number in 0..1_000 {
        export(&mut exporter, &template, number);
    }
    exporter.flush(START_S).unwrap();

    let statistics = exporter.statistics();
    let mut decoder = Decoder::default();
    let mut next = 0_u64;
    for _ in 0..statistics.messages {
        let message = receive(&collector, &mut decoder);
        assert!(message.octets <= 1_400);
        assert_eq!(u64::from(message.sequence_number), next);
        for (_, values) in message.data_records() {
            assert_eq!(values[0], next.to_be_bytes());
            next += 1;
        }
    }
    assert_eq!(next, 1_000);
    assert_eq!((statistics.data_records, statistics.refused_messages), (1_000, 0));
}

#[test]
fn a_collector_that_is_not_there_is_no_error_and_understands_at_once_when_it_comes_back() {
    let address = collector("127.0.0.1:0").local_addr().unwrap();
    let (mut exporter, template) = exporter(UdpOutput::connect(address).unwrap());
    for number in 0..5 {
        export(&mut exporter, &template, number);
        exporter.flush(START_S).unwrap();
    }
    let statistics = exporter.statistics();
    assert_eq!((statistics.messages, statistics.lost_messages), (5, 0));
    assert!(statistics.refused_messages >= 4, "{statistics:?}");

    let collector = collector(&address.to_string());
    export(&mut exporter, &template, 5);
    exporter.flush(START_S).unwrap();
    let message = receive(&collector, &mut Decoder::default());
    assert_eq!(message.sequence_number, 5);
    assert_eq!(message.templates().count(), 1);
    assert_eq!(message.data_records().count(), 1);
}

#[test]
fn a_boxed_output_is_an_output() {
    let collector = collector("127.0.0.1:0");
    let output = UdpOutput::connect(collector.local_addr().unwrap()).unwrap();
    let (mut exporter, template) = exporter::<Box<dyn Output>>(Box::new(output));
    export(&mut exporter, &template, 7);
    exporter.flush(START_S).unwrap();
    let message = receive(&collector, &mut Decoder::default());
    assert_eq!(message.data_records().count(), 1);
}

fn collector(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn exporter<O: Output>(output: O) -> (Exporter<O>, TemplateHandle) {
    let mut exporter = Exporter::new(ExporterConfig::new(1), output).unwrap();
    let template = Template::new(256, [iana::FLOW_ID.field(), iana::APPLICATION_NAME.field()]).unwrap();
    let template = exporter.register(&template).unwrap();
    (exporter, template)
}

fn export<O: Output>(exporter: &mut Exporter<O>, template: &TemplateHandle, number: u64) {
    exporter
        .record(template, START_S, |record| {
            record.u64(number)?;
            record.string("a name of some length")
        })
        .unwrap();
}

fn receive(collector: &UdpSocket, decoder: &mut Decoder) -> Message {
    let mut octets = vec![0; 65_535];
    let length = collector.recv(&mut octets).unwrap();
    decoder.message(&octets[..length]).unwrap()
}

const START_S: u32 = 1_763_888_400;
