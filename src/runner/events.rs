//! What happens while an experiment is trained, for whoever shows it.

use super::tally::Tally;
use crate::config::Experiment;
use crate::plan::PlannedRun;
use crate::record::run::RunRecord;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Another program has the experiment locked, for more than a second already.
    Waiting,
    /// These runs failed before, for these reasons, and will be trained again: ids and reasons.
    Retrying(&'a [(&'a str, &'a str)]),
    /// Training begins.
    Begun {
        /// What the runs are.
        experiment: &'a Experiment,
        /// The runs that the call is for.
        total: usize,
        /// Those that will be trained.
        missing: &'a [&'a PlannedRun],
    },
    /// A run begins, or continues from where it was saved.
    Started {
        /// The run.
        run: &'a PlannedRun,
        /// Its steps, from the first.
        steps: usize,
    },
    /// How far a run is. Told ten times a second at most.
    Step {
        /// The run.
        run: &'a PlannedRun,
        /// The latest minibatch.
        step: usize,
        /// Its loss.
        loss: f64,
    },
    /// A run has ended: completed, diverged, failed or interrupted, as its record says.
    Ended {
        /// The run.
        run: &'a PlannedRun,
        /// Its record, or why there is none.
        record: Result<&'a RunRecord, &'a anyhow::Error>,
    },
    /// All runs that will end in this call have ended.
    Trained(&'a Tally),
    /// A finished run was found damaged. It counts as failed from now on.
    Damaged {
        /// The run's id.
        id: &'a str,
        /// What is damaged.
        reason: &'a str,
    },
    /// Something that deserves attention. The same words may come more than once.
    Warning(&'a str),
}

/// Someone who is told what happens, by several threads at once.
pub trait Events: Sync {
    /// This happened.
    fn tell(&self, event: Event);
}
