//! A contrast in one sentence, computed from its estimate and verdict and from nothing else.

use super::arms::{ArmEstimate, Chosen};
use super::comparison::Comparison;
use super::contrasts::{Contrast, Finding};
use super::grid::End;
use super::places::Places;
use super::verdict::Verdict;
use super::words::{named, p_value, percent, seeds};
use crate::config::file::Kind;

/// What was found, plainly, also when nothing was; and what a verdict would take, if there is none.
pub fn sentence(comparison: &Comparison, contrast: &Contrast, confidence: f64) -> String {
    finding(comparison, contrast, confidence) + &outlook(comparison, &contrast.found)
}

/// What was found, plainly; also when nothing was.
pub fn finding(comparison: &Comparison, contrast: &Contrast, confidence: f64) -> String {
    let Contrast { a, b, found, .. } = contrast;
    let places = Places::of(comparison);
    let metric = comparison.metric.name.replace('_', " ");
    let has = |arm: &str| comparison.arms.iter().any(|other| other.variant == arm);
    let lacking = [a, b].into_iter().find(|arm| !has(arm.as_str())).map(|arm| named(arm));
    let [a, b] = [named(a), named(b)];
    if let Some(lacking) = lacking {
        return format!("{a} and {b} cannot be compared: {} has no arm {lacking}.", comparison.name);
    }
    let Some(p) = found.p_holm.filter(|_| found.p.is_some()) else {
        let tuned = if comparison.tuned.is_empty() { "" } else { ", finished at every value tried" };
        let short =
            if comparison.metric.kind == Kind::Seconds { ", or the runs are too short to be timed" } else { "" };
        return format!("{a} and {b} cannot be compared: no seed has a {metric} in both{tuned}{short}.");
    };
    if !found.observed {
        let why = if comparison.metric.kind.is_time() {
            "none of the runs that would be compared reached the target".to_owned()
        } else {
            format!("none of the runs that would be compared has a {metric} of its own")
        };
        return format!("{a} and {b} cannot be compared: {why}.");
    }
    let finding = match found.verdict {
        Verdict::Better => format!("{a} is better than {b}"),
        Verdict::Worse => format!("{a} is worse than {b}"),
        Verdict::Equivalent => {
            let margin = comparison.equivalence_margin.unwrap_or_default();
            format!("{a} and {b} are equivalent within ±{margin}")
        }
        Verdict::Undecided if found.hangs_on_the_choice(confidence) => {
            format!(
                "{a} against {b} is undecided, because the difference changes its sign with the value that is chosen"
            )
        }
        Verdict::Undecided => {
            format!("{a} against {b} is undecided with {}", if found.n == 1 { "this seed" } else { "these seeds" })
        }
        Verdict::TooFewSeeds => format!("{a} against {b}: too few seeds for a verdict"),
    };
    let size = match found.difference {
        Some(difference) => {
            let interval = found.interval.map(|(low, high)| {
                let (low, high) = (places.signed(low), places.signed(high));
                format!(", {} % interval {low} to {high}", percent(confidence))
            });
            format!("{metric} {}{}", places.signed(difference), interval.unwrap_or_default())
        }
        None => format!("{metric} compared by rank, because runs diverged"),
    };
    let exploratory = if contrast.exploratory { " (exploratory: chosen after the runs)" } else { "" };
    let edge = at_the_edge(comparison, contrast);
    format!("{finding}: {size}, p = {}, {}{exploratory}.{edge}", p_value(p), seeds(found.n))
}

