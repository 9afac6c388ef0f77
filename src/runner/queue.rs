//! Trains what is missing of a plan: one thread a run, as many at once as asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::events::{Event, Events};
use super::execute::{Outcome, execute};
use super::job::Job;
use super::pairing::Pairs;
use super::tally::Tally;
use super::trace;
use crate::plan::PlannedRun;
use crate::record::run::RunRecord;

/// Trains every missing run. A run that goes wrong is recorded and does not stop the others.
///
/// # Errors
/// If the state of the folder cannot be read.
pub fn run(job: &Job, events: &dyn Events) -> anyhow::Result<Tally> {
    if job.trace {
        trace::write_missing(job)?;
    }
    let Job { experiment, plan, missing, .. } = *job;
    let tally = Mutex::new(Tally { already_finished: plan.len() - missing.len(), ..Tally::default() });
    let elsewhere = Mutex::new(Vec::new());
    let (next, pairs) = (AtomicUsize::new(0), Mutex::new(Pairs::default()));
    events.tell(Event::Begun { experiment, total: plan.len(), missing });
    thread::scope(|scope| {
        for _ in 0..job.jobs.min(missing.len()) {
            scope.spawn(|| {
                while let Some(run) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if job.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    train(job, run, &tally, &elsewhere, &pairs, events);
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Other programs may have finished them by now. Of two programs, the one that looks last finds all of them finished.
    for run in elsewhere.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match RunRecord::is_finished(&job.folder.run(&run.id))? {
            true => tally.by_others += 1,
            false => tally.elsewhere += 1,
        }
    }
    tally.left = plan.len() - tally.total();
    events.tell(Event::Trained(&tally));
    Ok(tally)
}

/// Trains one run, counts it and tells of it. One that another program is training is put aside.
fn train<'a>(
    job: &Job,
    run: &'a PlannedRun,
    tally: &Mutex<Tally>,
    elsewhere: &Mutex<Vec<&'a PlannedRun>>,
    pairs: &Mutex<Pairs>,
    events: &dyn Events,
) {
    let outcome = execute(job, run, events);
    if let Ok(Outcome::Trained(record)) = &outcome {
        let unpaired = pairs.lock().unwrap_or_else(PoisonError::into_inner).check(run.point, record);
        unpaired.iter().for_each(|words| events.tell(Event::Warning(words)));
    }
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    match &outcome {
        Ok(Outcome::Trained(record)) => {
            tally.add(record.status);
            events.tell(Event::Ended { run, record: Ok(record) });
        }
        Ok(Outcome::AlreadyFinished) => tally.already_finished += 1,
        Ok(Outcome::TrainedElsewhere) => elsewhere.lock().unwrap_or_else(PoisonError::into_inner).push(run),
        Err(error) => {
            tally.failed += 1;
            events.tell(Event::Ended { run, record: Err(error) });
        }
    }
}
