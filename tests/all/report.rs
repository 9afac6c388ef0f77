//! `bn-exp report`: the page as a file. `scripts/check_report.py` opens it in a browser.

use std::io::Read;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::common::{Lab, REPRODUCIBLE, small, with};

fn page(lab: &Lab, path: &str) -> String {
    std::fs::read_to_string(lab.path(path)).expect("a report")
}

/// What is packed in the element of this name.
fn unpacked(page: &str, id: &str) -> String {
    let start = page.find(&format!("id=\"{id}\">")).expect("the element") + id.len() + 6;
    let packed = &page[start..start + page[start..].find('<').expect("its end")];
    let bytes = BASE64_STANDARD.decode(packed).expect("base64");
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
    text
}

#[test]
fn an_arm_has_one_colour_in_the_report_and_in_the_figures_for_papers() {
    let colours = |file: &str, first: &str, last: &str| -> Vec<String> {
        let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).expect("a source file");
        let start = text.find(first).expect("the first colour");
        let end = start + text[start..].find(last).expect("the last colour") + last.len();
        text[start..end]
            .split(|c: char| c != '#' && !c.is_ascii_hexdigit())
            .filter(|word| word.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    let [report, paper] =
        ["src/report/html/figure.rs", "scripts/plot.py"].map(|file| colours(file, "#7F7F7F", "#6D8B74"));
    assert!(report.len() == 16 && report == paper, "{report:?} {paper:?}");
}

/// The traces of an arm in the figure of this title: what each is, and its points.
fn traces(data: &Value, title: &str, arm: &str) -> Vec<(String, Vec<(f64, f64)>)> {
    let figures = data["figures"].as_array().expect("figures");
    let figure = figures.iter().find(|figure| figure["title"] == title).unwrap_or_else(|| panic!("no figure {title}"));
    let panels = figure["panels"].as_array().expect("panels").iter();
    let all = panels.flat_map(|panel| panel["traces"].as_array().expect("traces"));
    let numbers = |list: &Value| -> Vec<f64> {
        list.as_array().expect("a list").iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let named = all.filter(|trace| trace["legendgroup"] == arm);
    named
        .map(|trace| {
            let points = numbers(&trace["x"]).into_iter().zip(numbers(&trace["y"])).collect();
            (trace["name"].as_str().expect("a name").to_owned(), points)
        })
        .collect()
}

#[test]
fn the_page_holds_what_compare_says_and_the_tables_have_and_asks_for_nothing() {
    let lab = Lab::new();
    let config = with(with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.2] })), "seeds", json!(3));
    let config = with(config, "log", json!({ "evaluate_every": 2 }));
    let config = with(config, "compare", json!({ "metric": "test_accuracy", "select": ["optimizer.lr"] }));
    lab.run(&with(config, "variants", json!(["affine", "bn"])), &["--quiet"]).expect(0);
    let said = lab.call(&["report", "results/t"]).expect(0);
    assert!(said.stdout.contains("results/t/report.html"), "{}", said.stdout);
    let page = page(&lab, "results/t/report.html");
    for word in ["src=", "http:", "https:", "@import", "url("] {
        assert!(!page.contains(word), "the page asks for something: {word}");
    }
    let compared: Value =
        serde_json::from_str(&lab.call(&["compare", "results/t", "--format", "json"]).expect(0).stdout).expect("json");
    let contrast = &compared["experiments"][0]["contrasts"][0];
    let data: Value = serde_json::from_str(&unpacked(&page, "data")).expect("json");
    let shown = traces(&data, "Differences between arms", "bn");
    let (_, mean) = shown.iter().find(|(name, _)| name == "bn − affine").expect("the contrast");
    let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * a.abs().max(b.abs());
    assert!(is_near(mean[0].0, contrast["difference"].as_f64().expect("a difference")), "{mean:?}");
    let (_, seeds) = shown.iter().find(|(name, _)| name.contains("single seeds")).expect("seeds");
    assert_eq!(seeds.len(), 3);
    // Medians over seeds at the best rate, from curves.csv by hand.
    let best = compared["experiments"][0]["arms"][1]["selected"]["optimizer.lr"].as_f64().expect("a rate");
    let curves = std::fs::read_to_string(lab.path("results/t/curves.csv")).expect("curves");
    let mut losses: Vec<f64> = Vec::new();
    for cells in curves.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
        let is_it = cells[1] == "bn" && cells[3].parse() == Ok(best) && cells[4] == "2";
        if is_it && cells[6] == "validation" && cells[7] == "running_stats" {
            losses.push(cells[8].parse().expect("a loss"));
        }
    }
    losses.sort_by(f64::total_cmp);
    assert_eq!(losses.len(), 3);
    let training = traces(&data, "Training", "bn");
    let at_2 = |(name, points): &(String, Vec<(f64, f64)>)| {
        let found = points.iter().find(|(step, _)| *step == 2.0).map(|(_, y)| *y);
        (name.clone(), found.unwrap_or(f64::NAN))
    };
    for (name, expected) in [("smallest", losses[0]), ("median", losses[1]), ("largest", losses[2])] {
        let found: Vec<f64> = training.iter().map(at_2).filter(|(what, _)| what == name).map(|(_, y)| y).collect();
        assert!(found.iter().any(|y| is_near(*y, expected)), "{name}: {found:?}, {expected}");
    }
}

