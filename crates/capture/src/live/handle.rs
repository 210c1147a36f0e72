use std::os::fd::{AsFd, BorrowedFd};

use wire::LinkType;

use super::{
    LiveConfig, LiveCounts, LiveError,
    libpcap::Libpcap,
    ring::{Refusal, Ring},
};
use crate::Frames;

/// One of the handles of an interface.
pub(super) struct Handle {
    name: String,
    /// Its number among all interfaces of the run.
    pub(super) interface: u16,
    reader: Reader,
    /// Why it has no ring of its own, if it should have one.
    refusal: Option<Refusal>,
}

/// How its frames are read.
enum Reader {
    Ring(Box<Ring>),
    Libpcap(Box<Libpcap>),
}

impl Handle {
    /// Opens an interface, from which nothing comes before [`Handle::pass`].
    ///
    /// libpcap opens it in any case: it knows what can be wrong with an interface, its link type, and what an expression means there.
    pub(super) fn open(
        name: &str,
        interface: u16,
        counts_interface: bool,
        config: &LiveConfig,
    ) -> Result<Self, LiveError> {
        let libpcap = |config| {
            Libpcap::open(name, interface, counts_interface, config)
                .map_err(|error| error_of(name, &in_words(&error)))
        };
        let small = LiveConfig { ring_octets: FIRST_RING_OCTETS, ..config.clone() };
        // It stays open until there is something else, so that the interface need not become promiscuous twice.
        let first = libpcap(&small)?;
        let of_program = |program| Ring::open(name, interface, counts_interface, config, program);
        let ring = if first.link_type() == LinkType::ETHERNET {
            let program = first.program(&config.filter);
            let program = program.map_err(|error| filter_error(name, &config.filter, &error))?;
            Some(program.ok_or(Refusal::Filter("its form is unknown")).and_then(of_program))
        } else {
            None
        };
        let (reader, refusal) = match ring {
            Some(Ok(ring)) => (Reader::Ring(Box::new(ring)), None),
            other => (Reader::Libpcap(Box::new(libpcap(config)?)), other.and_then(Result::err)),
        };
        Ok(Self { name: name.to_owned(), interface, reader, refusal })
    }

    /// Says in words that the interface is read in another way than others of its kind, and why, if so.
    pub(super) fn detour(&self) -> Option<String> {
        let Self { name, refusal, .. } = self;
        refusal.map(|reason| format!("interface {name}: libpcap reads it, which costs more: {reason}"))
    }

    /// Lets through what the filter asks for, from now on. What came before is not counted.
    pub(super) fn pass(&mut self, filter: &str) -> Result<(), LiveError> {
        match &mut self.reader {
            Reader::Ring(ring) => ring.pass().map_err(|error| error_of(&self.name, &error.to_string())),
            Reader::Libpcap(libpcap) => {
                libpcap.pass(filter).map_err(|error| filter_error(&self.name, filter, &error))
            }
        }
    }

    /// Takes frames that have come; those that were taken before are done with. Returns how many it took, 0 if there are none yet.
    pub(super) fn take(&mut self) -> Result<usize, LiveError> {
        let outcome = match &mut self.reader {
            Reader::Ring(ring) => ring.take().map_err(|error| error.to_string()),
            Reader::Libpcap(libpcap) => libpcap.take().map_err(|error| in_words(&error)),
        };
        outcome.map_err(|words| error_of(&self.name, &words))
    }

    /// The frames that were taken last; each is given once.
    pub(super) fn frames(&mut self) -> Frames<'_> {
        match &mut self.reader {
            Reader::Ring(ring) => ring.frames(),
            Reader::Libpcap(libpcap) => libpcap.frames(),
        }
    }

    /// Leaves the frames that were taken last unread.
    pub(super) fn clear(&mut self) {
        match &mut self.reader {
            Reader::Ring(ring) => ring.clear(),
            Reader::Libpcap(libpcap) => libpcap.clear(),
        }
    }

    /// What the kernel has counted so far.
    pub(super) fn counts(&mut self) -> LiveCounts {
        match &mut self.reader {
            Reader::Ring(ring) => ring.counts(),
            Reader::Libpcap(libpcap) => libpcap.counts(),
        }
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.reader {
            Reader::Ring(ring) => ring.as_fd(),
            Reader::Libpcap(libpcap) => libpcap.as_fd(),
        }
    }
}

/// What is wrong with an interface, and what to do where the words do not say it.
pub(super) fn error_of(interface: &str, words: &str) -> LiveError {
    let lower = words.to_lowercase();
    let advice = if lower.contains("permission") || lower.contains("not permitted") {
        "; run it as root, or give it CAP_NET_RAW and CAP_NET_ADMIN"
    } else if lower.contains("no such device") || lower.contains("not found") {
        "; `ip link` lists the interfaces"
    } else if lower.contains("disappeared") {
        "; it was removed, or renamed and was down since: the new name has to be given"
    } else if lower.contains("is not up") || lower.contains("network is down") {
        "; `ip link set NAME up` brings it up"
    } else {
        ""
    };
    LiveError { interface: interface.to_owned(), reason: format!("{words}{advice}") }
}

fn filter_error(interface: &str, expression: &str, error: &pcap::Error) -> LiveError {
    let reason =
        format!("filter expression \"{expression}\": {error}; pcap-filter(7) describes the language");
    LiveError { interface: interface.to_owned(), reason }
}

/// libpcap's words.
fn in_words(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => words.trim().to_owned(),
        other => other.to_string(),
    }
}

/// libpcap makes a ring of at least one frame, through which nothing passes.
const FIRST_RING_OCTETS: u32 = 1 << 18;
