//! The rows of landscape.csv.

use crate::table::{Row, Table, float, optional};

/// `metric` at each distance.
pub(super) const FIGURES: [&str; 6] = [
    "loss",
    "gradient_change",
    "gradient_change_relative",
    "beta_smoothness",
    "beta_smoothness_relative",
    "gradient_cosine",
];

/// `metric` of the row without a distance.
pub(super) const PREDICTION_ERROR: &str = "prediction_error";

/// All that `metric` may be.
pub(super) fn metrics() -> impl Iterator<Item = &'static str> {
    FIGURES.into_iter().chain([PREDICTION_ERROR])
}

/// One row of landscape.csv.
#[derive(Debug, Clone, PartialEq)]
pub struct LandscapeRow {
    /// Index of the minibatch.
    pub step: usize,
    /// What is measured, by its name in the table.
    pub metric: &'static str,
    /// k; none for `prediction_error`, which has a length of its own.
    pub distance: Option<f64>,
    /// Its value; none where it is undefined or not finite.
    pub value: Option<f64>,
}

impl Row for LandscapeRow {
    const TABLE: Table = Table { file: "landscape.csv", columns: &["step", "metric", "distance", "value"] };

    fn cells(&self) -> Vec<String> {
        vec![self.step.to_string(), self.metric.to_owned(), float(self.distance), float(self.value)]
    }

    fn parse(cells: &[&str]) -> Option<Self> {
        let &[step, metric, distance, value] = cells else { return None };
        Some(Self {
            step: step.parse().ok()?,
            metric: metrics().find(|known| *known == metric)?,
            distance: optional(distance)?,
            value: optional(value)?,
        })
    }
}
