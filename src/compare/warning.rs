//! What speaks against a comparison: each kind with its values, and its sentence.

use serde::Serialize;

use super::arms::Chosen;
use super::grid::{End, Values};
use super::verdict::Verdict;
use super::words::{at, number, p_value, seeds, signed, value, values};
use crate::config::file::{Kind, Metric, Statistics};
use crate::stats::permutation::FEWEST;

/// Runs or seeds that are named before the rest is only counted.
const NAMED: usize = 8;

/// A reason to doubt the numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the sentences below say what the values are")]
pub enum Warning {
    /// Experiments that are not compared as one, and where their configurations differ.
    SideBySide { other: String, keys: Vec<String> },
    /// Nothing can be tuned with one seed.
    OneSeed,
    /// Nothing can be tuned without validation scores.
    NoValidation,
    /// Planned runs without a result.
    Unfinished { missing: Vec<Missing>, planned: usize },
    /// Arms that do not have the same seeds; those that only one of two arms has.
    DifferentSeeds { setting: Values, arms: [String; 2], only: [Vec<u64>; 2] },
    /// Too few seeds for any p below α.
    FewSeeds { seeds: usize, p_minimum: f64 },
    /// An arm's mean is another under other statistics.
    MeanDependsOnStatistics { setting: Values, variant: String, metric: Metric, means: Vec<MeanUnder>, settled: bool },
    /// A verdict is another under other statistics.
    VerdictDependsOnStatistics {
        setting: Values,
        arms: String,
        metric: Metric,
        verdicts: Vec<VerdictUnder>,
        settled: bool,
    },
    /// A time to the target that is read at the end of what was tried.
    TimeAtEdge { setting: Values, variant: String },
    /// An arm that is read at the end of what was tried.
    Edge { setting: Values, variant: String, seeds: usize, chosen: Vec<Chosen> },
    /// Another candidate might as well have been chosen, and is not equal.
    UnsettledChoice { setting: Values, variant: String, selected: Values, others: Vec<Values> },
    /// Every run of a contrast counts as something; none has a score of its own.
    NothingObserved { setting: Values, arms: String, is_time: bool },
    /// A verdict that another candidate would turn round.
    ChoiceDecides { setting: Values, arms: String },
    /// A trained run does worse than what a diverged one counts as.
    BelowChance { setting: Values, arms: String },
    /// The configured margin is of another metric than the one that is compared.
    OtherMargin { metric: Metric },
    /// The learning rate was not tuned for each arm.
    Untuned { is_swept: bool },
    /// Runs that diverged.
    Diverged { counts_as: CountsAs, arms: Vec<DivergedRuns> },
    /// Runs made by different versions of the program.
    ProgramVersions { found: Vec<String> },
    /// Runs made at different instruction levels.
    InstructionLevels { found: Vec<String> },
}

/// A planned run that has no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Which.
    pub run_id: String,
    /// Its status, or that it lacks the metric.
    pub why: String,
}

/// A mean under one kind of statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanUnder {
    /// Which kind.
    pub statistics: &'static str,
    /// The mean of the metric.
    pub mean: f64,
}

/// A verdict under one kind of statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictUnder {
    /// Which kind.
    pub statistics: &'static str,
    /// What has been shown.
    pub verdict: Verdict,
    /// The mean difference.
    pub difference: Option<f64>,
}

/// What a diverged run counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsAs {
    /// As guessing.
    Chance,
    /// As worse than any other.
    WorstRank,
    /// As never reaching the target.
    Never,
}

impl From<Kind> for CountsAs {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Accuracy => Self::Chance,
            Kind::Loss => Self::WorstRank,
            Kind::Steps | Kind::Seconds => Self::Never,
        }
    }
}

/// How many runs of an arm diverged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DivergedRuns {
    /// The arm.
    pub variant: String,
    /// How many diverged.
    pub diverged: usize,
    /// Of how many.
    pub runs: usize,
}

impl Warning {
    /// The warning in words.
    pub fn sentence(&self) -> String {
        match self {
            Self::SideBySide { other, keys } => side_by_side(other, keys),
            Self::OneSeed => "There is one seed, so nothing is tuned: a seed is tuned by the others.".to_owned(),
            Self::NoValidation => "There is no validation split, so nothing is tuned.".to_owned(),
            Self::Unfinished { missing, planned } => unfinished(missing, *planned),
            Self::DifferentSeeds { setting, arms, only } => at(setting) + &different_seeds(arms, only),
            Self::FewSeeds { seeds: n, p_minimum } => {
                let none = if *n < FEWEST { ", and there is no interval" } else { "" };
                format!("Few seeds: with {} p cannot fall below {}{none}.", seeds(*n), p_value(*p_minimum))
            }
            Self::MeanDependsOnStatistics { setting, variant, metric, means, settled } => {
                format!("{}{}", at(setting), mean_depends(variant, *metric, means, *settled))
            }
            Self::VerdictDependsOnStatistics { setting, arms, metric, verdicts, settled } => {
                format!("{}{}", at(setting), verdict_depends(arms, *metric, verdicts, *settled))
            }
            Self::TimeAtEdge { setting, variant } => format!(
                "{}{variant} is not tuned for its time to the target: its value is the smallest or the largest tried.",
                at(setting)
            ),
            Self::Edge { setting, variant, seeds, chosen } => {
                format!("{}{variant} is not tuned: {}.", at(setting), edges(*seeds, chosen))
            }
            Self::UnsettledChoice { setting, variant, selected, others } => format!(
                "{}{variant} is read at {}, but validation cannot tell that from {}, where the result is different. p \
                 and interval do not include the chance in this choice.",
                at(setting),
                values(selected),
                others.iter().map(values).collect::<Vec<_>>().join(" or ")
            ),
            Self::NothingObserved { setting, arms, is_time } => {
                let what = if *is_time { "diverged or never reached the target" } else { "diverged" };
                format!("{}{arms}: every run that counts here {what}, so nothing is compared.", at(setting))
            }
            Self::ChoiceDecides { setting, arms } => format!(
                "{}{arms}: there is no verdict, because the difference changes sign at another candidate, which validation \
                 cannot tell from the chosen one.",
                at(setting)
            ),
            Self::BelowChance { setting, arms } => format!(
                "{}{arms}: there is no verdict, because a diverged run counts as chance accuracy and a run trained to its end \
                 is below chance.",
                at(setting)
            ),
            Self::OtherMargin { metric } => {
                format!("The equivalence margin is for {}, so nothing is called equivalent here.", metric.name)
            }
            Self::Untuned { is_swept } => {
                let said = "No arm is tuned. With one learning rate for all arms, the arm that it suits looks better.";
                if *is_swept { format!("{said} There is a contrast at each rate.") } else { said.to_owned() }
            }
            Self::Diverged { counts_as, arms } => diverged(*counts_as, arms),
            Self::ProgramVersions { found } => format!(
                "Runs were made by different program versions: {}. Their numbers can be compared; their times perhaps not.",
                found.join(", ")
            ),
            Self::InstructionLevels { found } => format!(
                "Runs were made at different instruction levels: {}. They differ by rounding and in their time a step.",
                found.join(", ")
            ),
        }
    }
}

