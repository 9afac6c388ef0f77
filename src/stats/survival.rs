//! Time to an event that some never reach: the Kaplan–Meier curve and its restricted mean.
//!
//! Every run is watched up to the same budget, so the only censoring is at its end. A run that diverges
//! can reach nothing any more: it counts like one that never did.

use serde::Serialize;

/// The share that has not reached the event, from `time` on until the next step of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "(f64, f64)")]
pub struct Survival {
    /// When it falls.
    pub time: f64,
    /// What it falls to.
    pub share: f64,
}

impl From<Survival> for (f64, f64) {
    fn from(fall: Survival) -> Self {
        (fall.time, fall.share)
    }
}

/// The Kaplan–Meier estimate: S falls at each time t at which d of the n still waiting reach the event, by
/// the factor 1 − d/n. Times are those of the event; `None` is never, within the budget.
///
/// Kaplan & Meier 1958. Without times the curve is empty: nobody was watched.
pub fn kaplan_meier(times: &[Option<f64>]) -> Vec<Survival> {
    let mut reached: Vec<f64> = times.iter().copied().flatten().collect();
    reached.sort_by(f64::total_cmp);
    let mut waiting = times.len() as f64;
    let mut share = 1.0;
    let mut curve = Vec::new();
    for together in reached.chunk_by(|a, b| a == b) {
        share *= 1.0 - together.len() as f64 / waiting;
        waiting -= together.len() as f64;
        curve.push(Survival { time: together[0], share });
    }
    curve
}

/// The mean of min(time, budget): the area under the Kaplan–Meier curve up to the budget, as nobody is
/// lost before it. `None` without times.
pub fn restricted_mean(times: &[Option<f64>], budget: f64) -> Option<f64> {
    let total: f64 = times.iter().map(|time| time.unwrap_or(budget).min(budget)).sum();
    (!times.is_empty()).then(|| total / times.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_falls_where_runs_arrive_and_stays_where_they_never_do() {
        let curve = kaplan_meier(&[Some(3.0), None, Some(1.0), Some(3.0)]);
        assert_eq!(curve.iter().map(|s| s.time).collect::<Vec<_>>(), [1.0, 3.0]);
        assert_eq!(curve.iter().map(|s| s.share).collect::<Vec<_>>(), [0.75, 0.25]);
        assert!(kaplan_meier(&[None, None]).is_empty() && kaplan_meier(&[]).is_empty());
    }

    #[test]
    fn never_counts_at_the_budget() {
        assert_eq!(restricted_mean(&[Some(3.0), None, Some(20.0)], 10.0), Some((3.0 + 10.0 + 10.0) / 3.0));
        assert_eq!(restricted_mean(&[], 10.0), None);
    }
}
