//! What a metric is: in which unit, which way is better, and what arms are tuned by when it is compared.

use crate::config::file::Metric;

/// Kinds of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A share of samples; more is better. A diverged run counts as guessing.
    Accuracy,
    /// Less is better. A diverged run has none, and is the worst there is.
    Loss,
    /// Training steps; less is better. A diverged run counts at the budget, like one that never arrives.
    Steps,
    /// Seconds of training steps; like steps.
    Seconds,
}

/// The kind of a metric.
pub fn kind(metric: Metric) -> Kind {
    match metric {
        Metric::TrainLoss | Metric::ValidationLoss | Metric::TestLoss => Kind::Loss,
        Metric::StepsToTarget => Kind::Steps,
        Metric::SecondsToTarget => Kind::Seconds,
        Metric::TrainAccuracy | Metric::ValidationAccuracy | Metric::TestAccuracy | Metric::BestValidationAccuracy => {
            Kind::Accuracy
        }
    }
}

impl Kind {
    /// 1 if more is better, −1 if less is.
    pub fn sign(self) -> f64 {
        if self == Self::Accuracy { 1.0 } else { -1.0 }
    }

    /// Whether it is a time to the target.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Steps | Self::Seconds)
    }
}

/// What the choice goes by when `metric` is compared: the same on the validation split.
pub fn selected_by(metric: Metric) -> Metric {
    match metric {
        Metric::TrainLoss | Metric::ValidationLoss | Metric::TestLoss => Metric::ValidationLoss,
        Metric::TrainAccuracy | Metric::ValidationAccuracy | Metric::TestAccuracy => Metric::ValidationAccuracy,
        // From the validation split as they are.
        Metric::BestValidationAccuracy | Metric::StepsToTarget | Metric::SecondsToTarget => metric,
    }
}
