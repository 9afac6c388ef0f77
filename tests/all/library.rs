//! The program as a library: an experiment trained by one call, and a network read from a run's folder.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{Lab, assert_same_files, small, unsigned, with};
use bn_exp::config::settings::Precision;
use bn_exp::config::{ConfigError, Experiment, Settings, Shape};
use bn_exp::data::Store;
use bn_exp::kernels::Scalar;
use bn_exp::nn::{Network, Statistics};
use bn_exp::plan::Shard;
use bn_exp::record::collect::collect;
use bn_exp::record::layout::{ExperimentFolder, RunFolder};
use bn_exp::record::run::{RunRecord, Status};
use bn_exp::record::trained::{Trained, TrainedNetwork};
use bn_exp::runner::{Done, Event, Events, Options, complete};
use bn_exp::train::evaluate::{Evaluator, Part};
use serde_json::{Value, json};

/// Writes down what it is told, and stops everything at the first event of a kind.
#[derive(Default)]
struct Listener {
    told: Mutex<Vec<String>>,
    stop_at: Option<&'static str>,
    stop: AtomicBool,
}

impl Events for Listener {
    fn tell(&self, event: Event) {
        let word = match event {
            Event::Begun { total, missing, .. } => format!("begun {total} {}", missing.len()),
            Event::Started { run, .. } => format!("started {}", run.id),
            Event::Step { .. } => "step".to_owned(),
            Event::Ended { run, record } => {
                format!("{} {}", record.map_or("nothing", |record| record.status.name()), run.id)
            }
            Event::Trained(tally) => format!("trained {}", tally.finished),
            Event::Damaged { id, .. } => format!("damaged {id}"),
            Event::Retrying(runs) => format!("retrying {}", runs.len()),
            Event::Waiting => "waiting".to_owned(),
            Event::Warning(text) => format!("warning {text}"),
        };
        if self.stop_at.is_some_and(|kind| word.starts_with(kind)) {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.told.lock().expect("a lock").push(word);
    }
}

impl Listener {
    fn stopping_at(kind: &'static str) -> Self {
        Self { stop_at: Some(kind), ..Self::default() }
    }

