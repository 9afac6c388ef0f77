//! What is hard to bring about from outside: probes that share tables, and runs that change while tables are made of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::complete::{Options, complete};
use super::events::{Event, Events};
use super::execute::train_as;
use super::job::Job;
use crate::config::Experiment;
use crate::config::resolve::synthetic_facts;
use crate::data::Store;
use crate::files;
use crate::kernels::Scalar;
use crate::nn::Network;
use crate::plan::plan;
use crate::probe::Probe;
use crate::probe::activations::ActivationRow;
use crate::probe::gradients::GradientRow;
use crate::record::collect::{Making, collect};
use crate::record::damage;
use crate::record::experiment::ExperimentRecord;
use crate::record::found::Found;
use crate::record::layout::ExperimentFolder;
use crate::record::run::{RunRecord, Status};
use crate::table::{Row, Table};
use crate::train::{Batch, Observer};

/// Adds a row to each of its tables at every step, before the update and after it, and stops the run before `stop_at`.
#[derive(Debug)]
struct Fake {
    name: &'static str,
    tables: Vec<Table>,
    steps: Vec<(usize, &'static str)>,
    stop_at: usize,
    stop: Arc<AtomicBool>,
}

impl<F: Scalar> Observer<F> for Fake {
    fn state(&mut self, step: usize, _network: &Network<F>) -> anyhow::Result<()> {
        self.steps.push((step, "after"));
        self.stop.store(step == self.stop_at, Ordering::Relaxed);
        Ok(())
    }

    fn batch(&mut self, batch: &Batch<F>) -> anyhow::Result<()> {
        self.steps.push((batch.step, "before"));
        Ok(())
    }
}

impl<F: Scalar> Probe<F> for Fake {
    fn take_rows(&mut self, write: &mut dyn FnMut(Table, &[String])) {
        for (step, when) in self.steps.drain(..) {
            self.tables.iter().for_each(|table| write(*table, &[step.to_string(), when.into(), self.name.into()]));
        }
    }
}

struct Nobody;

impl Events for Nobody {
    fn tell(&self, _event: Event) {}
}

/// Trains a run in calls that are stopped before these steps, and then to its end. Returns its two tables.
fn tables_of_a_run(stops: &[usize], resume_every: Duration) -> [String; 2] {
    let text = r#"{"name": "t", "data": {"source": "spirals", "train": 40, "validation": 10, "test": 10},
        "model": {"kind": "mlp", "hidden": [3]}, "variants": ["bn"], "optimizer": {"kind": "adam", "lr": 0.1},
        "train": {"steps": 9, "batch_size": 10}, "seeds": 1}"#;
    let facts = |data: &_| Ok(synthetic_facts(data).expect("made-up data"));
    let experiment = Experiment::parse(text, &[], &facts).expect("an experiment");
    let plan = plan(&experiment).expect("a plan");
    let lab = tempfile::tempdir().expect("a folder");
    let (store, folder) = (Store::new("nowhere"), ExperimentFolder::at(lab.path()));
    let own = folder.run(&plan[0].id);
    files::make_folder(own.path()).expect("a folder");
    for stop_at in stops.iter().copied().chain([usize::MAX]) {
        let stop = Arc::new(AtomicBool::new(false));
        let (plan, trace, jobs, stop_all) = ([&plan[0]], false, 1, &*stop);
        let (experiment, store, folder) = (&experiment, &store, &folder);
        let job =
            Job { experiment, plan: &plan, missing: &plan, store, folder, jobs, trace, resume_every, stop: stop_all };
        let fake = |name, tables: &[Table]| {
            Box::new(Fake { name, tables: tables.to_vec(), steps: Vec::new(), stop_at, stop: stop.clone() })
        };
        let (activations, gradients) = (ActivationRow::TABLE, GradientRow::TABLE);
        let probes: Vec<Box<dyn Probe<f32>>> =
            vec![fake("two tables", &[gradients, activations]), fake("one table", &[activations])];
        let data = store.load(&experiment.points[0].settings.data, 0).expect("data");
        let record = train_as(&job, plan[0], &data, probes, &Nobody).expect("a record");
        let expected = if stop_at == usize::MAX { Status::Completed } else { Status::Interrupted };
        assert_eq!(record.status, expected);
    }
    let record = RunRecord::read(&own).expect("a record").expect("a record");
    assert_eq!(record.status, Status::Completed);
    let read = |file: &str| files::read_text(Path::new(&own.table(file))).expect("a table");
    ["gradients.csv", "activations.csv"].map(read)
}

#[test]
fn a_probe_fills_two_tables_and_two_probes_one_table_however_often_the_run_is_saved() {
    let whole = tables_of_a_run(&[], Duration::MAX);
    let [gradients, activations] = whole.clone();
    let of = |text: &str, name: &str| text.lines().filter(|row| row.ends_with(name)).count();
    // Ten states and nine minibatches.
    assert_eq!([of(&gradients, ",two tables"), of(&gradients, ",one table")], [19, 0]);
    assert_eq!([of(&activations, ",two tables"), of(&activations, ",one table")], [19, 19]);
    assert_eq!(tables_of_a_run(&[], Duration::ZERO), whole);
    assert_eq!(tables_of_a_run(&[2, 3, 7], Duration::MAX), whole);
}

