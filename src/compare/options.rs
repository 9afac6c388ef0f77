//! How experiments are to be compared.

use crate::config::file::Metric;
use crate::stats::permutation::ALL;

/// How to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The metric; `None` for each configuration's own.
    pub metric: Option<Metric>,
    /// The arm that the others are compared with; `None` for `affine`, or the first.
    pub baseline: Option<String>,
    /// Axes that are not tuned over: arms are compared at each of their values.
    pub by: Vec<String>,
    /// Confidence of the intervals, 1 − α.
    pub confidence: f64,
    /// Whether to measure the method's own false alarms.
    pub null: bool,
    /// Most exchanges that a test tries.
    pub exchanges: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { metric: None, baseline: None, by: Vec::new(), confidence: 0.95, null: false, exchanges: ALL }
    }
}
