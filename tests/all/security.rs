//! Nothing in a configuration or in a folder from elsewhere leads out of the output folder.
#![cfg(unix)]

use std::os::unix::fs::symlink;

use crate::common::{Lab, small};
use serde_json::{Value, json};

/// Everything but what the program is given and may write.
fn outside(lab: &Lab) -> Vec<String> {
    let entries = std::fs::read_dir(lab.path("")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| !["config.json", "results", "from"].contains(&name.as_str())).collect();
    names.sort();
    names
}

#[test]
fn names_that_lead_elsewhere_are_refused_in_configurations() {
    let lab = Lab::new();
    for name in ["..", ".", "../x", "/tmp/x", "a/b", "a\\b", "C:x", "nul", "a\nb", "a\0b", "\u{202e}x", ".hidden", ""] {
        let named = json!({ "name": name, "base": "bn" });
        for (path, value) in [("name", json!(name)), ("variants", json!(["none", named]))] {
            let config = crate::common::with(small(), path, value);
            lab.run(&config, &[]).expect(2).complains(&["cannot name a folder"]);
            lab.plan(&config, &[]).expect(2);
            assert!(outside(&lab).is_empty() && !lab.path("results").exists(), "{name:?}");
        }
    }
}

/// An experiment of someone else, whose record says something that is not true of this one.
fn tampered(change: impl Fn(&mut Value)) -> Lab {
    let lab = Lab::new();
    lab.run(&small(), &["--out", "from"]).expect(0);
    let mut record = lab.json("from/t/experiment.json");
    change(&mut record);
    lab.write("from/t/experiment.json", record.to_string());
    lab
}

#[test]
fn names_that_lead_elsewhere_are_refused_in_records() {
    for name in ["../../escaped", "/tmp/bn-exp-escaped", "..", "a/b", ""] {
        let changes: [&dyn Fn(&mut Value); 2] =
            [&|record| record["runs"][1]["id"] = json!(name), &|record| record["name"] = json!(name)];
        for change in changes {
            let lab = tampered(change);
            for args in [&["collect", "from/t", "--out", "results"][..], &["compare", "from/t"]] {
                lab.call(args).expect(1).complains(&["cannot name a folder"]);
                assert!(outside(&lab).is_empty() && !lab.path("results").exists(), "{name:?}");
            }
        }
    }
    let lab = tampered(|record| record["runs"][1] = record["runs"][0].clone());
    lab.call(&["collect", "from/t", "--out", "results"]).expect(1).complains(&["is listed twice"]);
}

/// A link in the place of anything that is written is not followed: what it leads to stays as it was.
#[test]
fn links_planted_in_an_experiment_are_not_followed() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let id = lab.runs("t").remove(0);
    let run = format!("results/t/runs/{id}");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("precious");
    std::fs::write(&file, "precious").expect("written");
    let untouched = || {
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "precious");
        assert_eq!(std::fs::read_dir(elsewhere.path()).expect("listed").count(), 1);
    };

    for name in ["runs.csv", "curves.csv", ".tables.json", "experiment.json"] {
        let path = lab.path(format!("results/t/{name}"));
        std::fs::remove_file(&path).expect("removed");
        symlink(&file, &path).expect("linked");
    }
    lab.run(&small(), &[]).expect(0);
    untouched();

    for name in [".lock", ".training.lock"] {
        let path = lab.path(format!("results/t/{name}"));
        std::fs::remove_file(&path).expect("removed");
        symlink(&file, &path).expect("linked");
        let more = crate::common::with(small(), "seeds", json!(3));
        lab.run(&more, &[]).expect(1).complains(&["is a link"]);
        std::fs::remove_file(&path).expect("removed");
        untouched();
    }

    for name in ["run.json", "run.log", "curves.csv", "checkpoint.safetensors", "resume.safetensors"] {
        drop(std::fs::remove_file(lab.path(format!("{run}/run.json"))));
        drop(std::fs::remove_file(lab.path(format!("{run}/{name}"))));
        symlink(&file, lab.path(format!("{run}/{name}"))).expect("linked");
        let outcome = lab.run(&small(), &[]);
        if name == "resume.safetensors" {
            outcome.expect(1).says(&["1 failed"]); // a damaged save; the next call begins anew
            lab.run(&small(), &[]).expect(0);
        } else {
            outcome.expect(0);
        }
        untouched();
    }

    for place in [run.clone(), format!("{run}/snapshots"), format!("{run}/.lock")] {
        let path = lab.path(&place);
        drop(std::fs::remove_file(lab.path(format!("{run}/run.json"))));
        drop(std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path)));
        symlink(if place.ends_with(".lock") { &file } else { elsewhere.path() }, &path).expect("linked");
        lab.run(&small(), &[]).expect(1).says(&["1 failed"]).complains(&["is a link"]);
        untouched();
        std::fs::remove_file(&path).expect("removed");
        lab.run(&small(), &[]).expect(0);
    }

    std::fs::rename(lab.path("results/t/runs"), lab.path("results/t/aside")).expect("moved");
    symlink(elsewhere.path(), lab.path("results/t/runs")).expect("linked");
    lab.run(&small(), &[]).expect(1).complains(&["is a link"]);
    untouched();
    lab.run(&small(), &["--fresh", "--yes"]);
    untouched();
}