#[test]
fn names_are_text_and_faults_are_said() {
    let lab = Lab::new();
    let config = with(with(small(), "seeds", json!(1)), "description", json!("</script><script>alert(1)</script>"));
    lab.run(&config, &["--quiet"]).expect(0);
    lab.call(&["report", "results/t", "results/t", "--output", "one.html"]).expect(0).complains(&["given twice"]);
    let page = page(&lab, "one.html");
    assert!(page.contains("alert(1)") && !page.contains("<script>alert"), "what a file says became markup");
    assert_eq!(page.matches("<section").count(), 1);
    lab.call(&["report", "results/none"]).expect(2).complains(&["results/none"]);
    lab.call(&["report", "results/t", "--output", "no/one.html"]).expect(1).complains(&["there is no folder no"]);
    std::fs::write(lab.path("results/t/claims.json"), "{}").expect("written");
    lab.call(&["report", "results/t"]).expect(1).complains(&["claims.json", "does not hold verdicts"]);
    // A page of this program is made anew, one of somebody else is not written over.
    lab.call(&["report", "results/t", "results/t", "--output", "one.html"]).expect(1);
    std::fs::remove_file(lab.path("results/t/claims.json")).expect("removed");
    lab.call(&["report", "results/t", "--output", "one.html"]).expect(0);
    lab.write("mine.html", "<!DOCTYPE html>\n<p>mine");
    lab.call(&["report", "results/t", "--output", "mine.html"])
        .expect(1)
        .complains(&["mine.html", "not what bn-exp writes"]);
    assert_eq!(lab.text("mine.html"), "<!DOCTYPE html>\n<p>mine");
}

#[test]
fn arms_that_were_run_apart_are_shown_together() {
    let lab = Lab::new();
    for (name, arm) in [("t", "affine"), ("u", "bn")] {
        let config = with(with(small(), "name", json!(name)), "variants", json!([arm]));
        lab.run(&with(config, "log", json!({ "evaluate_every": 2 })), &["--quiet"]).expect(0);
    }
    lab.call(&["report", "results/t", "results/u", "--output", "both.html"]).expect(0);
    let page = page(&lab, "both.html");
    assert_eq!(page.matches("<section").count(), 1);
    let data: Value = serde_json::from_str(&unpacked(&page, "data")).expect("json");
    assert!(!traces(&data, "Differences between arms", "bn").is_empty());
    for arm in ["affine", "bn"] {
        assert!(!traces(&data, "Training", arm).is_empty(), "{arm} has no curve");
    }
}

/// Every panel of the figure of this title.
fn panels(data: &Value, title: &str) -> Vec<Value> {
    let figures = data["figures"].as_array().expect("figures").iter().filter(|figure| figure["title"] == title);
    figures.flat_map(|figure| figure["panels"].as_array().expect("panels").clone()).collect()
}

fn data(lab: &Lab, path: &str) -> Value {
    serde_json::from_str(&unpacked(&page(lab, path), "data")).expect("json")
}

#[test]
fn the_verdicts_are_those_that_compare_gives_for_the_same_experiments() {
    let lab = Lab::new();
    for (name, steps) in [("t", 12), ("u", 13)] {
        let config = with(with(small(), "name", json!(name)), "train.steps", json!(steps));
        let config = with(with(config, "seeds", json!(6)), "variants", json!(["affine", "bn"]));
        lab.run(&with(config, "log", json!({})), &["--quiet"]).expect(0);
    }
    // Six seeds can decide one test, 2/2^6 < 0.05, and not two.
    let few = |args: &[&str]| {
        lab.call(&[&["report"], args, &["--output", "r.html"]].concat()).expect(0);
        page(&lab, "r.html").matches("too few seeds for a verdict").count()
    };
    assert_eq!((few(&["results/t"]), few(&["results/u"])), (0, 0));
    assert_eq!(few(&["results/t", "results/u"]), 2);
}

