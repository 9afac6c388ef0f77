//! Runs that are stopped, killed and continued come to the same bytes as runs that never were.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::common::{Lab, assert_same_files, say_not_tested, small, with};
use bn_exp::config::{Experiment, Shape};
use bn_exp::data::Store;
use bn_exp::plan::{entries, plan};
use bn_exp::random::{below, stream};
use bn_exp::record::collect::collect;
use bn_exp::record::experiment::{self, ExperimentRecord};
use bn_exp::record::layout::ExperimentFolder;
use bn_exp::record::run::RunRecord;
use bn_exp::runner::progress::{Detail, Progress};
use bn_exp::runner::{self, Job};
use serde_json::{Value, json};

/// Four runs of some tenths of a second, with everything that has a state: running statistics, Adam's moments, a schedule,
/// probes, snapshots.
fn slow() -> Value {
    let optimizer = json!({ "kind": "adam", "lr": 0.003, "schedule": "cosine", "warmup": 50 });
    let config = with(with(small(), "optimizer", optimizer), "variants", json!(["affine", "bn"]));
    let config = with(with(config, "train.steps", json!(6000)), "model.hidden", json!([16, 16]));
    let every = json!({ "batch_every": 7, "evaluate_every": 100, "activations_every": 500, "gradients_every": 300, "landscape_every": 400,
        "snapshot_every": 2000 });
    with(with(config, "log", every), "compare.target_accuracy", json!(0.5))
}

fn program(lab: &Lab, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bn-exp"));
    command.current_dir(lab.path("")).args(["run", "--config", "config.json"]).args(args);
    command.env_remove("BN_EXP_DATA_DIR").env("HOME", lab.path("")).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the program had ended");
}

/// What must not depend on interruptions.
fn results(lab: &Lab) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    lab.reproducible("results")
}

fn straight(config: &Value) -> Lab {
    let lab = Lab::new();
    lab.run(config, &["--jobs", "2"]).expect(0);
    lab
}

#[test]
#[cfg(unix)]
fn runs_killed_at_random_moments_continue_to_the_same_bytes() {
    // Arms with a state of their own: constants of training beside those of evaluation, moments that are forgotten, noise.
    let arms = json!([
        { "name": "refresh", "every": 7, "keep": "function" },
        { "name": "refresh_parameters", "base": "refresh", "every": 7, "keep": "parameters" },
        "noisy",
    ]);
    let config = with(with(slow(), "variants", arms), "train.steps", json!(4000));
    let clock = Instant::now();
    let expected = results(&straight(&config));
    let whole = clock.elapsed().as_micros() as usize;
    let mut rng = stream(0, "kill");
    let (mut kills, mut continued) = (0, 0);
    let mut lab = Lab::new();
    lab.write("config.json", config.to_string());
    // At least so many, and until as many were killed with something saved as say something.
    while kills < 60 || (continued < 20 && kills < 600) {
        // The shorter the interval, the more often the moment falls into the writing of a file.
        let every = ["0", "0.001", "0.01", "0.05"][below(&mut rng, 4)];
        let mut child = program(&lab, &["--jobs", "2", "--resume-every", every]).spawn().expect("the program");
        std::thread::sleep(Duration::from_micros(below(&mut rng, whole / 3) as u64));
        let is_over = child.try_wait().expect("a state").is_some();
        child.kill().expect("killed");
        child.wait().expect("an end");
        continued += lab
            .runs("t")
            .iter()
            .filter(|id| lab.path(format!("results/t/runs/{id}/resume.safetensors")).exists())
            .count();
        if is_over {
            assert_same_files(&results(&lab), &expected);
            lab = Lab::new();
            lab.write("config.json", config.to_string());
        } else {
            kills += 1;
        }
    }
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &expected);
    assert!(continued >= 20, "only {continued} saved runs were found after {kills} kills");
}

#[test]
#[cfg(unix)]
fn tables_whose_writing_was_killed_are_whole_and_made_again() {
    // So few seeds that comparing them takes no time: most of the program's life is writing.
    let config = with(small(), "seeds", json!(12));
    let lab = straight(&config);
    let expected = results(&lab);
    std::fs::remove_file(lab.path("results/t/.tables.json")).expect("removed");
    let clock = Instant::now();
    lab.run(&config, &[]).expect(0);
    let whole = clock.elapsed().as_micros() as usize;
    let mut rng = stream(0, "kill tables");
    let (mut kills, mut half_written) = (0, 0);
    let is_half_written = |path: &Path| path.to_string_lossy().contains(".writing-");
    while kills < 60 || (half_written == 0 && kills < 600) {
        kills += 1;
        std::fs::remove_file(lab.path("results/t/.tables.json")).ok();
        if kills % 2 == 0 {
            std::fs::remove_file(lab.path("results/t/curves.csv")).ok();
        }
        let mut child = program(&lab, &[]).spawn().expect("the program");
        std::thread::sleep(Duration::from_micros(below(&mut rng, whole) as u64));
        child.kill().expect("killed");
        child.wait().expect("an end");
        for (path, bytes) in results(&lab) {
            if is_half_written(&path) {
                half_written += 1;
                continue;
            }
            assert!(bytes == expected[&path], "{} is neither as before nor as it should be", path.display());
        }
    }
    assert!(half_written > 0, "none of {kills} was killed while it wrote");
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &expected);
    let left = lab.files("results").into_keys().filter(|path| is_half_written(path));
    assert_eq!(left.count(), 0);
}

