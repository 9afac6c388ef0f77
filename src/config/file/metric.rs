//! The metrics: what a run is scored by at its end, and what arms can be compared by.
//!
//! [`Metric::ALL`] is the only list of them. The columns of `runs.csv`, the keys of `metrics` in `run.json`, the names
//! that `compare.metric` and `--metric` take, and their place in the schema follow from it.

use std::borrow::Cow;

use clap::builder::PossibleValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::json;

/// Which samples a loss or an accuracy is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A minibatch.
    Batch,
    /// The training split.
    Train,
    /// The validation split.
    Validation,
    /// The test split.
    Test,
}

impl Part {
    /// As tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Training samples that population statistics are found from, at most (Wu & Johnson 2021).
pub const POPULATION: usize = 2048;

/// Which means and variances a norm uses in evaluation. Arms without batch statistics know one kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// The running ones, kept while training.
    Running,
    /// Those of the batch at hand.
    Batch,
    /// Those of a large sample of the training split (Wu & Johnson 2021); see
    /// [`Network::find_population`](crate::nn::Network::find_population).
    Population,
}

impl Statistics {
    /// All three kinds; the first is what is compared by default.
    pub const ALL: [Self; 3] = [Self::Running, Self::Batch, Self::Population];

    /// Its word, as in the names of metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Batch => "batch",
            Self::Population => "population",
        }
    }

    /// The column `mode` of curves.csv.
    pub const fn mode(self) -> &'static str {
        match self {
            Self::Running => "running_stats",
            Self::Batch => "batch_stats",
            Self::Population => "population_stats",
        }
    }
}

/// What is measured, in which unit, and which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A share of samples; more is better. A diverged run counts as guessing.
    Accuracy,
    /// Cross-entropy in nats; less is better. A diverged run has none, and is the worst there is.
    Loss,
    /// Training steps; less is better. A diverged run counts at the budget, like one that never arrives.
    Steps,
    /// Seconds of training steps; like steps.
    Seconds,
}

impl Kind {
    /// 1 if more is better, −1 if less is.
    pub fn sign(self) -> f64 {
        if self == Self::Accuracy { 1.0 } else { -1.0 }
    }

    /// Whether it is a time to the target.
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Steps | Self::Seconds)
    }
}

/// When a run is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// After the last update, on all of a split.
    End(Part, Statistics),
    /// At its best evaluation on the validation split.
    Best,
    /// When the validation accuracy reaches a target. This is known only when runs are collected and compared.
    Target,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name everywhere: in configurations, on the command line, in tables and records.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// What is measured.
    pub kind: Kind,
    /// When.
    pub source: Source,
    /// Name of the metric that the choice of a candidate goes by when this one is compared.
    pub chosen_by: &'static str,
}

impl Metric {
    /// The default of `compare.metric`.
    pub const TEST_ACCURACY: Self =
        at_end("test_accuracy", Part::Test, Kind::Accuracy, "Accuracy on the test split at the end.");
    /// Accuracy by which the time to a target is measured.
    pub const VALIDATION_ACCURACY: Self =
        at_end("validation_accuracy", Part::Validation, Kind::Accuracy, "Accuracy on the validation split at the end.");
    /// The time to the target in updates.
    pub const STEPS_TO_TARGET: Self = to_target(
        "steps_to_target",
        Kind::Steps,
        "Steps until the validation accuracy first reaches `target_accuracy`; never counts at the budget.",
    );
    /// The time to the target in seconds.
    pub const SECONDS_TO_TARGET: Self = to_target(
        "seconds_to_target",
        Kind::Seconds,
        "The same in seconds: steps times the arm's own measured time a step.",
    );

    /// Every metric. Those of the end of a run come first, in the order of the columns of `runs.csv`.
    pub const ALL: &[Self] = &[
        at_end("train_loss", Part::Train, Kind::Loss, "Loss on the whole training split at the end."),
        at_end("train_accuracy", Part::Train, Kind::Accuracy, "Accuracy on the whole training split at the end."),
        at_end("validation_loss", Part::Validation, Kind::Loss, "Loss on the validation split at the end."),
        Self::VALIDATION_ACCURACY,
        at_end("test_loss", Part::Test, Kind::Loss, "Loss on the test split at the end."),
        Self::TEST_ACCURACY,
        under_batch("train_loss_batch", Part::Train, Kind::Loss),
        under_batch("train_accuracy_batch", Part::Train, Kind::Accuracy),
        under_batch("validation_loss_batch", Part::Validation, Kind::Loss),
        under_batch("validation_accuracy_batch", Part::Validation, Kind::Accuracy),
        under_batch("test_loss_batch", Part::Test, Kind::Loss),
        under_batch("test_accuracy_batch", Part::Test, Kind::Accuracy),
        under_population("train_loss_population", Part::Train, Kind::Loss),
        under_population("train_accuracy_population", Part::Train, Kind::Accuracy),
        under_population("validation_loss_population", Part::Validation, Kind::Loss),
        under_population("validation_accuracy_population", Part::Validation, Kind::Accuracy),
        under_population("test_loss_population", Part::Test, Kind::Loss),
        under_population("test_accuracy_population", Part::Test, Kind::Accuracy),
        Self {
            name: "best_validation_accuracy",
            about: "Highest validation accuracy during training.",
            kind: Kind::Accuracy,
            source: Source::Best,
            chosen_by: "best_validation_accuracy",
        },
        Self::STEPS_TO_TARGET,
        Self::SECONDS_TO_TARGET,
    ];