fn side_by_side(other: &str, keys: &[String]) -> String {
    let why = if keys.is_empty() {
        "both have the same arm".to_owned()
    } else {
        format!("they differ in {}", first_named(keys))
    };
    format!("Not compared with {other} as one experiment: {why}.")
}

fn unfinished(missing: &[Missing], planned: usize) -> String {
    let runs = if missing.len() == 1 { "1 run has" } else { &format!("{} runs have", missing.len()) };
    let names: Vec<String> = missing.iter().map(|run| format!("{} ({})", run.run_id, run.why)).collect();
    format!(
        "{runs} no result, of {planned} planned: {}. A seed counts in a contrast only if each arm has finished it \
         with every candidate.",
        first_named(&names)
    )
}

fn different_seeds([first, other]: &[String; 2], only: &[Vec<u64>; 2]) -> String {
    let with_seeds = [first, other].into_iter().zip(only).filter(|(_, seeds)| !seeds.is_empty());
    let parts = with_seeds.map(|(arm, seeds)| {
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        format!("{} only in {arm}", first_named(&seeds))
    });
    format!("{first} and {other} differ in their seeds: {}.", parts.collect::<Vec<_>>().join(", "))
}

fn mean_depends(variant: &str, metric: Metric, means: &[MeanUnder], settled: bool) -> String {
    let mean = |under: &MeanUnder| format!("{} under {} statistics", number(under.mean, metric.kind), under.statistics);
    format!(
        "{variant}: the mean {} is {}. {}",
        metric.name.replace('_', " "),
        means.iter().map(mean).collect::<Vec<_>>().join(", "),
        what_to_do(metric, settled)
    )
}

fn verdict_depends(arms: &str, metric: Metric, verdicts: &[VerdictUnder], settled: bool) -> String {
    let verdict = |VerdictUnder { statistics, verdict, difference }: &VerdictUnder| {
        let difference = difference.map(|d| format!(" ({})", signed(d, metric.kind))).unwrap_or_default();
        format!("{}{difference} under {statistics} statistics", verdict.name())
    };
    let verdicts = verdicts.iter().map(verdict).collect::<Vec<_>>().join(", ");
    format!("{arms}: the verdict is {verdicts}. {}", what_to_do(metric, settled))
}

/// What to do about a result that depends on the kind of statistics.
fn what_to_do(metric: Metric, settled: bool) -> String {
    if settled {
        return "The running statistics have settled, as those of the population agree with them; the statistics of a \
                single batch are noisy."
            .to_owned();
    }
    let other = metric.under(Statistics::Population).filter(|other| *other != metric).map(|other| other.name);
    let compare = other.map(|name| format!(", or compare with `--metric {name}`")).unwrap_or_default();
    format!("The running statistics have not settled: train for more steps, raise norm.momentum{compare}.")
}

fn edges(seeds: usize, chosen: &[Chosen]) -> String {
    let of = |Chosen { seeds: read, edges, .. }: &Chosen| {
        let read = *read;
        edges.clone().into_iter().map(move |edge| {
            let end = match edge.end {
                End::Only => "only value",
                End::Largest => "largest",
                End::Smallest => "smallest",
            };
            format!("{read} of {seeds} seeds read at {} = {}, the {end} tried", edge.axis, value(&edge.value))
        })
    };
    chosen.iter().flat_map(of).collect::<Vec<_>>().join("; ")
}

fn diverged(counts_as: CountsAs, arms: &[DivergedRuns]) -> String {
    let counted = match counts_as {
        CountsAs::Chance => "as chance accuracy",
        CountsAs::WorstRank => "as the worst rank; a contrast with such a run is tested by ranks and has no interval",
        CountsAs::Never => "as never reaching the target",
    };
    let arm = |arm: &DivergedRuns| format!("{} {} of {}", arm.variant, arm.diverged, arm.runs);
    format!("Runs diverged: {}. They count {counted}.", arms.iter().map(arm).collect::<Vec<_>>().join(", "))
}

/// The first few names, and how many more there are.
fn first_named(names: &[String]) -> String {
    let first = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{first} and {} more", names.len() - NAMED) } else { first }
}
