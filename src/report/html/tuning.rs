//! The metric over what arms are tuned over, and how many runs diverged there.

use super::differences::words;
use super::figure::{Drawn, Figure, Looks, Panel, place};
use crate::compare::Comparison;
use crate::compare::curve::Curve;
use crate::compare::grid::Values;
use crate::compare::words::value;

/// One panel a setting and combination of the other axes, and the share of diverged runs, where there are any: beside it, or in
/// a figure of its own where there are several.
pub(super) fn tuning(comparison: &Comparison, looks: &Looks) -> [Option<Figure>; 2] {
    let Some(axis) = comparison.tuned.first() else { return [None, None] };
    let mut places: Vec<(&Values, &Values)> = Vec::new();
    for curve in &comparison.curves {
        if !places.contains(&(&curve.setting, &curve.others)) {
            places.push((&curve.setting, &curve.others));
        }
    }
    let is_single = places.len() == 1;
    let (mut panels, mut diverged) = (Vec::new(), Vec::new());
    for (setting, others) in places {
        let here: Vec<&Curve> =
            comparison.curves.iter().filter(|curve| (&curve.setting, &curve.others) == (setting, others)).collect();
        let all: Values = setting.iter().chain(others).map(|(axis, value)| (axis.clone(), value.clone())).collect();
        let metric = words(comparison);
        panels.push(over(axis, &here, looks, &place(&metric, &all), &|point| point.mean));
        if here.iter().any(|curve| curve.points.iter().any(|point| point.diverged > 0)) {
            let share = |point: &crate::compare::curve::CurvePoint| {
                (point.n > 0).then(|| point.diverged as f64 / point.n as f64)
            };
            diverged.push(over(axis, &here, looks, &place("share of runs that diverged", &all), &share));
        }
    }
    let caption = format!(
        "The mean over all seeds at every value of {axis} that was tried. A diverged run counts as guessing in an accuracy, as the worst in a loss. An arm \
         whose best value is the first or the last may do better beyond it."
    );
    if is_single {
        panels.append(&mut diverged);
    }
    let of_diverged = format!("The share of an arm's runs that diverged, at every value of {axis} that was tried.");
    [
        Figure::of(&format!("Over {axis}"), caption, panels),
        Figure::of(&format!("Runs that diverged over {axis}"), of_diverged, diverged),
    ]
}

fn over(
    axis: &str,
    curves: &[&Curve],
    looks: &Looks,
    title: &str,
    of: &dyn Fn(&crate::compare::curve::CurvePoint) -> Option<f64>,
) -> Panel {
    let own = |point: &crate::compare::curve::CurvePoint| point.values.values().next().cloned().unwrap_or_default();
    let names: Vec<String> =
        curves.first().map_or_else(Vec::new, |c| c.points.iter().map(|p| value(&own(p))).collect());
    let numbers: Option<Vec<f64>> = curves.first().and_then(|c| c.points.iter().map(|p| own(p).as_f64()).collect());
    let line = |curve: &&Curve| {
        let points = curve.points.iter().enumerate();
        let points = points.filter_map(|(i, p)| Some([numbers.as_ref().map_or(i as f64, |n| n[i]), of(p)?]));
        let points: Vec<[f64; 2]> = points.collect();
        (!points.is_empty()).then(|| Drawn::marked(&curve.variant, "mean", &looks.get(&curve.variant), &points))
    };
    let panel = Panel::new(title, axis, curves.iter().filter_map(line).collect());
    match numbers {
        Some(numbers) => panel.log_x(axis, &numbers),
        None => panel.columns(axis, &names.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}
