//! What the program gives up once it has opened everything: the user it was, capabilities, and the file system.

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow};
use caps::{CapSet, Capability};
use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus,
};
use nix::unistd::{Gid, Uid, User, chown, geteuid, setgid, setgroups, setuid};

use crate::{
    outcome::UsageError,
    reach::{Reach, folder},
};

/// Who the program is to be, looked up while it still can be.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    name: String,
    user: Uid,
    group: Gid,
}

/// What was given up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Confinement {
    /// It still runs as root, since nobody else was named.
    pub(crate) is_root: bool,
    /// The kernel keeps it from all files but its own.
    pub(crate) is_landlocked: bool,
}

impl Identity {
    /// The user of a name.
    pub(crate) fn of(name: &str) -> anyhow::Result<Self> {
        let user = User::from_name(name).with_context(|| format!("cannot look up the user {name}"))?;
        let user = user.ok_or_else(|| {
            UsageError(format!("--user {name}: there is no such user; `useradd --system {name}` makes one"))
        })?;
        Ok(Self { name: name.to_owned(), user: user.uid, group: user.gid })
    }
}

/// Gives everything up that reading packets and writing outputs does not need. It is for the calling thread and those that it starts,
/// so it comes before there are any.
///
/// What is within `reach` stays so.
pub(crate) fn give_up(identity: Option<&Identity>, reach: &Reach) -> anyhow::Result<Confinement> {
    // So that no program that this one might start could gain a capability, either. Clearing the bounding set takes CAP_SETPCAP.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        caps::clear(None, CapSet::Bounding).context("cannot give up capabilities (Bounding)")?;
    }
    if let Some(identity) = identity {
        for folder in &reach.spools {
            hand_over(folder, identity)?;
        }
        become_other(identity)?;
    }
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).with_context(|| format!("cannot give up capabilities ({set:?})"))?;
    }
    nix::sys::prctl::set_no_new_privs().context("cannot give up gaining privileges")?;
    let is_landlocked = confine(reach).context("cannot confine the program to its files")?;
    Ok(Confinement { is_root: geteuid().is_root(), is_landlocked })
}

fn become_other(identity: &Identity) -> anyhow::Result<()> {
    let Identity { name, user, group } = identity;
    if geteuid() == *user {
        return Ok(());
    }
    let failed = || format!("cannot become the user {name}; only root can");
    setgroups(&[]).with_context(failed)?;
    setgid(*group).with_context(failed)?;
    setuid(*user).with_context(failed)?;
    if setuid(Uid::from_raw(0)).is_ok() && !user.is_root() {
        return Err(anyhow!("became {name}, and could still become root again"));
    }
    Ok(())
}

/// Gives a folder and the files in it to who the program is to be, if it can.
fn hand_over(folder: &Path, identity: &Identity) -> anyhow::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let files = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let files = files.filter_map(|file| Some(file.ok()?.path()));
    for path in std::iter::once(folder.to_owned()).chain(files) {
        chown(&path, Some(identity.user), Some(identity.group))
            .with_context(|| format!("cannot give {} to {}", path.display(), identity.name))?;
    }
    Ok(())
}

/// Leaves no file within reach but those, and new ones in the folders of outputs, where the kernel can do that. `false` where it cannot.
fn confine(reach: &Reach) -> anyhow::Result<bool> {
    let all = AccessFs::from_all(ABI::V5);
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.create()?;
    let (written, read) = (AccessFs::from_file(ABI::V5), AccessFs::ReadFile | AccessFs::ReadDir);
    let created = AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::Truncate;
    // A file that is moved away leaves its name to a new one.
    let own_folders: Vec<_> =
        reach.outputs.iter().filter(|output| output.is_file()).map(|output| folder(output)).collect();
    let kept = written | read | AccessFs::MakeReg | AccessFs::RemoveFile;
    let outputs = reach.outputs.iter().map(|output| (output, written));
    let spools = reach.spools.iter().map(|folder| (folder, kept));
    let folders = reach.folders.iter().map(|folder| (folder, written | AccessFs::MakeReg));
    let own_folders = own_folders.iter().map(|folder| (folder, created));
    for (path, access) in outputs
        .chain(own_folders)
        .chain(spools)
        .chain(folders)
        .chain(reach.inputs.iter().map(|input| (input, read)))
    {
        // One that cannot be opened, such as a pipe that somebody closed, needs no rule.
        if let Ok(path) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(path, access))?;
        }
    }
    let status = ruleset.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}
