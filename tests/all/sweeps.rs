//! Sweeps, and what makes two runs the same run.

use crate::common::{Lab, small, unsigned, with, without};
use serde_json::{Value, json};

fn two_arms() -> Value {
    with(with(small(), "variants", json!(["affine", "bn"])), "seeds", json!(1))
}

/// Four tiny IDX files, 2×2 pixels, labels 0 to 2.
fn write_idx(lab: &Lab, folder: &str, brightness: u8, training_labels: &[u8]) {
    let n = training_labels.len();
    let file = |words: &[u32], data: &[u8]| -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(data.iter().copied()).collect()
    };
    let pixels = |n: usize| -> Vec<u8> { (0..4 * n).map(|i| (i * 37 % 200) as u8 + brightness).collect() };
    let test_labels: Vec<u8> = (0..12).map(|i| i % 3).collect();
    lab.write(format!("{folder}/train-images-idx3-ubyte"), file(&[0x803, n as u32, 2, 2], &pixels(n)));
    lab.write(format!("{folder}/train-labels-idx1-ubyte"), file(&[0x801, n as u32], training_labels));
    lab.write(format!("{folder}/t10k-images-idx3-ubyte"), file(&[0x803, 12, 2, 2], &pixels(12)));
    lab.write(format!("{folder}/t10k-labels-idx1-ubyte"), file(&[0x801, 12], &test_labels));
}

fn thirds(n: u8) -> Vec<u8> {
    (0..n).map(|i| i % 3).collect()
}

fn idx_config(folder: &str) -> Value {
    with(two_arms(), "data", json!({ "source": "idx", "dir": folder }))
}

#[test]
fn a_diverged_run_counts_as_chance_among_the_classes_of_its_own_data() {
    let lab = Lab::new();
    let data = json!({ "source": "gaussians", "train": 60, "validation": 30, "test": 30 });
    let config = with(with(two_arms(), "data", data), "optimizer.lr", json!(1e6));
    let shown = lab.run(&with(config, "sweep", json!({ "data.classes": [2, 10] })), &[]).expect(0).stdout;
    for (classes, chance) in [("2", "0.50"), ("10", "0.10")] {
        let row = |line: &&str| line.split_whitespace().take(2).eq([classes, "affine"]);
        let row = shown.lines().find(row).unwrap_or_else(|| panic!("{shown}"));
        assert_eq!(row.split_whitespace().nth(2), Some(chance), "{row}");
    }
}

#[test]
fn a_swept_key_is_set_through_its_axis_and_not_beside_it() {
    let lab = Lab::new();
    let config = with(two_arms(), "sweep", json!({ "optimizer.lr": [0.1, 0.2] }));
    let refused = lab.run(&config, &["--set", "optimizer.lr=0.7"]).expect(2);
    refused.complains(&["optimizer.lr", "swept", "sweep.optimizer.lr=[0.7]"]);
    let axes = json!({ "optimizer.lr": [0.1, 0.2], "train.batch_size": [5, 10], "train.steps": [6, 12] });
    let swept = with(config.clone(), "sweep", axes);
    for (set, instead) in [
        ("optimizer.lr=1,10", "sweep.optimizer.lr=[1,10]'"),
        ("optimizer.lr=0,3", "sweep.optimizer.lr=[0.3]'"),
        ("optimizer.lr=0.03,0.3", "sweep.optimizer.lr=[0.03,0.3]'"),
        ("optimizer.lr=1/10", "sweep.optimizer.lr=[0.1]'"),
        ("optimizer.lr=", "sweep.optimizer.lr=[…]'"),
        ("optimizer.lr=high", "sweep.optimizer.lr=[…]'"),
        ("train.batch_size=16,32", "sweep.train.batch_size=[16,32]'"),
        ("train.batch_size=1/10", "sweep.train.batch_size=[…]'"),
        ("train.steps=1,000", "sweep.train.steps=[1000]'"),
    ] {
        lab.plan(&swept, &["--set", set]).expect(2).complains(&["this key is swept", instead]);
    }
    lab.plan(&config, &["--set", "sweep.optimizer.lr=[0.7]"]).expect(0).says(&["2 runs"]);
    lab.plan(&config, &["--set", "sweep.optimizer.lr=[0.7]", "--runs"]).expect(0).says(&["0.7"]);
}

#[test]
fn an_axis_within_another_is_refused() {
    let sweep = json!({ "model.init": [{ "scheme": "lecun" }], "model.init.scheme": ["xavier"] });
    let refused = Lab::new().plan(&with(two_arms(), "sweep", sweep), &[]).expect(2);
    refused.complains(&["sweep.model.init.scheme", "lies within the axis `model.init`"]);
}

