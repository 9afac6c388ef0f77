//! Comparisons as one CSV table: a row for everything that the text says, its kind in the second column, cells
//! that do not apply to a kind empty.

use serde_json::Value;

use crate::compare::contrasts::Contrast;
use crate::compare::sentence::sentence;
use crate::compare::{Comparison, Options, named_values};
use crate::table::float;

/// The columns. `setting` and `candidate` are JSON objects of axes and values; `estimate` is a mean, a
/// difference or a restricted mean, with `low` and `high` its interval.
const COLUMNS: [&str; 35] = [
    "experiment",
    "kind",
    "metric",
    "setting",
    "name",
    "baseline",
    "candidate",
    "planned",
    "n",
    "diverged",
    "diverged_low",
    "diverged_high",
    "estimate",
    "low",
    "high",
    "p",
    "p_holm",
    "p_minimum",
    "superiority",
    "effect_size",
    "by_ranks",
    "verdict",
    "edge",
    "decades",
    "reached",
    "budget",
    "median",
    "us_per_step",
    "exchanges",
    "null_rejected",
    "null_interval_without_0",
    "null_better_or_worse",
    "null_equivalent",
    "share",
    "text",
];

/// One row, cell by cell.
#[derive(Default)]
struct Row(Vec<(&'static str, String)>);

impl Row {
    fn with(mut self, column: &'static str, cell: impl ToString) -> Self {
        debug_assert!(COLUMNS.contains(&column), "no column {column}");
        self.0.push((column, cell.to_string()));
        self
    }

    fn number(self, column: &'static str, x: Option<f64>) -> Self {
        self.with(column, float(x))
    }

    fn interval(self, [low, high]: [&'static str; 2], interval: Option<(f64, f64)>) -> Self {
        self.number(low, interval.map(|i| i.0)).number(high, interval.map(|i| i.1))
    }
}

/// The whole table.
pub fn comparisons(comparisons: &[Comparison], options: &Options) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rows = comparisons.iter().flat_map(|comparison| rows(comparison, options));
    let notes = super::notes::notes(comparisons, options);
    let notes = notes.into_iter().map(|note| Row::default().with("kind", "note").with("text", note));
    let mut written = writer.write_record(COLUMNS);
    for Row(cells) in rows.chain(notes) {
        let cell = |column: &&str| cells.iter().find(|(name, _)| name == column).map_or("", |(_, cell)| cell.as_str());
        written = written.and_then(|()| writer.write_record(COLUMNS.iter().map(cell)));
    }
    debug_assert!(written.is_ok(), "writing to memory cannot fail: {written:?}");
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn rows(comparison: &Comparison, options: &Options) -> Vec<Row> {
    let object = |axes: &[String], values: &[Value]| match named_values(axes, values) {
        object if object.is_empty() => String::new(),
        object => Value::from(object).to_string(),
    };
    let setting = |i: usize| object(&comparison.by, &comparison.settings[i]);
    let candidate = |i: usize| object(&comparison.tuned, &comparison.candidates[i]);
    let row = |kind: &str| {
        let metric = comparison.metric.name;
        Row::default().with("experiment", &comparison.name).with("kind", kind).with("metric", metric)
    };
    let mut rows = Vec::new();
    let given = [("target_accuracy", comparison.target), ("equivalence_margin", comparison.margin)];
    for (name, value) in given.into_iter().chain([("confidence", Some(options.confidence))]) {
        rows.extend(value.map(|value| row("option").with("name", name).number("estimate", Some(value))));
    }
    for contrast in &comparison.contrasts {
        let said = sentence(comparison, contrast, options.confidence);
        let row = row("contrast").with("baseline", contrast.b.as_deref().unwrap_or_default()).with("text", said);
        rows.push(tested(row.with("setting", setting(contrast.setting)), contrast));
    }
    for effect in &comparison.effects {
        rows.push(tested(row("effect").with("setting", setting(effect.setting)), effect));
    }
    for arm in &comparison.arms {
        let arm_row = row("arm")
            .with("setting", setting(arm.setting))
            .with("name", &arm.variant)
            .with("candidate", arm.selected.map_or_else(String::new, candidate))
            .with("planned", arm.planned)
            .with("n", arm.n)
            .with("diverged", arm.diverged)
            .interval(["diverged_low", "diverged_high"], arm.diverged_interval)
            .number("estimate", arm.estimate.map(|e| e.mean))
            .interval(["low", "high"], arm.estimate.and_then(|e| e.interval))
            .with("edge", arm.edge)
            .number("us_per_step", arm.us_per_step);
        rows.push(arm_row);
        for (k, seeds) in arm.chosen.iter().filter(|_| arm.selected.is_some()) {
            let row = row("read_at").with("setting", setting(arm.setting)).with("name", &arm.variant);
            rows.push(row.with("candidate", candidate(*k)).with("n", seeds));
        }
    }
    for time in &comparison.times {
        let at = |kind: &str| {
            row(kind)
                .with("setting", setting(time.setting))
                .with("name", &time.variant)
                .with("candidate", time.selected.map_or_else(String::new, candidate))
                .with("n", time.n)
                .with("reached", time.reached)
                .with("edge", time.edge)
        };
        let steps = at("steps_to_target").number("estimate", time.steps).number("median", time.median);
        rows.push(steps.number("budget", Some(time.budget)));
        rows.push(at("seconds_to_target").number("estimate", time.seconds));
        for fall in &time.curve {
            rows.push(at("not_yet_reached").number("estimate", Some(fall.time)).number("share", Some(fall.share)));
        }
    }
    for curve in &comparison.curves {
        for point in &curve.points {
            let row = row("curve").with("setting", setting(curve.setting)).with("name", &curve.variant);
            let row = row.with("candidate", candidate(point.candidate)).with("n", point.n);
            let row = row.with("diverged", point.diverged).number("estimate", point.mean);
            rows.push(row.interval(["diverged_low", "diverged_high"], point.diverged_interval));
        }
        if let Some(good) = curve.good {
            let row = row("good_range").with("setting", setting(curve.setting)).with("name", &curve.variant);
            let others = object(&comparison.tuned[1..], &curve.others);
            let row = row.with("candidate", others).interval(["low", "high"], Some((good.low, good.high)));
            rows.push(row.number("decades", good.decades).with("edge", good.open));
        }
    }
    rows.extend(comparison.missing.iter().map(|run| row("missing").with("name", &run.id).with("text", &run.why)));
    rows.extend(comparison.warnings.iter().map(|warning| row("warning").with("text", warning)));
    rows
}

fn tested(row: Row, contrast: &Contrast) -> Row {
    let row = row
        .with("name", &contrast.a)
        .with("planned", contrast.planned)
        .with("n", contrast.n)
        .number("estimate", contrast.difference)
        .interval(["low", "high"], contrast.interval)
        .number("p", contrast.p)
        .number("p_holm", contrast.p_holm)
        .number("p_minimum", contrast.p_minimum)
        .number("superiority", contrast.superiority)
        .number("effect_size", contrast.effect_size)
        .with("by_ranks", contrast.by_ranks)
        .with("verdict", contrast.verdict.name());
    let Some(null) = contrast.null else { return row };
    row.with("exchanges", null.exchanges)
        .with("null_rejected", null.rejected)
        .with("null_interval_without_0", null.excluded)
        .with("null_better_or_worse", null.alarms)
        .with("null_equivalent", null.equivalent)
}
