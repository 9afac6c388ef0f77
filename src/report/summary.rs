//! What everybody reads of a comparison: what was found, and one table of the arms.

use super::cells;
use super::layout::{Layout, glued};
use super::page::{Page, Row};
use crate::compare::Comparison;
use crate::compare::arms::ArmEstimate;
use crate::compare::contrasts::{Contrast, Finding};
use crate::compare::places::Places;
use crate::compare::sentence::{finding, outlook, seeds_needed};
use crate::compare::words::{at, named, p_value, percent, value, values};

/// What is compared, and how the arms were tuned.
pub(super) fn headings(page: &Page) -> String {
    let heading = |comparison: &Comparison| {
        let tuned = match comparison.tuned.join(", ") {
            axes if axes.is_empty() => "no arm tuned".to_owned(),
            axes => format!("each arm tuned over {axes}"),
        };
        page.layout.heading(&format!("{}: {}, {tuned}", comparison.name, comparison.metric.name))
    };
    page.comparisons.iter().map(heading).collect::<Vec<_>>().join("\n")
}

/// Where times are compared: to which target, and at what a run counts that never arrives.
pub(super) fn target(page: &Page, comparison: &Comparison) -> Option<String> {
    let target = comparison.target_accuracy.filter(|_| comparison.metric.kind.is_time())?;
    let mut budgets: Vec<String> = Vec::new();
    for time in &comparison.times_to_target {
        let budget = format!("{}{}", cells::budget(time), after_at(&time.setting));
        if !budgets.contains(&budget) {
            budgets.push(budget);
        }
    }
    let name = page.name_of(comparison);
    let budgets = shortened(&budgets);
    Some(format!(
        "{name}The target is a validation accuracy of {target}. A run that never reaches it counts with the budget: {budgets}."
    ))
}

/// ` at train.batch_size = 8`; empty of the only setting.
fn after_at(setting: &crate::compare::grid::Values) -> String {
    if setting.is_empty() { String::new() } else { format!(" at {}", values(setting)) }
}

/// A sentence on what was found, and those on what a verdict would take, if there is none, each after a blank.
pub(super) struct Said {
    pub(super) found: String,
    outlook: String,
}

/// What was found, a sentence for each pair of arms, then one for each switch.
pub(super) fn said(page: &Page, comparison: &Comparison) -> Vec<Said> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let mut all = Vec::new();
    for Contrast { a, b, .. } in &comparison.contrasts {
        if !seen.contains(&(a, b)) {
            seen.push((a, b));
            all.push(pair(page, comparison, (a, b)));
        }
    }
    all.extend(effects(page, comparison));
    all
}

/// All that was found, and what it would take.
pub(super) fn verdicts(page: &Page) -> String {
    let lines = page.comparisons.iter().flat_map(|comparison| {
        let line = |Said { found, outlook }| format!("{}{found}{outlook}", page.name_of(comparison));
        said(page, comparison).into_iter().map(line)
    });
    let mut lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        lines.push(match &page.comparisons {
            [_, _, ..] => {
                "Each of these experiments has one arm, and they are not compared with one another.".to_owned()
            }
            _ => "There is one arm, so there is nothing to compare.".to_owned(),
        });
    }
    match page.layout {
        Layout::Markdown => page.layout.list(&lines),
        _ => lines.iter().map(|line| page.layout.paragraph(line)).collect::<Vec<_>>().join("\n"),
    }
}

/// That the tests of several experiments count together, where any was made; `None` of one experiment.
pub(super) fn together(comparisons: &[&Comparison]) -> Option<String> {
    let tested =
        comparisons.iter().filter(|one| one.contrasts.iter().any(|contrast| contrast.found.p.is_some())).count();
    let words = "These experiments are judged together: each p is corrected for the tests of all of them. Compared alone, \
                 an experiment has fewer tests, and p can be smaller.";
    (tested > 1).then(|| words.to_owned())
}

