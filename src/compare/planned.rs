//! The rows of a table against the plan: each is of a planned run, and its leading cells are those of that run.

use std::collections::HashMap;
use std::io::{Read, Seek};

use anyhow::{Context, ensure};

use super::sheet::{Column, Row, Sheet, Word};
use crate::record::experiment::ExperimentRecord;
use crate::record::leading;

/// Where the leading cells of a table are, and what they hold for each planned run.
pub struct Planned {
    id: Column<Word>,
    /// Variant, seed, and the value on each axis.
    columns: Vec<Column<Word>>,
    expected: HashMap<String, Vec<String>>,
}

impl Planned {
    /// Of the experiment that a table belongs to.
    ///
    /// # Errors
    /// If the table lacks a leading column.
    pub fn new<R: Read + Seek>(sheet: &Sheet<R>, record: &ExperimentRecord) -> anyhow::Result<Self> {
        let names = ["variant", "seed"].into_iter().chain(record.axes.iter().map(String::as_str));
        Ok(Self {
            id: sheet.column("run_id")?,
            columns: names.map(|name| sheet.column(name)).collect::<anyhow::Result<_>>()?,
            expected: record.runs.iter().map(|run| (run.id.clone(), leading::cells(run).split_off(1))).collect(),
        })
    }

    /// The id of the run that a row is of.
    ///
    /// # Errors
    /// If that run is not planned, or a leading cell contradicts the plan.
    pub fn id<'a, R>(&self, row: &'a Row<'_, R>) -> anyhow::Result<&'a str> {
        let id = row.get(self.id)?;
        let expected = self.expected.get(id);
        let expected = expected
            .with_context(|| format!("{}: {:?} is not a run of experiment.json", row.at(self.id), shortened(id)))?;
        for (column, expected) in self.columns.iter().zip(expected) {
            let cell = row.get(*column)?;
            let words = || format!("{:?}, but experiment.json has {expected:?} for run {id}", shortened(cell));
            ensure!(is_same(cell, expected), "{}: {}", row.at(*column), words());
        }
        Ok(id)
    }

    /// Where a row says which run it is of.
    pub fn at<R>(&self, row: &Row<'_, R>) -> String {
        row.at(self.id)
    }
}

fn shortened(cell: &str) -> String {
    cell.chars().take(40).collect()
}

/// Whether two cells hold the same; older tables may spell a number otherwise.
fn is_same(a: &str, b: &str) -> bool {
    let numbers = || a.parse::<f64>().ok().zip(b.parse::<f64>().ok());
    a == b || numbers().is_some_and(|(a, b)| a == b)
}
