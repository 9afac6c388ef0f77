//! How experiments are to be compared.

use crate::config::file::Metric;
use crate::stats::permutation::ALL;

/// How to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// By what; none for what each configuration says.
    pub metric: Option<Metric>,
    /// The arm that the others are held against; none for `affine`, or the first.
    pub baseline: Option<String>,
    /// Axes at each of whose values the arms are compared, rather than tuned over.
    pub by: Vec<String>,
    /// Confidence of the intervals, 1 − α.
    pub confidence: f64,
    /// Whether to measure the method's own false alarms.
    pub null: bool,
    /// Exchanges that a test tries where all would be more.
    pub exchanges: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { metric: None, baseline: None, by: Vec::new(), confidence: 0.95, null: false, exchanges: ALL }
    }
}
