//! The cells of the tables of a comparison.

use super::layout::glued;
use crate::compare::Comparison;
use crate::compare::arms::{ArmEstimate, Chosen, TimeToTarget};
use crate::compare::contrasts::Finding;
use crate::compare::curve::{CurvePoint, Good};
use crate::compare::grid::{Edge, End, Values};
use crate::compare::null::Null;
use crate::compare::places::Places;
use crate::compare::words::{number, p_value, percent, short, signed, value};
use crate::config::file::Kind;

/// Columns of the full table of contrasts after the first, which names what is tested.
pub const FOUND: [&str; 9] = [
    "seeds",
    "difference",
    "interval",
    "p",
    "smallest p possible",
    "p corrected",
    "better in",
    "effect size",
    "verdict",
];

/// Columns of the full table of arms.
pub const ARM: [&str; 8] =
    ["arm", "seeds", "mean", "interval", "diverged", "interval of diverged", "values used", "µs a step"];

/// Columns of the table of times to the target.
pub const TIME: [&str; 7] = ["arm", "reached", "mean steps", "median steps", "mean seconds", "budget", "best value"];

/// What has been shown, in words.
pub fn verdict(found: &Finding) -> String {
    let is_compared = found.p.is_some() && found.observed;
    if is_compared { found.verdict.name().replace('_', " ") } else { "not compared".to_owned() }
}

/// A difference and its interval, which stay whole when the cell is wrapped.
pub fn difference(found: &Finding, places: Places) -> String {
    let interval = found.interval.map_or_else(String::new, |(low, high)| {
        " ".to_owned() + &glued(&format!("({} to {})", places.number(low), places.number(high)))
    });
    match found.difference.filter(|_| found.observed) {
        Some(difference) => places.signed(difference) + &interval,
        None if found.by_ranks && found.observed => "by rank".to_owned(),
        None => dash(),
    }
}

/// The value that all seeds together favour on each tuned axis, and whether it is the end of what was tried.
pub fn best(comparison: &Comparison, arm: &ArmEstimate) -> String {
    let Some(selected) = arm.selected.as_ref() else { return dash() };
    let value = |(axis, of): (&String, &serde_json::Value)| {
        let points = comparison.curves.iter().flat_map(|curve| &curve.points);
        let others: Vec<&serde_json::Value> = points.filter_map(|point| point.values.get(axis)).collect();
        short(of, &others)
    };
    let values = selected.iter().map(value).collect::<Vec<_>>().join(" × ");
    // Some seeds may be read at another candidate, and the end of what was tried may be there.
    let (here, elsewhere): (Vec<&Chosen>, Vec<&Chosen>) =
        arm.chosen.iter().partition(|chosen| chosen.values == *selected);
    let elsewhere = elsewhere.iter().flat_map(|chosen| &chosen.edges).filter(|edge| edge.end != End::Only);
    let elsewhere: Vec<String> = elsewhere.map(|edge| value((&edge.axis, &edge.value))).collect();
    let here = end_tried(here.iter().flat_map(|chosen| &chosen.edges));
    let taken = arm.chosen.iter().filter(|chosen| chosen.values == *selected).map(|chosen| chosen.seeds).sum::<usize>();
    let all = arm.chosen.iter().map(|chosen| chosen.seeds).sum::<usize>();
    let edge = match elsewhere.first() {
        Some(edge) if here != Some("edge") => Some(format!("edge {edge}")),
        _ => here.map(str::to_owned),
    };
    let notes: Vec<String> = (taken < all).then(|| format!("{taken} of {all}")).into_iter().chain(edge).collect();
    if notes.is_empty() { values } else { format!("{values} {}", glued(&format!("({})", notes.join(", ")))) }
}

/// How a cell says that these values are the ends of what was tried; `None` without any.
fn end_tried<'a>(mut edges: impl Iterator<Item = &'a Edge> + Clone) -> Option<&'static str> {
    if edges.clone().any(|edge| edge.end != End::Only) {
        return Some("edge");
    }
    edges.next().map(|_| "only value")
}

/// Microseconds to two digits at least.
pub fn microseconds(us: f64) -> String {
    if us < 10.0 { format!("{us:.1}") } else { format!("{us:.0}") }
}

/// The cells of a contrast or an effect.
pub fn found(name: &str, found: &Finding, kind: Kind) -> Vec<String> {
    let by_ranks = || if found.by_ranks { "by rank".to_owned() } else { dash() };
    let two_places = |x: f64| format!("{x:.2}").replace('-', "−");
    vec![
        glued(name),
        of_planned(found.n, found.planned),
        found.difference.map_or_else(by_ranks, |d| signed(d, kind)),
        interval(found.interval, kind),
        found.p.map_or_else(dash, p_value),
        found.p_minimum.map_or_else(dash, p_value),
        found.p_holm.map_or_else(dash, p_value),
        found.superiority.map_or_else(dash, |share| glued(&format!("{:.0} %", share * 100.0))),
        found.effect_size.map_or_else(dash, two_places),
        verdict(found),
    ]
}

