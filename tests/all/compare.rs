//! `compare` on tables made by hand: whatever is planted in them is found, whatever is wrong with them is said.

use crate::common::{Lab, number, small, with};
use bn_exp::compare::verdict::Verdict;
use bn_exp::compare::{self, Loaded, Options};
use bn_exp::config::Experiment;
use bn_exp::config::file::{Kind, Metric};
use bn_exp::config::resolve::synthetic_facts;
use bn_exp::plan::plan;
use bn_exp::random::{below, stream};
use bn_exp::record::layout::ExperimentFolder;
use bn_exp::record::run::Status;
use serde_json::{Value, json};

/// Rates of the made-up experiments.
const RATES: [f64; 3] = [0.01, 0.1, 1.0];

/// What one run came to.
#[derive(Clone, Copy)]
enum End {
    /// Validation and test accuracy; the losses are what is missing to 1.
    Accuracy(f64, f64),
    /// Diverged.
    Diverged,
    /// Not begun.
    Missing,
}

/// A lab with tables of runs, `end(arm, seed, rate)` each, and without their folders.
fn made_up(arms: &[&str], seeds: u64, compare: Value, end: impl Fn(&str, u64, usize) -> End) -> Lab {
    let lab = Lab::new();
    let has_target = compare.get("target_accuracy").is_some();
    let config = with(with(small(), "sweep", json!({ "optimizer.lr": RATES })), "seeds", json!(seeds));
    // A letter is an arm of another name.
    let entry = |arm: &&str| if arm.len() == 1 { json!({ "name": arm, "base": "affine" }) } else { json!(arm) };
    let entries: Vec<Value> = arms.iter().map(entry).collect();
    let config = with(with(config, "variants", json!(entries)), "train.steps", json!(1));
    lab.run(&with(config, "compare", compare), &[]).expect(0);
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    std::fs::remove_file(lab.path("results/t/curves.csv")).unwrap();
    let record = with(lab.json("results/t/experiment.json"), "configuration.train.steps", json!(1000));
    lab.write("results/t/experiment.json", serde_json::to_string_pretty(&record).unwrap());
    renamed_as_planned(&lab);
    let bytes = lab.bytes("results/t/runs.csv");
    let mut table = csv::Reader::from_reader(bytes.as_slice());
    let header = table.headers().unwrap().clone();
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(&header).unwrap();
    for row in table.records().map(Result::unwrap) {
        let of = |column: &str| header.iter().position(|h| h == column).map(|i| &row[i]).unwrap();
        let rate = RATES.iter().position(|rate| *rate == number(of("optimizer.lr"))).unwrap();
        let end = end(of("variant"), of("seed").parse().unwrap(), rate);
        let cell = |column: &str, was: &str| match (end, column) {
            (End::Accuracy(..), "status") => "completed".to_owned(),
            (End::Diverged, "status") => "diverged".to_owned(),
            (End::Missing, "status") => "missing".to_owned(),
            (End::Diverged, "steps" | "diverged_at_step") => "10".to_owned(),
            (_, "steps") => "1000".to_owned(),
            (End::Accuracy(validation, _), "validation_accuracy") => validation.to_string(),
            (End::Accuracy(_, test), "test_accuracy") => test.to_string(),
            // Statistics that have settled: a little above the running ones.
            (End::Accuracy(validation, _), "validation_accuracy_population") => (validation + 1e-6).to_string(),
            (End::Accuracy(_, test), "test_accuracy_population") => (test + 1e-6).to_string(),
            (End::Accuracy(validation, _), "validation_loss") => (1.0 - validation).to_string(),
            (End::Accuracy(_, test), "test_loss") => (1.0 - test).to_string(),
            // The better the sooner.
            (End::Accuracy(validation, _), "steps_to_target") if has_target && validation >= 0.5 => {
                (1000.0 * (1.0 - validation)).round().to_string()
            }
            (_, "run_id" | "variant" | "seed" | "optimizer.lr") => was.to_owned(),
            _ => String::new(),
        };
        out.write_record(header.iter().zip(&row).map(|(column, was)| cell(column, was))).unwrap();
    }
    lab.write("results/t/runs.csv", out.into_inner().unwrap());
    set_times(&lab, |_| 1.0);
    lab
}

/// Gives the runs of an experiment whose record was changed the ids that its configuration gives.
fn renamed_as_planned(lab: &Lab) {
    let record = lab.json("results/t/experiment.json");
    let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files"));
    let experiment = Experiment::parse(&record["configuration"].to_string(), &[], &facts).expect("an experiment");
    let ids: Vec<String> = plan(&experiment).expect("a plan").into_iter().map(|run| run.id).collect();
    for file in ["experiment.json", "runs.csv", "timing.csv"].map(|file| format!("results/t/{file}")) {
        let text = lab.text(&file);
        let named = |text: String, (run, id): (&Value, &String)| text.replace(run["id"].as_str().expect("an id"), id);
        lab.write(&file, record["runs"].as_array().expect("runs").iter().zip(&ids).fold(text, named));
    }
}

/// Gives each run of an experiment without run folders its steps and a time a step.
fn set_times(lab: &Lab, us_per_step: impl Fn(usize) -> f64) {
    let text = lab.text("results/t/timing.csv");
    let header: Vec<&str> = text.lines().next().expect("a header").split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).expect("a column");
    let runs = lab.table("results/t/runs.csv").rows;
    let line = |(i, line): (usize, &str)| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        if i > 0 {
            let run = runs.iter().find(|run| run["run_id"] == cells[0]).expect("a run");
            cells[place("steps")].clone_from(&run["steps"]);
            let steps: f64 = run["steps"].parse().expect("a number");
            cells[place("us_per_step")] = us_per_step(i).to_string();
            cells[place("train_seconds")] = (us_per_step(i) * steps / 1e6).to_string();
        }
        cells.join(",") + "\n"
    };
    lab.write("results/t/timing.csv", text.lines().enumerate().map(line).collect::<String>());
}

/// Something between −½ and ½ that depends on these alone.
fn wobble(seed: u64, salt: u64) -> f64 {
    below(&mut stream(seed, &format!("wobble {salt}")), 1000) as f64 / 1000.0 - 0.5
}

/// A table with another text in one cell; the header is row 1.
fn with_cell(table: &str, row: usize, column: &str, to: &str) -> String {
    let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
    let at = lines[0].split(',').position(|name| name == column).expect("a column");
    let mut cells: Vec<&str> = lines[row - 1].split(',').collect();
    cells[at] = to;
    lines[row - 1] = cells.join(",");
    lines.join("\n") + "\n"
}

fn tuned() -> Value {
    json!({ "select": ["optimizer.lr"], "equivalence_margin": 0.02, "target_accuracy": 0.5 })
}

/// `bn` better by `gap` at its best rate, which is another than `affine`'s.
fn planted(gap: f64) -> impl Fn(&str, u64, usize) -> End {
    move |arm, seed, rate| {
        let (best, level) = if arm == "bn" { (1, 0.8 + gap) } else { (1, 0.8) };
        let level = level - 0.1 * (rate as f64 - f64::from(best)).abs() + 0.02 * wobble(seed, 1);
        let own = |salt: u64| 0.01 * wobble(seed, salt + 10 * rate as u64 + u64::from(arm == "bn"));
        End::Accuracy(level + own(100), level + own(200))
    }
}

/// The sentences of all warnings of an experiment in JSON.
fn warned(experiment: &Value) -> String {
    let warnings = experiment["warnings"].as_array().expect("warnings").iter();
    warnings.map(|warning| warning["sentence"].as_str().expect("a sentence")).collect::<Vec<_>>().join("\n")
}

fn json_of(lab: &Lab, args: &[&str]) -> Value {
    let mut all = vec!["compare", "results/t", "--format", "json"];
    all.extend(args);
    serde_json::from_str(&lab.call(&all).expect(0).stdout).expect("JSON")
}

#[track_caller]
fn only<'a>(experiment: &'a Value, list: &str, cells: &[(&str, &str)]) -> &'a Value {
    let is = |item: &&Value| cells.iter().all(|(key, value)| item[*key] == json!(value));
    experiment[list].as_array().unwrap().iter().find(is).unwrap_or_else(|| panic!("no {cells:?}: {experiment:#}"))
}

// What is found.

#[test]
fn a_planted_difference_is_found_at_the_rate_that_validation_favours() {
    let lab = made_up(&["none", "affine", "bn"], 8, tuned(), planted(0.05));
    let found = &json_of(&lab, &[])["experiments"][0];
    let contrast = only(found, "contrasts", &[("a", "bn"), ("b", "affine")]);
    assert_eq!(contrast["verdict"], "better", "{contrast:#}");
    assert!((contrast["difference"].as_f64().unwrap() - 0.05).abs() < 0.01);
    assert_eq!((&contrast["p"], &contrast["p_minimum"]), (&json!(2.0 / 256.0), &json!(2.0 / 256.0)));
    assert_eq!((&contrast["primary"], &contrast["tests"]), (&json!(true), &json!(1)));
    assert_eq!(contrast["p_holm"], contrast["p"], "the primary contrast is a family of its own");
    assert_eq!(contrast["superiority"], 1.0);
    let [low, high] = [0, 1].map(|i| contrast["interval"][i].as_f64().unwrap());
    assert!(low > 0.04 && low < 0.05 && high > 0.05 && high < 0.06);
    let same = only(found, "contrasts", &[("a", "none"), ("b", "affine")]);
    assert_eq!((&same["verdict"], &same["difference"]), (&json!("equivalent"), &json!(0.0)));
    let arm = only(found, "arms", &[("variant", "bn")]);
    assert_eq!(
        (&arm["selected"], &arm["edge"], &arm["n"]),
        (&json!({ "optimizer.lr": 0.1 }), &json!(false), &json!(8))
    );
    let curve = only(found, "curves", &[("variant", "bn")]);
    assert_eq!(curve["good"], json!({ "low": 0.1, "high": 0.1, "decades": 0.0, "reaches_the_edge": false }));
    lab.call(&["compare", "results/t"]).expect(0).says(&["`bn` is better than `affine`: test accuracy +0.05"]);
}

#[test]
fn the_primary_contrast_pays_nothing_for_the_others() {
    let names = ["none", "affine", "bn", "a", "b", "c", "d", "e", "f", "g"];
    let lab = made_up(&names, 6, json!({ "select": ["optimizer.lr"] }), planted(0.05));
    let found = &json_of(&lab, &[])["experiments"][0];
    let contrast = only(found, "contrasts", &[("a", "bn"), ("b", "affine")]);
    assert_eq!((&contrast["verdict"], &contrast["p_holm"]), (&json!("better"), &json!(2.0 / 64.0)));
    // Of eight others none can pass with six seeds: 8 · 2^(1 − 6) = 0.25, and 8 · 2^(1 − 9) < 0.05.
    let other = only(found, "contrasts", &[("a", "g"), ("b", "affine")]);
    assert_eq!((&other["verdict"], &other["seeds_needed"]), (&json!("too_few_seeds"), &json!(9)), "{other:#}");
    assert_eq!((&other["tests"], &other["primary"]), (&json!(8), &json!(false)));
    let said = lab.call(&["compare", "results/t"]).expect(0);
    let said = said.says(&[
        "`bn` is better than `affine`",
        "`g` against `affine`: too few seeds",
        "at least 9 seeds are needed",
    ]);
    assert!(!said.stdout.contains("exploratory"));
    // Another baseline is chosen afterwards, and this is said; so is another metric.
    for args in [["--baseline", "none"], ["--metric", "test_loss"]] {
        let found = &json_of(&lab, &args)["experiments"][0];
        let primary = only(found, "contrasts", &[("a", "bn")]);
        assert_eq!((&primary["primary"], &primary["exploratory"]), (&json!(true), &json!(true)), "{args:?}");
        let contrasts = found["contrasts"].as_array().expect("contrasts");
        assert!(contrasts.len() > 1 && contrasts.iter().all(|one| one["exploratory"] == json!(true)), "{args:?}");
    }
    assert!(json_of(&lab, &["--baseline", "affine"])["experiments"][0]["contrasts"][0]["exploratory"] == json!(false));
}

/// Gaussians that a batch-normalised network learns well, while its running statistics have not come after.
fn unsettled(norm: Value, offset: f64, steps: u64, rate: f64) -> Lab {
    let config = json!({
        "name": "t", "norm": norm, "model": { "kind": "mlp", "hidden": [16] }, "variants": ["affine", "bn"],
        "data": { "source": "gaussians", "train": 2000, "validation": 200, "test": 200, "separation": 8.0, "offset": offset },
        "optimizer": { "kind": "sgd", "lr": rate }, "train": { "batch_size": 32, "steps": steps }, "seeds": 8
    });
    let lab = Lab::new();
    lab.run(&config, &[]).expect(0);
    lab
}

#[test]
fn a_result_that_rests_on_running_statistics_which_have_not_settled_is_warned_of_with_all_figures() {
    let momentum = unsettled(json!({ "momentum": 0.001 }), 2.0, 150, 0.1);
    // Few steps, and the arm without a norm diverges: the mean depends on the statistics, the verdict does not.
    let few_steps = unsettled(json!({}), 30.0, 20, 1.0);
    for (lab, verdict_depends) in [(momentum, true), (few_steps, false)] {
        let found = &json_of(&lab, &[])["experiments"][0];
        let runs = lab.table("results/t/runs.csv");
        let bn = runs.only(&[("variant", "bn")]);
        let mean = |column: &str| bn.iter().map(|row| number(&row[column])).sum::<f64>() / 8.0;
        let columns = ["test_accuracy", "test_accuracy_batch", "test_accuracy_population"];
        assert!(mean(columns[0]) < mean(columns[2]) - 0.05, "the case is one: {:?}", columns.map(mean));
        let warnings = warned(found);
        for column in columns {
            assert!(warnings.contains(&format!("{:.4}", mean(column))), "{column}: {warnings}");
        }
        assert_eq!(warnings.contains("The verdict depends"), verdict_depends, "{warnings}");
        assert!(warnings.contains("--metric test_accuracy_population"), "{warnings}");
        // Under population statistics that is what is compared, and tuned by.
        let population = &json_of(&lab, &["--metric", "test_accuracy_population"])["experiments"][0];
        let arm = only(population, "arms", &[("variant", "bn")]);
        assert!((arm["mean"].as_f64().unwrap() - mean(columns[2])).abs() < 1e-12);
    }
}

