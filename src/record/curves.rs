//! curves.csv: losses and accuracies over training.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};

use anyhow::Context;

use super::layout::ExperimentFolder;
use crate::files;
use crate::nn::Statistics;
use crate::table::{Row, Table, float, number};
use crate::train::evaluate::{CurveRow, Part, Score};

impl Row for CurveRow {
    const TABLE: Table = Table { file: "curves.csv", columns: &["step", "epoch", "split", "mode", "loss", "accuracy"] };

    fn cells(&self) -> Vec<String> {
        vec![
            self.step.to_string(),
            float(self.epoch),
            self.part.name().to_owned(),
            self.statistics.mode().to_owned(),
            float(self.score.loss),
            float(self.score.accuracy),
        ]
    }

    fn parse(cells: &[&str]) -> Option<Self> {
        let &[step, epoch, split, of, loss, accuracy] = cells else { return None };
        let parts = [Part::Batch, Part::Train, Part::Validation, Part::Test];
        Some(Self {
            step: step.parse().ok()?,
            epoch: number(epoch)?,
            part: parts.into_iter().find(|part| part.name() == split)?,
            statistics: Statistics::ALL.into_iter().find(|statistics| statistics.mode() == of)?,
            score: Score { loss: number(loss)?, accuracy: number(accuracy)? },
        })
    }
}

/// The step of the first row of the validation split, under running statistics, whose accuracy reaches the target.
///
/// # Errors
/// If a line has too few cells, or one of those rows a cell that does not fit.
pub fn first_reaching(text: &str, target: f64) -> anyhow::Result<Option<usize>> {
    for line in text.lines() {
        if let Some(row) = validation(line, Statistics::Running)?.filter(|row| row.score.accuracy >= target) {
            return Ok(Some(row.step));
        }
    }
    Ok(None)
}

/// How the runs of an experiment came to the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrivals {
    /// For each run that was evaluated under running statistics: the step of the first such evaluation that reaches it.
    pub under_running: HashMap<String, Option<usize>>,
    /// For each run that was evaluated under batch statistics: the step of the first such evaluation that reaches it.
    pub under_batch: HashMap<String, Option<usize>>,
    /// The most steps between the evaluation that first reaches it, under running statistics, and the one before: no time
    /// to the target is more exact. `None` if no run arrives after an earlier evaluation.
    pub widest_gap: Option<usize>,
}

/// Reads the root table; nothing without one.
///
/// # Errors
/// As [`first_reaching`]; if the system cannot read the table.
pub fn arrivals(folder: &ExperimentFolder, target: f64) -> anyhow::Result<Arrivals> {
    let path = folder.table(CurveRow::TABLE.file);
    if files::look(&path)?.is_none() {
        return Ok(Arrivals::default());
    }
    read_arrivals(BufReader::new(files::open(&path)?), target).with_context(|| path.display().to_string())
}

fn read_arrivals(table: impl BufRead, target: f64) -> anyhow::Result<Arrivals> {
    let mut arrivals = Arrivals::default();
    // For each run, the step of its latest evaluation.
    let mut latest: HashMap<String, usize> = HashMap::new();
    for line in table.lines() {
        let line = line.context("cannot read it")?;
        let Some(id) = line.split(',').next() else { continue };
        // An accuracy that is not known is none that arrives.
        let arrival = |row: &CurveRow| (row.score.accuracy >= target).then_some(row.step);
        if let Some(row) = validation(&line, Statistics::Batch)? {
            let first = arrivals.under_batch.entry(id.to_owned()).or_default();
            *first = first.or(arrival(&row));
        } else if let Some(row) = validation(&line, Statistics::Running)? {
            let first = arrivals.under_running.entry(id.to_owned()).or_default();
            if first.is_some() {
                continue;
            }
            *first = arrival(&row);
            let before = latest.insert(id.to_owned(), row.step);
            let gap = before.and_then(|before| row.step.checked_sub(before)).filter(|_| first.is_some());
            arrivals.widest_gap = arrivals.widest_gap.max(gap);
        }
    }
    Ok(arrivals)
}

