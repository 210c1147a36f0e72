mod exports;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    panic::resume_unwind,
    path::Path,
    thread::{self, ScopedJoinHandle},
};

use report::{EveTypes, OutputCounts, Statistics};

pub(crate) use self::exports::exports;
use super::{EveSink, FlowsSink, Opening, Share, Sink, SinkReport};
use crate::{
    arguments::{CommonArguments, IpfixArguments},
    destination::{Destination, EvePath, FlowsPath},
    signals::Signals,
};

/// All outputs, and what became of those that there were before.
pub(crate) struct Outputs {
    open: Vec<Output>,
    /// The names of interfaces that are known before anything is read.
    interfaces: Vec<String>,
    /// One for each name.
    closed: Vec<SinkReport>,
}

/// One of them.
struct Output {
    wanted: Wanted,
    sink: Box<dyn Sink>,
    /// The file that it has, if it is one: another one may come to have its name.
    file: Option<FileIdentity>,
    /// It was said that it has failed.
    is_failure_said: bool,
}

/// What an output is asked to be.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Export(Destination, IpfixArguments),
    Flows(FlowsPath),
    Eve(EvePath, EveTypes),
}

/// An output that is asked for, and the flows that it is for if not for all.
struct Asked {
    wanted: Wanted,
    share: Option<Share>,
}

/// What tells a file from all others, whatever it is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct FileIdentity {
    device: u64,
    inode: u64,
}

/// What is to become of an output that is asked for.
enum Plan {
    /// It is there already, at this place; from now on it is for these flows.
    Keep(usize, Option<Share>),
    Open(Box<Output>),
}

