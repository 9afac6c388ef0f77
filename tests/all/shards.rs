//! An experiment in parts comes to the same bytes as in one piece.

use std::path::Path;

use crate::common::{Lab, assert_same_files, small, unsigned, with};
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
    let others: [(&str, &[&str]); 3] =
        [("b/t", &["different plans", "train.steps: 12 ", ", 13 "]), ("c/u", &["of u"]), ("d/t", &["no folder d/t"])];
    for (other, words) in others {
        let code = if other == "d/t" { 2 } else { 1 };
        lab.call(&["collect", "a/t", other, "--out", "results"]).expect(code).complains(words);
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

/// The copy of a run that is whole counts, in whatever order the copies are given.
#[test]
fn half_copied_runs_are_skipped() {
    let expected = straight().reproducible("results");
    for damaged in ["curves.csv", "runs.csv", "run.json"] {
        let lab = Lab::new();
        lab.run(&config(), &["--out", "a"]).expect(0);
        lab.run(&config(), &["--out", "b"]).expect(0);
        let run = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().path();
        let half = std::fs::read(run.join(damaged)).unwrap();
        std::fs::write(run.join(damaged), &half[..half.len() / 2]).unwrap();
        lab.call(&["collect", "a/t", "b/t", "--out", "results"]).expect(0).says(&["18 of 18 runs finished, 18 copied"]);
        assert_same_files(&lab.reproducible("results"), &expected);
        // Also where the half was copied before the whole was there.
        lab.call(&["collect", "a/t", "--out", "later"]).expect(1);
        lab.call(&["collect", "b/t", "--out", "later"]).expect(0).says(&["18 of 18 runs finished, 1 copied"]);
        assert_same_files(&lab.reproducible("later"), &expected);
    }
}

/// By their length alone these look whole.
#[test]
fn what_only_one_copy_has_beside_a_run_is_collected_in_any_order() {
    let lab = Lab::new();
    let config = with(config(), "log.snapshot_every", json!(4));
    lab.run(&config, &["--out", "a", "--trace"]).expect(0);
    lab.run(&config, &["--out", "b", "--trace"]).expect(0);
    let run = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().file_name();
    let files = |out: &str| -> (usize, bool) {
        let folder = lab.path(format!("{out}/t/runs")).join(&run);
        let snapshots = std::fs::read_dir(folder.join("snapshots")).map_or(0, Iterator::count);
        (snapshots, folder.join("trace.safetensors").is_file())
    };
    let whole = files("b");
    assert!(whole.0 > 1 && whole.1);
    std::fs::remove_dir_all(lab.path("a/t/runs").join(&run).join("snapshots")).unwrap();
    std::fs::remove_file(lab.path("a/t/runs").join(&run).join("trace.safetensors")).unwrap();
    for (order, out) in [(["a/t", "b/t"], "ab"), (["b/t", "a/t"], "ba")] {
        lab.call(&["collect", order[0], order[1], "--out", out]).expect(0);
        assert_eq!(files(out), whole, "{out}");
    }
    lab.call(&["collect", "a/t", "--out", "later"]).expect(0);
    assert_eq!(files("later"), (0, false));
    lab.call(&["collect", "b/t", "--out", "later"]).expect(0);
    assert_eq!(files("later"), whole);
}

/// No table needs them, and a run's record does not know them: each file of tensors carries its own digest.
#[test]
fn a_damaged_snapshot_or_trace_gives_way_to_a_whole_one_and_is_named() {
    let lab = Lab::new();
    let config = with(with(config(), "variants", json!(["bn"])), "log.snapshot_every", json!(4));
    lab.run(&config, &["--out", "a", "--trace"]).expect(0);
    lab.run(&config, &["--out", "b", "--trace"]).expect(0);
    let id = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().file_name();
    let run = Path::new("t/runs").join(id);
    let of_digest = |bytes: &[u8]| bytes.windows(8).position(|key| key == b"\"sha256\"").expect("a digest") + 1;
    let of_value = |bytes: &[u8]| bytes.len() - 1;
    let damages: [fn(&[u8]) -> usize; 2] = [of_value, of_digest];
    let files = ["snapshots/step-000000004.safetensors", "trace.safetensors"];
    for (file, at) in files.into_iter().flat_map(|file| damages.map(|at| (file, at))) {
        let file = run.join(file);
        let [damaged, whole] = ["a", "b"].map(|copy| Path::new(copy).join(&file));
        let sound = lab.bytes(&whole);
        let mut bytes = sound.clone();
        bytes[at(&sound)] ^= 1;
        lab.write(&damaged, bytes);
        for (order, out) in [(["a/t", "b/t"], "ab"), (["b/t", "a/t"], "ba")] {
            let said = lab.call(&["collect", order[0], order[1], "--out", out]).expect(0);
            if out == "ab" {
                said.complains(&[&format!("warning: {} is damaged", damaged.display()), "it was not copied"]);
            }
            assert!(lab.bytes(Path::new(out).join(&file)) == sound, "{out}");
            std::fs::remove_dir_all(lab.path(out)).expect("removed");
        }
        // Alone it is not copied.
        lab.call(&["collect", "a/t", "--out", "alone"]).expect(0).complains(&["it was not copied"]);
        assert!(!lab.path("alone").join(&file).exists());
        // Where it has been damaged since, it is copied again.
        lab.call(&["collect", "b/t", "--out", "alone"]).expect(0);
        lab.write(Path::new("alone").join(&file), lab.bytes(&damaged));
        lab.call(&["collect", "b/t", "--out", "alone"]).expect(0);
        assert!(lab.bytes(Path::new("alone").join(&file)) == sound);
        lab.call(&["collect", "b/t", "--out", "alone"]).expect(0);
        assert!(lab.bytes(Path::new("alone").join(&file)) == sound);
        std::fs::remove_dir_all(lab.path("alone")).expect("removed");
        lab.write(&damaged, sound);
    }
}

#[test]
fn the_copy_that_is_whole_counts_in_any_order() {
    let expected = straight().reproducible("results");
    for damaged in ["curves.csv", "runs.csv", "timing.csv", "run.json", "checkpoint.safetensors"] {
        let lab = Lab::new();
        lab.run(&config(), &["--out", "a"]).expect(0);
        lab.run(&config(), &["--out", "b"]).expect(0);
        let run = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(run.join(damaged)).unwrap();
        let digit = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
        bytes[digit] ^= 1;
        std::fs::write(run.join(damaged), bytes).unwrap();
        for (order, out) in [(["a/t", "b/t"], "ab"), (["b/t", "a/t"], "ba")] {
            let words = ["18 of 18 runs finished, 18 copied"];
            lab.call(&["collect", order[0], order[1], "--out", out]).expect(0).says(&words);
            assert_same_files(&lab.reproducible(out), &expected);
        }
        // Where there is no other, it is not counted; and the whole one takes its place.
        lab.call(&["collect", "a/t", "--out", "later"]).expect(1).says(&["17 of 18 runs finished, 17 copied"]);
        let runs = lab.table("later/t/runs.csv");
        let failed = runs.only(&[("status", "failed")]);
        assert_eq!(failed.len(), 1, "{damaged}");
        assert!(failed[0]["reason"].contains(damaged), "{}", failed[0]["reason"]);
        lab.call(&["collect", "b/t", "--out", "later"]).expect(0).says(&["18 of 18 runs finished, 1 copied"]);
        assert_same_files(&lab.reproducible("later"), &expected);
        // Collected into itself, it is named and left as it is.
        let name = run.file_name().unwrap().to_str().unwrap();
        let words = if damaged == "run.json" { ["1 run failed", "runs.csv"] } else { [name, damaged] };
        lab.call(&["collect", "a/t", "--out", "a"]).expect(1).complains(&words);
        lab.call(&["collect", "b/t", "--out", "a"]).expect(0).says(&["18 of 18 runs finished, 1 copied"]);
        assert_same_files(&lab.reproducible("a"), &expected);
    }
}

/// Whoever collects must not lose that a question was changed after a look at results, nor what was asked elsewhere.
#[test]
fn a_question_that_was_changed_stays_marked_in_any_order() {
    let lab = Lab::new();
    let margin = |margin: f64| with(config(), "compare", json!({ "equivalence_margin": margin }));
    lab.run(&margin(0.1), &["--out", "a"]).expect(0);
    lab.run(&margin(0.1), &["--out", "b", "--shard", "1/2"]).expect(0);
    lab.run(&margin(0.5), &["--out", "b", "--shard", "1/2"]).expect(0);
    lab.run(&margin(0.3), &["--out", "c", "--shard", "1/2"]).expect(0);
    let question = |out: &str| {
        let record = lab.json(Path::new(out).join("t/experiment.json"));
        let now = record["configuration"]["compare"]["equivalence_margin"].as_f64();
        (now, record["asked_first"]["compare"]["equivalence_margin"].as_f64())
    };
    assert_eq!(question("b"), (Some(0.5), Some(0.1)));
    let other = ["another question", "compare.equivalence_margin is"];
    for (order, expected) in [
        (["a/t", "b/t"], (Some(0.1), None)),
        (["b/t", "a/t"], (Some(0.5), Some(0.1))),
        (["a/t", "c/t"], (Some(0.1), Some(0.3))),
        (["c/t", "a/t"], (Some(0.3), Some(0.1))),
        (["c/t", "b/t"], (Some(0.3), Some(0.1))),
    ] {
        let out = format!("out-{}{}", &order[0][..1], &order[1][..1]);
        lab.call(&["collect", order[0], order[1], "--out", &out]).expect(0).complains(&other);
        assert_eq!(question(&out), expected, "{order:?}");
    }
    // What was asked in the folder that is collected into stands, and its mark.
    lab.call(&["collect", "c/t", "--out", "out-ba"]).expect(0).complains(&other);
    assert_eq!(question("out-ba"), (Some(0.5), Some(0.1)));
    lab.call(&["collect", "c/t", "--out", "out-ab"]).expect(0).complains(&other);
    assert_eq!(question("out-ab"), (Some(0.1), Some(0.3)));
    let alone = lab.call(&["collect", "a/t", "--out", "alone"]).expect(0);
    assert!(alone.stderr.is_empty(), "{}", alone.stderr);
    assert_eq!(question("alone"), (Some(0.1), None));
}

/// Checkpoints are removed to save room. The tables of such runs are whole.
#[test]
fn runs_without_their_checkpoint_count_and_a_copy_that_has_it_gives_it_in_any_order() {
    let expected = straight().reproducible("results");
    let lab = Lab::new();
    lab.run(&config(), &["--out", "a"]).expect(0);
    lab.run(&config(), &["--out", "b"]).expect(0);
    let run = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(run.join("checkpoint.safetensors")).unwrap();
    for (order, out) in [(["a/t", "b/t"], "ab"), (["b/t", "a/t"], "ba")] {
        let outcome = lab.call(&["collect", order[0], order[1], "--out", out]).expect(0);
        let outcome = outcome.says(&["18 of 18 runs finished, 18 copied"]);
        assert!(outcome.stderr.is_empty(), "{}", outcome.stderr);
        assert_same_files(&lab.reproducible(out), &expected);
    }
    let told = ["no copy has the checkpoint of 1 run"];
    let outcome = lab.call(&["collect", "a/t", "--out", "later"]).expect(0);
    outcome.says(&["18 of 18 runs finished, 18 copied"]).complains(&told);
    assert_eq!(lab.table("later/t/runs.csv").only(&[("status", "completed")]).len(), 18);
    lab.call(&["collect", "a/t", "--out", "a"]).expect(0).says(&["18 of 18 runs finished, 0 copied"]).complains(&told);
    lab.call(&["collect", "b/t", "--out", "later"]).expect(0).says(&["18 of 18 runs finished, 0 copied"]);
    assert_same_files(&lab.reproducible("later"), &expected);

    // A damaged one does not stay beside a record that it does not fit.
    let checkpoint = Path::new("later/t/runs").join(run.file_name().unwrap()).join("checkpoint.safetensors");
    lab.write(&checkpoint, [0]);
    lab.call(&["collect", "a/t", "--out", "later"])
        .expect(0)
        .says(&["18 of 18 runs finished, 1 copied"])
        .complains(&told);
    assert!(!lab.path(&checkpoint).exists());
}

/// A folder whose runs are partly gone, while its tables hold them all.
#[test]
fn runs_that_a_sources_tables_alone_hold_are_told() {
    let lab = straight();
    for run in lab.runs("t").into_iter().filter(|run| run.starts_with("bn")) {
        std::fs::remove_dir_all(lab.path("results/t/runs").join(run)).unwrap();
    }
    let told = ["the tables of results/t hold 6 runs finished that no folder holds"];
    lab.call(&["collect", "results/t", "--out", "a"]).expect(1).says(&["12 of 18 runs finished"]).complains(&told);
    let whole = Lab::new();
    whole.run(&config(), &[]).expect(0);
    let other = whole.path("results/t").display().to_string();
    let both = lab.call(&["collect", "results/t", &other, "--out", "b"]).expect(0).says(&["18 of 18 runs finished"]);
    assert!(both.stderr.is_empty(), "{}", both.stderr);
}

/// A folder stands where the record of a run was.
#[test]
fn a_copy_that_cannot_be_read_gives_way_to_one_that_can() {
    let lab = Lab::new();
    lab.run(&config(), &["--out", "a"]).expect(0);
    lab.run(&config(), &["--out", "b"]).expect(0);
    let record = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().path().join("run.json");
    std::fs::remove_file(&record).unwrap();
    std::fs::create_dir(&record).unwrap();
    let words = ["18 of 18 runs finished, 18 copied"];
    let told = ["run.json: it is not a file; another copy of this run is whole"];
    lab.call(&["collect", "a/t", "b/t", "--out", "ab"]).expect(0).says(&words).complains(&told);
    lab.call(&["collect", "b/t", "a/t", "--out", "ba"]).expect(0).says(&words).complains(&told);
    // Where there is no other, nobody takes it for a run that was never trained.
    lab.call(&["collect", "a/t", "--out", "alone"]).expect(1).complains(&["run.json", "not a file"]);
}

#[test]
fn copies_of_one_run_that_came_to_different_results_are_refused() {
    let lab = Lab::new();
    lab.run(&config(), &["--out", "a"]).expect(0);
    lab.run(&config(), &["--out", "b"]).expect(0);
    let run = std::fs::read_dir(lab.path("b/t/runs")).unwrap().next().unwrap().unwrap().path();
    let mut record: Value = serde_json::from_slice(&std::fs::read(run.join("run.json")).unwrap()).unwrap();
    unsigned(&mut record);
    let before = record["metrics"]["test_accuracy"].to_string();
    record["metrics"]["test_accuracy"] = json!(0.99);
    std::fs::write(run.join("run.json"), record.to_string()).unwrap();
    // A record that its own table contradicts is damaged.
    lab.call(&["collect", "a/t", "b/t", "--out", "one"]).expect(0).says(&["18 of 18 runs finished"]);
    let refused = lab.call(&["collect", "b/t", "--out", "other"]).expect(1);
    refused.says(&["17 of 18 runs finished"]).complains(&["1 run failed"]);
    let runs = lab.table("other/t/runs.csv");
    let failed = runs.only(&[("status", "failed")]);
    assert!(failed[0]["reason"].contains("runs.csv tells something else"), "{failed:?}");
    // With its table it tells of another result.
    let table = std::fs::read_to_string(run.join("runs.csv")).unwrap();
    let table = table.replacen(&format!(",{before},"), ",0.99,", 1);
    record["table_bytes"]["runs.csv"] = json!(table.len());
    record.as_object_mut().unwrap().remove("table_sha256");
    std::fs::write(run.join("runs.csv"), table).unwrap();
    std::fs::write(run.join("run.json"), record.to_string()).unwrap();
    lab.call(&["collect", "a/t", "b/t", "--out", "results"]).expect(1).complains(&["hold different results"]);
}

#[test]
fn the_record_of_another_run_does_not_finish_this_one() {
    let lab = straight();
    let [one, other] = ["affine", "bn"].map(|variant| {
        let runs = lab.runs("t").into_iter();
        runs.filter(|id| id.starts_with(&format!("{variant}-s0"))).min().expect("a run")
    });
    for file in std::fs::read_dir(lab.path(format!("results/t/runs/{one}"))).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), lab.path(format!("results/t/runs/{other}")).join(file.file_name())).unwrap();
    }
    lab.run(&config(), &[]).expect(0).says(&["1 of 18 runs trained"]);
    assert_same_files(&lab.reproducible("results"), &straight().reproducible("results"));
}

