//! How many decimal places tell the values of a comparison apart.

use super::comparison::Comparison;
use super::contrasts::Finding;
use super::words;
use crate::config::file::Kind;

/// Most places of an accuracy or a loss.
const MOST: usize = 4;

/// The fewest decimal places with which the means at each setting, and the ends of each interval, differ as they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    kind: Kind,
    places: usize,
}

impl Places {
    /// Those of all that is said of an experiment.
    pub fn of(comparison: &Comparison) -> Self {
        let mut apart: Vec<Vec<f64>> = Vec::new();
        for arm in &comparison.arms {
            let here = comparison.arms.iter().filter(|other| other.setting == arm.setting);
            apart.push(here.filter_map(|other| other.mean).collect());
        }
        let findings = comparison.contrasts.iter().map(|contrast| &contrast.found);
        apart.extend(findings.chain(comparison.effects.iter().map(|effect| &effect.found)).map(with_nothing));
        let tells = |places: &usize| apart.iter().all(|values| are_told_apart(values, *places));
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

/// A difference and the ends of its interval; nothing, from which they are to differ too.
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