impl Outputs {
    /// Opens all that are asked for. `signals` say when they are not to be waited for any longer, where something does; `interfaces` are
    /// the names of those that are known before anything is read.
    pub(crate) fn open(
        arguments: &CommonArguments,
        signals: Option<&Signals>,
        interfaces: &[String],
    ) -> anyhow::Result<Self> {
        let opening = Opening { signals, is_again: false, ends_line: false };
        let open = Asked::all(arguments)
            .into_iter()
            .map(|asked| Output::open(asked, arguments, interfaces, opening))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { open, interfaces: interfaces.to_vec(), closed: Vec::new() })
    }

    /// Changes the outputs to those that are asked for now. One that is asked for as before is kept; one that is new, has failed (such as for
    /// want of room), or has lost its name to another file (as when logs are rotated) is opened. Files that are there already are written on. Says what was opened and closed.
    ///
    /// # Errors
    ///
    /// If one cannot be opened. Then nothing has changed, though files that could be created stay.
    pub(crate) fn change(
        &mut self,
        arguments: &CommonArguments,
        signals: &Signals,
    ) -> anyhow::Result<Vec<String>> {
        let mut plans = Vec::new();
        let mut kept = BTreeSet::new();
        for asked in Asked::all(arguments) {
            let is_kept = |(place, output): &(usize, &Output)| {
                output.wanted == asked.wanted && output.is_usable() && !kept.contains(place)
            };
            if let Some((place, _)) = self.open.iter().enumerate().find(is_kept) {
                kept.insert(place);
                plans.push(Plan::Keep(place, asked.share));
            } else {
                let ends_line = self.open.iter().any(|output| output.has_cut_line_of(&asked.wanted));
                let opening = Opening { signals: Some(signals), is_again: true, ends_line };
                plans.push(Plan::Open(Box::new(Output::open(asked, arguments, &self.interfaces, opening)?)));
            }
        }
        let mut before: Vec<_> = std::mem::take(&mut self.open).into_iter().map(Some).collect();
        let (mut opened, mut said) = (Vec::new(), Vec::new());
        for plan in plans {
            match plan {
                Plan::Keep(place, share) => {
                    let mut output = before.get_mut(place).and_then(Option::take);
                    if let Some(output) = &mut output {
                        output.sink.take_share(share);
                    }
                    opened.extend(output);
                }
                Plan::Open(output) => {
                    said.push(format!("{} is opened", output.sink.counts().output));
                    opened.push(*output);
                }
            }
        }
        for output in before.into_iter().flatten() {
            let report = output.sink.finish();
            let is_replaced = opened.iter().any(|output| output.sink.counts().output == report.counts.output);
            if !is_replaced {
                said.push(format!("{} is closed", report.counts.output));
            }
            self.close(report);
        }
        self.open = opened;
        Ok(said)
    }

    /// Keeps what there is to say of one that is no longer open.
    fn close(&mut self, report: SinkReport) {
        match self.closed.iter_mut().find(|closed| closed.counts.output == report.counts.output) {
            Some(closed) => {
                closed.counts.add(&report.counts);
                closed.failure = closed.failure.take().or(report.failure);
            }
            None => self.closed.push(report),
        }
    }

    /// Those that are open.
    pub(crate) fn sinks(&mut self) -> impl Iterator<Item = &mut Box<dyn Sink>> {
        self.open.iter_mut().map(|output| &mut output.sink)
    }

    /// Those that have failed since this was asked last, with what went wrong.
    pub(crate) fn new_failures(&mut self) -> Vec<String> {
        let fresh = self.open.iter_mut().filter(|output| !output.is_failure_said);
        let said = fresh.filter_map(|output| {
            let failure = output.sink.failure()?;
            output.is_failure_said = true;
            let name = output.sink.counts().output;
            Some(format!("{name}: {failure}; what comes is lost until HUP opens it anew"))
        });
        said.collect()
    }

    /// What all have taken and lost so far: one that was opened anew counts on.
    pub(crate) fn counts(&self) -> Vec<OutputCounts> {
        let open = self.open.iter().map(|output| output.sink.counts());
        summed(open.chain(self.closed.iter().map(|report| report.counts.clone())))
    }

    /// Gives all of them the totals, and ends them, all at the same time: some wait for somebody who takes nothing. What they have taken and
    /// lost, and what went wrong.
    pub(crate) fn finish(self, statistics: &Statistics<'_>) -> (Vec<OutputCounts>, Vec<String>) {
        let finish = |output: Output| {
            let mut sink = output.sink;
            sink.totals(statistics);
            sink.finish()
        };
        let mut open: Vec<_> = self.open.into_iter().map(Some).collect();
        let ended: Vec<_> = thread::scope(|scope| {
            let end = |output: &mut Option<Output>| output.take().map(finish);
            let endings: Vec<_> = open
                .iter_mut()
                .map(|output| thread::Builder::new().spawn_scoped(scope, move || end(output)).ok())
                .collect();
            // One that panics has said so; the program ends as if it had done so here.
            let join =
                |ending: ScopedJoinHandle<'_, _>| ending.join().unwrap_or_else(|panic| resume_unwind(panic));
            endings.into_iter().map(|ending| ending.and_then(join)).collect()
        });
        // Where the system has no thread left, it is done here.
        let ended =
            ended.into_iter().zip(open).filter_map(|(ended, output)| ended.or_else(|| output.map(finish)));
        let reports: Vec<_> = ended.chain(self.closed).collect();
        let failures = reports.iter().filter_map(|report| report.failure.clone()).collect();
        (summed(reports.into_iter().map(|report| report.counts)), failures)
    }
}

/// One for each output, by its name.
fn summed(counts: impl Iterator<Item = OutputCounts>) -> Vec<OutputCounts> {
    let mut sums: Vec<OutputCounts> = Vec::new();
    for counts in counts {
        match sums.iter_mut().find(|sum| sum.output == counts.output) {
            Some(sum) => sum.add(&counts),
            None => sums.push(counts),
        }
    }
    sums
}

impl Output {
    fn open(
        asked: Asked,
        arguments: &CommonArguments,
        interfaces: &[String],
        opening: Opening<'_>,
    ) -> anyhow::Result<Self> {
        let Asked { wanted, share } = asked;
        let mut sink: Box<dyn Sink> = match &wanted {
            Wanted::Export(destination, ipfix) => {
                let export = exports::open(destination, ipfix, exports(arguments), opening)?;
                Box::new(export.with_interfaces(interfaces))
            }
            Wanted::Flows(flows) => Box::new(FlowsSink::open(flows, opening)?),
            Wanted::Eve(eve, types) => Box::new(EveSink::open(eve, *types, arguments.sampling(), opening)?),
        };
        sink.take_share(share);
        let file = wanted.path().and_then(FileIdentity::of);
        Ok(Self { wanted, sink, file, is_failure_said: false })
    }

