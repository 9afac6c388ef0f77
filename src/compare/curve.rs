//! The metric over the axes that arms are tuned over: every candidate, not only the chosen ones.

use serde::Serialize;

use super::grid::Values;
use super::scores::Scores;
use crate::config::file::Kind;
use crate::stats::proportion::wilson;

/// An arm at one candidate, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The candidate.
    pub values: Values,
    /// Runs with a score.
    pub n: usize,
    /// Of those, diverged.
    pub diverged: usize,
    /// Wilson's interval of the share diverged.
    pub diverged_interval: Option<(f64, f64)>,
    /// Mean of the metric; none without runs, or if a loss diverged.
    pub mean: Option<f64>,
}

/// An arm along the first tuned axis, at one combination of values of the other tuned ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// The arm.
    pub variant: String,
    /// The setting.
    pub setting: Values,
    /// Values of the other tuned axes.
    #[serde(skip)]
    pub others: Values,
    /// One a value of the first tuned axis, in its order.
    pub points: Vec<CurvePoint>,
    /// The range of good values.
    pub good: Option<Good>,
}

/// The values around a curve's best at which the mean stays within a tolerance of the arm's best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Good {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// log₁₀(high/low); none if a value is not above 0.
    pub decades: Option<f64>,
    /// Whether it ends where the grid does, and so may reach further.
    pub reaches_the_edge: bool,
}

/// How far from its best an arm still is good: one in a hundred samples, or a tenth of a loss or a time.
pub fn tolerance(kind: Kind, best: f64) -> f64 {
    if kind == Kind::Accuracy { 0.01 } else { 0.1 * best.abs() }
}

/// The curves of every arm at a setting; none if nothing is tuned.
pub fn curves(scores: &Scores, setting: usize, confidence: f64) -> Vec<Curve> {
    if !scores.is_tuned() {
        return Vec::new();
    }
    scores.grid.loaded.variants.iter().flat_map(|variant| curves_of(scores, setting, variant, confidence)).collect()
}

fn curves_of(scores: &Scores, setting: usize, variant: &str, confidence: f64) -> Vec<Curve> {
    let grid = scores.grid;
    let points: Vec<CurvePoint> =
        (0..grid.candidates.len()).map(|candidate| point(scores, setting, variant, candidate, confidence)).collect();
    let sign = scores.kind.sign();
    let best = points.iter().filter_map(|point| point.mean).map(|mean| sign * mean).reduce(f64::max);
    let mut rows: Vec<Curve> = Vec::new();
    for point in points {
        let others: Values = point.values.clone().into_iter().skip(1).collect();
        match rows.iter_mut().find(|row| row.others == others) {
            Some(row) => row.points.push(point),
            None => rows.push(Curve {
                variant: variant.to_owned(),
                setting: grid.setting(setting),
                others,
                points: vec![point],
                good: None,
            }),
        }
    }
    for row in &mut rows {
        row.good = best.and_then(|best| good(scores.kind, &row.points, best));
    }
    rows
}

fn point(scores: &Scores, setting: usize, variant: &str, candidate: usize, confidence: f64) -> CurvePoint {
    let runs = scores.grid.runs(setting).iter();
    let here = runs.filter(|grid_run| grid_run.candidate == candidate && grid_run.run.entry.variant == variant);
    let found: Vec<_> = here.filter_map(|grid_run| scores.score(grid_run)).collect();
    let (n, diverged) = (found.len(), found.iter().filter(|score| score.diverged).count());
    let mean = found.iter().map(|score| score.value).sum::<f64>() / n as f64;
    CurvePoint {
        values: scores.grid.candidate(candidate),
        n,
        diverged,
        diverged_interval: wilson(diverged, n, confidence),
        mean: mean.is_finite().then_some(mean),
    }
}

/// The unbroken range of good values around a row's best. `None` if no value is good, or if the axis does not hold numbers.
fn good(kind: Kind, points: &[CurvePoint], best: f64) -> Option<Good> {
    let sign = kind.sign();
    let value = |point: &CurvePoint| point.values.values().next()?.as_f64();
    let turned: Vec<Option<f64>> = points.iter().map(|point| point.mean.map(|mean| sign * mean)).collect();
    let is_good = |i: &usize| turned[*i].is_some_and(|mean| mean >= best - tolerance(kind, best));
    let size = |i: &usize| turned[*i].unwrap_or(f64::NEG_INFINITY);
    let peak = (0..points.len()).filter(is_good).max_by(|a, b| size(a).total_cmp(&size(b)))?;
    let first = (0..peak).rev().take_while(is_good).last().unwrap_or(peak);
    let last = (peak..points.len()).take_while(is_good).last().unwrap_or(peak);
    let (low, high) = (value(&points[first])?, value(&points[last])?);
    let reaches_the_edge = first == 0 || last + 1 == points.len();
    Some(Good { low, high, decades: (low > 0.0).then(|| (high / low).log10()), reaches_the_edge })
}