/// Two arms: all that was found, or the verdicts alone where they are compared at several settings.
fn pair(page: &Page, comparison: &Comparison, (a, b): (&str, &str)) -> Said {
    let here: Vec<&Contrast> = comparison.contrasts.iter().filter(|c| c.a == a && c.b == b).collect();
    let is_compared = here.iter().any(|contrast| contrast.found.p.is_some());
    match here[..] {
        [one, ..] if here.len() == 1 || !is_compared => {
            let place = if here.len() == 1 { at(&one.found.setting) } else { String::new() };
            let found = format!("{place}{}", finding(comparison, one, page.options.confidence));
            Said { found, outlook: outlook(comparison, &one.found) }
        }
        _ => {
            let found: Vec<&Finding> = here.iter().map(|contrast| &contrast.found).collect();
            let metric = comparison.metric.name.replace('_', " ");
            let axes = comparison.by.join(" × ");
            let verdicts = by_verdict(comparison, &found);
            let needed = found.iter().find_map(|found| seeds_needed(found)).map(|needed| format!(" {needed}"));
            let outlook = needed.unwrap_or_default() + &outlook_by_setting(&found);
            let exploratory =
                if here.iter().any(|c| c.exploratory) { " (exploratory: chosen after the runs)" } else { "" };
            let [a, b] = [named(a), named(b)];
            Said { found: format!("{a} against {b}, {metric} by {axes}{exploratory}: {verdicts}."), outlook }
        }
    }
}

/// What a verdict would take, where there is none, a sentence for all settings, each after a blank.
fn outlook_by_setting(found: &[&Finding]) -> String {
    let at = |found: &Finding| found.setting.values().map(value).collect::<Vec<_>>().join(" × ");
    let to_tell: Vec<String> =
        found.iter().filter_map(|f| Some(format!("{} at {}", f.seeds_to_tell?, at(f)))).collect();
    let is_wide = |found: &&&Finding| found.widened_by_choice;
    let wide: Vec<String> = found.iter().filter(is_wide).map(|found| at(found)).collect();
    let mut said = String::new();
    if !to_tell.is_empty() {
        said += " If the true difference is the one seen, about so many seeds would show it nine times in ten: ";
        said += &(shortened(&to_tell) + ". These numbers are rough: the intervals allow other differences.");
    }
    if !wide.is_empty() {
        let at = shortened(&wide);
        said += &format!(
            " At {at} the interval is wide: another of the values tried may be the best one, and it holds the differences there, too."
        );
    }
    said
}

/// The first of these, and how many more there are.
fn shortened(all: &[String]) -> String {
    let named = all[..all.len().min(NAMED)].join(", ");
    if all.len() > NAMED { format!("{named} and {} more", all.len() - NAMED) } else { named }
}

/// Most settings that a sentence names, each with its difference. Beyond that it only counts them: the table has them all.
const NAMED: usize = 8;