#[test]
fn copies_made_before_and_after_an_experiment_grew_belong_together() {
    let lab = Lab::new();
    let small_plan = with(config(), "seeds", json!(2));
    lab.run(&small_plan, &["--out", "a"]).expect(0);
    lab.call(&["collect", "a/t", "--out", "results"]).expect(0).says(&["12 of 12 runs finished"]);
    lab.run(&config(), &["--out", "b", "--shard", "2/2"]).expect(0);
    lab.call(&["collect", "a/t", "b/t", "--out", "results"]).expect(0).says(&["of 18 runs finished"]);
    lab.run(&config(), &[]).expect(0);
    assert_same_files(&lab.reproducible("results"), &straight().reproducible("results"));
    lab.call(&["collect", "a/t", "--out", "results"]).expect(0).says(&["18 of 18 runs finished, 0 copied"]);
}

#[test]
fn a_record_that_is_none_is_named_and_passed_over_where_another_copy_is_whole() {
    let lab = Lab::new();
    for out in ["a", "b"] {
        lab.run(&config(), &["--out", out]).expect(0);
    }
    let id = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().file_name();
    let record = format!("a/t/runs/{}/run.json", id.display());
    let whole = lab.text(&record);
    for garbled in [&whole[..whole.len() / 2], "", "{}"] {
        lab.write(&record, garbled);
        lab.call(&["collect", "a/t", "--out", "one"]).expect(1).complains(&["is damaged: it is no record of this run"]);
        let both = lab.call(&["collect", "a/t", "b/t", "--out", "two"]).expect(0);
        both.complains(&["is damaged: it is no record of this run", "another copy of this run is whole"]);
        for out in ["one", "two"] {
            std::fs::remove_dir_all(lab.path(out)).unwrap();
        }
    }
}

