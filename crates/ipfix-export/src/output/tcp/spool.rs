use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    MAXIMUM_MESSAGE,
    message::HEADER,
    output::{
        outgoing::Outgoing,
        parcel::{Parcel, Sorter},
    },
};

/// What a collector has yet to get, in a folder.
///
/// It is kept in parts, each of which is an IPFIX file (RFC 5655) that stands for itself. Their names are numbers, in the order of what is
/// in them. Beside them stands how far the collector has confirmed them, so that what follows in a later run follows on.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    parts: VecDeque<Part>,
    /// Of all parts.
    octets: u64,
    /// Data records that are not confirmed.
    records: u64,
    /// The last part, while it is written to.
    writing: Option<Writing>,
    reading: Reading,
    /// Up to where the first part is confirmed.
    confirmed: u64,
    /// The file that says so.
    marker: File,
    part_octets: u64,
    /// The number of the part that is appended next.
    next_part: u64,
    damage: Vec<String>,
    /// Held as long as this is there: another program would spoil it.
    _lock: File,
}

/// A part, as far as there are whole messages in it.
#[derive(Clone, Copy, Debug)]
struct Part {
    number: u64,
    octets: u64,
}

#[derive(Debug)]
struct Writing {
    file: File,
    outgoing: Outgoing,
}

/// Where reading is.
#[derive(Debug, Default)]
struct Reading {
    /// Which of the parts.
    part: usize,
    octets: u64,
    file: Option<File>,
    sorter: Sorter,
}

/// The end of a parcel in the spool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    part: u64,
    octets: u64,
}