#[test]
fn what_is_known_under_running_statistics_alone_is_warned_of_by_the_scores_at_the_end() {
    let lab = unsettled(json!({ "momentum": 0.001 }), 2.0, 150, 0.1);
    let runs = lab.table("results/t/runs.csv");
    let bn = runs.only(&[("variant", "bn")]);
    let mean = |column: &str| bn.iter().map(|row| number(&row[column])).sum::<f64>() / 8.0;
    let warnings = warned(&json_of(&lab, &["--metric", "best_validation_accuracy"])["experiments"][0]);
    for column in ["validation_accuracy", "validation_accuracy_population"] {
        assert!(warnings.contains(&format!("{:.4}", mean(column))), "{column}: {warnings}");
    }
    assert!(warnings.contains("`bn`") && !warnings.contains("`affine`"), "{warnings}");
    // That they have settled at the end says nothing of what was taken before.
    let published = format!("{}/results/published/quickstart", env!("CARGO_MANIFEST_DIR"));
    let said = |metric: &str| lab.call(&["compare", &published, "--metric", metric]).expect(0).stdout;
    assert!(said("validation_accuracy").contains("have settled"));
    assert!(!said("best_validation_accuracy").contains("have settled"));
}

/// Statistics that lag behind at first and have settled at the end: only the time tells.
#[test]
fn a_time_that_rests_on_statistics_which_settle_later_is_warned_of_with_both_figures() {
    let config = json!({
        "name": "t", "norm": { "momentum": 0.01 }, "model": { "kind": "mlp", "hidden": [16] },
        "variants": ["affine", "bn"], "train": { "batch_size": 32, "steps": 1000 }, "seeds": 8,
        "data": { "source": "gaussians", "classes": 4, "train": 1000, "validation": 200, "test": 200, "separation": 8.0,
                  "offset": 2.0 },
        "optimizer": { "kind": "sgd", "lr": 0.1 }, "log": { "evaluate_every": 5 },
        "compare": { "target_accuracy": 0.9 }
    });
    let lab = Lab::new();
    lab.run(&config, &[]).expect(0);
    let curves = lab.table("results/t/curves.csv");
    let mean = |mode: &str| {
        let first = |seed: u64| {
            let wanted = [("variant", "bn"), ("seed", &seed.to_string()), ("split", "validation"), ("mode", mode)];
            let rows = curves.only(&wanted);
            rows.iter().find(|row| number(&row["accuracy"]) >= 0.9).map_or(1000.0, |row| number(&row["step"]))
        };
        (0..8).map(first).sum::<f64>() / 8.0
    };
    let (running, batch) = (mean("running_stats"), mean("batch_stats"));
    assert!(running > 1.5 * batch, "the case is one: {running} {batch}");
    let found = &json_of(&lab, &["--metric", "test_accuracy"])["experiments"][0];
    assert!(!warned(found).contains("have not settled"), "settled at the end: {}", found["warnings"]);
    // Without the runs the tables stay as they are, and with one time a step for all no clock has a say.
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    set_times(&lab, |_| 1000.0);
    for metric in ["steps_to_target", "seconds_to_target"] {
        let found = &json_of(&lab, &["--metric", metric])["experiments"][0];
        let warnings = warned(found);
        let said = ["under running, ", "under batch statistics", "lag behind while a network learns", "`bn`"];
        assert!(said.iter().all(|words| warnings.contains(words)), "{metric}: {warnings}");
        assert!(!warnings.contains("have settled"), "{metric}: {warnings}");
        let steps = [running, batch].map(|mean| format!("{mean:.1} under"));
        assert!(
            metric != "steps_to_target" || steps.iter().all(|mean| warnings.contains(mean)),
            "{steps:?} {warnings}"
        );
    }
    // Published tables have no curves, and are still compared.
    std::fs::remove_file(lab.path("results/t/curves.csv")).unwrap();
    lab.call(&["compare", "results/t", "--metric", "steps_to_target"]).expect(0);
}

#[test]
fn an_arm_to_which_the_tuned_axis_says_nothing_has_no_edge() {
    let lab = made_up(&["none", "affine", "bn"], 6, tuned(), |arm, seed, rate| match arm {
        "none" => End::Accuracy(0.7 + 0.01 * wobble(seed, 1), 0.7 + 0.01 * wobble(seed, 2)),
        _ => planted(0.01)(arm, seed, 3 * usize::from(rate == 0)),
    });
    let found = &json_of(&lab, &[])["experiments"][0];
    assert_eq!(only(found, "arms", &[("variant", "none")])["edge"], json!(false));
    let said = warned(found);
    assert!(!said.contains("`none` (optimizer.lr"), "{said}");
}

/// Of two tuned axes one changes nothing: only the other has edges.
#[test]
fn an_axis_that_says_nothing_to_an_arm_has_no_edge_beside_one_that_does() {
    let lab = Lab::new();
    let config = with(small(), "sweep", json!({ "norm.momentum": [0.1, 0.3], "optimizer.lr": [0.01, 0.1, 0.3] }));
    let config = with(with(config, "seeds", json!(4)), "variants", json!(["affine", "bn"]));
    lab.run(&with(config, "compare", json!({ "select": ["norm.momentum", "optimizer.lr"] })), &[]).expect(0);
    let found = &json_of(&lab, &[])["experiments"][0];
    let edges = |arm: &str| -> String {
        let said = found["warnings"].as_array().unwrap().iter().filter_map(|warning| warning["sentence"].as_str());
        said.filter(|words| words.contains("the end of what was tried") && words.contains(&format!("`{arm}`")))
            .collect()
    };
    assert!(edges("bn").contains("norm.momentum"), "{}", edges("bn"));
    assert!(
        edges("affine").contains("optimizer.lr") && !edges("affine").contains("norm.momentum"),
        "{}",
        edges("affine")
    );
}

#[test]
fn what_is_undecided_at_a_setting_says_what_it_would_take_there() {
    let lab = made_up(&["affine", "bn"], 8, json!({}), |arm, seed, rate| {
        let up = if arm == "bn" { [0.03, -0.02, 0.025, -0.015, 0.02, -0.01, 0.015, 0.01][seed as usize] } else { 0.0 };
        End::Accuracy(0.8, 0.8 + up * (rate + 1) as f64)
    });
    let found = &json_of(&lab, &[])["experiments"][0];
    let first = found["contrasts"].as_array().unwrap().iter().find(|c| c["verdict"] == "undecided").unwrap();
    let seeds = first["seeds_to_tell"].as_u64().unwrap();
    let said = lab.call(&["compare", "results/t"]).expect(0).stdout;
    assert!(
        said.contains("about so many seeds would show it nine times in ten: ")
            && said.contains(&format!("{seeds} at ")),
        "{said}"
    );
}

#[test]
fn nothing_is_said_of_statistics_that_agree() {
    let lab = made_up(&["none", "affine", "bn"], 8, tuned(), planted(0.05));
    let found = &json_of(&lab, &[])["experiments"][0];
    assert!(!warned(found).contains("statistics"), "{found:#}");
    // The margin is for the score, whatever the statistics: `none` is equivalent under both.
    let population = &json_of(&lab, &["--metric", "test_accuracy_population"])["experiments"][0];
    for found in [found, population] {
        assert_eq!(only(found, "contrasts", &[("a", "none")])["verdict"], "equivalent");
    }
    assert!(!warned(population).contains("margin"), "{population:#}");
}

#[test]
fn what_goes_by_validation_scores_needs_a_validation_split() {
    let config = with(small(), "data.validation", json!(0));
    let swept = with(config.clone(), "sweep", json!({ "optimizer.lr": [0.1, 0.2] }));
    for (config, key) in [
        (with(config.clone(), "compare.metric", json!("validation_loss")), "compare.metric"),
        (with(config.clone(), "compare.metric", json!("validation_accuracy_population")), "compare.metric"),
        (with(config.clone(), "compare.metric", json!("best_validation_accuracy")), "compare.metric"),
        (with(config, "compare.target_accuracy", json!(0.5)), "compare.target_accuracy"),
        (with(swept, "compare.select", json!(["optimizer.lr"])), "compare.select"),
    ] {
        let lab = Lab::new();
        lab.run(&config, &[]).expect(2).complains(&[key, "data.validation is 0"]);
        assert!(!lab.path("results/t").exists(), "{key}");
    }
}

#[test]
fn the_configuration_names_the_primary_contrast() {
    let options = json!({ "select": ["optimizer.lr"], "primary": "b" });
    let lab = made_up(&["affine", "bn", "b", "c"], 6, options, planted(0.05));
    let found = &json_of(&lab, &[])["experiments"][0];
    let primary = |arm: &str| only(found, "contrasts", &[("a", arm)])["primary"].clone();
    assert_eq!(["bn", "b", "c"].map(primary), [json!(false), json!(true), json!(false)]);
}

#[test]
fn what_is_undecided_says_what_it_would_take() {
    let noisy = |arm: &str, seed: u64, rate: usize| match planted(0.0)(arm, seed, rate) {
        End::Accuracy(validation, _) => {
            let up =
                if arm == "bn" { [0.03, -0.02, 0.025, -0.015, 0.02, -0.01, 0.015, 0.01][seed as usize] } else { 0.0 };
            End::Accuracy(validation, 0.8 + up)
        }
        other => other,
    };
    let options = json!({ "select": ["optimizer.lr"], "equivalence_margin": 0.01 });
    let lab = made_up(&["affine", "bn"], 8, options, noisy);
    let found = &json_of(&lab, &[])["experiments"][0];
    let contrast = only(found, "contrasts", &[("a", "bn")]);
    assert_eq!((&contrast["verdict"], &contrast["seeds_needed"]), (&json!("undecided"), &json!(null)));
    let value = |key: &str| contrast[key].as_f64().unwrap();
    // The difference is smaller than matters, so that nobody asks how many seeds would show it.
    assert_eq!(contrast["seeds_to_tell"], json!(null));
    let sd = value("difference") / value("effect_size");
    // By the power of two one-sided t tests, each of which may fail with a chance of 0.05.
    let needed = value("seeds_for_equivalence");
    let normal = ((1.644_853_6 + 1.644_853_6) * sd / 0.01).powi(2);
    assert!((1.0..4.0).contains(&(needed - normal)), "{needed}, {normal} by the normal quantiles");
    lab.call(&["compare", "results/t"])
        .expect(0)
        .says(&["about", "would show nine times in ten that it lies within ±0.01"]);
    let lab = made_up(&["affine", "bn"], 8, json!({ "select": ["optimizer.lr"] }), noisy);
    let found = &json_of(&lab, &[])["experiments"][0];
    let contrast = only(found, "contrasts", &[("a", "bn")]);
    let value = |key: &str| contrast[key].as_f64().unwrap();
    let half = (contrast["interval"][1].as_f64().unwrap() - contrast["interval"][0].as_f64().unwrap()) / 2.0;
    // With a chance of 0.9, by one test: z of 0.975 and 0.9, and the t of 0.975 with 7 degrees of freedom for the SD of a seed.
    let normal = ((1.959_964 + 1.281_551_6) * half * 8f64.sqrt() / 2.364_624 / value("difference")).powi(2);
    let needed = value("seeds_to_tell");
    assert!((1.0..4.0).contains(&(needed - normal)), "{needed}, {normal} by the normal quantiles");
    lab.call(&["compare", "results/t"]).expect(0).says(&["about", "seeds would show it nine"]);
}

/// Two arms that arrive between the same two evaluations look alike, and are not.
#[test]
fn times_that_evaluations_are_too_far_apart_to_tell_are_never_equivalent() {
    let metric = json!({ "metric": "steps_to_target", "target_accuracy": 0.3, "equivalence_margin": 5 });
    let config = with(with(small(), "seeds", json!(6)), "compare", metric);
    let config = with(with(config, "train.steps", json!(60)), "variants", json!(["affine", "bn"]));
    let evaluated = |every: Value| {
        let lab = Lab::new();
        lab.run(&with(config.clone(), "log.evaluate_every", every), &["--quiet"]).expect(0).stdout
    };
    for rough in [json!(30), json!([30, 60])] {
        let text = evaluated(rough);
        assert!(text.contains("evaluations are about 30 steps apart") && !text.contains("are equivalent"), "{text}");
        assert!(text.contains("more than the equivalence margin"), "{text}");
    }
    let fine = evaluated(json!(1));
    assert!(!fine.contains("more than the equivalence margin"), "{fine}");
    let without = with(config.clone(), "log.evaluate_every", json!(0));
    Lab::new().run(&without, &[]).expect(2).complains(&["compare.target_accuracy", "log.evaluate_every is 0"]);
    // A margin in seconds is held against the seconds between two evaluations.
    let in_seconds = json!({ "metric": "seconds_to_target", "target_accuracy": 0.3, "equivalence_margin": 1e-9 });
    let in_seconds = with(with(config.clone(), "compare", in_seconds), "log.evaluate_every", json!(30));
    let lab = Lab::new();
    lab.run(&in_seconds, &["--quiet"]).expect(0);
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    set_times(&lab, |_| 1000.0);
    let text = lab.call(&["compare", "results/t"]).expect(0).stdout;
    assert!(text.contains("more than the equivalence margin"), "{text}");
    // Where runs are evaluated at different steps, their curves tell.
    let batches = json!({ "train.batch_size": [8, 16] });
    let swept = with(with(with(config, "sweep", batches), "train.steps", json!(null)), "train.epochs", json!(40));
    let swept = with(swept, "log.evaluate_every", json!(null));
    let text = Lab::new().run(&swept, &["--quiet"]).expect(0).stdout;
    assert!(text.contains("evaluations are about 70 steps apart"), "{text}");
}

#[test]
fn a_question_that_was_changed_after_the_runs_leaves_a_trace() {
    let lab = Lab::new();
    let margin = |margin: f64| json!({ "metric": "test_loss", "equivalence_margin": margin });
    let asked = |compare: Value| with(with(small(), "seeds", json!(2)), "compare", compare);
    let trace = ["changed after runs were finished", "exploratory"];
    let says_nothing = |text: &str| assert!(trace.iter().all(|words| !text.contains(words)), "{text}");
    says_nothing(&lab.run(&asked(margin(0.1)), &[]).expect(0).stdout);
    // More seeds are no other question.
    says_nothing(&lab.run(&with(asked(margin(0.1)), "seeds", json!(3)), &[]).expect(0).stdout);
    let changed = with(asked(json!({ "equivalence_margin": 0.5, "primary": "none" })), "seeds", json!(3));
    let changes =
        ["compare.equivalence_margin was 0.1;", "compare.metric was \"test_loss\";", "compare.primary was not set."];
    lab.run(&changed, &[]).expect(0).says(&changes).says(&trace);
    lab.call(&["compare", "results/t", "--explain"]).expect(0).says(&["The comparison is exploratory"]);
    // It is held against the first question, however often it changes.
    let again = with(asked(margin(0.7)), "seeds", json!(4));
    lab.run(&again, &[]).expect(0).says(&["compare.equivalence_margin was 0.1."]);
    let [one, other] = [asked(margin(0.1)), asked(margin(0.7))].map(|config| with(config, "seeds", json!(4)));
    says_nothing(&lab.run(&one, &[]).expect(0).stdout);
    says_nothing(&lab.run(&other, &["--fresh", "--yes"]).expect(0).stdout);
    // The arm that the others are held against is part of it.
    let added = with(other, "variants", json!(["none", "bn"]));
    lab.run(&added, &["--fresh", "--yes"]).expect(0);
    let added = with(added, "variants", json!(["none", "bn", "affine"]));
    lab.run(&added, &[]).expect(0).says(&["baseline was \"none\""]);
    // So is the arm whose contrast is corrected by itself: with the order of the arms, or a new one, it would change unseen.
    let arms = |names: &[&str]| with(asked(json!({})), "variants", json!(names));
    says_nothing(&lab.run(&arms(&["affine", "none", "center"]), &["--fresh", "--yes"]).expect(0).stdout);
    lab.run(&arms(&["affine", "center", "none"]), &[]).expect(0).says(&["primary was \"none\"", "exploratory"]);
    says_nothing(&lab.run(&arms(&["affine", "none", "center"]), &[]).expect(0).stdout);
    lab.run(&arms(&["affine", "none", "center", "bn"]), &[]).expect(0).says(&["primary was \"none\"", "exploratory"]);
    // Where the record is damaged or lost, nobody knows what was asked.
    let path = lab.path("results/t/experiment.json");
    for damage in [&|| std::fs::write(&path, "{").expect("written"), &|| std::fs::remove_file(&path).expect("removed")]
        as [&dyn Fn(); 2]
    {
        says_nothing(&lab.run(&arms(&["affine", "none"]), &["--fresh", "--yes"]).expect(0).stdout);
        damage();
        let lost = ["experiment.json was edited or lost", "exploratory"];
        lab.run(&arms(&["affine", "none"]), &[]).expect(0).says(&lost);
    }
}

