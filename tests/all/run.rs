//! `bn-exp run`: the same bytes whatever the way there, nothing trained twice, tables as the contract has them.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Lab, REPRODUCIBLE, TABLES, Table, assert_same_files, number, small, unsigned, with};
use bn_exp::files;
use bn_exp::record::layout::RunFolder;
use bn_exp::record::tables;
use serde_json::{Value, json};

/// A lab in which this configuration has been run.
#[track_caller]
fn ran(config: &Value, args: &[&str]) -> Lab {
    let lab = Lab::new();
    lab.run(config, args).expect(0);
    lab
}

/// Two arms and one seed, for tests that need no more.
fn smaller() -> Value {
    with(with(small(), "variants", json!(["affine", "bn"])), "seeds", json!(1))
}

fn tiny_cnn() -> Value {
    json!({
        "name": "t",
        "data": { "source": "glyphs", "train": 20, "validation": 10, "test": 10 },
        "model": { "kind": "cnn", "channels": [2, 3], "kernel": 3, "dense": [5] },
        "variants": ["none", "affine", "standardize", "bn"],
        "optimizer": { "kind": "sgd", "lr": 0.1 },
        "train": { "batch_size": 5, "steps": 3 },
        "seeds": 1
    })
}

// The same bytes.

/// What a refresh finds in a network that has left the finite is divergence, not a fault of the run.
#[test]
fn a_refresh_on_the_way_to_infinity_diverges_and_does_not_fail() {
    let arm = json!([{ "name": "refresh", "every": 1 }]);
    let config = with(
        with(small(), "variants", arm),
        "model",
        json!({ "kind": "mlp", "hidden": [8, 8, 8], "activation": "identity" }),
    );
    let config = with(with(config, "train.diverged_above", json!(1e30)), "optimizer.lr", json!(1e6));
    let lab = Lab::new();
    lab.run(&config, &[]).expect(0).says(&["2 diverged"]);
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]);
}

#[test]
fn the_tests_know_every_table() {
    let all: Vec<&str> = tables::all().map(|table| table.file).collect();
    assert_eq!(all, TABLES);
    assert_eq!([REPRODUCIBLE.as_slice(), &["timing.csv"]].concat(), TABLES);
}

