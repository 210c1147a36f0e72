use std::io::{self, Write};

use flow::FlowRecord;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    FlowContext,
    application_object::NamedApplication,
    columns::Value,
    flow_columns,
    line_file::{BUFFER_OCTETS, LineFile},
};

/// How the records of a flow file are written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FlowFormat {
    /// A header line, then a line for each record; what is absent is empty (RFC 4180).
    Csv,
    /// A JSON object on each line; what is absent is left out.
    JsonLines,
}

/// A file of flow records, one on each line.
///
/// Records are written many at a time. After the first error nothing is written any more, since a gap in the middle would be
/// worse than an early end, and every further record counts as lost.
#[derive(Debug)]
pub struct FlowFile<W: Write> {
    lines: LineFile<W>,
    form: Form,
}

/// A buffer of lines.
#[derive(Debug)]
enum Form {
    Csv(Box<csv::Writer<Vec<u8>>>),
    JsonLines(Vec<u8>),
}

impl<W: Write> FlowFile<W> {
    /// Begins a file; the header of CSV is written at once.
    ///
    /// # Errors
    ///
    /// As `output` says.
    pub fn new(format: FlowFormat, output: W) -> io::Result<Self> {
        let mut file = Self::resume(format, output);
        if let Form::Csv(writer) = &mut file.form {
            writer.write_record(flow_columns().iter().map(|column| column.name)).map_err(io::Error::from)?;
            file.flush()?;
        }
        Ok(file)
    }

    /// Goes on with a file that has its header.
    pub fn resume(format: FlowFormat, output: W) -> Self {
        let form = match format {
            FlowFormat::Csv => Form::Csv(Box::new(csv_buffer())),
            FlowFormat::JsonLines => Form::JsonLines(Vec::with_capacity(BUFFER_OCTETS)),
        };
        Self { lines: LineFile::new(output), form }
    }

    /// Writes a record, or keeps it in a buffer for now. What is known of its application stands at the end of JSON lines; CSV has
    /// its name alone.
    ///
    /// # Errors
    ///
    /// The output's first error; afterwards there is none, records are just lost.
    pub fn write(&mut self, record: &FlowRecord, context: FlowContext<'_>) -> io::Result<()> {
        if !self.lines.begin_line() {
            return Ok(());
        }
        if self.form.add(record, context)? >= BUFFER_OCTETS {
            self.lines.write(&self.form.take()?)
        } else {
            Ok(())
        }
    }

    /// Hands on what is still in a buffer.
    ///
    /// # Errors
    ///
    /// The output's first error; afterwards there is none.
    pub fn flush(&mut self) -> io::Result<()> {
        self.lines.write(&self.form.take()?)?;
        self.lines.flush()
    }

    /// Whether a failure left the output within a line: who goes on with it has to end that first.
    pub const fn has_cut_line(&self) -> bool {
        self.lines.has_cut_line()
    }

    /// Records that the output has taken.
    pub const fn written_records(&self) -> u64 {
        self.lines.written()
    }

    /// Records that it has not, and never will.
    pub const fn lost_records(&self) -> u64 {
        self.lines.lost()
    }
}

impl Form {
    /// Adds a line to the buffer, and says how many octets that has now.
    fn add(&mut self, record: &FlowRecord, context: FlowContext<'_>) -> io::Result<usize> {
        match self {
            Self::Csv(writer) => {
                for column in flow_columns() {
                    match column.value(record, &context) {
                        Value::Absent => writer.write_field(""),
                        Value::Number(number) => writer.write_field(number.to_string()),
                        Value::Text(text) => writer.write_field(text.as_bytes()),
                        Value::Short(text) => writer.write_field(text.as_bytes()),
                    }
                    .map_err(io::Error::from)?;
                }
                writer.write_record(None::<&[u8]>).map_err(io::Error::from)?;
                Ok(writer.get_ref().len())
            }
            Self::JsonLines(buffer) => {
                serde_json::to_writer(&mut *buffer, &JsonRecord { record, context })
                    .map_err(io::Error::from)?;
                buffer.push(b'\n');
                Ok(buffer.len())
            }
        }
    }

    /// Empties the buffer.
    fn take(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv(writer) => {
                let full = std::mem::replace(writer, Box::new(csv_buffer()));
                full.into_inner().map_err(|error| io::Error::other(error.to_string()))
            }
            Self::JsonLines(buffer) => Ok(std::mem::replace(buffer, Vec::with_capacity(BUFFER_OCTETS))),
        }
    }
}

fn csv_buffer() -> csv::Writer<Vec<u8>> {
    csv::Writer::from_writer(Vec::with_capacity(BUFFER_OCTETS))
}

/// A record as an object with the columns that it has a value for.
struct JsonRecord<'a> {
    record: &'a FlowRecord,
    context: FlowContext<'a>,
}

impl Serialize for JsonRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in flow_columns() {
            match column.value(self.record, &self.context) {
                Value::Absent => {}
                Value::Number(number) => map.serialize_entry(column.name, &number)?,
                Value::Text(text) => map.serialize_entry(column.name, &text)?,
                Value::Short(text) => map.serialize_entry(column.name, text.as_str())?,
            }
        }
        if let Some(application) = self.context.application {
            map.serialize_entry("application", &NamedApplication(application))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{line_file::Disk, sample::udp_record};

    fn written(format: FlowFormat) -> String {
        let mut octets = Vec::new();
        let mut file = FlowFile::new(format, &mut octets).unwrap();
        file.write(&udp_record(), FlowContext::default()).unwrap();
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
    fn a_file_that_goes_on_has_no_second_header() {
        let mut octets = written(FlowFormat::Csv).into_bytes();
        let mut file = FlowFile::resume(FlowFormat::Csv, &mut octets);
        file.write(&udp_record(), FlowContext::default()).unwrap();
        file.flush().unwrap();
        drop(file);
        let whole = written(FlowFormat::Csv);
        let (header, record) = whole.split_once('\n').unwrap();
        assert_eq!(String::from_utf8(octets).unwrap(), format!("{header}\n{record}{record}"));
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_lost_and_counted() {
        let line = written(FlowFormat::JsonLines).len();
        let mut file = FlowFile::new(FlowFormat::JsonLines, Disk { room: 300 * line + 7 }).unwrap();
        let errors =
            (0..2_000).filter(|_| file.write(&udp_record(), FlowContext::default()).is_err()).count();
        let errors = errors + usize::from(file.flush().is_err());
        assert_eq!((errors, file.written_records(), file.lost_records()), (1, 300, 1_700));
        assert!(file.has_cut_line());
    }

    #[test]
    fn column_names_are_unique() {
        let mut names: Vec<_> = flow_columns().iter().map(|column| column.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(flow_columns().iter().all(|column| !column.meaning.is_empty()));
    }
}