    fn told(&self, kind: &str) -> usize {
        self.told.lock().expect("a lock").iter().filter(|word| word.starts_with(kind)).count()
    }
}

fn experiment(config: &Value) -> Experiment {
    let store = Store::new("nowhere");
    Experiment::parse(&config.to_string(), &[], &|data| Ok(store.facts(data)?)).expect("an experiment")
}

fn call(config: &Value, lab: &Lab, shard: Option<Shard>, events: &Listener) -> Done {
    let (jobs, trace, resume_every, discard) = (2, false, Duration::from_secs(30), None);
    let options = Options { jobs, shard, only: None, known: None, trace, resume_every, discard, stop: &events.stop };
    let store = Store::new("nowhere");
    complete(&experiment(config), &store, &lab.path("results"), &options, events).expect("it is trained")
}

#[test]
fn an_experiment_is_trained_by_one_call_that_tells_what_happens() {
    let (config, lab, listener) = (small(), Lab::new(), Listener::default());
    let done = call(&config, &lab, None, &listener);
    assert_eq!((done.tally.finished, done.tally.total(), done.is_interrupted), (6, 6, false));
    assert!(done.tables.is_ok_and(|update| update.is_new && update.damaged.is_empty()));
    assert_eq!(done.folder.path(), lab.path("results/t"));
    let told = |kind| listener.told(kind);
    assert_eq!([told("begun 6 6"), told("started"), told("completed"), told("trained 6")], [1, 6, 6, 1]);

    let again = Listener::default();
    let done = call(&config, &lab, None, &again);
    assert_eq!((done.tally.already_finished, done.tally.finished), (6, 0));
    assert!(done.tables.is_ok_and(|update| !update.is_new));
    assert_eq!(*again.told.lock().expect("a lock"), ["begun 6 0", "trained 0"]);

    // What the program itself writes.
    let other = Lab::new();
    other.run(&config, &[]).expect(0);
    assert_same_files(&lab.reproducible("results"), &other.reproducible("results"));
}

#[test]
fn a_call_that_is_stopped_or_does_a_shard_is_continued_by_the_next() {
    let config = with(with(small(), "train.steps", json!(20_000)), "model.hidden", json!([16, 16]));
    let config = with(with(config, "seeds", json!(1)), "log", json!({}));
    let (straight, lab) = (Lab::new(), Lab::new());
    call(&config, &straight, None, &Listener::default());
    let stopped = call(&config, &lab, None, &Listener::stopping_at("step"));
    assert!(stopped.is_interrupted && stopped.tally.left > 0, "{stopped:?}");
    assert!(stopped.tables.is_ok());
    let saved = lab.files("results").into_keys().filter(|path| path.ends_with("resume.safetensors"));
    assert!(saved.count() > 0, "nothing was saved");
    // The tables wait for a call that is for the whole plan.
    std::fs::remove_file(lab.path("results/t/runs.csv")).expect("removed");
    for i in 1..=2 {
        let done = call(&config, &lab, Shard::new(i, 2), &Listener::default());
        assert_eq!((done.tally.left, done.is_interrupted), (0, false));
        assert!(!lab.path("results/t/runs.csv").exists());
    }
    assert_eq!(call(&config, &lab, None, &Listener::default()).tally.already_finished, 3);
    assert_same_files(&lab.reproducible("results"), &straight.reproducible("results"));
}

/// As by a signal while the tables are made: they are made to their end, and that it was asked to stop is not forgotten.
#[test]
fn a_call_that_is_asked_to_stop_after_training_says_so_and_its_tables_are_whole() {
    let (straight, lab) = (Lab::new(), Lab::new());
    call(&small(), &straight, None, &Listener::default());
    let stopped = call(&small(), &lab, None, &Listener::stopping_at("trained"));
    assert!(stopped.is_interrupted && stopped.tally.left == 0 && stopped.tables.is_ok(), "{stopped:?}");
    assert_same_files(&lab.reproducible("results"), &straight.reproducible("results"));
}

#[test]
fn what_fails_or_is_damaged_is_told_and_tried_again() {
    let (config, lab) = (small(), Lab::new());
    call(&config, &lab, None, &Listener::default());
    let id = &lab.runs("t")[0];
    let path = lab.path(format!("results/t/runs/{id}/curves.csv"));
    let text = std::fs::read_to_string(&path).expect("a table");
    std::fs::write(&path, text.replacen("0.", "9.", 1)).expect("written");
    std::fs::remove_file(lab.path("results/t/.tables.json")).expect("removed");
    let listener = Listener::default();
    let done = call(&config, &lab, None, &listener);
    assert_eq!(done.tables.expect("tables").damaged.len(), 1);
    assert_eq!(listener.told(&format!("damaged {id}")), 1);
    // Their stamp is that of the tables with the failed run.
    assert!(!collect(&done.folder, None, &|_| true).expect("tables").is_new);
    let listener = Listener::default();
    assert_eq!(call(&config, &lab, None, &listener).tally.finished, 1);
    assert_eq!(listener.told("retrying 1"), 1);
}

#[test]
fn networks_that_cannot_be_trained_are_refused_before_anything_is_written() {
    let config = with(with(small(), "train.batch_size", json!(1)), "variants", json!(["bn"]));
    let (lab, listener, store) = (Lab::new(), Listener::default(), Store::new("nowhere"));
    let (jobs, trace, resume_every, discard) = (1, false, Duration::MAX, None);
    let options =
        Options { jobs, shard: None, only: None, known: None, trace, resume_every, discard, stop: &listener.stop };
    let refused = complete(&experiment(&config), &store, &lab.path("results"), &options, &listener);
    assert!(refused.is_err_and(|error| error.is::<ConfigError>()));
    assert!(!lab.path("results").exists() && listener.told("") == 0);
}

#[test]
fn what_changes_while_the_tables_are_written_makes_them_stale() {
    let lab = Lab::new();
    let done = call(&with(small(), "seeds", json!(20)), &lab, None, &Listener::default());
    let runs = done.folder.runs();
    let id = lab.runs("t").pop().expect("a run");
    let (path, prepared) = (runs.join(&id).join("run.json"), lab.path("changed.json"));
    let sound = std::fs::read(&path).expect("a record");
    let mut changed: Value = serde_json::from_slice(&sound).expect("JSON");
    unsigned(&mut changed);
    (changed["status"], changed["reason"]) = (json!("failed"), json!("by hand"));
    let mut caught = 0;
    for _ in 0..20 {
        std::fs::write(&path, &sound).expect("written");
        std::fs::write(&prepared, changed.to_string()).expect("written");
        std::fs::remove_file(done.folder.stamp()).expect("removed");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let change = scope.spawn(|| {
                let is_writing = || {
                    let names = std::fs::read_dir(done.folder.path()).expect("a folder");
                    names.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(".writing-"))
                };
                while !is_over.load(Ordering::Relaxed) && !is_writing() {
                    std::hint::spin_loop();
                }
                std::fs::rename(&prepared, &path).expect("renamed");
                !is_over.load(Ordering::Relaxed)
            });
            assert!(collect(&done.folder, None, &|_| true).expect("tables").is_new);
            is_over.store(true, Ordering::Relaxed);
            caught += usize::from(change.join().expect("an end"));
        });
        collect(&done.folder, None, &|_| true).expect("tables");
        let failed = lab.table("results/t/runs.csv");
        assert_eq!(failed.only(&[("run_id", &id)])[0]["status"], "failed");
    }
    assert!(caught > 0, "no record was changed while tables were written");
}

