use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::Output;

/// A file of messages, one after the other (RFC 5655).
///
/// Messages are collected to 256 KiB before they are written. The first error stays: a gap in the middle of the file
/// would be worse than its early end, so nothing is written after it, and every later call reports it again.
#[derive(Debug)]
pub struct FileOutput {
    path: PathBuf,
    file: Target,
    /// Whole messages that are not written yet.
    pending: Vec<u8>,
    /// How many messages these are, or were when writing failed.
    held_back: usize,
    /// Octets in the file; all of them belong to whole messages.
    written_octets: u64,
    failure: Option<(ErrorKind, String)>,
}

/// What is written to.
enum Target {
    File(File),
    Stream(Box<dyn Write + Send>),
}

impl FileOutput {
    /// Creates the file, or empties it if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be created; the error names it.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let file = File::create(&path).map_err(|error| {
            let advice = match error.kind() {
                ErrorKind::NotFound => "; create its folder first",
                ErrorKind::PermissionDenied => "; choose a folder that may be written to",
                ErrorKind::IsADirectory => "; name a file in it",
                _ => "",
            };
            io::Error::new(
                error.kind(),
                format!("cannot create the IPFIX file {}: {error}{advice}", path.display()),
            )
        })?;
        Ok(Self::new(path, Target::File(file)))
    }

    /// Writes to something that is no plain file, such as a pipe, and is called `path` in errors.
    pub fn stream(path: impl AsRef<Path>, stream: impl Write + Send + 'static) -> Self {
        Self::new(path.as_ref().to_owned(), Target::Stream(Box::new(stream)))
    }

    fn new(path: PathBuf, file: Target) -> Self {
        let pending = Vec::with_capacity(BUFFER_OCTETS);
        Self { path, file, pending, held_back: 0, written_octets: 0, failure: None }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Octets that were given to the operating system so far.
    pub fn written_octets(&self) -> u64 {
        self.written_octets
    }

    /// Writes what is left. Dropping the output does so too, but cannot report an error.
    ///
    /// # Errors
    ///
    /// The first error of the file's life; it names the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let mut written = 0;
        while let Some(rest) = self.pending.get(written..).filter(|rest| !rest.is_empty()) {
            match self.file.write(rest) {
                Ok(0) => return Err(self.fail(written, &ErrorKind::WriteZero.into())),
                Ok(octets) => written += octets,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(written, &error)),
            }
        }
        self.written_octets += octets_of(written);
        self.pending.clear();
        self.held_back = 0;
        Ok(())
    }

    /// Notes the error, and cuts the file behind its last whole message.
    fn fail(&mut self, written: usize, error: &io::Error) -> io::Error {
        let written = self.pending.get(..written).unwrap_or_default();
        let (messages, octets) = whole_messages(written);
        self.written_octets += octets_of(octets);
        self.held_back -= messages;
        let torn = self.file.cut(self.written_octets).is_err();
        self.pending = Vec::new();
        let end = if torn { "; its last message may be cut" } else { "" };
        let text = format!("cannot write the IPFIX file {}: {error}{end}", self.path.display());
        self.failure = Some((error.kind(), text.clone()));
        io::Error::new(error.kind(), text)
    }

    fn check(&self) -> io::Result<()> {
        self.failure.as_ref().map_or(Ok(()), |(kind, text)| Err(io::Error::new(*kind, text.clone())))
    }
}

impl Output for FileOutput {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.check()?;
        if self.pending.len() + message.len() > BUFFER_OCTETS {
            self.write_pending()?;
        }
        self.pending.extend_from_slice(message);
        self.held_back += 1;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        self.write_pending()
    }

    fn held_back(&self) -> usize {
        self.held_back
    }

    fn is_datagram(&self) -> bool {
        false
    }
}

impl Target {
    fn cut(&self, octets: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.set_len(octets),
            Self::Stream(_) => Err(ErrorKind::Unsupported.into()),
        }
    }
}

impl Write for Target {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(octets),
            Self::Stream(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.fmt(f),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Drop for FileOutput {
    fn drop(&mut self) {
        // An error here has no one to hear it; `finish` is for those who ask.
        self.flush().ok();
    }
}

/// How many whole messages stand at the beginning of `octets`, and how many octets they have.
fn whole_messages(octets: &[u8]) -> (usize, usize) {
    let (mut messages, mut end) = (0, 0);
    while let Some([_, _, high, low]) = octets.get(end..end + 4) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length == 0 || octets.len() - end < length {
            break;
        }
        messages += 1;
        end += length;
    }
    (messages, end)
}

fn octets_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

const BUFFER_OCTETS: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: [u8; 20] = [0, 10, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4];

    #[test]
    fn messages_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.ipfix");
        let mut output = FileOutput::create(&path).unwrap();
        output.send(&MESSAGE).unwrap();
        output.send(&MESSAGE).unwrap();
        assert_eq!(output.written_octets(), 0, "small messages wait");
        output.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), MESSAGE.repeat(2));
    }

    #[test]
    fn a_dropped_output_has_written_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.ipfix");
        let mut output = FileOutput::create(&path).unwrap();
        output.send(&MESSAGE).unwrap();
        drop(output);
        assert_eq!(std::fs::read(&path).unwrap(), MESSAGE);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = FileOutput::create("/no/such/folder/flows.ipfix").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/no/such/folder/flows.ipfix"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_reported_with_the_path_and_stays_reported() {
        let mut output = FileOutput::create("/dev/full").unwrap();
        output.send(&MESSAGE).unwrap();
        let error = output.flush().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(error.to_string().contains("/dev/full"), "{error}");
        assert_eq!(output.send(&MESSAGE).unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(output.finish().unwrap_err().kind(), ErrorKind::StorageFull);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_noticed_while_sending() {
        let mut output = FileOutput::create("/dev/full").unwrap();
        let fits = BUFFER_OCTETS / MESSAGE.len();
        for _ in 0..fits {
            output.send(&MESSAGE).unwrap();
        }
        assert_eq!(output.send(&MESSAGE).unwrap_err().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn a_disk_that_is_full_after_a_message_and_a_half_keeps_the_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.ipfix");
        let mut output = FileOutput::create(&path).unwrap();
        output.send(&MESSAGE).unwrap();
        output.send(&MESSAGE).unwrap();
        output.file.write_all(&MESSAGE.repeat(2)[..30]).unwrap();
        let error = output.fail(30, &ErrorKind::StorageFull.into());
        assert!(!error.to_string().contains("may be cut"), "{error}");
        assert_eq!((output.held_back(), output.written_octets()), (1, 20));
        drop(output);
        assert_eq!(std::fs::read(&path).unwrap(), MESSAGE);
    }

    #[test]
    fn a_torn_message_does_not_count_as_whole() {
        let octets = MESSAGE.repeat(2);
        assert_eq!(whole_messages(&octets), (2, 40));
        assert_eq!(whole_messages(&octets[..39]), (1, 20));
        assert_eq!(whole_messages(&octets[..22]), (1, 20));
        assert_eq!(whole_messages(&[]), (0, 0));
    }
}
