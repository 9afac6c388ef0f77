//! The real MNIST, where it is at hand: in `BN_EXP_DATA_DIR` or `../shared/data`.

use std::io::Read;
use std::path::Path;

use crate::common::{Lab, assert_same_files, mnist_dir, number, with};
use serde_json::{Value, json};

fn config(model: Value, steps: usize) -> Value {
    json!({
        "name": "t",
        "data": { "source": "mnist", "train": 2000, "validation": 200, "test": 200 },
        "model": model,
        "variants": ["none", "affine", "bn"],
        "optimizer": { "kind": "sgd", "lr": 0.1 },
        "train": { "batch_size": 64, "steps": steps },
        "seeds": 1,
        "log": { "batch_every": 1, "evaluate_every": 0, "activations_every": 0, "gradients_every": 0 }
    })
}

fn mlp() -> Value {
    config(json!({ "kind": "mlp", "hidden": [32, 32] }), 30)
}

fn in_dir<'a>(folder: &'a Path, args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--data-dir", folder.to_str().expect("a path in UTF-8")]].concat()
}

#[test]
fn the_files_are_mnists() {
    let Some(folder) = mnist_dir() else { return };
    let outcome = Lab::new().call(&in_dir(&folder, &["data", "verify", "mnist"])).expect(0);
    assert_eq!(outcome.stderr, "");
    outcome.says(&["mnist", "byte for byte"]);
    Lab::new().call(&in_dir(&folder, &["data", "verify"])).expect(0);
}

#[test]
fn one_changed_byte_is_found_by_its_sha_256() {
    let Some(folder) = mnist_dir() else { return };
    let lab = Lab::new();
    for entry in std::fs::read_dir(folder.join("mnist")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let raw = std::fs::read(&path).unwrap();
        if name.starts_with("train-labels") {
            let mut bytes = Vec::new();
            if raw.starts_with(&[0x1f, 0x8b]) {
                flate2::read::GzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).unwrap();
            } else {
                bytes = raw;
            }
            bytes[8 + 1234] = (bytes[8 + 1234] + 1) % 10;
            lab.write("sets/mnist/train-labels-idx1-ubyte", bytes);
        } else {
            lab.write(format!("sets/mnist/{name}"), raw);
        }
    }
    let published = "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5";
    for args in [&["data", "verify"][..], &["data", "verify", "mnist"]] {
        let outcome = lab.call(&in_dir(Path::new("sets"), args)).expect(1);
        outcome.complains(&["sets/mnist/train-labels-idx1-ubyte", "SHA-256", published, "found"]);
    }
    lab.run(&mlp(), &["--data-dir", "sets"]).expect(1).complains(&["SHA-256", published]);
    assert!(!lab.path("results").exists());
}

#[test]
fn a_few_steps_lower_the_batch_loss_of_every_arm() {
    let Some(folder) = mnist_dir() else { return };
    let cnn = config(json!({ "kind": "cnn", "channels": [4, 8], "dense": [16] }), 5);
    for (config, last) in [(mlp(), 5), (cnn, 1)] {
        let lab = Lab::new();
        lab.run(&config, &in_dir(&folder, &[])).expect(0);
        let curves = lab.table("results/t/curves.csv");
        for arm in ["none", "affine", "bn"] {
            let rows = curves.only(&[("variant", arm), ("split", "batch")]);
            let losses: Vec<f64> = rows.iter().map(|row| number(&row["loss"])).collect();
            let end = losses[losses.len() - last..].iter().sum::<f64>() / last as f64;
            assert!(end < losses[0], "{arm}: {losses:?}");
            assert!((losses[0] - 10f64.ln()).abs() < 1.0, "{arm} does not start near ln 10: {}", losses[0]);
        }
    }
}

#[test]
fn two_jobs_give_the_same_bytes() {
    let Some(folder) = mnist_dir() else { return };
    let config = with(mlp(), "log", json!({}));
    let (one, two) = (Lab::new(), Lab::new());
    one.run(&config, &in_dir(&folder, &["--jobs", "1"])).expect(0);
    two.run(&config, &in_dir(&folder, &["--jobs", "2"])).expect(0);
    assert_same_files(&one.reproducible("results/t"), &two.reproducible("results/t"));
}