#[test]
#[cfg(unix)]
fn a_stopped_run_says_so_and_continues_to_the_same_bytes() {
    let config = slow();
    let expected = results(&straight(&config));
    for name in ["INT", "TERM"] {
        let (lab, mut child, _) = underway(&config);
        signal(&child, name);
        assert_eq!(child.wait().expect("an end").code(), Some(130), "SIG{name}");
        assert!(lab.table("results/t/runs.csv").column("status").contains(&"interrupted"));
        let saved: Vec<_> = lab
            .runs("t")
            .into_iter()
            .filter(|id| lab.path(format!("results/t/runs/{id}/resume.safetensors")).exists())
            .collect();
        assert_eq!(saved.len(), 1, "{saved:?}");
        lab.run(&config, &[]).expect(0);
        assert_same_files(&results(&lab), &expected);
        let left: Vec<_> =
            lab.files("results").into_keys().filter(|path| path.ends_with("resume.safetensors")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
#[cfg(unix)]
fn after_an_interruption_one_line_says_how_far_it_is_and_how_to_go_on() {
    for more in [&[][..], &["--shard", "1/1"], &["--fresh", "--yes"]] {
        let args = &[&["--jobs", "1", "--resume-every", "0.02"], more].concat();
        let lab = Lab::new();
        lab.write("config.json", slow().to_string());
        let mut child = program(&lab, args).stdout(Stdio::piped()).spawn().expect("the program");
        saved(&lab, &mut child);
        signal(&child, "INT");
        let output = child.wait_with_output().expect("an end");
        assert_eq!(output.status.code(), Some(130));
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        // With --fresh the same command would discard what is done.
        let command = if more.contains(&"--fresh") { "the same command without --fresh" } else { "the same command" };
        let expected = &format!("interrupted: 0 of 4 runs are done; {command} continues\n");
        assert!(said == *expected || said == expected.replacen('0', "1", 1), "{said}");
    }
}

/// As job schedulers send it: to the program and to the script that passes it on.
#[test]
#[cfg(unix)]
fn sigterm_sent_twice_leaves_time_to_save() {
    let config = slow();
    let (lab, mut child, _) = underway(&config);
    signal(&child, "TERM");
    drop(Command::new("kill").args(["-TERM", &child.id().to_string()]).output());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(lab.table("results/t/runs.csv").column("status").contains(&"interrupted"));
}

#[test]
#[cfg(unix)]
fn a_reader_that_has_gone_away_does_not_change_the_exit_status() {
    let lab = Lab::new();
    lab.write("config.json", slow().to_string());
    let mut command = program(&lab, &["--jobs", "1", "--resume-every", "0.02"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program");
    drop(child.stdout.take());
    saved(&lab, &mut child);
    signal(&child, "INT");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
}

/// One step of this takes longer than a finger.
#[test]
#[cfg(unix)]
fn a_second_ctrl_c_quits_at_once() {
    let data =
        json!({ "source": "gaussians", "classes": 2, "dimension": 3000, "train": 6000, "validation": 10, "test": 10 });
    let config = with(with(small(), "data", data), "model.hidden", json!([6000, 6000]));
    let config = with(with(config, "train", json!({ "batch_size": 6000, "steps": 1000 })), "seeds", json!(1));
    let lab = Lab::new();
    lab.write("config.json", with(config, "log", json!({ "train_eval": 10, "probe_size": 10 })).to_string());
    let mut child = program(&lab, &["--jobs", "1"]).stderr(Stdio::piped()).spawn().expect("the program");
    while lab.runs("t").is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert_eq!(line, "stopping after the current steps; once more quits at once\n");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(!lab.path("results/t/runs.csv").exists(), "it stopped after the step, and made the tables");
}

/// A lab in which a program trains, and what it has saved of a run so far.
fn underway(config: &Value) -> (Lab, Child, PathBuf) {
    let lab = Lab::new();
    lab.write("config.json", config.to_string());
    let mut child = program(&lab, &["--jobs", "1", "--resume-every", "0.02"]).spawn().expect("the program");
    let path = saved(&lab, &mut child);
    (lab, child, path)
}

/// Waits until a run is saved.
fn saved(lab: &Lab, child: &mut Child) -> PathBuf {
    for _ in 0..12_000 {
        std::thread::sleep(Duration::from_millis(5));
        let runs = lab.runs("t");
        let path = |id: &String| PathBuf::from(format!("results/t/runs/{id}/resume.safetensors"));
        if let Some(path) = runs.iter().map(path).find(|path| lab.path(path).is_file()) {
            return path;
        }
    }
    child.kill().expect("killed");
    child.wait().expect("an end");
    panic!("no run was saved");
}

/// A lab in which one run is saved and unfinished.
fn interrupted(config: &Value) -> (Lab, PathBuf) {
    let (lab, mut child, saved) = underway(config);
    child.kill().expect("killed");
    child.wait().expect("an end");
    (lab, saved)
}

/// Steps of the run that was interrupted below a folder, and of those that are finished.
#[cfg(unix)]
fn steps(lab: &Lab, out: &str) -> u64 {
    let records = lab.files(out).into_iter().filter(|(path, _)| path.ends_with("run.json"));
    records
        .map(|(_, (bytes, _))| {
            serde_json::from_slice::<Value>(&bytes).expect("a record")["steps"].as_u64().unwrap_or(0)
        })
        .sum()
}

/// What was begun is not dropped for a slip, and a collected folder goes on where the source was.
#[test]
#[cfg(unix)]
fn a_run_that_was_begun_stays_in_the_plan_and_is_collected_with_what_continues_it() {
    let config = slow();
    let (lab, saved) = interrupted(&config);
    let before = lab.bytes(&saved);
    let slip = lab.run(&with(config.clone(), "train.steps", json!(5000)), &[]).expect(2);
    slip.complains(&["would drop", "train.steps: 6000 before, 5000 now"]);
    assert!(lab.bytes(&saved) == before);
    lab.call(&["collect", "results/t", "--out", "other"]).expect(0);
    let copy = lab.path("other").join(saved.strip_prefix("results").expect("below results"));
    assert!(std::fs::read(&copy).expect("copied") == before);
    // Interrupted by a signal it has a record, too; of two copies that which is further counts, whatever their order.
    lab.write("config.json", with(config.clone(), "train.steps", json!(6000)).to_string());
    let saves = |out: &str| -> Vec<Vec<u8>> {
        let all = lab.files(out).into_iter().filter(|(path, _)| path.ends_with("resume.safetensors"));
        all.map(|(_, (bytes, _))| bytes).collect()
    };
    // A signal that arrives between two runs leaves nothing to continue: then the next run is interrupted.
    let interrupt = |out: &str, than: u64| loop {
        let mut child =
            program(&lab, &["--jobs", "1", "--resume-every", "0.02", "--out", out]).spawn().expect("the program");
        let patience = Instant::now();
        // Files come and go meanwhile.
        let save = || {
            let runs = std::fs::read_dir(lab.path(format!("{out}/t/runs"))).into_iter().flatten().flatten();
            runs.filter_map(|run| run.path().join("resume.safetensors").metadata().ok()?.modified().ok()).max()
        };
        let first = save();
        while save().is_none_or(|time| Some(time) == first) && patience.elapsed().as_secs() < 60 {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&child, "INT");
        assert_eq!(child.wait().expect("an end").code(), Some(130), "{out}: it ended before it was interrupted");
        let steps = steps(&lab, out);
        assert!(steps > than, "{out}: {steps}");
        if !saves(out).is_empty() {
            return steps;
        }
    };
    let near = interrupt("third", 0);
    std::fs::create_dir(lab.path("further")).expect("a folder");
    let copied = Command::new("cp").args(["-r", "third/t", "further/t"]).current_dir(lab.path("")).status();
    assert!(copied.expect("cp").success());
    let far = interrupt("further", near);
    lab.call(&["collect", "third/t", "further/t", "--out", "fourth"]).expect(0);
    assert_eq!(steps(&lab, "fourth"), far);
    assert!(saves("fourth") == saves("further"), "what continues it comes along");
    lab.run(&config, &["--out", "fourth"]).expect(0);
    assert_same_files(&lab.reproducible("fourth"), &straight(&config).reproducible("results"));
}

#[test]
fn a_damaged_resume_file_fails_that_run_alone_and_the_next_call_begins_it_anew() {
    let config = slow();
    let expected = results(&straight(&config));
    for damage in 0..4 {
        let (lab, saved) = interrupted(&config);
        let mut bytes = lab.bytes(&saved);
        let middle = bytes.len() / 2;
        match damage {
            0 => bytes.truncate(middle),
            1 => bytes[middle] ^= 1,
            2 => bytes.clear(),
            _ => bytes[..8].fill(0xff),
        }
        lab.write(&saved, bytes);
        let outcome = lab.run(&config, &[]).expect(1).says(&["1 failed"]);
        drop(outcome);
        let runs = lab.table("results/t/runs.csv");
        let failed = runs.only(&[("status", "failed")]);
        assert_eq!((failed.len(), runs.only(&[("status", "completed")]).len()), (1, 3));
        assert!(failed[0]["reason"].contains("resume.safetensors"), "{}", failed[0]["reason"]);
        assert!(
            lab.text(Path::new("results/t/runs").join(&failed[0]["run_id"]).join("run.log"))
                .contains("resume.safetensors")
        );
        lab.run(&config, &[]).expect(0);
        assert_same_files(&results(&lab), &expected);
    }
}

#[test]
fn a_run_saved_at_another_level_begins_anew() {
    let config = slow();
    let (lab, _) = interrupted(&config);
    let portable = |lab: &Lab| {
        let run =
            lab.command().env("BN_EXP_SIMD", "portable").args(["run", "--config", "config.json"]).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    portable(&lab);
    let straight = Lab::new();
    straight.write("config.json", config.to_string());
    portable(&straight);
    let level = |path: &Path| path.file_name().is_some_and(|name| name == "run.log");
    let [mut found, mut expected] = [results(&lab), results(&straight)];
    found.retain(|path, _| !level(path));
    expected.retain(|path, _| !level(path));
    assert_same_files(&found, &expected);
}

#[test]
fn an_axis_added_between_interruption_and_continuation_is_in_every_row() {
    let config = slow();
    let (lab, _) = interrupted(&config);
    let swept = with(config, "sweep", json!({ "optimizer.lr": [0.003, 0.01] }));
    lab.run(&swept, &[]).expect(0);
    assert_same_files(&results(&lab), &results(&straight(&swept)));
}

#[test]
#[cfg(unix)]
fn two_programs_share_an_experiment_and_train_no_run_twice() {
    let config = with(slow(), "seeds", json!(6));
    let expected = results(&straight(&config));
    let (lab, mut first, _) = underway(&config);
    // Whatever it does, it does not end meanwhile.
    signal(&first, "STOP");
    let second = lab.run(&config, &["--jobs", "1"]).expect(0);
    signal(&first, "CONT");
    assert!(second.stdout.contains("1 still being trained by another `bn-exp run`"), "{}", second.stdout);
    assert_eq!(lab.table("results/t/runs.csv").only(&[("status", "completed")]).len(), 11);
    assert_eq!(first.wait().expect("an end").code(), Some(0));
    let runs = lab.table("results/t/runs.csv");
    assert_eq!(runs.column("status"), ["completed"; 12]);
    assert_same_files(&results(&lab), &expected);
}

/// Whichever of them makes the tables last, they hold every run.
#[test]
fn the_tables_of_two_programs_hold_every_run_in_thirty_rounds() {
    let config = with(with(small(), "seeds", json!(4)), "train.steps", json!(60));
    for round in 0..30 {
        let lab = Lab::new();
        lab.write("config.json", config.to_string());
        let first = program(&lab, &["--jobs", "1"]).stdout(Stdio::piped()).spawn().expect("the program");
        let second = program(&lab, &["--jobs", "1"]).stdout(Stdio::piped()).output().expect("an end");
        let first = first.wait_with_output().expect("an end");
        assert_eq!((first.status.code(), second.status.code()), (Some(0), Some(0)), "round {round}");
        let said = [first, second].map(|program| String::from_utf8_lossy(&program.stdout).into_owned());
        assert!(
            said.iter().any(|text| text.contains("compare results/t --full")),
            "round {round}: nobody compares\n{said:?}"
        );
        assert_eq!(lab.table("results/t/runs.csv").column("status"), ["completed"; 12], "round {round}");
        lab.run(&config, &[]).expect(0).says(&["nothing to do"]);
    }
}

/// What cannot be read: here a link that leads to itself, which is neither there nor absent.
#[test]
#[cfg(unix)]
fn what_cannot_be_read_is_not_absent() {
    let config = small();
    let lab = straight(&config);
    let run = lab.run_folder("t", "bn", 0);
    let names =
        ["experiment.json", "runs", ".tables.json", "runs.csv", "curves.csv"].map(|name| format!("results/t/{name}"));
    let of_run = ["", "/run.json", "/curves.csv"].map(|name| format!("{}{name}", run.display()));
    let before = lab.bytes("results/t/runs.csv");
    for name in names.iter().chain(&of_run) {
        let (path, aside) = (lab.path(name), lab.path("aside"));
        std::fs::rename(&path, &aside).expect("moved");
        std::os::unix::fs::symlink(&path, &path).expect("linked");
        lab.call(&["compare", "results/t"]).expect(1).complains(&[name, "symbolic links"]);
        // What was copied before is whole there, if one run's files are the trouble.
        let is_whole = name.ends_with("run.json") || name.ends_with(".csv");
        lab.call(&["collect", "results/t", "--out", "other"])
            .expect(i32::from(!is_whole && !name.ends_with(".tables.json")));
        lab.call(&["collect", "results/t", "--out", name.replace('/', "-").as_str()])
            .expect(i32::from(name.contains("bn") || !name.ends_with(".csv") && !name.ends_with(".tables.json")));
        std::fs::remove_file(&path).expect("removed");
        std::fs::rename(&aside, &path).expect("moved back");
        assert_eq!(lab.bytes("results/t/runs.csv"), before, "{name}");
    }
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]);
    // Such a record may be that of a finished run, which no number of calls trains again.
    let (path, aside) = (lab.path(run.join("run.json")), lab.path("aside"));
    let whole = lab.bytes(run.join("checkpoint.safetensors"));
    std::fs::rename(&path, &aside).expect("moved");
    std::os::unix::fs::symlink(&path, &path).expect("linked");
    for _ in 0..3 {
        lab.run(&with(config.clone(), "seeds", json!(3)), &[]).expect(1).complains(&["symbolic links"]);
        assert!(path.is_symlink());
        // It has not failed, and the tables do not say so.
        assert!(lab.bytes("results/t/runs.csv") == before);
    }
    std::fs::remove_file(&path).expect("removed");
    std::fs::rename(&aside, &path).expect("moved back");
    lab.run(&with(config, "seeds", json!(3)), &[]).expect(0).says(&["nothing to do"]);
    assert!(lab.text("results/t/runs.csv").starts_with(str::from_utf8(&before).expect("text")));
    assert!(lab.bytes(run.join("checkpoint.safetensors")) == whole);
}

/// The same program as another user, if this one may read everything.
#[cfg(unix)]
fn as_anyone(lab: &Lab) -> Command {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bn-exp"));
    command.current_dir(lab.path("")).env("HOME", lab.path("")).stdin(Stdio::null());
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(65534);
    }
    command
}

#[test]
#[cfg(unix)]
fn results_are_not_discarded_where_a_run_cannot_be_removed() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
    allow(&lab.path(""), 0o777);
    lab.write("config.json", with(small(), "log.snapshot_every", json!(6)).to_string());
    let run = |args: &[&str]| {
        let output = as_anyone(&lab).args(["run", "config.json"]).args(args).output().expect("the program");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run(&[]).0, Some(0));
    let before = lab.reproducible("results");
    let folder = lab.run_folder("t", "bn", 0);
    for (place, mode) in [(folder.clone(), 0o000), (folder.clone(), 0o500), (folder.join("snapshots"), 0o500)] {
        allow(&lab.path(&place), mode);
        for _ in 0..2 {
            let (code, said) = run(&["--fresh", "--yes"]);
            let words = format!("the folder {} cannot be emptied", place.display());
            assert!(code == Some(1) && said.contains("nothing was discarded") && said.contains(&words), "{said}");
        }
        allow(&lab.path(&place), 0o755);
        assert_same_files(&lab.reproducible("results"), &before);
        assert_eq!(run(&[]).0, Some(0));
    }
    assert_eq!(run(&["--fresh", "--yes"]).0, Some(0));
    assert_same_files(&lab.reproducible("results"), &before);
}

#[test]
fn a_snapshot_that_is_missing_or_cut_short_is_told_and_its_run_stays_finished() {
    let lab = Lab::new();
    let config = with(with(small(), "variants", json!(["bn"])), "log.snapshot_every", json!(6));
    lab.run(&config, &[]).expect(0);
    let snapshot = lab.run_folder("t", "bn", 1).join("snapshots/step-000000006.safetensors");
    let whole = lab.bytes(&snapshot);
    let name = snapshot.display().to_string();
    assert!(!lab.run(&config, &[]).expect(0).stderr.contains("snapshots"));
    lab.write(&snapshot, &whole[..100]);
    let length = format!("{} bytes expected, 100 found", whole.len());
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]).complains(&[&name, &length, "to train the run again"]);
    std::fs::remove_file(lab.path(&snapshot)).expect("removed");
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]).complains(&[
        &name,
        "is missing",
        "to train the run again",
    ]);
    let words = ["step-000000006.safetensors is missing", "no copy of this run has it"];
    lab.call(&["collect", "results/t", "--out", "other"]).expect(0).complains(&words);
    lab.write(&snapshot, &whole);
    let said = lab.call(&["collect", "results/t", "--out", "other"]).expect(0);
    assert!(!said.stderr.contains("missing"), "{}", said.stderr);
}