#[test]
fn seconds_are_those_of_the_arm_at_the_setting_that_is_shown() {
    let lab = Lab::new();
    let config =
        with(with(small(), "sweep", json!({ "train.batch_size": [5, 30] })), "variants", json!(["affine", "bn"]));
    lab.run(&with(config, "log", json!({ "evaluate_every": 2 })), &["--quiet"]).expect(0);
    lab.call(&["report", "results/t"]).expect(0);
    // Twelve steps are too short to be timed.
    let short = panels(&data(&lab, "results/t/report.html"), "Training, train.batch_size = 5");
    assert!(short.iter().all(|panel| panel["us_per_step"].is_null()), "{short:?}");
    // Each run has a time of its own, of a tenth of a second a step and more.
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    let text = lab.text("results/t/timing.csv");
    let header: Vec<&str> = text.lines().next().expect("a header").split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).expect("a column");
    let slower = text.lines().enumerate().map(|(i, line)| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        if i > 0 {
            let (us, steps) = ((100_000 + 1000 * i * i) as f64, cells[place("steps")].parse::<f64>());
            cells[place("us_per_step")] = us.to_string();
            cells[place("train_seconds")] = (us * steps.expect("a number") / 1e6).to_string();
        }
        cells.join(",") + "\n"
    });
    lab.write("results/t/timing.csv", slower.collect::<String>());
    lab.call(&["report", "results/t"]).expect(0);
    let timing = lab.table("results/t/timing.csv");
    let data = data(&lab, "results/t/report.html");
    for batch in ["5", "30"] {
        let all = panels(&data, &format!("Training, train.batch_size = {batch}"));
        assert!(!all.is_empty(), "no curves at {batch}");
        for arm in ["affine", "bn"] {
            let runs = timing.only(&[("variant", arm), ("train.batch_size", batch)]);
            let times: Vec<f64> = runs.iter().map(|row| row["us_per_step"].parse().expect("a time")).collect();
            let expected = f64::midpoint(times[0], times[1]);
            for panel in &all {
                let found = panel["us_per_step"][arm].as_f64().expect("a time");
                assert!((found - expected).abs() <= 1e-9 * expected, "{arm} at {batch}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn an_arm_whose_rate_is_not_chosen_yet_has_no_curve() {
    let lab = Lab::new();
    let config = |rates: Value| {
        let config =
            with(with(small(), "sweep", json!({ "optimizer.lr": rates })), "variants", json!(["affine", "bn"]));
        let config = with(config, "compare", json!({ "metric": "test_accuracy", "select": ["optimizer.lr"] }));
        with(config, "log", json!({ "evaluate_every": 2 }))
    };
    // Every run at one rate, and none at the other.
    lab.run(&config(json!([0.1])), &["--quiet"]).expect(0);
    lab.run(&config(json!([0.1, 0.2])), &["--quiet", "--shard", "1/8"]).expect(0);
    let said = lab.call(&["compare", "results/t", "--format", "json"]).expect(0).stdout;
    let compared: Value = serde_json::from_str(&said).expect("json");
    lab.call(&["report", "results/t"]).expect(0);
    let all = panels(&data(&lab, "results/t/report.html"), "Training");
    let mut unchosen = 0;
    for arm in compared["experiments"][0]["arms"].as_array().expect("arms") {
        let name = arm["variant"].as_str().expect("a name");
        let is_drawn =
            all.iter().flat_map(|panel| panel["traces"].as_array().expect("traces")).any(|t| t["legendgroup"] == name);
        assert_eq!(is_drawn, !arm["selected"].is_null(), "{name}");
        unchosen += usize::from(arm["selected"].is_null());
    }
    assert!(unchosen > 0, "every arm has a rate: nothing was tested");
}

#[test]
fn what_is_not_drawn_is_named_with_the_key_that_it_wants() {
    let said = |log: Value| {
        let lab = Lab::new();
        lab.run(&with(small(), "log", log), &["--quiet"]).expect(0);
        lab.call(&["report", "results/t"]).expect(0);
        let page = page(&lab, "results/t/report.html");
        let from = page.find("<p>Not drawn: ").expect("what is not drawn");
        page[from..from + page[from..].find("</p>").expect("its end")].to_owned()
    };
    let few = said(json!({ "gradients_every": 0 }));
    for words in [
        "Time to the target (<code>compare.target_accuracy</code> is not set)",
        "Gradients by depth (<code>log.gradients_every</code> is 0)",
        "Loss landscape (<code>log.landscape_every</code> is 0)",
    ] {
        assert!(few.contains(words), "{words}: {few}");
    }
    assert!(!few.contains("Activations by depth"), "{few}");
    let all = said(json!({ "gradients_every": 2, "landscape_every": 2, "activations_every": 2 }));
    assert!(all.contains("Time to the target") && !all.contains("landscape") && !all.contains("Gradients"), "{all}");
}

#[test]
fn what_ends_at_once_leaves_no_empty_panel_and_is_named() {
    let lab = Lab::new();
    let wild = json!({ "name": "wild", "base": "affine", "gamma": 1e6 });
    let config = with(with(small(), "variants", json!([wild, "bn"])), "optimizer", json!({ "kind": "sgd", "lr": 0.1 }));
    let log = json!({ "activations_every": 2, "gradients_every": 2, "landscape_every": 2, "evaluate_every": 2 });
    lab.run(&with(config, "log", log), &["--quiet"]).expect(0);
    lab.call(&["report", "results/t"]).expect(0);
    let page = page(&lab, "results/t/report.html");
    assert!(page.contains("Arms whose runs ended before the third look have no panel: wild."));
    let data = data(&lab, "results/t/report.html");
    let percentiles = panels(&data, "Percentiles behind the norm").len();
    assert!(
        percentiles > 0 && page.matches("style=\"--abreast:1\"").count() == 1,
        "a place is left for what is not there"
    );
    let of_one_point = panels(&data, "Loss landscape").into_iter().flat_map(|panel| {
        let traces = panel["traces"].as_array().expect("traces").clone();
        traces.into_iter().filter(|trace| trace["x"].as_array().expect("points").len() < 2)
    });
    let arms: Vec<Value> = of_one_point.map(|trace| trace["legendgroup"].clone()).collect();
    assert!(arms.is_empty(), "a line of one point is not seen: {arms:?}");
}

#[test]
fn a_difference_without_interval_is_drawn_as_a_point() {
    let lab = Lab::new();
    let config = with(with(small(), "seeds", json!(1)), "variants", json!(["affine", "bn"]));
    lab.run(&config, &["--quiet"]).expect(0);
    lab.call(&["report", "results/t"]).expect(0);
    let all = panels(&data(&lab, "results/t/report.html"), "Differences between arms");
    let traces: Vec<&Value> = all.iter().flat_map(|panel| panel["traces"].as_array().expect("traces")).collect();
    let large = traces.iter().find(|trace| trace["name"] == "bn − affine").expect("the contrast");
    assert!(large["error_x"].is_null(), "one seed has no interval: {large}");
}

#[test]
fn rates_that_were_tried_are_drawn_beside_the_claims() {
    let lab = Lab::new();
    lab.call(&["claims", "co-adaptation", "--data", "glyphs", "--out", "out"]).expect(0);
    // What is not drawn is said: a claim without an estimate, and rates that nobody has tried.
    let page = || {
        lab.call(&["report", "out/glyphs"]).expect(0);
        lab.text("out/glyphs/report.html")
    };
    // The folder of the claims goes by the verdicts in it, too, and one of several by name.
    lab.call(&["report", "out/glyphs/claims.json", "--output", "by-file.html"]).expect(0);
    lab.call(&["report", "out"]).expect(1).complains(&["out holds claims on glyphs; name one, such as out/glyphs"]);
    let (first, tuning) = (page(), "bn-exp claims --tune");
    assert_eq!(lab.text("by-file.html"), first);
    assert!(first.contains("<code>co-adaptation</code> (not tested)") && first.contains(tuning));
    let config = with(with(small(), "name", json!("bn")), "variants", json!(["bn"]));
    let config = with(with(config, "sweep", json!({ "optimizer.lr": [0.3, 0.1] })), "seeds", json!(3));
    lab.run(&config, &["--quiet", "--out", "out/tuning/glyphs/shallow"]).expect(0);
    assert!(!page().contains(tuning), "it has run");
    let runs = lab.table("out/tuning/glyphs/shallow/bn/runs.csv");
    let expected = ["0.1", "0.3"].map(|rate| {
        let mut all: Vec<f64> = runs
            .only(&[("optimizer.lr", rate)])
            .iter()
            .map(|row| row["validation_accuracy"].parse().expect("an accuracy"))
            .collect();
        all.sort_by(f64::total_cmp);
        all
    });
    let data = data(&lab, "out/glyphs/report.html");
    let shown = traces(&data, "At which learning rates each arm learns", "bn");
    for (i, name) in ["smallest", "median", "largest"].into_iter().enumerate() {
        let (_, points) = shown.iter().find(|(what, _)| what == name).expect("a line");
        for ((rate, found), (at, all)) in points.iter().zip([0.1, 0.3].iter().zip(&expected)) {
            assert!(rate == at && (found - all[i]).abs() < 1e-5, "{name} at {at}: {found}, {all:?}");
        }
        assert_eq!(points.len(), 2);
    }
}

/// Published verdicts are drawn without their runs.
#[test]
fn what_decides_a_claim_stands_beside_its_thresholds() {
    let lab = Lab::new();
    let text = std::fs::read_to_string("results/published/claims-1/claims.json").expect("published");
    lab.write("c/claims.json", &text);
    lab.call(&["report", "c"]).expect(0);
    let data = data(&lab, "c/report.html");
    let verdicts: Value = serde_json::from_str(&text).expect("json");
    let claims = verdicts["claims"].as_array().expect("claims");
    let mut seen = 0;
    for claim in claims {
        let parts = claim["parts"].as_array().expect("parts");
        let decides = |part: &&Value| part["decides"] == true && part["estimate"].is_number();
        let deciding: Vec<&Value> = parts.iter().filter(decides).collect();
        if deciding.is_empty() {
            continue;
        }
        let title =
            format!("{}: {}", claim["id"].as_str().expect("a name"), claim["sentence"].as_str().expect("words"));
        let shown = panels(&data, &title);
        let xs: Vec<f64> = shown
            .iter()
            .flat_map(|panel| panel["traces"].as_array().expect("traces"))
            .filter_map(|trace| trace["x"][0].as_f64())
            .collect();
        for part in deciding {
            let x = part["estimate"].as_f64().expect("a number");
            let is_it = |found: &&f64| (**found - x).abs() <= 1e-4 * x.abs();
            assert_eq!(xs.iter().find(is_it).map(|_| x), Some(x), "{title}: {xs:?}");
            seen += 1;
        }
        let has_lines = |panel: &Value| panel["layout"]["shapes"].as_array().is_some_and(|lines| !lines.is_empty());
        assert!(!shown.is_empty() && shown.iter().all(has_lines), "{title}: {shown:?}");
    }
    assert!(seen > 20, "{seen}");
}

/// Two rows of one step that differ in a column which `KEYS` lacks would be taken for one row twice.
#[test]
fn rows_of_every_table_are_told_apart_by_what_they_are_of() {
    let lab = Lab::new();
    lab.run(&with(small(), "model.hidden", json!([4, 4])), &["--quiet"]).expect(0);
    for table in REPRODUCIBLE.iter().filter(|table| **table != "runs.csv") {
        assert!(
            !lab.table(format!("results/t/{table}")).column("step").is_empty(),
            "{table} is empty: `small` fills every table"
        );
    }
    lab.call(&["report", "results/t"]).expect(0);
    lab.call(&["export", "results/t", "--format", "tensorboard", "--out", "boards"]).expect(0);
}

#[test]
fn a_table_that_holds_what_no_run_can_write_is_named() {
    let lab = Lab::new();
    lab.run(&with(small(), "log", json!({ "evaluate_every": 2 })), &["--quiet"]).expect(0);
    // With the runs at hand the tables would be made anew.
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    let whole = lab.text("results/t/curves.csv");
    let lines: Vec<&str> = whole.lines().collect();
    let at = lines.iter().position(|line| line.contains(",validation,")).expect("a row");
    let twice = [&lines[..=at], &lines[at..]].concat().join("\n") + "\n";
    lab.write("results/t/curves.csv", twice);
    lab.call(&["report", "results/t"]).expect(1).complains(&["curves.csv", "row twice"]);
    let (before, _) = lines[at].rsplit_once(',').expect("cells");
    let wrong = whole.replacen(lines[at], &format!("{before},1.5"), 1);
    lab.write("results/t/curves.csv", wrong);
    lab.call(&["report", "results/t"]).expect(1).complains(&["curves.csv", "from 0 to 1"]);
    let half = whole.replacen(",2,", ",2.5,", 1);
    assert_ne!(half, whole);
    lab.write("results/t/curves.csv", half);
    lab.call(&["report", "results/t"]).expect(1).complains(&["curves.csv", "a step is a whole number"]);
    let below = whole.replacen(lines[at], &format!("{},-0.5,0.5", before.rsplit_once(',').expect("cells").0), 1);
    lab.write("results/t/curves.csv", below);
    lab.call(&["report", "results/t"]).expect(1).complains(&["curves.csv", "column loss", "a loss is at least 0"]);
    lab.write("results/t/curves.csv", &whole);
    for (table, column, value, words) in [
        ("gradients.csv", "norm", "-1", "it is -1, and norm is at least 0"),
        ("gradients.csv", "update_ratio", "-0.5", "it is -0.5, and update_ratio is at least 0"),
        ("activations.csv", "std", "-1", "it is -1, and std is at least 0"),
        ("activations.csv", "p85", "1e9", "column max: it is"),
        ("activations.csv", "min", "1e9", "column p15: it is"),
        ("activations.csv", "mean", "1e9", "column mean: it is 1000000000, and the values are from"),
        ("activations.csv", "std", "1e9", "column std: it is 1000000000, and the values are from"),
        ("activations.csv", "zero_fraction", "1.5", "it is 1.5, and zero_fraction is from 0 to 1"),
        ("activations.csv", "mean_cosine", "-2", "it is -2, and mean_cosine is from -1 to 1"),
    ] {
        let path = format!("results/t/{table}");
        let kept = lab.text(&path);
        let mut lines: Vec<String> = kept.lines().map(str::to_owned).collect();
        let place = lines[0].split(',').position(|name| name == column).expect("a column");
        let row =
            lines.iter().position(|line| table == "gradients.csv" && line.contains("weight") || line.contains(",all,"));
        let row = row.expect("a row");
        let mut cells: Vec<&str> = lines[row].split(',').collect();
        cells[place] = value;
        lines[row] = cells.join(",");
        lab.write(&path, lines.join("\n") + "\n");
        let at = format!("{table}, row {}", row + 1);
        lab.call(&["report", "results/t"]).expect(1).complains(&[&at, words]);
        lab.write(&path, kept);
    }
    // Cells that contradict the plan.
    let cells: Vec<&str> = lines[at].splitn(4, ',').collect();
    let [id, arm, seed, rest] = cells[..] else { panic!("{cells:?}") };
    let other = if arm == "bn" { "affine" } else { "bn" };
    for (i, (row, words)) in [
        (format!("{id},{other},{seed},{rest}"), format!("column variant: {other:?}, but experiment.json has {arm:?}")),
        (format!("{id},{arm},77,{rest}"), format!("column seed: \"77\", but experiment.json has {seed:?}")),
        (format!("{id}0,{arm},{seed},{rest}"), format!("column run_id: \"{id}0\" is not a run of experiment.json")),
    ]
    .into_iter()
    .enumerate()
    {
        lab.write("results/t/curves.csv", whole.replacen(lines[at], &row, 1));
        let row = format!("curves.csv, row {}, ", at + 1);
        lab.call(&["report", "results/t"]).expect(1).complains(&[&row, &words]);
        // What an export that failed has left is not written over.
        let boards = format!("boards-{i}");
        lab.call(&["export", "results/t", "--out", &boards]).expect(1).complains(&[&words]);
    }
}

#[test]
fn each_claim_in_the_table_leads_to_its_figure() {
    let lab = Lab::new();
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/results/published/claims-1");
    lab.call(&["report", published, "--output", "claims.html"]).expect(0);
    let page = page(&lab, "claims.html");
    for claim in ["faster-learning", "cheaper-steps", "price"] {
        let (before, _) =
            page.split_once(&format!("\">{claim}</a></td>")).unwrap_or_else(|| panic!("{claim} is no link"));
        let (_, place) = before.rsplit_once("href=\"#").expect("a place");
        let (_, figure) = page.split_once(&format!("<figure id=\"{place}\"")).expect("the figure");
        let (figure, _) = figure.split_once("</figure>").expect("its end");
        assert!(figure.contains(&format!("<h3>{claim}: ")), "{place} is not of {claim}");
    }
    assert!(page.contains(
        "inconclusive with affine at 0.18, bn at 0.18, which the tuning seeds cannot tell from them. What decides: "
    ));
}