impl Spool {
    /// Opens the folder, or makes it, and looks at what an earlier run has left in it. `limit` is what it may take in octets.
    pub(super) fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot use the spool {}: {error}", folder.display()))
        };
        fs::create_dir_all(folder).map_err(named)?;
        let lock = own(&folder.join(LOCK)).map_err(named)?;
        if let Err(error) = lock.try_lock() {
            let error = match error {
                TryLockError::WouldBlock => {
                    io::Error::other("another program does; give each a folder of its own")
                }
                TryLockError::Error(error) => error,
            };
            return Err(named(error));
        }
        let marker = own(&folder.join(MARKER)).map_err(named)?;
        let mut spool = Self {
            folder: folder.to_owned(),
            parts: VecDeque::new(),
            octets: 0,
            records: 0,
            writing: None,
            reading: Reading::default(),
            confirmed: 0,
            marker,
            part_octets: (limit / PARTS).clamp(u64::from(MAXIMUM_MESSAGE), LARGEST_PART),
            next_part: FIRST_PART,
            damage: Vec::new(),
            _lock: lock,
        };
        spool.pick_up().map_err(named)?;
        Ok(spool)
    }

    /// Data records that are not confirmed.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    /// Octets on disk.
    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether everything in it is confirmed.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a parcel behind all others.
    pub(super) fn append(&mut self, parcel: &Parcel) -> io::Result<()> {
        let is_full = self.parts.back().is_none_or(|part| part.octets >= self.part_octets);
        if is_full || self.writing.as_ref().is_none_or(|writing| writing.outgoing.is_at_odds_with(parcel)) {
            let number = self.next_part;
            let file = self.create(number)?;
            self.next_part += 1;
            self.parts.push_back(Part { number, octets: 0 });
            self.writing = Some(Writing { file, outgoing: Outgoing::part(MAXIMUM_MESSAGE) });
        }
        let (Some(writing), Some(part)) = (&mut self.writing, self.parts.back_mut()) else { return Ok(()) };
        let written = write(&mut writing.file, &mut writing.outgoing, part.octets, parcel);
        match written {
            Ok(octets) => {
                part.octets += octets;
                self.octets += octets;
                self.records += u64::from(parcel.data_records);
            }
            // What was announced in it is no longer clear.
            Err(_) => self.writing = None,
        }
        written.map(drop)
    }

    /// Adds parcels before all others. None of what is there may have been confirmed or read.
    pub(super) fn prepend(&mut self, parcels: &[Parcel]) -> io::Result<()> {
        let number = self.parts.front().map_or(self.next_part, |part| part.number) - 1;
        let (mut file, mut outgoing) = (self.create(number)?, Outgoing::part(MAXIMUM_MESSAGE));
        let mut part = Part { number, octets: 0 };
        for parcel in parcels {
            part.octets += write(&mut file, &mut outgoing, part.octets, parcel)?;
            self.records += u64::from(parcel.data_records);
        }
        self.octets += part.octets;
        self.parts.push_front(part);
        self.confirmed = 0;
        self.mark()?;
        self.reading = Reading::default();
        Ok(())
    }

    /// Reads the next parcel, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<(Parcel, Place)>> {
        while let Some(part) = self.parts.get(self.reading.part).copied() {
            if self.reading.octets >= part.octets {
                // More may be appended to the last one.
                if self.reading.part + 1 >= self.parts.len() {
                    return Ok(None);
                }
                self.reading = Reading { part: self.reading.part + 1, ..Reading::default() };
                continue;
            }
            let path = self.path(part.number);
            if self.reading.file.is_none() {
                self.reading.file = Some(File::open(&path)?);
            }
            let Some(file) = &mut self.reading.file else { return Ok(None) };
            let Some(message) = read_message(file)? else {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("{} was cut", path.display())));
            };
            self.reading.octets += octets_of(message.len());
            let parcel = self.reading.sorter.take(&message).map_err(|_| {
                io::Error::new(ErrorKind::InvalidData, format!("{} is damaged", path.display()))
            })?;
            // Of the first part some may be confirmed; what is announced there is good for the rest.
            let is_confirmed = self.reading.part == 0 && self.reading.octets <= self.confirmed;
            if let Some(parcel) = parcel
                && !is_confirmed
            {
                return Ok(Some((parcel, Place { part: part.number, octets: self.reading.octets })));
            }
        }
        Ok(None)
    }

    /// The next to be read is again the first that is not confirmed.
    pub(super) fn rewind(&mut self) {
        self.reading = Reading::default();
    }

    /// Notes that everything up to `place` has been confirmed, the last of it a parcel of so many records.
    pub(super) fn confirm(&mut self, place: Place, records: u32) -> io::Result<()> {
        self.records = self.records.saturating_sub(records.into());
        while self.parts.front().is_some_and(|part| part.number < place.part) {
            self.drop_first()?;
        }
        if self.parts.front().is_some_and(|part| part.number == place.part) {
            self.confirmed = place.octets;
        }
        Ok(())
    }

    /// Makes it last what was confirmed, and removes the parts of which nothing is left.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        while self.parts.front().is_some_and(|part| self.confirmed >= part.octets) {
            self.drop_first()?;
        }
        self.mark()
    }

    /// Forgets all that is in it, without removing a file. Returns how many records that are.
    pub(super) fn abandon(&mut self) -> u64 {
        self.parts.clear();
        self.octets = 0;
        self.confirmed = 0;
        self.writing = None;
        self.reading = Reading::default();
        std::mem::take(&mut self.records)
    }

    /// What of an earlier run cannot be read, each in a sentence.
    pub(super) fn take_damage(&mut self) -> Vec<String> {
        std::mem::take(&mut self.damage)
    }

    fn drop_first(&mut self) -> io::Result<()> {
        let Some(part) = self.parts.pop_front() else { return Ok(()) };
        self.octets -= part.octets;
        self.confirmed = 0;
        if self.parts.is_empty() {
            self.writing = None;
        }
        match self.reading.part.checked_sub(1) {
            Some(part) => self.reading.part = part,
            None => self.reading = Reading::default(),
        }
        fs::remove_file(self.path(part.number))
    }

    /// Finds out what an earlier run has left.
    fn pick_up(&mut self) -> io::Result<()> {
        let mut octets = [0; 16];
        let marked = self.marker.read_exact(&mut octets).is_ok();
        let [part, confirmed] = [0, 8].map(|at| {
            octets.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |octets| u64::from_be_bytes(*octets))
        });
        let mut numbers: Vec<u64> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(EXTENSION)?.parse::<u64>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        self.next_part = numbers.last().map_or(FIRST_PART, |last| last + 1);
        for number in numbers {
            if marked && number < part {
                // It was confirmed, and the program ended before it was removed.
                fs::remove_file(self.path(number))?;
                continue;
            }
            let confirmed = if marked && number == part { confirmed } else { 0 };
            let path = self.path(number);
            let (octets, records) = survey(&path, confirmed)?;
            let damaged = fs::metadata(&path)?.len().saturating_sub(octets);
            if damaged > 0 {
                let text = format!("{}: the last {damaged} octets are damaged and left out", path.display());
                self.damage.push(text);
            }
            if octets <= confirmed {
                fs::remove_file(self.path(number))?;
                continue;
            }
            if self.parts.is_empty() {
                self.confirmed = confirmed;
            }
            self.parts.push_back(Part { number, octets });
            self.octets += octets;
            self.records += records;
        }
        self.mark()
    }

    fn mark(&mut self) -> io::Result<()> {
        let number = self.parts.front().map_or(0, |part| part.number);
        let mut octets = [0; 16];
        let (first, second) = octets.split_at_mut(8);
        first.copy_from_slice(&number.to_be_bytes());
        second.copy_from_slice(&self.confirmed.to_be_bytes());
        self.marker.seek(SeekFrom::Start(0))?;
        self.marker.write_all(&octets)
    }

    fn create(&self, number: u64) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.path(number))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:012}{EXTENSION}"))
    }
}

