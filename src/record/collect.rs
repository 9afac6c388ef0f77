//! The root tables, made from the runs.
//!
//! Rebuilt as a whole, in plan order, under an exclusive lock taken before anything is read, and
//! only if something has changed since: the stamp says what they were made from.

use std::fs::File;
use std::io::Write;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::experiment::ExperimentRecord;
use super::layout::{ExperimentFolder, RunFolder};
use super::run::{RunRecord, Status};
use super::tables::{self, LEADING, Writer};
use crate::config::json::cell;
use crate::files::{self, Lock};
use crate::plan::RunEntry;
use crate::table::Table;

/// What the root tables were made from, and how large they came out.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    sources: String,
    sizes: Vec<u64>,
}

/// Held by whoever writes at the root of an experiment; waits for others, and removes what one that was killed left
/// half-written. Where there can be no lock two programs may both write, each whole files.
///
/// # Errors
/// The system's, with the path.
pub(super) fn lock(folder: &ExperimentFolder) -> anyhow::Result<Lock> {
    let lock = files::lock(&folder.lock())?;
    if let Lock::Held(_) = lock {
        files::remove_unfinished(folder.path())?;
    }
    Ok(lock)
}

/// Makes the root tables current. Returns whether they had to be rebuilt.
///
/// # Errors
/// If a run's record or table cannot be read, or a table not written.
pub fn collect(folder: &ExperimentFolder) -> anyhow::Result<bool> {
    // In a folder that cannot be written, tables that are current are still read.
    let _lock = lock(folder);
    let record = ExperimentRecord::read(folder)?;
    let sources = sources(&record, folder)?;
    if let Some(stamp) = read_stamp(folder)
        && stamp == (Stamp { sources: sources.clone(), sizes: sizes(folder) })
    {
        return Ok(false);
    }
    let read = |entry: &RunEntry| RunRecord::read(&folder.run(&entry.id));
    let runs = record.runs.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    for table in tables::all() {
        let path = folder.table(table.file);
        match table.file {
            file if file == tables::RUNS.file => {
                files::write_atomically(&path, &runs_table(&record, &runs, folder)?)?;
            }
            file if file == tables::TIMING.file => files::write_atomically(&path, &timing_table(&record, &runs))?,
            _ => files::write_atomically_by(&path, |file| join_tables(file, table, &record, &runs, folder))?,
        }
    }
    let stamp = Stamp { sources, sizes: sizes(folder) };
    files::write_atomically(&folder.stamp(), &serde_json::to_vec(&stamp)?)?;
    Ok(true)
}

fn read_stamp(folder: &ExperimentFolder) -> Option<Stamp> {
    serde_json::from_slice(&files::read(&folder.stamp()).ok()?).ok()
}

/// Sizes of the root tables; 0 for one that is not there.
fn sizes(folder: &ExperimentFolder) -> Vec<u64> {
    tables::all().map(|t| folder.table(t.file).metadata().map_or(0, |m| m.len())).collect()
}

