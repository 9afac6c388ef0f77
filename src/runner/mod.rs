//! Trains what is missing of a plan: one thread a run, as many at once as asked for.
//!
//! [`execute`] trains one run and writes its folder; [`progress`] shows how far everything is.

pub mod execute;
mod pairing;
pub mod progress;
pub mod trace;
mod watch;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::config::Experiment;
use crate::data::Store;
use crate::plan::PlannedRun;
use crate::record::layout::ExperimentFolder;
use crate::record::run::Status;
use execute::Taken;
use progress::Progress;

/// What a call of [`run`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Finished before the call.
    pub already_finished: usize,
    /// Completed or diverged during the call.
    pub finished: usize,
    /// Of those, diverged.
    pub diverged: usize,
    /// Went wrong.
    pub failed: usize,
    /// Being trained by another program.
    pub elsewhere: usize,
    /// Not trained, or not to the end.
    pub left: usize,
}

/// Everything that training a plan needs.
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

/// Trains every missing run. A run that goes wrong is recorded and does not stop the others.
///
/// # Errors
/// If the state of the folder cannot be read.
pub fn run(job: &Job, progress: &Progress) -> anyhow::Result<Tally> {
    if job.trace {
        trace::write_missing(job)?;
    }
    let missing = job.missing;
    let tally = Mutex::new(Tally { already_finished: job.plan.len() - missing.len(), ..Tally::default() });
    let pairs = Mutex::new(pairing::Pairs::default());
    let next = AtomicUsize::new(0);
    progress.begin(job.experiment, job.plan.len(), missing);
    std::thread::scope(|scope| {
        for _ in 0..job.jobs.min(missing.len()) {
            scope.spawn(|| {
                while let Some(run) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if job.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let taken = execute::execute(job, run, progress);
                    if let Ok(Taken::Trained(record)) = &taken {
                        pairs.lock().unwrap_or_else(PoisonError::into_inner).check(run.point, record, progress);
                    }
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    let record = match taken {
                        Ok(Taken::Trained(record)) => Ok(*record),
                        Ok(Taken::Finished) => {
                            tally.already_finished += 1;
                            continue;
                        }
                        Ok(Taken::Elsewhere) => {
                            tally.elsewhere += 1;
                            continue;
                        }
                        Err(error) => Err(error),
                    };
                    match record.as_ref().map(|record| record.status) {
                        Ok(Status::Completed) => tally.finished += 1,
                        Ok(Status::Diverged) => {
                            tally.finished += 1;
                            tally.diverged += 1;
                        }
                        Ok(Status::Failed) | Err(_) => tally.failed += 1,
                        Ok(Status::Interrupted | Status::Missing) => {}
                    }
                    progress.finished(run, &record);
                }
            });
        }
    });
    progress.end();
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let taken = tally.already_finished + tally.finished + tally.failed + tally.elsewhere;
    tally.left = job.plan.len() - taken;
    Ok(tally)
}
