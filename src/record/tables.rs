//! The tables of a run and their columns; those of the probes are in the probes' files.
//!
//! Each table starts with `run_id,variant,seed` and one column a sweep axis. Floats are the
//! shortest decimal that reads back the same; what is undefined or not finite is an empty cell.

use super::runs::RunRow;
use super::timing::TimingRow;
use crate::probe;
use crate::table::{Row, Table};
use crate::train::evaluate::CurveRow;

/// One row a run.
pub const RUNS: Table = RunRow::TABLE;

/// Losses and accuracies over training.
pub const CURVES: Table = CurveRow::TABLE;

/// What depends on clock and machine.
pub const TIMING: Table = TimingRow::TABLE;

/// The tables that a run's rows go to while it trains.
pub fn filled() -> impl Iterator<Item = Table> {
    [CURVES].into_iter().chain(probe::list::TABLES)
}

/// All tables, those of the probes between the rest.
pub fn all() -> impl Iterator<Item = Table> {
    [RUNS].into_iter().chain(filled()).chain([TIMING])
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

/// Rows of a table without their leading cells. Those depend on the sweep's axes, which may change while the run is
/// interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub table: Table,
    /// One line a row.
    pub text: Vec<u8>,
}

impl Rows {
    /// Without rows yet.
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
        // The leading cells as CSV, quoted where necessary; an empty cell behind them gives the comma.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Statistics;
    use crate::nn::stages::Site;
    use crate::probe::activations::ActivationRow;
    use crate::probe::activations::summary::Summary;
    use crate::probe::gradients::GradientRow;
    use crate::probe::landscape::LandscapeRow;
    use crate::record::metrics::Metrics;
    use crate::record::run::{Status, Timing};
    use crate::train::evaluate::{Part, Score};

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        let mut writer = Writer::new(CURVES, &["model.hidden".to_owned()]);
        writer.row(&["id".into(), "bn".into(), "0".into(), "[4,4]".into()], ["a \"b\"", "", "", "", "", ""]);
        let text = String::from_utf8(writer.into_bytes()).unwrap();
        let header = "run_id,variant,seed,model.hidden,step,epoch,split,mode,loss,accuracy";
        assert_eq!(text, format!("{header}\nid,bn,0,\"[4,4]\",\"a \"\"b\"\"\",,,,,\n"));
    }

    /// Every cell comes back, in its own column; a row with a cell too few is refused.
    fn comes_back<R: Row + PartialEq + std::fmt::Debug>(row: &R, seen: &mut Vec<&str>) {
        seen.push(R::TABLE.file);
        let cells = row.cells();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        assert_eq!(cells.len(), R::TABLE.columns.len(), "{}", R::TABLE.file);
        assert_eq!(R::parse(&cells).as_ref(), Some(row));
        assert_eq!(R::parse(&cells[1..]), None);
        assert_eq!(R::parse(&[&["x"], &cells[1..]].concat()), None);
        // A row that differs in one cell is another row.
        for place in 0..cells.len() {
            let mut other = cells.clone();
            other[place] = if other[place].is_empty() { "9" } else { "" };
            assert_ne!(R::parse(&other).as_ref(), Some(row), "{}", R::TABLE.columns[place]);
        }
    }

    #[test]
    fn rows_of_every_table_are_read_as_they_were_written() {
        let score = Score { loss: 0.1, accuracy: 0.2 };
        let statistics = Statistics::Running;
        let mut seen = Vec::new();
        comes_back(&CurveRow { step: 1, epoch: 0.5, part: Part::Validation, statistics, score }, &mut seen);
        let summary = Summary {
            mean: 0.1,
            std: 0.2,
            min: 0.3,
            p15: 0.4,
            p50: 0.5,
            p85: 0.6,
            max: 0.7,
            zero_fraction: 0.8,
            saturated_fraction: Some(0.9),
        };
        let place = |channel| ActivationRow {
            step: 1,
            block: 2,
            site: Site::Pool,
            channel,
            summary,
            effective_rank: Some(1.1),
            mean_cosine: Some(1.2),
        };
        comes_back(&place(Some(3)), &mut seen);
        comes_back(&ActivationRow { effective_rank: None, ..place(None) }, &mut seen);
        let (norm, mean, std, value_norm, update_ratio) = (0.1, 0.2, 0.3, 0.4, Some(0.5));
        let tensor = "norm_input";
        let row = GradientRow { step: 1, block: 2, tensor, norm, mean, std, value_norm, update_ratio };
        comes_back(&row, &mut seen);
        let row = LandscapeRow { step: 1, metric: "loss", distance: Some(0.5), value: Some(0.1) };
        comes_back(&row, &mut seen);
        comes_back(&LandscapeRow { metric: "prediction_error", distance: None, value: None, ..row }, &mut seen);
        let timing = Timing {
            train_seconds: 0.1,
            evaluate_seconds: 0.2,
            probe_seconds: 0.3,
            peak_rss_bytes: Some(4),
            started_at: "2026-01-01T00:00:00Z".into(),
            host: "here".into(),
            threads: 5,
        };
        let (simd, program_version) = ("portable".to_owned(), "0.1.0".to_owned());
        let row = RunRow {
            status: Status::Failed,
            reason: "a, \"b\"".to_owned(),
            diverged_at_step: Some(11),
            steps: Some(12),
            epochs: 0.25,
            parameters: Some(13),
            metrics: Metrics::new(|metric| Some(metric.name.len() as f64 + 0.5), Some(14)),
            steps_to_target: Some(15),
        };
        comes_back(&row, &mut seen);
        comes_back(&TimingRow { steps: 6, timing, us_per_step: Some(0.7), simd, program_version }, &mut seen);
        assert!(all().all(|table| seen.contains(&table.file)), "a table has no row here: {seen:?}");
    }
}
