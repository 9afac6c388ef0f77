//! What must be known before the numbers are believed: each check finds warnings of its kind.

use serde_json::Value;

use super::arms::ArmEstimate;
use super::comparison::Comparison;
use super::contrasts::Finding;
use super::grid::{Grid, Values};
use super::options::Options;
use super::rows::Run;
use super::scores::Scores;
use super::verdict::Verdict;
use super::warning::{DivergedRuns, GuessingRuns, Warning};
use crate::config::file::{Kind, Metric};
use crate::record::run::Status;
use crate::stats::permutation::smallest_p;
use crate::stats::selection::unsettled;

/// What speaks against a comparison, most serious first.
pub fn warnings(scores: &Scores, comparison: &Comparison, options: &Options) -> Vec<Warning> {
    let mut warnings = Vec::new();
    warnings.extend(side_by_side(scores.grid));
    warnings.extend(question_changed(scores.grid));
    warnings.extend(not_planned(scores.grid));
    warnings.extend(tables_changed(scores.grid));
    warnings.extend(unfinished(comparison));
    warnings.extend(different_seeds(scores));
    warnings.extend(few_seeds(comparison, options));
    let is_tuned = !comparison.tuned.is_empty();
    warnings.extend(small_splits(&comparison.configuration, is_tuned, comparison.metric));
    warnings.extend(coarse_times(scores, comparison));
    warnings.extend(times_at_edges(comparison));
    warnings.extend(edges(comparison));
    warnings.extend(unsettled_choices(scores));
    warnings.extend(means_of_no_value(comparison));
    warnings.extend(contrasts(comparison, options));
    warnings.extend(few_test_samples(scores, comparison));
    warnings.extend(other_margin(scores));
    warnings.extend(untuned(scores.grid, options));
    warnings.extend(diverged(scores, comparison));
    warnings.extend(guessing(scores.grid));
    warnings.extend(unsteady_times(scores.grid));
    warnings.extend(machines(scores.grid, comparison));
    warnings.extend(program_versions(scores.grid));
    warnings.extend(instruction_levels(scores.grid));
    warnings
}

fn side_by_side(grid: &Grid) -> Option<Warning> {
    let (other, keys) = grid.loaded.differs_from.clone()?;
    Some(Warning::SideBySide { other, keys })
}

fn question_changed(grid: &Grid) -> Option<Warning> {
    let changes = grid.loaded.changes.clone();
    (!changes.is_empty()).then_some(Warning::QuestionChanged { changes })
}

fn not_planned(grid: &Grid) -> Option<Warning> {
    let (name, reason) = (grid.loaded.name.clone(), grid.loaded.not_planned.clone()?);
    Some(Warning::NotPlanned { name, reason })
}

fn tables_changed(grid: &Grid) -> Option<Warning> {
    let files = grid.loaded.changed_tables.clone();
    (!files.is_empty()).then_some(Warning::TablesChanged { files })
}

fn unfinished(comparison: &Comparison) -> Option<Warning> {
    let (missing, planned) = (comparison.missing.clone(), comparison.planned);
    (!missing.is_empty()).then_some(Warning::Unfinished { missing, planned })
}

/// Compares every arm's seeds with the first arm's.
fn different_seeds(scores: &Scores) -> Vec<Warning> {
    let grid = scores.grid;
    let mut warnings = Vec::new();
    for setting in 0..grid.settings.len() {
        let seeds = |variant: &String| scores.complete(setting, variant);
        let all: Vec<(&String, Vec<u64>)> = grid.loaded.variants.iter().map(|v| (v, seeds(v))).collect();
        let Some((first, expected)) = all.first() else { continue };
        for (variant, found) in &all[1..] {
            let only = |a: &[u64], b: &[u64]| a.iter().copied().filter(|seed| !b.contains(seed)).collect();
            let only: [Vec<u64>; 2] = [only(expected, found), only(found, expected)];
            if only.iter().any(|seeds| !seeds.is_empty()) {
                let arms = [(*first).clone(), (*variant).clone()];
                warnings.push(Warning::DifferentSeeds { setting: grid.setting(setting), arms, only });
            }
        }
    }
    warnings
}

fn few_seeds(comparison: &Comparison, options: &Options) -> Option<Warning> {
    let n = comparison.contrasts.iter().map(|contrast| contrast.found.n).filter(|n| *n > 0).min()?;
    let p_minimum = smallest_p(n);
    (p_minimum >= 1.0 - options.confidence).then_some(Warning::FewSeeds { seeds: n, p_minimum })
}

/// Below this an accuracy moves by more than a hundredth with each sample.
const FEW_SAMPLES: u64 = 100;

