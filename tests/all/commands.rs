//! The commands besides `run`: they read, print, and change nothing.

use std::path::{Path, PathBuf};

use bn_exp::config::file::Metric;

use crate::common::{Lab, small, with};
use serde_json::{Value, json};

/// The configurations that ship with the program.
fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let entries = std::fs::read_dir(folder).expect("configs/").map(|entry| entry.expect("an entry").path());
    let is_config = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "json") && path.file_name().is_some_and(|n| n != "schema.json")
    };
    let mut paths: Vec<_> = entries.filter(is_config).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

// schema

#[test]
fn the_schema_that_ships_is_the_programs() {
    let remedy = "update it: cargo run --release -- schema > configs/schema.json";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/schema.json");
    let shipped = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}\n{remedy}", path.display()));
    let printed = Lab::new().call(&["schema"]).expect(0);
    assert_eq!(printed.stderr, "");
    assert!(printed.stdout == shipped, "configs/schema.json is not what `schema` prints\n{remedy}");
}

#[test]
fn the_schema_explains_every_key() {
    let printed = Lab::new().call(&["schema"]).expect(0).stdout;
    let schema: Value = serde_json::from_str(&printed).unwrap();
    assert!(schema["$schema"].as_str().is_some_and(|s| s.starts_with("https://json-schema.org/")));
    for key in ["name", "data", "model", "norm", "variants", "optimizer", "train", "seeds", "sweep", "log", "compare"] {
        assert!(schema["properties"][key]["description"].is_string(), "{key}");
    }
    let mut undescribed = Vec::new();
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            if !property["description"].is_string() {
                undescribed.push(format!("{name}.{key}"));
            }
        }
    }
    assert_eq!(undescribed, Vec::<String>::new());
}

// plan

#[test]
fn every_shipped_configuration_is_planned_without_its_data() {
    for path in shipped() {
        let lab = Lab::new();
        let config = path.to_str().unwrap();
        let outcome = lab.call(&["plan", "--config", config]).expect(0).says(&["missing", "runs ", "memory ", "disk "]);
        assert_eq!(outcome.stderr, "", "{config}");
        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(written["$schema"], "./schema.json", "{config}");
        assert!(
            written["description"].as_str().is_some_and(|text| text.len() > 20),
            "{config} says not what it is for"
        );
        assert_eq!(written["name"].as_str(), path.file_stem().and_then(|s| s.to_str()), "{config} is named otherwise");
    }
}

/// The example of the contract, word for word.
const EXAMPLE: &str = r#"{
  "$schema": "./schema.json",
  "name": "ioffe-mnist",
  "description": "Ioffe and Szegedy 2015, section 4.1",
  "data":   { "source": "mnist", "validation": 5000, "scaling": "unit" },
  "model":  { "kind": "mlp", "hidden": [100, 100, 100], "activation": "sigmoid",
              "init": { "scheme": "normal", "std": 0.01 }, "norm_position": "before_activation", "precision": "f32" },
  "norm":   { "epsilon": 1e-5, "momentum": 0.1 },
  "variants": ["none", "affine", "bn"],
  "optimizer": { "kind": "sgd", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0 },
  "train":  { "batch_size": 60, "steps": 50000 },
  "seeds":  10,
  "sweep":  { "optimizer.lr": [0.03, 0.1, 0.3, 1.0] },
  "log":    { "batch_every": 50, "evaluate_every": 500, "activations_every": 500, "gradients_every": 500,
              "landscape_every": 0, "probe_size": 1000, "train_eval": 5000, "snapshot_every": 0 },
  "compare": { "metric": "test_accuracy", "select": ["optimizer.lr"], "target_accuracy": 0.97, "equivalence_margin": 0.002 }
}"#;

#[test]
fn the_contracts_example_is_planned() {
    let lab = Lab::new();
    let outcome = lab.with_config("plan", EXAMPLE, &["--runs"]).expect(0).says(&["optimizer.lr"]);
    assert_eq!(outcome.stdout.lines().filter(|line| line.contains("missing")).count(), 120);
}

