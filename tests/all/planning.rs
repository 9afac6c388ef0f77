//! What `plan` expects is near what happens.

use std::path::Path;

use crate::common::{Lab, number, small, with};
use serde_json::{Value, json};

/// Bytes of a line of a plan such as `memory   about 32 MB with --jobs 2`.
#[track_caller]
fn planned(text: &str, of: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(of)).unwrap_or_else(|| panic!("no {of}:\n{text}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    let unit = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9)].into_iter().find(|(name, _)| words[3] == *name);
    number(words[2]) * unit.expect("a unit").1
}

/// Bytes that a folder takes on disk.
#[cfg(unix)]
fn on_disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let own = 512 * path.symlink_metadata().expect("a file").blocks();
    let entries = std::fs::read_dir(path).into_iter().flatten().map(|entry| on_disk(&entry.expect("an entry").path()));
    own + entries.sum::<u64>()
}

/// Like the shipped configurations, and shorter.
fn cases() -> [Value; 4] {
    let glyphs = with(small(), "data", json!({ "source": "glyphs" }));
    let glyphs =
        with(with(glyphs, "train", json!({ "batch_size": 64, "steps": 100 })), "log", json!({ "channels": 10 }));
    let mlp = with(glyphs.clone(), "model.hidden", json!([100, 100, 100]));
    let cnn = with(glyphs, "model", json!({ "kind": "cnn", "channels": [16, 32] }));
    let vectors = with(small(), "data", json!({ "source": "gaussians", "dimension": 20 }));
    let vectors = with(with(vectors, "train.steps", json!(500)), "sweep", json!({ "data.offset": [0.0, 3.0] }));
    let wide = with(small(), "data", json!({ "source": "gaussians", "dimension": 300, "train": 8000 }));
    let wide = with(wide, "log", json!({ "activations_every": 0, "gradients_every": 0 }));
    [mlp, with(cnn, "seeds", json!(1)), vectors, wide]
}

#[cfg(unix)]
#[test]
fn what_run_will_refuse_is_said_and_nothing_else() {
    let lab = Lab::new();
    assert_eq!(lab.plan(&small(), &[]).expect(0).stderr, "");
    lab.run(&small(), &[]).expect(0);
    assert_eq!(lab.plan(&small(), &["--set", "seeds=3"]).expect(0).stderr, "");
    let refused = lab.plan(&small(), &["--set", "train.steps=13"]).expect(0);
    refused.says(&["6 missing"]).complains(&["`bn-exp run` will refuse this", "train.steps: 12 before, 13 now"]);
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    lab.plan(&small(), &["--set", "train.steps=13"]).expect(0).complains(&["will refuse this"]);
}

#[test]
fn planned_memory_and_disk_are_near_the_truth() {
    for config in cases() {
        let lab = Lab::new();
        let text = lab.plan(&config, &["--jobs", "2"]).expect(0).stdout;
        lab.run(&config, &["--jobs", "2", "--quiet"]).expect(0);
        let timing = lab.table("results/t/timing.csv");
        let peak = timing.column("peak_rss_bytes").into_iter().map(number).fold(0.0, f64::max);
        let disk = on_disk(&lab.path("results/t")) as f64;
        for (of, truth, allowed) in [("memory", peak, 1.5), ("disk", disk, 1.3)] {
            let ratio = planned(&text, of) / truth;
            assert!(ratio < allowed && ratio > 1.0 / allowed, "{of}: {ratio} of {truth}\n{config}\n{text}");
        }
    }
}
