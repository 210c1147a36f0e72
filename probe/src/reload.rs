//! Reading the configuration again while interfaces are watched.

use std::time::Duration;

use detect::JudgeConfig;

use crate::{
    arguments::{CommonArguments, LiveArguments},
    configuration::{self, Setting, Typed},
    setup,
    standard_error::one_line,
};

/// The configuration that is in effect, and what it takes to read it again.
#[derive(Debug)]
pub(crate) struct Reload {
    as_typed: LiveArguments,
    typed: Typed,
    /// What is in effect.
    running: LiveArguments,
}

impl Reload {
    /// `running` is what became of the command line as it was typed, with the file as it was.
    pub(crate) const fn new(as_typed: LiveArguments, typed: Typed, running: LiveArguments) -> Self {
        Self { as_typed, typed, running }
    }

    /// Reads the file, if there is one, and puts into effect what can be without a restart: whole or not at all. `change_outputs` is to
    /// open the outputs that are new, and those whose files were moved away, and to close what is no longer wanted. Says what has changed.
    ///
    /// However wrong the file is, those that were moved away are opened anew: that is no change of theirs.
    pub(crate) fn read_again(
        &mut self,
        mut change_outputs: impl FnMut(&CommonArguments) -> anyhow::Result<Vec<String>>,
    ) -> String {
        let Some(path) = &self.as_typed.common.config else {
            let said = change_outputs(&self.running.common).map(|outputs| joined(&outputs));
            return match said {
                Ok(said) if said.is_empty() => "there is no configuration file to read again".to_owned(),
                Ok(said) => said,
                Err(error) => format!("outputs stay as they were: {}", one_line(&error)),
            };
        };
        let tried = configuration::complete_live(self.as_typed.clone(), &self.typed).and_then(|new| {
            let said = changes(&configuration::settings(&self.running), &configuration::settings(&new));
            let next = self.with(new);
            setup::check_standard_output(&next.common)?;
            let outputs = change_outputs(&next.common)?;
            Ok((next, said, outputs))
        });
        match tried {
            Ok((next, said, outputs)) => {
                let said = format!("{} is in effect: {said}", path.display());
                self.running = next;
                if outputs.is_empty() { said } else { format!("{said}; {}", joined(&outputs)) }
            }
            Err(error) => {
                let said = format!("the configuration stays as it was: {}", one_line(&error));
                match change_outputs(&self.running.common).map(|outputs| joined(&outputs)) {
                    Ok(outputs) if outputs.is_empty() => said,
                    Ok(outputs) => format!("{said}; {outputs}"),
                    Err(other) if one_line(&other) == one_line(&error) => said,
                    Err(error) => format!("{said}; outputs stay as they were: {}", one_line(&error)),
                }
            }
        }
    }

    /// What is in effect, with what of `new` needs no restart.
    fn with(&self, new: LiveArguments) -> LiveArguments {
        let mut next = self.running.clone();
        next.stats_interval = new.stats_interval;
        let (common, new) = (&mut next.common, new.common);
        common.incident_window = new.incident_window;
        common.thresholds = new.thresholds;
        common.export = new.export;
        common.flows = new.flows;
        common.eve = new.eve;
        common.eve_types = new.eve_types;
        common.ipfix = new.ipfix;
        next
    }

    /// The thresholds that are in effect.
    pub(crate) const fn judges(&self) -> JudgeConfig {
        setup::judges(&self.running.common)
    }

    /// How often EVE gets a line of statistics.
    pub(crate) const fn stats_interval(&self) -> Duration {
        self.running.stats_interval
    }
}

/// What has changed, in a sentence.
fn changes(old: &[Setting], new: &[Setting]) -> String {
    let (mut now, mut later) = (Vec::new(), Vec::new());
    for (old, new) in old.iter().zip(new).filter(|(old, new)| old != new) {
        let value = |setting: &Setting| setting.value.clone().unwrap_or_else(|| "not set".to_owned());
        let change = format!("{}.{} {} (was {})", new.table, new.key, value(new), value(old));
        if is_changed_at_once(new) { now.push(change) } else { later.push(change) }
    }
    if now.is_empty() && later.is_empty() {
        return "nothing has changed".to_owned();
    }
    let now = if now.is_empty() { "nothing changes now".to_owned() } else { now.join(", ") };
    if later.is_empty() { now } else { format!("{now}; after a restart: {}", later.join(", ")) }
}

fn joined(outputs: &[String]) -> String {
    outputs.join(", ")
}

/// Whether a setting takes effect without a restart: not those that threads and tables were made with.
fn is_changed_at_once(setting: &Setting) -> bool {
    matches!(
        (setting.table, &*setting.key),
        ("synflood" | "rdp" | "ipfix", _)
            | ("outputs", "export" | "flows" | "eve" | "eve-types")
            | ("detection", "incident-window")
            | ("live", "stats-interval")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(table: &'static str, key: &str, value: &str) -> Setting {
        Setting { table, key: key.to_owned(), value: Some(value.to_owned()) }
    }

    #[test]
    fn what_changes_now_stands_apart_from_what_takes_a_restart() {
        let old = [setting("synflood", "port-excess", "60"), setting("metering", "workers", "1")];
        let new = [setting("synflood", "port-excess", "80"), setting("metering", "workers", "2")];
        assert_eq!(
            changes(&old, &new),
            "synflood.port-excess 80 (was 60); after a restart: metering.workers 2 (was 1)"
        );
        assert_eq!(changes(&old, &old), "nothing has changed");
        let unset = [old[0].clone(), Setting { value: None, ..old[1].clone() }];
        assert_eq!(
            changes(&old, &unset),
            "nothing changes now; after a restart: metering.workers not set (was 1)"
        );
    }
}
