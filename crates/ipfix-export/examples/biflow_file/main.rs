//! Writes a file of bidirectional flows and one finding about them: `biflow_file flows.ipfix`.

mod biflow;

use std::{env, error::Error, net::IpAddr};

use ipfix_export::{
    DataType, Exporter, ExporterConfig, FileOutput, InformationElement, Semantics, Template, iana,
};

use self::biflow::{Biflow, ENTERPRISE};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("say where to write: biflow_file flows.ipfix")?;
    let mut exporter = Exporter::new(ExporterConfig::new(1), FileOutput::create(path)?)?;
    let ipv4 = exporter.register(&biflow::template(256, 4)?)?;
    let ipv6 = exporter.register(&biflow::template(257, 6)?)?;
    let finding = exporter.register(&finding_template(258)?)?;

    let start_ms = 1_763_888_400_123;
    let export_time_s = 1_763_888_460;
    for flow_id in 0..1_000 {
        let biflow = Biflow::logon_attempt(flow_id, start_ms);
        let template = if matches!(biflow.source, IpAddr::V4(_)) { ipv4 } else { ipv6 };
        exporter.record(&template, export_time_s, |record| biflow.write(record))?;
    }
    exporter.record(&finding, export_time_s, |record| {
        record.u64(1)?;
        record.f32(0.875)?;
        record.string("T1110.001")?;
        record.date_time_microseconds(1_763_888_400_123_456_000)
    })?;
    exporter.flush(export_time_s)?;

    let statistics = exporter.statistics();
    println!("{} records in {} messages", statistics.data_records, statistics.messages);
    Ok(exporter.into_output().finish()?)
}

/// What a finding says of an incident. As options, it does not look like a flow to collectors that know only flows.
fn finding_template(id: u16) -> Result<Template, Box<dyn Error>> {
    let confidence = InformationElement::new(ENTERPRISE, 1002, "confidence", DataType::Float32)?
        .with_semantics(Semantics::Quantity)
        .with_description("How sure the finding is, from 0 to 1.");
    let technique = InformationElement::new(ENTERPRISE, 1003, "technique", DataType::String)?
        .with_description("The technique of MITRE ATT&CK.");
    let options = [confidence.field(), technique.field(), iana::OBSERVATION_TIME_MICROSECONDS.field()];
    Ok(Template::options(id, [biflow::incident_id()?.field()], options)?)
}
