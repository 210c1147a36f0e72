//! Jobs, how hard they are, and what became of their shares.

use wire::Timestamp;

use super::Dialogue;
use crate::stratum::difficulty::{Difficulty, Work};
use crate::stratum::facts::{Dialect, kept};
use crate::stratum::grammar::{Job, Refusal, Weight};
use crate::stratum::message::digest;

impl Dialogue {
    pub(super) fn work(&mut self, time: Timestamp, dialect: Dialect, job: &Job<'_>) {
        self.facts.is_plausible |= job.is_in_other_words;
        self.facts.is_distinctive |= !dialect.asks_a_node() && !job.is_in_other_words;
        self.speaks(dialect, Weight::Hint);
        self.job(time, job);
    }

    pub(super) fn job(&mut self, time: Timestamp, job: &Job<'_>) {
        let facts = &mut self.facts;
        facts.jobs = facts.jobs.saturating_add(1);
        facts.has_coinbase_jobs |= job.is_of_coinbase;
        if let Some(algorithm) = job.algorithm.as_deref()
            && facts.algorithm.as_deref().is_some_and(|before| is_another(before, algorithm))
        {
            // Hashes of one algorithm are not those of another: the rate is that of the latest.
            (facts.accepted_work, facts.submitted_work) = (Work::default(), Work::default());
            facts.first_job = None;
        }
        facts.first_job.get_or_insert(time);
        facts.last_job = facts.last_job.max(Some(time));
        facts.difficulty = job.difficulty.or(facts.difficulty);
        if let Some(algorithm) = job.algorithm.as_deref() {
            facts.algorithm = kept(algorithm);
        }
        if let Some(id) = job.id.as_deref() {
            self.jobs.add(digest(id), facts.difficulty.map(|difficulty| difficulty.hashes));
        }
    }

    /// Takes a job that has nothing but a name.
    pub(in crate::stratum) fn job_of(&mut self, time: Timestamp, id: &str) {
        self.job(time, &Job { id: Some(id.into()), ..Job::default() });
    }

    /// Takes what the pool says of the shares of the next jobs.
    pub(in crate::stratum) fn difficulty(&mut self, difficulty: Option<Difficulty>) {
        self.facts.has_difficulty = true;
        self.facts.difficulty = difficulty;
    }

    /// Counts a share and says how many hashes it took, 0 if that is not known: those of its own job, or else those of the
    /// latest difficulty.
    pub(in crate::stratum) fn share(&mut self, job: Option<&str>) -> f64 {
        let facts = &mut self.facts;
        facts.shares.submitted = facts.shares.submitted.saturating_add(1);
        let latest = facts.difficulty.map(|difficulty| difficulty.hashes);
        let known = job.and_then(|job| self.jobs.hashes(digest(job)));
        if known.is_some() {
            facts.shares.of_known_jobs = facts.shares.of_known_jobs.saturating_add(1);
            // A job, and a nonce for it: nobody else says both.
            facts.is_distinctive = true;
        }
        let hashes = known.flatten().or(latest);
        if let Some(hashes) = hashes {
            facts.submitted_work.add(hashes);
        }
        hashes.unwrap_or_default()
    }

    pub(in crate::stratum) fn share_answered(&mut self, result: Result<(), Refusal>, hashes: Option<f64>) {
        let shares = &mut self.facts.shares;
        match result {
            Ok(()) => {
                shares.accepted = shares.accepted.saturating_add(1);
                if let Some(hashes) = hashes.filter(|hashes| *hashes > 0.0) {
                    self.facts.accepted_work.add(hashes);
                }
            }
            Err(refusal) => {
                shares.rejected = shares.rejected.saturating_add(1);
                shares.stale = shares.stale.saturating_add(u32::from(refusal == Refusal::Stale));
            }
        }
    }
}

/// Do these names mean two algorithms? A family (`rx`) and one of its members (`rx/0`) may be the same.
fn is_another(before: &str, algorithm: &str) -> bool {
    match (before.split_once('/'), algorithm.split_once('/')) {
        (Some((family, _)), None) => family != algorithm,
        (None, Some((family, _))) => family != before,
        _ => before != algorithm,
    }
}
