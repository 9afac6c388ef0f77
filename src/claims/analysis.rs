//! What claims measure beside runs. Each has one table, made once and kept beside the runs as `<claim>.csv`.
//!
//! `<claim>.json` records what the table was made from, and its SHA-256. If either has changed, the table is made anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::evidence::{Arm, Cell};
use super::experiments::{experiment_of, folder_of};
use super::rates::Rates;
use super::regime::{Data, Regime, Schedule};
use super::sheet::Sheet;
use super::spread::spread;
use crate::config::{Experiment, Settings, Variant};
use crate::data::{Dataset, Store};
use crate::files;
use crate::kernels::{Scalar, simd};
use crate::nn::Network;
use crate::plan::NUMERICS_VERSION;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::RunFolder;
use crate::record::machine;
use crate::train::{Ending, Observer, State, initial, train};

/// Rows of a table, one cell a column.
pub type Rows = Vec<Vec<String>>;

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
    pub make: fn(&Bench) -> anyhow::Result<Rows>,
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
    /// Threads.
    pub jobs: usize,
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

/// A training that an analysis follows in memory: the same as the run's, step for step.
#[derive(Debug)]
pub struct Replay {
    /// How it is trained.
    pub settings: Settings,
    /// Its data.
    pub data: Arc<Dataset>,
    /// Its seed.
    pub seed: u64,
    variant: Variant,
}

impl Replay {
    /// The run of a cell at the rate chosen first; `None` if none was chosen.
    ///
    /// # Errors
    /// If the data is not there.
    pub fn of(bench: &Bench, cell: &Cell, seed: u64) -> anyhow::Result<Option<Self>> {
        cell.rates(bench.rates).first().map(|rate| Self::at(bench, cell, *rate, seed)).transpose()
    }

    /// The run of a cell at a rate.
    ///
    /// # Errors
    /// If the data is not there.
    pub fn at(bench: &Bench, cell: &Cell, rate: f64, seed: u64) -> anyhow::Result<Self> {
        let (settings, variant) = bench.settings(cell.arm.regime, cell.arm.schedule, cell.arm.name, rate)?;
        let data = bench.store.load(&settings.data, seed)?;
        Ok(Self { settings, data, seed, variant })
    }

    /// The network before the first step.
    ///
    /// # Errors
    /// If it cannot be built.
    pub fn begun<F: Scalar>(&self) -> anyhow::Result<Network<F>> {
        Ok(initial(&self.settings, &self.variant, &self.data, self.seed)?)
    }

    /// Trains for `steps` steps; `look` sees the network before the first and after each. Returns whether it came to the
    /// end.
    ///
    /// # Errors
    /// If it cannot be trained.
    pub fn train(
        &self,
        steps: usize,
        look: &mut dyn FnMut(usize, &Network<f32>),
        stop: &AtomicBool,
    ) -> anyhow::Result<bool> {
        struct Looking<'a>(&'a mut dyn FnMut(usize, &Network<f32>));
        impl Observer<f32> for Looking<'_> {
            fn state(&mut self, step: usize, network: &Network<f32>) -> anyhow::Result<()> {
                (self.0)(step, network);
                Ok(())
            }
        }
        self.watch(steps, &mut Looking(look), stop)
    }

    /// Trains for `steps` steps, watched. Returns whether it came to the end.
    ///
    /// # Errors
    /// If it cannot be trained, or whoever watches gives up.
    pub fn watch(&self, steps: usize, observer: &mut dyn Observer<f32>, stop: &AtomicBool) -> anyhow::Result<bool> {
        let mut settings = self.settings.clone();
        settings.train.steps = steps;
        let mut network = self.begun::<f32>()?;
        let mut state = State::new(&settings, &network);
        let ending = train(&mut network, &mut state, &settings, &self.data, self.seed, observer, stop)?;
        Ok(ending == Ending::Completed)
    }
}