/// The record is a text file. An edit of what it asks must not look like a plan made before the results.
#[test]
fn a_question_that_somebody_edited_in_the_record_is_told() {
    let lab = Lab::new();
    let config = with(with(small(), "seeds", json!(2)), "compare", json!({ "equivalence_margin": 0.1 }));
    lab.run(&config, &["--quiet"]).expect(0);
    let path = "results/t/experiment.json";
    let asked = lab.text(path);
    let is_told = |told: bool, case: &str| {
        let text = lab.call(&["compare", "results/t"]).expect(0).stdout;
        let words = ["experiment.json was edited or lost", "exploratory"];
        assert!(
            words.iter().all(|words| text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words) == told),
            "{case}: {text}"
        );
    };
    is_told(false, "as it was written");
    for (case, from, to) in [
        ("another margin", "\"equivalence_margin\": 0.1", "\"equivalence_margin\": 0.5"),
        ("a misspelt section", "\"compare\": {", "\"compar\": {"),
    ] {
        let edited = asked.replacen(from, to, 1);
        assert_ne!(edited, asked);
        lab.write(path, edited);
        is_told(true, case);
        // A copy of it is no better.
        lab.call(&["collect", "results/t", "--out", case]).expect(0);
        let text = lab.call(&["compare", &format!("{case}/t")]).expect(0).stdout;
        assert!(text.contains("was edited or lost"), "{case}: {text}");
        // Another question does not hide it; what was asked is known again when it is asked again.
        lab.run(&with(config.clone(), "compare.equivalence_margin", json!(0.3)), &["--quiet"]).expect(0);
        is_told(true, case);
        lab.run(&config, &["--quiet"]).expect(0);
        is_told(false, case);
    }
    // Spaces and the order of other keys are no question, and older records have no digest.
    let value: Value = serde_json::from_str(&asked).expect("json");
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    lab.write(path, sorted.to_string().replacen("\"equivalence_margin\":0.1", "\"equivalence_margin\":1e-1", 1));
    is_told(false, "in one line, in another order");
    let mut older = lab.json(path);
    older.as_object_mut().expect("an object").remove("question_sha256");
    lab.write(path, older.to_string().replacen("\"equivalence_margin\":0.1", "\"equivalence_margin\":0.5", 1));
    is_told(false, "an older record");
}

/// Of arms that were run apart, none is the one that the experiment is about because its folder was named first.
#[test]
fn the_order_of_folders_does_not_choose_the_primary_arm() {
    let lab = Lab::new();
    for arm in ["affine", "none", "center", "standardize"] {
        let config = with(with(small(), "variants", json!([arm])), "name", json!(arm));
        lab.run(&with(config, "seeds", json!(6)), &["--quiet"]).expect(0);
    }
    let p = |order: [&str; 4]| {
        let paths = order.map(|arm| format!("results/{arm}"));
        let args = [&["compare"][..], &paths.each_ref().map(String::as_str), &["--format", "json"]].concat();
        let found: Value = serde_json::from_str(&lab.call(&args).expect(0).stdout).expect("JSON");
        let contrasts = found["experiments"][0]["contrasts"].as_array().expect("contrasts").clone();
        let mut corrected: Vec<String> = contrasts.iter().map(|one| format!("{} {}", one["a"], one["tests"])).collect();
        corrected.sort_unstable();
        (corrected, contrasts.iter().map(|one| one["p_holm"].to_string()).collect::<std::collections::BTreeSet<_>>())
    };
    let one = p(["affine", "none", "center", "standardize"]);
    assert_eq!(one.0.len(), 3);
    assert_eq!(p(["affine", "center", "none", "standardize"]), one);
    assert_eq!(p(["affine", "standardize", "center", "none"]), one);
}

/// Seeds do not draw other test samples where these come from a file.
#[test]
fn a_difference_of_few_test_samples_of_a_file_is_warned_of() {
    let lab = Lab::new();
    let row = |i: usize| format!("{},{},{}\n", (i * 7) % 11, (i * 5) % 13, i % 2);
    lab.write("t.csv", "a,b,label\n".to_owned() + &(0..200).map(row).collect::<String>());
    let config = with(with(small(), "data", json!({ "source": "csv", "file": "t.csv" })), "seeds", json!(6));
    lab.run(&with(config, "variants", json!(["affine", "bn"])), &["--quiet"]).expect(0);
    for name in [".tables.json", "curves.csv"] {
        std::fs::remove_file(lab.path(format!("results/t/{name}"))).expect("removed");
    }
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    let runs = lab.text("results/t/runs.csv");
    let told = |of_bn: &str| {
        let arms = lab.table("results/t/runs.csv").column("variant").iter().map(|arm| *arm == "bn").collect::<Vec<_>>();
        let scored = arms.into_iter().enumerate().fold(runs.clone(), |text, (i, is_bn)| {
            with_cell(&text, i + 2, "test_accuracy", if is_bn { of_bn } else { "0.9" })
        });
        lab.write("results/t/runs.csv", scored);
        let text = lab.call(&["compare", "results/t"]).expect(0).stdout;
        assert!(text.contains("is better than"), "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ").contains("`bn` and `affine` (1.0 samples)")
    };
    // One of 40 samples; all of them.
    assert!(told("0.925") && !told("1.0"));
}

/// Times of two machines differ for the machines' sake.
#[test]
fn times_of_several_machines_are_told_where_times_are_compared() {
    let lab = Lab::new();
    let config = with(with(small(), "log.evaluate_every", json!(2)), "compare.target_accuracy", json!(0.3));
    lab.run(&config, &["--quiet"]).expect(0);
    for name in ["runs", ".tables.json"] {
        let path = lab.path(format!("results/t/{name}"));
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.expect("removed");
    }
    let of = |metric: &str| {
        let text = lab.call(&["compare", "results/t", "--metric", metric]).expect(0).stdout;
        text.split_whitespace().collect::<Vec<_>>().join(" ").contains("on different machines: elsewhere")
    };
    assert!(!of("seconds_to_target"));
    let timing = lab.text("results/t/timing.csv");
    lab.write("results/t/timing.csv", with_cell(&timing, 2, "host", "elsewhere"));
    assert!(of("seconds_to_target") && !of("test_accuracy"));
}

/// Where results are published, their runs stay at home: nothing makes the tables anew.
#[test]
fn tables_that_somebody_changed_since_they_were_written_are_told() {
    let lab = Lab::new();
    lab.run(&small(), &["--quiet"]).expect(0);
    let told = || {
        let exported = lab.call(&["export", "results/t", "--out", "boards"]).expect(0);
        let is_told = exported.stderr.contains("somebody has changed results/t/");
        assert_eq!(lab.call(&["compare", "results/t"]).expect(0).stdout.contains("Somebody has changed"), is_told);
        is_told
    };
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    assert!(!told());
    for file in ["activations.csv", "gradients.csv"] {
        let path = format!("results/t/{file}");
        let whole = lab.text(&path);
        // One digit of the last cells: a value that no check can tell from another.
        let at = whole.rfind(|c: char| ('1'..='8').contains(&c)).expect("a digit");
        let digit = char::from(whole.as_bytes()[at] + 1).to_string();
        lab.write(&path, [&whole[..at], &digit, &whole[at + 1..]].concat());
        assert!(told(), "{file}");
        lab.write(&path, &whole);
        assert!(!told(), "{file}");
    }
    // Not everything has to be published.
    std::fs::remove_file(lab.path("results/t/gradients.csv")).expect("removed");
    assert!(!told());
}

#[test]
fn of_many_settings_a_sentence_names_the_range() {
    let lab = Lab::new();
    let momenta: Vec<f64> = (0..10).map(|i| f64::from(i) / 20.0).collect();
    let config = with(with(small(), "train.steps", json!(2)), "variants", json!(["affine", "bn"]));
    let config = with(config, "sweep", json!({ "optimizer.momentum": momenta }));
    let text = lab.run(&config, &[]).expect(0).stdout;
    let verdict = text.lines().find(|line| line.starts_with("`bn` against")).expect("a sentence");
    assert!(verdict.contains(": too few seeds at 10 of 10 (") && verdict.contains(" to "), "{verdict}");
}

/// A warning does not advise what is done already.
#[test]
fn advice_on_tuning_is_given_where_it_can_be_followed() {
    let lab = made_up(&["affine", "bn"], 1, tuned(), planted(0.05));
    let alone = lab.call(&["compare", "results/t"]).expect(0).says(&["There is one seed, so no arm is tuned"]);
    assert!(!alone.stdout.contains("The learning rate is not tuned"), "{}", alone.stdout);
    let lab = made_up(&["affine", "bn"], 6, json!({}), planted(0.05));
    let untuned = lab.call(&["compare", "results/t"]).expect(0).says(&["name optimizer.lr in compare.select."]);
    assert!(!untuned.stdout.contains("--by"), "{}", untuned.stdout);
    let lab = made_up(&["affine", "bn"], 6, tuned(), planted(0.05));
    lab.call(&["compare", "results/t", "--by", "optimizer.lr"]).expect(0).says(&["To tune over it, leave out --by."]);
}

/// Of a file, and of a folder that hides the results.
#[test]
fn what_is_no_experiment_is_told_and_what_may_have_been_meant() {
    let lab = made_up(&["affine", "bn"], 6, tuned(), planted(0.05));
    lab.call(&["compare", "results/t/runs.csv"]).expect(2).complains(&["runs.csv is a file; name the folder"]);
    std::fs::create_dir(lab.path("t")).expect("made");
    lab.call(&["compare", "t"]).expect(2).complains(&["t is not an experiment", "did you mean results/t?"]);
}

#[test]
fn the_difference_of_each_seed_is_kept_in_the_metrics_own_direction() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.05));
    let runs = lab.table("results/t/runs.csv");
    for metric in ["test_accuracy", "test_loss"] {
        let found = &json_of(&lab, &["--metric", metric])["experiments"][0];
        let contrast = only(found, "contrasts", &[("a", "bn"), ("b", "affine")]);
        let differences = contrast["differences"].as_array().expect("differences");
        assert_eq!(differences.len(), 8);
        for (seed, difference) in differences.iter().enumerate() {
            let seed_name = seed.to_string();
            let read = |arm: &str| {
                let cells = [("variant", arm), ("seed", seed_name.as_str()), ("optimizer.lr", "0.1")];
                number(&runs.only(&cells)[0][metric])
            };
            assert_eq!(difference["seed"], json!(seed));
            let found = difference["difference"].as_f64().expect("a number");
            assert!((found - (read("bn") - read("affine"))).abs() < 1e-12, "{metric}, seed {seed}: {found}");
        }
    }
}

#[test]
fn a_difference_with_a_diverged_loss_has_no_number_and_keeps_its_seed() {
    let lab = made_up(&["affine", "bn"], 7, tuned(), |arm, seed, rate| match (arm, seed) {
        ("affine", 3) => End::Diverged,
        _ => planted(0.05)(arm, seed, rate),
    });
    let found = &json_of(&lab, &["--metric", "test_loss"])["experiments"][0];
    let differences = &only(found, "contrasts", &[("a", "bn")])["differences"];
    assert_eq!(differences[3], json!({ "seed": 3, "difference": null }));
    assert!(differences[2]["difference"].is_number());
}

#[test]
fn arms_can_be_compared_by_what_is_in_no_column() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.0));
    let mut loaded = Loaded::read(&ExperimentFolder::at(lab.path("results/t"))).expect("an experiment");
    let metric =
        Metric { name: "made_up", chosen_by: "validation_loss", kind: Kind::Loss, ..Metric::VALIDATION_ACCURACY };
    loaded.add_metric(metric, |run| {
        (run.status == Status::Completed)
            .then(|| if run.entry.variant == "bn" { 1.0 } else { 3.0 } + run.entry.seed as f64)
    });
    let options = Options { metric: Some(metric), ..Options::default() };
    let comparison = compare::compare(&[loaded], &options).remove(0).expect("a comparison");
    let contrast = &comparison.contrasts[0];
    assert_eq!((contrast.found.difference, contrast.found.verdict), (Some(-2.0), Verdict::Better));
    assert_eq!(comparison.arms[0].selected, json!({ "optimizer.lr": 0.1 }).as_object().cloned());
}

#[test]
fn the_verdict_comes_first_then_contrasts_arms_curve_and_warnings() {
    let text = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| match (arm, rate) {
        ("affine", 2) => End::Diverged,
        _ => planted(0.05)(arm, seed, rate),
    });
    let brief = text.call(&["compare", "results/t"]).expect(0).stdout;
    let text = text.call(&["compare", "results/t", "--full"]).expect(0).stdout;
    let parts = [
        "`bn` is better than `affine`",
        "\n arm ",
        "test accuracy over optimizer.lr from 0.01 to 1.0",
        "▁",
        "Warnings",
    ];
    let places = parts.map(|part| brief.find(part).unwrap_or_else(|| panic!("no {part:?}:\n{brief}")));
    assert!(places.is_sorted(), "{places:?}\n{brief}");
    let parts =
        ["`bn` is better than `affine`", " contrast ", "\n arm ", "test_accuracy over optimizer.lr", "▁", "Warnings"];
    let places = parts.map(|part| text.find(part).unwrap_or_else(|| panic!("no {part:?}:\n{text}")));
    assert!(places.is_sorted(), "{places:?}\n{text}");
    assert!(text.contains("0.3333 (8 diverged)"), "{text}");
}

