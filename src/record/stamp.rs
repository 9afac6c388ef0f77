//! The stamp of the root tables, `.tables.json`: what they were made from, and how they came out.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::experiment::ExperimentRecord;
use super::layout::ExperimentFolder;
use super::tables;
use crate::files;
use crate::table::Table;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    /// Digest of everything that decides the tables' bytes.
    sources: String,
    /// What the tables on disk looked like.
    tables: Vec<String>,
}

/// Whether the root tables are those that the runs, as they are now, would give.
///
/// # Errors
/// If a run's record cannot be read.
pub fn is_current(folder: &ExperimentFolder, record: &ExperimentRecord) -> anyhow::Result<bool> {
    let stamp = files::read(&folder.stamp()).ok().and_then(|bytes| serde_json::from_slice::<Stamp>(&bytes).ok());
    let Some(stamp) = stamp else { return Ok(false) };
    Ok(stamp == Stamp { sources: sources(folder, record)?, tables: on_disk(folder) })
}

/// Writes the stamp of tables that were just made; `sources` is from before their runs were read.
///
/// # Errors
/// The system's.
pub fn write(folder: &ExperimentFolder, sources: String) -> anyhow::Result<()> {
    let stamp = Stamp { sources, tables: on_disk(folder) };
    files::write_atomically(&folder.stamp(), &serde_json::to_vec(&stamp)?)
}

/// A digest of everything that decides the tables' bytes, as it is now.
///
/// # Errors
/// If a run's record cannot be read.
pub fn sources(folder: &ExperimentFolder, record: &ExperimentRecord) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    // Tables of an older layout are made again.
    hash.update(serde_json::to_vec(&tables::all().map(|table| table.columns).collect::<Vec<_>>())?);
    hash.update(serde_json::to_vec(&(&record.axes, record.compare_options()?.target_accuracy, &record.runs))?);
    for entry in &record.runs {
        let run = folder.run(&entry.id);
        for path in [run.run_json(), run.failure()] {
            let bytes = if path.is_file() { files::read(&path)? } else { Vec::new() };
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        // A run counts as failed while one of its tables is lost.
        for table in tables::all() {
            hash.update(run.table(table.file).metadata().map_or(u64::MAX, |metadata| metadata.len()).to_le_bytes());
        }
    }
    Ok(files::hex(&hash.finalize()))
}

/// The root tables on disk: digests of those with one row a run, which comparisons are made from, and sizes of the
/// others, which may be large. Empty for one that cannot be read.
fn on_disk(folder: &ExperimentFolder) -> Vec<String> {
    let digest = |path: &Path| files::read(path).map(|bytes| files::sha256(&bytes));
    let size = |path: &Path| Ok(path.metadata()?.len().to_string());
    let state = |table: Table| {
        let path = folder.table(table.file);
        let has_row_a_run = [tables::RUNS.file, tables::TIMING.file].contains(&table.file);
        if has_row_a_run { digest(&path) } else { size(&path) }
    };
    tables::all().map(|table| state(table).unwrap_or_default()).collect()
}
