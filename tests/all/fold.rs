//! `bn-exp fold`: a network without its norms that computes the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::common::arms::{self, facts};
use crate::common::{Lab, Tensor, small, with};

/// Every arm, and one that has γ, β and a bias of its own before them.
fn every_arm() -> Value {
    let biased = json!({ "name": "biased", "base": "affine", "bias": true, "gamma": 0.5 });
    Value::from([arms::entries(), vec![biased]].concat())
}

/// An experiment of one seed with every arm, trained.
fn trained(model: &Value) -> Lab {
    let digits = json!({ "source": "glyphs", "train": 60, "validation": 10, "test": 30 });
    let config = with(with(small(), "model", model.clone()), "variants", every_arm());
    let config = with(config, "data", digits);
    let config = with(with(config, "seeds", json!(1)), "train", json!({ "batch_size": 12, "steps": 20 }));
    let lab = Lab::new();
    lab.run(&config, &["--quiet"]).expect(0);
    lab
}

fn models() -> Vec<Value> {
    let mut models = Vec::new();
    for precision in ["f64", "f32"] {
        for position in ["before_activation", "after_activation"] {
            models.push(json!({ "kind": "mlp", "hidden": [12, 9], "norm_position": position, "precision": precision }));
        }
        for position in ["before_activation", "after_activation", "after_pool"] {
            models.push(json!({ "kind": "cnn", "channels": [3, 4], "dense": [6], "norm_position": position,
                "precision": precision }));
        }
    }
    models.push(json!({ "kind": "mlp", "hidden": [8, 8, 8], "residual": true, "norm_position": "after_activation",
        "activation": "tanh", "precision": "f64" }));
    models
}

fn values(tensor: &Tensor) -> Vec<f64> {
    match tensor.dtype.as_str() {
        "F64" => tensor.f64(),
        _ => tensor.f32().into_iter().map(f64::from).collect(),
    }
}

#[test]
fn every_arm_folds_into_a_network_that_computes_the_same() {
    for model in models() {
        let lab = trained(&model);
        let names = arms::variants().into_iter().map(|variant| variant.name).chain(["biased".to_owned()]);
        for name in names {
            let folder = lab.run_folder("t", &name, 0);
            let case = format!("{name}, {model}");
            let outcome = lab.call(&["fold", &folder.display().to_string()]);
            if name == "none" || name == "layer_norm" {
                assert_eq!(outcome.code, Some(2), "{case}: {}", outcome.stderr);
                let reason = if name == "none" { "nothing to fold" } else { "from each input" };
                outcome.complains(&[&format!("arm `{name}` cannot be folded"), reason]);
                continue;
            }
            let outcome = outcome.expect(0);
            let is_inner = model["norm_position"] == "before_activation";
            let words = if is_inner { "into weights and biases" } else { "became y = γx + β (eq. 3)" };
            let outcome = outcome.says(&[words, "test set", "noise", "1000 of 1000", "Parameters: "]);
            // inputs, max |Δlogit| / max |logit|, allowed, same class
            let bound = if model["precision"] == "f64" { 1e-12 } else { 1e-5 };
            for (name, inputs) in [("test set", "30"), ("noise", "1000")] {
                let row = outcome.stdout.lines().find_map(|line| line.trim().strip_prefix(name)).expect("a row");
                let cells: Vec<&str> = row.split_whitespace().collect();
                assert_eq!(cells[0], inputs, "{case}: {row}");
                assert!(cells[1].parse::<f64>().expect("a difference") <= bound, "{case}: {row}");
            }

            let folded = lab.tensors(folder.join("folded.safetensors"));
            let names: Vec<&str> = folded.keys().map(String::as_str).collect();
            let has = |ending: &str| names.iter().any(|name| name.ends_with(ending));
            assert_eq!(has("norm.gamma"), !is_inner, "{case}: {names:?}");
            assert!(!has("running_mean") && has("blocks.0.weight"), "{case}: {names:?}");
            assert_eq!(has("blocks.0.bias"), is_inner || name == "biased", "{case}: {names:?}");
        }
    }
}