/// Whatever records stand there, and in whatever order folders are given.
#[test]
#[cfg(unix)]
fn a_run_is_collected_from_where_it_was_saved_furthest() {
    let config = with(with(slow(), "variants", json!(["bn"])), "seeds", json!(1));
    let (lab, saved) = interrupted(&config);
    let run = saved.parent().expect("a run").strip_prefix("results").expect("below results").to_owned();
    let run = run.strip_prefix(lab.path("results")).unwrap_or(&run).to_owned();
    let step = |out: &str| {
        let bytes = std::fs::read(lab.path(out).join(&run).join("resume.safetensors")).ok()?;
        let tensors = bn_exp::record::tensors::parse(&bytes, Path::new("resume")).ok()?;
        let header = tensors.iter().find(|tensor| tensor.name() == "header")?;
        serde_json::from_slice::<Value>(header.raw()).ok()?["step"].as_u64()
    };
    let copy = |from: &str, to: &str| lab.copy(from, to);
    copy("results", "early");
    // Stopped in words, so that a record stands there; then killed further on, so that it is out of date.
    let go_on = |out: &str, name: &str| loop {
        lab.write("config.json", config.to_string());
        let before = step(out);
        let mut child = program(&lab, &["--resume-every", "0.02", "--out", out]).spawn().expect("the program");
        let patience = Instant::now();
        while step(out) == before && patience.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&child, name);
        child.wait().expect("an end");
        if step(out) > before {
            break;
        }
        assert!(patience.elapsed() < Duration::from_secs(20), "no later save");
    };
    copy("results", "stopped");
    go_on("stopped", "INT");
    assert!(lab.path("stopped").join(&run).join("run.json").exists());
    copy("stopped", "further");
    go_on("further", "KILL");
    let furthest = step("further");
    assert!(step("early") < step("stopped") && step("stopped") < furthest);
    let folders = ["early/t", "stopped/t", "further/t"];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let [a, b, c] = order.map(|i| folders[i]);
        let out = format!("out-{order:?}").replace([' ', ',', '[', ']'], "");
        lab.call(&["collect", a, b, c, "--out", &out]).expect(0);
        assert_eq!(step(&out), furthest, "{order:?}");
    }
    // What is further in the folder that is collected into stays.
    lab.call(&["collect", "stopped/t", "--out", "further"]).expect(0);
    assert_eq!(step("further"), furthest);
    // A record whose saved state is lost, and one that is damaged, give way.
    copy("stopped", "lost");
    std::fs::remove_file(lab.path("lost").join(&run).join("resume.safetensors")).expect("removed");
    copy("further", "damaged");
    let resume = Path::new("damaged").join(&run).join("resume.safetensors");
    let mut bytes = lab.bytes(&resume);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    lab.write(&resume, bytes);
    lab.call(&["collect", "lost/t", "stopped/t", "--out", "lost-first"]).expect(0);
    assert_eq!(step("lost-first"), step("stopped"));
    let told = ["resume.safetensors is damaged", "it was not copied"];
    lab.call(&["collect", "damaged/t", "stopped/t", "--out", "damaged-first"]).expect(0).complains(&told);
    assert_eq!(step("damaged-first"), step("stopped"));
    // A finished copy that is damaged does not stand in the way either.
    copy("stopped", "done");
    lab.run(&config, &["--out", "done"]).expect(0);
    lab.write(Path::new("done").join(&run).join("curves.csv"), "damaged");
    for order in [["done/t", "stopped/t"], ["stopped/t", "done/t"]] {
        let out = format!("with-{}", &order[0][..4]);
        lab.call(&["collect", order[0], order[1], "--out", &out]);
        assert_eq!(step(&out), step("stopped"), "{order:?}");
    }
    let whole = results(&straight(&config));
    lab.run(&config, &["--out", "damaged-first"]).expect(0);
    assert_same_files(&lab.reproducible("damaged-first"), &whole);
}

