//! A probe may fill two tables, and two probes one table.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
