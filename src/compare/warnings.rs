//! What must be known before the numbers are believed.

use super::grid::{Grid, shown};
use super::scores::Scores;
use super::{Comparison, Options};
use crate::config::file::Kind;
use crate::record::run::Status;
use crate::stats::permutation::{FEWEST, smallest_p};
use crate::stats::selection::{overall, unsettled};

/// Runs named before the rest is only counted.
const NAMED: usize = 8;

/// What speaks against a comparison, most serious first; `tests` is how many share Holm's correction.
pub fn warnings(scores: &Scores, comparison: &Comparison, options: &Options, tests: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(unfinished(comparison));
    warnings.extend(different_seeds(scores));
    warnings.extend(few_seeds(comparison, options, tests));
    warnings.extend(edges(scores.grid, comparison));
    warnings.extend(unsettled_choices(scores));
    warnings.extend(nothing_to_compare(scores, comparison, options));
    warnings.extend(untuned(scores.grid));
    warnings.extend(diverged(scores));
    warnings.extend(mixtures(scores.grid));
    warnings
}

/// Planned runs without a result, or without this metric.
fn unfinished(comparison: &Comparison) -> Option<String> {
    let missing = &comparison.missing;
    let named = missing.iter().take(NAMED).map(|run| format!("{} ({})", run.id, run.why));
    let mut names = named.collect::<Vec<_>>().join(", ");
    if missing.len() > NAMED {
        names += &format!(" and {} more", missing.len() - NAMED);
    }
    let runs = if missing.len() == 1 { "1 run has" } else { &format!("{} runs have", missing.len()) };
    (!missing.is_empty()).then(|| {
        format!(
            "{runs} no result, of {} planned: {names}. A seed counts in a contrast only if each arm has finished it \
             with every candidate.",
            comparison.planned
        )
    })
}

/// Arms that were not planned with the same seeds.
fn different_seeds(scores: &Scores) -> Vec<String> {
    let grid = scores.grid;
    let mut warnings = Vec::new();
    for setting in 0..grid.settings.len() {
        let seeds = |variant: &String| scores.complete(setting, variant);
        let all: Vec<(&String, Vec<u64>)> = grid.loaded.variants.iter().map(|v| (v, seeds(v))).collect();
        let Some((first, expected)) = all.first() else { continue };
        for (variant, found) in &all[1..] {
            let only = |a: &[u64], b: &[u64]| -> Vec<String> {
                a.iter().filter(|seed| !b.contains(seed)).map(u64::to_string).collect()
            };
            let (lacking, more) = (only(expected, found), only(found, expected));
            let mut parts = Vec::new();
            for (arm, seeds) in [(*first, lacking), (*variant, more)].into_iter().filter(|(_, s)| !s.is_empty()) {
                parts.push(format!("{} only in {arm}", list(&seeds)));
            }
            if !parts.is_empty() {
                let parts = parts.join(", ");
                warnings.push(format!("{}{first} and {variant} differ in their seeds: {parts}.", at(grid, setting)));
            }
        }
    }
    warnings
}

fn list(seeds: &[String]) -> String {
    let shown = seeds.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if seeds.len() > NAMED { format!("{shown} and {} more", seeds.len() - NAMED) } else { shown }
}

fn at(grid: &Grid, setting: usize) -> String {
    let name = grid.setting_name(setting);
    if name.is_empty() { name } else { name + ": " }
}

/// Too few seeds for any p below α.
fn few_seeds(comparison: &Comparison, options: &Options, tests: usize) -> Option<String> {
    let alpha = 1.0 - options.confidence;
    let n = comparison.contrasts.iter().filter(|contrast| contrast.n > 0).map(|contrast| contrast.n).min()?;
    let smallest = smallest_p(n);
    let seeds = if n == 1 { "1 seed".to_owned() } else { format!("{n} seeds") };
    let corrected = (smallest * tests as f64).min(1.0);
    if smallest >= alpha {
        let none = if n < FEWEST { ", and there is no interval" } else { "" };
        return Some(format!("Few seeds: with {seeds} p cannot fall below {}{none}.", super::p_value(smallest)));
    }
    (corrected >= alpha).then(|| {
        format!(
            "Few seeds: with {seeds} and {tests} tests a single p after Holm's correction cannot fall below {}.",
            super::p_value(corrected)
        )
    })
}

/// Choices at the end of what was tried.
fn edges(grid: &Grid, comparison: &Comparison) -> Vec<String> {
    let mut warnings = Vec::new();
    for time in comparison.times.iter().filter(|time| time.edge && !comparison.kind.is_time()) {
        let at = at(grid, time.setting);
        warnings.push(format!(
            "{at}{} is not tuned for its time to the target: read at the end of what was tried.",
            time.variant
        ));
    }
    for arm in comparison.arms.iter().filter(|arm| arm.edge) {
        let at_edge = arm.chosen.iter().flat_map(|(candidate, seeds)| {
            grid.edges(*candidate).into_iter().map(move |(axis, is_last)| (*candidate, axis, is_last, *seeds))
        });
        let said = at_edge.map(|(candidate, axis, is_last, seeds)| {
            let value = shown(&grid.candidates[candidate][axis]);
            let path = &grid.loaded.axes[grid.tuned[axis]];
            let end = match (grid.values(axis).len(), is_last) {
                (1, _) => "only value",
                (_, true) => "largest",
                (_, false) => "smallest",
            };
            format!("{seeds} of {} seeds read at {path} = {value}, the {end} tried", arm.n)
        });
        let said = said.collect::<Vec<_>>().join("; ");
        warnings.push(format!("{}{} is not tuned: {said}.", at(grid, arm.setting), arm.variant));
    }
    warnings
}

