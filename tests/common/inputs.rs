//! What is held of everything that is read, for the fuzz targets and `tests/properties.rs` alike: of each kind of input
//! some sound ones, and all that the program does with one, whatever it is, before it trains or shows anything.
//!
//! Inputs of several parts have a zero byte between them.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bn_exp::compare::sheet::Sheet;
use bn_exp::compare::{self, Loaded, Options};
use bn_exp::config::cost;
use bn_exp::config::file::DataFile;
use bn_exp::config::{DataFacts, Experiment, Shape, Variant};
use bn_exp::data::Store;
use bn_exp::kernels::Scalar;
use bn_exp::nn::{Network, build};
use bn_exp::plan::{RunEntry, entries, plan};
use bn_exp::record::experiment::ExperimentRecord;
use bn_exp::record::layout::ExperimentFolder;
use bn_exp::record::metrics::Metrics;
use bn_exp::record::resume::{self, Saved, Watched};
use bn_exp::record::run::{RunRecord, Status, Timing};
use bn_exp::record::runs::RunRow;
use bn_exp::record::tables::{self, LEADING, Rows, Writer};
use bn_exp::record::timing::TimingRow;
use bn_exp::record::{SCHEMA_VERSION, curves, leading, tensors};
use bn_exp::report::text::View;
use bn_exp::report::{self, Format};
use bn_exp::sources::Kind;
use bn_exp::sources::csv_format;
use bn_exp::sources::idx_format as idx;
use bn_exp::sources::samples::Features;
use bn_exp::table::Row;
use bn_exp::train::{Observer, State, train};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A target's name, its sound inputs, and what is done with any.
type Target = (&'static str, fn() -> Vec<Vec<u8>>, fn(&[u8]));

/// All of them.
#[allow(dead_code, reason = "a fuzz target needs only its own")]
pub const TARGETS: [Target; 6] = [
    ("configuration", configurations, configuration),
    ("idx", idx_files, idx),
    ("csv", csv_files, csv),
    ("safetensors", saved_runs, safetensors),
    ("tables", experiments, tables),
    ("run_record", records, run_record),
];

fn facts(data: &DataFile) -> anyhow::Result<DataFacts> {
    // The largest images, and as many as a configuration may ask for; nothing is read.
    let shape = Shape { channels: 1, height: 4096, width: 4096 };
    let (training_file, test_file) = (Some(10_000_000), Some(10_000_000));
    let largest = DataFacts { shape, classes: 256, training_file, test_file, ..DataFacts::drawings(1, 1, 1) };
    Ok(match data.source.kind() {
        Kind::Own(_) => DataFacts { fingerprint: Some("0123".into()), ..largest },
        Kind::Published(_) | Kind::Generated(_) => Store::new("nowhere").facts(data)?,
    })
}

fn parsed(config: &Value) -> Experiment {
    Experiment::parse(&config.to_string(), &[], &facts).expect("a sound configuration")
}

fn small() -> Value {
    json!({
        "name": "small",
        "data": { "source": "spirals", "train": 20, "validation": 4, "test": 4 },
        "model": { "kind": "mlp", "hidden": [3] },
        "variants": ["none", "affine", "standardize", "bn"],
        "optimizer": { "kind": "adam", "lr": 0.1 },
        "train": { "batch_size": 5, "steps": 6 },
        "seeds": 2,
        "sweep": { "optimizer.lr": [0.1, 1] },
        "compare": { "metric": "test_loss", "select": ["optimizer.lr"], "target_accuracy": 0.5, "equivalence_margin": 0.1 }
    })
}

/// Configurations, each with what follows `--set` on lines after a zero byte.
pub fn configurations() -> Vec<Vec<u8>> {
    let cnn = json!({
        "name": "cnn",
        "data": { "source": "idx", "dir": "d", "validation": 10, "classes": 256, "scaling": "standardize" },
        "model": { "kind": "cnn", "channels": [2, 3], "kernel": 5, "pool": "average", "dense": [4], "norm_position": "after_pool",
            "precision": "f64", "init": { "scheme": "normal", "std": 0.1 } },
        "norm": { "epsilon": 1e-3, "momentum": 0.2 },
        "variants": ["bn", { "name": "frozen", "base": "affine", "bias": true, "train_only": ["gamma", "blocks.0.weight"] }],
        "optimizer": { "kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": true, "weight_decay": 1e-4,
            "schedule": "step", "step_every": 10, "step_factor": 0.5, "warmup": 3 },
        "train": { "epochs": 2 },
        "seeds": [3, 1, 4],
        "sweep": { "data.train": [100, 200], "model.init": [{ "scheme": "he" }, { "scheme": "lecun" }] },
        "log": { "batch_every": 0, "snapshot_every": 7, "channels": 0, "probe_size": 2 }
    });
    let sources = ["mnist", "fashion-mnist", "glyphs", "gaussians", "teacher"].map(|source| {
        let mut config = small();
        config["data"] = json!({ "source": source, "random_labels": true });
        config.to_string()
    });
    let sets = "{}\0seeds=1\nsweep.optimizer.lr=[1,2]\nmodel.residual=true\nname=x\ndata.noise=null\ntrain.steps=1e3";
    let with_sets = sets.replacen("{}", &small().to_string(), 1);
    let mut table = small();
    table["data"] = json!({ "source": "csv", "file": "a.csv", "test_file": "b.csv", "label": "y", "validation": 5 });
    let mut side = cnn.clone();
    side["data"] = json!({ "source": "idx", "dir": "d", "transpose": true, "scaling": "none" });
    side["model"]["pool"] = json!(["none", "max"]);
    let own = [table.to_string(), side.to_string()];
    [small().to_string(), cnn.to_string(), with_sets]
        .into_iter()
        .chain(own)
        .chain(sources)
        .map(String::into_bytes)
        .collect()
}

/// From text to the plan, as `plan` and `run` go; and from the record of a plan to the same plan.
pub fn configuration(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default());
    let (Ok(config), Ok(sets)) = (text(), text()) else { return };
    let set = |line: &str| {
        let (path, value) = line.split_once('=')?;
        Some((path.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
    };
    let sets: Vec<_> = sets.lines().filter_map(set).collect();
    let experiment = match Experiment::parse(config, &sets, &facts) {
        Ok(experiment) => experiment,
        Err(error) => return drop(format!("{error:#}")),
    };
    let runs = experiment.points.len() * experiment.variants.len() * experiment.seeds.len();
    if runs > 20_000 {
        return; // A million runs are planned in a second or two; a fuzzer has better things to do.
    }
    for point in experiment.points.iter().take(100) {
        let of_arm = |variant: &Variant| cost::memory(&point.settings, variant.arm);
        let needed = experiment.variants.iter().map(of_arm).fold(0.0, f64::max);
        assert!(needed.is_finite() && needed > 0.0, "{needed} bytes");
        for variant in experiment.variants.iter().take(10).filter(|_| needed < 1e11) {
            if let Err(error) = build::check(&point.settings, variant) {
                drop(error.to_string());
            }
        }
    }
    let Ok(runs) = plan(&experiment) else { return };
    let record = ExperimentRecord::new(&experiment, entries(&experiment, &runs));
    let text = serde_json::to_vec(&record).expect("a record is JSON");
    let again = ExperimentRecord::parse(&text, Path::new("experiment.json")).expect("a record is read");
    assert_eq!(again, record);
    again.compare_options().expect("its options are read");
    let again = Experiment::parse(&record.configuration.to_string(), &[], &facts).expect("a record can be run again");
    assert_eq!(plan(&again).as_ref(), Ok(&runs), "{}", record.configuration);
}

/// Compressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// Images and labels, plain and compressed.
pub fn idx_files() -> Vec<Vec<u8>> {
    let file = |words: &[u32], data: &[u8]| -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(data.iter().copied()).collect()
    };
    let plain = [
        file(&[0x803, 2, 2, 3], &[0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255]),
        file(&[0x801, 5], &[0, 1, 2, 1, 0]),
        file(&[0x803, 3, 20, 20], &[7; 1200]),
        file(&[0x802, 2, 3], &[1, 2, 3, 4, 5, 6]),
        file(&[0x804, 1, 2, 5, 3], &[9; 30]),
        file(&[0xb03, 1, 2, 2], &[[0, 1], [255, 254], [1, 0], [0, 0]].concat()),
        file(&[0xc02, 2, 8], &[0; 64]),
        file(&[0xd02, 1, 2], &[1.5f32.to_be_bytes(), (-2.0f32).to_be_bytes()].concat()),
        file(&[0xe03, 1, 1, 2], &[0.5f64.to_be_bytes(), 3e30f64.to_be_bytes()].concat()),
    ];
    let compressed = plain.iter().map(|bytes| gzip(bytes)).collect::<Vec<_>>();
    plain.into_iter().chain(compressed).collect()
}

/// Inflated and parsed, as a file and as the content of a compressed one.
pub fn idx(bytes: &[u8]) {
    let parsed = |raw: Vec<u8>| {
        let most = raw.len() * 1032;
        let inflated = match idx::inflate(raw, "a file") {
            Ok(inflated) => inflated,
            Err(error) => {
                drop(error.to_string());
                return ([None, None], None);
            }
        };
        assert!(inflated.len() <= most, "{} bytes", inflated.len());
        let samples = [false, true].map(|transpose| idx::parse_samples(inflated.clone(), transpose, "a file").ok());
        let labels = idx::parse_labels(inflated, "a file").ok();
        for samples in samples.iter().flatten() {
            let width = match samples.features {
                Features::Bytes(_) => 1,
                Features::Floats(_) => 4,
                Features::Doubles(_) => 8,
            };
            assert_eq!(samples.features.bytes(), width * samples.count * samples.shape.len());
        }
        (samples, labels)
    };
    let as_it_is = parsed(bytes.to_vec());
    let compressed = parsed(gzip(bytes));
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(as_it_is, compressed);
    }
    // Of a published data set the length is known.
    for length in [16, 28, 47_040_016] {
        let inflated = idx::inflate_to(bytes.to_vec(), length, "a file");
        assert!(inflated.is_err() || inflated.is_ok_and(|inflated| inflated.len() as u64 == length));
    }
}