#[test]
fn a_plan_lists_every_run_with_its_state_and_creates_nothing() {
    let lab = Lab::new();
    let config = with(small(), "sweep", json!({ "optimizer.lr": [0.1, 1e6] }));
    let planned = lab.plan(&config, &["--runs"]).expect(0);
    lab.plan(&config, &[]).expect(0).says(&[
        "12 runs (3 arms × 2 settings × 2 seeds): 12 missing",
        // What compare will warn of is said before anything is trained.
        "The test split has 30 samples",
    ]);
    assert!(!lab.path("results").exists());
    lab.run(&config, &[]).expect(0);
    let runs = lab.table("results/t/runs.csv");
    std::fs::remove_file(lab.path(lab.run_folder_at("bn", 1, 0)).join("run.json")).unwrap();
    let before = lab.files("results");
    let again = lab.plan(&config, &["--runs"]).expect(0);
    let states = ["12 runs (3 arms × 2 settings × 2 seeds): ", " completed, ", "1 missing, ", " diverged"];
    let summary = lab.plan(&config, &[]).expect(0).says(&states).stdout;
    assert!(summary.lines().count() < 16 && !summary.contains("-s1-"), "{summary}");
    assert!(lab.files("results") == before, "plan changed something");
    let row = |text: &str, id: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(id));
        line.unwrap_or_else(|| panic!("{id} is not listed:\n{text}")).split_whitespace().map(str::to_owned).collect()
    };
    let unfinished = lab.run_folder_at("bn", 1, 0);
    for run in &runs.rows {
        let (id, lr) = (run["run_id"].as_str(), run["optimizer.lr"].as_str());
        let leading = [id, lr];
        let state = if unfinished.ends_with(id) { "missing" } else { &run["status"] };
        assert_eq!(row(&planned.stdout, id)[..3], [&leading[..], &["missing"]].concat());
        assert_eq!(row(&again.stdout, id)[..3], [&leading[..], &[state]].concat());
    }
    let listed: Vec<_> =
        planned.stdout.lines().filter_map(|l| l.split_whitespace().next()).filter(|w| w.contains("-s")).collect();
    assert_eq!(listed, runs.column("run_id"), "the plan's order is the tables'");
}

impl Lab {
    /// Folder of a run at one of the sweep's points.
    fn run_folder_at(&self, variant: &str, seed: u64, point: usize) -> PathBuf {
        let runs = self.table("results/t/runs.csv");
        let rows = runs.only(&[("variant", variant), ("seed", &seed.to_string())]);
        PathBuf::from(format!("results/t/runs/{}", rows[point]["run_id"]))
    }
}

// compare

/// A lab with one experiment.
fn experiment() -> Lab {
    let lab = Lab::new();
    lab.run(&small(), &[]).expect(0);
    lab
}

#[test]
fn who_names_no_experiment_is_told_which_there_are() {
    let lab = Lab::new();
    for command in ["compare", "report"] {
        lab.call(&[command]).expect(2).complains(&["there is none in results", "`bn-exp run quickstart` makes one"]);
    }
    lab.run(&small(), &[]).expect(0);
    lab.write("results/claims/glyphs/claims.json", "{}");
    let said = |names: &str, command: &str| {
        let words = format!("results holds {names}; name one, such as `bn-exp {command} results/t`");
        lab.call(&[command]).expect(2).complains(&[&words]);
    };
    said("t", "compare");
    said("t, claims/glyphs", "report");
}

#[test]
fn a_folder_without_an_experiment_is_named_and_the_others_are_compared() {
    let lab = experiment();
    std::fs::create_dir(lab.path("empty")).unwrap();
    let outcome = lab.call(&["compare", "nowhere", "results/t", "empty"]).expect(2);
    let outcome = outcome.says(&["t: test_accuracy, no arm tuned", "`bn` against `affine`"]);
    outcome.complains(&["there is no folder nowhere", "empty is not an experiment"]);
    assert!(!lab.path("nowhere").exists());
    assert_eq!(std::fs::read_dir(lab.path("empty")).unwrap().count(), 0, "compare left something in a foreign folder");
    lab.call(&["compare", "results"]).expect(2).complains(&["results is a folder of experiments"]);
    // As deep as claims have them; of many some are named.
    let record = lab.text("results/t/experiment.json");
    lab.write("results/claims/glyphs/shallow/bn/experiment.json", &record);
    let lies = "results/claims/glyphs is a folder of experiments: shallow/bn; name one, such as results/claims/glyphs/shallow/bn";
    lab.call(&["compare", "results/claims/glyphs"]).expect(2).complains(&[lies]);
    for i in 10..30 {
        lab.write(format!("many/t{i}/experiment.json"), &record);
    }
    lab.call(&["compare", "many"]).expect(2).complains(&["t10, t11,", "t21 and 8 more; name one, such as many/t10"]);
}

#[test]
fn comparing_two_experiments_prints_both() {
    let lab = experiment();
    lab.run(&with(small(), "name", json!("u")), &[]).expect(0);
    lab.call(&["compare", "results/t", "results/u"]).expect(0).says(&["t: test_accuracy", "u: test_accuracy"]);
}

#[test]
fn compare_reads_and_changes_nothing_that_is_current() {
    let lab = experiment();
    let before = lab.files("results");
    lab.call(&["compare", "results/t"]).expect(0);
    assert!(lab.files("results") == before);
}

