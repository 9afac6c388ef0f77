//! What a first user types, and what the program makes of it.

use crate::common::{Lab, small, with};
use serde_json::{Value, json};

/// One word of an error is enough to know it by.
#[track_caller]
fn refused(lab: &Lab, set: &[&str], words: &[&str]) -> String {
    let set: Vec<&str> = set.iter().flat_map(|one| ["--set", one]).collect();
    lab.plan(&with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.3] })), &set).expect(2).complains(words).stderr
}

// Shipped configurations.

#[test]
fn a_record_that_is_given_as_a_configuration_is_told_as_that() {
    let lab = Lab::new();
    lab.run(&small(), &["--quiet"]).expect(0);
    let run = lab.run_folder("t", "bn", 0).join("run.json").display().to_string();
    for (path, what) in [("results/t/experiment.json", "an experiment"), (run.as_str(), "a run")] {
        let words =
            format!("{path} is the record of {what} that was run; its configuration is what stands there under");
        lab.call(&["run", path]).expect(2).complains(&[&words]);
        lab.call(&["plan", path]).expect(2).complains(&[&words]);
    }
}

#[test]
fn every_shipped_configuration_is_in_the_program() {
    let lab = Lab::new();
    let listed = lab.call(&["init", "--list"]).expect(0).stdout;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/configs")).expect("configs/") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        if name != "schema" {
            assert!(listed.contains(name), "{name} is not listed");
            lab.call(&["init", name]).expect(0);
            assert_eq!(lab.bytes(format!("{name}.json")), std::fs::read(&path).unwrap(), "{name}");
            lab.call(&["plan", name]).expect(0).says(&[name]);
        } else {
            lab.call(&["init", "quickstart"]).says(&[]);
            assert_eq!(lab.bytes("schema.json"), std::fs::read(&path).unwrap());
            std::fs::remove_file(lab.path("quickstart.json")).unwrap();
        }
    }
}

#[test]
fn a_configuration_is_given_by_place_by_option_or_by_name() {
    let lab = Lab::new();
    lab.write("config.json", small().to_string());
    for args in [&["plan", "config.json"][..], &["plan", "--config", "config.json"]] {
        lab.call(args).expect(0).says(&["6 runs", "results/t"]);
    }
    for args in [&["plan", "quickstart"][..], &["plan", "--config", "quickstart"]] {
        lab.call(args).expect(0).says(&["120 runs", "results/quickstart"]);
    }
    lab.call(&["run", "config.json", "--quiet"]).expect(0).says(&["`bn` against `affine`"]);
    lab.call(&["plan"]).expect(2).complains(&["CONFIG"]);
    lab.call(&["plan", "config.json", "--config", "config.json"]).expect(2);
    lab.call(&["plan", "quikstart"])
        .expect(2)
        .complains(&["error: there is no file quikstart; did you mean the shipped configuration `quickstart`?"]);
    lab.call(&["plan", "configs/quickstart.json"]).expect(2).complains(&["configs/quickstart.json", "`quickstart`"]);
    lab.call(&["plan", "results"]).expect(2).complains(&["results is a folder", "init --list"]);
    // `dose` has two letters of four in common with it.
    lab.call(&["plan", "nope.json"]).expect(2).complains(&["cannot read nope.json", "init --list"]);
}

#[test]
fn a_file_wins_over_a_shipped_name_and_is_told_and_a_folder_does_not() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("quickstart")).unwrap();
    assert_eq!(lab.call(&["plan", "quickstart"]).expect(0).says(&["120 runs"]).stderr, "");
    lab.write("factorial", small().to_string());
    lab.call(&["plan", "factorial"]).expect(0).says(&["6 runs"]).complains(&["note: reading the file factorial"]);
}

#[test]
fn init_overwrites_nothing() {
    let lab = Lab::new();
    lab.call(&["init"]).expect(0).says(&["quickstart.json", "schema.json", "bn-exp run quickstart.json"]);
    lab.write("quickstart.json", "mine");
    lab.call(&["init"]).expect(2).complains(&["quickstart.json is there already"]);
    assert_eq!(lab.text("quickstart.json"), "mine");
    lab.write("schema.json", "mine too");
    let left = lab.call(&["init", "factorial"]).expect(0).complains(&["schema.json", "left as it is"]);
    assert!(left.stdout.contains("factorial.json") && !left.stdout.contains("schema.json"), "{}", left.stdout);
    assert_eq!(lab.text("schema.json"), "mine too");
    lab.call(&["init", "quikstart"]).expect(2).complains(&["`quickstart`", "init --list"]);
}