#[test]
fn a_snapshot_that_is_lost_while_its_run_is_unfinished_makes_it_begin_anew() {
    let config = with(slow(), "log.snapshot_every", json!(100));
    let expected = results(&straight(&config));
    for is_cut in [false, true] {
        let (lab, saved) = interrupted(&config);
        let snapshot = saved.with_file_name("snapshots").join("step-000000000.safetensors");
        let whole = lab.bytes(&snapshot);
        if is_cut {
            lab.write(&snapshot, &whole[..100]);
        } else {
            std::fs::remove_file(lab.path(&snapshot)).expect("removed");
        }
        lab.run(&config, &["--jobs", "2"]).expect(0).complains(&["step-000000000.safetensors is ", "begins anew"]);
        assert_same_files(&results(&lab), &expected);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn too_many_open_files_are_told_with_a_remedy() {
    let lab = Lab::new();
    lab.write("config.json", small().to_string());
    let program = assert_cmd::cargo::cargo_bin!("bn-exp").display().to_string();
    let mut told = false;
    for most in 4..12 {
        for call in ["run config.json --jobs 1", "compare results/t", "collect results/t --out other"] {
            let line = format!("ulimit -n {most}; exec {program} {call}");
            let output = Command::new("sh").current_dir(lab.path("")).args(["-c", &line]).output().expect("a shell");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("ncategorized") && !said.contains("os error 24"), "{said}");
            told |= said.contains("too many files are open; allow more (ulimit -n 4096)");
        }
    }
    assert!(told);
}

#[test]
fn what_a_killed_collect_or_report_left_half_written_is_removed() {
    let lab = Lab::new();
    let config = with(with(small(), "variants", json!(["bn"])), "log.snapshot_every", json!(6));
    lab.run(&config, &["--trace"]).expect(0);
    lab.call(&["collect", "results/t", "--out", "other"]).expect(0);
    let run = Path::new("other").join(lab.run_folder("t", "bn", 0).strip_prefix("results").expect("a run"));
    let left = [run.join(".writing-Ab3dE6"), run.join("snapshots/.writing-Ab3dE6")];
    left.iter().for_each(|path| drop(lab.write(path, "half")));
    lab.call(&["collect", "results/t", "--out", "other"]).expect(0);
    assert!(left.iter().all(|path| !lab.path(path).exists()));
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    let left = lab.write("results/t/.writing-Ab3dE6", "half");
    lab.call(&["report", "results/t"]).expect(0);
    assert!(!left.exists());
}

#[test]
#[cfg(unix)]
fn what_waits_for_a_lock_ends_with_130_when_asked_to_stop() {
    let lab = straight(&small());
    lab.write("config.json", with(small(), "seeds", json!(3)).to_string());
    std::fs::remove_file(lab.path("results/t/.tables.json")).expect("removed");
    let lock = std::fs::File::open(lab.path("results/t/.lock")).expect("a lock");
    lock.lock().expect("locked");
    for name in ["INT", "TERM"] {
        for args in [
            &["run", "--config", "config.json"][..],
            &["compare", "results/t"],
            &["collect", "results/t", "--out", "results"],
        ] {
            let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bn-exp"));
            command.current_dir(lab.path("")).env("HOME", lab.path("")).args(args).stdin(Stdio::null());
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program");
            let mut line = String::new();
            let mut words = BufReader::new(child.stderr.take().expect("a pipe"));
            words.read_line(&mut line).expect("a line");
            assert!(line.contains("waiting for another program"), "{line}");
            signal(&child, name);
            assert_eq!(child.wait().expect("an end").code(), Some(130), "{args:?}, SIG{name}");
        }
    }
    drop(lock);
    lab.run(&small(), &[]).expect(0);
}

/// Also in the folders of finished runs, which nothing is written to but a trace.
#[test]
fn what_was_left_half_written_is_removed() {
    let config = with(small(), "log.snapshot_every", json!(6));
    let lab = straight(&config);
    let run = lab.run_folder("t", "bn", 0);
    let expected = results(&lab);
    for folder in [PathBuf::from("results/t"), run.clone(), run.join("snapshots")] {
        lab.write(folder.join(".writing-abcdef"), "half");
    }
    // The record of the root is as it was: nothing has to be opened.
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]);
    std::fs::remove_file(lab.path("results/t/curves.csv")).expect("removed");
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &expected);
    lab.write(run.join("snapshots/.writing-abcdef"), "half");
    std::fs::remove_file(lab.path(run.join("run.json"))).expect("removed");
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &expected);
}

