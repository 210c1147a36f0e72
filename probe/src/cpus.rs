//! Which processors workers are bound to.

use std::{collections::BTreeSet, fmt, str::FromStr};

use anyhow::Context as _;
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::outcome::UsageError;

/// The processors that were asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum CpuChoice {
    /// The first ones that the program may use.
    Automatic,
    /// Any: the kernel chooses.
    Any,
    /// These, in their order.
    List(Vec<usize>),
}

impl FromStr for CpuChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Automatic),
            "none" => Ok(Self::Any),
            list => {
                list.split(',').map(range).collect::<Result<Vec<_>, _>>().map(|all| Self::List(all.concat()))
            }
        }
    }
}

impl fmt::Display for CpuChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Automatic => f.write_str("auto"),
            Self::Any => f.write_str("none"),
            Self::List(list) => {
                let list: Vec<_> = list.iter().map(ToString::to_string).collect();
                f.write_str(&list.join(","))
            }
        }
    }
}

impl CpuChoice {
    /// The processor of each of so many workers; `None` where the kernel chooses.
    pub(crate) fn assign(&self, workers: u16) -> anyhow::Result<Vec<Option<usize>>> {
        let allowed = allowed()?;
        let chosen: Vec<_> = match self {
            Self::Any => return Ok(vec![None; workers.into()]),
            // More workers than processors would fight for them.
            Self::Automatic if usize::from(workers) > allowed.len() => return Ok(vec![None; workers.into()]),
            Self::Automatic => allowed.iter().copied().collect(),
            Self::List(list) => list.clone(),
        };
        if let Some(missing) = chosen.iter().find(|cpu| !allowed.contains(cpu)) {
            let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
            let text =
                format!("--cpus: processor {missing} is not available; these are: {}", allowed.join(","));
            return Err(UsageError(text).into());
        }
        Ok(chosen.into_iter().cycle().map(Some).take(workers.into()).collect())
    }
}

/// Binds the calling thread to a processor.
pub(crate) fn bind(cpu: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .with_context(|| format!("cannot bind a worker to processor {cpu}"))
}

/// Those that the program may use.
fn allowed() -> anyhow::Result<BTreeSet<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the processors")?;
    Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect())
}

/// `3`, `0-3`.
fn range(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("`{text}` is no processor; write a list such as 2,3 or 0-3, or auto, or none");
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first <= last && last < CpuSet::count() { Ok((first..=last).collect()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_numbers_and_ranges() {
        assert_eq!("2,0-1".parse(), Ok(CpuChoice::List(vec![2, 0, 1])));
        assert_eq!("auto".parse(), Ok(CpuChoice::Automatic));
        for wrong in ["", "x", "3-1", "1,,2", "99999"] {
            assert!(wrong.parse::<CpuChoice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_worker_gets_one_that_is_to_be_had() {
        assert_eq!(CpuChoice::Any.assign(2).unwrap(), [None, None]);
        assert!(CpuChoice::List(vec![CpuSet::count() - 1]).assign(1).is_err());
        assert!(CpuChoice::Automatic.assign(1).unwrap()[0].is_some());
    }
}
