use std::thread::{Builder, Scope, ScopedJoinHandle};

use anyhow::{Context as _, anyhow};

/// Starts a thread under a name, by which the system and its own panic message show it.
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> anyhow::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new()
        .name(name.into())
        .spawn_scoped(scope, work)
        .with_context(|| format!("cannot start the thread {name}"))
}

/// Waits for what a thread comes to. One that has panicked has said why.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> anyhow::Result<T> {
    thread.join().map_err(|_| anyhow!("a thread has failed; please report the message above"))
}
