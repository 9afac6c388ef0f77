//! What training the runs of a plan needs.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::config::Experiment;
use crate::data::Store;
use crate::plan::PlannedRun;
use crate::record::layout::ExperimentFolder;

/// The runs to train, and everything that they need.
#[derive(Debug)]
pub struct Job<'a> {
    /// What the runs are.
    pub experiment: &'a Experiment,
    /// The runs that this call is for.
    pub plan: &'a [&'a PlannedRun],
    /// Those that have no finished record yet.
    pub missing: &'a [&'a PlannedRun],
    /// Their data.
    pub store: &'a Store,
    /// Where their results go.
    pub folder: &'a ExperimentFolder,
    /// Runs at once.
    pub jobs: usize,
    /// Whether to write traces.
    pub trace: bool,
    /// How often an unfinished run is saved.
    pub resume_every: Duration,
    /// Set to stop at the next step.
    pub stop: &'a AtomicBool,
}
