//! Differences between arms, paired by seed, each arm tuned for itself.

use serde::Serialize;

use super::arrange::{is_exploratory, is_primary};
use super::grid::Values;
use super::null::{Null, null};
use super::options::Options;
use super::scores::{Score, Scores};
use super::verdict::{Evidence, Level, Verdict, verdict};
use crate::config::file::Kind;
use crate::stats::describe::deviation;
use crate::stats::exchange::{self, DIFFERENCE, Effect, Tested};
use crate::stats::sample::Sample;
use crate::stats::selection::Record;
use crate::stats::{effect, factorial, permutation, seeds};

/// One arm less another at one setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contrast {
    /// What was found.
    #[serde(flatten)]
    pub found: Finding,
    /// The arm that is looked at.
    pub a: String,
    /// The arm that it is compared with.
    pub b: String,
    /// Whether this is the contrast that the experiment is about.
    pub primary: bool,
    /// Whether the question was chosen after the runs.
    pub exploratory: bool,
}

/// What a switch does at one setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SwitchEffect {
    /// What was found. The verdict says whether the switch makes things better.
    #[serde(flatten)]
    pub found: Finding,
    /// Which effect.
    pub effect: String,
}

/// A difference between arms and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The setting.
    pub setting: Values,
    /// Seeds planned in any of the arms.
    pub planned: usize,
    /// Seeds complete in all of them.
    pub n: usize,
    /// Whether the test was on signed ranks, because a loss diverged: then there is no difference in numbers.
    pub by_ranks: bool,
    /// Mean difference, in the metric's unit.
    pub difference: Option<f64>,
    /// SD over seeds of the differences.
    pub std: Option<f64>,
    /// Interval of the mean difference: the shifts that the test does not reject.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of the exchange test.
    pub p: Option<f64>,
    /// The same, corrected for the number of tests in its family.
    pub p_holm: Option<f64>,
    /// The number of tests in the family.
    pub tests: usize,
    /// The smallest p that so many seeds can give.
    pub p_minimum: Option<f64>,
    /// The share of seeds in which `a` is better, ties half.
    pub superiority: Option<f64>,
    /// The mean difference over the differences' SD, with the sign of the difference.
    pub effect_size: Option<f64>,
    /// What has been shown.
    pub verdict: Verdict,
    /// If there are too few seeds: the smallest number with which any outcome could decide.
    pub seeds_needed: Option<usize>,
    /// If undecided: about how many seeds would tell the difference from 0, if it is as large as it seems.
    pub seeds_to_tell: Option<usize>,
    /// The same at the two ends of the interval: at the end that is further from 0, and at the nearer one. The second is `None`
    /// if the interval holds 0, which no number of seeds tells from 0.
    pub seeds_to_tell_at_ends: Option<(usize, Option<usize>)>,
    /// If undecided: about how many would show that it lies within the margin, if it is 0.
    pub seeds_for_equivalence: Option<usize>,
    /// Whether the interval is wide because of the choice of a candidate, more than because of the seeds.
    pub widened_by_choice: bool,
    /// The difference of each seed, in the order of the seeds.
    pub differences: Vec<SeedDifference>,
    /// How the method does on these data after random exchanges, which leave nothing to be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null: Option<Null>,
    /// Whether any run that is read has a score of its own: it did not diverge, and it arrived.
    #[serde(skip)]
    pub observed: bool,
    #[serde(skip)]
    evidence: Evidence,
}

/// The difference of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeedDifference {
    /// The seed.
    pub seed: u64,
    /// In the metric's unit; infinite, in JSON null, if the loss of one arm diverged.
    pub difference: f64,
}

/// `a` less `b` at a setting. If the experiment has no such arms, there are no seeds.
pub fn contrast(scores: &Scores, setting: usize, (a, b): (&str, &str), options: &Options) -> Contrast {
    let found = find(scores, setting, &[a, b], DIFFERENCE, options);
    let loaded = scores.grid.loaded;
    let primary = is_primary(loaded, (a, b), options);
    let exploratory = is_exploratory(loaded, options);
    Contrast { found, a: a.to_owned(), b: b.to_owned(), primary, exploratory }
}

