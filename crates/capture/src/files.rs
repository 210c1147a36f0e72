use std::path::{Path, PathBuf};

use crate::{Batch, CaptureReader, Damage, DamageKind, Fill, Interface, MAX_INTERFACES, OpenError};

/// Many captures as one source, read one after the other in the order of their first packets.
///
/// The path `-` is standard input. Captures without packets come first, captures whose first packets have the same time
/// in the order in which they were named. A damaged capture gives what is before the damage, which is noted, and the next
/// one follows.
#[derive(Debug)]
pub struct CaptureFiles {
    /// Those to come, the next one last.
    waiting: Vec<Waiting>,
    current: Option<CaptureReader>,
    /// What standard input and other streams gave when their first packet was looked for.
    looked_at: Option<LookedAt>,
    interfaces: Vec<Interface>,
    /// How many of `interfaces` are of captures that have ended.
    interfaces_before: usize,
    damages: Vec<Damage>,
    packets_before: u64,
    input_octets_before: u64,
    total_octets: Option<u64>,
}

/// A capture that was opened to look for its first packet.
#[derive(Debug)]
enum Waiting {
    /// Closed again: many captures must not take many file handles.
    File(PathBuf),
    /// A stream, which can be read only once, and what was read of it.
    Stream(Box<(CaptureReader, LookedAt)>),
}

/// The first fill of a reader.
#[derive(Debug)]
struct LookedAt {
    batch: Batch,
    outcome: Result<Fill, Damage>,
}

impl CaptureFiles {
    /// Opens all captures, looks for their first packets, and brings them in order.
    ///
    /// # Errors
    ///
    /// The first one that cannot be read or is no capture, and standard input if it is named twice. Damage is no error
    /// here.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, OpenError> {
        let mut captures = Vec::new();
        let mut total_octets = Some(0_u64);
        let mut standard_input_named = false;
        for path in paths {
            let path = path.as_ref();
            let is_standard_input = path == Path::new(STANDARD_INPUT);
            if is_standard_input && std::mem::replace(&mut standard_input_named, true) {
                return Err(OpenError::StandardInputTwice);
            }
            let file_octets = path
                .metadata()
                .ok()
                .filter(|data| data.is_file() && !is_standard_input)
                .map(|data| data.len());
            total_octets = total_octets.zip(file_octets).map(|(total, octets)| total.saturating_add(octets));
            let reader = if is_standard_input {
                CaptureReader::from_standard_input()?
            } else {
                CaptureReader::open(path)?
            };
            captures.push(look_at(reader, file_octets.map(|_| path)));
        }
        // The sort is stable; the next one shall be the last.
        captures.sort_by_key(|(first_packet, _)| *first_packet);
        let waiting = captures.into_iter().rev().map(|(_, waiting)| waiting).collect();
        Ok(Self {
            waiting,
            current: None,
            looked_at: None,
            interfaces: Vec::new(),
            interfaces_before: 0,
            damages: Vec::new(),
            packets_before: 0,
            input_octets_before: 0,
            total_octets,
        })
    }

    /// Clears `batch` and fills it with the frames that come next. A batch never holds frames of two captures.
    pub fn fill(&mut self, batch: &mut Batch) -> Fill {
        loop {
            if self.current.is_none() && !self.begin_next() {
                batch.clear();
                return Fill::End;
            }
            let Some(reader) = self.current.as_mut() else { continue };
            let outcome = match self.looked_at.take() {
                Some(looked_at) => {
                    *batch = looked_at.batch;
                    looked_at.outcome
                }
                None => reader.fill(batch),
            };
            let room = MAX_INTERFACES - self.interfaces_before;
            let described = reader.interfaces().get(..room).unwrap_or_else(|| reader.interfaces());
            // At the end of a capture they may have got their counts.
            if described.len() > self.interfaces.len() - self.interfaces_before || outcome != Ok(Fill::Frames)
            {
                self.interfaces.truncate(self.interfaces_before);
                self.interfaces.extend_from_slice(described);
            }
            match outcome {
                Ok(Fill::Frames) => {
                    batch.set_packets_before(self.packets_before + batch.packets_before());
                    return Fill::Frames;
                }
                Ok(Fill::End) => self.end_current(),
                Err(damage) => {
                    self.damages.push(damage);
                    self.end_current();
                }
            }
        }
    }

    /// The interfaces of all captures so far, at most [`MAX_INTERFACES`]; frames number them over all captures. The last number,
    /// 65 535, stands for all further ones too.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Where captures were damaged, so far.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// The capture that is being read.
    pub fn current(&self) -> Option<&CaptureReader> {
        self.current.as_ref()
    }

    /// How many packets were delivered.
    pub fn packets_read(&self) -> u64 {
        self.packets_before + self.current.as_ref().map_or(0, CaptureReader::packets_read)
    }

    /// How many octets were taken from the files, compressed as they are there.
    pub fn input_octets(&self) -> u64 {
        self.input_octets_before + self.current.as_ref().map_or(0, CaptureReader::input_octets)
    }

    /// What [`CaptureFiles::input_octets`] will come to, by the sizes of the files when they were opened; `None` with
    /// standard input or another stream among them.
    pub fn total_octets(&self) -> Option<u64> {
        self.total_octets
    }

    /// Makes the next capture the current one; `false` if there is none.
    fn begin_next(&mut self) -> bool {
        while let Some(waiting) = self.waiting.pop() {
            let first = u16::try_from(self.interfaces_before).unwrap_or(u16::MAX);
            match waiting {
                Waiting::File(path) => match CaptureReader::open(&path) {
                    Ok(mut reader) => {
                        reader.number_interfaces_from(first);
                        self.current = Some(reader);
                        return true;
                    }
                    Err(error) => self.damages.push(opened_no_more(&path, &error)),
                },
                Waiting::Stream(stream) => {
                    let (mut reader, mut looked_at) = *stream;
                    reader.number_interfaces_from(first);
                    looked_at.batch.number_interfaces_from(first);
                    self.looked_at = Some(looked_at);
                    self.current = Some(reader);
                    return true;
                }
            }
        }
        false
    }

    fn end_current(&mut self) {
        if let Some(reader) = self.current.take() {
            self.packets_before += reader.packets_read();
            self.input_octets_before += reader.input_octets();
            self.interfaces_before = self.interfaces.len();
        }
    }
}