    /// Those that a run is scored by at its end: a column of `runs.csv` and a key of `run.json` each.
    pub const FINAL: &[Self] = Self::ALL.split_at(count_final()).0;

    /// Names of them all.
    pub const NAMES: &[&str] = &names::<{ Self::ALL.len() }>();

    /// The metric of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.name == name)
    }

    /// The same score of the end of a run under other statistics; `None` for any other metric.
    pub fn under(self, statistics: Statistics) -> Option<Self> {
        let Source::End(part, _) = self.source else { return None };
        let is_meant = |other: &Self| (other.source, other.kind) == (Source::End(part, statistics), self.kind);
        Self::ALL.iter().copied().find(is_meant)
    }

    /// The score of the end of a run that tells whether this one rests on running statistics which have not settled: itself,
    /// or the validation accuracy of what is known under running statistics only.
    pub fn at_the_end(self) -> Self {
        if self.statistics().is_some() { self } else { Self::VALIDATION_ACCURACY }
    }

    /// The statistics under which it is a score of the end of a run.
    pub const fn statistics(self) -> Option<Statistics> {
        if let Source::End(_, statistics) = self.source { Some(statistics) } else { None }
    }

    /// What the choice of a candidate goes by when this is compared: the same on the validation split.
    pub fn chosen_by(self) -> Self {
        Self::named(self.chosen_by).unwrap_or(self)
    }
}

/// A loss or an accuracy at the end, under running statistics.
const fn at_end(name: &'static str, part: Part, kind: Kind, about: &'static str) -> Metric {
    under(Statistics::Running, name, part, kind, about)
}

/// The same under the statistics of the batch at hand.
const fn under_batch(name: &'static str, part: Part, kind: Kind) -> Metric {
    let about = "The score of this name without `_batch`, under the statistics of each batch of the training size.";
    under(Statistics::Batch, name, part, kind, about)
}

/// The same under population statistics.
const fn under_population(name: &'static str, part: Part, kind: Kind) -> Metric {
    let about =
        "The score of this name without `_population`, under the statistics of the first 2,048 training samples.";
    under(Statistics::Population, name, part, kind, about)
}

/// The choice goes by the same on the validation split.
const fn under(of: Statistics, name: &'static str, part: Part, kind: Kind, about: &'static str) -> Metric {
    let chosen_by = match (of, matches!(kind, Kind::Loss)) {
        (Statistics::Running, true) => "validation_loss",
        (Statistics::Running, false) => "validation_accuracy",
        (Statistics::Batch, true) => "validation_loss_batch",
        (Statistics::Batch, false) => "validation_accuracy_batch",
        (Statistics::Population, true) => "validation_loss_population",
        (Statistics::Population, false) => "validation_accuracy_population",
    };
    Metric { name, about, kind, source: Source::End(part, of), chosen_by }
}

/// A time to the target. It is one of the validation split already.
const fn to_target(name: &'static str, kind: Kind, about: &'static str) -> Metric {
    Metric { name, about, kind, source: Source::Target, chosen_by: name }
}

const fn count_final() -> usize {
    let mut count = 0;
    while count < Metric::ALL.len() && !matches!(Metric::ALL[count].source, Source::Target) {
        count += 1;
    }
    count
}

/// Names of the first `N` metrics.
const fn names<const N: usize>() -> [&'static str; N] {
    let mut names = [""; N];
    let mut i = 0;
    while i < N {
        names[i] = Metric::ALL[i].name;
        i += 1;
    }
    names
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| de::Error::unknown_variant(&name, Self::NAMES))
    }
}

impl JsonSchema for Metric {
    fn schema_name() -> Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |metric: &Self| json!({ "type": "string", "const": metric.name, "description": metric.about });
        json_schema!({
            "oneOf": Self::ALL.iter().map(one).collect::<Vec<_>>(),
            "description": "What arms can be compared by: a column of runs.csv, or the time to a target made of them.",
        })
    }
}

impl clap::ValueEnum for Metric {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        // On the command line a sentence stands without its full stop.
        Some(PossibleValue::new(self.name).help(self.about.trim_end_matches('.')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_metrics_alone_and_every_choice_goes_by_a_validation_score() {
        for (i, metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(Metric::ALL.iter().position(|other| other.name == metric.name), Some(i));
            let by = Metric::named(metric.chosen_by).expect("a metric");
            let expected = match metric.source {
                Source::End(_, statistics) => Source::End(Part::Validation, statistics),
                other => other,
            };
            assert_eq!(by.source, expected, "{}", metric.name);
            assert_eq!(by.kind, metric.kind);
            assert_eq!(i < Metric::FINAL.len(), metric.source != Source::Target, "{} is out of order", metric.name);
        }
    }
}
