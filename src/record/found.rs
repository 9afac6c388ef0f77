//! The state of a run on disk: all that decides it, each file read once.

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::layout::{CHECKPOINT, ExperimentFolder, RunFolder};
use super::run::{RunRecord, Status};
use crate::files;

/// What was found of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its record, if there is one that counts.
    pub run: Option<RunRecord>,
    /// SHA-256 of everything that `run` was read from.
    pub digest: String,
}

impl Found {
    /// Reads the record of a run, and the lengths of the files that it tells of.
    ///
    /// # Errors
    /// If the system cannot read something, or the record is of a later layout; unless a reason why the run failed stands
    /// beside its folder.
    pub fn at(folder: &RunFolder) -> anyhow::Result<Self> {
        let mut hash = Sha256::new();
        let mut add = |kind: u8, bytes: &[u8]| {
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        let bytes = files::read_record(&folder.run_json());
        match &bytes {
            Ok(Some(bytes)) => add(1, bytes),
            Ok(None) => add(0, &[]),
            Err(_) => add(2, &[]),
        }
        let run = match bytes.and_then(|bytes| record(bytes, folder)) {
            Ok(Some(run)) if run.status.is_finished() => {
                let lengths = lengths(&run, folder)?;
                add(1, &serde_json::to_vec(&lengths)?);
                let mut damage = damage(&run, &lengths, folder);
                // A run that was found damaged before, or could not be read, counts again once its tables are whole.
                if damage.is_none() && files::is_file(&folder.failure())? {
                    damage = unsound(&run, folder)?;
                    add(3, damage.as_deref().unwrap_or_default().as_bytes());
                }
                Some(match damage {
                    None => run,
                    Some(reason) => run.failed(reason),
                })
            }
            unfinished => {
                let failure = match files::read_record(&folder.failure()) {
                    Ok(failure) => failure,
                    Err(error) => return Err(unfinished.err().unwrap_or(error)),
                };
                add(u8::from(failure.is_some()), failure.as_deref().unwrap_or_default());
                let failed = failure.map(|bytes| RunRecord::parse(&bytes, &folder.failure())).transpose()?.flatten();
                match failed.filter(|failed| is_of(failed, folder)) {
                    Some(failed) => Some(failed),
                    None => unfinished?,
                }
            }
        };
        Ok(Self { run, digest: files::hex(&hash.finalize()) })
    }
}

/// The record that `run.json` holds. A record of another run, copied here, does not count.
fn record(bytes: Option<Vec<u8>>, folder: &RunFolder) -> anyhow::Result<Option<RunRecord>> {
    let Some(bytes) = bytes else { return Ok(None) };
    let record = RunRecord::parse(&bytes, &folder.run_json())?;
    Ok(record.filter(|record| is_of(record, folder)))
}

fn is_of(record: &RunRecord, folder: &RunFolder) -> bool {
    folder.path().file_name().is_some_and(|name| *name == *record.run_id)
}

/// The lengths of the tables and of the checkpoint that the record tells of; `None` for those that are not there.
fn lengths(run: &RunRecord, folder: &RunFolder) -> anyhow::Result<BTreeMap<String, Option<u64>>> {
    // A name from a file may lead elsewhere.
    let tables = run.table_bytes.keys().map(String::as_str).filter(|file| files::is_plain_name(file));
    let checkpoint = run.checkpoint_bytes.map(|_| CHECKPOINT);
    let length = |file: &str| Ok((file.to_owned(), files::look(&folder.table(file))?.map(|metadata| metadata.len())));
    tables.chain(checkpoint).map(length).collect()
}

/// The first of these files that has another length than it was written with. A checkpoint may be removed to save room: no
/// table needs it.
fn damage(run: &RunRecord, lengths: &BTreeMap<String, Option<u64>>, folder: &RunFolder) -> Option<String> {
    lengths.iter().find_map(|(file, found)| {
        let is_checkpoint = file == CHECKPOINT;
        let expected = if is_checkpoint { run.checkpoint_bytes? } else { *run.table_bytes.get(file)? };
        let found = match found {
            Some(found) if *found == expected => return None,
            Some(found) => format!("{found} found"),
            None if is_checkpoint => return None,
            None => "it is missing".to_owned(),
        };
        Some(format!("{} is damaged: {expected} bytes expected, {found}", folder.table(file).display()))
    })
}

/// The content of a table if its SHA-256 is the recorded one; else what is wrong.
pub(super) fn sound(run: &RunRecord, folder: &RunFolder, file: &str) -> anyhow::Result<Result<Vec<u8>, String>> {
    let path = folder.table(file);
    let Some(text) = files::read_if_there(&path)? else { return Ok(Err(format!("{} is missing", path.display()))) };
    let is_sound = run.table_sha256.get(file).is_none_or(|expected| *expected == files::sha256(&text));
    Ok(is_sound
        .then_some(text)
        .ok_or_else(|| format!("{} is damaged: its SHA-256 is not the recorded one", path.display())))
}

/// The first table whose SHA-256 is not the recorded one, in words.
pub(super) fn unsound(run: &RunRecord, folder: &RunFolder) -> anyhow::Result<Option<String>> {
    for file in run.table_bytes.keys().filter(|file| files::is_plain_name(file)) {
        if let Err(reason) = sound(run, folder, file)? {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}

/// The lengths of the snapshots of a run, by their names.
///
/// # Errors
/// If the system cannot look at them.
pub fn snapshot_bytes(folder: &RunFolder) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut lengths = BTreeMap::new();
    for name in files::list(&folder.snapshots())?.into_iter().filter(|name| RunFolder::is_snapshot(name)) {
        if let Some(metadata) = files::look(&folder.snapshots().join(&name))? {
            lengths.insert(name, metadata.len());
        }
    }
    Ok(lengths)
}

/// The first of these snapshots that is missing or has another length, in words.
pub(super) fn lost_snapshot(lengths: &BTreeMap<String, u64>, folder: &RunFolder) -> anyhow::Result<Option<String>> {
    for (name, expected) in lengths.iter().filter(|(name, _)| RunFolder::is_snapshot(name)) {
        let path = folder.snapshots().join(name);
        let found = files::look(&path)?.map(|metadata| metadata.len());
        let place = path.display();
        match found {
            Some(found) if found == *expected => {}
            Some(found) => return Ok(Some(format!("{place} is damaged: {expected} bytes expected, {found} found"))),
            None => return Ok(Some(format!("{place} is missing"))),
        }
    }
    Ok(None)
}

/// Runs that have ended, by their ids.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// Those that are never trained again.
    pub finished: HashSet<String>,
    /// Those that were begun and can be continued.
    pub begun: HashSet<String>,
    /// Those that the next `run` tries again, and why they failed.
    pub failed: BTreeMap<String, String>,
    /// Finished runs that lack a snapshot, and how. No table needs it: they stay finished.
    pub incomplete: BTreeMap<String, String>,
    /// For each run that could be read, SHA-256 of what was read.
    pub(super) digests: HashMap<String, String>,
}

impl RunRecord {
    /// Reads the record of a run. `None` if there is none, or if it is so damaged that the run has to be trained again. A
    /// finished run counts as failed if its record was changed, or one of its tables or its checkpoint has another length than
    /// it was written with.
    ///
    /// # Errors
    /// As [`Found::at`].
    pub fn read(folder: &RunFolder) -> anyhow::Result<Option<Self>> {
        Ok(Found::at(folder)?.run)
    }