/// Writes a parcel to the end of a file of so many octets. Returns how many it takes. If it does not fit the disk, the file is as before.
fn write(file: &mut File, outgoing: &mut Outgoing, end: u64, parcel: &Parcel) -> io::Result<u64> {
    let mut octets = Vec::new();
    for ready in outgoing.pack(parcel) {
        octets.extend_from_slice(&ready.octets);
    }
    match file.write_all(&octets) {
        Ok(()) => Ok(octets_of(octets.len())),
        Err(error) => {
            file.set_len(end).ok();
            file.seek(SeekFrom::Start(end)).ok();
            Err(error)
        }
    }
}

/// How far a part consists of whole messages that can be read, and how many data records are in those behind `confirmed`.
fn survey(path: &Path, confirmed: u64) -> io::Result<(u64, u64)> {
    let mut file = io::BufReader::new(File::open(path)?);
    let (mut sorter, mut octets, mut records) = (Sorter::default(), 0, 0);
    while let Some(message) = read_message(&mut file)? {
        let Ok(parcel) = sorter.take(&message) else { break };
        octets += octets_of(message.len());
        if octets > confirmed {
            records += parcel.map_or(0, |parcel| u64::from(parcel.data_records));
        }
    }
    Ok((octets, records))
}

/// The next message of a file; `None` at its end, or where it is cut.
fn read_message(file: &mut impl io::Read) -> io::Result<Option<Vec<u8>>> {
    let mut message = vec![0; HEADER];
    let is_cut = |error: &io::Error| error.kind() == ErrorKind::UnexpectedEof;
    match file.read_exact(&mut message) {
        Err(error) if is_cut(&error) => return Ok(None),
        read => read?,
    }
    let length =
        message.get(2..).and_then(<[u8]>::first_chunk).map_or(0, |octets| u16::from_be_bytes(*octets));
    let length = usize::from(length);
    if length < HEADER {
        return Ok(None);
    }
    message.resize(length, 0);
    match file.read_exact(message.get_mut(HEADER..).unwrap_or_default()) {
        Err(error) if is_cut(&error) => Ok(None),
        read => read.map(|()| Some(message)),
    }
}

/// Opens a file for reading and writing, and makes it if it is not there.
fn own(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn octets_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A part is removed when all of it is confirmed, so that many let room become free soon.
const PARTS: u64 = 16;
const LARGEST_PART: u64 = 16 << 20;
/// In the middle: what was on its way when a connection broke may have to go before.
const FIRST_PART: u64 = 500_000_000_000;
const EXTENSION: &str = ".ipfix";
const LOCK: &str = "lock";
const MARKER: &str = "confirmed";
