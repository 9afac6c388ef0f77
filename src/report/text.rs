//! A comparison as text: sentences and tables for a terminal or for Markdown.

use std::fmt::Write;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::compare::contrasts::{ArmEstimate, Contrast};
use crate::compare::verdict::{p_value, sentence};
use crate::compare::{Comparison, Loaded};
use crate::config::resolve::serde_name;
use crate::stats::describe::Estimate;

/// How tables are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For a Markdown file.
    Markdown,
}

/// How tables look on a terminal: a line under the header, none between rows.
pub const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The whole comparison: sentences, contrasts, arms, caveats.
pub fn comparison(loaded: &Loaded, comparison: &Comparison, confidence: f64, format: Format) -> String {
    let mut out = String::new();
    let heading = if format == Format::Markdown { "### " } else { "" };
    let metric = serde_name(&loaded.metric);
    let _ = writeln!(out, "{heading}{}: {metric} by arm\n", loaded.name);
    let bullet = if format == Format::Markdown { "- " } else { "" };
    for contrast in &comparison.contrasts {
        let at = at_point(loaded, &comparison.points[contrast.point]);
        let _ = writeln!(out, "{bullet}{at}{}", sentence(contrast, loaded, confidence));
    }
    let tables = [contrasts(loaded, comparison, format), arms(loaded, comparison, format)];
    tables.iter().for_each(|table| out += &format!("\n{table}\n"));
    for note in caveats(loaded, comparison, confidence) {
        let _ = write!(out, "\n{bullet}{note}");
    }
    out + "\n"
}

/// `optimizer.lr = 0.1: `, or nothing without a sweep.
fn at_point(loaded: &Loaded, point: &[String]) -> String {
    let named: Vec<_> = loaded.axes.iter().zip(point).map(|(axis, value)| format!("{axis} = {value}")).collect();
    if named.is_empty() { String::new() } else { named.join(", ") + ": " }
}

fn contrasts(loaded: &Loaded, comparison: &Comparison, format: Format) -> Table {
    let header = ["contrast", "pairs", "mean difference", "interval", "p"];
    let row = |c: &Contrast| {
        let (mean, interval) = cells(c.estimate.as_ref());
        let p = c.p.map_or_else(dash, p_value);
        [format!("{} − {}", c.a, c.b), c.n.to_string(), mean, interval, p]
    };
    let rows = comparison.contrasts.iter().map(|c| (c.point, row(c)));
    table(loaded, comparison, &header, rows, format, 1)
}

fn arms(loaded: &Loaded, comparison: &Comparison, format: Format) -> Table {
    let header = ["arm", "seeds", "diverged", "mean", "interval", "µs a step"];
    let row = |a: &ArmEstimate| {
        let (mean, interval) = cells(a.estimate.as_ref());
        let seeds = if a.n == a.planned { a.n.to_string() } else { format!("{} of {}", a.n, a.planned) };
        let time = a.us_per_step.map_or_else(dash, |us| format!("{us:.0}"));
        [a.variant.clone(), seeds, a.diverged.to_string(), mean, interval, time]
    };
    table(loaded, comparison, &header, comparison.arms.iter().map(|a| (a.point, row(a))), format, 1)
}

/// A table whose rows are led by their values on the axes; `words` columns after those are text.
fn table<const N: usize>(
    loaded: &Loaded,
    comparison: &Comparison,
    header: &[&str; N],
    rows: impl Iterator<Item = (usize, [String; N])>,
    format: Format,
    words: usize,
) -> Table {
    let mut table = Table::new();
    table.load_style(if format == Format::Markdown { ASCII_MARKDOWN } else { PLAIN });
    table.set_header(loaded.axes.iter().map(String::as_str).chain(header.iter().copied()));
    for (point, row) in rows {
        table.add_row(comparison.points[point].iter().cloned().chain(row));
    }
    for column in table.column_iter_mut().skip(loaded.axes.len() + words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cells(estimate: Option<&Estimate>) -> (String, String) {
    let Some(e) = estimate else { return (dash(), dash()) };
    let number = |x: f64| format!("{:.4}", (x * 1e4).round() / 1e4 + 0.0).replace('-', "−");
    let interval = e.interval.map_or_else(dash, |(low, high)| format!("{} to {}", number(low), number(high)));
    (number(e.mean), interval)
}

fn dash() -> String {
    "–".to_owned()
}

/// What must be known to read the numbers rightly.
fn caveats(loaded: &Loaded, comparison: &Comparison, confidence: f64) -> Vec<String> {
    let mut notes = Vec::new();
    let percent = confidence * 100.0;
    notes.push(format!(
        "p: sign-flip test of paired differences, not corrected for the number of contrasts; {percent:.0} % \
         intervals: that test inverted for differences (Student's t beyond 20 pairs), Student's t for the arms' means; \
         none for fewer than 6 seeds, or for the mean of an arm with diverged runs."
    ));
    if comparison.points.len() > 1 {
        notes.push("Each contrast compares the arms at the same sweep point; no arm is tuned.".to_owned());
    }
    if loaded.has_fixed_data {
        notes.push(
            "The data and its split are the same for every seed: intervals cover initialisation and order, \
             not the sampling of the data."
                .to_owned(),
        );
    }
    let unfinished: usize = comparison.arms.iter().map(|arm| arm.planned - arm.n).sum();
    if unfinished > 0 {
        notes.push(format!("{unfinished} planned runs have no result and are left out of every pair they belong to."));
    }
    if comparison.arms.iter().any(|arm| arm.diverged > 0) {
        let counted = if loaded.more_is_better() { "chance accuracy" } else { "the worst rank" };
        notes.push(format!("Diverged runs count as {counted}."));
    }
    notes
}
