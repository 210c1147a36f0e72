//! The configuration file: what the command line can say, and the thresholds of detectors, in TOML.
//!
//! A file is read whole or refused whole. Options that were typed win over it.

mod complaint;
mod tables;
mod values;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, parser::ValueSource};
use report::printable;

use crate::{
    arguments::{Arguments, CheckArguments, Command, CommonArguments, LiveArguments, ReplayArguments},
    files_apart,
    outcome::{Outcome, UsageError},
    setup,
};
use tables::File;
pub(crate) use tables::Setting;

/// The options that were typed, by the names of their fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed(BTreeSet<String>);

impl Typed {
    /// Those of a subcommand.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        let Some((_, matches)) = matches.subcommand() else { return Self::default() };
        let is_typed = |id: &&clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        Self(matches.ids().filter(is_typed).map(ToString::to_string).collect())
    }

    fn has(&self, id: &str) -> bool {
        self.0.contains(id)
    }
}

/// Fills in from its configuration file, if it has one, what was not typed of a command line that watches, and checks the whole.
pub(crate) fn complete_live(mut arguments: LiveArguments, typed: &Typed) -> anyhow::Result<LiveArguments> {
    if let Some(path) = arguments.common.config.clone() {
        read(&path)?.fill_live(&mut arguments, typed);
        if arguments.interfaces.is_empty() {
            let text =
                format!("{}: it names no interface; add `interfaces` to [live], or give -i", path.display());
            return Err(UsageError(text).into());
        }
    }
    validate(&[], &arguments.common)?;
    Ok(arguments)
}

/// The same for one that replays.
pub(crate) fn complete_replay(
    mut arguments: ReplayArguments,
    typed: &Typed,
) -> anyhow::Result<ReplayArguments> {
    if let Some(path) = arguments.common.config.clone() {
        read(&path)?.fill_common(&mut arguments.common, typed);
    }
    validate(&arguments.captures, &arguments.common)?;
    Ok(arguments)
}

/// All settings in effect, in the order of their tables.
pub(crate) fn settings(arguments: &LiveArguments) -> Vec<Setting> {
    tables::settings(arguments)
}

/// `flowcanary check`: prints all settings as they are in effect with a file, as a file that says just that.
pub(crate) fn check(check: &CheckArguments) -> anyhow::Result<Outcome> {
    let mut arguments = defaults(&check.path)?;
    read(&check.path)?.fill_live(&mut arguments, &Typed::default());
    validate(&[], &arguments.common)?;
    let (mut text, mut table) = (String::new(), "");
    for setting in settings(&arguments) {
        if setting.table != table {
            let gap = if table.is_empty() { "" } else { "\n" };
            text.extend([gap, "[", setting.table, "]\n"]);
            table = setting.table;
        }
        text.extend([printable(&setting.to_string()).as_ref(), "\n"]);
    }
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())
        .context("cannot write to standard output")?;
    Ok(Outcome::Done)
}

