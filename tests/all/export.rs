//! `bn-exp export`: what TensorBoard is given. `scripts/read_tensorboard.py` reads it back with TensorBoard's own reader.

use serde_json::json;

use crate::common::{Lab, small, with};

/// The data of each record of an event file.
fn records(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes")) as usize;
        found.push(&rest[12..12 + length]);
        rest = &rest[16 + length..];
    }
    found
}

fn holds(record: &[u8], text: &str) -> bool {
    record.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn every_run_gets_a_file_and_seeds_that_differ_alone_three_together() {
    let lab = Lab::new();
    let config = with(with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.2] })), "seeds", json!(2));
    lab.run(&with(config, "variants", json!(["affine", "bn"])), &["--quiet"]).expect(0);
    let said = lab.call(&["export", "results/t", "--format", "tensorboard", "--out", "boards"]).expect(0);
    assert!(said.stdout.contains("8 runs written"), "{}", said.stdout);
    let runs: Vec<String> = std::fs::read_dir(lab.path("results/t/runs"))
        .expect("runs")
        .map(|entry| entry.expect("a run").file_name().into_string().expect("a name"))
        .collect();
    assert_eq!(runs.len(), 8);
    let file = "events.out.tfevents.0.bn-exp";
    for run in &runs {
        let bytes = std::fs::read(lab.path(format!("boards/t/{run}/{file}"))).expect("a file");
        let records = records(&bytes);
        let has = |text: &str| records.iter().any(|record| holds(record, text));
        for tag in ["brain.Event:2", "_hparams_/session_start_info", "_hparams_/session_end_info", "optimizer.lr"] {
            assert!(has(tag), "{run}: {tag}");
        }
        for tag in
            ["loss/validation/running_stats", "accuracy/test/", "final/test_accuracy", "parameters/blocks.0.weight"]
        {
            assert!(has(tag), "{run}: {tag}");
        }
    }
    for statistic in ["mean", "low", "high"] {
        let path = format!("boards/t/over seeds/bn optimizer.lr=0.2/{statistic}/{file}");
        let bytes = std::fs::read(lab.path(&path)).expect("a file");
        assert!(records(&bytes).iter().any(|record| holds(record, "loss/validation/running_stats")), "{path}");
    }
    // An export again takes the place of the earlier one, and of nothing else.
    std::fs::rename(lab.path("boards/t").join(&runs[0]), lab.path("boards/t/old")).expect("moved");
    lab.call(&["export", "results/t", "--out", "boards"]).expect(0);
    assert!(lab.path("boards/t").join(&runs[0]).join(file).exists() && !lab.path("boards/t/old").exists());
    lab.write("boards/t/over seeds/mine.txt", "mine");
    lab.call(&["export", "results/t", "--out", "boards"]).expect(2).complains(&["holds other files than", "--out"]);
    assert_eq!(lab.text("boards/t/over seeds/mine.txt"), "mine");
    std::fs::remove_file(lab.path("boards/t/over seeds/mine.txt")).expect("removed");
    lab.call(&["export", "results/t", "--out", "results"]).expect(2).complains(&["is the experiment itself", "--out"]);
    assert!(lab.path("results/t/experiment.json").exists());
    // One that was stopped is not taken for done, and the next one does not mix its runs with other ones.
    assert!(!lab.path("boards/t.unfinished").exists());
    std::fs::rename(lab.path("boards/t"), lab.path("boards/t.unfinished")).expect("moved");
    std::fs::rename(lab.path("boards/t.unfinished").join(&runs[0]), lab.path("boards/t.unfinished/old"))
        .expect("moved");
    lab.write("boards/t.unfinished/over seeds/mine.txt", "mine");
    let foreign = lab.call(&["export", "results/t", "--out", "boards"]).expect(2);
    foreign.complains(&["t.unfinished is in the way"]);
    assert!(!lab.path("boards/t").exists());
    std::fs::remove_file(lab.path("boards/t.unfinished/over seeds/mine.txt")).expect("removed");
    lab.call(&["export", "results/t", "--out", "boards"]).expect(0);
    assert!(!lab.path("boards/t.unfinished").exists() && !lab.path("boards/t/old").exists());
    lab.call(&["export", "results/none", "--out", "other"]).expect(2);
    let checkpoint = format!("results/t/runs/{}/checkpoint.safetensors", runs[0]);
    let mut bytes = lab.bytes(&checkpoint);
    *bytes.last_mut().expect("a value") ^= 1;
    lab.write(&checkpoint, bytes);
    let damaged = lab.call(&["export", "results/t", "--format", "tensorboard", "--out", "damaged"]);
    damaged.expect(1).complains(&["checkpoint.safetensors is damaged"]);
    assert!(!lab.path("damaged/t.unfinished").exists(), "what failed is left");
    lab.call(&["export", "results/t"]).expect(2).complains(&["--out"]);
}