#[test]
fn the_recorded_configuration_is_a_configuration_that_makes_the_same_runs() {
    for (sweep, base) in [
        (json!({ "train.epochs": [1, 2] }), without(two_arms(), "train.steps")),
        (json!({ "train.steps": [12, 400] }), without(two_arms(), "log")),
        (json!({ "model.hidden": [[4], [4, 4]], "data.train": [40, 60] }), two_arms()),
        (json!({}), two_arms()),
    ] {
        let lab = Lab::new();
        lab.run(&with(base, "sweep", sweep.clone()), &[]).expect(0);
        let recorded = lab.json("results/t/experiment.json")["configuration"].clone();
        lab.run(&recorded, &[]).expect(0).says(&["nothing to do"]);
    }
}

#[test]
fn the_same_value_written_in_another_way_gives_the_same_run_and_the_same_cells() {
    let lab = Lab::new();
    let written = |value: serde_json::Value| with(two_arms(), "sweep", json!({ "optimizer.lr": [value] }));
    lab.run(&written(json!(1)), &[]).expect(0);
    for (value, expected) in [(json!(1.0), "1.0"), (json!(1), "1.0")] {
        lab.run(&written(value), &[]).expect(0).says(&["nothing to do"]);
        for table in crate::common::TABLES {
            let cells = lab.table(format!("results/t/{table}"));
            assert!(cells.column("optimizer.lr").iter().all(|cell| *cell == expected), "{table}");
        }
    }
}

#[test]
fn idx_data_is_known_by_its_content_and_not_by_its_place() {
    let lab = Lab::new();
    write_idx(&lab, "here", 0, &thirds(40));
    write_idx(&lab, "there", 0, &thirds(40));
    lab.run(&idx_config("here"), &[]).expect(0);
    lab.run(&idx_config("there"), &[]).expect(0).says(&["nothing to do"]);
    write_idx(&lab, "here", 9, &thirds(40));
    let refused =
        lab.run(&idx_config("here"), &[]).expect(2).complains(&["would drop", "the content of the data files"]);
    assert!(!refused.stderr.contains("version"), "{}", refused.stderr);
}

#[test]
fn a_stray_label_is_said_and_refused_where_classes_are_stated() {
    let lab = Lab::new();
    let mut labels = thirds(40);
    labels[7] = 255;
    write_idx(&lab, "set", 0, &labels);
    let note = "labels 0, 1, 2, 255 became the classes 0 to 3";
    lab.plan(&idx_config("set"), &[]).expect(0).complains(&["note: ", "renumbered", note]);
    let stated = with(idx_config("set"), "data.classes", json!(3));
    lab.run(&stated, &[]).expect(1).complains(&["labels from 0 to 2", "label 255"]);
    write_idx(&lab, "set", 0, &thirds(40));
    let more = with(idx_config("set"), "data.classes", json!(5));
    lab.run(&more, &[]).expect(0);
    let run = lab.json(lab.run_folder("t", "bn", 0).join("run.json"));
    assert_eq!(run["classes"], 5);
}

#[test]
fn what_is_damaged_is_trained_again() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let before: Vec<_> = crate::common::REPRODUCIBLE.map(|table| lab.bytes(format!("results/t/{table}"))).to_vec();
    let folder = lab.run_folder("t", "affine", 1);
    let whole = lab.bytes(folder.join("curves.csv"));
    lab.write(folder.join("curves.csv"), &whole[..512]);
    std::fs::remove_file(lab.path("results/t/curves.csv")).unwrap();
    lab.run(&small(), &[]).expect(0).says(&["1 of 6 runs trained"]).complains(&["curves.csv is damaged", "512 found"]);

    // Cut short, or without what the tables need: both are as good as not there.
    for damaged in ["{", r#"{"schema_version": 1, "status": "completed"}"#] {
        lab.write(folder.join("run.json"), damaged);
        lab.run(&small(), &[]).expect(0).says(&["1 of 6 runs trained"]);
        let after: Vec<_> = crate::common::REPRODUCIBLE.map(|table| lab.bytes(format!("results/t/{table}"))).to_vec();
        assert!(before == after);
    }
}

