//! The metric over what arms are tuned over, and how many runs diverged there.

use super::differences::words;
use super::figure::{Drawn, Figure, Looks, Panel, place};
use crate::compare::Comparison;
use crate::compare::curve::Curve;
use crate::compare::grid::Values;
use crate::compare::words::value;
use crate::config::file::Metric;

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
        let whole = over(axis, &here, looks, &place(&metric, &all), &|point| point.mean);
        let near = near_the_best(comparison.metric, &here).map(|[low, high]| {
            over(axis, &here, looks, &place(&format!("{metric}, near the best"), &all), &|point| point.mean)
                .between(low, high)
        });
        panels.extend([whole].into_iter().chain(near));
        if here.iter().any(|curve| curve.points.iter().any(|point| point.diverged > 0)) {
            let share = |point: &crate::compare::curve::CurvePoint| {
                (point.n > 0).then(|| point.diverged as f64 / point.n as f64)
            };
            diverged.push(over(axis, &here, looks, &place("share of runs that diverged", &all), &share));
        }
    }
    let caption = format!(
        "The mean over all seeds at every value of {axis} that was tried. A diverged run counts as guessing in an accuracy, as the worst in a loss. An arm \
         whose best value is the first or the last may do better beyond it. Where a value at which training fails presses all others together, a panel of its own \
         shows those near the best."
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

/// The part of the vertical axis in which every arm's best value lies, and as much again on its worse side, where that is less
/// than a third of what all values take up: one value at which training fails would press all others together.
fn near_the_best(metric: Metric, curves: &[&Curve]) -> Option<[f64; 2]> {
    let sign = metric.kind.sign();
    let heights = |curve: &&Curve| curve.points.iter().filter_map(|p| p.mean).map(|x| sign * x).collect::<Vec<_>>();
    let (mut least, mut worst_best, mut best) = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY);
    for heights in curves.iter().map(heights).filter(|heights| !heights.is_empty()) {
        let own = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        least = heights.iter().copied().fold(least, f64::min);
        (worst_best, best) = (worst_best.min(own), best.max(own));
    }
    let low = worst_best - (best - worst_best);
    let is_small = best > worst_best && best - low < (best - least) / 3.0;
    is_small.then(|| if sign > 0.0 { [low, best] } else { [-best, -low] })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::curve::CurvePoint;

    fn curve(means: &[f64]) -> Curve {
        let point = |mean: &f64| CurvePoint {
            values: Values::new(),
            n: 1,
            diverged: 0,
            diverged_interval: None,
            mean: Some(*mean),
        };
        Curve {
            variant: String::new(),
            setting: Values::new(),
            others: Values::new(),
            points: means.iter().map(point).collect(),
            good: None,
        }
    }

    #[test]
    fn the_best_values_are_shown_large_where_another_presses_them_together() {
        let near = |metric: Metric, [a, b]: [&[f64]; 2]| {
            near_the_best(metric, &[&curve(a), &curve(b)]).map(|ends| ends.map(|x| (x * 1e3).round() / 1e3))
        };
        let (accuracy, loss) = (Metric::VALIDATION_ACCURACY, Metric::named("test_loss").expect("a metric"));
        assert_eq!(near(accuracy, [&[0.95, 0.1], &[0.94, 0.97]]), Some([0.93, 0.97]));
        assert_eq!(near(loss, [&[0.2, 3.0], &[0.3, 0.25]]), Some([0.2, 0.3]));
        assert_eq!(near(accuracy, [&[0.95, 0.91], &[0.94, 0.97]]), None, "all of it is near the best");
        assert_eq!(near(accuracy, [&[0.95, 0.1], &[0.95, 0.2]]), None, "there is no difference to show");
    }
}