#[test]
fn what_links_lead_to_is_not_collected() {
    let lab = Lab::new();
    lab.run(&small(), &["--out", "from"]).expect(0);
    let secret = lab.write("from/secret", "secret");
    let run = std::fs::read_dir(lab.path("from/t/runs")).expect("runs").next().expect("a run").expect("a run").path();
    symlink(&secret, run.join("extra.txt")).expect("linked");
    std::fs::write(run.join("program.sh"), "not a part of a run").expect("written");
    lab.call(&["collect", "from/t", "--out", "results"]).expect(0);
    let has = |name: &str| lab.files("results").into_keys().any(|path| path.ends_with(name));
    assert!(has("run.log") && !has("extra.txt") && !has("program.sh"));

    for name in ["", "run.log", "curves.csv", "snapshots", "trace.safetensors"] {
        let lab = Lab::new();
        lab.run(&small(), &["--out", "from"]).expect(0);
        let run =
            std::fs::read_dir(lab.path("from/t/runs")).expect("runs").next().expect("a run").expect("a run").path();
        if name.is_empty() {
            // The run's folder itself; then the folder of all of them.
            std::fs::rename(&run, lab.path("from/moved")).expect("moved");
            symlink(lab.path("from/moved"), &run).expect("linked");
            lab.call(&["collect", "from/t", "--out", "results"]).expect(1).complains(&["is a link"]);
            std::fs::rename(lab.path("from/t/runs"), lab.path("from/all")).expect("moved");
            symlink(lab.path("from/all"), lab.path("from/t/runs")).expect("linked");
            lab.call(&["collect", "from/t", "--out", "results"]).expect(1).complains(&["is a link"]);
            continue;
        }
        // As long as what it stands for, so that nothing else gives it away.
        let size = std::fs::metadata(run.join(name)).map_or(0, |metadata| metadata.len());
        let secret = lab.write("from/elsewhere/secret", vec![b'x'; size as usize]);
        drop(std::fs::remove_file(run.join(name)));
        let target = if name == "snapshots" { secret.parent().expect("a folder") } else { &secret };
        symlink(target, run.join(name)).expect("linked");
        // A table is needed; without the others the run is whole.
        let code = if name == "curves.csv" { 1 } else { 0 };
        lab.call(&["collect", "from/t", "--out", "results"]).expect(code).complains(&[name, "is a link"]);
        assert!(
            lab.files("results")
                .into_iter()
                .all(|(path, (bytes, _))| !path.ends_with("secret") && !bytes.starts_with(b"xxx"))
        );
    }
}