#[test]
fn a_table_that_comes_back_makes_its_run_count_again() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let of = |lab: &Lab| crate::common::TABLES.map(|table| lab.bytes(format!("results/t/{table}")));
    let before = of(&lab);
    let folder = lab.run_folder("t", "affine", 1);
    let (record, log) = (lab.bytes(folder.join("run.json")), lab.bytes(folder.join("run.log")));
    let whole = lab.bytes(folder.join("curves.csv"));
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    lab.write(folder.join("curves.csv"), &damaged);
    std::fs::remove_file(lab.path("results/t/.tables.json")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0).complains(&["counts as failed", "curves.csv is damaged"]);
    assert!(of(&lab) != before && lab.bytes(folder.join("run.json")) == record, "the record stays as it is");
    lab.write(folder.join("curves.csv"), &whole);
    let again = lab.call(&["compare", "results/t"]).expect(0);
    assert_eq!(again.stderr, "");
    assert!(of(&lab) == before && lab.bytes(folder.join("run.log")) == log);
    let left = lab.files("results/t/runs").into_keys().find(|name| name.to_string_lossy().contains("failed"));
    assert_eq!(left, None);
    // A run that is found damaged and not mended is trained again.
    lab.write(folder.join("curves.csv"), &damaged);
    std::fs::remove_file(lab.path("results/t/.tables.json")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0);
    lab.run(&small(), &[]).expect(0).says(&["1 of 6 runs trained"]);
    assert!(lab.bytes(folder.join("curves.csv")) == whole);
}

#[test]
fn tables_that_are_the_only_copy_of_runs_are_kept() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let of = |lab: &Lab| ["runs.csv", "curves.csv"].map(|table| lab.bytes(format!("results/t/{table}")));
    let before = of(&lab);
    let gone = lab.run_folder("t", "bn", 0);
    std::fs::remove_dir_all(lab.path(&gone)).unwrap();
    let said = ["holds no whole record of it", "The tables stay as they are"];
    for args in [&["compare", "results/t"][..], &["collect", "results/t", "--out", "results"]] {
        lab.call(args).complains(&said).complains(&["bn-s0-"]);
        assert!(of(&lab) == before, "{args:?}");
    }
    // A disk that is not there: an empty folder.
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    std::fs::create_dir(lab.path("results/t/runs")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0).complains(&said).complains(&["6 runs"]);
    assert!(of(&lab) == before);
    let copied = lab.call(&["collect", "results/t", "--out", "other"]).expect(1);
    copied.complains(&["the tables of results/t hold 6 finished runs", "put runs/ back"]);
    assert!(!lab.path("other/t/runs.csv").exists());
    // Training that fails anew takes nothing from them.
    let ids: Vec<String> = lab.table("results/t/runs.csv").column("run_id").iter().map(|id| (*id).to_owned()).collect();
    ids.iter().for_each(|id| drop(lab.write(format!("results/t/runs/{id}/checkpoint.safetensors/x"), "in its place")));
    lab.run(&small(), &[]).expect(1).says(&["6 failed"]);
    assert!(of(&lab) == before);
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    std::fs::create_dir(lab.path("results/t/runs")).unwrap();
    // Another plan would drop what they hold; discarding them asks.
    for change in [&["--set", "train.steps=7"][..], &["--set", "seeds=1"]] {
        lab.run(&small(), change).expect(2).complains(&["would drop"]);
        assert!(of(&lab) == before, "{change:?}");
    }
    std::fs::remove_dir(lab.path("results/t/runs")).unwrap();
    lab.run(&small(), &["--fresh"]).expect(2).complains(&["add --yes"]);
    assert!(of(&lab) == before);
    lab.run(&small(), &[]).expect(0).says(&["6 of 6 runs trained"]);
    assert!(of(&lab) == before);
    assert_eq!(lab.call(&["compare", "results/t"]).expect(0).stderr, "");
    // A record that is cut short is no record.
    lab.write(lab.run_folder("t", "bn", 0).join("run.json"), "");
    lab.call(&["compare", "results/t"]).expect(0).complains(&said);
    assert!(of(&lab) == before);
}

