//! The experiments that claims rest on: lists them, trains what is missing, reads what there is.
//!
//! Each regime, schedule and arm is an ordinary experiment, `OUT/<data>/<regime>[-cosine]/<arm>`, trained and resumed by
//! [`crate::runner::complete()`]. A run that two claims need is one run. No run is ever dropped: an experiment that has other
//! seeds or rates keeps them in its plan, and only what is asked for is trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::analysis::{Bench, sheet};
use super::claim::Claim;
use super::evidence::{Arm, ByRate, Cell, Evidence};
use super::experiments::{experiment_of, folder_of};
use super::list;
use super::rates::Rates;
use super::reading;
use super::regime::{Data, Regime};
use super::spread::spread;
use crate::config::Experiment;
use crate::config::cost::Operations;
use crate::data::Store;
use crate::files;
use crate::plan::{PlannedRun, Shard, plan};
use crate::record::experiment::ExperimentRecord;
use crate::record::found::Ended;
use crate::record::layout::ExperimentFolder;
use crate::record::run::RunRecord;
use crate::runner::{Done, Events, Options, complete};

/// What is asked for, and where it lives.
#[derive(Debug)]
pub struct Suite<'a> {
    /// The claims, each with the regimes that it is tried in.
    pub claims: Vec<(&'static Claim, Vec<Regime>)>,
    /// Which data.
    pub data: Data,
    /// The data.
    pub store: &'a Store,
    /// The folder of these data: `OUT/<data>`.
    pub folder: PathBuf,
    /// The seeds that decide.
    pub seeds: Vec<u64>,
    /// What was chosen beforehand.
    pub rates: Rates,
    /// Runs at once.
    pub jobs: usize,
    /// Only this part of each experiment.
    pub shard: Option<Shard>,
    /// Set to stop.
    pub stop: &'a AtomicBool,
}

/// An experiment of the suite, and which part of it is asked for.
#[derive(Debug)]
pub struct Part {
    /// The arm.
    pub arm: Arm,
    /// Its experiment.
    pub experiment: Experiment,
    /// The rates that are asked for.
    pub rates: Vec<f64>,
    /// Runs asked for that are not finished.
    pub missing: usize,
    /// Its runs that had ended.
    ended: Ended,
    /// What one of them costs, in multiply-adds.
    pub cost: f64,
}

