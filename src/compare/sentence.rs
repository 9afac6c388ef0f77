//! A contrast in one sentence, computed from its estimate and verdict and from nothing else.

use super::comparison::Comparison;
use super::contrasts::{Contrast, Finding};
use super::verdict::Verdict;
use super::words::{p_value, percent, seeds, signed};

/// What was found, plainly; also when nothing was.
pub fn sentence(comparison: &Comparison, contrast: &Contrast, confidence: f64) -> String {
    let Contrast { a, b, found, .. } = contrast;
    let kind = comparison.metric.kind;
    let metric = comparison.metric.name.replace('_', " ");
    let has = |arm: &str| comparison.arms.iter().any(|other| other.variant == arm);
    if let Some(lacking) = [a, b].into_iter().find(|arm| !has(arm.as_str())) {
        return format!("{a} and {b} cannot be compared: {} has no arm {lacking}.", comparison.name);
    }
    let (Some(p), Some(p_holm)) = (found.p, found.p_holm) else {
        let tuned = if comparison.tuned.is_empty() { "" } else { " with every candidate" };
        return format!("{a} and {b} cannot be compared: no seed has a {metric} in both{tuned}.");
    };
    let finding = match found.verdict {
        Verdict::Better => format!("{a} is better than {b}"),
        Verdict::Worse => format!("{a} is worse than {b}"),
        Verdict::Equivalent => {
            let margin = comparison.equivalence_margin.unwrap_or_default();
            format!("{a} and {b} are equivalent within ±{margin}")
        }
        Verdict::Undecided => {
            format!("{a} against {b} is undecided with {}", if found.n == 1 { "this seed" } else { "these seeds" })
        }
        Verdict::TooFewSeeds => format!("{a} against {b}: too few seeds for a verdict"),
    };
    let size = match found.difference {
        Some(difference) => {
            let interval = found.interval.map(|(low, high)| {
                let (low, high) = (signed(low, kind), signed(high, kind));
                format!(", {} % interval {low} to {high}", percent(confidence))
            });
            format!("{metric} {}{}", signed(difference, kind), interval.unwrap_or_default())
        }
        None => format!("{metric} by ranks, as runs diverged"),
    };
    let corrected = if p == p_holm { String::new() } else { format!(", corrected {}", p_value(p_holm)) };
    let exploratory = if contrast.exploratory { " (exploratory: chosen after the runs)" } else { "" };
    let said = format!("{finding}: {size}, p = {}{corrected}, {}{exploratory}.", p_value(p), seeds(found.n));
    [said].into_iter().chain(outlook(comparison, found)).collect::<Vec<_>>().join(" ")
}

/// Where there is no verdict: what it would take.
fn outlook(comparison: &Comparison, found: &Finding) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(needed) = found.seeds_needed {
        let tests = if found.tests == 1 { "1 test".to_owned() } else { format!("{} tests", found.tests) };
        said.push(format!(
            "With {tests} of this kind at least {needed} seeds are needed before any outcome can decide."
        ));
    }
    if let Some(n) = found.seeds_to_tell {
        said.push(format!("If the difference is as large as it seems, about {n} seeds will show it."));
    }
    if let (Some(n), Some(margin)) = (found.seeds_for_equivalence, comparison.equivalence_margin) {
        said.push(format!("If there is none, about {n} seeds will show that it lies within ±{margin}."));
    }
    if found.widened_by_choice && found.verdict == Verdict::Undecided {
        said.push(
            "The interval is wide because of the choice of the best value, more than because of the seeds.".to_owned(),
        );
    }
    said
}