/// Parses a line if it is a row of the validation split under these statistics, else `None`. There may be millions of
/// lines: few of them are parsed.
fn validation(line: &str, statistics: Statistics) -> anyhow::Result<Option<CurveRow>> {
    const WIDTH: usize = CurveRow::TABLE.columns.len();
    let column = |name| CurveRow::TABLE.columns.iter().position(|known| *known == name).context("no such column");
    let (split, of) = (column("split")?, column("mode")?);
    let cells: [&str; WIDTH] = CurveRow::TABLE.own_cells(line).context("a row has too few cells")?;
    if cells[split] != Part::Validation.name() || cells[of] != statistics.mode() {
        return Ok(None);
    }
    let row = CurveRow::parse(&cells).with_context(|| format!("{line:?} is not a row of the validation split"))?;
    Ok(Some(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_looked_for_in_the_right_rows_and_columns() {
        let header = "run_id,variant,seed,model.hidden,step,epoch,split,mode,loss,accuracy\n";
        let row = |cells: &str| format!("a,bn,0,\"[4,4]\",{cells}\n");
        let other = ["0,0.0,train,running_stats,0.1,0.9", "5,0.5,validation,batch_stats,0.1,0.9"].map(row).concat();
        let low = row("5,0.5,validation,running_stats,0.9,0.4");
        let reached = row("6,0.6,validation,running_stats,0.1,0.5");
        assert_eq!(first_reaching(&[header, &other, &low].concat(), 0.5).unwrap(), None);
        assert_eq!(first_reaching(&[header, &other, &low, &reached].concat(), 0.5).unwrap(), Some(6));
        // Words of another column, in the leading cells.
        let misleading = "x,validation,running_stats,1,0.9,7,0.7,train,running_stats,0.1,0.9\n";
        assert_eq!(first_reaching(misleading, 0.5).unwrap(), None);
        for damaged in ["6,0.6,validation,running_stats,0.1,high", "x,0.6,validation,running_stats,0.1,0.5"] {
            assert!(first_reaching(&row(damaged), 0.5).is_err(), "{damaged}");
        }
        assert!(first_reaching("a,bn\n", 0.5).is_err());
    }

    #[test]
    fn a_time_is_known_as_well_as_the_evaluation_before_it_allows() {
        let table = |rows: &[(&str, usize, &str, f64)]| {
            let line = |(id, step, mode, accuracy): &(&str, usize, &str, f64)| {
                format!("{id},bn,0,{step},0.5,validation,{mode},0.1,{accuracy}\n")
            };
            format!(
                "run_id,variant,seed,step,epoch,split,mode,loss,accuracy\n{}",
                rows.iter().map(line).collect::<String>()
            )
        };
        let gap = |rows: &[_]| read_arrivals(table(rows).as_bytes(), 0.5).unwrap().widest_gap;
        let (running, batch) = ("running_stats", "batch_stats");
        // Rows after the arrival do not count, nor do other statistics; of two runs the wider gap counts.
        let a = [("a", 0, running, 0.1), ("a", 10, running, 0.2), ("a", 13, running, 0.6), ("a", 90, running, 0.1)];
        assert_eq!(gap(&a), Some(3));
        let b = [("b", 0, running, 0.1), ("b", 2, batch, 0.1), ("b", 4, batch, 0.9), ("b", 7, running, 0.5)];
        assert_eq!(gap(&[a, b].concat()), Some(7));
        assert_eq!(gap(&[("c", 0, running, 0.9), ("c", 5, running, 0.1), ("c", 6, running, 0.9)]), None);
        assert_eq!(gap(&[("d", 0, running, 0.1), ("d", 5, running, 0.1)]), None);
        let arrivals = read_arrivals(table(&[a, b].concat()).as_bytes(), 0.5).unwrap();
        assert_eq!(arrivals.under_batch, HashMap::from([("b".to_owned(), Some(4))]));
        let steps = [("a".to_owned(), Some(13)), ("b".to_owned(), Some(7))];
        assert_eq!(arrivals.under_running, HashMap::from(steps));
    }
}