/// Tables of numbers with a column of labels.
pub fn csv_files() -> Vec<Vec<u8>> {
    [
        "a,b,label\n1,2.5,0\n-3e-5,4,1\n",
        "\u{feff}\"first, name\",kind,x\r\n1,\"a \"\"b\"\"\",.5\r\n2,c,+7.\r\n",
        "x,label\n0.1,é\n\n 2 ,1.0\nNA,1\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Parsed, with the labels in the last column and in one that is named.
pub fn csv(bytes: &[u8]) {
    for label in [None, Some("kind")] {
        match csv_format::parse(bytes, label, "a file") {
            Ok(table) => {
                let columns = table.header.len() - 1;
                assert_eq!(table.features.len(), columns * table.labels.len());
                assert!(table.features.iter().all(|x| x.is_finite()));
                assert!(table.labels.iter().all(|place| usize::from(*place) < table.names.len()));
            }
            Err(error) => drop(error.to_string()),
        }
    }
}

/// Nobody watches.
struct Nobody;

impl<F: Scalar> Observer<F> for Nobody {
    fn state(&mut self, _step: usize, _network: &Network<F>) -> anyhow::Result<()> {
        Ok(())
    }
}

fn small_in(precision: &str, optimizer: &Value) -> Experiment {
    let mut config = small();
    config["model"]["precision"] = json!(precision);
    config["optimizer"] = optimizer.clone();
    (config["sweep"], config["compare"]) = (json!({}), json!({}));
    parsed(&config)
}

const RUN: &str = "a-run";

fn saved_run<F: Scalar>(experiment: &Experiment, variant: usize) -> Vec<u8> {
    let settings = &experiment.points[0].settings;
    let network = Network::<F>::new(settings, &experiment.variants[variant], 0).expect("a network");
    let state = State { step: 2, first_loss: Some(1.5), ..State::new(settings, &network) };
    let watched = Watched {
        best_validation: Some((0.5, 1)),
        evaluating: Duration::from_secs(1),
        probing: Duration::ZERO,
        started_at: "2026-01-01T00:00:00Z".into(),
    };
    let rows: Vec<Rows> = tables::all().map(|table| Rows { table, text: b"1,0.5,train\n".to_vec() }).collect();
    let lab = tempfile::tempdir().expect("a temporary folder");
    let folder = ExperimentFolder::at(lab.path()).run(RUN);
    std::fs::create_dir_all(folder.path()).expect("a folder");
    resume::save(&folder, RUN, &network, &state, &watched, &rows).expect("a saved run");
    std::fs::read(folder.resume()).expect("a file")
}

fn experiments_to_continue() -> [Experiment; 2] {
    let sgd = json!({ "kind": "sgd", "lr": 0.1, "momentum": 0.5 });
    [small_in("f32", &json!({ "kind": "adam", "lr": 0.1 })), small_in("f64", &sgd)]
}

/// `resume.safetensors` of either precision.
pub fn saved_runs() -> Vec<Vec<u8>> {
    let [single, double] = experiments_to_continue();
    vec![saved_run::<f32>(&single, 3), saved_run::<f32>(&single, 0), saved_run::<f64>(&double, 3)]
}

/// Read, restored, and trained to the end, with the digest that stands in the file and as if it were right.
pub fn safetensors(bytes: &[u8]) {
    thread_local! {
        static EXPERIMENTS: [Experiment; 2] = experiments_to_continue();
    }
    let path = Path::new("resume.safetensors");
    let whole = resume::parse(bytes, path, RUN);
    if let Err(error) = &whole {
        drop(format!("{error:#}"));
    }
    let Ok(parsed) = tensors::unchecked(bytes, path) else {
        assert!(whole.is_err());
        return;
    };
    let text = tensors::serialize(&parsed).expect("what was read can be written");
    assert_eq!(tensors::parse(&text, path).expect("and read").len(), parsed.len());
    for saved in [whole, Saved::of(parsed, path, RUN)].into_iter().flatten().flatten() {
        EXPERIMENTS.with(|[single, double]| {
            continued::<f32>(&saved, single, 3);
            continued::<f32>(&saved, single, 0);
            continued::<f64>(&saved, double, 3);
        });
        drop(saved.watched());
        let leading = [RUN, "bn", "0"].map(String::from);
        tables::all().filter_map(|table| saved.rows(table).ok()).for_each(|rows| drop(rows.whole(&leading, &[])));
    }
}

fn continued<F: Scalar>(saved: &Saved, experiment: &Experiment, variant: usize) {
    let settings = &experiment.points[0].settings;
    let mut network = Network::<F>::new(settings, &experiment.variants[variant], 0).expect("a network");
    let mut state = State::new(settings, &network);
    match saved.restore(&mut network, &mut state, settings.train.steps) {
        Ok(()) => {
            let data = Store::new("nowhere").load(&settings.data, 0).expect("made-up data");
            let stop = AtomicBool::new(false);
            train(&mut network, &mut state, settings, &data, 0, &mut Nobody, &stop).expect("it ends");
            assert!(state.step <= settings.train.steps);
        }
        Err(error) => drop(format!("{error:#}")),
    }
}

fn small_record() -> ExperimentRecord {
    record_of(&small())
}

fn record_of(config: &Value) -> ExperimentRecord {
    let experiment = parsed(config);
    let runs = plan(&experiment).expect("a plan");
    ExperimentRecord::new(&experiment, entries(&experiment, &runs))
}

fn finished(entry: &RunEntry, place: usize) -> RunRecord {
    let x = 0.5 + (place * 7919 % 13) as f64 / 100.0;
    let timing = Timing {
        train_seconds: x,
        evaluate_seconds: 0.1,
        probe_seconds: 0.0,
        peak_rss_bytes: Some(1 << 20),
        started_at: "2026-01-01T00:00:00Z".into(),
        host: "here".into(),
        threads: 1,
    };
    let metrics = Metrics::new(|_| Some(x), Some(5));
    let diverged = place % 7 == 6;
    RunRecord {
        schema_version: SCHEMA_VERSION,
        run_id: entry.id.clone(),
        status: if diverged { Status::Diverged } else { Status::Completed },
        reason: diverged.then(|| "the batch loss is not finite".into()),
        diverged_at_step: diverged.then_some(3),
        steps: 6,
        epochs: 1.5,
        parameters: 20,
        metrics: if diverged { Metrics::default() } else { metrics },
        start: None,
        variant: parsed(&small()).variants[place % 4].clone(),
        seed: entry.seed,
        shape: Shape::vector(2),
        classes: entry.classes,
        configuration: small(),
        numerics_version: 1,
        program_version: "0.1.0".into(),
        simd: "portable".into(),
        timing,
        table_bytes: BTreeMap::from([("curves.csv".into(), 100)]),
        table_sha256: BTreeMap::from([("curves.csv".into(), "0".repeat(64))]),
        checkpoint_sha256: Some("0".repeat(64)),
        checkpoint_bytes: Some(200),
        snapshot_bytes: BTreeMap::from([("step-000000004.safetensors".into(), 100)]),
        record_sha256: None,
    }
}

const CURVES: &str = "run_id,variant,seed,step,epoch,split,mode,loss,accuracy
a,bn,0,0,0.0,validation,running_stats,1.5,0.25
a,bn,0,0,0.0,validation,batch_stats,1.5,0.25
a,bn,0,6,1.5,train,batch_stats,0.5,0.75
a,bn,0,6,1.5,validation,running_stats,1.0,0.75
";

/// `experiment.json`, empty for the one that the tables belong to, `runs.csv`, `timing.csv`, and a run's `curves.csv`.
pub fn experiments() -> Vec<Vec<u8>> {
    let tables = |record: &ExperimentRecord| {
        let writer = |table| Writer::new(table, &record.axes);
        let (mut runs, mut timing) = (writer(tables::RUNS), writer(tables::TIMING));
        for (place, entry) in record.runs.iter().enumerate() {
            let run = finished(entry, place);
            runs.row(&leading::cells(entry), RunRow::of(&run, Some(3)).cells());
            timing.row(&leading::cells(entry), TimingRow::of(&run).cells());
        }
        [&runs.into_bytes(), &timing.into_bytes(), CURVES.as_bytes()].join(&0)
    };
    // As many seeds as an interval needs.
    let mut config = small();
    (config["seeds"], config["variants"]) = (json!(7), json!(["affine", "bn"]));
    let with_intervals = record_of(&config);
    let written = serde_json::to_vec(&with_intervals).expect("JSON");
    vec![[vec![], tables(&small_record())].join(&0), [written, tables(&with_intervals)].join(&0)]
}

/// Loaded, compared and shown, as `compare` does; put below each other, as `collect` does.
pub fn tables(bytes: &[u8]) {
    thread_local! {
        static SMALL: ExperimentRecord = small_record();
    }
    let mut parts = bytes.splitn(4, |byte| *byte == 0);
    let [record, runs, timing, curves] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let path = Path::new("experiment.json");
    let record = match record {
        [] => Ok(SMALL.with(Clone::clone)),
        record => ExperimentRecord::parse(record, path),
    };
    let [runs_sheet, timing_sheet] = [(runs, "runs.csv"), (timing, "timing.csv")]
        .map(|(bytes, name)| Sheet::new(Cursor::new(bytes), Path::new(name)));
    for error in [record.as_ref().err(), runs_sheet.as_ref().err(), timing_sheet.as_ref().err()].into_iter().flatten() {
        drop(format!("{error:#}"));
    }
    let text = String::from_utf8_lossy(curves);
    let _ = curves::first_reaching(&text, 0.5);
    let Ok(record) = record else { return };
    for (table, rows) in [(tables::RUNS, runs), (tables::TIMING, timing), (tables::CURVES, curves)] {
        let header = Writer::new(table, &record.axes).into_bytes();
        for entry in record.runs.iter().take(3) {
            let Ok(led) = leading::rows_led_by(table, &header, entry, rows) else { continue };
            let width = LEADING.len() + entry.values.len() + table.columns.len();
            // Rows that were led rightly before are taken as they are.
            if matches!(led, std::borrow::Cow::Owned(_)) {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&led[..]);
                assert!(reader.records().all(|row| row.expect("a row").len() == width));
            }
        }
    }
    let (Ok(runs), Ok(timing)) = (runs_sheet, timing_sheet) else { return };
    match Loaded::of(record, path, runs, timing) {
        Ok(loaded) if loaded.runs.len() <= 30 => {
            let options = Options::default();
            let compared = compare::compare(&[loaded], &options).into_iter().collect::<anyhow::Result<Vec<_>>>();
            for format in [Format::Table, Format::Markdown, Format::Csv, Format::Json] {
                drop(compared.as_ref().map(|compared| {
                    report::comparisons(compared, &options, format, View { full: true, explain: true })
                }));
            }
        }
        Ok(_) => {}
        Err(error) => drop(format!("{error:#}")),
    }
}

/// `run.json` and `experiment.json`.
pub fn records() -> Vec<Vec<u8>> {
    let record = small_record();
    let mut seeds: Vec<Vec<u8>> = [0, 6]
        .iter()
        .map(|place| serde_json::to_vec_pretty(&finished(&record.runs[*place], *place)).expect("JSON"))
        .collect();
    seeds.push(serde_json::to_vec_pretty(&record).expect("JSON"));
    seeds
}

/// Read, made into rows, and written again.
pub fn run_record(bytes: &[u8]) {
    match RunRecord::parse(bytes, Path::new("run.json")) {
        Ok(Some(run)) => {
            let mut writer = Writer::new(tables::RUNS, &[]);
            writer.row(&[(); 3].map(|()| String::new()), RunRow::of(&run, None).cells());
            drop((writer.into_bytes(), TimingRow::of(&run).cells()));
            let text = serde_json::to_vec_pretty(&run).expect("a record is JSON");
            let again = RunRecord::parse(&text, Path::new("run.json")).expect("a record is read");
            assert_eq!(again.as_ref(), Some(&run));
        }
        Ok(None) => {}
        Err(error) => drop(format!("{error:#}")),
    }
    match ExperimentRecord::parse(bytes, Path::new("experiment.json")) {
        Ok(record) => {
            let root = ExperimentFolder::at("root");
            for entry in &record.runs {
                drop(leading::cells(entry));
                let folder = root.run(&entry.id);
                assert_eq!(folder.path().parent(), Some(root.runs().as_path()), "{}", entry.id);
                assert!(folder.path().file_name().is_some_and(|name| name == &entry.id[..]), "{}", entry.id);
            }
            drop(record.compare_options());
            let text = serde_json::to_vec_pretty(&record).expect("a record is JSON");
            let again = ExperimentRecord::parse(&text, Path::new("experiment.json")).expect("a record is read");
            assert_eq!(again, record);
        }
        Err(error) => drop(format!("{error:#}")),
    }
}