/// A digest of everything that decides the tables' bytes.
fn sources(record: &ExperimentRecord, folder: &ExperimentFolder) -> anyhow::Result<String> {
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
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

/// The leading cells of a run's rows.
pub fn leading(entry: &RunEntry) -> Vec<String> {
    let fixed = [entry.id.clone(), entry.variant.clone(), entry.seed.to_string()];
    fixed.into_iter().chain(entry.values.iter().map(cell)).collect()
}

fn runs_table(
    record: &ExperimentRecord,
    runs: &[Option<RunRecord>],
    folder: &ExperimentFolder,
) -> anyhow::Result<Vec<u8>> {
    let target = record.compare_options()?.target_accuracy;
    let mut writer = Writer::new(tables::RUNS, &record.axes);
    for (entry, run) in record.runs.iter().zip(runs) {
        let cells = match run {
            Some(run) => {
                let steps = target.map(|target| steps_to_target(&folder.run(&entry.id), target)).transpose()?;
                tables::run_cells(run, steps.flatten())
            }
            None => {
                let mut cells = vec![String::new(); tables::RUNS.columns.len()];
                Status::Missing.name().clone_into(&mut cells[0]);
                cells
            }
        };
        writer.row(&leading(entry), cells);
    }
    Ok(writer.into_bytes())
}

fn timing_table(record: &ExperimentRecord, runs: &[Option<RunRecord>]) -> Vec<u8> {
    let mut writer = Writer::new(tables::TIMING, &record.axes);
    for (entry, run) in record.runs.iter().zip(runs) {
        if let Some(run) = run {
            writer.row(&leading(entry), tables::timing_cells(run));
        }
    }
    writer.into_bytes()
}

/// The first evaluation whose validation accuracy, under running statistics, reaches the target.
fn steps_to_target(run: &RunFolder, target: f64) -> anyhow::Result<Option<usize>> {
    let path = run.table(tables::CURVES.file);
    if !path.is_file() {
        return Ok(None);
    }
    let text = files::read_text(&path)?;
    // Of perhaps many thousand rows few are looked at closely.
    for (at, kind) in text.match_indices(",validation,running_stats,") {
        let step_and_epoch = text[..at].rsplit('\n').next().and_then(|row| row.rsplit(',').nth(1));
        let accuracy = text[at + kind.len()..].lines().next().and_then(|scores| scores.split(',').nth(1));
        let parsed = step_and_epoch.and_then(|step| step.parse().ok()).zip(accuracy);
        let (step, accuracy): (usize, &str) = parsed.with_context(|| format!("{} is damaged", path.display()))?;
        if accuracy.parse::<f64>().is_ok_and(|accuracy| accuracy >= target) {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// Writes one table of all runs, each run's rows led by its cells of the current axes.
fn join_tables(
    file: &mut File,
    table: Table,
    record: &ExperimentRecord,
    runs: &[Option<RunRecord>],
    folder: &ExperimentFolder,
) -> anyhow::Result<()> {
    let header = Writer::new(table, &record.axes).into_bytes();
    let context = || format!("cannot write {}", folder.table(table.file).display());
    file.write_all(&header).with_context(context)?;
    for (entry, run) in record.runs.iter().zip(runs) {
        // A failed run has no rows, and what is left of it may be damaged.
        let run = run.as_ref().filter(|run| run.status.is_finished());
        let Some(expected) = run.and_then(|run| run.table_bytes.get(table.file)) else { continue };
        let path = folder.run(&entry.id).table(table.file);
        let text = files::read(&path)?;
        anyhow::ensure!(text.len() as u64 == *expected, "{} is changing: try again", path.display());
        let mut first_row = csv::Writer::from_writer(Vec::new());
        first_row.write_record(leading(entry))?;
        let mut cells = first_row.into_inner()?.trim_ascii_end().to_vec();
        cells.push(b',');
        let rows = text.strip_prefix(&header[..]);
        if let Some(rows) = rows.filter(|rows| rows.is_empty() || rows.starts_with(&cells)) {
            file.write_all(rows).with_context(context)?;
        } else {
            // Made when the sweep had other axes, or wrote their values otherwise.
            let rows = with_leading(table, entry, &text);
            let rows = rows.with_context(|| format!("{} is damaged", path.display()))?;
            file.write_all(&rows).with_context(context)?;
        }
    }
    Ok(())
}

fn with_leading(table: Table, entry: &RunEntry, text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers()?.clone();
    let own = headers.len().checked_sub(table.columns.len()).filter(|own| *own >= LEADING.len());
    let own = own.filter(|own| headers.iter().skip(*own).eq(table.columns.iter().copied()));
    let own = own.with_context(|| format!("its header is not that of {}", table.file))?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let leading = leading(entry);
    for row in reader.records() {
        let row = row?;
        writer.write_record(leading.iter().map(String::as_str).chain(row.iter().skip(own)))?;
    }
    Ok(writer.into_inner()?)
}