/// The cells of false alarms.
pub fn null(name: &str, null: &Null) -> Vec<String> {
    let share = |count: usize| percent((count as f64 / null.exchanges as f64 * 1e3).round() / 1e3) + " %";
    let shares = [null.rejected, null.interval_without_0, null.better_or_worse, null.equivalent].map(share);
    let name = glued(name);
    [name, null.exchanges.to_string()].into_iter().chain(shares.map(|share| glued(&share))).collect()
}

/// The cells of an arm.
pub fn arm(comparison: &Comparison, arm: &ArmEstimate) -> Vec<String> {
    let kind = comparison.metric.kind;
    let share = |(low, high): (f64, f64)| glued(&format!("{:.0} to {:.0} %", low * 100.0, high * 100.0));
    let one = |Chosen { values, seeds, .. }: &Chosen| {
        let name = crossed(values);
        if arm.chosen.len() > 1 { glued(&format!("{name} ({seeds})")) } else { name }
    };
    let mut used = arm.chosen.iter().map(one).collect::<Vec<_>>().join(", ");
    if let Some(end) = end_tried(arm.chosen.iter().flat_map(|chosen| &chosen.edges)) {
        used += &format!(", {end}");
    }
    vec![
        arm.variant.clone(),
        of_planned(arm.n, arm.planned),
        arm.mean.map_or_else(dash, |mean| number(mean, kind)),
        interval(arm.interval, kind),
        arm.diverged.to_string(),
        arm.diverged_interval.map_or_else(dash, share),
        if comparison.tuned.is_empty() || arm.n == 0 { dash() } else { used },
        arm.us_per_step.map_or_else(dash, microseconds),
    ]
}

/// The cells of a time to the target.
pub fn time(time: &TimeToTarget) -> Vec<String> {
    let taken = (time.taken < time.n).then(|| format!("{} of {}", time.taken, time.n));
    let notes: Vec<String> = taken.into_iter().chain(time.edge.then(|| "edge".to_owned())).collect();
    let notes =
        if notes.is_empty() { String::new() } else { format!(" {}", glued(&format!("({})", notes.join(", ")))) };
    vec![
        time.variant.clone(),
        glued(&format!("{} of {}", time.reached, time.n)),
        time.steps.map_or_else(dash, |steps| number(steps, Kind::Steps)),
        time.median_steps.map_or_else(dash, |steps| number(steps, Kind::Steps)),
        time.seconds.map_or_else(dash, |seconds| number(seconds, Kind::Seconds)),
        budget(time),
        time.selected.as_ref().map_or_else(dash, |values| crossed(values) + &notes),
    ]
}

/// At what a run counts that never arrives.
pub fn budget(time: &TimeToTarget) -> String {
    let (steps, seconds) = (time.budget_steps, number(time.budget_seconds, Kind::Seconds));
    if time.budget_seconds > 0.0 {
        glued(&format!("{steps} steps, {seconds} s"))
    } else {
        glued(&format!("{steps} steps"))
    }
}

/// The cell of an arm at one candidate.
pub fn point(point: &CurvePoint, kind: Kind) -> String {
    let mean = point.mean.map(|mean| number(mean, kind));
    match (mean, point.diverged) {
        (Some(mean), 0) => mean,
        (Some(mean), diverged) => format!("{mean} {}", glued(&format!("({diverged} diverged)"))),
        (None, 0) => dash(),
        (None, diverged) => format!("{diverged} of {} diverged", point.n),
    }
}

/// The cells of a range of good values: its ends, its width.
pub fn good(good: Option<Good>) -> [String; 2] {
    let Some(Good { low, high, decades, reaches_the_edge }) = good else { return [dash(), dash()] };
    let or_more = if reaches_the_edge { " or more" } else { "" };
    let range = if low == high { low.to_string() } else { glued(&format!("{low} to {high}")) };
    let times = decades.map(|decades| 10f64.powf(decades));
    [range, times.map_or_else(dash, |times| glued(&format!("× {}{or_more}", in_two_digits(times))))]
}

fn in_two_digits(x: f64) -> String {
    if x < 10.0 { format!("{x:.1}").trim_end_matches(".0").to_owned() } else { format!("{x:.0}") }
}

/// The values of a candidate, crossed.
fn crossed(values: &Values) -> String {
    values.values().map(value).collect::<Vec<_>>().join(" × ")
}

fn of_planned(n: usize, planned: usize) -> String {
    if n == planned { n.to_string() } else { glued(&format!("{n} of {planned}")) }
}

fn interval(interval: Option<(f64, f64)>, kind: Kind) -> String {
    interval.map_or_else(dash, |(low, high)| glued(&format!("{} to {}", number(low, kind), number(high, kind))))
}

/// Nothing.
pub fn dash() -> String {
    "–".to_owned()
}
