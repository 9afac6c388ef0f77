//! Differences between arms with their intervals, and what the two switches do.

use super::figure::{Drawn, Figure, Looks, Panel, place};
use crate::compare::Comparison;
use crate::compare::contrasts::Finding;
use crate::compare::words::percent;

/// Each contrast in a row: difference, interval, each seed; `None` if no difference was found.
pub(super) fn differences(comparison: &Comparison, looks: &Looks, confidence: f64) -> Option<Figure> {
    let rows: Vec<Row> = comparison
        .contrasts
        .iter()
        .map(|c| Row { arm: &c.a, name: format!("{} − {}", c.a, c.b), found: &c.found })
        .collect();
    let panel = panel(comparison, looks, &rows);
    let caption = format!(
        "The large points are mean differences with their {} % intervals, where there are any, the small ones single seeds. A difference of 0, the \
         dashed line, is none at all.{}",
        percent(confidence),
        margin(comparison)
    );
    Figure::of("Differences between arms", caption, vec![panel])
}

/// The same of the switches, and the means of their four arms.
pub(super) fn switches(comparison: &Comparison, looks: &Looks, corners: Option<&[String; 4]>) -> Option<Figure> {
    let corners = corners.filter(|_| !comparison.effects.is_empty())?;
    let rows: Vec<Row> = comparison
        .effects
        .iter()
        .map(|effect| Row { arm: "", name: effect.effect.clone(), found: &effect.found })
        .collect();
    let [neither, only_first, only_second, both] = corners;
    let metric = words(comparison);
    let mut panels = Vec::new();
    for setting in settings(comparison) {
        let mean = |arm: &String| {
            comparison.arms.iter().find(|a| a.variant == *arm && a.setting == *setting).and_then(|a| a.mean)
        };
        let line = |what: &str, arms: [&String; 2]| {
            let points: Vec<[f64; 2]> =
                arms.iter().enumerate().filter_map(|(i, arm)| Some([i as f64, mean(arm)?])).collect();
            Drawn::marked("", what, &looks.get(arms[1]), &points)
        };
        let traces = vec![line("with eq. 1", [only_first, both]), line("without eq. 1", [neither, only_second])];
        let panel = Panel::new(place(&format!("{metric}, means"), setting), "", traces);
        panels.push(panel.columns("", &["without γ, β", "with γ, β"]).with_legend());
    }
    panels.push(panel(comparison, looks, &rows));
    let caption = "Two parallel lines: the switches add up. Lines that are not parallel: one switch does more, or less, where \
                   the other is on; the row “interaction” says how much and how surely.";
    Figure::of("What eq. 1 does, what γ and β do, and what both do together", caption, panels)
}

struct Row<'a> {
    arm: &'a str,
    name: String,
    found: &'a Finding,
}

fn panel(comparison: &Comparison, looks: &Looks, rows: &[Row]) -> Panel {
    let shown: Vec<&Row> = rows.iter().filter(|row| row.found.difference.is_some() && row.found.observed).collect();
    let names: Vec<String> = shown.iter().map(|row| place(&row.name, &row.found.setting)).collect();
    let mut traces = Vec::new();
    for (i, row) in shown.iter().enumerate() {
        let (look, y) = (looks.get(row.arm), -(i as f64));
        let single: Vec<_> = row.found.differences.iter().filter(|seed| seed.difference.is_finite()).collect();
        // Below the large point, so that neither hides the other.
        let dots: Vec<[f64; 2]> = single.iter().map(|seed| [seed.difference, y - 0.25]).collect();
        let seeds: Vec<u64> = single.iter().map(|seed| seed.seed).collect();
        traces.push(Drawn::dots(row.arm, &format!("{}, single seeds", names[i]), &look, &dots, &seeds));
        let point = [row.found.difference.unwrap_or(f64::NAN), y];
        traces.push(Drawn::with_interval(row.arm, &names[i], &look, point, row.found.interval, (point[0], point[0])));
    }
    let mut lines = vec![0.0];
    lines.extend(comparison.equivalence_margin.into_iter().flat_map(|margin| [-margin, margin]));
    let x = format!("difference in {}", words(comparison));
    Panel::new("", &x, traces).rows(&names).lines_at(&lines)
}

fn margin(comparison: &Comparison) -> String {
    let words = |margin| format!(" Between the two outer dashed lines, ±{margin}, a difference does not matter.");
    comparison.equivalence_margin.map_or_else(String::new, words)
}

pub(super) fn words(comparison: &Comparison) -> String {
    comparison.metric.name.replace('_', " ")
}

/// The settings at which arms are compared, each once.
pub(super) fn settings(comparison: &Comparison) -> Vec<&crate::compare::grid::Values> {
    let mut settings = Vec::new();
    for arm in &comparison.arms {
        if !settings.contains(&&arm.setting) {
            settings.push(&arm.setting);
        }
    }
    settings
}
