//! curves.csv: losses and accuracies over training.

use anyhow::Context;

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
}
