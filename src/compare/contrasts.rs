//! Differences between arms, paired by seed, each arm tuned for itself.

use super::Options;
use super::scores::{Score, Scores};
use super::verdict::{Evidence, Verdict, verdict};
use crate::config::file::Kind;
use crate::random::{below, stream};
use crate::stats::exchange::{self, DIFFERENCE, Effect, Tested};
use crate::stats::selection::Record;
use crate::stats::{describe, effect, equivalence, factorial, permutation};

/// One arm less another at one setting, or an effect of a switch.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Index of the setting.
    pub setting: usize,
    /// The arm that is looked at, or what the effect is of.
    pub a: String,
    /// The arm that it is held against; none for an effect.
    pub b: Option<String>,
    /// Seeds planned in any of the arms.
    pub planned: usize,
    /// Seeds complete in all of them.
    pub n: usize,
    /// Whether the test was on signed ranks, because a loss diverged: then there is no difference in numbers.
    pub by_ranks: bool,
    /// Mean difference, in the metric's unit.
    pub difference: Option<f64>,
    /// Its interval: the shifts that the test does not reject.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of the exchange test.
    pub p: Option<f64>,
    /// The same, corrected for the number of tests shown.
    pub p_holm: Option<f64>,
    /// The smallest p that so many seeds can give.
    pub p_minimum: Option<f64>,
    /// The share of seeds in which `a` is better, ties half.
    pub superiority: Option<f64>,
    /// The mean difference over the differences' SD, with the sign of the difference.
    pub effect_size: Option<f64>,
    /// What has been shown; of an effect, whether it makes things better.
    pub verdict: Verdict,
    /// Whether any seed is read at a score of its own, neither diverged nor never arrived.
    pub observed: bool,
    /// How the method fares on these data, made such that there is nothing to be found.
    pub null: Option<Null>,
    evidence: Evidence,
}

/// How often the method raises a false alarm on one contrast's own data: the arms' records are exchanged at
/// random, seed by seed, and everything is done again, save Holm's correction, which only lowers these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Null {
    /// How often the records were exchanged.
    pub exchanges: usize,
    /// How often p was below α.
    pub rejected: usize,
    /// How often the interval did not hold 0.
    pub excluded: usize,
    /// How often the verdict was *better* or *worse*.
    pub alarms: usize,
    /// How often it was *equivalent*.
    pub equivalent: usize,
}

/// Random exchanges of `--null`.
const NULL_EXCHANGES: usize = 2000;

/// Exchanges that each of their results is tested by: all of them up to 11 seeds, a random sample beyond that, which
/// makes a p coarser and no less honest.
const NULL_TESTS: usize = 1024;

/// `a` less `b` at a setting. If the experiment has no such arms, there are no seeds.
pub fn contrast(scores: &Scores, setting: usize, (a, b): (&str, &str), options: &Options) -> Contrast {
    Contrast { b: Some(b.to_owned()), ..tested(scores, setting, a, &[a, b], DIFFERENCE, options) }
}

/// What eq. 1, γ and β, and both together do, if the experiment has the four arms.
pub fn effects(scores: &Scores, setting: usize, options: &Options) -> Vec<Contrast> {
    let Some([neither, standardize, affine, bn]) = &scores.grid.loaded.corners else { return Vec::new() };
    let arms = [neither.as_str(), standardize, affine, bn];
    let effects = [("eq. 1", factorial::FIRST), ("γ, β", factorial::SECOND), ("interaction", factorial::INTERACTION)];
    effects.map(|(name, effect)| tested(scores, setting, name, &arms, effect, options)).to_vec()
}

fn tested<'a>(
    scores: &Scores<'a>,
    setting: usize,
    name: &str,
    arms: &[&str],
    effect: Effect,
    options: &Options,
) -> Contrast {
    // Names that live as long as the experiment; an arm that it does not have has no seeds.
    let known = |arm: &&str| scores.grid.loaded.variants.iter().map(String::as_str).find(|name| name == arm);
    let arms: Vec<&'a str> = arms.iter().filter_map(known).collect();
    let has_all = arms.len() == effect.weights.len();
    let mut planned: Vec<u64> = arms.iter().flat_map(|arm| scores.grid.seeds(setting, arm)).collect();
    planned.sort_unstable();
    planned.dedup();
    let mut seeds = if has_all { planned.clone() } else { Vec::new() };
    for arm in &arms {
        let complete = scores.complete(setting, arm);
        seeds.retain(|seed| complete.binary_search(seed).is_ok());
    }
    let records: Vec<Record> = arms.iter().map(|arm| scores.record(setting, arm, &seeds)).collect();
    let records: Vec<&Record> = records.iter().collect();
    let reads: Vec<_> = arms.iter().map(|arm| scores.read(setting, arm, &seeds)).collect();
    // Where no seed has anything but divergence, or never arriving, there is nothing to be equivalent.
    let is_observed = reads.iter().flatten().any(|score| !score.counted);
    let margin = scores.margin().filter(|_| is_observed);
    let test = |most| if has_all { exchange::test(&records, effect, most) } else { None };
    let mut contrast = test(permutation::ALL)
        .map_or_else(nothing, |tested| found(&tested, exchange::reach(&records, effect), scores.kind, options, margin));
    if options.null {
        contrast.null = (contrast.p.is_some()).then(|| null(&records, effect, options.confidence, margin));
    }
    contrast.evidence.is_sound = !(0..seeds.len()).any(|seed| is_below_chance(scores.kind, &reads, seed));
    contrast.observed = is_observed;
    (contrast.setting, contrast.planned, contrast.n) = (setting, planned.len(), seeds.len());
    name.clone_into(&mut contrast.a);
    contrast
}