/// What eq. 1, γ and β, and both together do, if the experiment has the four arms.
pub fn effects(scores: &Scores, setting: usize, options: &Options) -> Vec<SwitchEffect> {
    let Some(corners) = &scores.grid.loaded.corners else { return Vec::new() };
    let arms = corners.each_ref().map(String::as_str);
    let effects = [("eq. 1", factorial::FIRST), ("γ, β", factorial::SECOND), ("interaction", factorial::INTERACTION)];
    let found = |(name, effect): (&str, Effect)| SwitchEffect {
        found: find(scores, setting, &arms, effect, options),
        effect: name.to_owned(),
    };
    effects.map(found).to_vec()
}

fn find<'a>(scores: &Scores<'a>, setting: usize, arms: &[&str], effect: Effect, options: &Options) -> Finding {
    // These names live as long as the experiment. An arm that it lacks has no seeds.
    let known = |arm: &&str| scores.grid.loaded.variants.iter().map(String::as_str).find(|name| name == arm);
    let arms: Vec<&'a str> = arms.iter().filter_map(known).collect();
    let has_all = arms.len() == effect.weights.len();
    let mut planned: Vec<u64> = arms.iter().flat_map(|arm| scores.grid.seeds(setting, arm)).collect();
    planned.sort_unstable();
    planned.dedup();
    let seeds = if has_all { complete(scores, setting, &arms, &planned) } else { Vec::new() };
    let reads: Vec<_> = arms.iter().map(|arm| scores.read(setting, arm, &seeds)).collect();
    let mut found = Finding::of_nothing(scores.grid.setting(setting), planned.len(), seeds.len());
    found.evidence.is_sound = !(0..seeds.len()).any(|seed| is_below_chance(scores.kind, &reads, seed));
    // If every run diverged or never arrived, nothing can be equivalent.
    found.observed = reads.iter().flatten().any(|score| !score.assigned);
    let records: Vec<Record> = arms.iter().map(|arm| scores.record(setting, arm, &seeds)).collect();
    let records: Vec<&Record> = records.iter().collect();
    let Some(tested) = has_all.then(|| exchange::test(&records, effect, options.exchanges)).flatten() else {
        return found;
    };
    let level = Level::new(options.confidence, scores.margin().filter(|_| found.observed));
    found.fill(&tested, exchange::range(&records, effect), &level, scores.kind);
    let sign = scores.kind.sign();
    let difference = |(seed, d): (&u64, &f64)| SeedDifference { seed: *seed, difference: positive_zero(sign * d) };
    found.differences = seeds.iter().zip(&tested.differences).map(difference).collect();
    found.null = options.null.then(|| null(&records, effect, &level));
    found
}

/// The seeds that are complete in all of some arms.
fn complete<'a>(scores: &Scores<'a>, setting: usize, arms: &[&'a str], planned: &[u64]) -> Vec<u64> {
    let mut seeds = planned.to_vec();
    for arm in arms {
        let complete = scores.complete(setting, arm);
        seeds.retain(|seed| complete.binary_search(seed).is_ok());
    }
    seeds
}

/// Whether, for a seed, one arm was trained to its end and does worse than another that diverged and counts as guessing.
/// Nobody would call the diverged one better.
fn is_below_chance(kind: Kind, reads: &[Vec<Score>], seed: usize) -> bool {
    let of = |diverged: bool| reads.iter().map(|arm| arm[seed]).filter(move |score| score.diverged == diverged);
    kind == Kind::Accuracy && of(true).any(|chance| of(false).any(|own| own.value < chance.value))
}

/// 0 for −0.
fn positive_zero(x: f64) -> f64 {
    x + 0.0
}

impl Finding {
    fn of_nothing(setting: Values, planned: usize, n: usize) -> Self {
        Self {
            setting,
            planned,
            n,
            by_ranks: false,
            difference: None,
            std: None,
            interval: None,
            p: None,
            p_holm: None,
            tests: 0,
            p_minimum: None,
            superiority: None,
            effect_size: None,
            verdict: Verdict::Undecided,
            seeds_needed: None,
            seeds_to_tell: None,
            seeds_to_tell_at_ends: None,
            seeds_for_equivalence: None,
            widened_by_choice: false,
            differences: Vec::new(),
            null: None,
            observed: true,
            evidence: Evidence::default(),
        }
    }