#[test]
fn a_choice_at_the_end_of_the_grid_is_not_tuned() {
    let lab = made_up(&["affine", "bn"], 6, tuned(), |arm, seed, rate| match arm {
        "bn" => End::Accuracy(0.5 + 0.1 * rate as f64, 0.5),
        _ => planted(0.0)(arm, seed, rate),
    });
    let found = &json_of(&lab, &[])["experiments"][0];
    assert_eq!(only(found, "arms", &[("variant", "bn")])["edge"], true);
    assert_eq!(only(found, "arms", &[("variant", "affine")])["edge"], false);
    let warning = "Widen the sweep there. This is so for `bn` (optimizer.lr = 1.0, the largest).";
    lab.call(&["compare", "results/t"]).expect(0).says(&[warning, "1.0 (edge)"]);
}

/// All its rates are alike, and a smaller one may do better.
#[test]
fn an_arm_that_diverges_wherever_it_was_tried_is_at_the_edge() {
    let end =
        |arm: &str, seed, _| if arm == "affine" { End::Diverged } else { End::Accuracy(0.9, 0.9 + seed as f64 / 1e3) };
    let lab = made_up(&["affine", "bn"], 8, tuned(), end);
    let said =
        lab.call(&["compare", "results/t", "--full"]).expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("`affine` (optimizer.lr = 0.01, the smallest)"), "{said}");
    assert!(!said.contains("`bn` (optimizer.lr"), "{said}");
}

/// Of one seed that fails at the best rate, it alone is read there, and the others where the failure does not count.
#[test]
fn a_mean_that_no_rate_gives_is_named() {
    let end = |is_odd: bool| {
        move |arm: &str, seed: u64, rate: usize| match (arm, rate) {
            ("affine", 2) if is_odd && seed == 6 => End::Accuracy(0.70, 0.70),
            (_, 2) => End::Accuracy(0.92, 0.92 + seed as f64 / 1e4),
            _ => End::Accuracy(0.90, 0.90 + seed as f64 / 1e4),
        }
    };
    let said = |is_odd: bool| {
        let lab = made_up(&["affine", "bn"], 8, tuned(), end(is_odd));
        lab.call(&["compare", "results/t"]).expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let told = said(true);
    assert!(told.contains("A mean of test accuracy is that of no value that was tried."), "{told}");
    let means = "`affine` (0.8753, but 0.9003 at optimizer.lr = 0.01, 0.8928 at optimizer.lr = 1.0)";
    assert!(told.contains(means), "{told}");
    // Its times are read as its accuracies are: seven seeds at the one rate, and one at another.
    let lab = made_up(&["affine", "bn"], 8, json!({ "select": ["optimizer.lr"], "target_accuracy": 0.5 }), end(true));
    let full = lab.call(&["compare", "results/t", "--full"]).expect(0).stdout;
    assert!(full.contains("0.01 (7 of 8, edge)"), "{full}");
    let times = &json_of(&lab, &[])["experiments"][0]["times_to_target"];
    assert_eq!((&times[0]["variant"], &times[0]["taken"], &times[0]["n"]), (&json!("affine"), &json!(7), &json!(8)));
    assert!(!said(false).contains("no value that was tried"));
}

/// No number became too large, and nothing was learned.
#[test]
fn runs_that_end_no_better_than_guessing_are_counted() {
    let lab = Lab::new();
    let told = |samples: usize| {
        lab.run(&with(small(), "data.test", json!(samples)), &["--quiet", "--fresh", "--yes"]).expect(0);
        std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
        std::fs::remove_file(lab.path("results/t/curves.csv")).unwrap();
        let whole = lab.text("results/t/runs.csv");
        let rows = whole.lines().enumerate().skip(1);
        let ended = rows.fold(whole.clone(), |text, (i, row)| {
            let accuracy = if row.contains(",bn,") { "0.34" } else { "0.9" };
            with_cell(&text, i + 1, "test_accuracy", accuracy)
        });
        lab.write("results/t/runs.csv", ended);
        lab.call(&["compare", "results/t"]).expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = told(300);
    assert!(said.contains("Runs took all their steps and ended no better than guessing: 2 of 2 of `bn`."), "{said}");
    // So few samples do not tell.
    assert!(!told(30).contains("than guessing:"));
}

/// The tuning of the configuration is undone after the runs.
#[test]
fn values_of_an_axis_that_the_configuration_tunes_are_compared_as_an_exploration() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.05));
    let is_exploratory = |lab: &Lab, args: &[&str]| {
        let found = &json_of(lab, args)["experiments"][0];
        found["contrasts"].as_array().expect("contrasts").iter().any(|contrast| contrast["exploratory"] == true)
    };
    assert!(!is_exploratory(&lab, &[]));
    assert!(is_exploratory(&lab, &["--by", "optimizer.lr"]));
    let untuned = made_up(&["affine", "bn"], 8, json!({}), planted(0.05));
    assert!(!is_exploratory(&untuned, &["--by", "optimizer.lr"]));
}

#[test]
fn ties_take_the_smaller_rate() {
    let lab = made_up(&["affine", "bn"], 6, tuned(), |_, _, _| End::Accuracy(0.5, 0.5));
    let found = &json_of(&lab, &[])["experiments"][0];
    assert_eq!(only(found, "arms", &[("variant", "bn")])["selected"], json!({ "optimizer.lr": 0.01 }));
}

#[test]
fn by_compares_at_each_value_instead_of_tuning() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.05));
    let found = &json_of(&lab, &["--by", "optimizer.lr"])["experiments"][0];
    let contrasts = found["contrasts"].as_array().unwrap();
    let settings: Vec<&Value> = contrasts.iter().map(|contrast| &contrast["setting"]["optimizer.lr"]).collect();
    assert_eq!(settings, [&json!(0.01), &json!(0.1), &json!(1.0)]);
    assert_eq!(found["curves"], json!([]));
    lab.call(&["compare", "results/t", "--by", "model.depth"])
        .expect(2)
        .complains(&["\"model.depth\"", "optimizer.lr"]);
}

// Divergence.

#[test]
fn planted_divergence_ranks_worst_in_losses_and_counts_as_chance_in_accuracies() {
    // bn is worse wherever both are finite, but affine diverges at every rate for 7 of 8 seeds.
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| match arm {
        "affine" if seed > 0 => End::Diverged,
        _ => planted(-0.3)(arm, seed, rate),
    });
    let found = &json_of(&lab, &["--metric", "test_loss"])["experiments"][0];
    let contrast = only(found, "contrasts", &[("a", "bn")]);
    assert_eq!(
        (&contrast["by_ranks"], &contrast["difference"], &contrast["interval"]),
        (&json!(true), &json!(null), &json!(null))
    );
    // Signed ranks: seed 0 has the smallest, 1, against bn; the others share the rest. 1 of 8 signs: p = 4/256.
    assert_eq!((&contrast["verdict"], &contrast["p"]), (&json!("better"), &json!(4.0 / 256.0)), "{contrast:#}");
    assert_eq!(contrast["superiority"], 7.0 / 8.0);
    let found = &json_of(&lab, &[])["experiments"][0];
    let arm = only(found, "arms", &[("variant", "affine")]);
    let mean = arm["mean"].as_f64().unwrap();
    let chance = 1.0 / 3.0;
    assert!(mean > chance && mean < chance + 0.1, "7 of 8 at chance: {mean}");
    assert_eq!((&arm["diverged"], &arm["interval"]), (&json!(7), &json!(null)));
    assert!(only(found, "contrasts", &[("a", "bn")])["difference"].as_f64().unwrap() > 0.05);
}

#[test]
fn a_rate_at_which_runs_diverge_is_not_chosen_and_leaves_losses_their_numbers() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| match (arm, rate) {
        ("affine", 2) if seed % 2 == 0 => End::Diverged,
        _ => planted(0.05)(arm, seed, rate),
    });
    let contrast = &json_of(&lab, &["--metric", "test_loss"])["experiments"][0]["contrasts"][0];
    assert_eq!((&contrast["by_ranks"], &contrast["verdict"]), (&json!(false), &json!("better")), "{contrast:#}");
    assert!(contrast["difference"].as_f64().unwrap() < -0.04, "a lower loss is better");
    let [low, high] = [0, 1].map(|i| contrast["interval"][i].as_f64().unwrap());
    assert!(low < high && high < 0.0, "{low} {high}");
}

// Time to target.

#[test]
fn never_and_diverged_count_at_the_budget() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, _| match (arm, seed) {
        ("bn", 0) => End::Diverged,
        ("bn", _) => End::Accuracy(0.9, 0.9),
        (_, 0..4) => End::Accuracy(0.4, 0.4),
        _ => End::Accuracy(0.7, 0.7),
    });
    set_times(&lab, |i| 100.0 + (i * i % 31) as f64);
    let found = &json_of(&lab, &[])["experiments"][0];
    let of = |arm: &str| only(found, "times_to_target", &[("variant", arm)]).clone();
    // 100 steps at 0.9, 300 at 0.7; the budget is 1,000.
    assert_eq!(
        (of("bn")["reached"].clone(), of("bn")["steps"].clone()),
        (json!(7), json!((1000.0 + 7.0 * 100.0) / 8.0))
    );
    assert_eq!((of("affine")["reached"].clone(), of("affine")["steps"].clone()), (json!(4), json!(650.0)));
    assert_eq!(of("bn")["not_yet_reached"], json!([[100.0, 0.125]]));
    assert_eq!((of("bn")["median_steps"].clone(), of("affine")["median_steps"].clone()), (json!(100.0), json!(300.0)));
    let contrast = &json_of(&lab, &["--metric", "steps_to_target"])["experiments"][0]["contrasts"][0];
    assert_eq!(contrast["difference"], json!((1000.0 + 700.0) / 8.0 - 650.0));
    // Seconds are steps times the arm's own time a step, a seed's median over its rates; up to the shortest budget.
    let timing = lab.table("results/t/timing.csv");
    let us = |arm: &str, seed: u64| {
        let rows = timing.only(&[("variant", arm), ("seed", &seed.to_string())]);
        let mut times: Vec<f64> = rows.iter().map(|row| number(&row["us_per_step"])).collect();
        times.sort_by(f64::total_cmp);
        times[1]
    };
    let trained = |(arm, seed): (&str, u64)| if arm == "bn" && seed == 0 { f64::INFINITY } else { us(arm, seed) };
    let pairs = (0..8).flat_map(|seed| [("bn", seed), ("affine", seed)]);
    let budget = 1e-3 * pairs.map(trained).fold(f64::INFINITY, f64::min);
    let expected = (budget + (1..8).map(|seed| budget.min(1e-4 * us("bn", seed))).sum::<f64>()) / 8.0;
    assert!((of("bn")["seconds"].as_f64().unwrap() / expected - 1.0).abs() < 1e-9);
    lab.call(&["compare", "results/t", "--metric", "seconds_to_target"]).expect(0).says(&["seconds to target"]);
    // A run that trained for less than 0.02 s says nothing about seconds.
    set_times(&lab, |_| 5.0);
    let short = lab.call(&["compare", "results/t", "--metric", "seconds_to_target"]).expect(0).stdout;
    assert!(short.contains("cannot be compared") && short.contains("too short to be timed"), "{short}");
}

#[test]
fn what_an_earlier_program_took_for_a_way_to_train_is_compared_at_each_value() {
    let lab = Lab::new();
    let config = with(small(), "sweep", json!({ "data.random_labels": [false, true] }));
    lab.run(&config, &["--quiet"]).expect(0);
    let path = "results/t/experiment.json";
    let record = with(lab.json(path), "configuration.compare.select", json!(["data.random_labels"]));
    lab.write(path, serde_json::to_string_pretty(&record).unwrap());
    let said = lab.call(&["compare", "results/t"]).expect(0).says(&["test accuracy by data.random_labels"]).stdout;
    assert!(!said.contains("tuned over"), "{said}");
}

#[test]
fn bars_do_not_tell_apart_what_no_place_of_a_mean_shows() {
    let bars = |step: f64| {
        let level = move |rate: usize| 0.8 + step * rate as f64;
        let lab = made_up(&["affine", "bn"], 6, tuned(), move |_, _, rate| End::Accuracy(level(rate), level(rate)));
        lab.call(&["compare", "results/t"]).expect(0).stdout
    };
    let alike = bars(1e-9);
    assert!(alike.contains("; all are about 0.8") && alike.contains("▄▄▄") && !alike.contains('█'), "{alike}");
    let apart = bars(0.05);
    assert!(apart.contains("▁ is 0.8") && apart.contains('█'), "{apart}");
}