/// Which of the arms may do better beyond what was tried, after a blank; empty if none.
fn at_the_edge(comparison: &Comparison, contrast: &Contrast) -> String {
    let here = |name: &&String| {
        let mut arms = comparison.arms.iter().filter(|a| a.variant == **name && a.setting == contrast.found.setting);
        arms.next().filter(|arm| arm.edge)
    };
    let at_edge: Vec<&ArmEstimate> = [&contrast.a, &contrast.b].iter().filter_map(here).collect();
    let ends = |arm: &ArmEstimate, is_meant: fn(End) -> bool| -> Vec<(bool, usize, String)> {
        let chosen = arm.chosen.iter().flat_map(|chosen| chosen.edges.iter().map(move |edge| (chosen, edge)));
        let meant = chosen.filter(|(_, edge)| is_meant(edge.end));
        meant
            .map(|(chosen, edge)| (Some(&chosen.values) == arm.selected.as_ref(), chosen.seeds, edge.axis.clone()))
            .collect()
    };
    // Of an axis with one value nothing lies within, or beyond.
    let mut single: Vec<String> =
        at_edge.iter().flat_map(|arm| ends(arm, |end| end == End::Only)).map(|(.., axis)| axis).collect();
    single.sort_unstable();
    single.dedup();
    let at_end = at_edge.into_iter().filter(|arm| !ends(arm, |end| end != End::Only).is_empty());
    // Some seeds may take another value than most.
    let (whole, partly): (Vec<&ArmEstimate>, Vec<&ArmEstimate>) =
        at_end.partition(|arm| ends(arm, |end| end != End::Only).iter().any(|(is_selected, ..)| *is_selected));
    let mut said = match whole[..] {
        [_, _] => " The best value of both is the end of what was tried; beyond it they may do better.".to_owned(),
        [one] => {
            let one = named(&one.variant);
            format!(" The best value of {one} is the end of what was tried; beyond it the arm may do better.")
        }
        _ => String::new(),
    };
    for arm in partly {
        let is_at_end = |chosen: &&Chosen| chosen.edges.iter().any(|edge| edge.end != End::Only);
        let at_end = arm.chosen.iter().filter(is_at_end).map(|chosen| chosen.seeds).sum::<usize>();
        let (one, of) = (named(&arm.variant), arm.chosen.iter().map(|chosen| chosen.seeds).sum::<usize>());
        said += &format!(" For {at_end} of {of} seeds the best value of {one} is the end of what was tried.");
    }
    if !single.is_empty() {
        said += &format!(" Only one value of {} was tried.", single.join(" and of "));
    }
    said
}

/// Seeds that somebody may train.
const IN_SIGHT: usize = 1000;

/// What a verdict would take, if there is none, and why an interval is wide, if it is; a sentence each, after a blank.
/// Empty if nothing could be compared.
pub fn outlook(comparison: &Comparison, found: &Finding) -> String {
    if found.p.is_none() || !found.observed {
        return String::new();
    }
    let mut said: Vec<String> = seeds_needed(found).into_iter().collect();
    said.extend(found.seeds_to_tell.map(|n| to_tell(comparison, found, n)));
    let for_equivalence = found.seeds_for_equivalence.filter(|n| *n > found.n);
    if let (Some(n), Some(margin)) = (for_equivalence, comparison.equivalence_margin) {
        said.push(format!(
            "If there is none, about {n} seeds would show nine times in ten that it lies within ±{margin}."
        ));
    }
    if found.widened_by_choice {
        said.push(
            "The interval is wide: another of the values tried may be the best one, and it holds the differences there, too. The \
             seeds alone would give a narrower one.".to_owned(),
        );
    }
    said.iter().map(|sentence| format!(" {sentence}")).collect()
}

/// How many seeds would show the difference, if it is the one that was seen; and how far this is from sure, as the interval
/// allows others.
fn to_tell(comparison: &Comparison, found: &Finding, n: usize) -> String {
    let observed = if n <= IN_SIGHT {
        format!("If the true difference is the one seen, about {n} seeds would show it nine times in ten")
    } else {
        format!("If the true difference is the one seen, it takes more than {IN_SIGHT} seeds to show it")
    };
    let Some(((low, high), (least, most))) = found.interval.zip(found.seeds_to_tell_at_ends) else {
        return observed + ".";
    };
    let places = Places::of(comparison);
    let (far, near) = if low.abs() > high.abs() { (low, high) } else { (high, low) };
    let near = match most {
        Some(most) if most <= IN_SIGHT => format!("{}, about {most}", places.signed(near)),
        Some(_) => format!("{}, more than {IN_SIGHT}", places.signed(near)),
        None => "0, no number does".to_owned(),
    };
    format!(
        "{observed}; if it is {}, about {least}; if it is {near}. The interval allows all three.",
        places.signed(far)
    )
}

/// How many seeds it takes before any outcome can decide, where there are fewer.
pub fn seeds_needed(found: &Finding) -> Option<String> {
    let tests = if found.tests == 1 { "1 test".to_owned() } else { format!("{} tests", found.tests) };
    let needed = found.seeds_needed?;
    Some(format!("With {tests} of this kind at least {needed} seeds are needed before a difference can be shown."))
}