#[test]
#[cfg(unix)]
fn a_limit_on_the_length_of_files_fails_the_runs_that_reach_it() {
    let lab = Lab::new();
    let config =
        with(small(), "variants", json!(["none", { "name": "wide", "base": "none", "train_only": ["weight"] }]));
    let config = with(with(config, "sweep", json!({ "log.batch_every": [1, 0] })), "train.steps", json!(2000));
    let config = with(with(config, "seeds", json!(1)), "log", json!({}));
    lab.write("config.json", config.to_string());
    let program = assert_cmd::cargo::cargo_bin!("bn-exp").display().to_string();
    let limited = format!("ulimit -f 60; exec '{program}' run --config config.json --jobs 1");
    let output = Command::new("sh").args(["-c", &limited]).current_dir(lab.path("")).output().expect("a shell");
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("File too large"), "{words}");
    let runs = lab.table("results/t/runs.csv");
    let mut statuses = runs.column("status");
    statuses.sort_unstable();
    assert_eq!(statuses, ["completed", "completed", "failed", "failed"]);
    lab.run(&config, &[]).expect(0).says(&["2 of 4 runs trained"]);
}

/// What was trained is in the tables, whatever becomes of the words about it.
#[test]
#[cfg(target_os = "linux")]
fn tables_are_made_where_nothing_can_be_printed() {
    let (config, lab) = (small(), Lab::new());
    lab.write("config.json", config.to_string());
    let calls: [&[&str]; 3] =
        [&["run", "--config", "config.json"], &["collect", "results/t", "--out", "results"], &["compare", "results/t"]];
    for args in calls {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bn-exp"));
        let output = command.current_dir(lab.path("")).args(args).stdout(full).output().expect("the program");
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(words.contains("cannot write to standard output"), "{words}");
        assert_eq!(lab.table("results/t/runs.csv").column("status"), ["completed"; 6], "{args:?}");
        std::fs::remove_file(lab.path("results/t/runs.csv")).expect("removed");
    }
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &results(&straight(&config)));
}

