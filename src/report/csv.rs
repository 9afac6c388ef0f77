//! Comparisons as one CSV table: a row for everything that the text says, its kind in the second column, cells
//! that do not apply to a kind empty.

use serde_json::json;

use crate::compare::arms::{ArmEstimate, TimeToTarget};
use crate::compare::contrasts::Finding;
use crate::compare::curve::Curve;
use crate::compare::grid::Values;
use crate::compare::sentence::sentence;
use crate::compare::{Comparison, Options};
use crate::table::float;

/// The columns. `setting` and `candidate` are JSON objects of axes and values; `estimate` is a mean, a
/// difference or a restricted mean, with `low` and `high` its interval and `std` the SD over seeds; each seed's own difference
/// is a row of the kind `difference`.
const COLUMNS: [&str; 37] = [
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
    "std",
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
    "seed",
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

    /// Values of axes as a JSON object; an empty cell if there are none.
    fn values(self, column: &'static str, values: &Values) -> Self {
        if values.is_empty() { self } else { self.with(column, json!(values)) }
    }
}

/// The whole table.
pub fn comparisons(comparisons: &[Comparison], options: &Options) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rows = comparisons.iter().flat_map(|comparison| rows(comparison, options));
    let notes = super::explain::explain(comparisons, options);
    let notes = notes.into_iter().map(|note| Row::default().with("kind", "note").with("text", note));
    let mut written = writer.write_record(COLUMNS);
    for Row(cells) in rows.chain(notes) {
        let cell = |column: &&str| cells.iter().find(|(name, _)| name == column).map_or("", |(_, cell)| cell.as_str());
        written = written.and_then(|()| writer.write_record(COLUMNS.iter().map(cell)));
    }
    debug_assert!(written.is_ok(), "writing to memory cannot fail: {written:?}");
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// Makes the rows of one experiment.
struct Rows<'a> {
    comparison: &'a Comparison,
    rows: Vec<Row>,
}

fn rows(comparison: &Comparison, options: &Options) -> Vec<Row> {
    let mut rows = Rows { comparison, rows: Vec::new() };
    let given = [
        ("target_accuracy", comparison.target_accuracy),
        ("equivalence_margin", comparison.equivalence_margin),
        ("confidence", Some(options.confidence)),
    ];
    for (name, value) in given.into_iter().filter(|(_, value)| value.is_some()) {
        rows.add(rows.row("option").with("name", name).number("estimate", value));
    }
    for contrast in &comparison.contrasts {
        let said = sentence(comparison, contrast, options.confidence);
        let row = rows.row("contrast").with("baseline", &contrast.b).with("text", said);
        rows.add(found(row.with("name", &contrast.a), &contrast.found));
        for one in &contrast.found.differences {
            let row = rows.row_of("difference", &contrast.found.setting, &contrast.a).with("baseline", &contrast.b);
            rows.add(row.with("seed", one.seed).number("estimate", Some(one.difference)));
        }
    }
    for effect in &comparison.effects {
        rows.add(found(rows.row("effect").with("name", &effect.effect), &effect.found));
    }
    comparison.arms.iter().for_each(|arm| rows.arm(arm));
    comparison.times_to_target.iter().for_each(|time| rows.time(time));
    comparison.curves.iter().for_each(|curve| rows.curve(curve));
    for run in &comparison.missing {
        rows.add(rows.row("missing").with("name", &run.run_id).with("text", &run.why));
    }
    for warning in &comparison.warnings {
        rows.add(rows.row("warning").with("text", warning.sentence()));
    }
    rows.rows
}

impl Rows<'_> {
    fn row(&self, kind: &str) -> Row {
        let Comparison { name, metric, .. } = self.comparison;
        Row::default().with("experiment", name).with("kind", kind).with("metric", metric.name)
    }

    /// A row of an arm at a setting.
    fn row_of(&self, kind: &str, setting: &Values, variant: &str) -> Row {
        self.row(kind).values("setting", setting).with("name", variant)
    }

    fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    fn arm(&mut self, arm: &ArmEstimate) {
        let row = self
            .row_of("arm", &arm.setting, &arm.variant)
            .with("planned", arm.planned)
            .with("n", arm.n)
            .with("diverged", arm.diverged)
            .interval(["diverged_low", "diverged_high"], arm.diverged_interval)
            .number("estimate", arm.mean)
            .number("std", arm.std)
            .interval(["low", "high"], arm.interval)
            .with("edge", arm.edge)
            .number("us_per_step", arm.us_per_step);
        let Some(selected) = &arm.selected else { return self.add(row) };
        self.add(row.values("candidate", selected));
        for chosen in &arm.chosen {
            let row = self.row_of("read_at", &arm.setting, &arm.variant);
            self.add(row.values("candidate", &chosen.values).with("n", chosen.seeds));
        }
    }

    fn time(&mut self, time: &TimeToTarget) {
        let row = |kind: &str| {
            let row = self.row_of(kind, &time.setting, &time.variant).with("n", time.n).with("reached", time.reached);
            row.values("candidate", time.selected.as_ref().unwrap_or(&Values::new())).with("edge", time.edge)
        };
        let steps = row("steps_to_target").number("estimate", time.steps).number("median", time.median_steps);
        let seconds =
            row("seconds_to_target").number("estimate", time.seconds).number("budget", Some(time.budget_seconds));
        let curve = time
            .not_yet_reached
            .iter()
            .map(|fall| row("not_yet_reached").number("estimate", Some(fall.time)).number("share", Some(fall.share)));
        let rows: Vec<Row> =
            [steps.number("budget", Some(time.budget_steps)), seconds].into_iter().chain(curve).collect();
        self.rows.extend(rows);
    }

    fn curve(&mut self, curve: &Curve) {
        for point in &curve.points {
            let row = self.row_of("curve", &curve.setting, &curve.variant).values("candidate", &point.values);
            let row = row.with("n", point.n).with("diverged", point.diverged).number("estimate", point.mean);
            self.add(row.interval(["diverged_low", "diverged_high"], point.diverged_interval));
        }
        if let Some(good) = curve.good {
            let row = self.row_of("good_range", &curve.setting, &curve.variant).values("candidate", &curve.others);
            let row = row.interval(["low", "high"], Some((good.low, good.high))).number("decades", good.decades);
            self.add(row.with("edge", good.reaches_the_edge));
        }
    }
}

fn found(row: Row, found: &Finding) -> Row {
    let row = row
        .values("setting", &found.setting)
        .with("planned", found.planned)
        .with("n", found.n)
        .number("estimate", found.difference)
        .number("std", found.std)
        .interval(["low", "high"], found.interval)
        .number("p", found.p)
        .number("p_holm", found.p_holm)
        .number("p_minimum", found.p_minimum)
        .number("superiority", found.superiority)
        .number("effect_size", found.effect_size)
        .with("by_ranks", found.by_ranks)
        .with("verdict", found.verdict.name());
    let Some(null) = found.null else { return row };
    row.with("exchanges", null.exchanges)
        .with("null_rejected", null.rejected)
        .with("null_interval_without_0", null.interval_without_0)
        .with("null_better_or_worse", null.better_or_worse)
        .with("null_equivalent", null.equivalent)
}
