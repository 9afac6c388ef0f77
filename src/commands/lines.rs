//! `bn-exp run --format json`: a line of JSON an event, on standard output.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::terminal::show_as_it_is;
use crate::plan::PlannedRun;
use crate::record::metrics::Metrics;
use crate::record::run::{RunRecord, Status};
use crate::runner::{Event, Events, Tally};

/// Writes the lines.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Shown>);

/// What the lines of runs need to know, and whether all could be written.
#[derive(Debug, Default)]
struct Shown {
    variants: Vec<String>,
    /// The values of each sweep point, by axis.
    points: Vec<Value>,
    error: Option<anyhow::Error>,
}

impl Lines {
    /// Whether every line could be written.
    pub(super) fn into_result(self) -> anyhow::Result<()> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).error.map_or(Ok(()), Err)
    }

    fn write(shown: &mut Shown, line: &Value) {
        if let Err(error) = show_as_it_is(format!("{line}\n").as_bytes()) {
            shown.error.get_or_insert(error);
        }
    }
}

impl Events for Lines {
    fn tell(&self, event: Event) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |shown: &Shown, word: &str, run: &PlannedRun| {
            json!({ "event": word, "run_id": run.id, "variant": shown.variants.get(run.variant), "seed": run.seed,
                "values": shown.points.get(run.point) })
        };
        let line = match event {
            Event::Begun { experiment, total, missing } => {
                shown.variants = experiment.variants.iter().map(|variant| variant.name.clone()).collect();
                let axes = || experiment.axes.iter().map(|axis| axis.path.clone());
                let values = |values: &[Value]| axes().zip(values.iter().cloned()).collect::<Map<_, _>>().into();
                shown.points = experiment.points.iter().map(|point| values(&point.values)).collect();
                json!({ "event": "begun", "experiment": experiment.name, "runs": total, "missing": missing.len() })
            }
            Event::Started { run, steps } => {
                let mut line = of(&shown, "started", run);
                line["steps"] = json!(steps);
                line
            }
            Event::Ended { run, record: Ok(record) } => ended(of(&shown, word(record.status), run), record),
            Event::Ended { run, record: Err(error) } => {
                let mut line = of(&shown, "failed", run);
                line["reason"] = json!(format!("{error:#}"));
                line
            }
            Event::Damaged { id, reason } => json!({ "event": "failed", "run_id": id, "reason": reason }),
            Event::Warning(words) => json!({ "event": "warning", "text": words }),
            Event::Trained(tally) => done(tally),
            Event::Waiting | Event::Retrying(_) | Event::Step { .. } => return,
        };
        Self::write(&mut shown, &line);
    }
}

/// How a run has ended, as an event.
const fn word(status: Status) -> &'static str {
    match status {
        Status::Completed => "finished",
        Status::Diverged => "diverged",
        Status::Interrupted => "interrupted",
        Status::Failed | Status::Missing => "failed",
    }
}

fn ended(mut line: Value, record: &RunRecord) -> Value {
    line["steps"] = json!(record.steps);
    if let Some(reason) = &record.reason {
        line["reason"] = json!(reason);
    }
    line["metrics"] = scores(&record.metrics);
    line
}

/// The scores that there are, by their names in runs.csv.
fn scores(metrics: &Metrics) -> Value {
    let known = metrics.iter().filter_map(|(metric, score)| Some((metric.name.to_owned(), json!(score?))));
    known.collect::<Map<_, _>>().into()
}

fn done(tally: &Tally) -> Value {
    let Tally { already_finished, finished, diverged, failed, by_others, elsewhere, left } = *tally;
    json!({ "event": "done", "runs": tally.total(), "finished": finished, "diverged": diverged, "failed": failed,
        "finished_before": already_finished, "by_others": by_others, "elsewhere": elsewhere, "left": left })
}