#[test]
fn runs_and_curves_that_tell_different_things_are_named() {
    let lab = Lab::new();
    lab.run(&with(small(), "log.evaluate_every", json!(4)), &["--quiet"]).expect(0);
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0);
    let tables = ["runs.csv", "curves.csv", "timing.csv"];
    let [runs, curves, timing] = tables.map(|file| lab.text(format!("results/t/{file}")));
    let affine = runs.lines().position(|line| line.contains(",affine,")).expect("a row") + 1;
    let bn = runs.lines().position(|line| line.contains(",bn,")).expect("a row") + 1;
    let row_of = |words: &str| curves.lines().position(|line| line.contains(words)).expect("a row") + 1;
    let (end, early) = (row_of(",12,2.0,validation,running_stats"), row_of(",4,0.66"));
    let lines: Vec<&str> = curves.lines().collect();
    let without = |unwanted: &str| {
        lines.iter().filter(|line| !line.contains(unwanted)).map(|line| format!("{line}\n")).collect::<String>()
    };
    let swapped =
        [&lines[..early - 1], &[lines[end - 1], lines[early - 1]], &lines[early..]].concat().join("\n") + "\n";
    let twice = [&lines[..end], &lines[end - 1..]].concat().join("\n") + "\n";
    let best = with_cell(&runs, 2, "best_validation_accuracy", "0.99");
    let us = lab.table("results/t/timing.csv").rows[0]["us_per_step"].parse::<f64>().expect("a time");
    let other_steps = with_cell(&with_cell(&timing, 2, "steps", "6"), 2, "us_per_step", &(2.0 * us).to_string());
    let row = |row: usize, column: &str| format!("curves.csv, row {row}, column {column}");
    let cases = [
        ("curves.csv", with_cell(&curves, end, "loss", "0.5"), row(end, "loss"), "as validation_loss of run"),
        ("curves.csv", with_cell(&curves, end, "accuracy", "0.01"), row(end, "accuracy"), "as validation_accuracy of"),
        ("curves.csv", with_cell(&curves, end, "accuracy", ""), row(end, "accuracy"), "nothing, but runs.csv has"),
        ("curves.csv", with_cell(&curves, early, "accuracy", "1.5"), row(early, "accuracy"), "1.5; an accuracy is"),
        ("curves.csv", with_cell(&curves, early, "loss", "-0.5"), row(early, "loss"), "-0.5; a loss is at least 0"),
        ("curves.csv", with_cell(&curves, early, "step", "13"), row(early, "step"), "13 is above the run's 12 steps"),
        ("curves.csv", with_cell(&curves, early, "step", "3.5"), row(early, "step"), "a whole number"),
        ("curves.csv", with_cell(&curves, early, "split", "dev"), row(early, "split"), "\"dev\" is not a split"),
        ("curves.csv", with_cell(&curves, early, "mode", "dev"), row(early, "mode"), "\"dev\" is not a mode"),
        ("curves.csv", with_cell(&curves, early, "run_id", "x"), row(early, "run_id"), "\"x\" is not a run"),
        ("curves.csv", twice, row(end + 1, "step"), "the run has this row twice"),
        ("curves.csv", swapped, "curves.csv, row".to_owned(), "column step: 4 comes after 12"),
        ("curves.csv", without(",12,2.0,"), "curves.csv: results/t/runs.csv".to_owned(), "but this table has no row"),
        ("curves.csv", without(",test,"), "gives test_loss".to_owned(), "in the split test, mode running_stats"),
        (
            "runs.csv",
            with_cell(&runs, affine, "test_accuracy_batch", "0.9"),
            "gives test_accuracy_batch 0.9 for run".to_owned(),
            "in the split test, mode batch_stats",
        ),
        (
            "timing.csv",
            with_cell(&timing, 2, "us_per_step", "99999"),
            "timing.csv, row 2".to_owned(),
            "is not train_seconds",
        ),
        (
            "timing.csv",
            with_cell(&timing, 2, "train_seconds", ""),
            "timing.csv, row 2".to_owned(),
            "is not train_seconds",
        ),
        ("timing.csv", other_steps, "timing.csv, column steps".to_owned(), "has 6 steps, but 12 in"),
        ("runs.csv", best, "runs.csv, column best_validation_accuracy".to_owned(), "0.99, but in curves.csv 0."),
        (
            "runs.csv",
            with_cell(&runs, 2, "best_validation_step", "5"),
            "runs.csv, column best_validation_step".to_owned(),
            "has 5, but in curves.csv",
        ),
        ("runs.csv", with_cell(&runs, 2, "validation_loss", "0.25"), "column loss".to_owned(), "runs.csv has 0.25"),
        ("runs.csv", with_cell(&runs, 2, "test_loss", ""), "column loss".to_owned(), "runs.csv has nothing"),
        (
            "runs.csv",
            with_cell(&runs, bn, "test_accuracy_population", ""),
            "column accuracy".to_owned(),
            "as test_accuracy_population of run",
        ),
        (
            "runs.csv",
            with_cell(&runs, 2, "test_accuracy", ""),
            "row 2, column test_accuracy".to_owned(),
            "has this score",
        ),
        (
            "runs.csv",
            with_cell(&runs, 2, "validation_accuracy", ""),
            "validation_accuracy".to_owned(),
            "has this score",
        ),
        ("runs.csv", with_cell(&runs, 2, "steps_to_target", "4"), "column steps_to_target".to_owned(), "has no target"),
        (
            "runs.csv",
            with_cell(&runs, affine, "parameters", "7"),
            "column parameters".to_owned(),
            "in another row of the same setting",
        ),
        ("curves.csv", with_cell(&curves, early, "epoch", "999"), row(early, "epoch"), "step 4 is at 0.66"),
        ("curves.csv", with_cell(&curves, early, "epoch", ""), row(early, "epoch"), "step 4 is at 0.66"),
    ];
    for (file, text, place, words) in cases {
        for (table, whole) in tables.iter().zip([&runs, &curves, &timing]) {
            lab.write(format!("results/t/{table}"), whole);
        }
        lab.write(format!("results/t/{file}"), text);
        lab.call(&["compare", "results/t"]).expect(1).complains(&[&place, words]);
    }
}

#[test]
fn a_diverged_run_that_went_on_is_named() {
    let end = |arm: &str, _, _| if arm == "bn" { End::Diverged } else { End::Accuracy(0.5, 0.5) };
    let lab = made_up(&["affine", "bn"], 2, json!({}), end);
    lab.call(&["compare", "results/t"]).expect(0);
    let runs = lab.text("results/t/runs.csv");
    let row = runs.lines().position(|line| line.contains(",bn,")).expect("a row") + 1;
    lab.write("results/t/runs.csv", with_cell(&runs, row, "diverged_at_step", "3"));
    let place = format!("runs.csv, row {row}, column diverged_at_step");
    lab.call(&["compare", "results/t"]).expect(1).complains(&[&place, "takes no further step"]);
    let long = with_cell(&with_cell(&runs, row, "diverged_at_step", "5000"), row, "steps", "5000");
    lab.write("results/t/runs.csv", long);
    let place = format!("runs.csv, row {row}, column steps");
    lab.call(&["compare", "results/t"]).expect(1).complains(&[&place, "have 1000 steps each"]);
}

/// Scores are missed without curves.csv too, and a diverged run's time is held against it.
#[test]
fn a_completed_run_has_scores_and_a_diverged_one_its_time_to_the_target() {
    let lab = Lab::new();
    let config = with(small(), "sweep", json!({ "optimizer.lr": [0.1, 1e6] }));
    let config = with(config, "compare.target_accuracy", json!(0.01));
    lab.run(&config, &["--quiet"]).expect(0);
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0);
    let runs = lab.text("results/t/runs.csv");
    let diverged = runs.lines().find(|line| line.contains(",diverged,") && line.ends_with(",0")).expect("a row");
    lab.write("results/t/runs.csv", runs.replacen(diverged, &format!("{}1", &diverged[..diverged.len() - 1]), 1));
    lab.call(&["compare", "results/t"]).expect(1).complains(&["column steps_to_target", "but in curves.csv at step 0"]);
    std::fs::remove_file(lab.path("results/t/curves.csv")).unwrap();
    let completed = runs.lines().position(|line| line.contains(",completed,")).expect("a row") + 1;
    lab.write("results/t/runs.csv", with_cell(&runs, completed, "test_accuracy", ""));
    lab.call(&["compare", "results/t"])
        .expect(1)
        .complains(&["column test_accuracy", "a completed run has this score"]);
}

#[test]
fn curves_with_quotes_or_in_another_order_of_columns_say_the_same() {
    let lab = Lab::new();
    let config = with(with(small(), "log.evaluate_every", json!(2)), "compare.target_accuracy", json!(0.4));
    lab.run(&config, &["--quiet"]).expect(0);
    // Without the digests nobody knows that the tables were written otherwise.
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    std::fs::remove_file(lab.path("results/t/.tables.json")).unwrap();
    let of = || lab.call(&["compare", "results/t", "--metric", "steps_to_target", "--full"]).expect(0).stdout;
    let (whole, curves) = (of(), lab.text("results/t/curves.csv"));
    let quoted = |line: &str| line.split(',').map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",") + "\n";
    let turned = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n";
    for text in [curves.lines().map(quoted).collect::<String>(), curves.lines().map(turned).collect()] {
        lab.write("results/t/curves.csv", text);
        assert_eq!(of(), whole);
    }
    let runs = lab.text("results/t/runs.csv");
    let row = runs.lines().position(|line| line.contains(",bn,")).expect("a row") + 1;
    lab.write("results/t/runs.csv", with_cell(&runs, row, "steps_to_target", "1"));
    lab.call(&["compare", "results/t"]).expect(1).complains(&["column steps_to_target", "but in curves.csv"]);
}

#[test]
fn a_record_that_contradicts_itself_is_named() {
    let lab = Lab::new();
    lab.run(&with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.2] })), &["--quiet"]).expect(0);
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0);
    let record = lab.json("results/t/experiment.json");
    let id = record["runs"][1]["id"].as_str().unwrap();
    let with_first = |key: &str, value: Value| {
        let mut changed = record.clone();
        changed["runs"][1][key] = value;
        changed
    };
    let mut shorter = record.clone();
    shorter["runs"].as_array_mut().unwrap().pop();
    let of = |what: &str| format!("run {id} has {what}");
    let cases = [
        (with_first("classes", json!(4)), of("classes 4, but the configuration gives 3")),
        (with_first("seed", json!(7)), of("seed 7, but the configuration gives 0")),
        (with_first("variant", json!("bn")), of("variant bn, but the configuration gives affine")),
        (with_first("values", json!([0.2])), of("values [0.2], but the configuration gives [0.1]")),
        (with_first("id", json!("affine-s0-0000000000")), format!("but the configuration gives {id}")),
        (with(record.clone(), "configuration.compare.primary", json!("affine")), "which is the baseline".to_owned()),
        (with(record.clone(), "configuration.seeds", json!(3)), "gives 18 runs, and 12 are listed".to_owned()),
        (with(record.clone(), "configuration.model.hidden", json!([5])), "has id none-s0-".to_owned()),
        (with(record.clone(), "configuration.sweep", json!({ "optimizer.lr": [0.1, 0.3] })), "has values [0.2]".into()),
        (with(record.clone(), "configuration.sweep", json!({ "norm.momentum": [0.1, 0.2] })), "axes are not".into()),
        (with(record.clone(), "name", json!("u")), "name is not the name in configuration, t".into()),
        (shorter, "gives 12 runs, and 11 are listed".into()),
    ];
    for (changed, words) in cases {
        lab.write("results/t/experiment.json", changed.to_string());
        lab.call(&["compare", "results/t"]).expect(1).complains(&["results/t/experiment.json", &words]);
        lab.call(&["export", "results/t", "--out", "boards"]).expect(1).complains(&[&words]);
    }
    // An editor's mark before the text changes nothing.
    lab.write("results/t/experiment.json", format!("\u{feff}{record}"));
    lab.call(&["compare", "results/t"]).expect(0);
    // What this program does not know it cannot check, and says so.
    let unknown = [("log.ranks_every", json!(3)), ("variants", json!(["none", "affine", "rms"]))];
    for (key, value) in unknown {
        lab.write(
            "results/t/experiment.json",
            with(record.clone(), &format!("configuration.{key}"), value).to_string(),
        );
        let told =
            lab.call(&["compare", "results/t"]).expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("does not know the configuration in the experiment.json of t"), "{told}");
    }
}

#[test]
fn a_record_on_files_of_ones_own_is_held_against_its_plan_without_them() {
    let lab = Lab::new();
    let row = |i: usize| format!("{},{},{}\n", i as f64 / 7.0, (i * i % 11) as f64, i % 2);
    lab.write("own.csv", format!("x,y,label\n{}", (0..200).map(row).collect::<String>()));
    let data = json!({ "source": "csv", "file": "own.csv", "label": "label" });
    lab.run(&with(small(), "data", data), &["--quiet"]).expect(0);
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    std::fs::remove_file(lab.path("own.csv")).unwrap();
    lab.call(&["compare", "results/t"]).expect(0);
    let record = lab.json("results/t/experiment.json");
    lab.write("results/t/experiment.json", with(record.clone(), "configuration.seeds", json!(3)).to_string());
    lab.call(&["compare", "results/t"]).expect(1).complains(&["gives 9 runs, and 6 are listed"]);
    lab.write("results/t/experiment.json", with(record, "configuration.seeds", json!([0, 4])).to_string());
    lab.call(&["compare", "results/t"]).expect(1).complains(&["has seed 1, but the configuration gives 4"]);
}

#[test]
fn a_target_that_was_changed_by_hand_is_found_by_the_curves() {
    let lab = Lab::new();
    let config =
        with(with(small(), "compare", json!({ "target_accuracy": 0.5 })), "log", json!({ "evaluate_every": 2 }));
    lab.run(&config, &["--quiet"]).expect(0);
    lab.call(&["compare", "results/t"]).expect(0);
    let runs = lab.table("results/t/runs.csv");
    assert!(runs.column("steps_to_target").iter().any(|time| *time != "0"), "{runs:?}");
    let record = lab.text("results/t/experiment.json");
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    let changed = record.replacen("\"target_accuracy\": 0.5", "\"target_accuracy\": 0.01", 1);
    assert_ne!(changed, record);
    lab.write("results/t/experiment.json", changed);
    lab.call(&["compare", "results/t"]).expect(1).complains(&["runs.csv, column steps_to_target", "in curves.csv"]);
}

#[test]
fn a_time_without_a_target_is_refused() {
    let lab = made_up(&["affine", "bn"], 6, json!({ "select": ["optimizer.lr"] }), planted(0.0));
    let refused = lab.call(&["compare", "results/t", "--metric", "steps_to_target"]).expect(1);
    refused.complains(&["compare.target_accuracy"]);
    let config = with(small(), "compare.metric", json!("seconds_to_target"));
    Lab::new().run(&config, &[]).expect(2).complains(&["compare.target_accuracy"]);
}

// What shows nothing.

#[test]
fn where_nothing_was_observed_nothing_is_equivalent() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |_, _, _| End::Diverged);
    for metric in ["test_accuracy", "test_loss", "steps_to_target"] {
        let found = &json_of(&lab, &["--metric", metric])["experiments"][0];
        assert_eq!(only(found, "contrasts", &[("a", "bn")])["verdict"], "undecided", "{metric}");
        assert!(warned(found).contains("nothing is compared"), "{metric}");
    }
    let lab = made_up(&["affine", "bn"], 8, tuned(), |_, _, _| End::Accuracy(0.4, 0.4));
    let found = &json_of(&lab, &["--metric", "steps_to_target"])["experiments"][0];
    assert_eq!(only(found, "contrasts", &[("a", "bn")])["verdict"], "undecided");
    assert!(warned(found).contains("never reached the target"));
    assert!(warned(found).contains("Lower compare.target_accuracy or train longer"));
    assert_eq!(only(&json_of(&lab, &[])["experiments"][0], "contrasts", &[("a", "bn")])["verdict"], "equivalent");
}

#[test]
fn a_diverged_run_is_never_better_than_one_that_was_trained() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, _| match arm {
        "bn" => End::Diverged,
        _ => End::Accuracy(0.2 + 0.01 * wobble(seed, 1), 0.2 + 0.01 * wobble(seed, 2)),
    });
    let found = &json_of(&lab, &[])["experiments"][0];
    assert_eq!(only(found, "contrasts", &[("a", "bn")])["verdict"], "undecided");
    assert!(warned(found).contains("worse than guessing"));
}

#[test]
fn the_margin_is_of_the_configured_metric_alone() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.0));
    assert_eq!(json_of(&lab, &[])["experiments"][0]["contrasts"][0]["verdict"], "equivalent");
    let found = &json_of(&lab, &["--metric", "test_loss"])["experiments"][0];
    assert_eq!((&found["contrasts"][0]["verdict"], &found["equivalence_margin"]), (&json!("undecided"), &json!(null)));
    assert!(warned(found).contains("margin is for test_accuracy"));
}

#[test]
fn a_choice_that_validation_cannot_make_gives_a_warning() {
    // At two rates alike in validation, far apart in the test.
    let lab = made_up(&["affine", "bn"], 8, tuned(), |_, seed, rate| {
        let noise = 0.05 * wobble(seed, rate as u64);
        End::Accuracy([0.7, 0.7, 0.2][rate] + noise, [0.6, 0.7, 0.2][rate] + 0.1 * noise)
    });
    lab.call(&["compare", "results/t"]).expect(0).says(&["Validation does not show which"]);
}