/// A pipe in the place of a file would be waited for.
#[test]
fn pipes_are_not_read() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let run = lab.run_folder("t", "bn", 0);
    for path in [run.join("run.json"), run.join("curves.csv"), "results/t/runs.csv".into(), "results/t/.lock".into()] {
        std::fs::remove_file(lab.path(&path)).expect("removed");
        assert!(std::process::Command::new("mkfifo").arg(lab.path(&path)).status().expect("mkfifo").success());
        lab.call(&["compare", "results/t"]);
        lab.run(&small(), &[]);
        drop(std::fs::remove_file(lab.path(&path)));
        lab.run(&small(), &[]).expect(0);
    }
}

/// Every path below a folder, links as they are, with the bytes of the files.
fn everything(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.symlink_metadata().expect("an entry").is_dir() {
            found.extend(everything(&path));
        }
        found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
    }
    found.sort();
    found
}

/// What someone else has under the experiment's name is neither discarded nor overwritten.
#[test]
fn a_folder_of_someone_else_is_refused() {
    for names in [
        &["runs/bn-s0-0123456789/run.json", "runs/data/precious"][..],
        &["curves.csv"],
        &["experiment.json"],
        &["notes.txt"],
    ] {
        let lab = Lab::new();
        lab.run(&small(), &["--out", "from"]).expect(0);
        for name in names {
            lab.write(format!("results/t/{name}"), r#"{"name": "precious"}"#);
        }
        let before = everything(&lab.path("results"));
        for args in [&[][..], &["--fresh", "--yes"]] {
            lab.run(&small(), args).expect(1).complains(&["results/t holds files", "no record", "--out"]);
            assert_eq!(everything(&lab.path("results")), before, "{names:?}");
        }
        lab.call(&["collect", "from/t", "--out", "results"]).expect(1).complains(&["results/t"]);
        assert_eq!(everything(&lab.path("results")), before, "{names:?}");
    }
}

#[test]
fn a_linked_experiment_folder_is_refused() {
    let lab = Lab::new();
    lab.run(&small(), &["--out", "from"]).expect(0);
    std::fs::create_dir(lab.path("results")).expect("a folder");
    symlink(lab.path("from/t"), lab.path("results/t")).expect("linked");
    let before = everything(&lab.path("from"));
    let other = crate::common::with(small(), "optimizer.lr", json!(0.2));
    for (config, args) in [(&small(), &[][..]), (&other, &["--fresh", "--yes"])] {
        lab.run(config, args).expect(1).complains(&["results/t is a link"]);
        assert_eq!(everything(&lab.path("from")), before);
    }
}

/// What was put beside and between the files of an experiment survives it; also a discard that was killed on the way.
#[test]
fn discarding_removes_what_the_program_wrote_and_nothing_else() {
    let other = crate::common::with(small(), "optimizer.lr", json!(0.2));
    let config = crate::common::with(small(), "log.snapshot_every", json!(6));
    for killed in [None, Some(0), Some(3), Some(6)] {
        let lab = Lab::new();
        lab.run(&config, &["--trace"]).expect(0);
        let ids = lab.runs("t");
        let elsewhere = lab.write("elsewhere/precious", "precious");
        let mut mine: Vec<_> = ["notes.txt", "snapshots/mine.safetensors", "run.log/deep"]
            .iter()
            .zip(&ids)
            .map(|(name, id)| format!("runs/{id}/{name}"))
            .collect();
        drop(std::fs::remove_file(lab.path(format!("results/t/runs/{}/run.log", ids[2]))));
        mine.extend(["notes.txt", "runs/notes.txt", "runs/data/run.json", "runs/data/curves.csv"].map(str::to_owned));
        mine.iter().for_each(|name| drop(lab.write(format!("results/t/{name}"), "precious")));
        symlink(lab.path("elsewhere"), lab.path("results/t/runs/link")).expect("linked");
        // Of a run that was killed before it had a record.
        std::fs::remove_file(lab.path(format!("results/t/runs/{}/run.json", ids[4]))).expect("removed");
        if let Some(removed) = killed {
            std::fs::rename(lab.path("results/t/runs"), lab.path("results/t/.writing-removed")).expect("moved");
            for id in ids.iter().skip(3).take(removed) {
                std::fs::remove_dir_all(lab.path(format!("results/t/.writing-removed/{id}"))).expect("removed");
            }
        }
        lab.run(&other, &["--fresh", "--yes"]).expect(0).says(&["6 of 6 runs trained"]);
        assert!(!lab.path("results/t/.writing-removed").exists());
        for name in &mine {
            assert_eq!(lab.text(format!("results/t/{name}")), "precious", "{name}");
        }
        assert_eq!(std::fs::read_to_string(&elsewhere).expect("read"), "precious");
        assert!(lab.path("results/t/runs/link").is_symlink());
        // Of the earlier runs nothing is left but that.
        let left: Vec<_> =
            lab.files("results/t/runs").into_keys().filter(|path| ids.iter().any(|id| path.starts_with(id))).collect();
        assert_eq!(left.len(), 3, "{left:?}");
        lab.call(&["compare", "results/t"]).expect(0);
    }
}

/// A result that a link leads to would count again, and what is written there is elsewhere.
#[test]
fn a_linked_run_is_neither_discarded_nor_written_to() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let run = format!("results/t/runs/{}", lab.runs("t").remove(0));
    std::fs::create_dir(lab.path("elsewhere")).expect("made");
    std::fs::rename(lab.path(&run), lab.path("elsewhere/run")).expect("moved");
    symlink(lab.path("elsewhere/run"), lab.path(&run)).expect("linked");
    let before = everything(&lab.path("elsewhere"));
    let link = ["is a link; results are written in their own folder only"];
    lab.run(&small(), &["--fresh", "--yes"]).expect(1).complains(&link);
    lab.run(&small(), &["--trace"]).expect(1).complains(&link);
    lab.call(&["fold", &run]).expect(1).complains(&link);
    assert_eq!(everything(&lab.path("elsewhere")), before);
    lab.call(&["fold", &run, "--out", "folded.safetensors"]).expect(0);
}

