//! The root tables, made from the runs.
//!
//! Rebuilt as a whole, in plan order, under an exclusive lock taken before anything is read, and
//! only if something has changed since: the stamp says what they were made from.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::curves;
use super::experiment::ExperimentRecord;
use super::layout::{ExperimentFolder, RunFolder};
use super::run::{RunRecord, Status};
use super::tables::{self, LEADING, Writer};
use super::timing::TimingRow;
use crate::config::json::cell;
use crate::files::{self, Lock, Waiting};
use crate::plan::RunEntry;
use crate::table::{Row, Table};

/// What the root tables were made from, and how they came out.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    sources: String,
    tables: Vec<String>,
}

/// What came of making the root tables current.
#[derive(Debug, Default)]
pub struct Made {
    /// Whether they had to be made again.
    pub is_new: bool,
    /// Finished runs that were found damaged on the way: their ids, and how. They count as failed from now on.
    pub damaged: Vec<(String, String)>,
}

/// A table of a run is not as it was written.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
struct Damaged {
    /// The run's place in the plan.
    place: usize,
    reason: String,
}

/// Held by whoever writes at the root of an experiment, or opens it for training; waits for others, and removes what one
/// that was killed left half-written. Where there can be no lock two programs may both write, each whole files.
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
pub fn collect(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<Made> {
    let lock = lock(folder, waiting);
    let record = ExperimentRecord::read(folder)?;
    let is_current = |stamp: Stamp| {
        let now = Stamp { sources: sources(&record, folder)?, tables: as_they_are(folder) };
        anyhow::Ok(stamp == now)
    };
    if read_stamp(folder).map(is_current).transpose()?.unwrap_or_default() {
        return Ok(Made::default());
    }
    // In a folder that cannot be written, tables that are current are still read.
    let _lock = lock?;
    let read = |entry: &RunEntry| RunRecord::read(&folder.run(&entry.id));
    let mut runs = record.runs.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let mut made = Made { is_new: true, ..Made::default() };
    while let Err(error) = write_tables(folder, &record, &runs) {
        let Damaged { place, reason } = error.downcast::<Damaged>()?;
        let Some(run) = runs[place].take() else { anyhow::bail!(reason) };
        let (id, run) = (run.run_id.clone(), run.failed(reason.clone()));
        // Where that cannot be written it is said again the next time.
        drop(write_failure(&folder.run(&id), &run));
        runs[place] = Some(run);
        made.damaged.push((id, reason));
    }
    let stamp = Stamp { sources: sources(&record, folder)?, tables: as_they_are(folder) };
    files::write_atomically(&folder.stamp(), &serde_json::to_vec(&stamp)?)?;
    Ok(made)
}

fn write_tables(
    folder: &ExperimentFolder,
    record: &ExperimentRecord,
    runs: &[Option<RunRecord>],
) -> anyhow::Result<()> {
    for table in tables::all() {
        let path = folder.table(table.file);
        match table.file {
            file if file == tables::RUNS.file => {
                files::write_atomically(&path, &runs_table(record, runs, folder)?)?;
            }
            file if file == tables::TIMING.file => files::write_atomically(&path, &timing_table(record, runs))?,
            _ => files::write_atomically_by(&path, |file| join_tables(file, table, record, runs, folder))?,
        }
    }
    Ok(())
}

/// Records that a run counts as failed, unless a program is training it just now.
fn write_failure(folder: &RunFolder, run: &RunRecord) -> anyhow::Result<()> {
    let lock = files::try_lock(&folder.lock())?;
    if let Lock::Elsewhere = lock {
        return Ok(());
    }
    files::write_atomically(&folder.log(), run.log_text().as_bytes())?;
    run.write(folder)
}

fn read_stamp(folder: &ExperimentFolder) -> Option<Stamp> {
    serde_json::from_slice(&files::read(&folder.stamp()).ok()?).ok()
}

/// The root tables as they are: digests of those with one row a run, which comparisons are made of, and sizes of the
/// others, which may be large. Empty for one that cannot be read.
fn as_they_are(folder: &ExperimentFolder) -> Vec<String> {
    let digest = |path: &Path| files::read(path).map(|bytes| files::sha256(&bytes));
    let size = |path: &Path| Ok(path.metadata()?.len().to_string());
    let state = |table: Table| {
        let path = folder.table(table.file);
        let has_row_a_run = [tables::RUNS.file, tables::TIMING.file].contains(&table.file);
        if has_row_a_run { digest(&path) } else { size(&path) }
    };
    tables::all().map(|table| state(table).unwrap_or_default()).collect()
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
        // A table that is lost, or there again, changes what the run counts as.
        for table in tables::all() {
            hash.update(run.table(table.file).metadata().map_or(u64::MAX, |metadata| metadata.len()).to_le_bytes());
        }
    }
    Ok(files::hex(&hash.finalize()))
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
    for (place, (entry, run)) in record.runs.iter().zip(runs).enumerate() {
        let cells = match run {
            Some(run) => {
                let target = target.filter(|_| run.status.is_finished());
                let steps = target.map(|target| steps_to_target(place, &folder.run(&entry.id), target)).transpose()?;
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
            writer.row(&leading(entry), TimingRow::of(run).cells());
        }
    }
    writer.into_bytes()
}

/// The first evaluation whose validation accuracy, under running statistics, reaches the target.
fn steps_to_target(place: usize, run: &RunFolder, target: f64) -> anyhow::Result<Option<usize>> {
    let path = run.table(tables::CURVES.file);
    let text = files::read(&path)?;
    let reached = str::from_utf8(&text).context("it is no text").and_then(|text| curves::first_reaching(text, target));
    reached.map_err(|error| Damaged { place, reason: format!("{} is damaged: {error:#}", path.display()) }.into())
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
    for (place, (entry, run)) in record.runs.iter().zip(runs).enumerate() {
        // A failed run has no rows, and what is left of it may be damaged.
        let Some(run) = run.as_ref().filter(|run| run.status.is_finished()) else { continue };
        if !run.table_bytes.contains_key(table.file) {
            continue;
        }
        let path = folder.run(&entry.id).table(table.file);
        let text = files::read(&path)?;
        let damaged = |how: String| Damaged { place, reason: format!("{} is damaged: {how}", path.display()) };
        if run.table_sha256.get(table.file).is_some_and(|expected| *expected != files::sha256(&text)) {
            return Err(damaged("its SHA-256 is not the recorded one".to_owned()).into());
        }
        let rows = rows_led_by(table, &header, entry, &text).map_err(|error| damaged(format!("{error:#}")))?;
        file.write_all(&rows).with_context(context)?;
    }
    Ok(())
}

/// The rows of a run's table, `text`, led by its cells of the current axes; `header` is the table's with these axes.
///
/// # Errors
/// If it is no such table.
pub fn rows_led_by<'a>(table: Table, header: &[u8], entry: &RunEntry, text: &'a [u8]) -> anyhow::Result<Cow<'a, [u8]>> {
    let mut first_row = csv::Writer::from_writer(Vec::new());
    first_row.write_record(leading(entry))?;
    let mut cells = first_row.into_inner()?.trim_ascii_end().to_vec();
    cells.push(b',');
    let rows = text.strip_prefix(header);
    match rows.filter(|rows| rows.is_empty() || rows.starts_with(&cells)) {
        Some(rows) => Ok(Cow::Borrowed(rows)),
        // Made when the sweep had other axes, or wrote their values otherwise.
        None => with_leading(table, entry, text).map(Cow::Owned),
    }
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