/// Says what is wrong though each option by itself is right.
fn validate(captures: &[PathBuf], arguments: &CommonArguments) -> anyhow::Result<()> {
    setup::check_standard_output(arguments)?;
    setup::check_sampling(arguments)?;
    files_apart::check(captures, arguments)?;
    arguments.filter.as_deref().map(setup::filter).transpose()?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<File> {
    let name = path.display();
    let octets = fs::metadata(path).and_then(|file| {
        if file.len() > MOST_OCTETS {
            return Err(std::io::Error::other(format!("it is longer than {MOST_OCTETS} octets")));
        }
        fs::read_to_string(path)
    });
    let text = octets.map_err(|error| UsageError(format!("{name}: {error}")))?;
    toml::from_str(&text)
        .map_err(|error| UsageError(format!("{name}:{}", complaint::of(&error, &text))).into())
}

/// The command line that says nothing but where the file is.
fn defaults(path: &Path) -> anyhow::Result<LiveArguments> {
    let line = ["flowcanary".as_ref(), "live".as_ref(), "--config".as_ref(), path.as_os_str()];
    let matches = Arguments::command().try_get_matches_from(line)?;
    match Arguments::from_arg_matches(&matches)?.command {
        Command::Live(arguments) => Ok(arguments),
        _ => Err(anyhow::anyhow!("another command line than the one that was parsed")),
    }
}

/// More than all keys take with all their comments.
const MOST_OCTETS: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, time::Duration};

    use super::*;

    fn live(line: &[&str], file: &str) -> Result<LiveArguments, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe.toml");
        fs::write(&path, file).unwrap();
        let line = [&["flowcanary", "live", "--config", path.to_str().unwrap()], line].concat();
        let matches = Arguments::command().try_get_matches_from(line).unwrap();
        let Command::Live(arguments) = Arguments::from_arg_matches(&matches).unwrap().command else {
            panic!("another command")
        };
        let name = format!("{}:", path.display());
        complete_live(arguments, &Typed::of(&matches)).map_err(|error| error.to_string().replace(&name, ""))
    }

    fn complaint(file: &str) -> String {
        live(&["-i", "lo"], file).unwrap_err()
    }

    #[test]
    fn what_was_typed_wins_over_the_file() {
        let file =
            "[live]\ninterfaces = [\"eth0\", \"eth1\"]\nstats-interval = 10\n[metering]\nworkers = 4\n";
        let from_file = live(&[], file).unwrap();
        assert_eq!(from_file.interfaces, ["eth0", "eth1"]);
        assert_eq!((from_file.common.workers.get(), from_file.stats_interval.as_secs()), (4, 10));
        let typed = live(&["-i", "lo", "--workers", "1"], file).unwrap();
        assert_eq!(typed.interfaces, ["lo"]);
        // Though it is the default, it was typed.
        assert_eq!((typed.common.workers.get(), typed.stats_interval.as_secs()), (1, 10));
    }

    #[test]
    fn thresholds_are_in_the_file_only() {
        let file = "[synflood]\nport-excess = 80\n[rdp]\nfast-window = \"5m\"\nlogon-screen-weight = 0.25\n";
        let thresholds = live(&["-i", "lo"], file).unwrap().common.thresholds;
        assert!((thresholds.handshakes.port_excess - 80.0).abs() < f64::EPSILON);
        assert!((thresholds.handshakes.prefix_excess - 1_000.0).abs() < f64::EPSILON);
        assert_eq!(thresholds.logons.fast_window, Duration::from_mins(5));
    }

    #[test]
    fn what_is_shown_is_a_file_that_says_the_same() {
        let file = "[live]\ninterfaces = [\"a \\\" b\"]\ncpus = \"0-1\"\npromiscuous = false\n[outputs]\n\
                    export = [\"udp://[::1]:99\", \"file:x\"]\neve = \"-\"\nflows = \"f.csv\"\nsummary = \"none\"\n\
                    [timeouts]\nactive = 1.5\n[detection]\nenabled = false\n[metering]\nmemory = \"1536KiB\"\n";
        let one = settings(&live(&[], file).unwrap());
        let (mut shown, mut table) = (String::new(), "");
        for setting in &one {
            if setting.table != table {
                writeln!(shown, "[{}]", setting.table).unwrap();
                table = setting.table;
            }
            writeln!(shown, "{setting}").unwrap();
        }
        let other = live(&[], &shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
        assert_eq!(settings(&other), one);
        assert!(shown.contains("promiscuous = false\n") && shown.contains("active = \"1.5s\"\n"), "{shown}");
        assert!(shown.contains("# filter: not set\n"), "{shown}");
    }

    #[test]
    fn a_key_that_is_unknown_is_named_with_its_place_and_the_nearest_one() {
        assert_eq!(
            complaint("[metering]\n  wrokers = 2\n"),
            "2:3: there is no key `wrokers`; the nearest is `workers`"
        );
        assert_eq!(complaint("[livee]\n"), "1:2: there is no table `livee`; the nearest is `live`");
        assert_eq!(
            complaint("[live]\nworkers = 2\n"),
            "2:1: there is no key `workers` in this table; it belongs to [metering]"
        );
        assert_eq!(
            complaint("[outputs]\nsyslog = \"x\"\n"),
            "2:1: there is no key `syslog`; there are `export`, `flows`, `eve`, `eve-types`, `summary`"
        );
    }

    #[test]
    fn a_value_that_is_wrong_is_named_with_its_place() {
        assert_eq!(complaint("[metering]\nworkers = 0\n"), "2:11: `0`: a number from 1 to 256");
        assert_eq!(complaint("[synflood]\nfloor-completion = 1.5\n"), "2:20: `1.5`: a share from 0 to 1");
        assert_eq!(
            complaint("[outputs]\nexport = [\n  \"file:a\",\n  \"http://b\",\n]\n"),
            "4:3: `http://b`: write it as udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT?ca=PATH, file:PATH, failover:URL,URL or spread:URL,URL"
        );
        let wrong_kind = complaint("[detection]\nenabled = \"yes\"\n");
        assert!(wrong_kind.starts_with("2:11: ") && wrong_kind.contains("boolean"), "{wrong_kind}");
        let broken = complaint("[live]\nring = \n");
        assert!(broken.starts_with("2:8: "), "{broken}");
        assert!(!broken.contains('\n'), "{broken}");
    }

    #[test]
    fn no_interface_anywhere_is_refused() {
        assert!(live(&[], "").unwrap_err().contains("names no interface"));
    }

    #[test]
    fn every_option_of_the_command_line_has_a_key() {
        let command = Arguments::command();
        let live = command.find_subcommand("live").unwrap();
        let keys: BTreeSet<_> = tables::ids().collect();
        let missing: Vec<_> = live
            .get_arguments()
            .map(|argument| argument.get_id().as_str())
            .filter(|id| !keys.contains(id) && !["config", "help", "version"].contains(id))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
