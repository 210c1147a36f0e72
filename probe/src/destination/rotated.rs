use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use bytesize::ByteSize;
use ipfix_export::{RotatingOutput, Rotation};
use jiff::Timestamp;

use crate::arguments::values::refresh;

/// Files that follow each other, with the time at which each begins in its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RotatedFiles {
    /// What their names are made of.
    path: PathBuf,
    rotation: Rotation,
    /// As it was written.
    written: String,
}

impl RotatedFiles {
    pub(super) fn new(path: &str, written: &str) -> Result<Self, String> {
        if path.is_empty() || path.ends_with('/') {
            return Err("file: needs a path that ends with a name".to_owned());
        }
        let advice = || "rotate by a size such as 100MB, or a time such as 1h".to_owned();
        let rotation = if written.ends_with(['b', 'B']) {
            let size = ByteSize::from_str(written).map_err(|_| advice())?;
            if size < LEAST_FILE {
                return Err(format!("rotate by at least {LEAST_FILE}"));
            }
            Rotation::Octets(size.as_u64())
        } else {
            let time = refresh(written).map_err(|_| advice())?;
            Rotation::Seconds(u32::try_from(time.as_secs()).map_err(|_| advice())?)
        };
        Ok(Self { path: path.into(), rotation, written: written.to_owned() })
    }

    /// The folder that the files come to be in.
    pub(crate) fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// An output that writes them. No file is made yet, since their names say when they begin.
    pub(crate) fn open(&self) -> io::Result<RotatingOutput> {
        let folder = self.folder();
        let is_folder = folder.metadata().map_err(|error| {
            let text = format!("cannot write to {}: {error}; create the folder first", folder.display());
            io::Error::new(error.kind(), text)
        })?;
        if !is_folder.is_dir() {
            return Err(io::Error::other(format!("cannot write to {}: it is no folder", folder.display())));
        }
        let files = self.clone();
        let mut last = (0, 0);
        Ok(RotatingOutput::new(self.rotation, move |time| {
            // Several may begin within a second.
            last = if last.0 == time { (time, last.1 + 1) } else { (time, 0) };
            files.name(time, last.1)
        }))
    }

    /// `flows.ipfix` becomes `flows-20260304T080923Z.ipfix`.
    fn name(&self, time_s: u32, number: u32) -> PathBuf {
        let time = Timestamp::from_second(time_s.into())
            .map_or_else(|_| time_s.to_string(), |time| time.strftime("%Y%m%dT%H%M%SZ").to_string());
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{time}"));
        if number > 0 {
            name.push(format!("-{number}"));
        }
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }
}

impl fmt::Display for RotatedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file:{}?rotate={}", self.path.display(), self.written)
    }
}

const LEAST_FILE: ByteSize = ByteSize::kib(64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_files_begin() {
        let files = RotatedFiles::new("a/flows.ipfix", "1h").unwrap();
        assert_eq!(files.rotation, Rotation::Seconds(3_600));
        assert_eq!(files.name(1_763_888_401, 0), Path::new("a/flows-20251123T090001Z.ipfix"));
        assert_eq!(files.name(1_763_888_401, 2), Path::new("a/flows-20251123T090001Z-2.ipfix"));
        assert_eq!(files.to_string(), "file:a/flows.ipfix?rotate=1h");
        assert_eq!(RotatedFiles::new("flows", "1MiB").unwrap().rotation, Rotation::Octets(1 << 20));
        for wrong in ["", "1.5s", "0", "much", "1kB", "xB"] {
            assert!(RotatedFiles::new("flows", wrong).is_err(), "{wrong}");
        }
    }
}