/// The rows that `of` makes for each deciding seed, on as many threads as there are jobs.
///
/// # Errors
/// The first seed's error, if there is one; if it was asked to stop.
pub fn each_seed(bench: &Bench, of: &(dyn Fn(u64) -> anyhow::Result<Rows> + Sync)) -> anyhow::Result<Rows> {
    let found = spread(bench.seeds, bench.jobs, |seed| of(*seed));
    anyhow::ensure!(!bench.stop.load(Ordering::Relaxed), "interrupted; the same command continues");
    let rows: Vec<Rows> = found.into_iter().collect::<anyhow::Result<_>>()?;
    Ok(rows.concat())
}

/// What such an analysis depends on: the program's numbers, the data, the seeds, and the cells with their rates.
pub fn made_from_runs(bench: &Bench, cells: &[Cell]) -> Value {
    let of = |cell: &Cell| json!([cell.arm.name, cell.arm.regime, cell.rates(bench.rates).first()]);
    json!({ "program": machine::PROGRAM_VERSION, "numerics": NUMERICS_VERSION, "data": bench.data.name(),
        "seeds": bench.seeds, "simd": simd::level().name(), "runs": cells.iter().map(of).collect::<Vec<_>>() })
}

/// What a table was made from.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stamp {
    made_from: Value,
    sha256: String,
    /// What it took to make.
    seconds: f64,
}

/// The table of a claim, as it was kept or made anew, and the seconds that it took to make.
///
/// # Errors
/// If it cannot be made or written.
pub fn sheet(id: &str, analysis: &Analysis, bench: &Bench, tell: &dyn Fn(&str)) -> anyhow::Result<(Sheet, f64)> {
    let [table, stamp] = paths(bench.folder, id);
    let made_from = json!([analysis.columns, (analysis.made_from)(bench)]);
    if let Some(kept) = kept(&table, &stamp, &made_from)? {
        return Ok(kept);
    }
    refuse_foreign(&table, &stamp, analysis.columns)?;
    tell(&format!("measuring what {id} rests on"));
    let begun = Instant::now();
    let rows = (analysis.make)(bench).with_context(|| format!("measuring what {id} rests on"))?;
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(analysis.columns)?;
    rows.iter().try_for_each(|row| csv.write_record(row))?;
    let bytes = csv.into_inner().context("writing to memory cannot fail")?;
    files::make_folder(bench.folder)?;
    files::write_atomically(&table, &bytes)?;
    let seconds = begun.elapsed().as_secs_f64();
    let written = Stamp { made_from, sha256: files::sha256(&bytes), seconds };
    files::write_atomically(&stamp, (serde_json::to_string_pretty(&written)? + "\n").as_bytes())?;
    let columns = analysis.columns.iter().map(|column| (*column).to_owned()).collect();
    Ok((Sheet { columns, rows }, seconds))
}

/// Refuses to overwrite files of these names that this program did not write.
fn refuse_foreign(table: &Path, stamp: &Path, columns: &[&str]) -> anyhow::Result<()> {
    let is_stamp =
        |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value["made_from"].is_array());
    files::refuse_foreign(stamp, is_stamp)?;
    let known = files::read_if_there(stamp)?.and_then(|bytes| serde_json::from_slice::<Stamp>(&bytes).ok());
    // A table is ours if the stamp has its digest, whatever its columns, or if it has these columns: the program may have
    // been killed before it wrote the stamp.
    let is_table = |bytes: &[u8]| {
        let is_of_the_stamp = known.as_ref().is_some_and(|stamp| stamp.sha256 == files::sha256(bytes));
        is_of_the_stamp || bytes.starts_with((columns.join(",") + "\n").as_bytes())
    };
    files::refuse_foreign(table, is_table).map(drop)
}

fn paths(folder: &Path, id: &str) -> [PathBuf; 2] {
    [folder.join(format!("{id}.csv")), folder.join(format!("{id}.json"))]
}