#[test]
fn mirrored_contrasts_are_one_and_an_experiment_given_twice_is_compared_once() {
    let lab = made_up(&["none", "bn"], 8, tuned(), planted(0.05));
    let other = made_up(&["bn", "none"], 8, tuned(), planted(0.05));
    for file in ["experiment.json", "runs.csv", "timing.csv"] {
        lab.write(format!("u/{file}"), other.bytes(format!("results/t/{file}")));
    }
    for paths in [["results/t", "u"], ["u", "results/t"]] {
        let shown = lab.call(&["compare", paths[0], paths[1], "--format", "json"]).expect(0).stdout;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        for experiment in shown["experiments"].as_array().unwrap() {
            let contrasts = experiment["contrasts"].as_array().unwrap();
            assert_eq!((contrasts.len(), &contrasts[0]["a"], &contrasts[0]["b"]), (1, &json!("bn"), &json!("none")));
        }
    }
    let twice = lab.call(&["compare", "u", "./u"]).expect(0);
    assert_eq!(twice.stdout, lab.call(&["compare", "u"]).expect(0).stdout);
    let twice = twice.complains(&["given twice"]);
    for file in ["experiment.json", "runs.csv", "timing.csv"] {
        lab.write(format!("copy/{file}"), other.bytes(format!("results/t/{file}")));
    }
    let copied = lab.call(&["compare", "u", "copy"]).expect(0);
    assert_eq!(copied.stdout, twice.stdout);
    copied.complains(&["copy holds the same runs as u"]);
}

// What is missing.

#[test]
fn missing_runs_are_named_and_only_complete_seeds_are_paired() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| match (arm, seed, rate) {
        ("bn", 3, 2) | ("affine", 5, 0) => End::Missing,
        _ => planted(0.05)(arm, seed, rate),
    });
    let shown = json_of(&lab, &[]);
    let found = &shown["experiments"][0];
    let contrast = only(found, "contrasts", &[("a", "bn")]);
    assert_eq!((&contrast["planned"], &contrast["n"]), (&json!(8), &json!(6)));
    assert_eq!(found["missing"].as_array().unwrap().len(), 2);
    assert!(found["missing"].to_string().contains("bn-s3-") && found["missing"].to_string().contains("affine-s5-"));
    let text = lab.call(&["compare", "results/t"]).expect(0);
    text.says(&[
        "6 seeds.",
        "2 runs have no result, of 48 planned",
        "bn-s3-",
        "(missing)",
        "Arms have different seeds",
    ]);
}

#[test]
fn one_seed_is_compared_at_each_rate() {
    let lab = made_up(&["affine", "bn"], 1, tuned(), planted(0.05));
    let text = lab.call(&["compare", "results/t"]).expect(0).says(&["There is one seed, so no arm is tuned"]);
    assert!(
        text.stdout.contains("`bn` against `affine`, test accuracy by optimizer.lr: too few seeds at 0.01 ("),
        "{}",
        text.stdout
    );
}

#[test]
fn the_two_switches_are_shown_where_their_four_arms_are() {
    let lab = Lab::new();
    let neither = json!({ "name": "neither", "base": "none", "bias": false });
    let config = with(small(), "variants", json!([neither, "affine", "standardize", "bn"]));
    lab.run(&config, &["--set", "seeds=6"]).expect(0).says(&["eq. 1 (standardising): ", "γ, β", "interaction"]);
    let runs = lab.table("results/t/runs.csv");
    let mean =
        |arm: &str| runs.only(&[("variant", arm)]).iter().map(|row| number(&row["test_accuracy"])).sum::<f64>() / 6.0;
    let found = &json_of(&lab, &[])["experiments"][0];
    let first = only(found, "effects", &[("effect", "eq. 1")])["difference"].as_f64().unwrap();
    let both = only(found, "effects", &[("effect", "interaction")])["difference"].as_f64().unwrap();
    assert!((first - (mean("standardize") - mean("neither") + mean("bn") - mean("affine")) / 2.0).abs() < 1e-12);
    assert!((both - (mean("bn") - mean("affine") - mean("standardize") + mean("neither"))).abs() < 1e-12);
    lab.run(&small(), &["--set", "name=u"]).expect(0);
    let plain: Value =
        serde_json::from_str(&lab.call(&["compare", "results/u", "--format", "json"]).expect(0).stdout).unwrap();
    assert_eq!(plain["experiments"][0]["effects"], json!([]), "none with its bias is no corner");
}

// Formats, several experiments.

#[test]
fn csv_and_json_and_markdown_carry_what_the_table_does() {
    let lab = made_up(&["none", "affine", "bn"], 8, tuned(), planted(0.05));
    let found = &json_of(&lab, &["--null"])["experiments"][0];
    let csv = lab.call(&["compare", "results/t", "--format", "csv", "--null"]).expect(0).stdout;
    let table = crate::common::Table::parse(csv.as_bytes());
    for (kind, list) in [
        ("contrast", "contrasts"),
        ("arm", "arms"),
        ("good_range", "curves"),
        ("steps_to_target", "times_to_target"),
        ("warning", "warnings"),
    ] {
        let rows = table.only(&[("kind", kind)]).len();
        assert_eq!(rows, found[list].as_array().unwrap().len(), "{kind}");
    }
    let contrast = only(found, "contrasts", &[("a", "bn")]);
    let row = table.only(&[("kind", "contrast"), ("name", "bn")])[0];
    for (column, key) in [
        ("estimate", "difference"),
        ("p", "p"),
        ("p_holm", "p_holm"),
        ("superiority", "superiority"),
        ("effect_size", "effect_size"),
        ("std", "std"),
    ] {
        assert_eq!(number(&row[column]), contrast[key].as_f64().unwrap(), "{column}");
    }
    assert_eq!(number(&row["low"]), contrast["interval"][0].as_f64().unwrap());
    let own: Vec<(f64, f64)> = table
        .only(&[("kind", "difference"), ("name", "bn")])
        .iter()
        .map(|row| (number(&row["seed"]), number(&row["estimate"])))
        .collect();
    let all = contrast["differences"].as_array().unwrap();
    let pair = |one: &Value| (one["seed"].as_f64().unwrap(), one["difference"].as_f64().unwrap());
    assert_eq!(own, all.iter().map(pair).collect::<Vec<_>>());
    let mean = own.iter().map(|(_, d)| d).sum::<f64>() / own.len() as f64;
    let squares: f64 = own.iter().map(|(_, d)| (d - mean).powi(2)).sum();
    let sd = (squares / (own.len() as f64 - 1.0)).sqrt();
    assert!((contrast["std"].as_f64().unwrap() / sd - 1.0).abs() < 1e-9);
    assert_eq!((row["verdict"].as_str(), row["text"].as_str()), ("better", contrast["sentence"].as_str().unwrap()));
    assert_eq!(number(&row["null_rejected"]), contrast["null"]["rejected"].as_f64().unwrap());
    let markdown = lab.call(&["compare", "results/t", "--format", "markdown"]).expect(0).stdout;
    assert!(markdown.contains(contrast["sentence"].as_str().unwrap()));
    for warning in found["warnings"].as_array().unwrap() {
        assert!(markdown.contains(warning["sentence"].as_str().unwrap()), "{warning}");
        assert!(warning["kind"].is_string(), "{warning}");
    }
}

#[test]
fn several_experiments_stand_side_by_side_and_a_family_spans_them() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.05));
    let other = made_up(&["none", "affine", "bn"], 8, tuned(), planted(0.05));
    for file in ["experiment.json", "runs.csv", "timing.csv"] {
        lab.write(format!("u/{file}"), other.bytes(format!("results/t/{file}")));
    }
    let shown = json_of(&lab, &["u"]);
    let [first, second] = [0, 1].map(|i| &shown["experiments"][i]);
    // The same contrasts in each: what an experiment lacks has no seeds.
    let lacking = only(first, "contrasts", &[("a", "none"), ("b", "affine")]);
    assert_eq!((&lacking["n"], &lacking["p"], &lacking["verdict"]), (&json!(0), &json!(null), &json!("undecided")));
    for experiment in [first, second] {
        let contrast = only(experiment, "contrasts", &[("a", "bn")]);
        assert_eq!((&contrast["p"], &contrast["p_holm"]), (&json!(2.0 / 256.0), &json!(2.0 * 2.0 / 256.0)), "2 tests");
    }
    let together = "These experiments are judged together";
    lab.call(&["compare", "results/t", "u"]).expect(0).says(&[together]);
    assert!(!lab.call(&["compare", "results/t"]).expect(0).stdout.contains(together));
    let lines = lab.call(&["compare", "results/t", "u", "--full"]).expect(0).stdout;
    let rows: Vec<&str> = lines.lines().filter(|line| line.contains("bn − affine")).collect();
    assert_eq!(rows.len(), 2, "{lines}");
}

#[test]
fn the_methods_own_false_alarms_are_counted() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.05));
    let null = json_of(&lab, &["--null"])["experiments"][0]["contrasts"][0]["null"].clone();
    assert_eq!(null["exchanges"], 2000);
    // At most 6 of 128 exchanges can have a p below 0.05.
    let rejected = null["rejected"].as_f64().unwrap();
    assert!(rejected > 0.0 && rejected / 2000.0 < 6.0 / 128.0 + 3.0 * (0.05f64 * 0.95 / 2000.0).sqrt(), "{null}");
    assert!(null["better_or_worse"].as_f64().unwrap() <= rejected);
    lab.call(&["compare", "results/t", "--null", "--explain"]).expect(0).says(&[
        "False alarms",
        "p < 0.05",
        "with --null",
    ]);
}

// What does not matter.

#[test]
fn the_order_of_rows_and_of_folders_changes_nothing() {
    let lab = made_up(&["none", "affine", "bn"], 7, tuned(), |arm, seed, rate| match (arm, seed, rate) {
        ("affine", 2, 1) => End::Missing,
        ("affine", _, 2) => End::Diverged,
        _ => planted(0.01)(arm, seed, rate),
    });
    for file in ["experiment.json", "runs.csv", "timing.csv"] {
        lab.write(format!("u/{file}"), lab.bytes(format!("results/t/{file}")));
    }
    std::fs::remove_file(lab.path("results/t/.tables.json")).unwrap();
    let expected = json_of(&lab, &["u"]);
    for salt in 0..20 {
        for file in ["runs.csv", "timing.csv"] {
            let text = lab.text(format!("u/{file}"));
            let (header, rows) = text.split_once('\n').unwrap();
            let mut rows: Vec<&str> = rows.lines().collect();
            rows.sort_by_key(|row| {
                (wobble(row.len() as u64 + row.bytes().map(u64::from).sum::<u64>(), salt) * 1e4) as i64
            });
            lab.write(format!("results/t/{file}"), format!("{header}\n{}\n", rows.join("\n")));
        }
        assert!(json_of(&lab, &["u"]) == expected);
        let turned: Value =
            serde_json::from_str(&lab.call(&["compare", "u", "results/t", "--format", "json"]).expect(0).stdout)
                .unwrap();
        // Both are named t, and so by their paths.
        let nameless = |found: &Value| found["experiments"].to_string().replace("results/t", "u");
        assert!(nameless(&turned) == nameless(&expected));
    }
}

// What is wrong.

