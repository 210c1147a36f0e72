//! Reading the configuration again while interfaces are watched.

use std::time::Duration;

use anyhow::anyhow;
use detect::JudgeConfig;

use crate::{
    arguments::LiveArguments,
    configuration::{self, Setting, Typed},
    setup,
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

    /// Reads the file, and puts into effect what can be without a restart. Says what has changed.
    ///
    /// # Errors
    ///
    /// If there is no file, or it is wrong. Then all stays as it was.
    pub(crate) fn read_again(&mut self) -> anyhow::Result<String> {
        let Some(path) = &self.as_typed.common.config else {
            return Err(anyhow!("there is no configuration file to read again"));
        };
        let new = configuration::complete_live(self.as_typed.clone(), &self.typed)?;
        let said = changes(&configuration::settings(&self.running), &configuration::settings(&new));
        let said = format!("{} is in effect: {said}", path.display());
        self.running.stats_interval = new.stats_interval;
        self.running.common.incident_window = new.common.incident_window;
        self.running.common.thresholds = new.common.thresholds;
        Ok(said)
    }

    /// When judges say what.
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

/// Whether a setting takes effect without a restart: not those that threads, tables and outputs were made with.
fn is_changed_at_once(setting: &Setting) -> bool {
    matches!(
        (setting.table, &*setting.key),
        ("synflood" | "rdp", _) | ("detection", "incident-window") | ("live", "stats-interval")
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
