//! runs.csv: one row a run.

use std::collections::HashSet;

use super::metrics::{BEST_STEP, Metrics};
use super::run::{RunRecord, Status};
use crate::config::file::Metric;
use crate::printable;
use crate::table::{Row, Table, float, number, optional};

/// One row of runs.csv. For a run without a record only the status is known.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// How far the run has come.
    pub status: Status,
    /// Why it diverged or failed; empty otherwise.
    pub reason: String,
    /// The minibatch at which it diverged.
    pub diverged_at_step: Option<usize>,
    /// Updates done.
    pub steps: Option<usize>,
    /// The same in epochs; NaN if not known.
    pub epochs: f64,
    /// Number of parameters.
    pub parameters: Option<usize>,
    /// Scores at the end.
    pub metrics: Metrics,
    /// The first evaluation that reached the target.
    pub steps_to_target: Option<usize>,
}

impl RunRow {
    /// The row of a run.
    pub fn of(run: &RunRecord, steps_to_target: Option<usize>) -> Self {
        Self {
            status: run.status,
            reason: printable::cell("reason", run.reason.as_deref().unwrap_or_default()),
            diverged_at_step: run.diverged_at_step,
            steps: Some(run.steps),
            epochs: run.epochs,
            parameters: Some(run.parameters),
            metrics: run.metrics,
            steps_to_target,
        }
    }

    /// The row of a run that has no record.
    pub fn missing() -> Self {
        Self {
            status: Status::Missing,
            reason: String::new(),
            diverged_at_step: None,
            steps: None,
            epochs: f64::NAN,
            parameters: None,
            metrics: Metrics::default(),
            steps_to_target: None,
        }
    }
}

/// Ids of the runs that a table `runs.csv` has as finished; if the table has a fault, those before it.
pub fn finished(text: &[u8]) -> HashSet<String> {
    let mut reader = csv::Reader::from_reader(text);
    let header = reader.headers().cloned().unwrap_or_default();
    let column = |name: &str| header.iter().position(|column| column == name);
    let (Some(id), Some(status)) = (column("run_id"), column("status")) else { return HashSet::new() };
    let is_finished = |row: &csv::StringRecord| {
        [Status::Completed, Status::Diverged].iter().any(|end| row.get(status) == Some(end.name()))
    };
    let rows = reader.records().map_while(Result::ok).filter(is_finished);
    rows.filter_map(|row| row.get(id).map(str::to_owned)).collect()
}

/// Whether a run's own runs.csv tells other numbers than its record, which has no digest of its own in older folders. A table
/// of an older layout tells nothing.
pub fn contradicts(text: &[u8], run: &RunRecord) -> bool {
    let mut reader = csv::Reader::from_reader(text);
    let width = RunRow::TABLE.columns.len();
    let own = |cells: &csv::StringRecord| -> Vec<String> {
        cells.iter().skip(cells.len().saturating_sub(width)).map(str::to_owned).collect()
    };
    let has_its_columns = reader.headers().is_ok_and(|header| own(header) == RunRow::TABLE.columns);
    let row = reader.records().next().and_then(Result::ok).filter(|_| has_its_columns);
    let row = row.and_then(|row| RunRow::parse(&own(&row).iter().map(String::as_str).collect::<Vec<_>>()));
    let numbers = |row: &RunRow| (row.status, row.diverged_at_step, row.steps, row.parameters, row.metrics);
    row.is_some_and(|row| numbers(&row) != numbers(&RunRow::of(run, None)))
}

/// The columns before the metrics.
const BEFORE: [&str; 6] = ["status", "reason", "diverged_at_step", "steps", "epochs", "parameters"];
/// The metrics.
const METRICS: &[&str] = Metric::NAMES.split_at(Metric::FINAL.len()).0;
/// The columns after them.
const AFTER: [&str; 2] = [BEST_STEP, "steps_to_target"];

/// One list of columns after the other.
const fn concat<const N: usize>(lists: [&[&'static str]; 3]) -> [&'static str; N] {
    let (mut columns, mut list, mut i, mut column) = ([""; N], 0, 0, 0);
    while column < N {
        if i < lists[list].len() {
            columns[column] = lists[list][i];
            (i, column) = (i + 1, column + 1);
        } else {
            (list, i) = (list + 1, 0);
        }
    }
    columns
}

impl Row for RunRow {
    const TABLE: Table = Table {
        file: "runs.csv",
        columns: &concat::<{ BEFORE.len() + METRICS.len() + AFTER.len() }>([&BEFORE, METRICS, &AFTER]),
    };

    fn cells(&self) -> Vec<String> {
        let count = |x: Option<usize>| x.map(|x| x.to_string()).unwrap_or_default();
        let mut cells = vec![
            self.status.name().to_owned(),
            self.reason.clone(),
            count(self.diverged_at_step),
            count(self.steps),
            float(self.epochs),
            count(self.parameters),
        ];
        cells.extend(self.metrics.cells());
        cells.extend([count(self.metrics.best_validation_step), count(self.steps_to_target)]);
        cells
    }

    fn parse(cells: &[&str]) -> Option<Self> {
        let [status, reason, diverged, steps, epochs, parameters, scores @ .., best_step, to_target] = cells else {
            return None;
        };
        Some(Self {
            status: Status::ALL.into_iter().find(|known| known.name() == *status)?,
            reason: (*reason).to_owned(),
            diverged_at_step: optional(diverged)?,
            steps: optional(steps)?,
            epochs: number(epochs)?,
            parameters: optional(parameters)?,
            metrics: Metrics::parse(scores, optional(best_step)?)?,
            steps_to_target: optional(to_target)?,
        })
    }
}