    /// Whether it can stay as it is.
    fn is_usable(&self) -> bool {
        self.sink.failure().is_none() && !self.has_lost_its_name()
    }

    /// Whether it has left the file of `wanted` within a line.
    fn has_cut_line_of(&self, wanted: &Wanted) -> bool {
        self.sink.has_cut_line() && self.wanted.path() == wanted.path() && !self.has_lost_its_name()
    }

    /// Whether its file is no longer the one of its name: somebody has moved it away.
    fn has_lost_its_name(&self) -> bool {
        self.file.is_some() && self.file != self.wanted.path().and_then(FileIdentity::of)
    }
}

impl Asked {
    fn all(arguments: &CommonArguments) -> Vec<Self> {
        let for_all = |wanted| Self { wanted, share: None };
        let mut asked = Vec::new();
        for destination in &arguments.export {
            let export =
                |destination: &Destination| Wanted::Export(destination.clone(), arguments.ipfix.clone());
            match destination {
                Destination::Spread(several) => {
                    let names: Vec<_> = several.members().iter().map(Destination::to_string).collect();
                    let shares = several.members().iter().zip(Share::of_each(&names));
                    asked.extend(
                        shares.map(|(member, share)| Self { wanted: export(member), share: Some(share) }),
                    );
                }
                destination => asked.push(for_all(export(destination))),
            }
        }
        asked.extend(arguments.flows.clone().map(Wanted::Flows).map(for_all));
        asked.extend(arguments.eve.clone().map(|eve| for_all(Wanted::Eve(eve, arguments.eve_types))));
        asked
    }
}

impl Wanted {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Export(destination, _) => destination.path(),
            Self::Flows(flows) => flows.path.as_deref(),
            Self::Eve(eve, _) => eve.0.as_deref(),
        }
    }
}