#[test]
fn compare_finds_the_results_of_a_name() {
    let lab = Lab::new();
    lab.run(&small(), &["--set", "name=quickstart"]).expect(0);
    for name in ["quickstart", "quickstart.json", "configs/quickstart.json"] {
        let outcome = lab.call(&["compare", name]).expect(0).says(&["quickstart: test_accuracy"]);
        outcome.complains(&["reading results/quickstart"]);
    }
    lab.call(&["compare", "factorial"]).expect(2).complains(&["`bn-exp run factorial`"]);
}

// Paths.

#[test]
fn home_is_home_wherever_a_path_is_given() {
    let lab = Lab::new();
    lab.write("config.json", small().to_string());
    lab.call(&["run", "~/config.json", "--out=~/res", "--quiet"]).expect(0);
    assert!(lab.path("res/t/runs.csv").is_file() && !lab.path("~").exists());
    lab.call(&["compare", "~/res/t"]).expect(0).says(&["t: test_accuracy"]);
    lab.call(&["collect", "~/res/t", "--out=~/all"]).expect(0);
    assert!(lab.path("all/t/runs.csv").is_file());
    lab.call(&["run", "~/config.json", "--out="]).expect(2).complains(&["--out", "empty"]);
    let home = lab.path("").display().to_string();
    lab.call(&["data", "list", "--data-dir=~/sets"]).expect(0).says(&[&format!("{home}sets/mnist")]);
    lab.call(&["data", "fetch", "mnist", "--from=~/nothing"]).expect(1).complains(&[&format!("{home}nothing")]);
    let listed = lab.command().args(["data", "list"]).env("BN_EXP_DATA_DIR", "~/mine").output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&format!("{home}mine/mnist")));
    lab.call(&["plan", "config.json", "--out=~nobody/res"]).expect(2).complains(&["~nobody", "whole path"]);
    let own = with(small(), "data", json!({ "source": "idx", "dir": "~/images" }));
    lab.plan(&own, &[]).expect(2).complains(&["data.dir", "~/images", "whole path"]);
    assert!(!lab.path("~").exists());
}

#[test]
fn no_message_names_a_path_twice() {
    let lab = Lab::new();
    lab.write("broken.json", "{");
    lab.write("wrong.json", "{}");
    lab.write("file", "");
    std::fs::create_dir(lab.path("sets")).unwrap();
    let own = with(small(), "data", json!({ "source": "idx", "dir": "no-images" }));
    lab.write("own.json", own.to_string());
    lab.write("small.json", small().to_string());
    let calls: [(&[&str], &str); 8] = [
        (&["plan", "broken.json"], "broken.json"),
        (&["plan", "wrong.json"], "wrong.json"),
        (&["plan", "absent.json"], "absent.json"),
        (&["plan", "sets"], "sets"),
        (&["plan", "own.json"], "no-images"),
        (&["run", "small.json", "--out", "file"], "file/t"),
        (&["compare", "absent"], "absent"),
        (&["data", "verify", "mnist", "--data-dir", "absent"], "absent/mnist"),
    ];
    for (args, path) in calls {
        let outcome = lab.call(args);
        assert_ne!(outcome.code, Some(0), "{args:?}");
        let words = outcome.stderr.split(|c: char| c.is_whitespace() || ":;,`\"".contains(c));
        let count = words.filter(|word| *word == path).count();
        assert_eq!(count, 1, "{args:?}:\n{}", outcome.stderr);
    }
}

// `--set`.