#[test]
fn whatever_is_wrong_is_named_with_file_row_and_column_and_the_others_are_compared() {
    let lab = made_up(&["affine", "bn"], 6, tuned(), planted(0.05));
    let good = ["experiment.json", "runs.csv", "timing.csv"].map(|file| lab.text(format!("results/t/{file}")));
    let [record, runs, timing] = &good;
    let later = record.replacen("\"schema_version\": 1", "\"schema_version\": 2", 1);
    let half = &runs[..runs.len() / 2];
    let mut no_classes: Value = serde_json::from_str(record).unwrap();
    no_classes["runs"][0]["classes"] = json!(0);
    let mut unknown_key: Value = serde_json::from_str(record).unwrap();
    unknown_key["configuration"]["compare"]["future_key"] = json!(3);
    let mut unknown_axis: Value = serde_json::from_str(record).unwrap();
    unknown_axis["configuration"]["compare"]["select"] = json!(["optimizer.rate"]);
    let mut far_target: Value = serde_json::from_str(record).unwrap();
    far_target["configuration"]["compare"]["target_accuracy"] = json!(2.5);
    let fourth = runs.lines().nth(3).unwrap();
    let twice = runs.replacen(runs.lines().nth(4).unwrap(), fourth, 1);
    let whole_rows = &half[..=half.rfind('\n').unwrap()];
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        ("experiment.json", later, vec!["experiment.json", "schema version 2"]),
        ("experiment.json", far_target.to_string(), vec!["compare.target_accuracy", "experiment.json", "from 0 to 1"]),
        ("experiment.json", unknown_axis.to_string(), vec!["experiment.json", "compare.select", "optimizer.rate"]),
        ("runs.csv", with_cell(runs, 5, "test_accuracy", "2.5"), vec!["row 5", "test_accuracy", "2.5", "from 0 to 1"]),
        ("runs.csv", with_cell(runs, 5, "steps", "1"), vec!["row 5, column steps", "all 1000 steps"]),
        ("runs.csv", with_cell(runs, 5, "steps", "-1"), vec!["row 5, column steps", "whole number"]),
        ("runs.csv", with_cell(runs, 5, "steps_to_target", "-5"), vec!["row 5, column steps_to_target"]),
        ("runs.csv", with_cell(runs, 5, "steps_to_target", "2.5"), vec!["row 5, column steps_to_target"]),
        ("runs.csv", with_cell(runs, 5, "steps_to_target", "5000"), vec!["row 5, column steps_to_target", "above"]),
        ("runs.csv", with_cell(runs, 5, "status", "diverged"), vec!["row 5", "a run that is diverged has no scores"]),
        ("runs.csv", with_cell(runs, 5, "diverged_at_step", "3"), vec!["row 5, column diverged_at_step"]),
        ("runs.csv", with_cell(runs, 5, "diverged_at_step", "-3"), vec!["row 5, column diverged_at_step", "whole"]),
        ("runs.csv", with_cell(runs, 5, "status", "missing"), vec!["row 5", "a run that is missing has no scores"]),
        ("runs.csv", with_cell(runs, 5, "status", "failed"), vec!["row 5", "a run that is failed has no scores"]),
        ("runs.csv", with_cell(runs, 5, "best_validation_accuracy", "1.5"), vec!["row 5", "from 0 to 1"]),
        ("runs.csv", with_cell(runs, 5, "best_validation_step", "1001"), vec!["best_validation_step", "above"]),
        (
            "runs.csv",
            with_cell(runs, 5, "best_validation_accuracy", "0.0"),
            vec!["row 5", "the validation_accuracy of"],
        ),
        ("runs.csv", with_cell(runs, 5, "reason", "none"), vec!["row 5, column reason: a completed run has no reason"]),
        ("runs.csv", with_cell(runs, 5, "epochs", "-1"), vec!["row 5, column epochs", "below 0"]),
        ("runs.csv", with_cell(runs, 5, "epochs", "7.5"), vec!["row 5, column epochs: 1000 steps of"]),
        ("runs.csv", with_cell(runs, 5, "parameters", "0"), vec!["row 5, column parameters"]),
        ("runs.csv", with_cell(runs, 5, "parameters", "1.5"), vec!["row 5, column parameters", "whole"]),
        ("timing.csv", with_cell(timing, 5, "train_seconds", "-1"), vec!["row 5, column train_seconds", "below 0"]),
        ("timing.csv", with_cell(timing, 5, "threads", "0.5"), vec!["row 5, column threads", "whole"]),
        ("runs.csv", with_cell(runs, 5, "test_loss", "-0.5"), vec!["row 5", "test_loss", "-0.5", "at least 0"]),
        (
            "runs.csv",
            with_cell(runs, 5, "variant", "none"),
            vec!["runs.csv, row 5, column variant", "\"none\"", "for run"],
        ),
        ("runs.csv", with_cell(runs, 5, "seed", "77"), vec!["runs.csv, row 5, column seed", "\"77\"", "for run"]),
        ("runs.csv", with_cell(runs, 5, "optimizer.lr", "7"), vec!["row 5, column optimizer.lr", "\"7\"", "for run"]),
        ("timing.csv", with_cell(timing, 5, "seed", "77"), vec!["timing.csv, row 5, column seed", "\"77\"", "for run"]),
        ("experiment.json", record[..record.len() / 2].to_owned(), vec!["experiment.json"]),
        ("experiment.json", no_classes.to_string(), vec!["experiment.json", "no classes"]),
        ("experiment.json", unknown_key.to_string(), vec!["experiment.json", "configuration.compare", "future_key"]),
        (
            "timing.csv",
            timing.lines().take(3).map(|line| format!("{line}\n")).collect(),
            vec!["timing.csv", "cut short"],
        ),
        (
            "timing.csv",
            with_cell(timing, 3, "us_per_step", "-5"),
            vec!["timing.csv, row 3, column us_per_step", "below 0"],
        ),
        ("runs.csv", String::new(), vec!["runs.csv", "empty"]),
        ("runs.csv", half.to_owned(), vec!["runs.csv", "cut short"]),
        ("runs.csv", whole_rows.to_owned(), vec!["runs.csv", "cut short", "run "]),
        ("runs.csv", runs.trim_end().to_owned(), vec!["runs.csv", "cut short"]),
        ("runs.csv", runs.replacen("test_accuracy", "accuracy", 1), vec!["runs.csv", "no column test_accuracy"]),
        ("runs.csv", with_cell(runs, 5, "test_accuracy", "0,9"), vec!["runs.csv", "row 5", "cells"]),
        (
            "runs.csv",
            with_cell(runs, 5, "test_accuracy", "good"),
            vec!["runs.csv, row 5, column test_accuracy", "\"good\" is not a number"],
        ),
        ("runs.csv", with_cell(runs, 5, "train_loss", "nan"), vec!["row 5, column train_loss", "\"nan\""]),
        ("runs.csv", with_cell(runs, 5, "status", "done"), vec!["row 5, column status", "\"done\""]),
        ("runs.csv", with_cell(runs, 5, "run_id", "bn-s0-0000000000"), vec!["row 5, column run_id", "not a run of"]),
        ("runs.csv", twice, vec!["row 5, column run_id", "more than one row"]),
        ("timing.csv", with_cell(timing, 3, "host", "\"vm"), vec!["timing.csv"]),
        (
            "runs.csv",
            runs.replacen(",steps,", ",test_accuracy,", 1),
            vec!["runs.csv, row 1", "two columns test_accuracy"],
        ),
        ("timing.csv", timing.replacen("us_per_step", "us", 1), vec!["timing.csv", "no column us_per_step"]),
    ];
    for (file, text, words) in cases {
        for (file, text) in ["experiment.json", "runs.csv", "timing.csv"].into_iter().zip(&good) {
            lab.write(format!("results/t/{file}"), text);
            lab.write(format!("good/{file}"), text);
        }
        lab.write(format!("results/t/{file}"), &text);
        let outcome = lab.call(&["compare", "results/t", "good"]);
        assert_eq!(outcome.code, Some(1), "{file} {words:?}");
        let outcome = outcome.says(&["`bn` is better than `affine`"]);
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
        outcome.complains(&words);
    }
}

#[test]
fn a_cell_that_holds_no_time_is_named() {
    let lab = made_up(&["affine", "bn"], 6, tuned(), planted(0.05));
    let timing = with_cell(&lab.text("results/t/timing.csv"), 4, "us_per_step", "slow");
    lab.write("results/t/timing.csv", timing);
    lab.call(&["compare", "results/t"]).expect(1).complains(&["timing.csv, row 4, column us_per_step", "\"slow\""]);
}

#[test]
fn mixed_programs_and_levels_give_a_warning() {
    let lab = made_up(&["affine", "bn"], 6, tuned(), planted(0.05));
    let version = format!(",{}\n", env!("CARGO_PKG_VERSION"));
    let timing = lab.text("results/t/timing.csv");
    let level = lab.table("results/t/timing.csv").rows[0]["simd"].clone();
    let changed = timing.replacen(&version, ",0.0.1\n", 1).replacen(&format!(",{level},"), ",abacus,", 1);
    assert!(changed != timing);
    lab.write("results/t/timing.csv", changed);
    let outcome = lab.call(&["compare", "results/t"]).expect(0);
    outcome.says(&["different program versions: 0.0.1", "different instruction levels: abacus"]);
}

// Experiments that are one.

/// An experiment of one arm, tuned over these rates.
fn apart(lab: &Lab, name: &str, arms: &[&str], rates: &[f64], steps: u64) {
    let config = with(with(small(), "sweep", json!({ "optimizer.lr": rates })), "seeds", json!(6));
    let config = with(with(config, "variants", json!(arms)), "compare", json!({ "select": ["optimizer.lr"] }));
    let config = with(with(config, "train.steps", json!(steps)), "name", json!(name));
    lab.run(&with(config, "description", json!(name)), &[]).expect(0);
}

#[test]
fn arms_that_were_run_apart_are_compared_as_if_they_had_been_run_together() {
    let lab = Lab::new();
    let rates = [0.03, 0.1, 0.3];
    apart(&lab, "t", &["affine"], &rates, 12);
    apart(&lab, "u", &["bn"], &rates, 12);
    apart(&lab, "both", &["affine", "bn"], &rates, 12);
    let one = json_of(&lab, &["results/u"])["experiments"].clone();
    let both: Value =
        serde_json::from_str(&lab.call(&["compare", "results/both", "--format", "json"]).expect(0).stdout).unwrap();
    assert_eq!(one.as_array().unwrap().len(), 1, "one experiment");
    assert_eq!(one[0]["name"], "t + u");
    for list in ["contrasts", "arms", "curves"] {
        let mut expected = both["experiments"][0][list].clone();
        // Times are measured, each for itself.
        let mut found = one[0][list].clone();
        for arm in expected.as_array_mut().into_iter().chain(found.as_array_mut()).flatten() {
            arm.as_object_mut().unwrap().remove("us_per_step");
        }
        assert_eq!(found, expected, "{list}");
    }
    lab.call(&["compare", "results/t", "results/u"]).expect(0).says(&["t + u", "`bn` against `affine`"]);
    // However the same sweep is written.
    apart(&lab, "v", &["bn"], &[0.3, 0.03, 0.1], 12);
    let again = lab.call(&["compare", "results/t", "results/v", "--format", "json"]).expect(0).stdout;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["experiments"][0]["name"], "t + v");
    assert_eq!(again["experiments"][0]["contrasts"], one[0]["contrasts"]);
}

/// One arm each, and not compared with one another: here the seeds differ.
#[test]
fn experiments_of_one_arm_that_differ_are_not_said_to_have_one_arm_together() {
    let lab = Lab::new();
    for (name, arm, seeds) in [("t", "affine", 2), ("u", "bn", 3)] {
        let config = with(with(small(), "name", json!(name)), "variants", json!([arm]));
        lab.run(&with(config, "seeds", json!(seeds)), &["--quiet"]).expect(0);
    }
    let found = lab.call(&["compare", "results/t", "results/u"]).expect(0);
    found.says(&["Each of these experiments has one arm", "Not compared with", "seeds"]);
    lab.call(&["compare", "results/t"]).expect(0).says(&["There is one arm, so there is nothing to compare."]);
}

/// What a record says wrongly, in plain words.
#[test]
fn a_record_that_is_broken_is_told_in_plain_words() {
    let lab = made_up(&["affine", "bn"], 6, tuned(), planted(0.05));
    let path = "results/t/experiment.json";
    let whole = lab.text(path);
    let told = |text: &str, words: &str| {
        lab.write(path, text);
        let told = lab.call(&["compare", "results/t"]).expect(1).complains(&[path, words]);
        assert_eq!(told.stderr.matches("experiment.json").count(), 1, "{}", told.stderr);
    };
    told("", "it ends too early");
    told(&whole[..whole.len() / 2], "it ends too early");
    told("{]", "line 1, column 2 is no JSON");
    told("[1]", "it holds no object");
    let mut record: Value = serde_json::from_str(&whole).unwrap();
    record["configuration"]["compare"]["primary"] = json!("zzz");
    told(&record.to_string(), "configuration.compare.primary is \"zzz\", which is not one of the arms");
    record["configuration"]["compare"]["primary"] = json!("bn");
    record["configuration"]["compare"]["equivalence_margin"] = json!(-1.0);
    told(&record.to_string(), "configuration.compare.equivalence_margin is below 0");
}

