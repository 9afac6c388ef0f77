//! The stamp of the root tables, `.tables.json`: what they were made from, and how they came out.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::experiment::ExperimentRecord;
use super::found::{Ended, Found};
use super::layout::ExperimentFolder;
use super::tables;
use crate::files;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    /// Digest of everything that decides the tables' bytes.
    sources: String,
    /// SHA-256 of each table, as it was written.
    tables: Vec<String>,
}

/// Everything that decides the tables' bytes, as it was read.
#[derive(Debug)]
pub struct Sources(Sha256);

impl Sources {
    /// What is known of the tables without their runs.
    ///
    /// # Errors
    /// If the record's comparison is not one that this program knows.
    pub fn new(record: &ExperimentRecord) -> anyhow::Result<Self> {
        let mut hash = Sha256::new();
        // Tables of an older layout are made again.
        hash.update(serde_json::to_vec(&tables::all().map(|table| table.columns).collect::<Vec<_>>())?);
        hash.update(serde_json::to_vec(&(&record.axes, record.compare_options()?.target_accuracy, &record.runs))?);
        Ok(Self(hash))
    }

    /// Adds the next planned run: the digest of what was found of it.
    pub fn add(&mut self, digest: &str) {
        self.0.update(digest);
    }
}

/// Whether the root tables are those that the runs would give. Runs in `known` are taken as they were when they were read.
///
/// # Errors
/// If a run's record, or a table, cannot be read.
pub fn is_current(folder: &ExperimentFolder, record: &ExperimentRecord, known: Option<&Ended>) -> anyhow::Result<bool> {
    let bytes = files::read_if_there(&folder.stamp())?.unwrap_or_default();
    let Ok(stamp) = serde_json::from_slice::<Stamp>(&bytes) else { return Ok(false) };
    let mut sources = Sources::new(record)?;
    for entry in &record.runs {
        match known.and_then(|known| known.digests.get(&entry.id)) {
            Some(digest) => sources.add(digest),
            None => sources.add(&Found::at(&folder.run(&entry.id))?.digest),
        }
    }
    Ok(stamp == Stamp { sources: files::hex(&sources.0.finalize()), tables: on_disk(folder)? })
}

/// Writes the stamp of tables that were just made.
///
/// # Errors
/// The system's.
pub fn write(folder: &ExperimentFolder, sources: Sources) -> anyhow::Result<()> {
    let stamp = Stamp { sources: files::hex(&sources.0.finalize()), tables: on_disk(folder)? };
    files::write_atomically(&folder.stamp(), &serde_json::to_vec(&stamp)?)
}

/// The root tables that are not as the program wrote them, by the names of their files. None if that is not known.
///
/// # Errors
/// If a table cannot be read.
pub fn changed(folder: &ExperimentFolder) -> anyhow::Result<Vec<&'static str>> {
    let bytes = files::read_if_there(&folder.stamp())?.unwrap_or_default();
    let Ok(stamp) = serde_json::from_slice::<Stamp>(&bytes) else { return Ok(Vec::new()) };
    let found = on_disk(folder)?;
    // A program with other tables has another list.
    if found.len() != stamp.tables.len() {
        return Ok(Vec::new());
    }
    let differ = tables::all().zip(stamp.tables.iter().zip(&found));
    // Tables may be left out where results are published.
    Ok(differ
        .filter(|(_, (written, found))| !found.is_empty() && written != found)
        .map(|(table, _)| table.file)
        .collect())
}

/// SHA-256 of each root table on disk; empty for one that is not there. Comparisons and figures are made from any of them.
fn on_disk(folder: &ExperimentFolder) -> anyhow::Result<Vec<String>> {
    tables::all().map(|table| Ok(files::sha256_of(&folder.table(table.file))?.unwrap_or_default())).collect()
}
