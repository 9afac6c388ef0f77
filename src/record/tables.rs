//! The tables of a run and their columns; those of the probes are in the probes' files.
//!
//! Each table starts with `run_id,variant,seed` and one column a sweep axis. Floats are the
//! shortest decimal that reads back the same; what is undefined or not finite is an empty cell.

use crate::nn::Statistics;
use crate::probe;
use crate::record::run::RunRecord;
use crate::table::{Table, float};
use crate::train::evaluate::CurveRow;

/// One row a run.
pub const RUNS: Table = Table {
    file: "runs.csv",
    columns: &[
        "status",
        "reason",
        "diverged_at_step",
        "steps",
        "epochs",
        "parameters",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "test_loss",
        "test_accuracy",
        "best_validation_accuracy",
        "best_validation_step",
        "steps_to_target",
    ],
};

/// Losses and accuracies over training.
pub const CURVES: Table =
    Table { file: "curves.csv", columns: &["step", "epoch", "split", "mode", "loss", "accuracy"] };

/// What depends on clock and machine.
pub const TIMING: Table = Table {
    file: "timing.csv",
    columns: &[
        "steps",
        "train_seconds",
        "evaluate_seconds",
        "probe_seconds",
        "us_per_step",
        "peak_rss_bytes",
        "started_at",
        "host",
        "simd",
        "threads",
        "program_version",
    ],
};

/// All tables, those of the probes between the rest.
pub fn all() -> impl Iterator<Item = Table> {
    [RUNS, CURVES].into_iter().chain(probe::TABLES).chain([TIMING])
}

/// The leading columns of every table, before the axes.
pub const LEADING: [&str; 3] = ["run_id", "variant", "seed"];

/// A table being written: its header, then rows that each start with the run's leading cells.
#[derive(Debug)]
pub struct Writer {
    csv: csv::Writer<Vec<u8>>,
}

impl Writer {
    /// With the header for these axes.
    pub fn new(table: Table, axes: &[String]) -> Self {
        let mut writer = Self { csv: csv::Writer::from_writer(Vec::new()) };
        let axes = axes.iter().map(String::as_str);
        writer.row(&[], LEADING.into_iter().chain(axes).chain(table.columns.iter().copied()));
        writer
    }

    /// Adds a row.
    pub fn row<T: AsRef<[u8]>>(&mut self, leading: &[String], cells: impl IntoIterator<Item = T>) {
        let written = (|| -> csv::Result<()> {
            for cell in leading {
                self.csv.write_field(cell)?;
            }
            for cell in cells {
                self.csv.write_field(cell)?;
            }
            self.csv.write_record(None::<&[u8]>)
        })();
        debug_assert!(written.is_ok(), "writing to memory cannot fail: {written:?}");
    }

    /// The whole table.
    pub fn into_bytes(self) -> Vec<u8> {
        self.csv.into_inner().unwrap_or_default()
    }
}

/// Rows of a table without their leading cells: those depend on the sweep's axes, which may change before all rows are
/// there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub table: Table,
    /// One line a row.
    pub text: Vec<u8>,
}

impl Rows {
    /// None yet.
    pub fn new(table: Table) -> Self {
        Self { table, text: Vec::new() }
    }

    /// Adds a row of numbers and plain words.
    pub fn push(&mut self, cells: &[String]) {
        debug_assert!(!cells.iter().any(|cell| cell.contains([',', '"', '\n'])), "cells that need quotes: {cells:?}");
        self.text.extend_from_slice(cells.join(",").as_bytes());
        self.text.push(b'\n');
    }

    /// The whole table: header, and every row led by these cells.
    pub fn whole(&self, leading: &[String], axes: &[String]) -> Vec<u8> {
        // Quoted where they must be, up to the comma before an empty cell.
        let mut first = Writer { csv: csv::Writer::from_writer(Vec::new()) };
        first.row(leading, [""]);
        let first = first.into_bytes();
        let leading = first.strip_suffix(b"\n").unwrap_or(&first);
        let mut whole = Writer::new(self.table, axes).into_bytes();
        for row in self.text.split_inclusive(|byte| *byte == b'\n') {
            whole.extend_from_slice(leading);
            whole.extend_from_slice(row);
        }
        whole
    }
}

fn count(x: impl Into<Option<usize>>) -> String {
    x.into().map(|x| x.to_string()).unwrap_or_default()
}

/// `mode` of curves.csv.
pub const fn mode(statistics: Statistics) -> &'static str {
    match statistics {
        Statistics::Batch => "batch_stats",
        Statistics::Running => "running_stats",
        Statistics::Population => "population_stats",
    }
}

/// Cells of runs.csv.
pub fn run_cells(run: &RunRecord, steps_to_target: Option<usize>) -> Vec<String> {
    let metrics = &run.metrics;
    vec![
        run.status.name().to_owned(),
        run.reason.clone().unwrap_or_default(),
        count(run.diverged_at_step),
        run.steps.to_string(),
        float(run.epochs),
        run.parameters.to_string(),
        float(metrics.train_loss),
        float(metrics.train_accuracy),
        float(metrics.validation_loss),
        float(metrics.validation_accuracy),
        float(metrics.test_loss),
        float(metrics.test_accuracy),
        float(metrics.best_validation_accuracy),
        count(metrics.best_validation_step),
        count(steps_to_target),
    ]
}

/// Cells of timing.csv.
pub fn timing_cells(run: &RunRecord) -> Vec<String> {
    let timing = &run.timing;
    vec![
        run.steps.to_string(),
        float(timing.train_seconds),
        float(timing.evaluate_seconds),
        float(timing.probe_seconds),
        float(timing.us_per_step(run.steps)),
        timing.peak_rss_bytes.map(|b| b.to_string()).unwrap_or_default(),
        timing.started_at.clone(),
        timing.host.clone(),
        run.simd.clone(),
        timing.threads.to_string(),
        run.program_version.clone(),
    ]
}

/// Cells of curves.csv.
pub fn curve_cells(row: &CurveRow) -> [String; 6] {
    [
        row.step.to_string(),
        float(row.epoch),
        row.part.name().to_owned(),
        mode(row.statistics).to_owned(),
        float(row.score.loss),
        float(row.score.accuracy),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        let mut writer = Writer::new(CURVES, &["model.hidden".to_owned()]);
        writer.row(&["id".into(), "bn".into(), "0".into(), "[4,4]".into()], ["a \"b\"", "", "", "", "", ""]);
        let text = String::from_utf8(writer.into_bytes()).unwrap();
        let header = "run_id,variant,seed,model.hidden,step,epoch,split,mode,loss,accuracy";
        assert_eq!(text, format!("{header}\nid,bn,0,\"[4,4]\",\"a \"\"b\"\"\",,,,,\n"));
    }
}