#[test]
fn the_order_of_set_does_not_matter() {
    let lab = Lab::new();
    let planned = |set: &[&str]| {
        let set: Vec<&str> = set.iter().flat_map(|one| ["--set", one]).collect();
        let outcome =
            lab.plan(&with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.3] })), &[&set[..], &["--runs"]].concat());
        let ids = |text: &str| {
            text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect::<Vec<_>>()
        };
        (outcome.code, ids(&outcome.stdout), outcome.stderr)
    };
    let cases: [[&str; 2]; 5] = [
        ["sweep={}", "optimizer.lr=0.5"],
        [r#"sweep={"norm.momentum":[0.1,0.2]}"#, "optimizer.lr=0.5"],
        [r#"model={"kind":"mlp","hidden":[3]}"#, "model.hidden=[5]"],
        ["sweep={}", "sweep.norm.momentum=[0.1,0.2]"],
        ["optimizer.lr=0.5", "seeds=3"],
    ];
    for [a, b] in cases {
        assert_eq!(planned(&[a, b]), planned(&[b, a]), "{a} and {b}");
    }
    let of = |outcome: (Option<i32>, Vec<String>, String)| (outcome.0, outcome.1.len());
    assert_eq!(of(planned(&["sweep={}", "optimizer.lr=0.5"])), of(planned(&["optimizer.lr=0.5", "sweep={}"])));
    assert_eq!(planned(&["sweep={}", "optimizer.lr=0.5"]).0, Some(0));
    assert!(planned(&["seeds=2", "seeds=3"]).2.contains("given twice"));
    let twice = planned(&[r#"sweep={"optimizer.lr":[1,0.3],"optimizer.lr":[2]}"#]).2;
    assert!(twice.contains("optimizer.lr") && twice.contains("twice"), "{twice}");
    let mixed = planned(&[r#"sweep={"log.batch_every":[1,[1,2]]}"#]).2;
    assert!(mixed.contains("sweep.log.batch_every: lists and single values in one axis"), "{mixed}");
}

#[test]
fn a_key_without_its_section_is_recognised() {
    let lab = Lab::new();
    refused(&lab, &["lr=0.1"], &["lr: unknown key; did you mean `optimizer.lr`?"]);
    refused(&lab, &["batch_size=8"], &["did you mean `train.batch_size`?"]);
    refused(&lab, &["train.lr=0.1"], &["did you mean `optimizer.lr`?"]);
    refused(&lab, &["sweep.lr=[0.1]"], &["did you mean `optimizer.lr`?"]);
    refused(&lab, &[r#"compare.select=["lr"]"#], &["did you mean `optimizer.lr`?"]);
    refused(&lab, &["model.activaton=relu"], &["did you mean `activation`?"]);
    refused(&lab, &["model.hidden=[[16],[8]]"], &[r#""sweep": {"model.hidden": [[16], …]}"#]);
}

#[test]
fn the_hint_for_a_swept_key_can_be_typed_as_it_is() {
    let lab = Lab::new();
    let sweep = |sweep: Value| with(small(), "sweep", sweep);
    for (path, value, swept) in [
        ("optimizer.lr", "0.5", json!([0.1, 0.3])),
        ("optimizer.lr", "[0.5,0.6]", json!([0.1, 0.3])),
        ("optimizer.lr", "0,5", json!([0.1, 0.3])),
        ("model.hidden", "[5]", json!([[4], [6]])),
        ("model.hidden", "[5,6]", json!([[4], [6]])),
    ] {
        let config = sweep(json!({ path: swept }));
        let said = lab.plan(&config, &["--set", &format!("{path}={value}")]).expect(2).stderr;
        let hint = said.split('\'').nth(1).unwrap_or_else(|| panic!("no hint: {said}"));
        lab.plan(&config, &["--set", hint]).expect(0);
    }
    let said = lab.plan(&small(), &["--set", "optimizer.lr=[0.1,0.3]"]).expect(2).stderr;
    assert!(said.contains(r#""sweep": {"optimizer.lr": [0.1,0.3]}"#), "{said}");
}

#[test]
fn what_is_no_command_is_answered_with_one() {
    let lab = Lab::new();
    lab.call(&["quickstart"]).expect(2).complains(&["`bn-exp run quickstart` trains it"]);
    lab.call(&["my.json"]).expect(2).complains(&["`bn-exp run my.json` trains it"]);
    lab.call(&["run", "quickstart", "--seeds", "3"]).expect(2).complains(&["--set KEY=VALUE; did you mean `seeds`?"]);
    lab.call(&["plan", "quickstart", "--lr=1"]).expect(2).complains(&["did you mean `optimizer.lr`?"]);
    lab.call(&["plan", "quickstart", "--seed", "3"]).expect(2).complains(&["--set KEY=VALUE; did you mean `seeds`?"]);
    lab.call(&["rnu", "quickstart"]).expect(2).complains(&["did you mean `bn-exp run`?"]);
    let range = lab.call(&["plan", "quickstart", "--set", "seeds=[0-9]"]).expect(2);
    range.complains(&["write each number, as in [0,1,2]; `seeds` may also be their count"]);
    lab.call(&["run"]).expect(2).complains(&["such as `bn-exp run quickstart`", "init --list"]);
    let others = lab.call(&["compare", "x", "--seeds", "3"]).expect(2).stderr;
    assert!(!others.contains("--set"), "{others}");
    assert!(lab.call(&["help", "run"]).expect(0).stderr.is_empty());
}

#[test]
fn names_without_quotes_are_told_so() {
    let lab = Lab::new();
    let outcome = lab.plan(&small(), &["--set", "variants=[none,bn]"]).expect(2);
    outcome.complains(&["[none,bn]", "names want quotes", r#"'variants=["none","bn"]'"#]);
    lab.plan(&small(), &["--set", r#"variants=["none","bn"]"#]).expect(0).says(&["4 runs"]);
    lab.plan(&small(), &["--set", "name=[ours"]).expect(2);
}

#[test]
fn what_is_said_of_steps_and_epochs_cures_it() {
    let lab = Lab::new();
    let said = lab.plan(&small(), &["--set", "train.epochs=3"]).expect(2).stderr;
    assert!(said.contains("both `steps` and `epochs` (12 and 3)"), "{said}");
    let cure = said.split("--set ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a cure");
    lab.plan(&small(), &["--set", "train.epochs=3", "--set", cure]).expect(0);
    lab.plan(&small(), &["--set", "sweep={}", "--set", r#"compare.select=["optimizer.lr"]"#])
        .expect(2)
        .complains(&["--set compare.select=[]"]);
}

#[test]
fn a_planned_run_is_one_line_of_a_terminal() {
    let lab = Lab::new();
    let config = with(with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.3] })), "seeds", json!(1));
    lab.run(&with(config.clone(), "variants", json!(["affine_init", "standardize"])), &["--quiet"]).expect(0);
    let mut plan = lab.command();
    let output = plan.args(["plan", "config.json", "--runs"]).env("COLUMNS", "80").output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(text.lines().filter(|line| line.contains("-s0-")).count(), 4, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

/// A shell asks the script; what it does not answer, it does not complete.
#[cfg(unix)]
#[test]
fn bash_completes_the_options_of_a_command() {
    let lab = Lab::new();
    lab.write("completions.bash", lab.call(&["completions", "bash"]).expect(0).stdout);
    let script = "source completions.bash; COMP_WORDS=(bn-exp compare --ex); COMP_CWORD=2; \
                  _bn__exp bn-exp --ex compare; echo \"${COMPREPLY[@]}\"";
    let Ok(output) = std::process::Command::new("bash").args(["-c", script]).current_dir(lab.path("")).output() else {
        crate::common::say_not_tested("there is no bash");
        return;
    };
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("--explain"), "{out}{errors}");
}

/// A shipped description says what the shipped configuration does.
#[test]
fn a_shipped_description_goes_where_it_is_no_longer_true() {
    let lab = Lab::new();
    let described = |more: &[&str]| {
        std::fs::remove_dir_all(lab.path("results")).ok();
        let few = ["run", "quickstart", "--set", "seeds=1", "--quiet", "--shard", "1/15"];
        lab.call(&[&few[..], more].concat()).expect(0);
        let record = lab.json("results/quickstart/experiment.json");
        !record["configuration"]["description"].as_str().unwrap_or_default().is_empty()
    };
    assert!(described(&[]));
    assert!(!described(&["--set", "model.activation=sigmoid"]));
    assert!(described(&["--set", "model.activation=sigmoid", "--set", "description=\"with sigmoids\""]));
}
