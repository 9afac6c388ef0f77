//! The tables of runs over training as figures with tags, such as `loss/validation/running_stats`: those over all channels.

use std::collections::HashSet;
use std::io::{Read, Seek};
use std::ops::RangeInclusive;

use anyhow::{Context, bail, ensure};

use crate::compare::planned::Planned;
use crate::compare::sheet::{self, Column, Number, Row, Sheet, Word};
use crate::files;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::record::tables;
use crate::table::Table;

/// Columns that say which figure a row is of; all others but the step and the epoch hold figures.
const KEYS: [&str; 8] = ["split", "mode", "block", "site", "channel", "tensor", "metric", "distance"];

/// Figures of one row that do not fall from one to the next.
const ORDERED: [&str; 5] = ["min", "p15", "p50", "p85", "max"];

/// A figure may lie so much beyond where it can be: the share of it that is lost in computing.
const ROUNDING: f64 = 1e-6;

/// The values that a figure can have, and the same in words.
fn range(name: &str) -> (RangeInclusive<f64>, &'static str) {
    match name {
        "accuracy" | "zero_fraction" | "saturated_fraction" => (0.0..=1.0, "from 0 to 1"),
        "mean_cosine" => (-1.0 - ROUNDING..=1.0 + ROUNDING, "from -1 to 1"),
        "loss" | "std" | "norm" | "value_norm" | "update_ratio" | "effective_rank" => {
            (0.0..=f64::INFINITY, "at least 0")
        }
        _ => (f64::NEG_INFINITY..=f64::INFINITY, "any number"),
    }
}