/// Whatever a terminal would obey.
#[track_caller]
fn is_harmless(outcome: &crate::common::Outcome, shown: &str) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    let is_command = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(is_command), "{text:?}");
    assert!(text.contains(shown), "{shown:?} is not in {text}");
}

#[test]
fn control_characters_are_written_out() {
    const EVIL: &str = "\u{1b}[31mred\u{9b}0m\r\u{7f}\u{202e}";
    let lab = Lab::new();
    for (path, value) in [
        ("data", json!({ "source": "idx", "dir": EVIL })),
        ("model.activation", json!(EVIL)),
        (&format!("optimizer.{EVIL}"), json!(1)),
        ("name", json!(EVIL)),
        ("compare.select", json!([EVIL])),
        ("sweep", json!({ EVIL: [1] })),
    ] {
        let outcome = lab.run(&crate::common::with(small(), path, value), &[]);
        assert_ne!(outcome.code, Some(0));
        is_harmless(&outcome, "red");
    }
    is_harmless(&lab.run(&small(), &["--config", EVIL]), "error");
    for args in [&["run", "a.json", EVIL][..], &[EVIL], &["run", "--set", EVIL], &["compare", "--format", EVIL]] {
        is_harmless(&lab.call(args).expect(2), "red");
    }
    is_harmless(&lab.run(&small(), &["--out", &format!("out{EVIL}")]).expect(0), "\\u001b[31mred\\u009b");
    is_harmless(&lab.call(&["compare", &format!("nothing{EVIL}")]).expect(2), "\\u001b[31mred\\u009b");

    // A folder from elsewhere.
    let lab = tampered(|record| {
        record["axes"] = json!([EVIL]);
        record["runs"].as_array_mut().expect("runs").iter_mut().for_each(|run| run["values"] = json!([EVIL]));
    });
    for args in [&["collect", "from/t", "--out", "results"][..], &["compare", "from/t"]] {
        is_harmless(&lab.call(args).expect(1), "control character");
    }
    let lab = tampered(|record| record["configuration"]["optimizer"][EVIL] = json!(EVIL));
    let run = std::fs::read_dir(lab.path("from/t/runs")).unwrap().next().unwrap().unwrap().path().join("run.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&run).unwrap()).unwrap();
    crate::common::unsigned(&mut record);
    (record["status"], record["reason"]) = (json!("failed"), json!(EVIL));
    std::fs::write(&run, record.to_string()).unwrap();
    is_harmless(&lab.call(&["collect", "from/t", "--out", "results"]), "failed");
    for format in ["table", "markdown", "json", "csv"] {
        is_harmless(&lab.call(&["compare", "from/t", "--format", format]), "");
    }
    is_harmless(&lab.run(&small(), &["--out", "from"]), "red");
    let runs = lab.table("results/t/runs.csv");
    let reasons = runs.column("reason");
    assert!(reasons.iter().any(|reason| reason.contains("\\u001b[31mred")), "{reasons:?}");
}

#[test]
#[cfg(unix)]
fn what_else_is_in_the_folder_of_runs_outlives_discarding_whatever_its_name() {
    use std::os::unix::ffi::OsStrExt;
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let foreign = lab.path("results/t/runs").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("thesis.txt"), "years").unwrap();
    // Left by a killed discard, and there again.
    for folder in ["results/t/.writing-removed", "results/t/runs"] {
        lab.write(format!("{folder}/.DS_Store"), folder);
    }
    lab.run(&small(), &["--fresh", "--yes"]).expect(0).says(&["6 of 6 runs trained"]);
    assert_eq!(std::fs::read(foreign.join("thesis.txt")).unwrap(), b"years");
    let kept = ["results/t/runs/.DS_Store", "results/t/runs/.DS_Store.kept"].map(|path| lab.text(path));
    assert_eq!(kept.iter().filter(|text| text.starts_with("results/t/")).count(), 2);
    assert!(!lab.path("results/t/.writing-removed").exists());
}