impl Suite<'_> {
    /// The experiments, in the order in which they are trained.
    ///
    /// # Errors
    /// If the data is missing, or a folder cannot be read.
    pub fn parts(&self) -> anyhow::Result<Vec<Part>> {
        let mut wanted: BTreeMap<Arm, Vec<f64>> = BTreeMap::new();
        for (claim, regimes) in &self.claims {
            for cell in regimes.iter().flat_map(|regime| (claim.cells)(*regime)) {
                wanted.entry(cell.arm).or_default().extend(cell.rates(&self.rates));
            }
        }
        let wanted: Vec<(Arm, Vec<f64>)> = wanted.into_iter().filter(|(_, rates)| !rates.is_empty()).collect();
        spread(&wanted, self.jobs, |(arm, rates)| self.part(*arm, rates)).into_iter().collect()
    }

    /// One arm at some rates.
    ///
    /// # Errors
    /// As [`Suite::parts`].
    pub fn part(&self, arm: Arm, rates: &[f64]) -> anyhow::Result<Part> {
        let mut rates = rates.to_vec();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let folder = folder_of(&self.folder, &arm);
        let (all_rates, all_seeds) = with_recorded(&folder, &rates, &self.seeds)?;
        let experiment = experiment_of(&arm, self.data, self.store, &all_rates, &all_seeds)?;
        let ended = RunRecord::ended(&folder)?;
        let asked = asked(&experiment, &rates, &self.seeds);
        let runs = plan(&experiment)?;
        let is_mine = |place: usize| self.shard.is_none_or(|shard| shard.has(place));
        let open =
            |(place, run): &(usize, &PlannedRun)| asked(run) && is_mine(*place) && !ended.finished.contains(&run.id);
        let missing = runs.iter().enumerate().filter(open).count();
        drop(asked);
        let cost = Operations::total(&experiment.points[0].settings);
        Ok(Part { arm, experiment, rates, missing, ended, cost })
    }

    /// Trains the missing runs of an experiment, and makes its tables. Waits for runs that another program is training.
    ///
    /// # Errors
    /// Those of [`complete()`].
    pub fn train(&self, part: &Part, events: &dyn Events) -> anyhow::Result<Done> {
        let asked = asked(&part.experiment, &part.rates, &self.seeds);
        let options = Options {
            jobs: self.jobs,
            shard: self.shard,
            only: Some(&asked),
            known: Some(&part.ended).filter(|_| part.missing == 0),
            trace: false,
            resume_every: Duration::from_secs(30),
            discard: None,
            stop: self.stop,
        };
        let folder = folder_of(&self.folder, &part.arm);
        let out = folder.path().parent().unwrap_or(Path::new("."));
        loop {
            let done = complete(&part.experiment, self.store, out, &options, events);
            let done = done.with_context(|| format!("training {}", folder.path().display()))?;
            if done.tally.elsewhere == 0 || self.stop.load(Ordering::Relaxed) || self.shard.is_some() {
                return Ok(done);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// The analyses that come before or after training, as kept or made now; with the seconds that each took.
    ///
    /// # Errors
    /// If one cannot be made.
    pub fn analyse(
        &self,
        first: bool,
        evidence: &mut Evidence,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<BTreeMap<&'static str, f64>> {
        let mut took = BTreeMap::new();
        for claim in list::ALL {
            let Some(analysis) = claim.analysis.as_ref().filter(|analysis| analysis.comes_first == first) else {
                continue;
            };
            let readers =
                || self.claims.iter().filter(|(other, _)| other.id == claim.id || other.reads.contains(&claim.id));
            let mut regimes: Vec<Regime> = readers().flat_map(|(_, regimes)| regimes.clone()).collect();
            regimes.sort_unstable();
            regimes.dedup();
            if readers().next().is_some() {
                let Self { folder, data, store, rates, seeds, stop, jobs, .. } = self;
                let (data, jobs, regimes) = (*data, *jobs, &regimes[..]);
                let bench = Bench { folder, data, store, rates, seeds, regimes, jobs, stop };
                let (sheet, seconds) = sheet(claim.id, analysis, &bench, tell)?;
                evidence.sheets.insert(claim.id, sheet);
                took.insert(claim.id, seconds);
            }
        }
        Ok(took)
    }

    /// Reads an experiment's tables: the runs asked for, and the seconds that they took.
    ///
    /// # Errors
    /// If a table is missing or damaged.
    pub fn read(&self, part: &Part) -> anyhow::Result<(ByRate, f64)> {
        let folder = folder_of(&self.folder, &part.arm);
        let mut claims = self.claims.iter().filter(|(claim, _)| claim.reads_activations);
        let is_looked_at = claims.any(|(claim, _)| self.arms_of(claim).contains(&part.arm));
        reading::read(&folder, part.arm.regime.steps(), &part.rates, &self.seeds, is_looked_at)
    }

    /// The experiments whose runs a claim takes.
    pub fn arms_of(&self, claim: &Claim) -> Vec<Arm> {
        let regimes = self.claims.iter().filter(|(other, _)| other.id == claim.id).flat_map(|(_, regimes)| regimes);
        let mut arms: Vec<Arm> = regimes.flat_map(|r| (claim.cells)(*r)).map(|cell: Cell| cell.arm).collect();
        arms.sort_unstable();
        arms.dedup();
        arms
    }
}

/// These rates and seeds, and those that the experiment has already.
fn with_recorded(folder: &ExperimentFolder, rates: &[f64], seeds: &[u64]) -> anyhow::Result<(Vec<f64>, Vec<u64>)> {
    let (mut rates, mut seeds) = (rates.to_vec(), seeds.to_vec());
    if files::look(&folder.experiment_json())?.is_some() {
        let record = ExperimentRecord::read(folder)?;
        rates.extend(record.runs.iter().filter_map(|run| run.values.first()?.as_f64()));
        seeds.extend(record.runs.iter().map(|run| run.seed));
    }
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    seeds.sort_unstable();
    seeds.dedup();
    Ok((rates, seeds))
}

/// Whether a run is at one of these rates, with one of these seeds.
fn asked<'a>(
    experiment: &'a Experiment,
    rates: &'a [f64],
    seeds: &'a [u64],
) -> impl Fn(&PlannedRun) -> bool + Sync + 'a {
    move |run| {
        let rate = experiment.points[run.point].values.first().and_then(Value::as_f64);
        rate.is_some_and(|rate| rates.contains(&rate)) && seeds.contains(&run.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::regime::Schedule;
    use super::super::tests::Nobody;
    use super::*;
    use crate::nn::stages::Site;

    #[test]
    fn every_configuration_of_every_claim_is_valid() {
        let store = Store::new("nowhere");
        for claim in list::ALL {
            for cell in claim.regimes.iter().flat_map(|regime| (claim.cells)(*regime)) {
                let arm = cell.arm;
                let experiment = experiment_of(&arm, Data::Glyphs, &store, &[0.1, 0.2], &[3, 4]).expect("valid");
                assert_eq!((experiment.seeds.len(), experiment.points.len()), (2, 2), "{arm:?}");
                let settings = &experiment.points[0].settings;
                assert_eq!(settings.train.steps, arm.regime.steps(), "{arm:?}");
                let is_constant = arm.schedule == Schedule::Constant;
                assert_eq!(settings.data.validation == 1000, is_constant, "{arm:?}");
            }
        }
    }

    /// The cells of the rows of a table in which some columns hold these words.
    fn cells(text: &str, words: &[(&str, &str)], wanted: &[&str]) -> Vec<Vec<f64>> {
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().expect("a header");
        let at = |name: &str| header.iter().position(|column| *column == name).expect("a column");
        let is_meant = |row: &Vec<&str>| words.iter().all(|(column, word)| row[at(column)] == *word);
        let numbers = |row: Vec<&str>| wanted.iter().map(|name| row[at(name)].parse().expect("a number")).collect();
        lines.filter(is_meant).map(numbers).collect()
    }

    #[test]
    fn runs_are_read_as_the_tables_have_them() {
        let text = r#"{"name": "bn", "data": {"source": "gaussians", "train": 40, "validation": 20, "test": 20},
            "model": {"kind": "mlp", "hidden": [3, 4]}, "variants": ["bn"], "optimizer": {"kind": "sgd", "lr": 0.1},
            "train": {"steps": 12, "batch_size": 10}, "seeds": [5, 7, 8], "sweep": {"optimizer.lr": [0.1, 0.3]},
            "log": {"evaluate_every": [3, 6], "activations_every": [0, 12]}}"#;
        let store = Store::new("nowhere");
        let experiment = Experiment::parse(text, &[], &|data| Ok(store.facts(data)?)).expect("an experiment");
        let lab = tempfile::tempdir().expect("a folder");
        let stop = AtomicBool::new(false);
        let wanted = asked(&experiment, &[0.1, 0.3], &[5, 7]);
        let (resume_every, only) = (Duration::MAX, Some(&wanted as crate::runner::complete::Wanted));
        let options =
            Options { jobs: 1, shard: None, only, known: None, trace: false, resume_every, discard: None, stop: &stop };
        let done = complete(&experiment, &store, lab.path(), &options, &Nobody).expect("trained");
        assert_eq!((done.tally.finished, done.tally.total()), (4, 4), "seed 8 was not asked for");
        let (found, seconds) = reading::read(&done.folder, 12, &[0.3], &[7], true).expect("read");
        assert_eq!(found.values().map(Vec::len).collect::<Vec<_>>(), [1]);
        assert!(seconds > 0.0 && found.contains_key(&0.3f64.to_bits()));
        let run = &found[&0.3f64.to_bits()][0];
        let table = |name: &str| files::read_text(&done.folder.table(name)).expect("a table");
        let own = [("seed", "7"), ("optimizer.lr", "0.3")];
        let of = |more: &[(&'static str, &'static str)]| [&own[..], more].concat();
        let pairs = |rows: Vec<Vec<f64>>| rows.iter().map(|row| (row[0] as usize, row[1])).collect::<Vec<_>>();
        let curves = table("curves.csv");
        let validation = of(&[("split", "validation"), ("mode", "running_stats")]);
        assert_eq!(run.validation, pairs(cells(&curves, &validation, &["step", "accuracy"])));
        assert_eq!(run.validation.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [0, 3, 6, 12]);
        let training = of(&[("split", "train"), ("mode", "running_stats")]);
        assert_eq!(run.learning, pairs(cells(&curves, &training, &["step", "accuracy"])));
        let scores = ["train_accuracy_population", "validation_accuracy_population", "test_accuracy_population"];
        let row = cells(&table("runs.csv"), &own, &scores).remove(0);
        let read = [run.train_accuracy, run.validation_accuracy, run.test_accuracy];
        assert_eq!(read, [Some(row[0]), Some(row[1]), Some(row[2])]);
        // Channel 2 of block 1, before and after.
        let place = |step: &'static str, site: &'static str| {
            let words = of(&[("step", step), ("block", "1"), ("site", site), ("channel", "2")]);
            cells(&table("activations.csv"), &words, &["mean", "std"]).remove(0)
        };
        for (site, word) in [(Site::NormInput, "norm_input"), (Site::NormOutput, "norm_output")] {
            let drift =
                run.drift.iter().filter(|drift| (drift.site, drift.block) == (site, 1)).nth(2).expect("a channel");
            assert_eq!((drift.before.to_vec(), drift.after.to_vec()), (place("0", word), place("12", word)), "{word}");
        }
        assert_eq!(run.drift.len(), 2 * (3 + 4));
        // More is added to what is there, and nothing dropped.
        let (rates, seeds) = with_recorded(&done.folder, &[0.5], &[9]).expect("read");
        assert_eq!((rates, seeds), (vec![0.1, 0.3, 0.5], vec![5, 7, 8, 9]));
    }
}