#[test]
fn why_a_run_failed_is_collected_with_it() {
    let lab = Lab::new();
    lab.run(&config(), &["--out", "a"]).expect(0);
    let folder = std::fs::read_dir(lab.path("a/t/runs")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in its place").unwrap();
    lab.run(&config(), &["--out", "a"]).expect(1);
    lab.call(&["collect", "a/t", "--out", "results"]).expect(1).complains(&["1 run failed"]);
    let runs = lab.table("results/t/runs.csv");
    let failed = runs.only(&[("status", "failed")]);
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["reason"].contains("a/t/runs"), "{}", failed[0]["reason"]);
    lab.run(&config(), &[]).expect(0).says(&["1 of 18 runs trained"]);
}

/// A copy that takes the place of another training takes the place of all that this one left.
#[test]
fn nothing_of_another_training_stays_beside_a_copy() {
    let lab = Lab::new();
    let config = with(with(config(), "variants", json!(["bn"])), "log.snapshot_every", json!(4));
    let config = with(config, "seeds", json!(1));
    lab.write("config.json", config.to_string());
    let run = |out: &str, level: Option<&str>, more: &[&str]| {
        let mut command = lab.command();
        command.args(["run", "config.json", "--quiet", "--out", out]).args(more);
        level.map(|level| command.env("BN_EXP_SIMD", level));
        assert!(command.output().expect("it starts").status.success(), "{out}");
    };
    run("a", Some("portable"), &["--trace"]);
    run("b", None, &[]);
    if lab.table("b/t/timing.csv").column("simd").contains(&"portable") {
        return crate::common::say_not_tested("this machine has one instruction level");
    }
    let ids = || {
        let entries = std::fs::read_dir(lab.path("a/t/runs")).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name()).collect::<Vec<_>>()
    };
    assert!(!ids().is_empty());
    for id in ids() {
        let [a, b] = ["a", "b"].map(|out| lab.path(out).join("t/runs").join(&id));
        std::fs::write(a.join("curves.csv"), "damaged\n").expect("written");
        std::fs::remove_dir_all(b.join("snapshots")).expect("removed");
    }
    lab.call(&["collect", "b/t", "--out", "a"]).expect(0).complains(&["is missing"]);
    for id in ids() {
        let run = lab.path("a/t/runs").join(&id);
        let record: Value = serde_json::from_slice(&std::fs::read(run.join("run.json")).expect("read")).expect("JSON");
        assert_ne!(record["simd"], "portable");
        assert!(!run.join("trace.safetensors").exists(), "the trace is of another training");
        let left = std::fs::read_dir(run.join("snapshots")).into_iter().flatten().count();
        assert_eq!(left, 0, "snapshots are of another training");
        // Trained again, a run has no trace of the training before.
        std::fs::write(run.join("trace.safetensors"), "old").expect("written");
        std::fs::write(run.join("curves.csv"), "damaged\n").expect("written");
    }
    run("a", None, &[]);
    for id in ids() {
        let run = lab.path("a/t/runs").join(&id);
        assert!(!run.join("trace.safetensors").exists() && run.join("snapshots").exists());
    }
}

/// `--out` names the folder above: a folder in itself would be made.
#[test]
fn an_experiment_is_not_collected_into_a_folder_of_its_own() {
    let lab = Lab::new();
    lab.run(&config(), &["--out", "a"]).expect(0);
    lab.call(&["collect", "a/t", "--out", "a/t"]).expect(2).complains(&["a/t is the experiment itself", "a/t/.."]);
    assert!(!lab.path("a/t/t").exists());
}