/// A spreadsheet takes a cell that begins so for a formula, quoted or not.
#[test]
fn no_cell_is_a_formula() {
    let lab = Lab::new();
    for text in ["=1+1", "+1", "-x", "@x"] {
        let variant = json!([{ "name": text, "base": "bn" }]);
        lab.run(&crate::common::with(small(), "variants", variant), &[]).expect(2).complains(&["variants[0]", text]);
        let swept = crate::common::with(small(), "sweep", json!({ "data.dir": [text, "x"] }));
        lab.run(&swept, &[]).expect(2).complains(&["sweep.data.dir[0]", text, "formula"]);
        let lab = tampered(|record| record["runs"][1]["variant"] = json!(text));
        lab.call(&["compare", "from/t"]).expect(1).complains(&[text]);
        let lab = tampered(|record| {
            record["axes"] = json!(["a"]);
            record["runs"].as_array_mut().expect("runs").iter_mut().for_each(|run| run["values"] = json!([text]));
        });
        lab.call(&["compare", "from/t"]).expect(1).complains(&[text, "formula"]);
    }

    // A path in a reason, and what a record from elsewhere says.
    let lab = Lab::new();
    lab.run(&small(), &["--out", "=x"]).expect(0);
    let runs = std::fs::read_dir(lab.path("=x/t/runs")).unwrap();
    let mut runs: Vec<_> = runs.map(|run| run.unwrap().path()).collect();
    runs.sort();
    std::fs::write(runs[0].join("curves.csv"), "").unwrap();
    let mut record: Value = serde_json::from_slice(&std::fs::read(runs[1].join("run.json")).unwrap()).unwrap();
    crate::common::unsigned(&mut record);
    record["timing"]["host"] = json!("@x");
    (record["simd"], record["program_version"]) = (json!("+x"), json!("-x"));
    std::fs::write(runs[1].join("run.json"), record.to_string()).unwrap();
    // A table that says of itself that it is sound.
    let curves = std::fs::read_to_string(runs[2].join("curves.csv")).unwrap().replacen(",batch,", ",=1+1,", 1);
    std::fs::write(runs[2].join("curves.csv"), &curves).unwrap();
    let mut record: Value = serde_json::from_slice(&std::fs::read(runs[2].join("run.json")).unwrap()).unwrap();
    crate::common::unsigned(&mut record);
    record["table_sha256"]["curves.csv"] = json!(bn_exp::files::sha256(curves.as_bytes()));
    record["table_bytes"]["curves.csv"] = json!(curves.len());
    std::fs::write(runs[2].join("run.json"), record.to_string()).unwrap();
    lab.call(&["compare", "=x/t"]).expect(0).complains(&["formula"]);
    let tables = crate::common::TABLES.map(|table| lab.table(format!("=x/t/{table}")));
    let cells = tables.iter().flat_map(|table| table.rows.iter().flat_map(|row| row.values()));
    let formulas: Vec<_> =
        cells.filter(|cell| cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err()).collect();
    assert!(formulas.is_empty(), "{formulas:?}");
    let [runs, .., timing] = &tables;
    assert!(runs.column("reason").iter().any(|reason| reason.starts_with("reason: =x/t/runs/")));
    assert!(timing.column("host").contains(&"host: @x"));
}

