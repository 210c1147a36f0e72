use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::{
    FileOutput, Output,
    outgoing::{Outgoing, Ready},
    parcel::{Parcel, Sorter},
};
use crate::MAXIMUM_MESSAGE;

/// Files of messages, one after the other: when one is large or old enough, the next begins. Each stands for itself: sequence numbers begin
/// at 0, and its templates come before its data.
///
/// What is old goes by export times: a file ends with the period that it began in, such as an hour, and the first of its messages says when that
/// is. A file of which writing fails costs what was to be in it; the next one is tried anew.
pub struct RotatingOutput {
    name: Box<dyn FnMut(u32) -> PathBuf + Send>,
    rotation: Rotation,
    maximum_message: u16,
    sorter: Sorter,
    current: Option<Current>,
    files: u64,
    /// Whether writing the current file has failed.
    has_failed: bool,
}

/// When a file ends and the next one begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rotation {
    /// Before it would have more octets; a file has one message at least.
    Octets(u64),
    /// With the period of so many seconds of export time, counted from 1970.
    Seconds(u32),
}

struct Current {
    file: FileOutput,
    outgoing: Outgoing,
    octets: u64,
    began_s: u32,
}

impl RotatingOutput {
    /// Files that `name` names when they begin, by the export time of their first message in seconds since 1970. A file of that name is
    /// emptied, so names should differ.
    pub fn new(rotation: Rotation, name: impl FnMut(u32) -> PathBuf + Send + 'static) -> Self {
        Self {
            name: Box::new(name),
            rotation,
            maximum_message: MAXIMUM_MESSAGE,
            sorter: Sorter::default(),
            current: None,
            files: 0,
            has_failed: false,
        }
    }

    /// The largest message for announcements; give it what the exporter was given.
    #[must_use]
    pub fn with_maximum_message(mut self, octets: u16) -> Self {
        self.maximum_message = octets;
        self
    }

    /// How many files were begun.
    pub const fn files(&self) -> u64 {
        self.files
    }

    /// The file that is written, if one is.
    pub fn path(&self) -> Option<&Path> {
        self.current.as_ref().map(|current| current.file.path())
    }

    /// Begins the next file.
    fn begin(&mut self, export_time_s: u32) -> io::Result<()> {
        // A file that has failed stays until then, since it knows how many messages are lost.
        if !std::mem::take(&mut self.has_failed) {
            self.flush()?;
        }
        let file = FileOutput::create((self.name)(export_time_s))?;
        self.files += 1;
        let outgoing = Outgoing::session(self.maximum_message);
        self.current = Some(Current { file, outgoing, octets: 0, began_s: export_time_s });
        Ok(())
    }

    fn write(&mut self, parcel: &Parcel) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let mut ready = current.outgoing.pack(parcel);
        let Some(Ready { octets: data, .. }) = ready.pop() else { return Ok(()) };
        for announcement in &ready {
            current.file.send(&announcement.octets)?;
            current.octets += octets_of(announcement.octets.len());
        }
        if !ready.is_empty() {
            // What the file keeps back is to be the exporter's messages and no others, since both count them.
            current.file.flush()?;
        }
        current.file.send(&data)?;
        current.octets += octets_of(data.len());
        Ok(())
    }

    fn is_over(&self, octets: usize, export_time_s: u32) -> bool {
        let Some(current) = &self.current else { return true };
        match self.rotation {
            Rotation::Octets(limit) => current.octets > 0 && current.octets + octets_of(octets) > limit,
            Rotation::Seconds(seconds) => export_time_s / seconds.max(1) > current.began_s / seconds.max(1),
        }
    }
}

impl Output for RotatingOutput {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let parcel = self.sorter.take(message).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a message makes no sense: leave it to the exporter to make them",
            )
        })?;
        let Some(parcel) = parcel else { return Ok(()) };
        let time = parcel.export_time_s();
        if self.is_over(parcel.octets(), time) {
            self.begin(time)?;
        }
        let written = self.write(&parcel);
        self.has_failed |= written.is_err();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.current.as_mut().map_or(Ok(()), |current| current.file.flush());
        self.has_failed |= flushed.is_err();
        flushed
    }

    fn held_back(&self) -> usize {
        self.current.as_ref().map_or(0, |current| current.file.held_back())
    }

    fn is_datagram(&self) -> bool {
        false
    }
}

impl fmt::Debug for RotatingOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotatingOutput")
            .field("path", &self.path())
            .field("rotation", &self.rotation)
            .finish_non_exhaustive()
    }
}

fn octets_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::{Exporter, ExporterConfig, Template, iana};

    #[test]
    fn a_disk_that_was_full_costs_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("second.ipfix");
        let path = good.clone();
        let name = move |time| if time < 60 { PathBuf::from("/dev/full") } else { path.clone() };
        let output = RotatingOutput::new(Rotation::Seconds(60), name);
        let mut exporter = Exporter::new(ExporterConfig::new(1), output).unwrap();
        let template = exporter.register(&Template::new(256, [iana::FLOW_ID.field()]).unwrap()).unwrap();
        for time in [0, 60, 120] {
            exporter.record(&template, time, |record| record.u64(1)).ok();
            exporter.flush(time).ok();
        }
        let statistics = exporter.statistics();
        assert_eq!((statistics.data_records, statistics.lost_records), (2, 1));
        assert!(std::fs::metadata(good).unwrap().len() > 0);
    }
}
