//! The way of a packet from a source to the collector, over threads.
//!
//! With one worker that worker reads the captures itself: one thread, one cache, nothing to hand over. With more, a reading thread
//! shares out each batch: it decodes as far as the addresses, and workers take their own frames out of the one buffer. Every worker
//! sees every frame's time, so that all have the same clock, and records do not depend on the number of workers.
//!
//! Workers of interfaces are each like a lone one, with handles of their own; time and what happens when the collector is behind differ.
//!
//! Observations and records go to the collector in batches with a watermark, and the emptied batches come back. What bounds them is how many there
//! are.

mod backlog;
mod batches;
mod board;
mod delivery;
mod inlet;
mod merge;
mod reading;
mod record_batch;
mod threads;
mod worker;
mod worker_report;

pub(crate) use backlog::Backlog;
pub(crate) use batches::{Batches, Direct, Live, Share, SourceCounts};
pub(crate) use board::Board;
pub(crate) use delivery::Overflow;
use delivery::{Delivery, Outlet};
pub(crate) use inlet::{Inlet, Received};
pub(crate) use merge::Item;
use merge::Merge;
pub(crate) use reading::Reading;
use record_batch::RecordBatch;
pub(crate) use threads::{join, spawn};
pub(crate) use worker::{Worker, WorkerConfig};
pub(crate) use worker_report::WorkerReport;
