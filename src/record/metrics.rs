//! What a run is scored by at its end, as `run.json` and `runs.csv` hold it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::file::Metric;
use crate::table::{float, optional};

/// A score of each metric in [`Metric::FINAL`]; none for diverged runs and splits without samples.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(into = "Map<String, Value>", try_from = "Map<String, Value>")]
pub struct Metrics {
    scores: [Option<f64>; Metric::FINAL.len()],
    /// The first step that had the highest validation accuracy.
    pub best_validation_step: Option<usize>,
}

/// Key of the step beside the metrics, and its column.
pub const BEST_STEP: &str = "best_validation_step";

impl Metrics {
    /// The score of every metric, as `score` says it.
    pub fn new(score: impl Fn(Metric) -> Option<f64>, best_validation_step: Option<usize>) -> Self {
        Self { scores: std::array::from_fn(|i| score(Metric::FINAL[i])), best_validation_step }
    }

    /// Every metric with its score, in the order of the columns.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, Option<f64>)> {
        Metric::FINAL.iter().copied().zip(self.scores)
    }

    /// The score of one metric.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(metric, _)| metric.name == name).and_then(|(_, score)| score)
    }

    /// The scores as cells of `runs.csv`.
    pub fn cells(&self) -> impl Iterator<Item = String> {
        self.scores.into_iter().map(float)
    }

    /// The scores that such cells hold; `None` if there are more or fewer, or one does not fit.
    pub fn parse(cells: &[&str], best_validation_step: Option<usize>) -> Option<Self> {
        let scores = cells.iter().map(|cell| optional(cell)).collect::<Option<Vec<_>>>()?;
        Some(Self { scores: scores.try_into().ok()?, best_validation_step })
    }
}

impl From<Metrics> for Map<String, Value> {
    fn from(metrics: Metrics) -> Self {
        let scores = metrics.iter().map(|(metric, score)| (metric.name.to_owned(), Value::from(score)));
        scores.chain([(BEST_STEP.to_owned(), Value::from(metrics.best_validation_step))]).collect()
    }
}

/// A missing key, as in records of an earlier layout, is a missing score.
impl TryFrom<Map<String, Value>> for Metrics {
    type Error = serde_json::Error;

    fn try_from(mut map: Map<String, Value>) -> Result<Self, Self::Error> {
        let mut take = |key: &str| map.remove(key).unwrap_or_default();
        let mut metrics = Self { best_validation_step: serde_json::from_value(take(BEST_STEP))?, ..Self::default() };
        for (score, metric) in metrics.scores.iter_mut().zip(Metric::FINAL) {
            *score = serde_json::from_value(take(metric.name))?;
        }
        Ok(metrics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_every_score_under_its_name_and_reads_back_the_same() {
        let metrics =
            Metrics::new(|metric| (metric.name != "test_loss").then_some(0.1 + metric.name.len() as f64), Some(7));
        let text = serde_json::to_string(&metrics).unwrap();
        assert!(text.starts_with("{\"train_loss\":10.1,\"train_accuracy\":14.1,"), "{text}");
        assert!(text.contains("\"best_validation_accuracy\":24.1,"), "{text}");
        assert!(text.ends_with("\"best_validation_step\":7}"), "{text}");
        assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), metrics);
        assert_eq!((metrics.get("test_loss"), metrics.get("test_accuracy")), (None, Some(13.1)));
        let early = serde_json::from_str::<Metrics>("{\"test_accuracy\":0.5,\"unknown\":\"x\"}").unwrap();
        assert_eq!(early, Metrics::new(|metric| (metric.name == "test_accuracy").then_some(0.5), None));
        assert!(serde_json::from_str::<Metrics>("{\"test_accuracy\":\"x\"}").is_err());
        assert!(serde_json::from_str::<Metrics>("{\"best_validation_step\":0.5}").is_err());
    }
}