/// Splits that are too small to say much: validation if arms are tuned by it, test if it is compared.
pub fn small_splits(configuration: &Value, is_tuned: bool, metric: Metric) -> impl Iterator<Item = Warning> {
    let is_asked = [is_tuned, metric.name.starts_with("test")];
    let samples = |split: &str| configuration["data"][split].as_u64();
    let splits = ["validation", "test"].into_iter().zip(is_asked).filter(|(_, is_asked)| *is_asked);
    let splits: Vec<_> = splits.filter_map(|(split, _)| Some((split, samples(split)?))).collect();
    let few = splits.into_iter().filter(|(_, samples)| (1..FEW_SAMPLES).contains(samples));
    few.map(|(split, samples)| Warning::SmallSplit { split, samples })
}

/// A time that is fewer evaluations than this is not much of a measurement.
const EVALUATIONS: f64 = 10.0;

/// Times to the target that are few evaluations long, or a margin smaller than the distance between two evaluations.
fn coarse_times(scores: &Scores, comparison: &Comparison) -> Option<Warning> {
    let steps = scores.resolution()?;
    let times = scores.grid.loaded.runs.iter().filter_map(|run| run.steps_to_target);
    let shortest = times.filter(|time| *time > 0.0).fold(f64::INFINITY, f64::min);
    let hides_margin = scores.own_margin().is_some() && comparison.equivalence_margin.is_none();
    (shortest < EVALUATIONS * steps || hides_margin).then_some(Warning::CoarseTimes { steps, hides_margin })
}

fn times_at_edges(comparison: &Comparison) -> impl Iterator<Item = Warning> {
    // If times are compared, the warnings about arms cover them.
    let is_compared = comparison.metric.kind.is_time();
    let times = comparison.times_to_target.iter().filter(move |time| time.edge && !is_compared);
    times.map(|time| Warning::TimeAtEdge { setting: time.setting.clone(), variant: time.variant.clone() })
}

fn edges(comparison: &Comparison) -> impl Iterator<Item = Warning> {
    comparison.arms.iter().filter(|arm| arm.edge).map(|arm| Warning::Edge {
        setting: arm.setting.clone(),
        variant: arm.variant.clone(),
        seeds: arm.n,
        chosen: arm.chosen.iter().filter(|chosen| !chosen.edges.is_empty()).cloned().collect(),
    })
}

/// Choices that were made by chance and that matter.
fn unsettled_choices(scores: &Scores) -> Vec<Warning> {
    let grid = scores.grid;
    let mut warnings = Vec::new();
    for setting in (0..grid.settings.len()).filter(|_| scores.is_tuned()) {
        for variant in &grid.loaded.variants {
            let seeds = scores.complete(setting, variant);
            let record = scores.record(setting, variant, &seeds);
            let candidates = grid.candidates_of(variant);
            let others = if seeds.is_empty() { Vec::new() } else { unsettled(&record) };
            if !others.is_empty() {
                warnings.push(Warning::UnsettledChoice {
                    setting: grid.setting(setting),
                    variant: variant.clone(),
                    selected: grid.candidate(scores.favourite(variant, &record)),
                    others: others.into_iter().map(|k| grid.candidate(candidates[k])).collect(),
                });
            }
        }
    }
    warnings
}

/// A mean may lie beyond those of the values that it is read at by so much of its standard error.
const OF_THE_STANDARD_ERROR: f64 = 0.25;

/// Means that lie outside those at the very values at which their seeds were read. Where one seed fails at the best value it is
/// read there, as the others favour it, and the others, for whom it counts, are read elsewhere: all where they do badly.
fn means_of_no_value(comparison: &Comparison) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for arm in comparison.arms.iter().filter(|arm| arm.chosen.len() > 1) {
        let curves =
            comparison.curves.iter().filter(|curve| (&curve.variant, &curve.setting) == (&arm.variant, &arm.setting));
        let points: Vec<_> = curves.flat_map(|curve| &curve.points).collect();
        let mean_at =
            |values: &Values| points.iter().find(|point| point.values == *values).and_then(|point| point.mean);
        let at: Option<Vec<(Values, f64)>> =
            arm.chosen.iter().map(|chosen| Some((chosen.values.clone(), mean_at(&chosen.values)?))).collect();
        let (Some(at), Some(mean), Some(std)) = (at, arm.mean, arm.std) else { continue };
        let ends =
            at.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, x)| (low.min(*x), high.max(*x)));
        let beyond = (ends.0 - mean).max(mean - ends.1);
        if beyond > OF_THE_STANDARD_ERROR * std / (arm.n as f64).sqrt() {
            let (setting, variant) = (arm.setting.clone(), arm.variant.clone());
            warnings.push(Warning::NoValueGivesMean { setting, variant, metric: comparison.metric, mean, at });
        }
    }
    warnings
}