/// Choices that chance made and that matter.
fn unsettled_choices(scores: &Scores) -> Vec<String> {
    let grid = scores.grid;
    let mut warnings = Vec::new();
    for setting in (0..grid.settings.len()).filter(|_| scores.is_tuned()) {
        for variant in &grid.loaded.variants {
            let seeds = scores.complete(setting, variant);
            let record = scores.record(setting, variant, &seeds);
            let others = if seeds.is_empty() { Vec::new() } else { unsettled(&record) };
            let names: Vec<String> = others.into_iter().map(|k| grid.candidate_name(k)).collect();
            if !names.is_empty() {
                warnings.push(format!(
                    "{}{variant} is read at {}, but validation cannot tell that from {}, where it does otherwise: p and \
                     interval take the choice as it fell.",
                    at(grid, setting),
                    grid.candidate_name(overall(&record)),
                    names.join(" or ")
                ));
            }
        }
    }
    warnings
}

/// Contrasts of nothing, or of guessing with what is worse than guessing; a margin that is of another metric.
fn nothing_to_compare(scores: &Scores, comparison: &Comparison, options: &Options) -> Vec<String> {
    let mut warnings = Vec::new();
    for contrast in comparison.contrasts.iter().chain(&comparison.effects).filter(|contrast| contrast.n > 0) {
        let name = contrast.b.as_ref().map_or_else(|| contrast.a.clone(), |b| format!("{} and {b}", contrast.a));
        let at = at(scores.grid, contrast.setting);
        if !contrast.observed {
            let what = if scores.kind.is_time() { "diverged or never reached the target" } else { "diverged" };
            warnings.push(format!("{at}{name}: every run that is read {what}; nothing is compared."));
        }
        if contrast.hangs_on_the_choice(options.confidence) {
            warnings.push(format!(
                "{at}{name}: no verdict, as the difference changes sign at candidates that validation cannot tell from the \
                 chosen."
            ));
        }
        if !contrast.is_sound() {
            warnings.push(format!(
                "{at}{name}: a run trained to its end is below chance, as which a diverged one counts; there is no verdict."
            ));
        }
    }
    let configured = &scores.grid.loaded.options;
    if configured.equivalence_margin.is_some() && scores.margin().is_none() {
        let of = configured.metric.name;
        warnings.push(format!("The equivalence margin is of {of}; here nothing can be called equivalent."));
    }
    warnings
}

/// A learning rate that every arm had to share.
fn untuned(grid: &Grid) -> Option<String> {
    let is_tuned = grid.tuned.iter().any(|axis| grid.loaded.axes[*axis] == "optimizer.lr");
    let is_swept = grid.loaded.axes.iter().any(|axis| axis == "optimizer.lr");
    let said = "No arm is tuned: at one learning rate for all, the arm that it suits looks better.";
    (!is_tuned)
        .then(|| if is_swept { format!("{said} The contrasts are at each rate by itself.") } else { said.into() })
}

/// Divergence, arm by arm.
fn diverged(scores: &Scores) -> Option<String> {
    let counted = match scores.kind {
        Kind::Accuracy => "as chance accuracy",
        Kind::Loss => "as the worst rank: contrasts with one are by ranks and have no interval",
        Kind::Steps | Kind::Seconds => "as never reaching the target",
    };
    let runs = &scores.grid.loaded.runs;
    let count = |variant: &String| {
        let of_arm = runs.iter().filter(|run| run.entry.variant == *variant);
        let diverged = of_arm.clone().filter(|run| run.status == Status::Diverged).count();
        (diverged > 0).then(|| format!("{variant} {diverged} of {}", of_arm.count()))
    };
    let counts: Vec<String> = scores.grid.loaded.variants.iter().filter_map(count).collect();
    (!counts.is_empty()).then(|| format!("Runs diverged: {}. They count {counted}.", counts.join(", ")))
}

/// Runs made by different programs or at different instruction levels.
fn mixtures(grid: &Grid) -> Vec<String> {
    let timings = || grid.loaded.runs.iter().filter_map(|run| run.timing.as_ref());
    let mixture = |what: &str, mut found: Vec<&str>, why: &str| {
        found.sort_unstable();
        found.dedup();
        (found.len() > 1).then(|| format!("Runs of different {what}: {}. {why}", found.join(", ")))
    };
    let versions = timings().map(|t| t.program_version.as_str()).filter(|version| !version.is_empty()).collect();
    let levels = timings().map(|t| t.simd.as_str()).collect();
    let changed = "Their numbers agree by their recorded identity; times may not be comparable.";
    let rounded = "They differ by rounding, and in time a step.";
    [mixture("program versions", versions, changed), mixture("instruction levels", levels, rounded)]
        .into_iter()
        .flatten()
        .collect()
}
