use std::io::{self, BufWriter, Write};

use flow::FlowRecord;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{columns::Value, flow_columns};

/// How the records of a flow file are written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FlowFormat {
    /// A header line, then a line for each record; what is absent is empty (RFC 4180).
    Csv,
    /// A JSON object on each line; what is absent is left out.
    JsonLines,
}

/// A file of flow records.
#[derive(Debug)]
pub struct FlowFile<W: Write> {
    form: Form<W>,
}

#[derive(Debug)]
enum Form<W: Write> {
    Csv(Box<csv::Writer<W>>),
    JsonLines(BufWriter<W>),
}

impl<W: Write> FlowFile<W> {
    /// Begins a file; the header of CSV is written at once.
    ///
    /// # Errors
    ///
    /// As `output` says.
    pub fn new(format: FlowFormat, output: W) -> io::Result<Self> {
        let form = match format {
            FlowFormat::Csv => {
                let mut writer = csv::Writer::from_writer(output);
                writer
                    .write_record(flow_columns().iter().map(|column| column.name))
                    .map_err(io::Error::from)?;
                Form::Csv(Box::new(writer))
            }
            FlowFormat::JsonLines => Form::JsonLines(BufWriter::with_capacity(BUFFER_OCTETS, output)),
        };
        Ok(Self { form })
    }

    /// Writes a record.
    ///
    /// # Errors
    ///
    /// As the output says.
    pub fn write(&mut self, record: &FlowRecord) -> io::Result<()> {
        match &mut self.form {
            Form::Csv(writer) => {
                for column in flow_columns() {
                    match column.value(record) {
                        Value::Absent => writer.write_field(""),
                        Value::Number(number) => writer.write_field(number.to_string()),
                        Value::Text(text) => writer.write_field(text.as_bytes()),
                    }
                    .map_err(io::Error::from)?;
                }
                writer.write_record(None::<&[u8]>).map_err(io::Error::from)
            }
            Form::JsonLines(writer) => {
                serde_json::to_writer(&mut *writer, &JsonRecord(record)).map_err(io::Error::from)?;
                writer.write_all(b"\n")
            }
        }
    }

    /// Hands on what is still in a buffer.
    ///
    /// # Errors
    ///
    /// As the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Csv(writer) => writer.flush(),
            Form::JsonLines(writer) => writer.flush(),
        }
    }
}

/// A record as an object with the columns that it has a value for.
struct JsonRecord<'a>(&'a FlowRecord);

impl Serialize for JsonRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in flow_columns() {
            match column.value(self.0) {
                Value::Absent => {}
                Value::Number(number) => map.serialize_entry(column.name, &number)?,
                Value::Text(text) => map.serialize_entry(column.name, &text)?,
            }
        }
        map.end()
    }
}

const BUFFER_OCTETS: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use flow::{Meter, MeterConfig};
    use wire::{Frame, LinkType, Timestamp};

    use super::*;

    /// A record of one UDP packet.
    fn record() -> FlowRecord {
        let data = [
            0x45, 0x10, 0, 28, 0, 0, 0, 0, 63, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2,
            53, // IPv4, 28 octets, UDP
            0x30, 0x39, 0, 53, 0, 8, 0, 0,
        ];
        let timestamp = Timestamp::from_parts(1_700_000_000, 42);
        let frame =
            Frame { data: &data, timestamp, original_length: 28, link_type: LinkType::RAW, interface: 3 };
        let mut meter = Meter::new(MeterConfig::default());
        let arrival = meter.place(wire::decode(&frame).unwrap(), timestamp).unwrap();
        meter.account(&arrival);
        meter.close(timestamp);
        let mut records = Vec::new();
        assert!(meter.take_records(&mut records, 1));
        records.remove(0)
    }

    fn written(format: FlowFormat) -> String {
        let mut octets = Vec::new();
        let mut file = FlowFile::new(format, &mut octets).unwrap();
        file.write(&record()).unwrap();
        file.flush().unwrap();
        drop(file);
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn json_leaves_out_what_is_absent() {
        let line = written(FlowFormat::JsonLines);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&json["src_ip"], &json["src_port"]), (&"192.0.2.1".into(), &12_345.into()));
        assert_eq!((&json["dest_ip"], &json["dest_port"]), (&"192.0.2.53".into(), &53.into()));
        assert_eq!((&json["proto"], &json["octets"], &json["tos"]), (&"UDP".into(), &28.into(), &16.into()));
        assert_eq!(json["start"], "2023-11-14T22:13:20.000000042Z");
        assert!(
            json.get("reverse_start").is_none()
                && json.get("tcp_flags").is_none()
                && json.get("src_mac").is_none()
        );
        assert!(line.ends_with("}\n") && line.lines().count() == 1);
    }

    #[test]
    fn csv_has_a_field_for_each_column() {
        let text = written(FlowFormat::Csv);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names: Vec<_> = flow_columns().iter().map(|column| column.name).collect();
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), names);
        let row = reader.records().next().unwrap().unwrap();
        let field = |name| &row[names.iter().position(|n| *n == name).unwrap()];
        assert_eq!(
            (field("proto"), field("packets"), field("reverse_start"), field("interface")),
            ("UDP", "1", "", "3")
        );
    }

    #[test]
    fn column_names_are_unique() {
        let mut names: Vec<_> = flow_columns().iter().map(|column| column.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(flow_columns().iter().all(|column| !column.meaning.is_empty()));
    }
}