/// Contrasts without observations, or of guessing with what is worse; verdicts that another choice would change.
fn contrasts(comparison: &Comparison, options: &Options) -> Vec<Warning> {
    let is_time = comparison.metric.kind.is_time();
    let contrasts = comparison.contrasts.iter().map(|c| (vec![c.a.clone(), c.b.clone()], &c.found));
    let effects = comparison.effects.iter().map(|effect| (vec![effect.effect.clone()], &effect.found));
    let mut warnings = Vec::new();
    for (of, found) in contrasts.chain(effects).filter(|(_, found)| found.n > 0) {
        let at = |found: &Finding| (found.setting.clone(), of.clone());
        if !found.observed {
            let (setting, of) = at(found);
            warnings.push(Warning::NothingObserved { setting, of, is_time });
        }
        if found.hangs_on_the_choice(options.confidence) {
            let (setting, of) = at(found);
            warnings.push(Warning::ChoiceDecides { setting, of });
        }
        if !found.is_sound() {
            let (setting, of) = at(found);
            warnings.push(Warning::BelowChance { setting, of });
        }
    }
    warnings
}

/// A difference of two accuracies on the same samples says little below so many standard errors of one of them.
const OF_ONE_ACCURACY: f64 = 2.0;

/// Verdicts on the samples of a file that other samples might turn. Where samples are drawn, each seed has others.
fn few_test_samples(scores: &Scores, comparison: &Comparison) -> Vec<Warning> {
    let loaded = scores.grid.loaded;
    let samples = loaded.configuration["data"]["test"].as_u64().filter(|samples| *samples > 0);
    let is_swept = loaded.axes.iter().any(|axis| axis.starts_with("data."));
    let is_of_test = comparison.metric.name.starts_with("test") && comparison.metric.kind == Kind::Accuracy;
    let Some(samples) = samples.filter(|_| loaded.has_fixed_data && is_of_test && !is_swept) else { return Vec::new() };
    let contrasts = comparison
        .contrasts
        .iter()
        .filter(|contrast| matches!(contrast.found.verdict, Verdict::Better | Verdict::Worse));
    let few = contrasts.filter_map(|contrast| {
        let is_it = |arm: &&ArmEstimate| arm.variant == contrast.b && arm.setting == contrast.found.setting;
        let accuracy = comparison.arms.iter().find(is_it)?.mean?;
        let difference = contrast.found.difference?.abs();
        let error = (accuracy * (1.0 - accuracy) / samples as f64).sqrt();
        (difference < OF_ONE_ACCURACY * error).then(|| Warning::FewTestSamples {
            setting: contrast.found.setting.clone(),
            of: vec![contrast.a.clone(), contrast.b.clone()],
            samples,
            apart: difference * samples as f64,
        })
    });
    few.collect()
}

fn other_margin(scores: &Scores) -> Option<Warning> {
    let configured = &scores.grid.loaded.options;
    let has_other = configured.equivalence_margin.is_some() && scores.own_margin().is_none();
    has_other.then_some(Warning::OtherMargin { metric: configured.metric })
}

fn untuned(grid: &Grid, options: &Options) -> Option<Warning> {
    let is_tuned = grid.tuned.iter().any(|axis| grid.loaded.axes[*axis] == "optimizer.lr");
    let axis = grid.loaded.axes.iter().position(|axis| axis == "optimizer.lr");
    let is_swept = axis.is_some_and(|axis| grid.loaded.has_choice(axis));
    let is_selected = is_swept && grid.loaded.options.select.iter().any(|axis| axis == "optimizer.lr");
    let by = options.by.iter().any(|axis| axis == "optimizer.lr");
    // Where it is asked for and cannot be done, another warning says why.
    (!is_tuned && (by || !is_selected)).then_some(Warning::Untuned { is_swept, is_selected, by })
}

fn diverged(scores: &Scores, comparison: &Comparison) -> Option<Warning> {
    let of_arm = |variant: &String| {
        let runs = scores.grid.loaded.runs.iter().filter(|run| run.entry.variant == *variant);
        let diverged = runs.clone().filter(|run| run.status == Status::Diverged).count();
        DivergedRuns { variant: variant.clone(), diverged, runs: runs.count() }
    };
    let arms = scores.grid.loaded.variants.iter().map(of_arm).filter(|arm| arm.diverged > 0);
    let arms: Vec<DivergedRuns> = arms.collect();
    let compared = comparison.arms.iter().any(|arm| arm.diverged > 0);
    (!arms.is_empty()).then(|| Warning::Diverged { counts_as: scores.kind.into(), arms, compared })
}

