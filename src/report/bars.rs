//! The metric over the tuned axis as a row of bars: how each arm does with every value that was tried.

use super::page::{Page, Row};
use crate::compare::Comparison;
use crate::compare::curve::{Curve, CurvePoint};
use crate::compare::places::Places;
use crate::compare::words::{short, value};

/// The bars of an experiment under a title that names what they range over; none if nothing is tuned.
pub(super) fn bars(page: &Page, comparison: &Comparison) -> Option<String> {
    let first = comparison.curves.first()?;
    let (along, others) = comparison.tuned.split_first()?;
    let tried: Vec<_> = first.points.iter().filter_map(|point| point.values.get(along)).collect();
    let [from, .., to] = tried[..] else { return None };
    let (low, high) = range(comparison);
    if low > high {
        return None;
    }
    let places = Places::of(comparison);
    let [least, most] = [low, high].map(|mean| places.number(mean));
    // Bars would make much of differences that no place of the means shows.
    let (heights, high) = match least == most {
        true => (format!("all are about {least}"), low),
        false => (format!("▁ is {least}, █ is {most}"), high),
    };
    let title = format!(
        "{}{} over {along} from {} to {}; {heights}{}",
        page.name_of(comparison),
        comparison.metric.name.replace('_', " "),
        short(from, &tried),
        short(to, &tried),
        if has_nothing_but_diverged(comparison) { ", × is diverged" } else { "" },
    );
    let header: Vec<String> =
        ["arm"].into_iter().chain(others.iter().map(String::as_str)).chain([""]).map(str::to_owned).collect();
    let row = |curve: &Curve| {
        let line: String = curve.points.iter().map(|point| bar(point, low, high)).collect();
        [curve.variant.clone()].into_iter().chain(curve.others.values().map(value)).chain([line]).collect()
    };
    let rows: Vec<Row> = comparison
        .curves
        .iter()
        .map(|curve| Row { comparison, setting: curve.setting.clone(), cells: row(curve) })
        .collect();
    Some(page.layout.titled(&title, &page.table(&header, &rows, comparison.tuned.len())))
}

/// The smallest and the largest mean.
pub(super) fn range(comparison: &Comparison) -> (f64, f64) {
    let means = comparison.curves.iter().flat_map(|curve| &curve.points).filter_map(|point| point.mean);
    means.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), mean| (low.min(mean), high.max(mean)))
}

fn has_nothing_but_diverged(comparison: &Comparison) -> bool {
    let mut points = comparison.curves.iter().flat_map(|curve| &curve.points);
    points.any(|point| point.mean.is_none() && point.diverged > 0)
}

/// One character, from the smallest mean to the largest; × where a loss diverged and there is no mean.
pub(super) fn bar(point: &CurvePoint, low: f64, high: f64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match point.mean {
        Some(mean) if high > low => BARS[((mean - low) / (high - low) * 7.0).round() as usize],
        Some(_) => BARS[3],
        None if point.diverged > 0 => '×',
        None => ' ',
    }
}