/// The arms, each in either precision and kind of network.
fn trained_in_every_way() -> (Lab, Vec<Value>) {
    let arms = json!(["none", "affine", "standardize", "bn"]);
    let mlp = json!({ "kind": "mlp", "hidden": [5, 5], "residual": true });
    let cnn = json!({ "kind": "cnn", "channels": [3, 4], "pool": "average", "dense": [6] });
    let glyphs = json!({ "source": "glyphs", "train": 60, "validation": 20, "test": 30 });
    let data = [(mlp, small()["data"].clone()), (cnn, glyphs)];
    let config = |(place, precision): (usize, &str)| {
        let (model, data) = data[place].clone();
        let config = with(with(with(small(), "model", model), "data", data), "variants", arms.clone());
        let config = with(with(config, "model.precision", json!(precision)), "seeds", json!(1));
        with(with(config, "name", json!(format!("t{place}{precision}"))), "log.snapshot_every", json!(6))
    };
    let configs: Vec<_> = [(0, "f32"), (0, "f64"), (1, "f32"), (1, "f64")].into_iter().map(config).collect();
    let lab = Lab::new();
    for config in &configs {
        call(config, &lab, None, &Listener::default());
    }
    (lab, configs)
}

/// Loss and accuracy of a loaded network on a split.
fn score(trained: &Trained, part: Part) -> (f64, f64) {
    fn of<F: Scalar>(network: &Network<F>, Trained { settings, seed, .. }: &Trained, part: Part) -> (f64, f64) {
        let data = Store::new("nowhere").load(&settings.data, *seed).expect("data");
        let evaluator = Evaluator::new(network, &data, settings.train.batch_size, *seed);
        let count = evaluator.split(part).len();
        let score = evaluator.scores(network, &[(part, count)], Statistics::Running).expect("a score")[0];
        (score.loss, score.accuracy)
    }
    match &trained.network {
        TrainedNetwork::F32(network) => of(network, trained, part),
        TrainedNetwork::F64(network) => of(network, trained, part),
    }
}

