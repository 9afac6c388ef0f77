//! Makes the root tables from the runs.
//!
//! They are made as a whole, in plan order, under an exclusive lock taken before anything is read, and only if something
//! has changed since they were last made: the `stamp` tells. Every table of every finished run is checked first; then
//! the root tables are written, each once.

use std::collections::BTreeMap;

use super::damage;
use super::experiment::ExperimentRecord;
use super::layout::ExperimentFolder;
use super::root_tables::{self, Collected};
use super::run::RunRecord;
use super::stamp;
use crate::files::{self, Lock, Waiting};

/// What making the root tables current came to.
#[derive(Debug, Default)]
pub struct Update {
    /// Whether they had to be made again.
    pub is_new: bool,
    /// Finished runs that were found damaged on the way: their ids, and how. They count as failed from now on.
    pub damaged: Vec<(String, String)>,
}

/// Takes the lock of an experiment's folder: for writing at its root, or for opening it for training. Waits for other
/// programs, and removes what one that was killed left half-written. On a file system without locks two programs may
/// both write; each writes whole files.
///
/// # Errors
/// The system's, with the path; if the waiting was given up.
pub fn lock(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<Lock> {
    let lock = files::lock(&folder.lock(), waiting)?;
    match lock {
        Lock::Held(_) => files::remove_unfinished(folder.path())?,
        Lock::Elsewhere => anyhow::bail!("another program has {} locked", folder.path().display()),
        Lock::Unsupported => {}
    }
    Ok(lock)
}

/// Makes the root tables current.
///
/// # Errors
/// If a run's record or table cannot be read, or a table not written.
pub fn collect(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<Update> {
    let lock = lock(folder, waiting);
    let record = ExperimentRecord::read(folder)?;
    if stamp::is_current(folder, &record)? {
        return Ok(Update::default());
    }
    // In a folder that cannot be written, tables that are current are still read.
    let _lock = lock?;
    let mut damaged = BTreeMap::new();
    let (sources, runs) = loop {
        // Before the runs are read: what changes after this moment is not in the tables, and makes them stale.
        let sources = stamp::sources(folder, &record)?;
        // Runs that are found damaged get another record: then all is read again.
        if let Some(runs) = read(folder, &record, &mut damaged)? {
            break (sources, runs);
        }
    };
    root_tables::write(folder, &record, &runs)?;
    stamp::write(folder, sources)?;
    let named = |(place, reason): (usize, String)| (record.runs[place].id.clone(), reason);
    Ok(Update { is_new: true, damaged: damaged.into_iter().map(named).collect() })
}

/// Reads every planned run and checks its tables. `None` if some were found damaged that were not known to be: they are
/// recorded as failed and added to `damaged`, by their places in the plan.
fn read(
    folder: &ExperimentFolder,
    record: &ExperimentRecord,
    damaged: &mut BTreeMap<usize, String>,
) -> anyhow::Result<Option<Vec<Collected>>> {
    let known = damaged.len();
    let target = record.compare_options()?.target_accuracy;
    let mut runs = Vec::with_capacity(record.runs.len());
    for (place, entry) in record.runs.iter().enumerate() {
        let own = folder.run(&entry.id);
        let collected = match RunRecord::read(&own)? {
            Some(run) if run.status.is_finished() => match damaged.get(&place) {
                Some(reason) => Collected { run: Some(run.failed(reason.clone())), steps_to_target: None },
                None => match damage::check(&run, &own, entry, &record.axes, target)? {
                    Ok(steps_to_target) => Collected { run: Some(run), steps_to_target },
                    Err(reason) => {
                        // Where that cannot be written, this call counts the run as failed all the same.
                        drop(damage::record(&own, &run.failed(reason.clone())));
                        damaged.insert(place, reason);
                        continue;
                    }
                },
            },
            run => Collected { run, steps_to_target: None },
        };
        runs.push(collected);
    }
    Ok((damaged.len() == known).then_some(runs))
}