/// Whether a run can have written these figures in one row.
fn check<R>(row: &Row<R>, figures: &[(&'static str, Column<Number>)], values: &[Option<f64>]) -> anyhow::Result<()> {
    let mut below: Option<(&str, f64)> = None;
    for ((name, column), value) in figures.iter().zip(values) {
        let Some(x) = value else { continue };
        let (range, words) = range(name);
        ensure!(range.contains(x), "{}: it is {x}, and {name} is {words}", row.at(*column));
        if ORDERED.contains(name) {
            if let Some((other, least)) = below {
                let is_above = least - x > ROUNDING * (least.abs() + x.abs());
                ensure!(!is_above, "{}: it is {x}, below {other}, {least}", row.at(*column));
            }
            below = Some((name, *x));
        }
    }
    let of = |name: &str| {
        let place = figures.iter().position(|(other, _)| *other == name)?;
        Some((figures[place].1, values[place]?))
    };
    let (Some((_, min)), Some((_, max))) = (of("min"), of("max")) else { return Ok(()) };
    let slack = ROUNDING * (min.abs() + max.abs());
    if let Some((column, mean)) = of("mean") {
        let is_within = (min - slack..=max + slack).contains(&mean);
        ensure!(is_within, "{}: it is {mean}, and the values are from {min} to {max}", row.at(column));
    }
    if let Some((column, std)) = of("std") {
        let is_possible = 2.0 * std <= max - min + slack;
        ensure!(is_possible, "{}: it is {std}, and the values are from {min} to {max}", row.at(column));
    }
    Ok(())
}

/// The tables of an experiment that are there, each before its first row.
///
/// # Errors
/// If a table cannot be read.
pub fn tables(folder: &ExperimentFolder) -> anyhow::Result<Vec<Reader<impl Read + Seek>>> {
    let record = ExperimentRecord::read(folder)?;
    let mut found = Vec::new();
    for table in tables::filled() {
        if files::look(&folder.table(table.file))?.is_some() {
            found.push(Reader::new(sheet::open(folder, table)?, table, &record)?);
        }
    }
    Ok(found)
}

/// A row of a table: figures by their tags.
#[derive(Debug)]
pub struct Figures {
    id: String,
    /// The step.
    pub step: u64,
    /// Whether they are of curves.csv.
    pub is_curves: bool,
    /// Figures by their tags.
    pub figures: Vec<(String, f64)>,
}

/// A table that is read run by run, in the order of the plan.
pub struct Reader<R> {
    sheet: Sheet<R>,
    is_curves: bool,
    /// What tags begin with, if not with the figure's name.
    prefix: Option<String>,
    plan: Planned,
    step: Column<Number>,
    keys: Vec<(&'static str, Column<Word>)>,
    figures: Vec<(&'static str, Column<Number>)>,
    pending: Option<Figures>,
    /// The rows of the current run so far.
    seen: (String, HashSet<(u64, String)>),
}

impl<R: Read + Seek> Reader<R> {
    fn new(sheet: Sheet<R>, table: Table, record: &ExperimentRecord) -> anyhow::Result<Self> {
        let is_curves = table == tables::CURVES;
        let is_key = |name: &&&'static str| KEYS.contains(*name);
        let keys = table.columns.iter().filter(is_key).map(|name| Ok((*name, sheet.column(name)?)));
        let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
        let is_figure = |name: &&&'static str| !is_key(name) && !["step", "epoch"].contains(*name);
        let figures = table.columns.iter().filter(is_figure).map(|name| Ok((*name, sheet.column(name)?)));
        let figures = figures.collect::<anyhow::Result<Vec<_>>>()?;
        let prefix = table.file.strip_suffix(".csv").filter(|_| !is_curves).map(str::to_owned);
        let (plan, step) = (Planned::new(&sheet, record)?, sheet.column("step")?);
        let mut reader =
            Self { sheet, is_curves, prefix, plan, step, keys, figures, pending: None, seen: Default::default() };
        reader.advance()?;
        Ok(reader)
    }

    /// Reads on to the next row that is shown.
    fn advance(&mut self) -> anyhow::Result<()> {
        self.pending = None;
        while let Some(row) = self.sheet.next_row()? {
            let keys = self.keys.iter().map(|(name, column)| Ok((*name, row.get(*column)?)));
            let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
            let values = self.figures.iter().map(|(_, column)| row.get(*column));
            let values = values.collect::<anyhow::Result<Vec<Option<f64>>>>()?;
            check(&row, &self.figures, &values)?;
            if keys.iter().any(|(name, word)| *name == "channel" && *word != "all") {
                continue;
            }
            let words = keys.iter().filter(|(name, word)| *name != "channel" && !word.is_empty());
            let words: Vec<String> = words
                .map(|(name, word)| if *name == "block" { format!("block {word}") } else { (*word).to_owned() })
                .collect();
            let path = words.join("/");
            let tag = |name: &str| match &self.prefix {
                Some(prefix) => format!("{prefix}/{path}/{name}"),
                None => format!("{name}/{path}"),
            };
            let figures = self.figures.iter().zip(&values).map(|((name, _), value)| value.map(|x| (tag(name), x)));
            let figures: Vec<(String, f64)> = figures.flatten().collect();
            let step: Option<f64> = row.get(self.step)?;
            let step = step.filter(|step| *step >= 0.0 && step.fract() == 0.0 && *step < 1e15);
            let step = step.with_context(|| format!("{}: a step is a whole number from 0", row.at(self.step)))? as u64;
            let id = self.plan.id(&row)?.to_owned();
            if self.seen.0 != id {
                self.seen = (id.clone(), HashSet::new());
            }
            if !self.seen.1.insert((step, path)) {
                bail!("{}: the run has this row twice; `bn-exp collect` makes the table anew", row.at(self.step));
            }
            self.pending = Some(Figures { id, step, is_curves: self.is_curves, figures });
            break;
        }
        Ok(())
    }

    /// The next row, if it is of this run.
    ///
    /// # Errors
    /// If the table is damaged.
    pub fn next_of(&mut self, id: &str) -> anyhow::Result<Option<Figures>> {
        if self.pending.as_ref().is_none_or(|row| row.id != id) {
            return Ok(None);
        }
        let row = self.pending.take();
        self.advance()?;
        Ok(row)
    }

    /// Checks that no row is left.
    ///
    /// # Errors
    /// If one is.
    pub fn at_its_end(&self) -> anyhow::Result<()> {
        let left = self.pending.as_ref().map(|row| row.id.clone());
        let words = || {
            format!("{} is not in the order of the plan; `bn-exp collect` makes it anew", self.sheet.path().display())
        };
        left.map_or(Ok(()), |id| Err(anyhow::anyhow!("a row is of run {id}")).with_context(words))
    }
}
