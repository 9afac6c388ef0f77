//! The tests of a comparison in three families, and their conclusions.
//!
//! Holm's correction keeps the chance of any false alarm in a family at α. One family for everything would leave an
//! experiment with many arms without a verdict on the question that it is about, so there are three: the primary contrast
//! at every setting of every experiment, all other contrasts, and the effects of the two switches. The chance of a
//! false alarm anywhere is then at most the sum of the three.

use super::comparison::Comparison;
use super::contrasts::Finding;
use super::options::Options;
use super::verdict::Level;
use crate::stats::multiple::{holm, holm_if};

/// Corrects every p for the size of its family and draws the conclusions.
pub fn conclude(comparisons: &mut [anyhow::Result<Comparison>], options: &Options) {
    conclude_family(comparisons, options, |comparison| contrasts(comparison, true));
    conclude_family(comparisons, options, |comparison| contrasts(comparison, false));
    conclude_family(comparisons, options, |comparison| {
        comparison.effects.iter_mut().map(|effect| &mut effect.found).collect()
    });
}

fn contrasts(comparison: &mut Comparison, primary: bool) -> Vec<&mut Finding> {
    let contrasts = comparison.contrasts.iter_mut().filter(|contrast| contrast.primary == primary);
    contrasts.map(|contrast| &mut contrast.found).collect()
}

fn conclude_family(
    comparisons: &mut [anyhow::Result<Comparison>],
    options: &Options,
    family: impl Fn(&mut Comparison) -> Vec<&mut Finding>,
) {
    let mut findings: Vec<(Level, &mut Finding)> = Vec::new();
    for comparison in comparisons.iter_mut().flatten() {
        let level = Level::new(options.confidence, comparison.equivalence_margin);
        findings.extend(family(comparison).into_iter().map(|found| (level, found)));
    }
    let p: Vec<Option<f64>> = findings.iter().map(|(_, found)| found.p).collect();
    let tests = p.iter().flatten().count();
    for (i, ((level, found), corrected)) in findings.into_iter().zip(holm(&p)).enumerate() {
        let least = found.p_minimum.map_or(1.0, |least| holm_if(&p, i, least));
        found.conclude(corrected, least, tests, &level);
    }
}
