//! The tables of an experiment's root: one row a run, or the rows of all runs together.

use super::damage::Checked;
use super::experiment::ExperimentRecord;
use super::layout::ExperimentFolder;
use super::leading;
use super::run::RunRecord;
use super::runs::RunRow;
use super::tables::{self, Writer};
use super::timing::TimingRow;
use crate::files::{self, Unfinished};
use crate::plan::RunEntry;
use crate::table::{Row, Table};

/// The root tables while they are made, run by run.
#[derive(Debug)]
pub struct RootTables<'a> {
    folder: &'a ExperimentFolder,
    runs: Writer,
    timing: Writer,
    /// Those with the rows of all runs together, which may be large.
    filled: Vec<(Table, Unfinished)>,
}

impl<'a> RootTables<'a> {
    /// Without runs yet.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn begin(folder: &'a ExperimentFolder, record: &ExperimentRecord) -> anyhow::Result<Self> {
        let begin = |table: Table| {
            let mut file = Unfinished::begin(&folder.table(table.file))?;
            file.write(&Writer::new(table, &record.axes).into_bytes())?;
            Ok((table, file))
        };
        Ok(Self {
            folder,
            runs: Writer::new(tables::RUNS, &record.axes),
            timing: Writer::new(tables::TIMING, &record.axes),
            filled: tables::filled().map(begin).collect::<anyhow::Result<_>>()?,
        })
    }

    /// Adds a planned run: its record, if there is one, and the rows of its tables, if it is finished.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn add(&mut self, entry: &RunEntry, run: Option<&RunRecord>, checked: &Checked) -> anyhow::Result<()> {
        let leading = leading::cells(entry);
        let row = run.map_or_else(RunRow::missing, |run| RunRow::of(run, checked.steps_to_target));
        self.runs.row(&leading, row.cells());
        if let Some(run) = run {
            self.timing.row(&leading, TimingRow::of(run).cells());
        }
        for (table, file) in &mut self.filled {
            checked.rows.iter().filter(|(of, _)| of == table).try_for_each(|(_, rows)| file.write(rows))?;
        }
        Ok(())
    }

    /// Puts all tables in their places.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn finish(self) -> anyhow::Result<()> {
        files::write_atomically(&self.folder.table(tables::RUNS.file), &self.runs.into_bytes())?;
        self.filled.into_iter().try_for_each(|(_, file)| file.finish())?;
        files::write_atomically(&self.folder.table(tables::TIMING.file), &self.timing.into_bytes())
    }
}