#[test]
fn compare_makes_stale_tables_current() {
    let lab = experiment();
    let table = lab.text("results/t/runs.csv");
    lab.write("results/t/runs.csv", "run_id\n");
    lab.call(&["compare", "results/t"]).expect(0);
    assert_eq!(lab.text("results/t/runs.csv"), table);
}

#[test]
fn compare_reads_tables_without_their_runs() {
    let lab = experiment();
    let whole = lab.call(&["compare", "results/t"]).expect(0).stdout;
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    assert_eq!(lab.call(&["compare", "results/t"]).expect(0).stdout, whole);
}

#[test]
fn an_unknown_baseline_is_refused_and_the_arms_are_listed() {
    let outcome = experiment().call(&["compare", "results/t", "--baseline", "layer_norm"]).expect(2);
    outcome.complains(&["\"layer_norm\"", "none, affine, bn"]);
}

#[test]
fn the_baseline_can_be_chosen() {
    let lab = experiment();
    let affine = ["difference from affine", "`bn` against `affine`", "`none` against `affine`"];
    lab.call(&["compare", "results/t"]).expect(0).says(&affine);
    let outcome = lab.call(&["compare", "results/t", "--baseline", "none"]).expect(0);
    assert!(!outcome.stdout.contains("against `affine`"));
    outcome.says(&["difference from none", "`bn` against `none`", "`affine` against `none`"]);
}

#[test]
fn the_metric_can_be_chosen_and_the_means_are_the_tables() {
    let lab = experiment();
    let runs = lab.table("results/t/runs.csv");
    for metric in Metric::FINAL.iter().map(|metric| metric.name) {
        let outcome = lab.call(&["compare", "results/t", "--metric", metric, "--full"]).expect(0);
        assert!(outcome.stdout.starts_with(&format!("t: {metric}, no arm tuned\n")), "{}", outcome.stdout);
        for arm in ["none", "affine", "bn"] {
            let values: Vec<f64> =
                runs.only(&[("variant", arm)]).iter().map(|r| crate::common::number(&r[metric])).collect();
            let mean = format!("{:.4}", (values[0] + values[1]) / 2.0);
            let is_row =
                |l: &&str| l.split_whitespace().next() == Some(arm) && l.split_whitespace().nth(1) == Some("2");
            let row = outcome.stdout.lines().find(is_row).expect("a row for the arm");
            assert_eq!(row.split_whitespace().nth(2), Some(mean.as_str()), "{metric}: {row}");
        }
    }
    lab.call(&["compare", "results/t", "--metric", "speed"]).expect(2).complains(&["speed", "test_loss"]);
}

#[test]
fn markdown_tables_are_markdown() {
    let lab = experiment();
    let outcome = lab.call(&["compare", "results/t", "--format", "markdown"]).expect(0);
    outcome.says(&["### t: test_accuracy, no arm tuned", "- `bn` against `affine`: too few seeds"]);
    let text = lab.call(&["compare", "results/t", "--format", "markdown", "--full"]).expect(0).stdout;
    let tables: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert!(tables.len() >= 2 * 2 + 2 + 3, "{text}");
    let columns = |line: &str| line.matches('|').count();
    assert_eq!(
        tables
            .iter()
            .filter(|line| line.starts_with("|-") || line.starts_with("| -") || line.starts_with("|:"))
            .count(),
        2,
        "{text}"
    );
    for pair in tables.windows(2).filter(|pair| pair[1].contains("---")) {
        assert_eq!(columns(pair[0]), columns(pair[1]), "{text}");
    }
    lab.call(&["compare", "results/t", "--format", "pdf"]).expect(2).complains(&["markdown"]);
}

#[test]
fn confidence_is_a_share() {
    let lab = experiment();
    lab.call(&["compare", "results/t", "--confidence", "0.9"]).expect(0).says(&["90 %"]);
    for wrong in ["95", "0", "1", "-0.5", "much"] {
        lab.call(&["compare", "results/t", &format!("--confidence={wrong}")]).expect(2).complains(&["--confidence"]);
    }
}

#[test]
fn a_damaged_table_is_named_with_its_row_and_column() {
    let lab = experiment();
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    let table = lab.text("results/t/runs.csv");
    let cell = lab.table("results/t/runs.csv").rows[1]["test_accuracy"].clone();
    let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
    lines[2] = lines[2].replace(&format!(",{cell},"), ",high,");
    lab.write("results/t/runs.csv", lines.join("\n") + "\n");
    lab.call(&["compare", "results/t"]).expect(1).complains(&["runs.csv", "row 3", "test_accuracy", "\"high\""]);
    lab.write("results/t/experiment.json", "{}");
    lab.call(&["compare", "results/t"]).expect(1).complains(&["experiment.json"]);
}