/// Standard errors above chance up to which an accuracy is that of guessing.
const ABOVE_CHANCE: f64 = 3.0;

/// Runs that did not diverge and learned nothing. Under random labels no run can do better on the test split.
fn guessing(grid: &Grid) -> Option<Warning> {
    let loaded = grid.loaded;
    let data = &loaded.configuration["data"];
    let place = loaded.column(Metric::named("test_accuracy")?)?;
    let samples = data["test"].as_f64().filter(|samples| *samples > 0.0)?;
    let is_swept = |key: &str| loaded.axes.iter().any(|axis| axis == key);
    if data["random_labels"] == true || is_swept("data.random_labels") || is_swept("data.test") {
        return None;
    }
    let is_guess = |run: &Run| {
        let chance = 1.0 / run.entry.classes as f64;
        let above = ABOVE_CHANCE * (chance * (1.0 - chance) / samples).sqrt();
        // Few samples do not tell a guess from some knowledge.
        let is_told = above <= chance / 2.0 && run.status == Status::Completed;
        is_told && run.scores[place].is_some_and(|accuracy| accuracy <= chance + above)
    };
    let of_arm = |variant: &String| {
        let runs = loaded.runs.iter().filter(|run| run.entry.variant == *variant);
        let guessing = runs.clone().filter(|run| is_guess(run)).count();
        GuessingRuns { variant: variant.clone(), guessing, runs: runs.count() }
    };
    let arms: Vec<GuessingRuns> = loaded.variants.iter().map(of_arm).filter(|arm| arm.guessing > 0).collect();
    (!arms.is_empty()).then_some(Warning::Guessing { arms })
}

/// From so many times the shortest time a step of its setting a run counts as held up.
const HELD_UP: f64 = 1.5;
/// Runs that trained for fewer seconds may be held up by anything.
const STEADY: f64 = 0.1;
/// The share of an arm's runs from which its times are called unsteady.
const UNSTEADY: f64 = 0.25;

fn unsteady_times(grid: &Grid) -> Option<Warning> {
    let share = |variant: &String| {
        let mut by_setting: Vec<(&[serde_json::Value], Vec<f64>)> = Vec::new();
        for run in
            grid.loaded.runs.iter().filter(|run| run.entry.variant == *variant && run.status == Status::Completed)
        {
            let Some(time) = run.timed(STEADY) else { continue };
            match by_setting.iter_mut().find(|(values, _)| *values == run.entry.values) {
                Some((_, times)) => times.push(time),
                None => by_setting.push((&run.entry.values, vec![time])),
            }
        }
        let held_up = |times: &Vec<f64>| {
            let least = times.iter().copied().fold(f64::INFINITY, f64::min);
            times.iter().filter(|time| **time > HELD_UP * least).count()
        };
        let all: usize = by_setting.iter().map(|(_, times)| times.len()).sum();
        by_setting.iter().map(|(_, times)| held_up(times)).sum::<usize>() as f64 / all.max(1) as f64
    };
    let arms = grid.loaded.variants.iter().map(|variant| (variant.clone(), share(variant)));
    let arms: Vec<(String, f64)> = arms.filter(|(_, share)| *share >= UNSTEADY).collect();
    (!arms.is_empty()).then_some(Warning::UnsteadyTimes { arms })
}

fn machines(grid: &Grid, comparison: &Comparison) -> Option<Warning> {
    let timings = grid.loaded.runs.iter().filter_map(|run| run.timing.as_ref());
    let hosts = timings.map(|timing| timing.host.as_str()).filter(|host| !host.is_empty());
    let is_timed = comparison.metric.kind == Kind::Seconds;
    several(hosts).filter(|_| is_timed).map(|found| Warning::Machines { found })
}

fn program_versions(grid: &Grid) -> Option<Warning> {
    let timings = grid.loaded.runs.iter().filter_map(|run| run.timing.as_ref());
    let versions = timings.map(|timing| timing.program_version.as_str()).filter(|version| !version.is_empty());
    several(versions).map(|found| Warning::ProgramVersions { found })
}

fn instruction_levels(grid: &Grid) -> Option<Warning> {
    let timings = grid.loaded.runs.iter().filter_map(|run| run.timing.as_ref());
    several(timings.map(|timing| timing.simd.as_str())).map(|found| Warning::InstructionLevels { found })
}

/// The different words, if there is more than one.
fn several<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<String>> {
    let different: std::collections::BTreeSet<&str> = words.collect();
    (different.len() > 1).then(|| different.into_iter().map(str::to_owned).collect())
}
