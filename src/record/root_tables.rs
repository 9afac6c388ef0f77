//! The tables of an experiment's root: one row a run, or the rows of all runs together.

use std::fs::File;
use std::io::Write;

use anyhow::Context;

use super::experiment::ExperimentRecord;
use super::layout::ExperimentFolder;
use super::leading;
use super::run::RunRecord;
use super::runs::RunRow;
use super::tables::{self, Writer};
use super::timing::TimingRow;
use crate::files;
use crate::table::{Row, Table};

/// A planned run as the tables show it.
#[derive(Debug)]
pub struct Collected {
    /// Its record, if there is one.
    pub run: Option<RunRecord>,
    /// The step that first reaches the target accuracy.
    pub steps_to_target: Option<usize>,
}

/// Writes every root table; `runs` are those of the plan, in its order.
///
/// # Errors
/// If a table of a run cannot be read, or a root table not written.
pub fn write(folder: &ExperimentFolder, record: &ExperimentRecord, runs: &[Collected]) -> anyhow::Result<()> {
    files::write_atomically(&folder.table(tables::RUNS.file), &runs_table(record, runs))?;
    for table in tables::filled() {
        files::write_atomically_by(&folder.table(table.file), |file| join(file, table, record, runs, folder))?;
    }
    files::write_atomically(&folder.table(tables::TIMING.file), &timing_table(record, runs))
}

fn runs_table(record: &ExperimentRecord, runs: &[Collected]) -> Vec<u8> {
    let mut writer = Writer::new(tables::RUNS, &record.axes);
    for (entry, Collected { run, steps_to_target }) in record.runs.iter().zip(runs) {
        let row = run.as_ref().map_or_else(RunRow::missing, |run| RunRow::of(run, *steps_to_target));
        writer.row(&leading::cells(entry), row.cells());
    }
    writer.into_bytes()
}

fn timing_table(record: &ExperimentRecord, runs: &[Collected]) -> Vec<u8> {
    let mut writer = Writer::new(tables::TIMING, &record.axes);
    for (entry, Collected { run, .. }) in record.runs.iter().zip(runs) {
        if let Some(run) = run {
            writer.row(&leading::cells(entry), TimingRow::of(run).cells());
        }
    }
    writer.into_bytes()
}

/// Writes one table of all finished runs; each run's rows are led by its cells of the current axes.
fn join(
    file: &mut File,
    table: Table,
    record: &ExperimentRecord,
    runs: &[Collected],
    folder: &ExperimentFolder,
) -> anyhow::Result<()> {
    let header = Writer::new(table, &record.axes).into_bytes();
    let context = || format!("cannot write {}", folder.table(table.file).display());
    file.write_all(&header).with_context(context)?;
    for (entry, Collected { run, .. }) in record.runs.iter().zip(runs) {
        // What is left of a failed run may be damaged.
        let Some(run) = run.as_ref().filter(|run| run.status.is_finished()) else { continue };
        if run.table_bytes.contains_key(table.file) {
            let path = folder.run(&entry.id).table(table.file);
            let text = files::read(&path)?;
            let rows = leading::rows_led_by(table, &header, entry, &text);
            file.write_all(&rows.with_context(|| path.display().to_string())?).with_context(context)?;
        }
    }
    Ok(())
}