#[test]
fn a_network_from_a_folder_gives_the_recorded_scores_exactly() {
    let (lab, configs) = trained_in_every_way();
    for config in configs {
        let name = config["name"].as_str().expect("a name");
        let settings = &experiment(&config).points[0].settings;
        for id in lab.runs(name) {
            let folder = RunFolder::at(lab.path(format!("results/{name}/runs/{id}")));
            let trained = Trained::load(&folder).expect("a network");
            assert_eq!(&trained.settings, settings, "{id}");
            let is_double = matches!(trained.network, TrainedNetwork::F64(_));
            assert_eq!(is_double, settings.model.precision == Precision::F64, "{id}");
            let record = RunRecord::read(&folder).expect("a record").expect("a record");
            assert_eq!(record.status, Status::Completed);
            assert_eq!((&trained.variant, trained.seed), (&record.variant, record.seed));
            for part in [Part::Test, Part::Train] {
                let [loss, accuracy] =
                    ["loss", "accuracy"].map(|of| record.metrics.get(&format!("{}_{of}", part.name())));
                let (found_loss, found_accuracy) = score(&trained, part);
                assert_eq!((Some(found_loss), Some(found_accuracy)), (loss, accuracy), "{id} {}", part.name());
            }
            let [first, last] = [0, 12].map(|step| Trained::load_snapshot(&folder, step).expect("a network"));
            assert_eq!(score(&last, Part::Test), score(&trained, Part::Test), "{id}");
            assert_ne!(score(&first, Part::Test), score(&trained, Part::Test), "{id}");
        }
    }
}

#[test]
fn a_checkpoint_that_is_missing_damaged_or_of_another_network_is_refused_in_words() {
    let (lab, _) = trained_in_every_way();
    let of = |name: &str, variant: &str| RunFolder::at(lab.path(lab.run_folder(name, variant, 0)));
    let bn = of("t0f32", "bn");
    let sound = std::fs::read(bn.checkpoint()).expect("a checkpoint");
    let refusal = |bytes: &[u8]| {
        std::fs::write(bn.checkpoint(), bytes).expect("written");
        format!("{:#}", Trained::load(&bn).expect_err("a refusal"))
    };
    let mut flipped = sound.clone();
    *flipped.last_mut().expect("a byte") ^= 1;
    for bytes in [&flipped[..], &sound[..sound.len() - 1], &[]] {
        let words = refusal(bytes);
        assert!(words.contains("checkpoint.safetensors is damaged: its SHA-256"), "{words}");
    }
    std::fs::remove_file(bn.checkpoint()).expect("removed");
    let words = format!("{:#}", Trained::load(&bn).expect_err("a refusal"));
    assert!(words.contains("cannot read") && words.contains("checkpoint.safetensors"), "{words}");

    // A snapshot has a digest of its own.
    let snapshot = bn.snapshot(12);
    let mut changed = std::fs::read(&snapshot).expect("a snapshot");
    *changed.last_mut().expect("a byte") ^= 1;
    std::fs::write(&snapshot, changed).expect("written");
    let words = format!("{:#}", Trained::load_snapshot(&bn, 12).expect_err("a refusal"));
    assert!(words.ends_with("is damaged: its tensors do not have the SHA-256 that it carries"), "{words}");
    // Those of another network: what the tensors themselves tell.
    let refusal = |bytes: &[u8]| {
        std::fs::write(&snapshot, bytes).expect("written");
        format!("{:#}", Trained::load_snapshot(&bn, 12).expect_err("a refusal"))
    };
    let foreign = |name: &str, variant: &str| refusal(&std::fs::read(of(name, variant).checkpoint()).expect("bytes"));
    let words = foreign("t0f32", "affine");
    assert!(
        words.contains("does not fit run bn-s0-") && words.contains("no tensor blocks.0.norm.running_mean"),
        "{words}"
    );
    let words = foreign("t0f64", "bn");
    assert!(words.contains("blocks.0.weight is not in the precision of the network"), "{words}");
    let words = foreign("t1f32", "bn");
    assert!(words.contains("has shape [3, 1, 3, 3], that of the network [5, 2]"), "{words}");
    assert!(refusal(&sound[..sound.len() - 1]).contains("holds no tensors"));
    let affine = of("t0f32", "affine");
    std::fs::write(affine.snapshot(12), &sound).expect("written");
    let words = format!("{:#}", Trained::load_snapshot(&affine, 12).expect_err("a refusal"));
    assert!(words.contains("a tensor blocks.0.norm.running_mean"), "{words}");
    assert!(words.contains("which the network does not have"), "{words}");
}