#[test]
fn a_name_leads_to_the_results_of_its_own_and_a_path_nowhere_else() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    lab.write("t.json", "{}");
    for path in ["t", "t.json"] {
        lab.call(&["compare", path]).expect(0).complains(&["reading results/t"]);
    }
    lab.call(&["compare", "backup/t"]).expect(2).complains(&["there is no folder backup/t; did you mean results/t?"]);
    lab.call(&["compare", "nothing"]).expect(2).complains(&["there is no folder nothing; results holds t\n"]);
    lab.call(&["compare", "results"]).expect(2).complains(&["a folder of experiments: t;", "such as results/t"]);
    let once = lab.call(&["compare", "t", "results/t", "t.json", "--format", "json"]).expect(0);
    let once = once.complains(&["results/t was given twice"]);
    let found: Value = serde_json::from_str(&once.stdout).unwrap();
    assert_eq!(found["experiments"].as_array().unwrap().len(), 1);
    // A name may have a dot, and a configuration's name need not be its file's.
    lab.run(&with(small(), "name", json!("t.v2")), &[]).expect(0);
    lab.write("mine.json", with(small(), "name", json!("t.v2")).to_string());
    for path in ["t.v2", "mine.json"] {
        lab.call(&["compare", path]).expect(0).complains(&["reading results/t.v2"]);
    }
    // Two of one name are told apart.
    lab.run(&with(small(), "train.steps", json!(7)), &["--out", "other"]).expect(0);
    let two = lab.call(&["compare", "results/t", "other/t", "--format", "json"]).expect(0);
    let found: Value = serde_json::from_str(&two.stdout).unwrap();
    assert_eq!([&found["experiments"][0]["name"], &found["experiments"][1]["name"]], ["results/t", "other/t"]);
}

#[test]
fn a_run_whose_first_gradient_is_infinite_is_recorded_and_read_again() {
    let lab = Lab::new();
    let config = json!({
        "name": "t", "data": { "source": "gaussians", "train": 64, "validation": 8, "test": 8 },
        "model": { "kind": "mlp", "hidden": vec![10; 35], "activation": "identity", "precision": "f64",
                   "init": { "scheme": "normal", "std": 1e6 } },
        "variants": ["none", "affine"], "optimizer": { "kind": "sgd", "lr": 1e-300 },
        "train": { "batch_size": 32, "steps": 2 }, "seeds": 1
    });
    lab.run(&config, &[]).expect(0).says(&["2 of 2 runs trained"]);
    let statuses = lab.table("results/t/runs.csv");
    assert!(!statuses.column("status").contains(&"missing"), "{:?}", statuses.column("status"));
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]);
}

#[test]
fn fresh_works_where_the_record_is_lost() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    std::fs::remove_file(lab.path("results/t/experiment.json")).unwrap();
    let other = with(small(), "optimizer.lr", json!(0.2));
    lab.run(&other, &[]).expect(2).complains(&["runs of another configuration", "--fresh"]);
    // Nobody is told to discard what only cannot be read.
    #[cfg(unix)]
    {
        let record = lab.path("results/t/experiment.json");
        std::os::unix::fs::symlink("experiment.json", &record).expect("a link to itself");
        let planned = lab.plan(&other, &[]);
        assert!(planned.stderr.contains("experiment.json"), "{}", planned.stderr);
        assert!(!planned.stderr.contains("--fresh"), "{}", planned.stderr);
        std::fs::remove_file(&record).expect("removed");
    }
    lab.run(&other, &["--fresh", "--yes"]).expect(0).says(&["6 of 6 runs trained"]);
}

#[test]
fn results_of_an_earlier_numerics_version_are_refused_by_name_and_can_still_be_compared() {
    let lab = Lab::new();
    let mut config = small();
    lab.run(&config, &[]).expect(0);
    // As an earlier version wrote it: other names of the runs, and no word on the version.
    let (path, tables) =
        ("results/t/experiment.json", ["results/t/runs.csv", "results/t/curves.csv", "results/t/timing.csv"]);
    let mut record = lab.json(path);
    record.as_object_mut().unwrap().remove("numerics_version").expect("the version");
    let id = record["runs"][0]["id"].as_str().unwrap().to_owned();
    lab.write(path, record.to_string().replace(&id, "none-s0-0123456789"));
    for table in tables {
        let text = std::fs::read_to_string(lab.path(table)).unwrap();
        lab.write(table, text.replace(&id, "none-s0-0123456789"));
    }
    std::fs::rename(lab.path("results/t/runs"), lab.path("runs")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0);
    std::fs::rename(lab.path("runs"), lab.path("results/t/runs")).unwrap();
    let folder = "results/t/runs/none-s0-0123456789";
    std::fs::rename(lab.path(format!("results/t/runs/{id}")), lab.path(folder)).unwrap();
    let mut run = with(lab.json(format!("{folder}/run.json")), "run_id", json!("none-s0-0123456789"));
    unsigned(&mut run);
    lab.write(format!("{folder}/run.json"), run.to_string());
    lab.run(&config, &[]).expect(2).complains(&["would drop", "numerics version 2 or earlier before, 3 now"]);
    config["name"] = json!("u");
    lab.run(&config, &[]).expect(0);
}