/// An experiment of six runs, and its record.
fn trained(lab: &Path) -> (Experiment, ExperimentFolder, ExperimentRecord) {
    let text = r#"{"name": "t", "data": {"source": "spirals", "train": 40, "validation": 10, "test": 10},
        "model": {"kind": "mlp", "hidden": [3]}, "variants": ["bn"], "optimizer": {"kind": "sgd", "lr": 0.1},
        "train": {"steps": 3, "batch_size": 10}, "seeds": 6}"#;
    let facts = |data: &_| Ok(synthetic_facts(data).expect("made-up data"));
    let experiment = Experiment::parse(text, &[], &facts).expect("an experiment");
    train(&experiment, lab);
    let folder = ExperimentFolder::at(lab.join("t"));
    let record = ExperimentRecord::read(&folder).expect("a record");
    (experiment, folder, record)
}

fn train(experiment: &Experiment, out: &Path) {
    let (stop, resume_every) = (&AtomicBool::new(false), Duration::MAX);
    let options =
        Options { jobs: 1, shard: None, only: None, known: None, trace: false, resume_every, discard: None, stop };
    complete(experiment, &Store::new("nowhere"), out, &options, &Nobody).expect("trained");
}

fn statuses(folder: &ExperimentFolder) -> Vec<usize> {
    let text = files::read_text(&folder.table("runs.csv")).expect("a table");
    ["completed", "failed", "missing"].map(|status| text.matches(&format!(",{status},")).count()).to_vec()
}

/// As if another program trained while this one is between reading the runs and writing the tables.
#[test]
fn runs_that_end_after_they_were_read_are_in_the_next_tables() {
    let lab = tempfile::tempdir().expect("a folder");
    let (_, folder, record) = trained(lab.path());
    let later: Vec<_> = record.runs.iter().skip(3).map(|entry| folder.run(&entry.id).run_json()).collect();
    let kept: Vec<_> = later.iter().map(|path| files::read(path).expect("a record")).collect();
    later.iter().for_each(|path| files::remove(path).expect("removed"));
    let before = RunRecord::ended(&folder).expect("read");
    let mut making = Making::begin(&folder, &record).expect("begun");
    record.runs.iter().for_each(|entry| making.add(entry).expect("read"));
    later.iter().zip(&kept).for_each(|(path, bytes)| files::write_atomically(path, bytes).expect("written"));
    making.finish().expect("written");
    assert_eq!(statuses(&folder), [3, 0, 3]);
    let after = RunRecord::ended(&folder).expect("read");
    assert!(!collect(&folder, Some(&before), &|_| true).expect("tables").is_new, "as they were when they were read");
    assert!(
        collect(&folder, Some(&after), &|_| true).expect("tables").is_new,
        "the tables do not hold what came later"
    );
    assert_eq!(statuses(&folder), [6, 0, 0]);
    assert!(collect(&folder, Some(&before), &|_| true).expect("tables").is_new, "nor what was there before");
    assert_eq!(statuses(&folder), [6, 0, 0], "what is old decides nothing but whether they are made again");
    for known in [None, Some(&after)] {
        assert!(!collect(&folder, known, &|_| true).expect("tables").is_new);
    }
}

/// A run is found damaged, and another program trains it again before it is recorded as failed.
#[test]
fn a_run_that_is_trained_again_while_it_is_found_damaged_is_not_failed_for_ever() {
    let lab = tempfile::tempdir().expect("a folder");
    let (experiment, folder, record) = trained(lab.path());
    let own = folder.run(&record.runs[0].id);
    let sound = files::read(&own.table("curves.csv")).expect("a table");
    let mut damaged = sound.clone();
    damaged[sound.len() - 2] ^= 1;
    for is_held in [false, true] {
        files::write_atomically(&own.table("curves.csv"), &damaged).expect("written");
        files::remove(&folder.stamp()).expect("removed");
        // The other program is at the run: this one cannot record anything.
        let lock = is_held.then(|| files::try_lock(&own.lock()).expect("a lock"));
        assert_eq!(collect(&folder, None, &|_| true).expect("tables").damaged.len(), 1);
        assert_eq!(statuses(&folder), [5, 1, 0]);
        if is_held {
            files::write_atomically(&own.table("curves.csv"), &sound).expect("written");
        } else {
            train(&experiment, lab.path());
        }
        drop(lock);
        collect(&folder, None, &|_| true).expect("tables");
        assert_eq!(statuses(&folder), [6, 0, 0], "held: {is_held}");
    }
}

/// The same, between the moment when it was read and the moment when it would be recorded as failed.
#[test]
fn a_failure_is_not_written_over_a_run_that_was_trained_since() {
    let lab = tempfile::tempdir().expect("a folder");
    let (experiment, folder, record) = trained(lab.path());
    let own = folder.run(&record.runs[0].id);
    let seen = Found::at(&own).expect("read");
    let failed = seen.run.clone().expect("a record").failed("by hand".to_owned());
    files::remove(&own.run_json()).expect("removed");
    train(&experiment, lab.path());
    let again = files::read(&own.run_json()).expect("a record");
    // Another clock, another record.
    if Found::at(&own).expect("read") != seen {
        assert!(damage::record(&own, &seen, &failed).is_err());
        assert_eq!(files::read(&own.run_json()).expect("a record"), again);
    }
    let seen = Found::at(&own).expect("read");
    assert_ne!(damage::record(&own, &seen, &failed).expect("recorded"), seen);
}
