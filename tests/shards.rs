//! An experiment in parts comes to the same bytes as in one piece.

mod common;

use common::{Lab, assert_same_files, small, with};
use serde_json::{Value, json};

fn config() -> Value {
    with(with(small(), "seeds", json!(3)), "sweep", json!({ "optimizer.lr": [0.1, 0.3] }))
}

fn straight() -> Lab {
    let lab = Lab::new();
    lab.run(&config(), &[]).expect(0);
    lab
}

#[test]
fn shards_in_one_folder_come_to_the_bytes_of_one_run() {
    let lab = Lab::new();
    for shard in ["2/3", "1/3", "3/3"] {
        lab.run(&config(), &["--shard", shard]).expect(0).says(&["6 of 6 runs trained", "collect"]);
        assert!(!lab.path("results/t/runs.csv").exists(), "a shard makes no tables");
    }
    lab.run(&config(), &["--shard", "1/3"]).expect(0).says(&["nothing to do: all 6 runs"]);
    lab.call(&["collect", "results/t", "--out", "results"]).expect(0).says(&["18 of 18 runs finished, 0 copied"]);
    assert_same_files(&lab.reproducible("results"), &straight().reproducible("results"));
}

#[test]
fn shards_on_several_machines_are_collected_and_collecting_again_changes_nothing() {
    let lab = Lab::new();
    for (shard, out) in [("1/2", "a"), ("2/2", "b")] {
        lab.run(&config(), &["--shard", shard, "--out", out]).expect(0);
    }
    let collect = || lab.call(&["collect", "a/t", "b/t", "--out", "results"]);
    collect().expect(0).says(&["18 of 18 runs finished, 18 copied"]);
    assert_same_files(&lab.reproducible("results"), &straight().reproducible("results"));
    let before = lab.files("results");
    collect().expect(0).says(&["0 copied", "current"]);
    assert!(lab.files("results") == before);
    lab.run(&config(), &[]).expect(0).says(&["nothing to do"]);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let lab = Lab::new();
    lab.run(&config(), &["--shard", "1/2", "--out", "a"]).expect(0);
    lab.run(&with(config(), "train.steps", json!(13)), &["--shard", "2/2", "--out", "b"]).expect(0);
    lab.run(&with(config(), "name", json!("u")), &["--shard", "2/2", "--out", "c"]).expect(0);
    for (other, words) in [("b/t", "different plans"), ("c/u", "of u"), ("d/t", "no experiment")] {
        lab.call(&["collect", "a/t", other, "--out", "results"]).expect(1).complains(&[words]);
        assert!(!lab.path("results").exists());
    }
}

#[test]
fn an_unfinished_shard_leaves_its_runs_missing() {
    let lab = Lab::new();
    lab.run(&config(), &["--shard", "1/2", "--out", "a"]).expect(0);
    lab.call(&["collect", "a/t", "--out", "results"]).expect(0).says(&["9 of 18 runs finished"]);
    let statuses = lab.table("results/t/runs.csv");
    assert_eq!(statuses.only(&[("status", "missing")]).len(), 9);
}

#[test]
fn a_shard_is_one_of_so_many() {
    let lab = Lab::new();
    for wrong in ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"] {
        lab.run(&config(), &[&format!("--shard={wrong}")]).expect(2).complains(&["--shard"]);
    }
}