/// Their times say nothing, and stand in nobody's way.
#[test]
fn a_clock_that_stood_still_is_no_reason_to_refuse_the_tables() {
    let lab = straight(&small());
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    let table = lab.table("results/t/timing.csv");
    let mut text = table.columns.join(",") + "\n";
    for row in &table.rows {
        let cell = |column: &String| match column.as_str() {
            "us_per_step" | "train_seconds" | "evaluate_seconds" => "0.0".to_owned(),
            "started_at" => String::new(),
            _ => row[column].clone(),
        };
        text += &(table.columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    lab.write("results/t/timing.csv", text);
    for metric in ["test_accuracy", "seconds_to_target"] {
        let outcome = lab.call(&["compare", "results/t", "--metric", metric]);
        assert!(!outcome.stderr.contains("panicked") && !outcome.stderr.contains("timing.csv"), "{}", outcome.stderr);
    }
    lab.call(&["compare", "results/t"]).expect(0);
}

#[test]
fn a_run_whose_folder_vanishes_fails_and_the_others_go_on() {
    let config = with(with(slow(), "train.steps", json!(40_000)), "seeds", json!(1));
    let (lab, mut child, saved) = underway(&config);
    let folder = lab.path(saved.parent().expect("a folder"));
    std::fs::rename(&folder, lab.path("elsewhere")).expect("moved away");
    assert_eq!(child.wait().expect("an end").code(), Some(1));
    let runs = lab.table("results/t/runs.csv");
    assert_eq!((runs.only(&[("status", "failed")]).len(), runs.only(&[("status", "completed")]).len()), (1, 1));
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &results(&straight(&config)));
}

/// A file system of so many kilobytes at this path, if it can be had.
#[cfg(target_os = "linux")]
struct Small(PathBuf);

#[cfg(target_os = "linux")]
impl Small {
    fn at(path: PathBuf, kilobytes: usize) -> Option<Self> {
        std::fs::create_dir_all(&path).expect("a folder");
        let option = format!("size={kilobytes}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(&path).output();
        mounted.is_ok_and(|outcome| outcome.status.success()).then_some(Self(path))
    }

    fn remount(&self, option: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()));
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_fails_what_does_not_fit_and_with_room_the_rest_is_done() {
    let config = with(slow(), "seeds", json!(3));
    let expected = results(&straight(&config));
    let lab = Lab::new();
    let Some(small) = Small::at(lab.path("results"), 250) else {
        say_not_tested("no file system can be mounted here");
        return;
    };
    let plan = |config: &Value| lab.plan(config, &[]).expect(0).stdout;
    let foreseen = |plan: &str| plan.split_whitespace().collect::<Vec<_>>().join(" ").contains("that are free there");
    assert!(foreseen(&plan(&config)), "{}", plan(&config));
    let outcome = lab.run(&config, &["--resume-every", "0.05"]).expect(1);
    assert!(outcome.stderr.contains("No space left"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    small.remount("size=20000k");
    assert!(!foreseen(&plan(&config)), "{}", plan(&config));
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &expected);
}

#[test]
#[cfg(target_os = "linux")]
fn a_read_only_folder_is_found_before_training_and_its_tables_are_still_read() {
    let config = small();
    let lab = Lab::new();
    let Some(small) = Small::at(lab.path("results"), 20_000) else {
        say_not_tested("no file system can be mounted here");
        return;
    };
    lab.run(&config, &[]).expect(0);
    small.remount("ro");
    assert_eq!(lab.run(&config, &[]).expect(0).says(&["nothing to do"]).stderr, "");
    lab.run(&with(config.clone(), "seeds", json!(3)), &[]).expect(1).complains(&["results/t", "Read-only"]);
    let outcome = lab.call(&["compare", "results/t"]).expect(0).says(&["bn"]);
    assert_eq!(outcome.stderr, "");
    small.remount("rw");
    lab.run(&with(config, "seeds", json!(3)), &[]).expect(0).says(&["3 of 9 runs trained"]);
}

/// A file where the folder of a run should be.
#[test]
fn a_run_whose_folder_cannot_be_written_fails_with_its_reason_and_the_others_go_on() {
    let config = small();
    let expected = results(&straight(&config));
    let lab = straight(&config);
    let id = lab.runs("t").remove(2);
    let folder = format!("results/t/runs/{id}");
    std::fs::remove_dir_all(lab.path(&folder)).expect("removed");
    lab.write(&folder, "in its place");
    // Tables that hold the run would be the only copy of it, and be kept.
    std::fs::remove_file(lab.path("results/t/runs.csv")).expect("removed");
    for _ in 0..2 {
        lab.run(&config, &[]).expect(1).says(&["1 failed", "5 finished before"]).complains(&[&id]);
        let runs = lab.table("results/t/runs.csv");
        let failed = runs.only(&[("status", "failed")]);
        assert_eq!((failed.len(), &failed[0]["run_id"]), (1, &id));
        assert!(failed[0]["reason"].contains(&folder), "{}", failed[0]["reason"]);
        lab.call(&["compare", "results/t"]).expect(0);
        assert_eq!(lab.table("results/t/runs.csv").only(&[("status", "failed")]).len(), 1);
    }
    std::fs::remove_file(lab.path(&folder)).expect("removed");
    lab.run(&config, &[]).expect(0);
    assert_same_files(&results(&lab), &expected);
}

/// Settings that no configuration gives, so that two of four runs panic.
#[test]
fn a_panic_inside_a_run_fails_that_run_alone_and_the_next_call_tries_it_again() {
    let text =
        with(with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.2] })), "variants", json!(["bn"])).to_string();
    let lab = Lab::new();
    let folder = ExperimentFolder::at(lab.path("results/t"));
    let store = Store::new(lab.path("sets"));
    let parse = || Experiment::parse(&text, &[], &|data| Ok(store.facts(data)?)).expect("an experiment");
    let train = |experiment: &Experiment| {
        let plan = plan(experiment).expect("a plan");
        experiment::check_writable(&folder).expect("a folder");
        let finished = RunRecord::ended(&folder).expect("records").finished;
        let record = ExperimentRecord::new(experiment, entries(experiment, &plan));
        experiment::open(&folder, &record, [&finished, &Default::default()], true).expect("a folder");
        let missing: Vec<_> = plan.iter().filter(|run| !finished.contains(&run.id)).collect();
        let job = Job {
            experiment,
            plan: &plan.iter().collect::<Vec<_>>(),
            missing: &missing,
            store: &store,
            folder: &folder,
            jobs: 2,
            trace: false,
            resume_every: Duration::from_secs(30),
            stop: &AtomicBool::new(false),
        };
        let tally = runner::run(&job, &Progress::new(Detail::Quiet)).expect("a tally");
        collect(&folder, None, &|_| true).expect("tables");
        tally
    };
    let mut broken = parse();
    broken.points[1].settings.data.shape = Shape::vector(3);
    let tally = train(&broken);
    assert_eq!((tally.finished, tally.failed), (2, 2));
    let runs = lab.table("results/t/runs.csv");
    let failed = runs.only(&[("status", "failed")]);
    assert_eq!(failed.len(), 2);
    for run in failed {
        assert!(run["reason"].starts_with("the run panicked: "), "{}", run["reason"]);
        let log = lab.text(format!("results/t/runs/{}/run.log", run["run_id"]));
        assert!(log.contains(&run["reason"]), "{log}");
    }
    let tally = train(&parse());
    assert_eq!((tally.already_finished, tally.finished, tally.failed), (2, 2, 0));
    assert_eq!(lab.table("results/t/runs.csv").column("status"), ["completed"; 4]);
}

