//! A contrast in one sentence, computed from its estimate and verdict and from nothing else.

use super::comparison::Comparison;
use super::contrasts::Contrast;
use super::verdict::Verdict;
use super::words::{p_value, percent, seeds, signed};

/// What was found, plainly; also when nothing was.
pub fn sentence(comparison: &Comparison, contrast: &Contrast, confidence: f64) -> String {
    let Contrast { a, b, found } = contrast;
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
    format!("{finding}: {size}, p = {}{corrected}, {}.", p_value(p), seeds(found.n))
}