/// Finds the time of the first packet. `file` is where it can be opened again.
fn look_at(mut reader: CaptureReader, file: Option<&Path>) -> (Option<wire::Timestamp>, Waiting) {
    let mut batch = Batch::new();
    reader.set_read_octets(LOOK_AT_OCTETS);
    let outcome = reader.fill(&mut batch);
    reader.set_default_read_octets();
    let first_packet = batch.frame(0).map(|frame| frame.timestamp);
    let waiting = match file {
        Some(path) => Waiting::File(path.to_owned()),
        None => Waiting::Stream(Box::new((reader, LookedAt { batch, outcome }))),
    };
    (first_packet, waiting)
}

/// A file that could be opened before and now cannot.
fn opened_no_more(path: &Path, error: &OpenError) -> Damage {
    let reason = match error {
        OpenError::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    Damage { capture: path.display().to_string(), packet: 1, offset: 0, kind: DamageKind::Unreadable(reason) }
}

/// The path that means standard input.
const STANDARD_INPUT: &str = "-";
/// How much is read at once to find a first packet.
const LOOK_AT_OCTETS: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::fd::AsRawFd};

    use super::*;
    use crate::{
        octets::ByteOrder::Little,
        sample::{enhanced_packet, interface, pcap_header, record, section, small_pcapng},
    };

    /// A capture with a packet a second from `first` on, whose octets are its name.
    fn capture(name: &str, first: u32, packets: u32) -> Vec<u8> {
        let records =
            (first..first + packets).flat_map(|second| record(Little, (second, 0), name.as_bytes(), 9));
        pcap_header(Little, 0xa1b2_c3d4, 0, 1).into_iter().chain(records).collect()
    }

    /// What each packet holds, and the number of its interface.
    fn drain(files: &mut CaptureFiles) -> Vec<(String, u16)> {
        let mut batch = Batch::new();
        let mut packets = Vec::new();
        while files.fill(&mut batch) == Fill::Frames {
            assert_eq!(batch.packets_before(), u64::try_from(packets.len()).unwrap());
            packets
                .extend(batch.frames().map(|f| (String::from_utf8_lossy(f.data).into_owned(), f.interface)));
        }
        assert_eq!(files.packets_read(), u64::try_from(packets.len()).unwrap());
        assert_eq!(files.fill(&mut batch), Fill::End);
        packets
    }

    #[test]
    fn captures_follow_one_another_in_the_order_of_their_first_packets() {
        let folder = tempfile::tempdir().unwrap();
        let captures = [("late", 30, 1), ("early", 10, 2), ("none", 0, 0), ("same as late", 30, 1)];
        let paths = captures.map(|(name, first, packets)| {
            let path = folder.path().join(name);
            fs::write(&path, capture(name, first, packets)).unwrap();
            path
        });
        let mut files = CaptureFiles::open(&paths).unwrap();
        let packets = drain(&mut files);
        let expected = [("early", 1), ("early", 1), ("late", 2), ("same as late", 3)];
        assert_eq!(packets, expected.map(|(name, interface)| (name.to_owned(), interface)));
        let described: Vec<_> = files.interfaces().iter().map(|interface| &*interface.capture).collect();
        assert_eq!(described, [2, 1, 0, 3].map(|i| paths[i].to_str().unwrap()));
        assert_eq!(Some(files.input_octets()), files.total_octets());
        assert!(files.damages().is_empty());
    }

    #[test]
    fn damage_in_one_capture_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let [cut, empty, whole] = ["cut", "empty", "whole"].map(|name| folder.path().join(name));
        let octets = capture("cut", 1, 2);
        fs::write(&cut, &octets[..octets.len() - 1]).unwrap();
        fs::write(&empty, b"").unwrap();
        fs::write(&whole, capture("whole", 2, 1)).unwrap();
        let mut files = CaptureFiles::open([&whole, &cut, &empty]).unwrap();
        let packets: Vec<_> = drain(&mut files).into_iter().map(|(name, _)| name).collect();
        assert_eq!(packets, ["cut", "whole"]);
        let damages: Vec<_> = files.damages().iter().map(ToString::to_string).collect();
        let said = [
            format!("{}: empty file", empty.display()),
            format!(
                "{}: packet 2 at octet 43: cut short: the record header says 3 octets, the file ends after 2",
                cut.display()
            ),
        ];
        assert_eq!(damages, said);
    }

    #[test]
    fn a_pipe_takes_its_place_among_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let [early, late] = [("early", 1), ("late", 9)].map(|(name, first)| {
            let path = folder.path().join(name);
            fs::write(&path, capture(name, first, 1)).unwrap();
            path
        });
        let (reading_end, mut writing_end) = std::io::pipe().unwrap();
        writing_end.write_all(&capture("piped", 5, 2)).unwrap();
        drop(writing_end);
        let pipe = PathBuf::from(format!("/dev/fd/{}", reading_end.as_raw_fd()));
        let mut files = CaptureFiles::open([&late, &pipe, &early]).unwrap();
        assert_eq!(files.total_octets(), None);
        let expected = [("early", 0), ("piped", 1), ("piped", 1), ("late", 2)];
        assert_eq!(drain(&mut files), expected.map(|(name, interface)| (name.to_owned(), interface)));
    }

    #[test]
    fn interfaces_are_numbered_over_all_captures() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
        fs::write(&first, small_pcapng()).unwrap();
        let later = [
            section(Little),
            interface(Little, 1, 0, &[]),
            interface(Little, 1, 0, &[]),
            enhanced_packet(Little, 1, 1 << 60, b"last", 4),
        ];
        fs::write(&second, later.concat()).unwrap();
        let mut files = CaptureFiles::open([&second, &first]).unwrap();
        let numbers: Vec<_> = drain(&mut files).into_iter().map(|(_, number)| number).collect();
        assert_eq!((numbers, files.interfaces().len()), (vec![0, 1, 0, 2, 4], 5));
    }

    #[test]
    fn interfaces_of_many_captures_take_bounded_memory() {
        let folder = tempfile::tempdir().unwrap();
        let file = [
            section(Little),
            interface(Little, 1, 0, &[]).repeat(MAX_INTERFACES - 1),
            enhanced_packet(Little, 2, 0, b"", 0),
        ]
        .concat();
        let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
        for path in &paths {
            fs::write(path, &file).unwrap();
        }
        let mut files = CaptureFiles::open(&paths).unwrap();
        let numbers: Vec<_> = drain(&mut files).into_iter().map(|(_, number)| number).collect();
        assert_eq!((numbers, files.interfaces().len()), (vec![2, u16::MAX, u16::MAX], MAX_INTERFACES));
    }

    #[test]
    fn a_capture_that_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good");
        fs::write(&good, capture("good", 1, 1)).unwrap();
        let text = folder.path().join("text");
        fs::write(&text, "text, and no capture").unwrap();
        for bad in [folder.path().join("missing"), folder.path().to_owned(), text] {
            let error = CaptureFiles::open([&good, &bad]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{}: ", bad.display())), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_gone_when_its_turn_comes_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let [early, late] = [("early", 1), ("late", 9)].map(|(name, first)| {
            let path = folder.path().join(name);
            fs::write(&path, capture(name, first, 1)).unwrap();
            path
        });
        let mut files = CaptureFiles::open([&early, &late]).unwrap();
        fs::remove_file(&late).unwrap();
        assert_eq!(drain(&mut files).len(), 1);
        let [damage] = files.damages() else { panic!("one is gone") };
        assert!(matches!(damage.kind, DamageKind::Unreadable(_)), "{damage}");
    }
}
