//! What stays within reach of a program that has given up its privileges.

use std::path::{Path, PathBuf};

use crate::{
    arguments::{CommonArguments, LiveArguments},
    destination::Destination,
};

/// The files that stay within reach.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    /// Files that are written.
    pub(crate) outputs: Vec<PathBuf>,
    /// Folders that are the program's own: files in them are made, written, read and removed.
    pub(crate) spools: Vec<PathBuf>,
    /// Folders in which files are made and written.
    pub(crate) folders: Vec<PathBuf>,
    /// Files that are read, and folders whose files are.
    pub(crate) inputs: Vec<PathBuf>,
}

impl Reach {
    /// What watching interfaces takes.
    pub(crate) fn of(arguments: &LiveArguments) -> Self {
        let common = &arguments.common;
        Self {
            outputs: outputs(common),
            spools: spools(common),
            folders: folders(common),
            inputs: inputs(arguments),
        }
    }
}

/// The folder that a file is in.
pub(crate) fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn outputs(common: &CommonArguments) -> Vec<PathBuf> {
    let exports = common.export.iter().filter_map(|export| export.path());
    let flows = common.flows.iter().filter_map(|flows| flows.path.as_deref());
    let eve = common.eve.iter().filter_map(|eve| eve.0.as_deref());
    exports.chain(flows).chain(eve).map(PathBuf::from).collect()
}

/// The folders in which files are begun.
fn folders(common: &CommonArguments) -> Vec<PathBuf> {
    let folder = |destination: &Destination| match destination {
        Destination::Rotated(files) => Some(files.folder().to_owned()),
        _ => None,
    };
    common.export.iter().filter_map(folder).collect()
}

/// The folders in which files come and go: the spools.
fn spools(common: &CommonArguments) -> Vec<PathBuf> {
    let spool = |destination: &Destination| Some(common.ipfix.spool.as_ref()?.join(destination.spool()?));
    common.export.iter().flat_map(Destination::outputs).filter_map(spool).collect()
}

/// The folders that are read while it runs: where the kernel says what interfaces have dropped, and that of the
/// configuration, since it may be read again. What an editor saves is a new file, and a link may lead to another folder.
fn inputs(arguments: &LiveArguments) -> Vec<PathBuf> {
    let statistics = |name: &String| ["/sys/class/net", name, "statistics"].iter().collect();
    let config = arguments.common.config.as_deref();
    let behind_links = config.and_then(|config| config.canonicalize().ok());
    let mut inputs: Vec<PathBuf> = arguments.interfaces.iter().map(statistics).collect();
    inputs.extend(config.into_iter().chain(behind_links.as_deref()).map(folder));
    // A collector that comes back may have another address, and a configuration that is read again may name another collector.
    let mut exports = arguments.common.export.iter().flat_map(Destination::outputs);
    if config.is_some() || exports.any(|export| export.spool().is_some()) {
        inputs.extend(NAMES.map(PathBuf::from));
        inputs.extend(resolvers_folder());
    }
    inputs
}

/// The folder in which whoever looks after `/etc/resolv.conf` replaces it, if that is a link to one.
fn resolvers_folder() -> Option<PathBuf> {
    let file = Path::new(RESOLVER).canonicalize().ok()?;
    let folder = folder(&file);
    (Path::new(RESOLVER).parent() != Some(&*folder)).then_some(folder)
}

const RESOLVER: &str = "/etc/resolv.conf";
/// Where the system looks names up.
const NAMES: [&str; 5] = ["/etc/hosts", "/etc/host.conf", RESOLVER, "/etc/nsswitch.conf", "/etc/gai.conf"];
