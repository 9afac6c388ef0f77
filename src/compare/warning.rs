//! What speaks against a comparison: each kind with its values.

mod text;

use serde::Serialize;

use super::arms::Chosen;
use super::grid::Values;
use super::verdict::Verdict;
use crate::config::file::{Kind, Metric};
pub use text::together;

/// A reason to doubt the numbers. `of` has the names of two arms, or of one effect of the switches.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the sentences in `text` say what the values are")]
pub enum Warning {
    /// Experiments that are not compared as one, and where their configurations differ.
    SideBySide { other: String, keys: Vec<String> },
    /// How the question was changed after runs were finished.
    QuestionChanged { changes: Vec<String> },
    /// Why the runs could not be held against the configuration.
    NotPlanned { name: String, reason: String },
    /// Tables that somebody has changed since they were written.
    TablesChanged { files: Vec<String> },
    /// Nothing can be tuned with one seed.
    OneSeed,
    /// A split with so few samples that a score on it is mostly luck.
    SmallSplit { split: &'static str, samples: u64 },
    /// Nothing can be tuned without validation scores.
    NoValidation,
    /// Planned runs without a result.
    Unfinished { missing: Vec<Missing>, planned: usize },
    /// Arms that do not have the same seeds; those that only one of two arms has.
    DifferentSeeds { setting: Values, arms: [String; 2], only: [Vec<u64>; 2] },
    /// Too few seeds for any p below α.
    FewSeeds { seeds: usize, p_minimum: f64 },
    /// An arm's mean differs under other statistics.
    MeanDependsOnStatistics { setting: Values, variant: String, metric: Metric, means: Vec<MeanUnder>, why: Why },
    /// A verdict differs under other statistics.
    VerdictDependsOnStatistics {
        setting: Values,
        of: Vec<String>,
        metric: Metric,
        verdicts: Vec<VerdictUnder>,
        why: Why,
    },
    /// Evaluations are so far apart that times to the target are rough; perhaps further than the equivalence margin.
    CoarseTimes { steps: f64, hides_margin: bool },
    /// A time to the target that is read at the end of what was tried.
    TimeAtEdge { setting: Values, variant: String },
    /// An arm that is read at the end of what was tried.
    Edge { setting: Values, variant: String, seeds: usize, chosen: Vec<Chosen> },
    /// Another candidate might as well have been chosen, and is not equal.
    UnsettledChoice { setting: Values, variant: String, selected: Values, others: Vec<Values> },
    /// An arm whose mean no value gives at which its seeds were read, and the means over all seeds there.
    NoValueGivesMean { setting: Values, variant: String, metric: Metric, mean: f64, at: Vec<(Values, f64)> },
    /// Every score of a contrast is assigned; no run has one of its own.
    NothingObserved { setting: Values, of: Vec<String>, is_time: bool },
    /// A verdict that another candidate would turn round.
    ChoiceDecides { setting: Values, of: Vec<String> },
    /// A difference that other test samples may turn: so many samples it is, of so many that are the same for every seed.
    FewTestSamples { setting: Values, of: Vec<String>, samples: u64, apart: f64 },
    /// A trained run does worse than what a diverged one counts as.
    BelowChance { setting: Values, of: Vec<String> },
    /// The configured margin belongs to another metric than the compared one.
    OtherMargin { metric: Metric },
    /// The learning rate was not tuned for each arm.
    Untuned { is_swept: bool, is_selected: bool, by: bool },
    /// Runs that diverged, and whether any of them is compared.
    Diverged { counts_as: CountsAs, arms: Vec<DivergedRuns>, compared: bool },
    /// Runs that came to their end, at the accuracy of guessing.
    Guessing { arms: Vec<GuessingRuns> },
    /// Arms whose times a step differ between runs of one setting by more than the work does: a share of their runs.
    UnsteadyTimes { arms: Vec<(String, f64)> },
    /// Runs whose times are compared, and that were trained on different machines.
    Machines { found: Vec<String> },
    /// Runs made by different versions of the program.
    ProgramVersions { found: Vec<String> },
    /// Runs made at different instruction levels.
    InstructionLevels { found: Vec<String> },
}

impl Warning {
    /// Whether it only informs: nothing is wrong, and nothing has to be done before the numbers are used.
    pub fn is_note(&self) -> bool {
        match self {
            Self::MeanDependsOnStatistics { metric, why, .. }
            | Self::VerdictDependsOnStatistics { metric, why, .. } => {
                *why == Why::RoughBatches && !metric.kind.is_time()
            }
            Self::Diverged { compared, .. } => !compared,
            Self::Guessing { .. } | Self::OtherMargin { .. } => true,
            _ => false,
        }
    }
}

/// Runs of an arm that ended at the accuracy of guessing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuessingRuns {
    /// The arm.
    pub variant: String,
    /// Its completed runs that are no better than guessing.
    pub guessing: usize,
    /// Its runs.
    pub runs: usize,
}

/// A planned run that has no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Which.
    pub run_id: String,
    /// Its status, or that it lacks the metric.
    pub why: String,
}

/// Why a result depends on the kind of statistics, as far as the means tell; the most serious last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The statistics of a single batch are rough.
    RoughBatches,
    /// With the statistics of its own batches a split is read far better than with those of training: it may be of other data.
    OtherData,
    /// The running statistics are not those of the population.
    NotSettled,
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
    /// Out of how many.
    pub runs: usize,
}