    /// Whether a run is finished, and its tables are whole as far as they are checked.
    ///
    /// # Errors
    /// As [`Found::at`].
    pub fn is_finished(folder: &RunFolder) -> anyhow::Result<bool> {
        Ok(Self::read(folder)?.is_some_and(|run| run.status.is_finished()))
    }

    /// The first snapshot that is missing or has another length than it was written with, in words.
    ///
    /// # Errors
    /// If the system cannot read it.
    pub fn lost_snapshot(&self, folder: &RunFolder) -> anyhow::Result<Option<String>> {
        lost_snapshot(&self.snapshot_bytes, folder)
    }

    /// The record in the run's own folder, whatever stands beside it.
    ///
    /// # Errors
    /// If the system cannot read it, or it is of a later layout.
    pub fn read_own(folder: &RunFolder) -> anyhow::Result<Option<Self>> {
        record(files::read_record(&folder.run_json())?, folder)
    }

    /// All runs of an experiment that have ended, whether or not they are planned.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn ended(folder: &ExperimentFolder) -> anyhow::Result<Ended> {
        let mut ended = Ended::default();
        for id in files::list(&folder.runs())? {
            let found = Found::at(&folder.run(&id)).map(|Found { run, digest }| {
                ended.digests.insert(id.clone(), digest);
                run
            });
            match found {
                Ok(Some(run)) if run.status.is_finished() => {
                    if let Some(reason) = run.lost_snapshot(&folder.run(&id))? {
                        ended.incomplete.insert(id.clone(), reason);
                    }
                    ended.finished.insert(id);
                }
                Ok(Some(run)) if run.status == Status::Failed => {
                    ended.failed.insert(id, run.reason.unwrap_or_default());
                }
                // A file that cannot be looked at may be there.
                Ok(_) if files::is_file(&folder.run(&id).resume()).unwrap_or(true) => drop(ended.begun.insert(id)),
                Ok(_) => {}
                // That concerns this run alone.
                Err(error) => drop(ended.failed.insert(id, format!("{error:#}"))),
            }
        }
        Ok(ended)
    }
}