/// Whether, for a seed, an arm that was trained to its end does worse than another that diverged and counts as guessing:
/// nobody would call the latter better.
fn is_below_chance(kind: Kind, reads: &[Vec<Score>], seed: usize) -> bool {
    let of = |diverged: bool| reads.iter().map(|arm| arm[seed]).filter(move |score| score.diverged == diverged);
    kind == Kind::Accuracy && of(true).any(|chance| of(false).any(|own| own.value < chance.value))
}

fn nothing() -> Contrast {
    Contrast {
        setting: 0,
        a: String::new(),
        b: None,
        planned: 0,
        n: 0,
        by_ranks: false,
        difference: None,
        interval: None,
        p: None,
        p_holm: None,
        p_minimum: None,
        superiority: None,
        effect_size: None,
        verdict: Verdict::Undecided,
        observed: true,
        null: None,
        evidence: Evidence {
            p: None,
            interval_agrees: false,
            within_margin: false,
            direction: 0.0,
            reach: (0.0, 0.0),
            is_sound: true,
        },
    }
}

fn found(tested: &Tested, reach: (f64, f64), kind: Kind, options: &Options, margin: Option<f64>) -> Contrast {
    let confidences = [options.confidence, equivalence::confidence_for(options.confidence)];
    let [interval, narrower] = tested.intervals(confidences);
    let within = |margin: f64| equivalence::is_equivalent(narrower, margin);
    let sign = kind.sign();
    // More is better in what was tested; back to the metric's own direction.
    let own = |(low, high): (f64, f64)| if sign > 0.0 { (low, high) } else { (-high, -low) };
    let difference = describe::mean(&tested.differences).filter(|_| !tested.by_ranks);
    Contrast {
        by_ranks: tested.by_ranks,
        difference: difference.map(|d| sign * d),
        interval: interval.map(own),
        p: Some(tested.p()),
        p_minimum: Some(permutation::smallest_p(tested.differences.len())),
        superiority: effect::superiority(&tested.differences),
        effect_size: effect::paired_effect(&tested.differences).map(|d| sign * d),
        evidence: Evidence {
            p: None,
            interval_agrees: interval.map_or(tested.by_ranks, |(low, high)| low > 0.0 || high < 0.0),
            within_margin: margin.is_some_and(|margin| within(margin) && reach.0.abs().max(reach.1.abs()) <= margin),
            direction: tested.direction(),
            reach,
            is_sound: true,
        },
        ..nothing()
    }
}

/// Exchanges the arms' records at random and asks of each result what would have been said of it: its p, whether its
/// interval would leave out 0 or lie within the margin, and the verdict.
fn null(records: &[&Record], effect: Effect, confidence: f64, margin: Option<f64>) -> Null {
    let (alpha, narrower) = (1.0 - confidence, equivalence::confidence_for(confidence));
    let mut rng = stream(0, "null");
    let mut null = Null { exchanges: NULL_EXCHANGES, rejected: 0, excluded: 0, alarms: 0, equivalent: 0 };
    for _ in 0..NULL_EXCHANGES {
        let is_exchanged: Vec<bool> = (0..records[0].seeds()).map(|_| below(&mut rng, 2) == 1).collect();
        let arms = exchange::exchanged(records, effect, &is_exchanged);
        let arms: Vec<&Record> = arms.iter().collect();
        let Some(tested) = exchange::test(&arms, effect, NULL_TESTS) else { continue };
        let mean = describe::mean(&tested.differences).unwrap_or(f64::INFINITY);
        let is_within =
            |margin: f64| mean.abs() < margin && [-margin, margin].iter().all(|theta| tested.rejects(*theta, narrower));
        let excludes = tested.rejects(0.0, confidence);
        let evidence = Evidence {
            p: Some(tested.p()),
            interval_agrees: excludes || tested.by_ranks,
            within_margin: margin.is_some_and(is_within),
            direction: tested.direction(),
            reach: exchange::reach(&arms, effect),
            is_sound: true,
        };
        null.rejected += usize::from(evidence.p.is_some_and(|p| p < alpha));
        null.excluded += usize::from(excludes);
        match verdict(&evidence, alpha) {
            Verdict::Better | Verdict::Worse => null.alarms += 1,
            Verdict::Equivalent => null.equivalent += 1,
            Verdict::Undecided => {}
        }
    }
    null
}

impl Contrast {
    /// Whether the verdict would be another, had chance chosen another candidate.
    pub fn hangs_on_the_choice(&self, confidence: f64) -> bool {
        let Evidence { p, interval_agrees, direction, reach: (low, high), .. } = self.evidence;
        let is_shown = interval_agrees && p.is_some_and(|p| p < 1.0 - confidence);
        self.verdict == Verdict::Undecided
            && is_shown
            && (direction > 0.0 && low <= 0.0 || direction < 0.0 && high >= 0.0)
    }

    /// Whether there is a verdict at all: none where a diverged run would count for more than one that was trained.
    pub fn is_sound(&self) -> bool {
        self.evidence.is_sound
    }

    /// With p corrected for the number of tests, the verdict.
    pub(super) fn conclude(&mut self, p_holm: Option<f64>, confidence: f64) {
        self.p_holm = p_holm;
        self.evidence.p = p_holm;
        self.verdict = verdict(&self.evidence, 1.0 - confidence);
    }
}
