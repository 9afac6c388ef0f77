//! Makes the root tables from the runs.
//!
//! They are made as a whole, in plan order, under an exclusive lock taken before anything is read, and only if something
//! has changed since they were last made: the `stamp` tells. Every file of a run is read once; the stamp describes the
//! bytes that were read, so that a change that comes later makes the tables stale.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Context;

use super::damage::{self, Checked};
use super::discard;
use super::experiment::ExperimentRecord;
use super::found::{Ended, Found};
use super::layout::ExperimentFolder;
use super::root_tables::RootTables;
use super::run::RunRecord;
use super::runs;
use super::stamp::{self, Sources};
use super::tables;
use crate::files::{self, Lock, Waiting};
use crate::plan::RunEntry;

/// The result of updating the root tables.
#[derive(Debug, Default)]
pub struct Update {
    /// Whether they had to be made again.
    pub is_new: bool,
    /// Finished runs that were found damaged on the way: their ids, and how. They count as failed from now on.
    pub damaged: Vec<(String, String)>,
    /// Finished runs that the tables hold and no folder does any more. As long as there are any, the tables stay as they are.
    pub lost: Vec<String>,
}

/// Asked to stop while another program had an experiment's folder locked.
#[derive(Debug, thiserror::Error)]
#[error("stopped while waiting for another program that has {path} locked", path = .0.display())]
pub struct Stopped(pub PathBuf);

/// Takes the lock of an experiment's folder: for writing at its root, or for opening it for training. Waits for other
/// programs, and removes what one that was killed left half-written. On a file system without locks two programs may
/// both write; each writes whole files.
///
/// # Errors
/// The system's, with the path; if the waiting was given up.
pub fn lock(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<Lock> {
    let lock = files::lock(&folder.lock(), waiting)?;
    match lock {
        Lock::Held(_) => {
            files::remove_unfinished(folder.path())?;
            discard::finish(folder)?;
        }
        Lock::Elsewhere => return Err(Stopped(folder.path().to_owned()).into()),
        Lock::Unsupported => {}
    }
    Ok(lock)
}

/// Updates the root tables. `known` holds the runs if they were read a moment ago: then they are not read again to see
/// whether anything has changed.
///
/// # Errors
/// If a run's record or table cannot be read, or a table not written.
pub fn collect(folder: &ExperimentFolder, known: Option<&Ended>, waiting: Waiting) -> anyhow::Result<Update> {
    let lock = lock(folder, waiting);
    let record = ExperimentRecord::read(folder)?;
    if stamp::is_current(folder, &record, known)? {
        return Ok(Update::default());
    }
    // In a folder that cannot be written, tables that are current are still read.
    let place = folder.path().display();
    let _lock =
        lock.with_context(|| format!("the tables of {place} are not those of its runs, and cannot be made anew"))?;
    let lost = lost(folder, &record)?;
    if !lost.is_empty() {
        return Ok(Update { lost, ..Update::default() });
    }
    let mut making = Making::begin(folder, &record)?;
    record.runs.iter().try_for_each(|entry| making.add(entry))?;
    making.finish()
}

/// Ids of the runs that the root tables hold as finished.
///
/// # Errors
/// If the system cannot read them.
pub fn held(folder: &ExperimentFolder) -> anyhow::Result<HashSet<String>> {
    let text = files::read_if_there(&folder.table(tables::RUNS.file))?;
    Ok(text.map(|text| runs::finished(&text)).unwrap_or_default())
}

/// Planned runs that the root tables hold as finished, and that are neither finished nor found damaged on disk. The tables
/// are their only copy.
fn lost(folder: &ExperimentFolder, record: &ExperimentRecord) -> anyhow::Result<Vec<String>> {
    let held = held(folder)?;
    let mut lost = Vec::new();
    for entry in record.runs.iter().filter(|entry| held.contains(&entry.id)) {
        // A record without tables comes from a new training that failed. One that cannot be read may be whole.
        let own = RunRecord::read_own(&folder.run(&entry.id));
        if own.is_ok_and(|own| own.is_none_or(|run| run.table_bytes.is_empty())) {
            lost.push(entry.id.clone());
        }
    }
    Ok(lost)
}

/// The root tables while they are made, and what they were made from.
pub(crate) struct Making<'a> {
    folder: &'a ExperimentFolder,
    record: &'a ExperimentRecord,
    target: Option<f64>,
    tables: RootTables<'a>,
    sources: Sources,
    damaged: Vec<(String, String)>,
    /// Whether every run is on disk as it is in the tables.
    is_settled: bool,
}

impl<'a> Making<'a> {
    pub(crate) fn begin(folder: &'a ExperimentFolder, record: &'a ExperimentRecord) -> anyhow::Result<Self> {
        Ok(Self {
            folder,
            record,
            target: record.compare_options()?.target_accuracy,
            tables: RootTables::begin(folder, record)?,
            sources: Sources::new(record)?,
            damaged: Vec::new(),
            is_settled: true,
        })
    }

    /// Reads the next planned run, each of its files once, and checks its tables. Later changes on disk are neither in the
    /// tables nor in their sources: they make the tables stale.
    pub(crate) fn add(&mut self, entry: &RunEntry) -> anyhow::Result<()> {
        let own = self.folder.run(&entry.id);
        let found = Found::at(&own)?;
        let (checked, damage) = match &found.run {
            Some(run) if run.status.is_finished() => {
                match damage::check(run, &own, entry, &self.record.axes, self.target)? {
                    Ok(checked) => (checked, None),
                    Err(reason) => (Checked::default(), Some((run.clone().failed(reason.clone()), reason))),
                }
            }
            _ => (Checked::default(), None),
        };
        let Some((failed, reason)) = damage else {
            let is_finished = found.run.as_ref().is_some_and(|run| run.status.is_finished());
            let found = if is_finished { damage::forget(&own, found)? } else { found };
            self.sources.add(&found.digest);
            return self.tables.add(entry, found.run.as_ref(), &checked);
        };
        match damage::record(&own, &found, &failed) {
            Ok(recorded) => self.sources.add(&recorded.digest),
            // This call counts the run as failed all the same; the next one looks again.
            Err(_) => self.is_settled = false,
        }
        self.damaged.push((entry.id.clone(), reason));
        self.tables.add(entry, Some(&failed), &checked)
    }

    pub(crate) fn finish(self) -> anyhow::Result<Update> {
        // Tables without a stamp are made again.
        files::remove(&self.folder.stamp())?;
        self.tables.finish()?;
        if self.is_settled {
            stamp::write(self.folder, self.sources)?;
        }
        Ok(Update { is_new: true, damaged: self.damaged, lost: Vec::new() })
    }
}
