//! How many decimal places tell the values of a comparison apart.

use super::comparison::Comparison;
use super::contrasts::Finding;
use super::words;
use crate::config::file::Kind;

/// Most places of an accuracy or a loss.
const MOST: usize = 4;

/// Least width of an interval, in units of the last place: with less, rounding would move its ends.
const FINE: f64 = 4.0;

/// The fewest decimal places with which different means at a setting, and different ends of an interval, stay different,
/// and rounding hardly moves the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    kind: Kind,
    places: usize,
}

impl Places {
    /// The places for all that is said of an experiment.
    pub fn of(comparison: &Comparison) -> Self {
        let mut apart: Vec<Vec<f64>> = Vec::new();
        for arm in &comparison.arms {
            let here = comparison.arms.iter().filter(|other| other.setting == arm.setting);
            apart.push(here.filter_map(|other| other.mean).collect());
        }
        let findings = comparison.contrasts.iter().map(|contrast| &contrast.found);
        apart.extend(findings.chain(comparison.effects.iter().map(|effect| &effect.found)).map(with_nothing));
        let widths: Vec<f64> = comparison.contrasts.iter().filter_map(|contrast| width(&contrast.found)).collect();
        let is_fine = |places: usize| widths.iter().all(|width| 0.1f64.powi(places as i32) <= width / FINE);
        let tells = |places: &usize| is_fine(*places) && apart.iter().all(|values| are_told_apart(values, *places));
        Self { kind: comparison.metric.kind, places: (2..MOST).find(tells).unwrap_or(MOST) }
    }

    /// A value in the metric's unit.
    pub fn number(self, x: f64) -> String {
        match self.kind {
            Kind::Loss if x != 0.0 && x.abs() < 5e-4 => words::number(x, self.kind),
            Kind::Accuracy | Kind::Loss => words::minus(&format!("{x:.*}", self.places)),
            Kind::Steps | Kind::Seconds => words::number(x, self.kind),
        }
    }

    /// A difference with its sign.
    pub fn signed(self, x: f64) -> String {
        words::with_sign(self.number(x))
    }
}

/// How wide an interval is, if it is an interval.
fn width(found: &Finding) -> Option<f64> {
    found.interval.map(|(low, high)| high - low).filter(|width| width.is_finite() && *width > 0.0)
}

/// A difference, the ends of its interval, and 0, from which they should differ, too.
fn with_nothing(found: &Finding) -> Vec<f64> {
    let ends = found.interval.into_iter().flat_map(|(low, high)| [low, high]);
    ends.chain(found.difference).chain([0.0]).collect()
}

/// Whether different values are written differently.
fn are_told_apart(values: &[f64], places: usize) -> bool {
    let written = |x: f64| words::minus(&format!("{x:.places$}"));
    let mut pairs = values.iter().enumerate().flat_map(|(i, a)| values[..i].iter().map(move |b| (*a, *b)));
    pairs.all(|(a, b)| (a - b).abs() < 1e-9 || written(a) != written(b))
}
