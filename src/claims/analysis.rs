//! What claims measure beside runs: a table each, made once and kept, `<claim>.csv` beside the runs.
//!
//! `<claim>.json` says what it was made from, and its SHA-256. It is made anew where either is another now.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evidence::{Arm, Cell, Sheet};
use super::experiments::{experiment_of, folder_of};
use super::rates::Rates;
use super::regime::{Data, Regime, Schedule};
use crate::config::{Experiment, Settings, Variant};
use crate::data::Store;
use crate::files;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::RunFolder;

/// How a claim makes its table.
#[derive(Debug)]
pub struct Analysis {
    /// The columns.
    pub columns: &'static [&'static str],
    /// Whether it is made before anything is trained, with nothing beside it.
    pub comes_first: bool,
    /// Everything that the table depends on.
    pub made_from: fn(&Bench) -> Value,
    /// Makes the rows.
    pub make: fn(&Bench) -> anyhow::Result<Vec<Vec<String>>>,
}

/// What an analysis may look at.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The folder of these data: `OUT/<data>`.
    pub folder: &'a Path,
    /// Which data.
    pub data: Data,
    /// The data.
    pub store: &'a Store,
    /// The rates.
    pub rates: &'a Rates,
    /// The seeds that decide.
    pub seeds: &'a [u64],
    /// The regimes that are looked at.
    pub regimes: &'a [Regime],
    /// Set to stop.
    pub stop: &'a AtomicBool,
}

impl Bench<'_> {
    /// Settings and variant of an arm at a rate.
    ///
    /// # Errors
    /// If the data is not there.
    pub fn settings(
        &self,
        regime: Regime,
        schedule: Schedule,
        arm: &'static str,
        rate: f64,
    ) -> anyhow::Result<(Settings, Variant)> {
        let arm = Arm { regime, schedule, name: arm };
        let Experiment { mut points, mut variants, .. } = experiment_of(&arm, self.data, self.store, &[rate], &[0])?;
        Ok((points.swap_remove(0).settings, variants.swap_remove(0)))
    }

    /// The folder of a run, if it is in the plan of its experiment.
    pub fn run_folder(&self, cell: &Cell, seed: u64) -> Option<RunFolder> {
        let rate = *cell.rates(self.rates).first()?;
        let folder = folder_of(self.folder, &cell.arm);
        let record = ExperimentRecord::read(&folder).ok()?;
        let is_meant = |value: &Value| value.as_f64() == Some(rate);
        let run = record.runs.iter().find(|run| run.seed == seed && run.values.first().is_some_and(is_meant))?;
        Some(folder.run(&run.id))
    }
}

/// What a table was made from.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stamp {
    made_from: Value,
    sha256: String,
}

/// The table of a claim: as it was kept, or made anew.
///
/// # Errors
/// If it cannot be made or written.
pub fn sheet(id: &str, analysis: &Analysis, bench: &Bench) -> anyhow::Result<Sheet> {
    let [table, stamp] = paths(bench.folder, id);
    let made_from = (analysis.made_from)(bench);
    if let Some(kept) = kept(&table, &stamp, &made_from)? {
        return Ok(kept);
    }
    let rows = (analysis.make)(bench).with_context(|| format!("measuring what {id} rests on"))?;
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(analysis.columns)?;
    rows.iter().try_for_each(|row| csv.write_record(row))?;
    let bytes = csv.into_inner().context("writing to memory cannot fail")?;
    files::make_folder(bench.folder)?;
    files::write_atomically(&table, &bytes)?;
    let written = Stamp { made_from, sha256: files::sha256(&bytes) };
    files::write_atomically(&stamp, (serde_json::to_string_pretty(&written)? + "\n").as_bytes())?;
    Ok(Sheet { columns: analysis.columns.iter().map(|column| (*column).to_owned()).collect(), rows })
}

fn paths(folder: &Path, id: &str) -> [PathBuf; 2] {
    [folder.join(format!("{id}.csv")), folder.join(format!("{id}.json"))]
}

/// A table that is whole and was made from the same.
fn kept(table: &Path, stamp: &Path, made_from: &Value) -> anyhow::Result<Option<Sheet>> {
    let (Some(bytes), Some(written)) = (files::read_if_there(table)?, files::read_if_there(stamp)?) else {
        return Ok(None);
    };
    let is_same = serde_json::from_slice(&written)
        .is_ok_and(|written: Stamp| written.made_from == *made_from && written.sha256 == files::sha256(&bytes));
    if !is_same {
        return Ok(None);
    }
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let words = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let columns = words(reader.headers()?);
    let rows = reader.records().map(|row| row.map(|row| words(&row))).collect::<Result<_, _>>()?;
    Ok(Some(Sheet { columns, rows }))
}