#[test]
fn results_of_a_later_layout_are_refused() {
    let lab = experiment();
    let mut record = lab.json("results/t/experiment.json");
    record["schema_version"] = json!(99);
    lab.write("results/t/experiment.json", record.to_string());
    lab.call(&["compare", "results/t"]).expect(1).complains(&["schema version 99"]);
}

// data

#[test]
fn data_list_names_every_source_and_where_it_is() {
    let lab = Lab::new();
    let sources = ["mnist", "fashion-mnist", "idx", "csv", "gaussians", "spirals", "teacher", "glyphs"];
    assert_eq!(bn_exp::sources::list().iter().map(|source| &source.name[..]).collect::<Vec<_>>(), sources);
    lab.call(&["data", "list"]).expect(0).says(&sources).says(&["cache", "bn-exp/mnist", "not there"]);
    lab.call(&["data", "list", "--data-dir", "sets"]).expect(0).says(&["sets/mnist", "not there"]);
    for name in
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    {
        lab.write(format!("sets/mnist/{name}.gz"), "");
        lab.write(format!("sets/fashion-mnist/{name}.gz"), "");
    }
    let there = lab.call(&["data", "list", "--data-dir", "sets"]).expect(0).says(&["sets/mnist"]);
    assert!(!there.stdout.contains("not there"), "{}", there.stdout);
    let outcome = lab.command().env("BN_EXP_DATA_DIR", "elsewhere").args(["data", "list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&outcome.stdout).contains("elsewhere/mnist"));
}

#[test]
fn data_verify_without_data_fails_and_says_how_to_get_it() {
    let lab = Lab::new();
    for args in [&["data", "verify"][..], &["data", "verify", "mnist"]] {
        let outcome = lab.call(args).expect(1);
        assert_eq!(outcome.stdout, "");
        outcome.complains(&["MNIST", "bn-exp/mnist", "bn-exp data fetch mnist --data-dir"]);
    }
    lab.call(&["data", "verify", "fashion-mnist"]).expect(1).complains(&["Fashion-MNIST", "data fetch fashion-mnist"]);
    lab.call(&["data", "verify", "spirals"]).expect(0).says(&["nothing to verify"]);
    lab.call(&["data", "verify", "cifar"]).expect(2).complains(&["\"cifar\"", "data list"]);
    lab.call(&["data"]).expect(2);
}

// The program.

#[test]
fn help_names_every_command() {
    let lab = Lab::new();
    lab.call(&["--help"]).expect(0).says(&["run", "compare", "plan", "data", "schema", "Usage"]);
    for command in ["run", "compare", "plan", "data", "schema"] {
        let outcome = lab.call(&[command, "--help"]).expect(0).says(&["Usage: bn-exp"]);
        assert_eq!(outcome.stderr, "");
    }
    let options = ["--set", "--out", "--jobs", "--data-dir", "--trace", "--fresh", "--yes", "--quiet", "--verbose"];
    lab.call(&["run", "--help"]).expect(0).says(&options);
    lab.call(&["compare", "--help"]).expect(0).says(&["--metric", "--baseline", "--confidence", "--format"]);
}

#[test]
fn the_version_is_the_packages() {
    for flag in ["--version", "-V"] {
        let outcome = Lab::new().call(&[flag]).expect(0);
        assert_eq!(outcome.stdout, format!("bn-exp {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn an_unknown_command_is_wrong_usage_and_none_is_greeted() {
    let lab = Lab::new();
    lab.call(&["rum"]).expect(2).complains(&["rum", "run"]);
    let greeting = lab.call(&[]).expect(0).stdout;
    assert!(greeting.contains("bn-exp run quickstart") && greeting.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = lab.call(&["completions", shell]).expect(0).stdout;
        for word in ["compare", "claims", "resume-every"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    lab.call(&["completions", "tcsh"]).expect(2).complains(&["bash, elvish, fish, powershell, zsh"]);
    lab.call(&["man", "pages"]).expect(0);
    // Made again, and never over a page of somebody else.
    lab.call(&["man", "pages"]).expect(0);
    lab.write("other/bn-exp-run.1", ".TH other 1\n");
    lab.call(&["man", "other"]).expect(1).complains(&["other/bn-exp-run.1", "not what bn-exp writes"]);
    assert_eq!(lab.text("other/bn-exp-run.1"), ".TH other 1\n");
    let page = std::fs::read_to_string(lab.path("pages/bn-exp-run.1")).expect("a page");
    assert!(page.contains(".TH bn-exp-run 1") && page.contains("resume\\-every"), "{page}");
    assert!(lab.path("pages/bn-exp.1").is_file() && !lab.path("pages/bn-exp-help.1").exists());
}
