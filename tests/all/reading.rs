//! What people read: that it fits, is short, and says each thing once in plain words.

use std::path::Path;

use crate::common::{Lab, small, with};
use serde_json::{Value, json};
use textwrap::core::display_width;

/// Nine rates, evenly spaced in their logarithm.
fn log_spaced() -> Value {
    let rates: Vec<f64> = (-6..=2).map(|half_decades| 10f64.powf(f64::from(half_decades) / 2.0)).collect();
    let config =
        with(with(small(), "sweep", json!({ "optimizer.lr": rates })), "variants", json!(["none", "affine", "bn"]));
    with(with(config, "compare", json!({ "select": ["optimizer.lr"], "target_accuracy": 0.5 })), "seeds", json!(6))
}

fn published(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/published").join(name).display().to_string()
}

/// What `compare` prints on a terminal of so many columns.
#[track_caller]
fn read(lab: &Lab, args: &[&str], columns: usize) -> String {
    let mut command = lab.command();
    let output = command.arg("compare").args(args).env("COLUMNS", columns.to_string()).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Fails on lines that are too long. Only a path that is longer than the line may be.
#[track_caller]
fn assert_fits(text: &str, columns: usize) {
    for line in text.lines().filter(|line| !line.contains('/')) {
        assert!(display_width(line) <= columns, "{} of {columns}: {line}\n{text}", display_width(line));
    }
}

#[test]
fn everything_that_compare_prints_fits_the_terminal() {
    let lab = Lab::new();
    lab.run(&log_spaced(), &[]).expect(0);
    let wide = with(
        with(log_spaced(), "name", json!("u")),
        "sweep",
        json!({ "data.noise": [0.1, 0.3], "optimizer.lr": [1e-9, 0.1, 1e6] }),
    );
    lab.run(&wide, &[]).expect(0);
    for columns in [60, 80, 100] {
        for paths in [&["results/t"][..], &["results/u"], &["results/t", "results/u"]] {
            for how in [&[][..], &["--full"], &["--explain"], &["--full", "--explain", "--metric", "test_loss"]] {
                let text = read(&lab, &[paths, how].concat(), columns);
                assert_fits(&text, columns);
                for arm in [" none ", " affine ", " bn "] {
                    assert!(text.contains(arm), "{arm} is broken at {columns}:\n{text}");
                }
            }
        }
    }
    assert_fits(&read(&lab, &["results/t"], 80), 80);
}

#[test]
fn a_log_spaced_sweep_is_a_short_page_in_short_numbers() {
    let lab = Lab::new();
    lab.run(&log_spaced(), &[]).expect(0);
    let text = read(&lab, &["results/t"], 80);
    assert!(text.lines().count() < 50, "{text}");
    assert!(!text.contains("0.0316227"), "{text}");
    assert!(text.contains("test accuracy over optimizer.lr from 0.001 to 10.0"), "{text}");
    let two = with(
        with(log_spaced(), "name", json!("two")),
        "sweep",
        json!({ "optimizer.lr": [0.0031622776601683794, 0.1] }),
    );
    lab.run(&two, &[]).expect(0);
    let of_two = read(&lab, &["results/two"], 80);
    assert!(of_two.contains("from 0.00316 to 0.1;") && !of_two.contains("0.0031622"), "{of_two}");
    let bars = text.lines().rfind(|line| line.trim_start().starts_with("none "));
    assert_eq!(bars.expect("bars").split_whitespace().last().map(|bars| bars.chars().count()), Some(9), "{text}");
    for table in ["smallest p possible", "Time to a validation accuracy", "effect size"] {
        assert!(!text.contains(table), "{table} is for --full:\n{text}");
        assert!(read(&lab, &["results/t", "--full"], 1000).contains(table), "{table}");
    }
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.contains("--full") && last.contains("--explain"), "{last}");
}

