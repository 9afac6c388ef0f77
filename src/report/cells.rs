//! The cells of the tables of a comparison.

use crate::compare::Comparison;
use crate::compare::arms::{ArmEstimate, Chosen, TimeToTarget};
use crate::compare::contrasts::Finding;
use crate::compare::curve::{CurvePoint, Good};
use crate::compare::grid::Values;
use crate::compare::null::Null;
use crate::compare::words::{number, p_value, percent, signed, value};
use crate::config::file::Kind;

/// Columns of a table of contrasts after the first, which names what is tested.
pub const FOUND: [&str; 9] =
    ["seeds", "difference", "interval", "p", "least", "corrected", "better in", "effect size", "verdict"];

/// Columns of the table of arms.
pub const ARM: [&str; 8] = ["arm", "seeds", "diverged", "share", "mean", "interval", "read at", "µs a step"];

/// Columns of the table of times to the target.
pub const TIME: [&str; 6] = ["arm", "reached", "steps", "median", "seconds", "tuned to"];

/// The cells of a contrast or an effect.
pub fn found(name: &str, found: &Finding, kind: Kind) -> Vec<String> {
    let by_ranks = || if found.by_ranks { "by ranks".to_owned() } else { dash() };
    let two_places = |x: f64| format!("{x:.2}").replace('-', "−");
    vec![
        name.to_owned(),
        of_planned(found.n, found.planned),
        found.difference.map_or_else(by_ranks, |d| signed(d, kind)),
        interval(found.interval, kind),
        found.p.map_or_else(dash, p_value),
        found.p_minimum.map_or_else(dash, p_value),
        found.p_holm.map_or_else(dash, p_value),
        found.superiority.map_or_else(dash, |share| format!("{:.0} %", share * 100.0)),
        found.effect_size.map_or_else(dash, two_places),
        if found.p.is_some() { found.verdict.name().to_owned() } else { dash() },
    ]
}

/// The cells of false alarms.
pub fn null(name: &str, null: &Null) -> Vec<String> {
    let share = |count: usize| percent((count as f64 / null.exchanges as f64 * 1e3).round() / 1e3) + " %";
    let shares = [null.rejected, null.interval_without_0, null.better_or_worse, null.equivalent].map(share);
    [name.to_owned(), null.exchanges.to_string()].into_iter().chain(shares).collect()
}

/// The cells of an arm.
pub fn arm(comparison: &Comparison, arm: &ArmEstimate) -> Vec<String> {
    let kind = comparison.metric.kind;
    let share = |(low, high): (f64, f64)| format!("{:.0} to {:.0} %", low * 100.0, high * 100.0);
    let one = |Chosen { values, seeds, .. }: &Chosen| {
        let name = crossed(values);
        if arm.chosen.len() > 1 { format!("{name} ({seeds})") } else { name }
    };
    let mut read_at = arm.chosen.iter().map(one).collect::<Vec<_>>().join(", ");
    if arm.edge {
        read_at += ", edge";
    }
    vec![
        arm.variant.clone(),
        of_planned(arm.n, arm.planned),
        arm.diverged.to_string(),
        arm.diverged_interval.map_or_else(dash, share),
        arm.mean.map_or_else(dash, |mean| number(mean, kind)),
        interval(arm.interval, kind),
        if comparison.tuned.is_empty() || arm.n == 0 { dash() } else { read_at },
        arm.us_per_step.map_or_else(dash, |us| if us < 10.0 { format!("{us:.1}") } else { format!("{us:.0}") }),
    ]
}

/// The cells of a time to the target.
pub fn time(time: &TimeToTarget) -> Vec<String> {
    let edge = if time.edge { ", edge" } else { "" };
    vec![
        time.variant.clone(),
        format!("{} of {}", time.reached, time.n),
        time.steps.map_or_else(dash, |steps| number(steps, Kind::Steps)),
        time.median_steps.map_or_else(dash, |steps| number(steps, Kind::Steps)),
        time.seconds.map_or_else(dash, |seconds| number(seconds, Kind::Seconds)),
        time.selected.as_ref().map_or_else(dash, |values| crossed(values) + edge),
    ]
}

/// The cell of an arm at one candidate.
pub fn point(point: &CurvePoint, kind: Kind) -> String {
    let mean = point.mean.map(|mean| number(mean, kind));
    match (mean, point.diverged) {
        (Some(mean), 0) => mean,
        (Some(mean), diverged) => format!("{mean} ({diverged} div.)"),
        (None, 0) => dash(),
        (None, diverged) => format!("{diverged} of {} div.", point.n),
    }
}

/// One character of a sparkline, from the smallest mean in the table to the largest; × where a loss diverged.
pub fn bar(point: &CurvePoint, low: f64, high: f64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match point.mean {
        Some(mean) if high > low => BARS[((mean - low) / (high - low) * 7.0).round() as usize],
        Some(_) => BARS[3],
        None if point.diverged > 0 => '×',
        None => ' ',
    }
}

/// The cells of a range of good values: its ends, its width.
pub fn good(good: Option<Good>) -> [String; 2] {
    let Some(Good { low, high, decades, reaches_the_edge }) = good else { return [dash(), dash()] };
    let at_least = if reaches_the_edge { "≥ " } else { "" };
    let range = if low == high { low.to_string() } else { format!("{low} to {high}") };
    [range, decades.map_or_else(dash, |decades| format!("{at_least}{decades:.1}"))]
}

/// The values of a candidate, crossed.
fn crossed(values: &Values) -> String {
    values.values().map(value).collect::<Vec<_>>().join(" × ")
}

fn of_planned(n: usize, planned: usize) -> String {
    if n == planned { n.to_string() } else { format!("{n} of {planned}") }
}

fn interval(interval: Option<(f64, f64)>, kind: Kind) -> String {
    interval.map_or_else(dash, |(low, high)| format!("{} to {}", number(low, kind), number(high, kind)))
}

fn dash() -> String {
    "–".to_owned()
}