#[test]
fn what_only_looks_like_a_file_of_the_program_is_left() {
    let lab = Lab::new();
    let config = crate::common::with(small(), "log.snapshot_every", json!(6));
    lab.write("results/t/.writing-my-thesis.md", "mine");
    lab.run(&config, &[]).expect(1).complains(&["holds files, and no record that bn-exp wrote"]);
    std::fs::rename(lab.path("results/t/.writing-my-thesis.md"), lab.path("thesis")).expect("moved");
    lab.run(&config, &[]).expect(0);
    let run = lab.run_folder("t", "bn", 0);
    let mine = [
        "results/t/.writing-paper.tex".into(),
        run.join(".writing-paper.tex"),
        run.join("snapshots/step-best.safetensors"),
    ];
    mine.iter().for_each(|path| drop(lab.write(path, "mine")));
    std::fs::remove_file(lab.path("results/t/curves.csv")).expect("removed");
    lab.run(&config, &[]).expect(0);
    lab.run(&config, &["--fresh", "--yes"]).expect(0).says(&["6 of 6 runs trained"]);
    mine.iter().for_each(|path| assert_eq!(lab.text(path), "mine", "{}", path.display()));
}

#[test]
fn a_report_and_a_measurement_are_not_written_over_files_of_someone_else() {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    let record = lab.text("results/t/experiment.json");
    let refused = lab.call(&["report", "results/t", "--output", "results/t/experiment.json"]);
    refused.expect(1).complains(&["experiment.json is there, and is not what bn-exp writes"]);
    assert_eq!(lab.text("results/t/experiment.json"), record);
    for _ in 0..2 {
        lab.call(&["report", "results/t", "--output", "page.html"]).expect(0);
    }
    let claim = ["claims", "same-scale", "--quick", "--data", "glyphs", "--seeds", "0-0", "--out", "c"];
    for (name, text) in [
        ("same-scale.csv", "my,own\n"),
        ("same-scale.json", "{\"mine\": 1}"),
        ("claims.json", "{\"mine\": 1}"),
        ("claims.json", "{\"claims\": [\"mine\"]}"),
        ("claims.json", "{\"schema_version\": 999, \"seeds\": {}, \"claims\": []}"),
    ] {
        let path = format!("c/glyphs/{name}");
        lab.write(&path, text);
        lab.call(&claim).expect(1).complains(&[name, "is not what bn-exp writes"]);
        assert_eq!(lab.text(&path), text);
        std::fs::remove_file(lab.path(&path)).expect("removed");
    }
}