/// `better at 0.0 (+0.03); undecided at 3.0 (+0.04), 10.0 (+0.12)`; of many settings `better at 14 of 20 (+0.03 to +0.12)`
fn by_verdict(comparison: &Comparison, found: &[&Finding]) -> String {
    let places = Places::of(comparison);
    let mut names: Vec<String> = Vec::new();
    for name in found.iter().map(|found| cells::verdict(found)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let part = |name: String| {
        let here: Vec<&&Finding> = found.iter().filter(|found| cells::verdict(found) == name).collect();
        if here.len() > NAMED {
            let differences = here.iter().filter_map(|found| found.difference.filter(|_| found.observed));
            let (low, high) = (differences.clone().reduce(f64::min), differences.reduce(f64::max));
            let [low, high] = [low, high].map(|end| end.map_or_else(cells::dash, |end| places.signed(end)));
            return format!("{name} at {} of {} ({low} to {high})", here.len(), found.len());
        }
        let here = here.iter().map(|found| {
            let setting = found.setting.values().map(value).collect::<Vec<_>>().join(" × ");
            let difference = found.difference.filter(|_| found.observed);
            difference.map_or(setting.clone(), |difference| format!("{setting} ({})", places.signed(difference)))
        });
        format!("{name} at {}", here.collect::<Vec<_>>().join(", "))
    };
    names.into_iter().map(part).collect::<Vec<_>>().join("; ")
}

/// What the switches do, where the experiment has their four arms.
fn effects(page: &Page, comparison: &Comparison) -> Vec<Said> {
    let places = Places::of(comparison);
    let metric = comparison.metric.name.replace('_', " ");
    let confidence = percent(page.options.confidence);
    let line = |effect: &crate::compare::contrasts::SwitchEffect| {
        let found = &effect.found;
        let what = match effect.effect.as_str() {
            "eq. 1" => "Switching on eq. 1 (standardising)",
            "γ, β" => "Switching on γ, β (the learned scale and shift)",
            _ => "What both switches do beyond the sum of each (interaction)",
        };
        let p = found.p_holm.filter(|_| found.p.is_some())?;
        let size = found.difference.map_or_else(|| "compared by rank".to_owned(), |d| places.signed(d));
        let interval = found.interval.map_or_else(String::new, |(low, high)| {
            format!(", {confidence} % interval {} to {}", places.signed(low), places.signed(high))
        });
        let verdict = cells::verdict(found);
        let said = format!("{}{what}: {verdict}, {metric} {size}{interval}, p = {}.", at(&found.setting), p_value(p));
        Some(Said { found: said, outlook: outlook(comparison, found) })
    };
    comparison.effects.iter().filter_map(line).collect()
}

/// One table of the arms, each with its difference from the arm that it is compared with.
pub(super) fn arms(page: &Page) -> String {
    let mut baselines: Vec<&str> = Vec::new();
    let mut axes: Vec<String> = Vec::new();
    for comparison in page.comparisons {
        baselines.extend(comparison.contrasts.iter().map(|contrast| contrast.b.as_str()));
        axes.extend(comparison.tuned.iter().map(|axis| short_name(axis)));
    }
    baselines.dedup();
    axes.dedup();
    let from = if let [one] = baselines[..] { format!("difference from {one}") } else { "difference".to_owned() };
    let confidence = percent(page.options.confidence);
    let difference = format!("{from} {}", glued(&format!("({confidence} % interval)")));
    let best = format!("best {}", axes.join(", "));
    let is_tuned = !axes.is_empty();
    let mut header = vec!["arm", "mean", &difference, "p", "verdict", "diverged", "µs a step"];
    if is_tuned {
        header.insert(6, &best);
    }
    // A table for a paper is about what was asked.
    let width = header.len() - usize::from(page.layout == Layout::Latex);
    header.truncate(width);
    let rows = page.rows(|comparison| {
        let row = |arm: &ArmEstimate| Row {
            comparison,
            setting: arm.setting.clone(),
            cells: cells(comparison, arm, is_tuned, &baselines)[..width].to_vec(),
        };
        comparison.arms.iter().map(row).collect()
    });
    page.table(&header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), &rows, 1)
}

/// `optimizer.lr` is the rate; any other axis goes by the last part of its path.
fn short_name(axis: &str) -> String {
    if axis == "optimizer.lr" { "rate".to_owned() } else { axis.rsplit('.').next().unwrap_or(axis).to_owned() }
}

fn cells(comparison: &Comparison, arm: &ArmEstimate, is_tuned: bool, baselines: &[&str]) -> Vec<String> {
    let places = Places::of(comparison);
    let is_here = |contrast: &&Contrast| contrast.a == arm.variant && contrast.found.setting == arm.setting;
    let contrast = comparison.contrasts.iter().find(is_here);
    let found = contrast.map(|contrast| &contrast.found);
    let difference = contrast.map(|contrast| {
        let from = if baselines.len() > 1 { format!(" from {}", contrast.b) } else { String::new() };
        cells::difference(&contrast.found, places) + &from
    });
    let is_baseline = comparison.contrasts.iter().any(|contrast| contrast.b == arm.variant);
    let p = |found: &Finding| found.p_holm.filter(|_| found.observed).map_or_else(cells::dash, p_value);
    let mut row = vec![
        arm.variant.clone(),
        arm.mean.map_or_else(cells::dash, |mean| places.number(mean)),
        difference.unwrap_or_default(),
        found.map(p).unwrap_or_default(),
        found.map_or_else(|| if is_baseline { "baseline".to_owned() } else { String::new() }, cells::verdict),
        if arm.n == 0 { cells::dash() } else { format!("{} of {}", arm.diverged, arm.n) },
        arm.us_per_step.map_or_else(cells::dash, cells::microseconds),
    ];
    if is_tuned {
        row.insert(6, cells::best(comparison, arm));
    }
    row
}