impl FileIdentity {
    /// `None` for what is no plain file.
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Self { device: file.dev(), inode: file.ino() })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use clap::Parser as _;
    use flow::FlowRecord;
    use report::FlowContext;

    use super::*;
    use crate::arguments::{Arguments, Command};

    #[test]
    fn what_stays_is_kept_though_it_is_there_twice() {
        let asked = asked(&["--export", "udp://127.0.0.1:9", "--export", "udp://127.0.0.1:9"]);
        let mut outputs = Outputs::open(&asked, Some(&Signals::default()), &[]).unwrap();
        let nothing: [&str; 0] = [];
        assert_eq!(outputs.change(&asked, &Signals::default()).unwrap(), nothing);
        assert_eq!((outputs.open.len(), outputs.closed.len()), (2, 0));
    }

    #[test]
    fn however_often_a_file_is_moved_away_one_report_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.jsonl");
        let asked = asked(&["--flows", path.to_str().unwrap()]);
        let mut outputs = Outputs::open(&asked, Some(&Signals::default()), &[]).unwrap();
        for number in 0..5 {
            fs::rename(&path, folder.path().join(number.to_string())).unwrap();
            let said = outputs.change(&asked, &Signals::default()).unwrap();
            assert_eq!(said, [format!("{} is opened", path.display())]);
        }
        assert!(path.is_file());
        assert_eq!((outputs.open.len(), outputs.closed.len(), outputs.counts().len()), (1, 1, 1));
    }

    #[test]
    fn a_table_that_is_there_already_gets_no_second_header() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one.csv", "other.csv"].map(|name| folder.path().join(name));
        let [before, after] = [&one, &other].map(|path| asked(&["--flows", path.to_str().unwrap()]));
        let mut outputs = Outputs::open(&before, Some(&Signals::default()), &[]).unwrap();
        let header = fs::read_to_string(&one).unwrap();
        assert_eq!(header.lines().count(), 1);
        fs::copy(&one, &other).unwrap();
        outputs.change(&after, &Signals::default()).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), header);
        fs::remove_file(&one).unwrap();
        outputs.change(&before, &Signals::default()).unwrap();
        assert_eq!(fs::read_to_string(&one).unwrap(), header);
    }

    #[test]
    fn shares_change_and_sessions_stay() {
        let spread = |text: &str| asked(&["--export", text]);
        let before = spread("spread:udp://127.0.0.1:9,udp://127.0.0.1:10");
        let mut outputs = Outputs::open(&before, Some(&Signals::default()), &[]).unwrap();
        let names =
            |outputs: &Outputs| outputs.counts().into_iter().map(|counts| counts.output).collect::<Vec<_>>();
        assert_eq!(names(&outputs), ["udp://127.0.0.1:9", "udp://127.0.0.1:10"]);
        let after = spread("spread:udp://127.0.0.1:10,udp://127.0.0.1:9,udp://127.0.0.1:11");
        let said = outputs.change(&after, &Signals::default()).unwrap();
        assert_eq!(said, ["udp://127.0.0.1:11 is opened"]);
        let said = outputs.change(&spread("udp://127.0.0.1:10"), &Signals::default()).unwrap();
        assert_eq!(said, ["udp://127.0.0.1:9 is closed", "udp://127.0.0.1:11 is closed"]);
    }

    #[test]
    fn one_that_has_failed_is_opened_anew_and_goes_on_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.csv");
        fs::write(&path, "start,end\n1,2\n3").unwrap();
        let asked = asked(&["--flows", path.to_str().unwrap()]);
        let wanted = Asked::all(&asked).remove(0).wanted;
        let file = FileIdentity::of(&path);
        let sink = Box::new(Failed(path.display().to_string(), io::ErrorKind::StorageFull.into()));
        let failed = Output { wanted, sink, file, is_failure_said: false };
        let mut outputs = Outputs { open: vec![failed], interfaces: Vec::new(), closed: Vec::new() };
        let said =
            format!("{}: no storage space; what comes is lost until HUP opens it anew", path.display());
        assert_eq!(outputs.new_failures(), [said]);
        assert!(outputs.new_failures().is_empty(), "it was said");
        let said = outputs.change(&asked, &Signals::default()).unwrap();
        assert_eq!(said, [format!("{} is opened", path.display())]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "start,end\n1,2\n3\n");
        let nothing: [&str; 0] = [];
        assert_eq!(outputs.change(&asked, &Signals::default()).unwrap(), nothing);
        assert_eq!(outputs.counts()[0].lost_records, 1);
    }

    /// An output whose disk was full when a record came.
    struct Failed(String, io::Error);

    impl Sink for Failed {
        fn record(&mut self, _: &FlowRecord, _: FlowContext<'_>) {}

        fn counts(&self) -> OutputCounts {
            OutputCounts { output: self.0.clone(), lost_records: 1, ..OutputCounts::default() }
        }

        fn failure(&self) -> Option<&io::Error> {
            Some(&self.1)
        }

        fn has_cut_line(&self) -> bool {
            true
        }

        fn finish(self: Box<Self>) -> SinkReport {
            SinkReport { counts: self.counts(), failure: Some("full".to_owned()) }
        }
    }

    #[test]
    fn one_that_cannot_be_opened_leaves_all_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one.jsonl", "other.jsonl"].map(|name| folder.path().join(name));
        let before = asked(&["--flows", one.to_str().unwrap()]);
        let mut outputs = Outputs::open(&before, Some(&Signals::default()), &[]).unwrap();
        let after = asked(&["--flows", other.to_str().unwrap(), "--eve", "/no/such/folder/eve.json"]);
        let error = outputs.change(&after, &Signals::default()).unwrap_err().to_string();
        assert!(error.contains("/no/such/folder/eve.json"), "{error}");
        assert_eq!(outputs.counts()[0].output, one.display().to_string());
        assert_eq!((outputs.open.len(), outputs.closed.len()), (1, 0));
        // One of IPFIX would be emptied.
        fs::write(folder.path().join("old.ipfix"), "x").unwrap();
        let export = format!("file:{}", folder.path().join("old.ipfix").display());
        let error = outputs.change(&asked(&["--export", &export]), &Signals::default()).unwrap_err();
        assert!(error.to_string().contains("move it away"), "{error}");
    }

    fn asked(options: &[&str]) -> CommonArguments {
        let line = [&["flowcanary", "replay", "a.pcap"], options].concat();
        match Arguments::parse_from(line).command {
            Command::Replay(arguments) => arguments.common,
            _ => panic!("another command"),
        }
    }
}