#[test]
fn the_table_of_arms_has_what_a_reader_looks_for() {
    let text = read(&Lab::new(), &[&published("quickstart")], 200);
    let header = text.lines().find(|line| line.starts_with(" arm ")).expect("a table");
    for column in
        ["mean", "difference from affine (95 % interval)", "p", "verdict", "diverged", "best rate", "µs a step"]
    {
        assert!(header.contains(column), "{column}: {header}");
    }
    let row = text.lines().find(|line| line.starts_with(" affine ")).expect("a row");
    assert!(row.contains("baseline"), "{row}");
}

#[test]
fn an_arms_name_in_a_sentence_cannot_be_taken_for_a_word() {
    let lab = Lab::new();
    for name in ["quickstart", "ioffe-mnist"] {
        // The folder of the checkout may be called after an arm, as `bn-exp` is.
        let text = read(&lab, &[&published(name)], 1000).replace(&published(name), "results");
        for line in text.lines().filter(|line| line.ends_with('.')) {
            let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '`').collect();
            for arm in ["none", "affine", "bn"] {
                assert!(!words.contains(&arm), "{arm} stands bare: {line}");
            }
        }
        assert!(text.contains("`none` against `affine`"), "{text}");
    }
}

#[test]
fn a_warning_is_said_once_for_all_arms_and_settings() {
    let lab = Lab::new();
    let config = with(log_spaced(), "sweep", json!({ "data.noise": [0.1, 0.3], "optimizer.lr": [1e-3, 1e-2] }));
    lab.run(&config, &[]).expect(0);
    let text = read(&lab, &["results/t"], 1000);
    let warnings: Vec<&str> = text.lines().filter(|line| line.starts_with("- ")).collect();
    assert!(!warnings.is_empty(), "{text}");
    for (i, warning) in warnings.iter().enumerate() {
        let start = |text: &str| text.chars().take(25).collect::<String>();
        assert!(warnings[..i].iter().all(|other| start(other) != start(warning)), "twice:\n{text}");
    }
}

#[test]
fn nothing_is_said_in_words_that_stop_a_reader() {
    let lab = Lab::new();
    for name in ["quickstart", "ioffe-mnist"] {
        let text = read(&lab, &[&published(name), "--full", "--explain"], 1000);
        let tables: String = text.lines().filter(|line| line.starts_with(' ')).collect();
        for word in ["least", "share", "read at", "decades", "div."] {
            assert!(!tables.contains(word), "{word:?} in a table:\n{text}");
        }
        for words in ["larger of two, of", "tuned anew", "do not reject", "otherwise", "decades", "div.", "read at"] {
            assert!(!text.contains(words), "{words:?}:\n{text}");
        }
    }
}

#[test]
fn where_every_run_diverged_nothing_is_compared() {
    let lab = Lab::new();
    let config = with(with(small(), "optimizer.lr", json!(1e6)), "variants", json!(["none", "affine"]));
    lab.run(&config, &[]).expect(0);
    assert_eq!(lab.table("results/t/runs.csv").column("status"), ["diverged"; 4]);
    let text = read(&lab, &["results/t"], 1000);
    assert!(text.contains("`none` and `affine` cannot be compared") && text.contains("not compared"), "{text}");
    assert!(!text.contains("0.00 to 0.00"), "{text}");
}

