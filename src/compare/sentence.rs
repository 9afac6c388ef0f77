//! A contrast in one sentence, computed from its estimate and verdict and from nothing else.

use super::contrasts::Contrast;
use super::verdict::Verdict;
use super::{Comparison, p_value};
use crate::config::file::Kind;

/// What was found, plainly; also when nothing was.
pub fn sentence(comparison: &Comparison, contrast: &Contrast, confidence: f64) -> String {
    let Contrast { a, n, .. } = contrast;
    let metric = comparison.metric.name.replace('_', " ");
    let b = contrast.b.as_deref().unwrap_or_default();
    let has = |arm: &str| comparison.arms.iter().any(|other| other.variant == arm);
    if let Some(lacking) = [a, b].into_iter().find(|arm| !has(arm)) {
        return format!("{a} and {b} cannot be compared: {} has no arm {lacking}.", comparison.name);
    }
    let (Some(p), Some(p_holm)) = (contrast.p, contrast.p_holm) else {
        let tuned = if comparison.tuned.is_empty() { "" } else { " with every candidate" };
        return format!("{a} and {b} cannot be compared: no seed has a {metric} in both{tuned}.");
    };
    let seeds = if *n == 1 { "1 seed".to_owned() } else { format!("{n} seeds") };
    let finding = match contrast.verdict {
        Verdict::Better => format!("{a} is better than {b}"),
        Verdict::Worse => format!("{a} is worse than {b}"),
        Verdict::Equivalent => {
            let margin = comparison.margin.unwrap_or_default();
            format!("{a} and {b} are equivalent within ±{margin}")
        }
        Verdict::Undecided => {
            format!("{a} against {b} is undecided with {}", if *n == 1 { "this seed" } else { "these seeds" })
        }
    };
    let size = match contrast.difference {
        Some(difference) => {
            let interval = contrast.interval.map(|(low, high)| {
                let (low, high) = (signed(low, comparison.kind), signed(high, comparison.kind));
                format!(", {} % interval {low} to {high}", percent(confidence))
            });
            format!("{metric} {}{}", signed(difference, comparison.kind), interval.unwrap_or_default())
        }
        None => format!("{metric} by ranks, as runs diverged"),
    };
    let corrected = if p == p_holm { String::new() } else { format!(", corrected {}", p_value(p_holm)) };
    format!("{finding}: {size}, p = {}{corrected}, {seeds}.", p_value(p))
}

/// A share in per cent, without more places than it has.
pub fn percent(share: f64) -> String {
    let percent = format!("{:.3}", share * 100.0);
    percent.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A difference with its sign.
pub fn signed(x: f64, kind: Kind) -> String {
    let text = number(x, kind);
    if text.starts_with('−') || text.bytes().all(|b| b == b'0' || b == b'.') { text } else { format!("+{text}") }
}

/// A number in a metric's unit: four places of accuracies and losses, more of losses that are smaller than
/// that; one of steps, three of seconds.
pub fn number(x: f64, kind: Kind) -> String {
    let small = |x: f64| x != 0.0 && x.abs() < 5e-4;
    let text = match kind {
        Kind::Loss if small(x) => format!("{x:.2e}"),
        Kind::Accuracy | Kind::Loss => format!("{x:.4}"),
        Kind::Steps => format!("{x:.1}"),
        Kind::Seconds if small(x) => format!("{x:.2e}"),
        Kind::Seconds => format!("{x:.3}"),
    };
    // No "−0.0000".
    let is_nothing = text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    if is_nothing { text.replace('-', "") } else { text.replace('-', "−") }
}