#[test]
#[cfg(unix)]
fn results_are_not_discarded_while_another_program_trains() {
    let config = with(slow(), "train.steps", json!(40_000));
    let (lab, mut child, _) = underway(&config);
    signal(&child, "STOP");
    let outcome = lab.run(&config, &["--fresh", "--yes"]).expect(1);
    drop(outcome.complains(&["another program is at work", "not discarded"]));
    signal(&child, "CONT");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    lab.run(&slow(), &["--fresh", "--yes"]).expect(0).says(&["4 of 4 runs trained"]);
}

/// A program that was killed holds its locks until the system has taken it down.
#[test]
fn results_are_discarded_once_a_killed_program_is_gone() {
    let lab = straight(&small());
    let lock = std::fs::File::open(lab.path("results/t/.training.lock")).expect("a lock");
    lock.lock_shared().expect("locked");
    let dying = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(lock);
    });
    lab.run(&small(), &["--fresh", "--yes"]).expect(0).says(&["6 of 6 runs trained"]);
    dying.join().expect("an end");
}

#[test]
#[cfg(unix)]
fn runs_that_another_program_is_training_stay_in_the_plan() {
    let config = with(slow(), "seeds", json!(3));
    let (lab, mut child, _) = underway(&config);
    signal(&child, "STOP");
    let fewer = with(config.clone(), "seeds", json!(1));
    drop(lab.run(&fewer, &[]).expect(2).complains(&["another program is at work", "would drop"]));
    let more = with(config, "seeds", json!(4));
    lab.run(&more, &["--jobs", "2"]).expect(0);
    signal(&child, "CONT");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    lab.run(&more, &[]).expect(0);
    assert_same_files(&results(&lab), &results(&straight(&more)));
}

#[test]
fn a_killed_discard_leaves_nothing_that_looks_finished() {
    let config = small();
    let lab = straight(&config);
    // As it is left after the runs were put aside, before all of them were removed.
    std::fs::rename(lab.path("results/t/runs"), lab.path("results/t/.writing-removed")).expect("moved");
    for table in crate::common::TABLES {
        std::fs::remove_file(lab.path(format!("results/t/{table}"))).expect("removed");
    }
    lab.call(&["compare", "results/t"])
        .expect(1)
        .complains(&["were being discarded", "the next `bn-exp run` ends that"]);
    lab.run(&config, &[]).expect(0).says(&["6 of 6 runs trained"]);
    assert!(!lab.path("results/t/.writing-removed").exists());
    assert_same_files(&results(&lab), &results(&straight(&config)));
}

#[test]
fn shards_do_not_discard_one_another() {
    let lab = Lab::new();
    lab.run(&small(), &["--shard", "1/2", "--fresh", "--yes"]).expect(2).complains(&["--fresh", "--shard"]);
}

#[test]
fn tables_at_the_root_that_were_edited_are_made_again() {
    let config = small();
    let expected = results(&straight(&config));
    for (table, edit) in
        [("runs", "completed"), ("runs", "0."), ("curves", "0."), ("gradients", "0."), ("timing", "none")]
    {
        let lab = straight(&config);
        let path = format!("results/t/{table}.csv");
        let text = lab.text(&path);
        assert!(text.contains(edit), "{path}");
        let mut other = edit.to_owned();
        other.replace_range(0..1, "7");
        // Of the same length.
        lab.write(&path, text.replacen(edit, &other, 1));
        lab.call(&["compare", "results/t"]).expect(0);
        assert_eq!(lab.text(&path), text);
        assert_same_files(&results(&lab), &expected);
    }
}

/// Where a copy was cut off and is completed later.
#[test]
fn a_table_that_is_there_again_counts_again() {
    let config = small();
    let lab = straight(&config);
    let expected = results(&lab);
    let path = format!("results/t/runs/{}/gradients.csv", lab.runs("t").remove(0));
    let whole = lab.bytes(&path);
    lab.write(&path, &whole[..100]);
    lab.call(&["compare", "results/t"]).expect(0);
    assert_eq!(lab.table("results/t/runs.csv").only(&[("status", "failed")]).len(), 1);
    lab.write(&path, whole);
    lab.run(&config, &[]).expect(0).says(&["nothing to do"]);
    assert_same_files(&results(&lab), &expected);
}