#[test]
fn a_paper_is_told_what_was_done() {
    let lab = Lab::new();
    let text = read(&lab, &[&published("quickstart"), "--explain"], 1000);
    for words in [
        "Methods, for a paper",
        "Multi-layer perceptrons with 3 × 100 hidden units (ReLU; the norm before the activation; initial weights by He et al.)",
        "drawn glyphs (5000 train, 1000 validation, 2000 test samples; bytes divided by 255)",
        "600 steps on minibatches of 64 by SGD (constant learning rate)",
        "in the place of the norm: `none`, y = x, behind a bias; `affine`, y = γx + β (eq. 3); `bn`, y = γx̂ + β (eqs. 1 and 2). Here x̂ =",
        "ε = 0.00001",
        "8 seeds",
        "the other seeds chose the learning rate (0.03, 0.1, 0.3, 1.0 or 3.0)",
        "95 % intervals",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn what_only_informs_stands_below_the_warnings_and_in_the_same_list_for_programs() {
    let lab = Lab::new();
    let text = read(&lab, &[&published("quickstart")], 80);
    let (_, below) = text.split_once("\nWarnings\n").expect("warnings");
    let (warnings, notes) = below.split_once("\nNotes\n").expect("notes");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(warnings).contains("Validation does not show which of these values is best"), "{warnings}");
    for note in ["Nothing is wrong", "No diverged run is among those that are compared", "no better than guessing"] {
        assert!(words(notes).contains(note) && !words(warnings).contains(note), "{note}\n{text}");
    }
    let json = lab.call(&["compare", &published("quickstart"), "--format", "json"]).expect(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    let all = json["experiments"][0]["warnings"].as_array().expect("warnings");
    for kind in ["unsettled_choice", "mean_depends_on_statistics", "diverged", "guessing"] {
        assert!(all.iter().any(|warning| warning["kind"] == kind), "{kind}: {all:?}");
    }
}

#[test]
fn the_words_begin_with_what_a_verdict_is_worth() {
    let text = read(&Lab::new(), &[&published("quickstart"), "--explain"], 2000);
    let (_, words) = text.split_once("What the words and numbers mean\n").expect("the words");
    let first: Vec<&str> = words.lines().take(3).collect();
    let begins = ["- how sure a verdict is: ", "- on what it rests: 8 seeds. ", "- what it does not show: "];
    assert!(first.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{first:?}");
    assert!(first[1].contains("2 tests were made"), "{first:?}");
}

#[test]
fn the_seeds_that_a_verdict_would_take_have_a_range() {
    let lab = Lab::new();
    let path = published("quickstart");
    let text = read(&lab, &[&path], 2000);
    let said = "about 34 seeds would show it nine times in ten; if it is −0.020, about 9; if it is 0, no number does. The \
                interval allows all three.";
    assert!(text.contains(said), "{text}");
    let json = lab.call(&["compare", &path, "--format", "json"]).expect(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    let contrasts = json["experiments"][0]["contrasts"].as_array().expect("contrasts");
    let none = contrasts.iter().find(|contrast| contrast["a"] == "none").expect("the contrast");
    assert_eq!(none["seeds_to_tell_at_ends"], json!([9, null]), "{none:#}");
}

#[test]
fn the_caption_for_latex_says_what_each_arm_is() {
    let text = Lab::new().call(&["compare", &published("quickstart"), "--format", "latex"]).expect(0).stdout;
    let caption = text.lines().find(|line| line.starts_with(r"\caption")).expect("a caption");
    for arm in [r"\texttt{affine}, y = $\gamma$x + $\beta$ (eq. 3)", r"\texttt{bn}, y = $\gamma$$\hat{x}$ + $\beta$"] {
        assert!(caption.contains(arm) && caption.is_ascii(), "{caption}");
    }
}

#[test]
fn where_times_are_compared_target_and_budget_are_said() {
    let lab = Lab::new();
    let config = with(log_spaced(), "sweep", json!({ "optimizer.lr": [0.1, 0.3], "train.batch_size": [8, 16] }));
    lab.run(&with(config, "seeds", json!(2)), &["--quiet"]).expect(0);
    let steps = lab.table("results/t/runs.csv").rows[0]["steps"].clone();
    for metric in ["steps_to_target", "seconds_to_target"] {
        let text = read(&lab, &["results/t", "--metric", metric], 2000);
        for words in ["The target is a validation accuracy of 0.5.", &format!("{steps} steps"), "train.batch_size = 16"]
        {
            let line = text.lines().find(|line| line.contains("The target is")).unwrap_or_else(|| panic!("{text}"));
            assert!(line.contains(words), "{words}: {line}");
        }
    }
    assert!(!read(&lab, &["results/t"], 2000).contains("The target is"));
    let full = read(&lab, &["results/t", "--full"], 2000);
    assert!(full.contains(" budget ") && full.contains(&format!("{steps} steps")), "{full}");
}