    /// Takes over a test's results. In the test more is better; here values have the metric's own direction.
    fn fill(&mut self, tested: &Tested, range: (f64, f64), level: &Level, kind: Kind) {
        let [interval, narrower] = tested.intervals([level.confidence, level.narrower]);
        let sign = kind.sign();
        let own = |(low, high): (f64, f64)| if sign > 0.0 { (low, high) } else { (-high, -low) };
        self.widened_by_choice = is_widened(tested, interval, level.confidence);
        self.by_ranks = tested.by_ranks;
        let finite = Sample::new(&tested.differences);
        let difference = finite.filter(|_| !tested.by_ranks).map(Sample::mean);
        self.difference = difference.map(|d| sign * d);
        self.std = finite.filter(|_| !tested.by_ranks).and_then(deviation);
        self.interval = interval.map(own);
        self.p = Some(tested.p());
        self.p_minimum = Some(permutation::smallest_p(tested.differences.len()));
        self.superiority = effect::superiority(&tested.differences);
        self.effect_size = finite.and_then(effect::paired_effect).map(|d| sign * d);
        self.evidence = Evidence {
            interval_agrees: interval.map_or(tested.by_ranks, |(low, high)| low > 0.0 || high < 0.0),
            within_margin: level.is_equivalent(narrower, range),
            direction: tested.direction(),
            range,
            ..self.evidence
        };
    }

    /// Whether there is no verdict only because the difference changes sign at a candidate that chance might have chosen.
    pub fn hangs_on_the_choice(&self, confidence: f64) -> bool {
        let Evidence { p, interval_agrees, direction, range: (low, high), .. } = self.evidence;
        let is_shown = interval_agrees && p.is_some_and(|p| p < 1.0 - confidence);
        self.verdict == Verdict::Undecided
            && is_shown
            && (direction > 0.0 && low <= 0.0 || direction < 0.0 && high >= 0.0)
    }

    /// Whether there can be a verdict: not where a diverged run counts for more than one that was trained to its end.
    pub fn is_sound(&self) -> bool {
        self.evidence.is_sound
    }

    /// The verdict, with p corrected for the number of tests in the family. `p_least` is what the corrected p would be if
    /// all seeds were on one side.
    pub(super) fn conclude(&mut self, p_holm: Option<f64>, p_least: f64, tests: usize, level: &Level) {
        (self.p_holm, self.tests) = (p_holm, tests);
        (self.evidence.p, self.evidence.p_least) = (p_holm, p_least);
        self.verdict = verdict(&self.evidence, level.alpha());
        self.seeds_needed = (self.verdict == Verdict::TooFewSeeds).then(|| seeds::needed(tests, level.alpha()));
        // Where the choice of a value decides, more seeds of the same spread are not what is missing.
        if self.verdict == Verdict::Undecided && self.is_sound() && !self.hangs_on_the_choice(level.confidence) {
            // For a difference that is too small to matter, nobody asks how many seeds would show it.
            let matters = |difference: &f64| level.margin.is_none_or(|margin| difference.abs() >= margin);
            let observed = self.difference.filter(matters).zip(self.interval);
            if let Some((difference, (low, high))) = observed {
                let to_tell = |difference: f64| {
                    seeds::to_tell_from_0(self.n, (high - low) / 2.0, difference, tests, level.alpha())
                };
                let (far, near) = if low.abs() > high.abs() { (low, high) } else { (high, low) };
                let near = (low * high > 0.0).then_some(near).and_then(to_tell);
                self.seeds_to_tell = to_tell(difference);
                self.seeds_to_tell_at_ends = to_tell(far).map(|least| (least, near));
            }
            self.seeds_for_equivalence = self.difference.zip(level.margin).and_then(|(difference, margin)| {
                let sd = self.std.filter(|sd| *sd > 0.0 && difference.abs() < margin)?;
                seeds::to_show_equivalence(sd, margin, level.alpha())
            });
        }
    }
}

/// From this many times the width that the seeds alone would give, the choice has widened an interval.
const WIDENED: f64 = 1.5;

/// Whether the interval is much wider than the one by flips of the chosen differences' signs.
fn is_widened(tested: &Tested, interval: Option<(f64, f64)>, confidence: f64) -> bool {
    let width = |(low, high): (f64, f64)| high - low;
    let [_, flips] = tested.orbits() else { return false };
    // One that is narrow in itself is not wide: it may have no width but that of its search.
    let rounding = |(low, high): (f64, f64)| 1e-3 * low.abs().max(high.abs());
    let is_wider = |(all, seeds)| width(all) > WIDENED * width(seeds) + rounding(all);
    interval.zip(flips.interval(confidence)).is_some_and(is_wider)
}