/// The record of a later program is not overwritten, and concerns its run alone.
#[test]
fn a_run_of_a_later_layout_fails_and_the_others_go_on() {
    let config = small();
    let lab = straight(&config);
    let path = format!("results/t/runs/{}/run.json", lab.runs("t").remove(0));
    let mut record = lab.json(&path);
    record["schema_version"] = json!(99);
    lab.write(&path, record.to_string());
    let outcome = lab.run(&with(config.clone(), "seeds", json!(3)), &[]).expect(1);
    drop(outcome.says(&["3 of 9 runs trained", "1 failed"]).complains(&["schema version 99"]));
    assert_eq!(lab.json(&path), record);
    lab.run(&config, &["--set", "seeds=3"]).expect(1).complains(&["schema version 99"]);
    assert_eq!(lab.json(&path), record);
    assert!(lab.table("results/t/runs.csv").only(&[("status", "failed")])[0]["reason"].contains("schema version 99"));
}

#[test]
#[cfg(unix)]
fn a_begun_run_whose_resume_file_cannot_be_looked_at_stays_in_the_plan() {
    let (lab, saved) = interrupted(&slow());
    let id = saved.parent().and_then(|run| run.file_name()).expect("a run").to_string_lossy().into_owned();
    let arm = id.split("-s").next().expect("an arm").to_owned();
    let others = slow()["variants"].as_array().expect("arms").iter().filter(|other| **other != *arm).cloned().collect();
    // A run that is finished would be missed anyway.
    for other in lab.runs("t").into_iter().filter(|other| *other != id) {
        std::fs::remove_dir_all(lab.path(format!("results/t/runs/{other}"))).expect("removed");
    }
    std::fs::remove_file(lab.path(&saved)).expect("removed");
    std::os::unix::fs::symlink("resume.safetensors", lab.path(&saved)).expect("a link to itself");
    lab.run(&with(slow(), "variants", Value::Array(others)), &[]).expect(2).complains(&["would drop", &id]);
    assert!(lab.text("results/t/experiment.json").contains(&id));
}

#[test]
fn a_checkpoint_that_is_cut_off_is_made_again_and_one_that_was_removed_is_not_missed() {
    let config = small();
    let lab = straight(&config);
    let expected = results(&lab);
    let id = lab.runs("t").remove(0);
    let path = format!("results/t/runs/{id}/checkpoint.safetensors");
    let bytes = lab.bytes(&path);
    lab.write(&path, &bytes[..bytes.len() - 20]);
    drop(lab.run(&config, &[]).expect(0).says(&["1 of 6 runs trained"]).complains(&["again", &id, "checkpoint"]));
    assert_eq!(lab.bytes(&path), bytes);
    assert_same_files(&results(&lab), &expected);
    std::fs::remove_file(lab.path(&path)).expect("removed");
    drop(lab.run(&config, &[]).expect(0).says(&["nothing to do"]));
    assert!(!lab.path(&path).exists());
}

#[test]
fn a_damaged_table_fails_its_run_with_the_reason_and_the_next_call_trains_it_again() {
    let config = small();
    let expected = results(&straight(&config));
    let damages = [
        ("curves.csv", "cut off"),
        ("gradients.csv", "removed"),
        ("activations.csv", "emptied"),
        ("landscape.csv", "cut off"),
        ("curves.csv", "edited"),
        ("runs.csv", "edited"),
        ("timing.csv", "edited"),
        ("run.json", "edited"),
    ];
    for (table, damage) in damages {
        let lab = straight(&config);
        let id = lab.runs("t").remove(0);
        let path = format!("results/t/runs/{id}/{table}");
        let bytes = lab.bytes(&path);
        match damage {
            "cut off" => drop(lab.write(&path, &bytes[..bytes.len() - 20])),
            "removed" => std::fs::remove_file(lab.path(&path)).expect("removed"),
            "edited" => {
                let mut bytes = bytes;
                let digit = bytes.iter().rposition(u8::is_ascii_digit).expect("a digit");
                bytes[digit] ^= 1;
                drop(lab.write(&path, bytes));
            }
            _ => drop(lab.write(&path, "")),
        }
        std::fs::remove_file(lab.path("results/t/curves.csv")).expect("removed");
        lab.call(&["compare", "results/t"]).expect(0);
        let runs = lab.table("results/t/runs.csv");
        let failed = runs.only(&[("status", "failed")]);
        assert_eq!((failed.len(), &failed[0]["run_id"]), (1, &id));
        assert!(failed[0]["reason"].contains(table) && failed[0]["reason"].contains("damaged"), "{damage}");
        assert_eq!(lab.table("results/t/curves.csv").column("run_id").iter().filter(|run| **run == id).count(), 0);
        drop(lab.run(&config, &[]).expect(0).says(&["1 of 6 runs trained"]).complains(&["again", &id, table]));
        assert_same_files(&results(&lab), &expected);
    }
}

/// What another program is at is neither lost nor stopped.
#[test]
fn what_another_program_is_at_is_not_said_to_be_lost_or_stopped() {
    let lab = Lab::new();
    lab.run(&small(), &["--out", "from"]).expect(0);
    lab.call(&["collect", "from/t", "--out", "results"]).expect(0);
    let folder = lab.path(lab.run_folder("t", "bn", 0));
    std::fs::remove_file(folder.join("run.json")).expect("removed");
    let lock = std::fs::File::create(folder.join(".lock")).expect("a file");
    lock.lock().expect("locked");
    let said = lab.call(&["collect", "from/t", "--out", "results"]).expect(0);
    let said = said.says(&["5 of 6 runs finished"]).complains(&["another program is training 1 run in results/t"]);
    assert!(!said.stderr.contains("put its runs/ back"), "{}", said.stderr);
    drop(lock);
    lab.call(&["collect", "from/t", "--out", "results"]).expect(0).says(&["6 of 6 runs finished"]);
    // A call with --fresh puts the runs aside, and makes a new folder for those to come.
    let lock = std::fs::File::create(lab.path("results/t/.lock")).expect("a file");
    lock.lock().expect("locked");
    let [runs, aside] = ["runs", ".writing-removed"].map(|name| lab.path(format!("results/t/{name}")));
    std::fs::rename(&runs, &aside).expect("put aside");
    std::thread::scope(|scope| {
        let compared = scope.spawn(|| lab.call(&["compare", "results/t"]));
        std::thread::sleep(std::time::Duration::from_millis(500));
        std::fs::rename(&aside, &runs).expect("made anew");
        drop(lock);
        compared.join().expect("it ends").expect(0);
    });
    // One that was stopped has left the lock.
    std::fs::rename(&runs, &aside).expect("put aside");
    lab.call(&["compare", "results/t"]).expect(1).complains(&["were being discarded when the program was stopped"]);
}