#[test]
fn lists_of_steps_are_looked_at_and_the_last_evaluation_may_be_of_a_part() {
    let log = json!({ "batch_every": [7], "evaluate_every": [9, 2, 9], "activations_every": [4], "gradients_every": [5],
        "landscape_every": [6, 3], "snapshot_every": [3, 12], "train_final": 20 });
    let config = with(with(with(small(), "log", log), "variants", json!(["bn"])), "seeds", json!(1));
    let lab = Lab::new();
    lab.run(&config, &[]).expect(0);
    let steps = |table: &str, only: &[(&str, &str)]| -> Vec<String> {
        let table = lab.table(format!("results/t/{table}"));
        let mut steps: Vec<String> = table.only(only).iter().map(|row| row["step"].clone()).collect();
        steps.dedup();
        steps
    };
    assert_eq!(steps("curves.csv", &[("split", "batch")]), ["7"]);
    assert_eq!(steps("curves.csv", &[("split", "validation")]), ["0", "2", "9", "12"]);
    assert_eq!(steps("activations.csv", &[]), ["0", "4", "12"]);
    assert_eq!(steps("gradients.csv", &[]), ["0", "5", "11"]);
    assert_eq!(steps("landscape.csv", &[]), ["0", "3", "6", "11"]);
    let mut snapshots: Vec<String> = std::fs::read_dir(lab.path(lab.run_folder("t", "bn", 0).join("snapshots")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    snapshots.sort();
    assert_eq!(snapshots, ["step-000000003.safetensors", "step-000000012.safetensors"]);
    // A list in another order is the same run; the accuracy at the end is of 20 samples.
    lab.run(&with(config.clone(), "log.evaluate_every", json!([2, 9.0])), &[]).expect(0).says(&["nothing to do"]);
    let accuracy = number(&lab.table("results/t/runs.csv").rows[0]["train_accuracy"]);
    assert!((20.0 * accuracy).fract() == 0.0, "{accuracy}");
    // The first 20 of the 60: as training on these alone would evaluate them.
    let all = lab.run(&with(with(config, "log.train_final", json!(60)), "name", json!("all")), &[]);
    all.expect(0);
    let of = |name: &str, column: &str| lab.table(format!("results/{name}/runs.csv")).rows[0][column].clone();
    assert_ne!(of("t", "train_loss"), of("all", "train_loss"));
    assert_eq!(of("t", "test_loss"), of("all", "test_loss"));
}

#[test]
fn the_same_configuration_gives_the_same_bytes_in_two_folders() {
    for config in [with(small(), "log.snapshot_every", json!(5)), tiny_cnn()] {
        let (a, b) = (ran(&config, &["--trace"]), ran(&config, &["--trace"]));
        let files = a.reproducible("results/t");
        assert_same_files(&files, &b.reproducible("results/t"));
        for file in REPRODUCIBLE {
            assert!(files.contains_key(std::path::Path::new(file)), "{file}");
        }
        let checkpoints = files.keys().filter(|path| path.ends_with("checkpoint.safetensors")).count();
        assert_eq!(checkpoints, a.table("results/t/runs.csv").rows.len());
    }
}

#[test]
fn a_record_carries_its_own_digest_and_one_without_counts() {
    let lab = ran(&smaller(), &[]);
    let path = lab.run_folder("t", "bn", 0).join("run.json");
    let mut record = lab.json(&path);
    let digest = record["record_sha256"].as_str().expect("a digest").to_owned();
    let text = lab.text(&path).replacen(&digest, &"0".repeat(64), 1);
    assert_eq!(digest, bn_exp::files::sha256(text.as_bytes()));
    unsigned(&mut record);
    lab.write(&path, record.to_string());
    lab.run(&smaller(), &[]).expect(0).says(&["nothing to do"]);
}

#[test]
fn another_seed_gives_other_numbers() {
    let lab = ran(&small(), &[]);
    let losses = lab.table("results/t/runs.csv");
    let distinct: BTreeSet<_> = losses.column("test_loss").into_iter().collect();
    assert_eq!(distinct.len(), 6, "{distinct:?}");
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_jobs() {
    let config = with(small(), "sweep", json!({ "optimizer.lr": [0.05, 0.1], "model.hidden": [[4], [3, 3]] }));
    let (one, two) = (ran(&config, &["--jobs", "1"]), ran(&config, &["--jobs", "2"]));
    assert_same_files(&one.reproducible("results/t"), &two.reproducible("results/t"));
}

#[test]
fn a_probe_changes_no_parameter_and_no_other_table() {
    // Noise is drawn anew for each pass of training, and must not be used up by a look.
    let all = with(small(), "variants", json!(["none", "affine", "bn", "noisy"]));
    let on = ran(&all, &[]);
    // The log is a part of a run's identity, so the ids differ.
    let rows = |lab: &Lab, file: &str| -> Vec<Vec<String>> {
        let table = lab.table(format!("results/t/{file}"));
        let columns = &table.columns[1..];
        table.rows.iter().map(|row| columns.iter().map(|column| row[column].clone()).collect()).collect()
    };
    for (key, own) in [
        ("log.activations_every", &["activations.csv"][..]),
        ("log.gradients_every", &["gradients.csv"]),
        ("log.landscape_every", &["landscape.csv"]),
    ] {
        let off = ran(&with(all.clone(), key, json!(0)), &[]);
        for file in own {
            assert!(!rows(&on, file).is_empty() && rows(&off, file).is_empty(), "{file}");
        }
        for file in REPRODUCIBLE.into_iter().filter(|file| !own.contains(file)) {
            assert!(!rows(&on, file).is_empty(), "{file}");
            assert_eq!(rows(&on, file), rows(&off, file), "{file} with {key} and without");
        }
        for variant in ["none", "affine", "bn", "noisy"] {
            let checkpoint = |lab: &Lab| lab.bytes(lab.run_folder("t", variant, 1).join("checkpoint.safetensors"));
            assert_eq!(checkpoint(&on), checkpoint(&off), "{variant} with {key} and without");
        }
    }
}

#[test]
fn epochs_are_the_steps_they_come_to() {
    // 65 samples hold six whole batches of ten.
    let config = with(small(), "data.train", json!(65));
    let steps = ran(&config, &[]);
    let epochs = ran(&with(config, "train", json!({ "batch_size": 10, "epochs": 2 })), &[]);
    assert_same_files(&steps.reproducible("results/t"), &epochs.reproducible("results/t"));
    let table = epochs.table("results/t/runs.csv");
    assert_eq!((table.column("steps")[0], table.column("epochs")[0]), ("12", "2.0"));
}

#[test]
fn set_is_the_same_as_writing_it() {
    let written = ran(&with(small(), "optimizer.lr", json!(0.2)), &[]);
    let set = ran(&small(), &["--set", "optimizer.lr=0.2", "--set", "name=u"]);
    assert_same_files(&written.reproducible("results/t"), &set.reproducible("results/u"));
}

// Nothing twice.

#[test]
fn finished_runs_are_never_trained_again() {
    let lab = ran(&small(), &[]);
    let before = lab.files("results/t");
    let again = lab.run(&small(), &[]).expect(0).says(&["nothing to do", "t: test_accuracy, no arm tuned"]);
    assert_eq!(again.stderr, "");
    let after = lab.files("results/t");
    for (path, file) in &before {
        if !path.ends_with("experiment.json") {
            assert!(after[path] == *file, "{} was written again", path.display());
        }
    }
    assert!(before.keys().eq(after.keys()));
}

#[test]
fn description_and_comparison_are_outside_a_runs_identity() {
    let lab = ran(&small(), &[]);
    let before = lab.files("results/t/runs");
    let config = with(with(small(), "description", json!("other words")), "compare.metric", json!("train_loss"));
    lab.run(&config, &[]).expect(0).says(&["nothing to do", "t: train_loss, no arm tuned"]);
    assert!(lab.files("results/t/runs") == before);
    let record = lab.json("results/t/experiment.json");
    assert_eq!(record["configuration"]["description"], "other words");
}

#[test]
fn the_name_is_outside_a_runs_identity() {
    let lab = ran(&small(), &[]);
    std::fs::rename(lab.path("results/t"), lab.path("results/u")).unwrap();
    let before = lab.files("results/u/runs");
    lab.run(&with(small(), "name", json!("u")), &[]).expect(0).says(&["nothing to do"]);
    assert!(lab.files("results/u/runs") == before);
}

#[test]
fn an_unfinished_run_is_trained_again_to_the_same_bytes() {
    let lab = ran(&small(), &[]);
    let (bytes, before) = (lab.reproducible("results/t"), lab.files("results/t/runs"));
    let unfinished = lab.run_folder("t", "bn", 1);
    std::fs::remove_file(lab.path(&unfinished).join("run.json")).unwrap();
    let second = lab.run_folder("t", "none", 0);
    std::fs::remove_dir_all(lab.path(&second)).unwrap();
    lab.run(&small(), &[]).expect(0).says(&["2 of 6 runs trained, 4 finished before"]);
    assert_same_files(&bytes, &lab.reproducible("results/t"));
    let is_trained = |path: &std::path::Path| {
        [&unfinished, &second].iter().any(|run| path.starts_with(run.file_name().expect("a run's name")))
    };
    let after = lab.files("results/t/runs");
    assert!(before.iter().all(|(path, file)| is_trained(path) || after[path] == *file));
}

/// Runs `first`, then `wider`, which contains its runs; nothing old may be touched and everything must come out as if
/// `wider` had been run at once.
#[track_caller]
fn extends(first: &Value, wider: &Value, added: usize) -> Lab {
    let lab = ran(first, &[]);
    let before = lab.files("results/t/runs");
    let old = lab.runs("t").len();
    let said = match added {
        0 => format!("nothing to do: all {old} runs"),
        _ => format!("{added} of {} runs trained, {old} finished before", old + added),
    };
    lab.run(wider, &[]).expect(0).says(&[&said]);
    let after = lab.files("results/t/runs");
    for (path, file) in &before {
        assert!(after[path] == *file, "{} was touched", path.display());
    }
    let straight = ran(wider, &[]);
    for file in REPRODUCIBLE {
        let (extended, straight) = (lab.text(format!("results/t/{file}")), straight.text(format!("results/t/{file}")));
        assert!(extended == straight, "{file}\n--- extended\n{extended}\n--- at once\n{straight}");
    }
    lab
}

#[test]
fn another_seed_extends_the_experiment() {
    let lab = extends(&with(small(), "seeds", json!(1)), &with(small(), "seeds", json!(3)), 6);
    let runs = lab.table("results/t/runs.csv");
    assert_eq!(runs.column("seed"), ["0", "0", "0", "1", "1", "1", "2", "2", "2"]);
    extends(&with(small(), "seeds", json!([7])), &with(small(), "seeds", json!([3, 7])), 3);
}

#[test]
fn another_arm_extends_the_experiment() {
    let wider = with(small(), "variants", json!(["standardize", "none", "affine", "bn"]));
    let lab = extends(&small(), &wider, 2);
    let runs = lab.table("results/t/runs.csv");
    assert_eq!(runs.column("variant")[..4], ["standardize", "none", "affine", "bn"]);
}

#[test]
fn another_value_on_an_axis_extends_the_experiment() {
    let first = with(smaller(), "sweep", json!({ "optimizer.lr": [0.1, 0.3] }));
    let wider = with(smaller(), "sweep", json!({ "optimizer.lr": [0.01, 0.1, 0.3] }));
    let lab = extends(&first, &wider, 2);
    let runs = lab.table("results/t/runs.csv");
    assert_eq!(runs.column("optimizer.lr"), ["0.01", "0.01", "0.1", "0.1", "0.3", "0.3"]);
}

#[test]
fn a_new_axis_that_contains_the_old_value_extends_the_experiment() {
    let wider = with(smaller(), "sweep", json!({ "model.hidden": [[3, 3], [4]], "optimizer.lr": [0.1, 0.2] }));
    let lab = extends(&smaller(), &wider, 6);
    for file in TABLES {
        let table = lab.table(format!("results/t/{file}"));
        assert_eq!(table.columns[..5], ["run_id", "variant", "seed", "model.hidden", "optimizer.lr"], "{file}");
        let mut points: Vec<_> = table
            .rows
            .iter()
            .map(|r| (r["model.hidden"].as_str(), r["optimizer.lr"].as_str(), r["variant"].as_str()))
            .collect();
        points.dedup();
        let point = |i: usize| (["[3,3]", "[4]"][i / 4], ["0.1", "0.2"][i / 2 % 2], ["affine", "bn"][i % 2]);
        assert_eq!(points, (0..8).map(point).collect::<Vec<_>>(), "{file}");
        assert_eq!(table.ids(), lab.table("results/t/runs.csv").ids(), "{file}");
    }
}

#[test]
fn removing_an_axis_of_one_value_drops_its_column() {
    let axis = with(smaller(), "sweep", json!({ "optimizer.lr": [0.1] }));
    let lab = extends(&axis, &smaller(), 0);
    assert_eq!(lab.table("results/t/curves.csv").columns[..4], ["run_id", "variant", "seed", "step"]);
}

#[test]
fn a_configuration_that_would_drop_recorded_runs_is_refused_and_changes_nothing() {
    let sweep = |values: Value| with(smaller(), "sweep", json!({ "optimizer.lr": values }));
    let two_keys = with(with(small(), "train.steps", json!(13)), "optimizer.lr", json!(0.2));
    let cases: [(Value, Value, &[&str]); 5] = [
        (small(), two_keys, &["train.steps: 12 before, 13 now", "optimizer.lr: 0.1 before, 0.2 now"]),
        (small(), with(small(), "seeds", json!(1)), &["seeds: 2 before, 1 now"]),
        (
            small(),
            with(small(), "variants", json!(["none"])),
            &[r#"variants: ["none","affine","bn"] before, ["none"] now"#],
        ),
        (sweep(json!([0.1, 0.3])), sweep(json!([0.1])), &["sweep.optimizer.lr: [0.1,0.3] before, [0.1] now"]),
        (
            small(),
            with(small(), "model.activation", json!("tanh")),
            &[r#"model.activation: "relu" before, "tanh" now"#],
        ),
    ];
    for (first, other, words) in cases {
        let lab = ran(&first, &[]);
        let before = lab.files("results");
        let refused = lab.run(&other, &[]).complains(words).complains(&["--fresh", "--out", "results/t"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(!refused.stderr.contains("compare.") && !refused.stderr.contains("description"), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
        assert!(lab.files("results") == before, "something changed: {other}");
    }
}

#[test]
fn without_a_terminal_fresh_needs_yes() {
    let lab = ran(&small(), &[]);
    let before = lab.files("results");
    lab.run(&small(), &["--fresh"]).expect(2).complains(&["--yes", "results/t"]);
    assert!(lab.files("results") == before);
    lab.run(&small(), &["--yes"]).expect(2).complains(&["--fresh"]);
}

#[test]
fn fresh_with_yes_discards_the_earlier_results_and_nothing_else() {
    let lab = ran(&small(), &[]);
    lab.run(&with(small(), "name", json!("other")), &[]).expect(0);
    let (others, old) = (lab.files("results/other"), lab.runs("t"));
    lab.write("results/t/notes.txt", "mine");
    let changed = with(small(), "optimizer.lr", json!(0.2));
    lab.run(&changed, &["--fresh", "--yes"]).expect(0).says(&["6 of 6 runs trained"]);
    assert!(lab.runs("t").iter().all(|id| !old.contains(id)));
    assert_eq!(lab.text("results/t/notes.txt"), "mine");
    assert!(lab.files("results/other") == others);
    let straight = ran(&changed, &[]);
    std::fs::remove_file(lab.path("results/t/notes.txt")).unwrap();
    assert_same_files(&lab.reproducible("results/t"), &straight.reproducible("results/t"));
}

#[test]
fn fresh_discards_nothing_when_the_new_runs_cannot_begin() {
    let lab = ran(&small(), &[]);
    let before = lab.files("results");
    let mnist = with(small(), "data", json!({ "source": "mnist" }));
    lab.run(&mnist, &["--fresh", "--yes"]).expect(1).complains(&["MNIST"]);
    assert!(lab.files("results") == before, "the earlier results are as they were");
}

#[test]
fn fresh_needs_no_yes_where_there_are_no_results() {
    let lab = Lab::new();
    lab.run(&smaller(), &["--fresh"]).expect(0);
}

// Traces and snapshots.

#[test]
fn a_trace_on_finished_runs_is_the_one_written_while_training() {
    let vectors =
        with(small(), "sweep", json!({ "data.random_labels": [false, true], "model.precision": ["f32", "f64"] }));
    for config in [vectors, tiny_cnn()] {
        let (during, after) = (ran(&config, &["--trace"]), ran(&config, &[]));
        let before = after.files("results/t");
        assert!(before.keys().all(|path| !path.ends_with("trace.safetensors")));
        after.run(&config, &["--trace"]).expect(0).says(&["nothing to do"]);
        let now = after.files("results/t");
        assert!(before.iter().all(|(path, file)| path.ends_with("experiment.json") || now[path] == *file));
        assert_same_files(&during.reproducible("results/t"), &after.reproducible("results/t"));
        let traces = now.keys().filter(|path| path.ends_with("trace.safetensors")).count();
        assert_eq!(traces, after.runs("t").len());
        // One that was damaged is written again.
        let trace = std::path::Path::new("results/t/runs").join(&after.runs("t")[0]).join("trace.safetensors");
        let sound = after.bytes(&trace);
        for damaged in [&sound[..100], b"someone's", b""] {
            after.write(&trace, damaged);
            after.run(&config, &["--trace"]).expect(0).says(&["nothing to do"]);
            assert!(after.bytes(&trace) == sound);
        }
    }
}

#[test]
fn tracing_changes_no_table_and_no_parameter() {
    let (with, without) = (ran(&small(), &["--trace"]), ran(&small(), &[]));
    let mut traced = with.reproducible("results/t");
    traced.retain(|path, _| !path.ends_with("trace.safetensors"));
    assert_same_files(&traced, &without.reproducible("results/t"));
}

#[test]
fn a_trace_holds_what_a_replay_needs() {
    let config = with(with(small(), "data.train", json!(65)), "log.snapshot_every", json!(100));
    let lab = ran(&config, &["--trace"]);
    let folder = lab.run_folder("t", "bn", 1);
    let trace = lab.tensors(folder.join("trace.safetensors"));
    let batches = &trace["batches"];
    assert_eq!((batches.dtype.as_str(), &batches.shape), ("I64", &vec![12, 10]));
    for epoch in batches.i64().chunks(60) {
        let distinct: BTreeSet<_> = epoch.iter().copied().collect();
        assert_eq!(distinct.len(), 60, "an epoch sees no sample twice");
        assert!(distinct.iter().all(|i| (0..65).contains(i)));
    }
    assert_ne!(batches.i64()[..60], batches.i64()[60..], "each epoch has an order of its own");
    let at_start = lab.tensors(folder.join("snapshots/step-000000000.safetensors"));
    let init: BTreeMap<_, _> =
        trace.iter().filter_map(|(name, t)| Some((name.strip_prefix("init/")?.to_owned(), t))).collect();
    assert!(init.iter().map(|(name, tensor)| (name, *tensor)).eq(at_start.iter()));
    assert_eq!(init["blocks.0.norm.running_var"].f32(), [1.0; 4]);
    assert_eq!(init["blocks.0.norm.running_mean"].f32(), [0.0; 4]);
    assert_eq!(trace["data/features"].shape, [65, 2]);
    assert_eq!(trace["data/labels"].shape, [65]);
    assert!(trace["data/labels"].i64().iter().all(|label| (0..3).contains(label)));
}

#[test]
fn arms_share_data_batches_and_weights_at_the_start() {
    let lab = ran(&small(), &["--trace"]);
    let trace = |variant: &str| lab.tensors(lab.run_folder("t", variant, 1).join("trace.safetensors"));
    let (none, bn) = (trace("none"), trace("bn"));
    for name in ["batches", "data/features", "data/labels", "init/blocks.0.weight", "init/blocks.1.weight"] {
        assert_eq!(none[name], bn[name], "{name}");
    }
    assert_ne!(none["batches"], lab.tensors(lab.run_folder("t", "none", 0).join("trace.safetensors"))["batches"]);
}

#[test]
fn snapshots_appear_when_asked_for_and_the_last_is_the_checkpoint() {
    let lab = ran(&with(smaller(), "log.snapshot_every", json!(4)), &[]);
    for variant in ["affine", "bn"] {
        let folder = lab.run_folder("t", variant, 0);
        let found: Vec<_> = lab.files(folder.join("snapshots").to_str().unwrap()).into_keys().collect();
        let names = [0, 4, 8, 12].map(|step| format!("step-{step:09}.safetensors"));
        assert_eq!(found, names.map(std::path::PathBuf::from), "{variant}");
        let snapshot = |step: usize| lab.bytes(folder.join(format!("snapshots/step-{step:09}.safetensors")));
        assert!(snapshot(12) == lab.bytes(folder.join("checkpoint.safetensors")));
        assert!(snapshot(8) != snapshot(12));
    }
    let lab = ran(&smaller(), &[]);
    assert!(!lab.path(lab.run_folder("t", "bn", 0)).join("snapshots").exists());
}

#[test]
fn a_division_by_a_variance_of_0_fails_and_names_block_and_channel() {
    // Weights so small that their products' variance is 0: no channel varies.
    let config = with(small(), "variants", json!(["affine", "standardize", "bn"]));
    let config = with(with(config, "model.precision", json!("f64")), "norm.epsilon", json!(0.0));
    let config = with(config, "model.init", json!({ "scheme": "normal", "std": 1e-200 }));
    let lab = Lab::new();
    lab.run(&config, &[]).expect(1);
    let runs = lab.table("results/t/runs.csv");
    for variant in ["standardize", "bn"] {
        for row in runs.only(&[("variant", variant)]) {
            let words =
                ["block 0, channel 0", "variance over the batch is 0.0", "norm.epsilon 0.0", "raise norm.epsilon"];
            assert_eq!(row["status"], "failed", "{}", row["reason"]);
            assert!(words.iter().all(|word| row["reason"].contains(word)), "{}", row["reason"]);
        }
    }
    assert!(runs.only(&[("variant", "affine")]).iter().all(|row| row["status"] == "completed"));
    // With an ε nothing is divided by 0.
    let lab = Lab::new();
    lab.run(&with(config, "norm.epsilon", json!(1e-5)), &[]).expect(0);
}

#[test]
fn a_variance_that_is_no_number_fails_and_names_block_and_channel() {
    let rows = (0..60).map(|i| format!("{}e14,{}e14,{}\n", i % 7, (i * 5) % 10, i % 3)).collect::<String>();
    let config = with(small(), "data", json!({ "source": "csv", "file": "a.csv", "scaling": "none" }));
    let config = with(config, "model.init", json!({ "scheme": "normal", "std": 1e6 }));
    let config = with(with(config, "variants", json!(["bn"])), "seeds", json!(1));
    // In f64 there is a variance; such weights make the loss diverge, which is a result.
    for (precision, status) in [("f32", "failed"), ("f64", "diverged")] {
        let lab = Lab::new();
        lab.write("a.csv", format!("x,y,kind\n{rows}"));
        let outcome = lab.run(&with(config.clone(), "model.precision", json!(precision)), &[]);
        assert_eq!(outcome.code, Some(i32::from(status == "failed")), "{}", outcome.stderr);
        let runs = lab.table("results/t/runs.csv");
        assert_eq!(runs.column("status"), [status]);
        let words = ["block 0, channel", "variance over the batch is larger than any number", "f64"];
        let reason = &runs.rows[0]["reason"];
        assert!(status == "diverged" || words.iter().all(|word| reason.contains(word)), "{reason}");
    }
}

// Tables.

fn columns(file: &str) -> Vec<&'static str> {
    let own = match file {
        "runs.csv" => {
            "status reason diverged_at_step steps epochs parameters train_loss train_accuracy validation_loss \
             validation_accuracy test_loss test_accuracy train_loss_batch train_accuracy_batch validation_loss_batch \
             validation_accuracy_batch test_loss_batch test_accuracy_batch train_loss_population \
             train_accuracy_population validation_loss_population validation_accuracy_population \
             test_loss_population test_accuracy_population best_validation_accuracy best_validation_step steps_to_target"
        }
        "curves.csv" => "step epoch split mode loss accuracy",
        "activations.csv" => {
            "step block site channel mean std min p15 p50 p85 max zero_fraction saturated_fraction effective_rank \
             mean_cosine"
        }
        "gradients.csv" => "step block tensor norm mean std value_norm update_ratio",
        "landscape.csv" => "step metric distance value",
        "timing.csv" => {
            "steps train_seconds evaluate_seconds probe_seconds us_per_step peak_rss_bytes started_at host simd threads program_version"
        }
        other => panic!("no table {other}"),
    };
    own.split_whitespace().collect()
}

#[test]
fn every_table_has_exactly_its_columns() {
    let plain = ran(&smaller(), &[]);
    let swept = ran(&with(smaller(), "sweep", json!({ "optimizer.lr": [0.1], "model.hidden": [[4]] })), &[]);
    for (lab, axes) in [(&plain, &[][..]), (&swept, &["optimizer.lr", "model.hidden"][..])] {
        let run = lab.run_folder("t", "bn", 0);
        for file in TABLES {
            let expected: Vec<_> =
                ["run_id", "variant", "seed"].into_iter().chain(axes.iter().copied()).chain(columns(file)).collect();
            assert_eq!(lab.table(format!("results/t/{file}")).columns, expected, "{file}");
            assert_eq!(lab.table(run.join(file)).columns, expected, "{file} of a run");
        }
    }
}

#[test]
fn a_completed_run_has_every_final_metric() {
    let lab = ran(&smaller(), &[]);
    let runs = lab.table("results/t/runs.csv");
    for metric in bn_exp::config::file::Metric::FINAL {
        assert!(runs.column(metric.name).iter().all(|cell| !cell.is_empty()), "{} is empty", metric.name);
    }
}

#[test]
fn every_root_table_is_the_runs_tables_in_plan_order() {
    let lab = ran(&with(small(), "sweep", json!({ "optimizer.lr": [0.3, 0.1] })), &[]);
    let ids: Vec<String> = lab.table("results/t/runs.csv").column("run_id").iter().map(|s| (*s).to_owned()).collect();
    assert_eq!(ids.len(), 12);
    for file in TABLES.into_iter().filter(|file| *file != "runs.csv") {
        let mut joined = String::new();
        for (i, id) in ids.iter().enumerate() {
            let text = lab.text(format!("results/t/runs/{id}/{file}"));
            joined += if i == 0 { &text } else { text.split_once('\n').expect("a header").1 };
        }
        assert!(joined == lab.text(format!("results/t/{file}")), "{file}");
    }
}

/// (step, split, mode) of a run's rows in curves.csv.
fn curve_keys(table: &Table, variant: &str) -> BTreeSet<(u64, String, String)> {
    let rows = table.only(&[("variant", variant), ("seed", "0")]);
    let keys: BTreeSet<_> =
        rows.iter().map(|r| (r["step"].parse().expect("a step"), r["split"].clone(), r["mode"].clone())).collect();
    assert_eq!(keys.len(), rows.len(), "{variant}: rows stand twice");
    keys
}

#[test]
fn curves_have_every_row_that_is_due_and_no_other() {
    let config = with(small(), "variants", json!(["none", "affine", "standardize", "bn"]));
    for (batch_every, evaluate_every, batch_steps, evaluations) in
        [(5, 4, vec![0, 5, 10], vec![0, 4, 8]), (100, 0, vec![0], vec![0]), (0, 100, vec![], vec![0])]
    {
        let config = with(
            with(config.clone(), "log.batch_every", json!(batch_every)),
            "log.evaluate_every",
            json!(evaluate_every),
        );
        let lab = ran(&config, &[]);
        let table = lab.table("results/t/curves.csv");
        for variant in ["none", "affine", "standardize", "bn"] {
            let is_batch = matches!(variant, "standardize" | "bn");
            let mut expected = BTreeSet::new();
            let mut add = |step: u64, split: &str, mode: &str| {
                expected.insert((step, split.to_owned(), mode.to_owned()));
            };
            let batch_mode = if is_batch { "batch_stats" } else { "running_stats" };
            batch_steps.iter().for_each(|step| add(*step, "batch", batch_mode));
            for step in &evaluations {
                add(*step, "train", "running_stats");
                add(*step, "validation", "running_stats");
                if is_batch {
                    add(*step, "validation", "batch_stats");
                }
            }
            for split in ["train", "validation", "test"] {
                add(12, split, "running_stats");
                if is_batch {
                    add(12, split, "batch_stats");
                    add(12, split, "population_stats");
                }
            }
            assert_eq!(curve_keys(&table, variant), expected, "{variant}");
        }
    }
}

#[test]
fn probes_look_at_the_start_and_at_the_end() {
    let lab = ran(&smaller(), &[]);
    let steps = |file: &str| -> Vec<u64> {
        let table = lab.table(format!("results/t/{file}"));
        let distinct: BTreeSet<u64> = table.column("step").iter().map(|s| s.parse().expect("a step")).collect();
        distinct.into_iter().collect()
    };
    assert_eq!(steps("activations.csv"), [0, 5, 10, 12]);
    // Gradients belong to minibatches, of which the last is before the last update.
    assert_eq!(steps("gradients.csv"), [0, 5, 10, 11]);
    assert_eq!(steps("landscape.csv"), [0, 5, 10, 11]);
}

#[test]
fn probes_name_every_site_channel_and_tensor() {
    let lab = ran(&tiny_cnn(), &[]);
    let names = |file: &str, columns: &[&str], variant: &str| -> BTreeSet<String> {
        let table = lab.table(format!("results/t/{file}"));
        let rows = table.only(&[("variant", variant), ("step", "0")]);
        rows.iter().map(|row| columns.iter().map(|c| row[*c].as_str()).collect::<Vec<_>>().join(" ")).collect()
    };
    let sites = names("activations.csv", &["block", "site", "channel"], "bn");
    for (block, channels, sites_here) in [
        (0, 2, vec!["norm_input", "norm_output", "activation", "pool"]),
        (1, 3, vec!["norm_input", "norm_output", "activation", "pool"]),
        (2, 5, vec!["norm_input", "norm_output", "activation"]),
    ] {
        for site in sites_here {
            let channels = (0..channels).map(|c: usize| c.to_string()).chain(["all".to_owned()]);
            channels
                .for_each(|c| assert!(sites.contains(&format!("{block} {site} {c}")), "{block} {site} {c}: {sites:?}"));
        }
    }
    assert!(
        !sites.contains("2 pool all") && !sites.iter().any(|s| s.starts_with("0 ") && s.ends_with(" 2")),
        "{sites:?}"
    );
    let tensors = names("gradients.csv", &["block", "tensor"], "bn");
    let expected = ["weight", "gamma", "beta", "norm_input", "input"];
    for block in 0..3 {
        expected.iter().for_each(|t| assert!(tensors.contains(&format!("{block} {t}")), "{block} {t}: {tensors:?}"));
        assert!(!tensors.contains(&format!("{block} bias")));
    }
    for tensor in ["weight", "bias", "input"] {
        assert!(tensors.contains(&format!("3 {tensor}")), "{tensors:?}");
    }
    assert!(names("gradients.csv", &["block", "tensor"], "none").contains("0 bias"));
}

#[test]
fn runs_csv_repeats_the_last_rows_of_the_curves() {
    let lab = ran(&small(), &[]);
    let (runs, curves) = (lab.table("results/t/runs.csv"), lab.table("results/t/curves.csv"));
    assert_eq!(runs.column("status"), ["completed"; 6]);
    for run in &runs.rows {
        let own = [("run_id", run["run_id"].as_str()), ("mode", "running_stats")];
        for split in ["train", "validation", "test"] {
            // Arms without batch statistics score the same under each kind.
            let has_kinds = run["variant"] == "bn";
            for (mode, suffix) in
                [("running_stats", ""), ("batch_stats", "_batch"), ("population_stats", "_population")]
            {
                let mode = if has_kinds { mode } else { "running_stats" };
                let last = curves.only(&[own[0], ("mode", mode), ("split", split), ("step", "12")]);
                for column in ["loss", "accuracy"] {
                    assert_eq!(run[&format!("{split}_{column}{suffix}")], last[0][column]);
                }
            }
            let kinds = curves.only(&[own[0], ("split", split), ("step", "12")]).len();
            assert_eq!(kinds, if has_kinds { 3 } else { 1 });
        }
        let validation = curves.only(&[own[0], own[1], ("split", "validation")]);
        let best = validation.iter().map(|row| number(&row["accuracy"])).fold(0.0, f64::max);
        let first = validation.iter().find(|row| number(&row["accuracy"]) == best).expect("the best");
        assert_eq!(number(&run["best_validation_accuracy"]), best);
        assert_eq!(run["best_validation_step"], first["step"]);
        assert_eq!((run["steps"].as_str(), run["epochs"].as_str()), ("12", "2.0"));
    }
    assert_eq!(runs.column("parameters")[..3], ["27", "31", "31"]);
}

#[test]
fn none_and_affine_start_at_the_same_loss_and_weight_gradients() {
    let lab = ran(&small(), &[]);
    let gradients = lab.table("results/t/gradients.csv");
    let curves = lab.table("results/t/curves.csv");
    let near = |a: &str, b: &str| assert!((number(a) - number(b)).abs() <= 1e-5 * number(a).abs(), "{a} {b}");
    for seed in ["0", "1"] {
        let loss =
            |v| curves.only(&[("variant", v), ("seed", seed), ("step", "0"), ("split", "batch")])[0]["loss"].clone();
        near(&loss("none"), &loss("affine"));
        for block in ["0", "1"] {
            let norm = |v| {
                let key = [("variant", v), ("seed", seed), ("step", "0"), ("tensor", "weight"), ("block", block)];
                gradients.only(&key)[0]["norm"].clone()
            };
            near(&norm("none"), &norm("affine"));
        }
    }
}

#[test]
fn a_split_without_samples_leaves_empty_cells() {
    let lab = ran(&with(smaller(), "data.validation", json!(0)), &[]);
    let runs = lab.table("results/t/runs.csv");
    for column in ["validation_loss", "validation_accuracy", "best_validation_accuracy", "best_validation_step"] {
        assert_eq!(runs.column(column), ["", ""], "{column}");
    }
    assert!(lab.table("results/t/curves.csv").column("split").iter().all(|split| *split != "validation"));
    assert!(!lab.table("results/t/activations.csv").rows.is_empty(), "the probe batch is from the training split");
}

/// Holds that no cell of any table below the experiment's folder is text for what is no number.
#[track_caller]
fn assert_no_cell_is_nan_or_infinite(lab: &Lab) {
    let mut cells = 0;
    for (path, (bytes, _)) in lab.files("results/t") {
        if path.extension().is_some_and(|e| e == "csv") {
            for row in Table::parse(&bytes).rows {
                for (column, cell) in row {
                    cells += 1;
                    let is_number = column == "reason" || cell.parse::<f64>().map_or(true, f64::is_finite);
                    assert!(is_number, "{}, {column}: {cell}", path.display());
                }
            }
        }
    }
    assert!(cells > 100);
}

#[test]
fn what_is_undefined_is_an_empty_cell() {
    for config in [small(), tiny_cnn(), with(small(), "model.activation", json!("sigmoid"))] {
        assert_no_cell_is_nan_or_infinite(&ran(&config, &[]));
    }
}

// Divergence.

fn diverging() -> Value {
    with(small(), "optimizer.lr", json!(1e6))
}

#[test]
fn a_diverged_run_is_a_result() {
    let lab = Lab::new();
    lab.run(&diverging(), &[]).expect(0).says(&["6 diverged"]).complains(&["diverged at step"]);
    let runs = lab.table("results/t/runs.csv");
    assert_eq!(runs.column("status"), ["diverged"; 6]);
    let curves = lab.table("results/t/curves.csv");
    for run in &runs.rows {
        assert!(run["reason"].contains("loss") || run["reason"].contains("parameter"), "{}", run["reason"]);
        let step: usize = run["diverged_at_step"].parse().expect("a step");
        assert!(step < 12);
        for (column, cell) in run {
            let is_score = ["train_", "validation_", "test_", "best_"].iter().any(|start| column.starts_with(start));
            assert!(!is_score || cell.is_empty(), "{column}: {cell}");
        }
        let batches = curves.only(&[("run_id", &run["run_id"]), ("split", "batch")]);
        assert_eq!(batches.len(), step + 1, "the rows up to the divergence are kept");
        assert_eq!(
            curves.only(&[("run_id", &run["run_id"]), ("split", "validation"), ("mode", "running_stats")]).len(),
            1
        );
        assert!(lab.path(format!("results/t/runs/{}/checkpoint.safetensors", run["run_id"])).is_file());
    }
    assert_no_cell_is_nan_or_infinite(&lab);
    let before = lab.files("results/t/runs");
    lab.run(&diverging(), &[]).expect(0).says(&["nothing to do"]);
    assert!(lab.files("results/t/runs") == before);
}

#[test]
fn a_loss_that_is_not_a_number_is_an_empty_cell() {
    let config = with(with(diverging(), "train.diverged_above", json!(1e300)), "model.hidden", json!([4, 4, 4, 4]));
    let lab = ran(&with(config, "seeds", json!(4)), &[]);
    assert!(lab.table("results/t/runs.csv").column("status").contains(&"diverged"));
    let curves = lab.table("results/t/curves.csv");
    let unknown = curves.only(&[("split", "batch"), ("loss", "")]);
    assert!(!unknown.is_empty(), "no loss has left the finite");
    assert!(unknown.iter().all(|row| row["accuracy"].is_empty()), "{unknown:?}");
    assert_no_cell_is_nan_or_infinite(&lab);
}

#[test]
fn compare_counts_a_diverged_run_as_chance() {
    let lab = Lab::new();
    let two_classes = with(diverging(), "data.classes", json!(2));
    let shown = lab.run(&two_classes, &[]).expect(0).says(&["chance"]);
    for arm in ["none", "affine", "bn"] {
        let is_row = |line: &&str| line.split_whitespace().take(2).eq([arm, "0.50"]);
        let row = shown.stdout.lines().find(is_row).unwrap_or_else(|| panic!("{arm}:\n{}", shown.stdout));
        assert!(row.contains(" 2 of 2 "), "{row}");
    }
    lab.call(&["compare", "results/t", "--metric", "test_loss"]).expect(0).says(&["as the worst"]);
}

#[test]
fn a_diverged_run_does_not_stop_the_others() {
    let lab = ran(&with(smaller(), "sweep", json!({ "optimizer.lr": [1e6, 0.1] })), &[]);
    let runs = lab.table("results/t/runs.csv");
    assert_eq!(runs.column("status"), ["diverged", "diverged", "completed", "completed"]);
}

// Time to target.

#[test]
fn steps_to_target_is_the_first_evaluation_that_reaches_it() {
    let easy = json!({ "source": "gaussians", "classes": 2, "dimension": 4, "separation": 6, "train": 60, "validation": 40, "test": 40 });
    let config = with(with(small(), "data", easy), "log.evaluate_every", json!(1));
    let lab = ran(&with(config.clone(), "compare.target_accuracy", json!(0.9)), &[]);
    let (runs, curves) = (lab.table("results/t/runs.csv"), lab.table("results/t/curves.csv"));
    let mut reached = 0;
    for run in &runs.rows {
        let rows = curves.only(&[("run_id", &run["run_id"]), ("split", "validation"), ("mode", "running_stats")]);
        let first = rows.iter().find(|row| number(&row["accuracy"]) >= 0.9).map_or("", |row| row["step"].as_str());
        assert_eq!(run["steps_to_target"], first, "{}", run["run_id"]);
        reached += usize::from(!first.is_empty());
    }
    assert!(reached > 0, "the task is too hard for this test");

    let before = lab.files("results/t/runs");
    // A target that the best run just meets, and no other passes.
    let best = runs.column("best_validation_accuracy").into_iter().map(number).fold(0.0, f64::max);
    lab.run(&with(config.clone(), "compare.target_accuracy", json!(best)), &[]).expect(0).says(&["nothing to do"]);
    for run in lab.table("results/t/runs.csv").rows {
        let is_best = number(&run["best_validation_accuracy"]) == best;
        let expected = if is_best { run["best_validation_step"].as_str() } else { "" };
        assert_eq!(run["steps_to_target"], expected, "{}", run["run_id"]);
    }
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]);
    assert_eq!(lab.table("results/t/runs.csv").column("steps_to_target"), [""; 6], "no target, no step");
    lab.run(&with(config, "compare.target_accuracy", json!(1e-3)), &[]).expect(0);
    assert_eq!(lab.table("results/t/runs.csv").column("steps_to_target"), ["0"; 6]);
    assert!(lab.files("results/t/runs") == before);
}

#[test]
fn steps_to_target_is_empty_where_it_is_never_reached() {
    let lab = ran(&with(small(), "compare.target_accuracy", json!(1.0)), &[]);
    assert_eq!(lab.table("results/t/runs.csv").column("steps_to_target"), [""; 6]);
}

// What is said.

#[test]
fn redirected_progress_is_one_plain_line_a_finished_run() {
    let lab = Lab::new();
    let shown = lab.run(&small(), &["--jobs", "2"]).expect(0);
    assert_eq!(shown.stderr.lines().count(), 6, "{}", shown.stderr);
    for id in lab.runs("t") {
        assert_eq!(shown.stderr.lines().filter(|line| line.contains(&id)).count(), 1, "{}", shown.stderr);
    }
    for (i, line) in shown.stderr.lines().enumerate() {
        assert!(line.starts_with(&format!("[{}/6] ", i + 1)), "{}", shown.stderr);
    }
    assert!(!shown.stderr.contains(['\x1b', '\r']) && !shown.stdout.contains(['\x1b', '\r']));
    shown.says(&[
        "6 of 6 runs trained",
        "t: test_accuracy, no arm tuned",
        "`bn` against `affine`",
        "results/t",
        "runs.csv",
    ]);
}

#[test]
fn a_progress_line_names_the_sweep_point() {
    let lab = Lab::new();
    let config = with(with(smaller(), "variants", json!(["bn"])), "sweep", json!({ "optimizer.lr": [0.1, 0.3] }));
    lab.run(&config, &["--jobs", "1"]).expect(0).complains(&["lr=0.1", "lr=0.3", "test accuracy"]);
}

#[test]
fn quiet_says_nothing_on_standard_error() {
    for flag in ["--quiet", "-q"] {
        let lab = Lab::new();
        let shown = lab.run(&diverging(), &[flag]).expect(0).says(&["6 of 6 runs trained"]);
        assert_eq!(shown.stderr, "");
    }
    Lab::new().run(&small(), &["--quiet", "--verbose"]).expect(2);
}

#[test]
fn the_record_of_an_experiment_says_what_made_it() {
    let lab = ran(&small(), &[]);
    let record = lab.json("results/t/experiment.json");
    assert_eq!(record["schema_version"], 1);
    assert_eq!(record["program_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(record["configuration"]["norm"]["epsilon"], 1e-5, "defaults are filled in");
    for key in ["host", "simd"] {
        assert!(record[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    let timing = lab.table("results/t/timing.csv");
    assert_eq!(timing.column("threads"), ["1"; 6]);
    for row in &timing.rows {
        let (seconds, us) = (number(&row["train_seconds"]), number(&row["us_per_step"]));
        assert!(seconds > 0.0 && (us - seconds * 1e6 / 12.0).abs() <= 1e-9 * us, "{row:?}");
    }
}

// Checkpoints.

/// Names and shapes of an arm's checkpoint.
fn shapes(lab: &Lab, variant: &str, dtype: &str) -> BTreeMap<String, Vec<u64>> {
    let tensors = lab.tensors(lab.run_folder("t", variant, 0).join("checkpoint.safetensors"));
    assert!(tensors.values().all(|tensor| tensor.dtype == dtype), "{variant}");
    tensors.into_iter().map(|(name, tensor)| (name, tensor.shape)).collect()
}

fn expected(entries: &[(&str, &[u64])]) -> BTreeMap<String, Vec<u64>> {
    entries.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
}

/// What an arm has besides the weights of its hidden blocks and the output layer.
fn norm_entries(variant: &str, channels: &[u64]) -> Vec<(String, Vec<u64>)> {
    let names: &[&str] = match variant {
        "none" => &["bias"],
        "affine" => &["norm.gamma", "norm.beta"],
        "standardize" => &["norm.running_mean", "norm.running_var"],
        _ => &["norm.gamma", "norm.beta", "norm.running_mean", "norm.running_var"],
    };
    let entries =
        |(i, c): (usize, &u64)| names.iter().map(move |n| (format!("blocks.{i}.{n}"), vec![*c])).collect::<Vec<_>>();
    channels.iter().enumerate().flat_map(entries).collect()
}

#[test]
fn checkpoints_have_pytorchs_names_and_shapes() {
    let arms = ["none", "affine", "standardize", "bn"];
    let mlp = with(with(small(), "variants", json!(arms)), "model.hidden", json!([4, 5]));
    for (precision, dtype) in [("f32", "F32"), ("f64", "F64")] {
        let lab = ran(&with(mlp.clone(), "model.precision", json!(precision)), &[]);
        for variant in arms {
            let mut entries = expected(&[
                ("blocks.0.weight", &[4, 2]),
                ("blocks.1.weight", &[5, 4]),
                ("blocks.2.weight", &[3, 5]),
                ("blocks.2.bias", &[3]),
            ]);
            entries.extend(norm_entries(variant, &[4, 5]));
            assert_eq!(shapes(&lab, variant, dtype), entries, "{variant}");
        }
    }
    let lab = ran(&tiny_cnn(), &[]);
    for variant in arms {
        // 28×28 pooled twice is 7×7.
        let mut entries = expected(&[
            ("blocks.0.weight", &[2, 1, 3, 3]),
            ("blocks.1.weight", &[3, 2, 3, 3]),
            ("blocks.2.weight", &[5, 147]),
            ("blocks.3.weight", &[10, 5]),
            ("blocks.3.bias", &[10]),
        ]);
        entries.extend(norm_entries(variant, &[2, 3, 5]));
        assert_eq!(shapes(&lab, variant, "F32"), entries, "{variant}");
    }
}

#[test]
fn bias_and_train_only_change_an_arm() {
    let variants = json!([
        { "name": "biased", "base": "bn", "bias": true },
        { "name": "gammas", "base": "bn", "train_only": ["gamma", "beta"] }
    ]);
    let lab = ran(&with(with(small(), "variants", variants), "log.snapshot_every", json!(12)), &[]);
    assert!(shapes(&lab, "biased", "F32").contains_key("blocks.0.bias"));
    let at = |step: usize| {
        lab.tensors(lab.run_folder("t", "gammas", 0).join(format!("snapshots/step-{step:09}.safetensors")))
    };
    let (start, end) = (at(0), at(12));
    for name in ["blocks.0.weight", "blocks.1.weight", "blocks.1.bias"] {
        assert_eq!(start[name], end[name], "{name} is frozen");
    }
    for name in ["blocks.0.norm.gamma", "blocks.0.norm.beta", "blocks.0.norm.running_mean"] {
        assert_ne!(start[name], end[name], "{name} moves");
    }
}

// Interruption.

/// Runs two sweep points, of which the second would take minutes, and presses Ctrl-C in the middle of that.
#[cfg(unix)]
fn interrupted() -> (Lab, Value) {
    let off = json!({ "batch_every": 0, "evaluate_every": 0, "activations_every": 0, "gradients_every": 0 });
    let config = with(
        with(with(smaller(), "variants", json!(["bn"])), "log", off),
        "sweep",
        json!({ "train.steps": [12, 100_000_000] }),
    );
    let lab = Lab::new();
    lab.write("config.json", config.to_string());
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("bn-exp"))
        .args(["run", "--config", "config.json", "--jobs", "1", "--resume-every", "0"])
        .current_dir(lab.path(""))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The second run is saved once it has made an update, well after signals are listened for. The first is finished then.
    let patience = std::time::Instant::now();
    let is_saved = |id: &String| lab.path(format!("results/t/runs/{id}/resume.safetensors")).exists();
    let is_on_its_way = || lab.runs("t").len() == 2 && lab.runs("t").iter().any(is_saved);
    while !lab.path("results/t/runs").is_dir() || !is_on_its_way() {
        if patience.elapsed().as_secs() > 60 {
            child.kill().unwrap();
            panic!("the second run never began");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    (lab, config)
}

#[cfg(unix)]
#[test]
fn an_interrupted_experiment_ends_with_130_and_keeps_what_is_finished() {
    let (lab, config) = interrupted();
    assert_eq!(lab.table("results/t/runs.csv").column("status")[0], "completed");
    // What was begun is given up by hand, and by nothing else.
    let less = with(config, "sweep", json!({ "train.steps": [12] }));
    let begun = lab.table("results/t/runs.csv").only(&[("status", "interrupted")])[0]["run_id"].clone();
    let folder = format!("results/t/runs/{begun}");
    lab.run(&less, &[]).expect(2).complains(&["would drop", &format!("by removing its folder, {folder}")]);
    std::fs::remove_dir_all(lab.path(&folder)).unwrap();
    lab.run(&less, &[]).expect(0).says(&["nothing to do"]);
}

#[cfg(unix)]
#[test]
fn a_run_that_was_stopped_on_the_way_is_called_interrupted() {
    let (lab, _) = interrupted();
    assert_eq!(lab.table("results/t/runs.csv").column("status"), ["completed", "interrupted"]);
}

// Instruction levels.

#[test]
fn the_instruction_level_can_be_chosen_and_is_recorded() {
    let lab = Lab::new();
    let config = lab.write("config.json", smaller().to_string());
    let run = |level: &str, out: &str| {
        let mut command = lab.command();
        command.args(["run", "--config", config.to_str().unwrap(), "--out", out, "--quiet"]).env("BN_EXP_SIMD", level);
        command.output().unwrap()
    };
    for out in ["first", "second"] {
        assert!(run("portable", out).status.success());
        let timing = lab.table(format!("{out}/t/timing.csv"));
        assert!(timing.column("simd").iter().all(|level| *level == "portable"));
        assert_eq!(lab.json(format!("{out}/t/experiment.json"))["simd"], "portable");
    }
    // Within a level, the same bytes.
    assert_same_files(&lab.reproducible("first/t"), &lab.reproducible("second/t"));

    let refused = run("sse9", "third");
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(words.contains("sse9") && words.contains("portable"), "{words}");
}

#[test]
fn programs_are_told_what_happens_a_line_of_json_an_event() {
    let lab = Lab::new();
    let config = with(with(small(), "sweep", json!({ "optimizer.lr": [0.1, 1e6] })), "seeds", json!(2));
    let config = with(config, "variants", json!(["affine"]));
    let read = |stdout: &str| -> Vec<Value> {
        stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    };
    let events = read(&lab.run(&config, &["--format", "json", "--jobs", "1"]).expect(0).stdout);
    let of = |word: &str| events.iter().filter(|event| event["event"] == word).collect::<Vec<_>>();
    assert_eq!(
        (&events[0]["event"], &events[0]["runs"], &events[0]["missing"]),
        (&json!("begun"), &json!(4), &json!(4))
    );
    assert_eq!([of("started"), of("finished"), of("diverged")].map(|found| found.len()), [4, 2, 2]);
    for event in of("finished") {
        assert_eq!((&event["variant"], &event["values"]["optimizer.lr"]), (&json!("affine"), &json!(0.1)));
        assert!(
            event["metrics"]["test_accuracy"].is_number() && event["run_id"].is_string() && event["seed"].is_number()
        );
    }
    for event in of("diverged") {
        assert!(event["reason"].is_string() && event["metrics"].get("test_accuracy").is_none(), "{event}");
    }
    let last = events.last().expect("the last event");
    assert_eq!(
        (&last["event"], &last["finished"], &last["diverged"], &last["left"]),
        (&json!("done"), &json!(4), &json!(2), &json!(0))
    );
    let again = read(&lab.run(&config, &["--format", "json"]).expect(0).stdout);
    assert_eq!(again.last().expect("the last event")["finished_before"], 4);
}

#[test]
fn the_program_that_ends_first_compares_nothing_while_another_still_trains() {
    let lab = Lab::new();
    let verdict = "`bn` against `affine`";
    assert!(lab.run(&small(), &[]).expect(0).stdout.contains(verdict));
    let folder = RunFolder::at(lab.path(lab.run_folder("t", "bn", 1)));
    std::fs::remove_file(folder.run_json()).expect("a record");
    // As while another program trains it.
    let held = files::try_lock(&folder.lock()).expect("a lock");
    assert!(matches!(held, files::Lock::Held(_)));
    let first = lab.run(&small(), &[]).expect(0).stdout;
    assert!(first.contains("1 run is still being trained by another") && !first.contains(verdict), "{first}");
    drop(held);
    assert!(lab.run(&small(), &[]).expect(0).stdout.contains(verdict));
}

/// Training again what the tables hold takes hours, perhaps, and their times are lost.
#[test]
fn runs_that_were_moved_away_are_told_before_they_are_trained_again() {
    let lab = Lab::new();
    lab.run(&small(), &["--quiet"]).expect(0);
    std::fs::rename(lab.path("results/t/runs"), lab.path("elsewhere")).expect("moved");
    let told = ["the tables of results/t hold 6 finished runs", "put runs/ back"];
    lab.run(&small(), &[]).expect(0).says(&["6 of 6 runs trained"]).complains(&told);
    let again = lab.run(&small(), &[]).expect(0).says(&["nothing to do"]);
    assert!(!again.stderr.contains("finished runs"), "{}", again.stderr);
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    let fresh = lab.run(&small(), &["--fresh", "--yes"]).expect(0).says(&["6 of 6 runs trained"]);
    assert!(!fresh.stderr.contains("finished runs"), "{}", fresh.stderr);
}