#[test]
fn a_record_that_is_missing_damaged_or_hostile_is_refused_in_words() {
    let (config, lab) = (with(small(), "variants", json!(["bn"])), Lab::new());
    call(&config, &lab, None, &Listener::default());
    let folder = RunFolder::at(lab.path(lab.run_folder("t", "bn", 0)));
    let mut sound: Value = serde_json::from_slice(&std::fs::read(folder.run_json()).expect("a record")).expect("JSON");
    unsigned(&mut sound);
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut record = sound.clone();
        change(&mut record);
        std::fs::write(folder.run_json(), record.to_string()).expect("written");
        format!("{:#}", Trained::load(&folder).expect_err("a refusal"))
    };
    for (says, change) in [
        ("interrupted, not finished", &(|r: &mut Value| r["status"] = json!("interrupted")) as &dyn Fn(&mut Value)),
        ("run.json is damaged", &|r| r["variant"] = json!("bn")),
        ("schema version 9", &|r| r["schema_version"] = json!(9)),
        ("train.batch_size", &|r| r["configuration"]["train"]["batch_size"] = json!(0)),
        ("model.kindd", &|r| r["configuration"]["model"]["kindd"] = json!("mlp")),
        ("model.hidden", &|r| r["configuration"]["model"]["hidden"] = json!(null)),
        ("too short for the network", &|r| r["configuration"]["model"]["hidden"] = json!([60_000, 60_000])),
        ("no sample has", &|r| r["shape"]["height"] = json!(1u64 << 40)),
        ("0 classes", &|r| r["classes"] = json!(0)),
    ] {
        let words = refusal(change);
        assert!(words.contains(says), "{says}: {words}");
    }
    std::fs::remove_file(folder.run_json()).expect("removed");
    let words = format!("{:#}", Trained::load(&folder).expect_err("a refusal"));
    assert!(words.ends_with("is not the folder of a run: it has no run.json"), "{words}");
}

/// What `run` resolves is what the record gives back, for every shipped configuration.
#[test]
fn settings_come_back_from_the_recorded_configuration() {
    let store = Store::new("nowhere");
    let shipped = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs")).expect("configurations");
    let mut looked_at = 0;
    for path in shipped.map(|entry| entry.expect("an entry").path()).filter(|path| !path.ends_with("schema.json")) {
        let text = std::fs::read_to_string(&path).expect("a configuration");
        let experiment = Experiment::parse(&text, &[], &|data| Ok(store.facts(data)?));
        for point in experiment.expect("an experiment").points {
            let data = &point.settings.data;
            let found = Settings::recorded(&point.configuration, data.shape, data.classes).expect("settings");
            assert_eq!(found, point.settings, "{}", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 5, "{looked_at}");
    assert!(Settings::recorded(&json!([]), Shape::vector(2), 2).is_err());
}

#[test]
fn a_folder_without_an_experiment_is_not_collected() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("empty")).expect("a folder");
    assert!(collect(&ExperimentFolder::at(lab.path("empty")), None, &|_| true).is_err());
}