/// The kept table, if it is whole and was made from the same inputs.
fn kept(table: &Path, stamp: &Path, made_from: &Value) -> anyhow::Result<Option<(Sheet, f64)>> {
    let (Some(bytes), Some(written)) = (files::read_if_there(table)?, files::read_if_there(stamp)?) else {
        return Ok(None);
    };
    let is_same = |written: &Stamp| written.made_from == *made_from && written.sha256 == files::sha256(&bytes);
    let Some(Stamp { seconds, .. }) = serde_json::from_slice(&written).ok().filter(is_same) else { return Ok(None) };
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let words = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let columns = words(reader.headers()?);
    let rows = reader.records().map(|row| row.map(|row| words(&row))).collect::<Result<_, _>>()?;
    Ok(Some((Sheet { columns, rows }, seconds)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::rates::{Chosen, Tuned};
    use super::super::tests::Nobody;
    use super::*;
    use crate::record::trained::{Trained, TrainedNetwork};
    use crate::runner::{Options, complete};

    #[test]
    fn a_table_of_anybody_elses_is_not_written_over_whatever_the_stamp_says() {
        let lab = tempfile::tempdir().expect("a folder");
        let [table, stamp] = paths(lab.path(), "x");
        let of = |bytes: &[u8]| Stamp { made_from: json!([1]), sha256: files::sha256(bytes), seconds: 0.0 };
        let written = |text: &str, made: &str| {
            files::write_atomically(&table, text.as_bytes()).expect("written");
            let stamped = serde_json::to_vec(&of(made.as_bytes())).expect("json");
            files::write_atomically(&stamp, &stamped).expect("written");
            refuse_foreign(&table, &stamp, &["a", "b"]).is_ok()
        };
        assert!(written("a,b\n1,2\n", "another"), "damaged, and ours by its header");
        assert!(written("a\n1\n", "a\n1\n"), "of a program with other columns");
        assert!(!written("junk\n", "a,b\n1,2\n"));
    }

    #[test]
    fn what_an_analysis_follows_is_the_run_itself_step_for_step() {
        let lab = tempfile::tempdir().expect("a folder");
        let (store, stop) = (Store::new("nowhere"), AtomicBool::new(false));
        let cell = Cell::own(Regime::Memorise, Schedule::Constant, "bn");
        let mut rates = Rates::default();
        let chosen = Chosen { best: 0.1, as_good: vec![0.2], tried: [0.01, 1.0] };
        let arms = BTreeMap::from([("bn".to_owned(), chosen)]);
        rates.0.entry(Regime::Memorise).or_default().insert(Schedule::Constant, Tuned { target: None, arms });
        let experiment = experiment_of(&cell.arm, Data::Glyphs, &store, &[0.1, 0.2], &[3]).expect("an experiment");
        let (resume_every, only) = (Duration::MAX, None);
        let options =
            Options { jobs: 1, shard: None, only, known: None, trace: false, resume_every, discard: None, stop: &stop };
        let out = folder_of(lab.path(), &cell.arm);
        let done = complete(&experiment, &store, out.path().parent().expect("a folder"), &options, &Nobody);
        assert_eq!(done.expect("trained").tally.finished, 2);
        let (data, seeds, regimes) = (Data::Glyphs, &[3][..], &[Regime::Memorise][..]);
        let bench =
            Bench { folder: lab.path(), data, store: &store, rates: &rates, seeds, regimes, jobs: 1, stop: &stop };
        let folder = bench.run_folder(&cell, 3).expect("a run");
        let TrainedNetwork::F32(trained) = Trained::load(&folder).expect("a network").network else {
            panic!("single precision")
        };
        let replay = Replay::of(&bench, &cell, 3).expect("data").expect("a rate");
        let mut last = Vec::new();
        let steps = Regime::Memorise.steps();
        let mut look = |step: usize, network: &Network<f32>| {
            if step == steps {
                last.clone_from(&network.parameters);
            }
        };
        assert!(replay.train(steps, &mut look, &stop).expect("trained"));
        assert!(!last.is_empty() && last == trained.parameters, "another training");
    }
}