/// γ' = γ/√(v + ε) and β' = β − γ'm, then W' = γ'W and b' = β', found anew from the checkpoint.
#[test]
fn the_folded_tensors_are_those_of_the_formulas() {
    for (position, is_inner) in [("before_activation", true), ("after_activation", false)] {
        let model = json!({ "kind": "mlp", "hidden": [7, 5], "norm_position": position, "precision": "f64" });
        let lab = trained(&model);
        for variant in arms::variants_where(|facts| facts.uses_batch) {
            let folder = lab.run_folder("t", &variant.name, 0);
            let out = format!("{}.safetensors", variant.name);
            lab.call(&["fold", &folder.display().to_string(), "--out", &out]).expect(0);
            assert!(!lab.path(folder.join("folded.safetensors")).exists(), "--out is another place");
            let (before, after): (BTreeMap<String, Tensor>, BTreeMap<String, Tensor>) =
                (lab.tensors(folder.join("checkpoint.safetensors")), lab.tensors(&out));
            let facts = facts(variant.arm);
            for block in 0..2 {
                let of =
                    |all: &BTreeMap<String, Tensor>, name: &str| all.get(&format!("blocks.{block}.{name}")).map(values);
                let [mean, var] = ["norm.running_mean", "norm.running_var"].map(|name| of(&before, name).unwrap());
                let channels = mean.len();
                let gamma = of(&before, "norm.gamma").unwrap_or(vec![1.0; channels]);
                let beta = of(&before, "norm.beta").unwrap_or(vec![0.0; channels]);
                let scale = |c: usize| gamma[c] * if facts.divides_by_sd { 1.0 / (var[c] + 1e-5).sqrt() } else { 1.0 };
                let shift = |c: usize| beta[c] - if facts.subtracts_mean { scale(c) * mean[c] } else { 0.0 };
                let weight = of(&before, "weight").unwrap();
                let inputs = weight.len() / channels;
                let expected: Vec<f64> = if is_inner {
                    (0..weight.len()).map(|i| weight[i] * scale(i / inputs)).chain((0..channels).map(shift)).collect()
                } else {
                    weight.iter().copied().chain((0..channels).map(scale)).chain((0..channels).map(shift)).collect()
                };
                let names = if is_inner { &["weight", "bias"][..] } else { &["weight", "norm.gamma", "norm.beta"] };
                let found: Vec<f64> = names.iter().flat_map(|name| of(&after, name).unwrap()).collect();
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(
                        (found - expected).abs() <= 1e-14 * expected.abs().max(1.0),
                        "{}: {found} {expected}",
                        variant.name
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_whole_checkpoint_of_this_network_is_refused_and_nothing_is_written() {
    let lab = trained(&json!({ "kind": "mlp", "hidden": [6] }));
    let folder = lab.run_folder("t", "bn", 0);
    let (run, checkpoint) = (folder.join("run.json"), folder.join("checkpoint.safetensors"));
    let good = [lab.bytes(&run), lab.bytes(&checkpoint)];
    let fold = || lab.call(&["fold", &folder.display().to_string()]);
    let record: Value = serde_json::from_slice(&good[0]).unwrap();
    // As records of earlier programs are, without digests.
    let unsigned = |change: &dyn Fn(&mut Value)| {
        let mut record = record.clone();
        ["record_sha256", "checkpoint_sha256"]
            .iter()
            .for_each(|key| drop(record.as_object_mut().unwrap().remove(*key)));
        change(&mut record);
        record.to_string().into_bytes()
    };
    let other = lab.bytes(lab.run_folder("t", "affine", 0).join("checkpoint.safetensors"));
    let wide = |record: &mut Value| record["configuration"]["model"]["hidden"] = json!([7]);
    let later = |record: &mut Value| record["schema_version"] = json!(99);
    let unfinished = |record: &mut Value| record["status"] = json!("interrupted");
    let half = good[1][..good[1].len() / 2].to_vec();
    for (run_json, tensors, words) in [
        (good[0].clone(), half.clone(), "SHA-256"),
        (unsigned(&|_| {}), half, "holds no tensors"),
        (unsigned(&|_| {}), other.clone(), "does not fit"),
        (good[0].clone(), other, "SHA-256"),
        (unsigned(&wide), good[1].clone(), "too short"),
        (unsigned(&later), good[1].clone(), "schema version 99"),
        (unsigned(&unfinished), good[1].clone(), "interrupted, not finished"),
        (b"{".to_vec(), good[1].clone(), "damaged"),
    ] {
        lab.write(&run, run_json);
        lab.write(&checkpoint, tensors);
        fold().expect(1).complains(&[words]);
        assert!(!lab.path(folder.join("folded.safetensors")).exists(), "{words}");
    }
    lab.write(&run, unsigned(&|record| record["numerics_version"] = json!(99)));
    lab.write(&checkpoint, &good[1]);
    fold().expect(1).complains(&["numerics version 99"]);
    lab.call(&["fold", "results/t"]).expect(2).complains(&["results/t is an experiment"]);
    lab.call(&["fold", "nowhere"]).expect(1).complains(&["nowhere"]);
    lab.write(&run, &good[0]);
    lab.write(&checkpoint, &good[1]);
    // No file is overwritten, least of all the run's own.
    lab.write("mine.txt", "mine");
    let own = [&run, &checkpoint].map(|path| path.display().to_string());
    for out in [own[0].as_str(), &own[1], "mine.txt"] {
        let refused = lab.call(&["fold", &folder.display().to_string(), "--out", out]).expect(2);
        refused.complains(&[out, "overwrites nothing"]);
    }
    assert_eq!(
        (lab.bytes(&run), lab.bytes(&checkpoint), lab.text("mine.txt")),
        (good[0].clone(), good[1].clone(), "mine".into())
    );
    fold().expect(0);
    fold().expect(0);
}

#[test]
fn data_files_that_changed_since_training_are_refused() {
    let lab = Lab::new();
    let rows = |count: usize, shift: usize, extra: &str| {
        let row = |i: usize| format!("{}.5,{}{extra},{}\n", i % 7, (i + shift) % 5, i % 2);
        let names = if extra.is_empty() { "x,y,kind" } else { "x,y,z,kind" };
        lab.write("own.csv", format!("{names}\n{}", (0..count).map(row).collect::<String>()));
    };
    rows(60, 0, "");
    let data = json!({ "source": "csv", "file": "own.csv", "train": 30, "validation": 10, "test": 20 });
    let config = with(with(small(), "data", data), "variants", json!(["bn"]));
    lab.run(&config, &["--quiet"]).expect(0);
    let run = lab.path(lab.run_folder("t", "bn", 0));
    // Away from its experiment nothing but their size tells.
    let alone = lab.path("alone");
    std::fs::create_dir_all(&alone).expect("a folder");
    for entry in std::fs::read_dir(&run).expect("a run").flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), alone.join(entry.file_name())).expect("a copy");
    }
    let fold = |folder: &std::path::Path| lab.call(&["fold", &folder.display().to_string()]);
    fold(&run).expect(0);
    fold(&alone).expect(0);
    rows(60, 1, "");
    fold(&run).expect(1).complains(&["data files are not those", "trained on"]);
    for (count, extra) in [(60, ",1"), (30, "")] {
        rows(count, 0, extra);
        for folder in [&run, &alone] {
            fold(folder).expect(1).complains(&["data files are not those", "trained on"]);
        }
    }
    for (out, words) in [("nowhere/x", "name a file, in a folder that exists"), ("", "it is empty")] {
        let outcome = lab.call(&["fold", &run.display().to_string(), "--out", out]);
        outcome.expect(2).complains(&["--out", words]);
    }
}

#[test]
fn an_experiment_is_answered_with_one_of_its_runs_and_a_run_that_diverged_with_a_note() {
    let lab = Lab::new();
    let config = with(with(small(), "variants", json!(["affine"])), "optimizer.lr", json!(1e5));
    lab.run(&config, &["--quiet"]).expect(0);
    let run = lab.run_folder("t", "affine", 0);
    let run = run.to_str().expect("text");
    lab.call(&["fold", "results/t"]).expect(2).complains(&["results/t is an experiment; name one of its runs", run]);
    assert!(lab.table("results/t/runs.csv").column("status").contains(&"diverged"));
    lab.call(&["fold", run]).expect(0).complains(&["this run diverged at step"]);
}
