//! `bn-exp report`: the page as a file. `scripts/check_report.py` opens it in a browser.

use std::io::Read;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::common::{Lab, small, with};

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
    lab.call(&["report", "results/none"]).expect(1).complains(&["results/none"]);
    lab.call(&["report"]).expect(2);
    std::fs::write(lab.path("results/t/claims.json"), "{}").expect("written");
    lab.call(&["report", "results/t"]).expect(1).complains(&["claims.json", "no verdicts"]);
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