/// Two axes, neither tuned, in two orders.
#[test]
fn axes_in_another_order_are_the_same_axes() {
    let lab = Lab::new();
    let of = |name: &str, arm: &str, sweep: &str| {
        let config = with(with(small(), "variants", json!([arm])), "name", json!(name)).to_string();
        let config = config.replacen('{', &format!("{{\"sweep\": {sweep}, "), 1);
        lab.with_config("run", &config, &[]).expect(0);
    };
    of("t", "affine", r#"{"optimizer.lr": [0.1, 0.3], "train.batch_size": [10, 20]}"#);
    of("u", "bn", r#"{"train.batch_size": [20, 10], "optimizer.lr": [0.1, 0.3]}"#);
    let found = json_of(&lab, &["results/u"])["experiments"].clone();
    assert_eq!(found.as_array().unwrap().len(), 1, "one experiment");
    let at = json!({ "optimizer.lr": 0.1, "train.batch_size": 20 });
    let arms = found[0]["arms"].as_array().unwrap();
    assert_eq!(arms.iter().filter(|arm| arm["setting"] == at && arm["mean"].is_number()).count(), 2);
}

#[test]
fn arms_that_were_run_apart_are_each_tuned_over_their_own_values() {
    let lab = Lab::new();
    apart(&lab, "t", &["affine"], &[0.01, 0.02, 0.05], 12);
    apart(&lab, "u", &["bn"], &[0.05, 0.5], 12);
    let found = &json_of(&lab, &["results/u"])["experiments"][0];
    let contrast = only(found, "contrasts", &[("a", "bn"), ("b", "affine")]);
    assert_eq!((&contrast["n"], &contrast["planned"]), (&json!(6), &json!(6)));
    for (arm, own) in [("affine", vec![0.01, 0.02, 0.05]), ("bn", vec![0.05, 0.5])] {
        let arm = only(found, "arms", &[("variant", arm)]);
        let chosen = arm["chosen"].as_array().unwrap();
        assert!(chosen.iter().all(|c| own.contains(&c["values"]["optimizer.lr"].as_f64().unwrap())), "{arm}");
        // Both ends of two values are edges.
        let ends = [own[0], own[own.len() - 1]];
        let is_edge = chosen.iter().any(|c| ends.contains(&c["values"]["optimizer.lr"].as_f64().unwrap()));
        assert_eq!(arm["edge"], json!(is_edge));
        // The mean is that of each arm by itself.
        let alone = if own.len() == 3 { "results/t" } else { "results/u" };
        let alone = lab.call(&["compare", alone, "--format", "json"]).expect(0).stdout;
        let alone: Value = serde_json::from_str(&alone).unwrap();
        assert_eq!(alone["experiments"][0]["arms"][0]["mean"], arm["mean"]);
    }
}

#[test]
fn experiments_that_differ_stand_side_by_side_and_say_where() {
    let lab = Lab::new();
    apart(&lab, "t", &["affine"], &[0.1, 0.3], 12);
    apart(&lab, "u", &["bn"], &[0.1, 0.3], 6);
    apart(&lab, "v", &["affine", "bn"], &[0.1, 0.3], 12);
    let shown = json_of(&lab, &["results/u"]);
    assert_eq!(shown["experiments"].as_array().unwrap().len(), 2);
    let warnings = warned(&shown["experiments"][1]);
    assert!(
        warnings.contains("Not compared with t as one") && warnings.contains("differ in train.steps"),
        "{warnings}"
    );
    let shown = json_of(&lab, &["results/v"]);
    assert!(warned(&shown["experiments"][1]).contains("both have the same arm"), "{shown:#}");
    // Seeds that are counted and seeds that are listed are the same.
    let listed = with(lab.json("results/t/experiment.json"), "configuration.seeds", json!([0, 1, 2, 3, 4, 5]));
    lab.write("results/t/experiment.json", listed.to_string());
    apart(&lab, "x", &["bn"], &[0.1, 0.3], 12);
    assert_eq!(json_of(&lab, &["results/x"])["experiments"].as_array().unwrap().len(), 1);
    // What no key of the configuration tells of: other files of the same names, and another program.
    apart(&lab, "w", &["bn"], &[0.1, 0.3], 12);
    let record = lab.json("results/w/experiment.json");
    for (key, values, said) in [
        ("data_sha256", [json!(["a"]), json!(["b"])], "the content of the data files"),
        ("numerics_version", [json!(2), json!(3)], "the program's numerics version"),
    ] {
        for (name, value) in ["t", "w"].into_iter().zip(values) {
            let path = format!("results/{name}/experiment.json");
            let changed = with(lab.json(&path), key, value);
            lab.write(&path, changed.to_string());
        }
        let warnings = warned(&json_of(&lab, &["results/w"])["experiments"][1]);
        assert!(warnings.contains(said), "{warnings}");
        lab.write("results/w/experiment.json", record.to_string());
    }
}

#[test]
fn the_arms_are_a_booktabs_table() {
    let lab = Lab::new();
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/results/published/quickstart");
    let text = lab.call(&["compare", published, "--format", "latex"]).expect(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    let columns = lines.iter().find_map(|line| line.strip_prefix(r"\begin{tabular}{@{}")).expect("a table");
    let count = columns.trim_end_matches("@{}}").len();
    let rows = lines.iter().filter(|line| line.ends_with(r" \\"));
    assert_eq!(rows.clone().count(), 4, "{text}");
    rows.for_each(|row| assert_eq!(row.matches(" & ").count() + 1, count, "{row}"));
    for word in [r"\toprule", r"\midrule", r"\bottomrule", r"95~\%~interval", r"best rate"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // Where it is wider than the page it is made as wide.
    let fitted = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%";
    assert!(text.contains(&format!("{fitted}\n\\begin{{tabular}}")) && text.contains("\\end{tabular}}\n"), "{text}");
    // Warnings are comments, of any length and letters; --explain adds what the words mean.
    let (comments, set): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.starts_with('%'));
    assert!(set.concat().is_ascii(), "{text}");
    let table = lab.call(&["compare", published]).expect(0).stdout;
    assert_eq!(table.contains("Warnings"), comments.contains(&"% Warnings"), "{table}");
    let explained = lab.call(&["compare", published, "--format", "latex", "--explain"]).expect(0).stdout;
    assert!(explained.ends_with(&set.join("\n")) || explained.ends_with(&(set.join("\n") + "\n")), "{explained}");
    assert!(explained.contains("% What the words and numbers mean") && explained.contains("% Methods, for a paper"));
    let full = lab.call(&["compare", published, "--format", "latex", "--full"]).expect(0);
    assert_eq!(full.complains(&["the table of the arms alone"]).stdout, text);
    for format in ["csv", "json"] {
        let called = |more: &[&str]| lab.call(&[&["compare", published, "--format", format], more].concat());
        let explained = called(&["--explain"]).expect(0).complains(&["this format holds everything already"]);
        assert_eq!(explained.stdout, called(&[]).expect(0).stdout);
    }
}

#[test]
fn a_warning_of_several_experiments_is_said_once() {
    let lab = Lab::new();
    for name in ["t", "u"] {
        let config =
            with(with(small(), "name", json!(name)), "optimizer.lr", json!(if name == "t" { 0.1 } else { 0.2 }));
        lab.run(&with(config, "seeds", json!(2)), &["--quiet"]).expect(0);
    }
    let text = lab.call(&["compare", "results/t", "results/u"]).expect(0).stdout;
    let warnings = text.split_once("\nWarnings\n").expect("a warning").1;
    assert!(warnings.contains("- t, u: "), "{text}");
    assert_eq!(warnings.matches("Add seeds.").count(), 1, "{text}");
}

#[test]
fn a_table_for_latex_has_a_short_caption_below_and_what_was_found_above() {
    let lab = Lab::new();
    let mut config = with(small(), "sweep", json!({"train.batch_size": [8, 16], "optimizer.lr": [0.1, 0.2]}));
    config["variants"] = json!([{ "name": "neither", "base": "none", "bias": false }, "affine", "standardize", "bn"]);
    config["compare"] = json!({ "select": ["optimizer.lr"] });
    lab.run(&config, &["--quiet"]).expect(0);
    let text = lab.call(&["compare", "results/t", "--format", "latex"]).expect(0).stdout;
    let (above, below) = text.split_once(r"\begin{table}").expect("a table");
    let above: Vec<&str> = above.split_whitespace().filter(|word| *word != "%").collect();
    let above = above.join(" ");
    // One sentence for the arms at all settings, and one a switch and setting.
    assert_eq!(above.matches("`bn` against `affine`").count(), 1, "{above}");
    assert!(above.contains("by train.batch_size"), "{above}");
    for setting in [8, 16] {
        let switch = format!("train.batch_size = {setting}: Switching on eq. 1");
        assert!(above.contains(&switch), "{switch}: {above}");
    }
    assert!(!above.contains("nine times in ten"), "{above}");
    let (_, caption) = below.split_once(r"\caption{").expect("a caption");
    let words =
        "t: test accuracy, 2 seeds, tuned over optimizer.lr; pairs by seed, p corrected by Holm's method. Edge:";
    assert!(caption.starts_with(words), "{caption}");
}

#[test]
fn warnings_stand_above_a_table_for_latex() {
    let lab = Lab::new();
    lab.run(&with(small(), "variants", json!(["affine", "bn"])), &["--quiet", "--shard", "1/2"]).expect(0);
    let text = lab.call(&["compare", "results/t", "--format", "latex"]).expect(0).stdout;
    let warning = text.lines().take_while(|line| line.starts_with('%')).collect::<Vec<_>>().join("\n");
    assert!(warning.contains("no result") && warning.contains("bn-exp collect"), "{text}");
}

/// runs.csv without one column.
fn without_column(text: &str, name: &str) -> String {
    let at = text.lines().next().and_then(|header| header.split(',').position(|column| column == name));
    let at = at.unwrap_or_else(|| panic!("there is no column {name}"));
    let line = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.remove(at);
        cells.join(",") + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn a_metric_that_came_after_the_first_tables_may_be_absent_and_no_other() {
    let lab = Lab::new();
    lab.run(&with(small(), "variants", json!(["affine", "bn"])), &["--quiet"]).expect(0);
    let path = lab.path("results/t/runs.csv");
    // As somebody else's tables: without the runs, the program does not make them anew.
    std::fs::remove_dir_all(lab.path("results/t/runs")).unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    for metric in ["test_accuracy_population", "validation_loss_batch"] {
        std::fs::write(&path, without_column(&whole, metric)).unwrap();
        lab.call(&["compare", "results/t"]).expect(0);
        let asked = lab.call(&["compare", "results/t", "--metric", metric]);
        assert_ne!(asked.code, Some(0), "{metric} is compared, and is not there:\n{}", asked.stdout);
    }
    for metric in ["test_accuracy", "validation_loss", "steps_to_target"] {
        std::fs::write(&path, without_column(&whole, metric)).unwrap();
        lab.call(&["compare", "results/t"]).expect(1).complains(&["runs.csv", metric]);
    }
}

/// The table of runs with another value in a column of an arm.
fn with_scores(lab: &Lab, arm: &str, column: &str, of: impl Fn(f64) -> f64) {
    let mut text = lab.text("results/t/runs.csv");
    let rows = lab.table("results/t/runs.csv");
    for (i, row) in rows.rows.iter().enumerate().filter(|(_, row)| row["variant"] == arm) {
        let value = of(number(&row["test_accuracy"]));
        text = with_cell(&text, i + 2, column, &value.to_string());
    }
    lab.write("results/t/runs.csv", text);
}

#[test]
fn a_verdict_that_only_single_batches_change_is_not_laid_to_running_statistics() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.05));
    for arm in ["affine", "bn"] {
        with_scores(&lab, arm, "validation_accuracy_batch", |x| x);
    }
    with_scores(&lab, "affine", "test_accuracy_batch", |x| x);
    with_scores(&lab, "bn", "test_accuracy_batch", |x| x - 0.05);
    let warnings = || warned(&json_of(&lab, &[])["experiments"][0]);
    let said = warnings();
    assert!(said.contains("The verdict depends") && said.contains("have settled"), "{said}");
    assert!(!said.contains("have not settled"), "{said}");
    // Far better with the statistics of its own batches: the test samples may be other ones.
    with_scores(&lab, "bn", "test_accuracy_batch", |x| x + 0.1);
    let said = warnings();
    assert!(said.contains("may differ from those of training") && !said.contains("Nothing is wrong"), "{said}");
    with_scores(&lab, "bn", "test_accuracy_batch", |x| x - 0.05);
    // Where the population does not agree with them either, all warnings say so.
    with_scores(&lab, "bn", "test_accuracy_population", |x| x + 0.04);
    let said = warnings();
    assert!(said.contains("have not settled") && !said.contains("have settled"), "{said}");
    // A momentum of 1 is as wrong as one of 0.001, so neither is advised.
    assert!(
        said.contains("with a large one they follow single batches") && !said.contains("raise norm.momentum"),
        "{said}"
    );
    // A mean that is less than one of the 30 test samples away says nothing.
    with_scores(&lab, "bn", "test_accuracy_population", |x| x + 0.02);
    let said = warnings();
    assert!(said.contains("have settled") && !said.contains("have not settled"), "{said}");
}

#[test]
fn another_level_of_confidence_is_exploratory_and_an_interval_without_width_is_not_wide() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, _, rate| {
        let level = if arm == "bn" { 0.9 } else { 0.1 } - 1e-3 * rate as f64;
        End::Accuracy(level, level)
    });
    let usual = lab.call(&["compare", "results/t"]).expect(0).says(&["is better than", "p = 0.0078"]);
    assert!(!usual.stdout.contains("exploratory") && !usual.stdout.contains("interval is wide"), "{}", usual.stdout);
    lab.call(&["compare", "results/t", "--confidence", "0.5"])
        .expect(0)
        .says(&["(exploratory: chosen after the runs)"]);
}

#[test]
fn the_end_of_what_was_tried_stands_beside_the_verdict_and_unsteady_times_are_named() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| {
        let level = if arm == "bn" { 0.8 } else { 0.6 } + 0.02 * wobble(seed, 3) - 0.1 * rate as f64;
        End::Accuracy(level, level)
    });
    let both = "The best value of both is the end of what was tried; beyond it they may do better.";
    let text = lab.call(&["compare", "results/t"]).expect(0).says(&["is better than", both]);
    assert!(!text.stdout.contains("Times a step are unsteady"), "{}", text.stdout);
    let inner = made_up(&["affine", "bn"], 8, tuned(), planted(0.05)).call(&["compare", "results/t"]).expect(0).stdout;
    assert!(!inner.contains("the end of what was tried; beyond"), "{inner}");
    // An axis of one value is no choice.
    let single = Lab::new();
    let config = with(small(), "sweep", json!({ "optimizer.lr": [0.1], "optimizer.weight_decay": [0.0, 0.1] }));
    let both = json!({ "select": ["optimizer.lr", "optimizer.weight_decay"] });
    single.run(&with(config, "compare", both), &[]).expect(0);
    let said = single.call(&["compare", "results/t", "--explain"]).expect(0).stdout;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("each arm tuned over optimizer.weight_decay"), "{said}");
    assert!(said.contains("The learning rate is not tuned") && !said.contains("chose the learning rate"), "{said}");
    // Of two experiments in one, an arm may have one value alone.
    let joined = Lab::new();
    for (name, arm, rates) in [("t", "affine", json!([0.1])), ("u", "bn", json!([0.1, 0.2]))] {
        let config = with(with(small(), "name", json!(name)), "variants", json!([arm]));
        let config = with(
            with(config, "sweep", json!({ "optimizer.lr": rates })),
            "compare",
            json!({ "select": ["optimizer.lr"] }),
        );
        joined.run(&config, &["--quiet"]).expect(0);
    }
    let said = joined.call(&["compare", "results/t", "results/u"]).expect(0).stdout;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = [
        "Only one value of optimizer.lr was tried.",
        "Only one value was tried, and the arm may do better",
        "only value)",
    ];
    assert!(words.iter().all(|words| said.contains(words)), "{said}");
    // Where single seeds take the end, it is not said of the arm.
    let some = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| {
        // A seed is read at what the others favour: without an even seed that is the least rate, in all it is the second.
        let gain = if seed % 2 == 0 { -0.011 } else { 0.010 };
        let level = match (arm, rate) {
            ("bn", 0) => 0.8 + gain,
            ("bn", 1) => 0.8,
            _ => 0.6 - 0.1 * (rate as f64 - 1.0).powi(2),
        };
        End::Accuracy(level, level)
    });
    let said = some.call(&["compare", "results/t"]).expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!said.contains("of both is the end"), "{said}");
    assert!(said.contains("For 4 of 8 seeds the best value of `bn` is the end of what was tried."), "{said}");
    let rows = lab.table("results/t/timing.csv").rows;
    set_times(&lab, |i| if rows[i - 1]["variant"] == "bn" && (i - 1) % 4 < 2 { 3000.0 } else { 1000.0 });
    let text = lab.call(&["compare", "results/t"]).expect(0).says(&["Times a step are unsteady", "% of `bn`)"]);
    assert!(!text.stdout.contains("of `affine`)"), "{}", text.stdout);
}

#[test]
fn the_methods_of_a_time_say_what_of_it_counts() {
    let lab = made_up(
        &["affine", "bn"],
        8,
        json!({ "select": ["optimizer.lr"], "target_accuracy": 0.5 }),
        |arm, seed, rate| {
            if arm == "affine" && seed > 5 { End::Diverged } else { planted(0.05)(arm, seed, rate) }
        },
    );
    let text = lab.call(&["compare", "results/t", "--metric", "steps_to_target", "--explain"]).expect(0);
    text.says(&[
        "steps to a validation accuracy of 0.5, paired",
        "counts as never reaching the target",
        "a share of 0.1 of each",
    ]);
}

#[test]
fn rounding_moves_the_ends_of_an_interval_by_a_small_part_of_its_width() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| {
        let own = 0.024 * wobble(seed, 7 + u64::from(arm == "bn"));
        let level = if arm == "bn" { 0.8504 } else { 0.8 };
        End::Accuracy([0.3, 0.9, 0.4][rate], level + own)
    });
    let found = &json_of(&lab, &[])["experiments"][0]["contrasts"][0];
    let exact = [0, 1].map(|end| found["interval"][end].as_f64().expect("an end"));
    let text = lab.call(&["compare", "results/t"]).expect(0).stdout;
    let (_, rest) = text.split_once("95 % interval ").expect("an interval");
    let words: Vec<&str> = rest.split_whitespace().collect();
    let shown = [words[0], words[2]].map(|word| word.trim_matches([',', '+']).parse::<f64>().expect("a number"));
    for (exact, shown) in exact.iter().zip(shown) {
        assert!(
            (exact - shown).abs()
                <= (found["interval"][1].as_f64().unwrap() - found["interval"][0].as_f64().unwrap()) / 8.0,
            "{exact} is shown as {shown}"
        );
    }
}

#[test]
fn a_seed_that_is_read_at_the_end_of_the_grid_is_named_beside_the_best_rate() {
    // All seeds favour the rate in the middle; without seed 0 the others favour the last, and so seed 0 is read there.
    let lab = made_up(&["affine", "bn"], 8, tuned(), |arm, seed, rate| match arm {
        "bn" => {
            End::Accuracy([0.3, if seed == 0 { 0.95 } else { 0.80 }, if seed == 0 { 0.60 } else { 0.81 }][rate], 0.8)
        }
        _ => planted(0.0)(arm, seed, rate),
    });
    lab.call(&["compare", "results/t"]).expect(0).says(&["0.1 (7 of 8, edge 1.0)"]);
}

#[test]
fn a_split_of_few_samples_is_warned_of_where_something_rests_on_it() {
    let lab = made_up(&["affine", "bn"], 8, tuned(), planted(0.05));
    lab.call(&["compare", "results/t"])
        .expect(0)
        .says(&["The validation split has 30 samples", "The test split has 30 samples"]);
    // Nothing is tuned at a value of --by, and a validation metric does not read the test split.
    let said =
        lab.call(&["compare", "results/t", "--by", "optimizer.lr", "--metric", "validation_loss"]).expect(0).stdout;
    assert!(!said.contains("split has"), "{said}");
}
