//! An experiment, checked: variants × sweep points × seeds, every option settled.

use std::collections::HashSet;

use anyhow::Context;
use serde_json::Value;

use super::check::{check, schema};
use super::file::{CompareOptions, ConfigFile, Kind, Part, Seeds, Source};
use super::json;
use super::names::check_experiment_name;
use super::numbers::respelt;
pub use super::point::{Facts, Point};
use super::point::{Written, as_written, parsed};
use super::problem::{Problems, SyntaxError, named_like};
pub use super::sections::SECTIONS;
use super::settings::Variant;
pub use super::sweep::Axis;
use super::sweep::{at_point, axes, cross, set_all};
use super::vanish;
use super::variants::variants;

/// Largest plan, in runs.
pub const MOST_RUNS: usize = 1_000_000;

/// A checked experiment.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Name, also of the results folder.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The configuration with every default filled in.
    pub configuration: Value,
    /// The arms.
    pub variants: Vec<Variant>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The axes of the sweep.
    pub axes: Vec<Axis>,
    /// Their crossing; one point without values if there is no sweep.
    pub points: Vec<Point>,
    /// What `compare` looks at.
    pub compare: CompareOptions,
}

impl Experiment {
    /// Reads a configuration, applies `overrides` (dotted path, value), and checks all of it.
    ///
    /// # Errors
    /// [`super::ConfigError`] with every fault found, a JSON syntax error, or what `facts` says.
    pub fn parse(text: &str, overrides: &[(String, Value)], facts: Facts) -> anyhow::Result<Self> {
        let mut problems = Problems::default();
        let schema = schema();
        let value = respelt(&written(text, overrides, &schema, &mut problems)?, &schema, &schema);
        let axes = axes(&value, &schema, &mut problems);
        let points = cross(&axes);
        let first = at_point(&value, &axes, points.first().map_or(&[], Vec::as_slice));
        check(&first, &schema, &mut problems);
        problems.into_result()?;

        let mut problems = Problems::default();
        let file = parsed(first).context("the configuration passed its schema")?;
        check_experiment_name(&file.name, "name", &mut problems);
        let variants = variants(&file.variants, &mut problems);
        let seeds = seeds(&file.seeds, &mut problems);
        check_compare(&file.compare, &axes, &variants, &mut problems);
        let runs = points.len().saturating_mul(variants.len()).saturating_mul(seeds.len());
        if runs > MOST_RUNS {
            problems.add("sweep", format!("the plan has {runs} runs; at most {MOST_RUNS} are allowed"));
            return Err(problems.into_error().into());
        }
        let written = Written { value: &value, axes: &axes, schema: &schema, facts };
        let (points, configuration) = written.resolve(points, &mut problems)?;
        check_validation(&file.compare, &points, &mut problems);
        check_target(&file.compare, &points, &mut problems);
        vanish::check(&points, &axes, &variants, &mut problems);
        problems.into_result()?;
        let configuration = as_written(configuration, &value, &axes, &points);
        let ConfigFile { name, description, compare, .. } = file;
        Ok(Self { name, description, configuration, variants, seeds, axes, points, compare })
    }
}

/// The text as JSON, with the overrides put in.
fn written(
    text: &str,
    overrides: &[(String, Value)],
    schema: &Value,
    problems: &mut Problems,
) -> Result<Value, SyntaxError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut value = json::parse(text, problems).map_err(|error| SyntaxError::of(&error, text))?;
    set_all(&mut value, overrides, schema, problems);
    Ok(value)
}

/// The arm that the others are compared with by default: `affine`, or the first.
pub fn usual_baseline<'a>(names: &[&'a str]) -> Option<&'a str> {
    names.iter().copied().find(|name| *name == "affine").or(names.first().copied())
}

/// The arm that an experiment is about by default, if it has it.
pub const PRIMARY: &str = "bn";

/// The arm that an experiment is about: the configured one, else `bn`, else the first that is not the baseline.
pub fn primary_arm<'a>(names: &[&'a str], configured: Option<&str>, baseline: &str) -> Option<&'a str> {
    let others = || names.iter().copied().filter(|name| *name != baseline);
    let named = |name: &str| others().find(|other| *other == name);
    configured.and_then(named).or_else(|| named(PRIMARY)).or_else(|| others().next())
}

/// Refuses axes that are not swept or cannot be tuned over, an arm that is not there, and a time to a target that is missing.
fn check_compare(compare: &CompareOptions, axes: &[Axis], variants: &[Variant], problems: &mut Problems) {
    let names = || variants.iter().map(|variant| variant.name.as_str());
    if let Some(primary) = compare.primary.as_deref().filter(|primary| !names().any(|name| name == *primary)) {
        let hint = named_like(primary, names());
        problems.add("compare.primary", format!("`{primary}` is not one of `variants`{hint}"));
    }
    let baseline = usual_baseline(&names().collect::<Vec<_>>());
    if compare.primary.is_some() && compare.primary.as_deref() == baseline && variants.len() > 1 {
        let advice = "is the arm that the others are held against; name one of the others";
        problems.add("compare.primary", format!("`{}` {advice}", baseline.unwrap_or_default()));
    }
    for axis in compare.select.iter().filter(|s| !axes.iter().any(|a| a.path == **s)) {
        let hint = named_like(axis, axes.iter().map(|a| a.path.as_str()));
        let remedy = if hint.is_empty() { "; sweep it, or tune over nothing: --set compare.select=[]" } else { "" };
        problems.add("compare.select", format!("`{axis}` is not an axis of the sweep{hint}{remedy}"));
    }
    for axis in compare.select.iter().filter(|axis| is_part_of_the_question(axis)) {
        let advice = "says what is learned or logged, and not how: no value of it is the best one. Leave it out, and arms are \
                      compared at each value";
        problems.add("compare.select", format!("`{axis}` {advice}"));
    }
    if compare.metric.kind == Kind::Accuracy && compare.equivalence_margin.is_some_and(|margin| margin >= 1.0) {
        let advice = "accuracies are shares, and never differ by more than 1; 2 % is 0.02";
        problems.add("compare.equivalence_margin", advice);
    }
    if compare.target_accuracy == Some(0.0) {
        problems
            .add("compare.target_accuracy", "0 is reached before any training; give a share of samples, such as 0.95");
    }
    if compare.metric.kind.is_time() && compare.target_accuracy.is_none() {
        problems.add("compare.target_accuracy", "missing; the metric is the time to it");
    }
}

/// Whether an axis changes the task or its record, and so is nothing that an arm can be tuned over.
pub fn is_part_of_the_question(axis: &str) -> bool {
    (axis.starts_with("data.") && axis != "data.scaling") || axis.starts_with("log.")
}

/// Refuses a target that nobody would see reached.
fn check_target(compare: &CompareOptions, points: &[Point], problems: &mut Problems) {
    if compare.target_accuracy.is_some() && points.iter().any(|point| point.settings.log.evaluate_every.is_never()) {
        let advice =
            "when it is reached is seen by evaluations, and log.evaluate_every is 0: set it above 0, or leave it out";
        problems.add("compare.target_accuracy", advice);
    }
}

/// Refuses what needs validation scores if nothing is kept for validation.
fn check_validation(compare: &CompareOptions, points: &[Point], problems: &mut Problems) {
    if points.iter().all(|point| point.settings.data.validation > 0) {
        return;
    }
    let is_validation = matches!(compare.metric.source, Source::End(Part::Validation, _) | Source::Best);
    let asked = [
        ("compare.metric", is_validation || compare.metric.kind.is_time()),
        ("compare.target_accuracy", compare.target_accuracy.is_some()),
        ("compare.select", !compare.select.is_empty()),
    ];
    for (key, _) in asked.into_iter().filter(|(_, is_asked)| *is_asked) {
        let advice = "it goes by validation scores, and data.validation is 0: keep some samples for validation";
        problems.add(key, advice);
    }
}

fn seeds(seeds: &Seeds, problems: &mut Problems) -> Vec<u64> {
    match seeds {
        Seeds::Count(count) => (0..*count).collect(),
        Seeds::List(list) => {
            let mut seen = HashSet::new();
            for (i, seed) in list.iter().enumerate() {
                if !seen.insert(seed) {
                    problems.add(format!("seeds[{i}]"), format!("seed {seed} appears twice"));
                }
            }
            list.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::cost::Operations;
    use crate::config::resolve::synthetic_facts;
    use crate::config::settings::Settings;

    #[test]
    fn by_default_observing_costs_less_than_a_tenth_of_training() {
        let text = r#"{"name": "t", "data": {"source": "glyphs"}, "model": {"kind": "cnn", "channels": [8, 16]},
            "variants": ["bn"], "optimizer": {"kind": "sgd", "lr": 0.1}, "train": {"steps": 20000}}"#;
        let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files"));
        let settings = &Experiment::parse(text, &[], &facts).unwrap().points[0].settings;
        let Settings { data, model, train, log, .. } = settings;
        let training = Operations::new(data, model, *train, log.probe_size, [log.train_eval, log.train_final]).training;
        let observing = Operations::total(settings) / training - 1.0;
        assert!((0.03..0.1).contains(&observing), "{observing}");
    }

    #[test]
    fn looks_along_the_gradient_are_among_the_operations() {
        let text = r#"{"name": "t", "data": {"source": "glyphs"}, "model": {"kind": "mlp", "hidden": [100]},
            "variants": ["bn"], "optimizer": {"kind": "sgd", "lr": 0.1}, "train": {"steps": 2000}}"#;
        let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files"));
        let cost = |every: Value| {
            let change = [("log.landscape_every".to_owned(), every)];
            let settings = Experiment::parse(text, &change, &facts).unwrap().points.remove(0).settings;
            let Settings { data, model, train, log, .. } = &settings;
            let parts = Operations::new(data, model, *train, log.probe_size, [log.train_eval, log.train_final]);
            (Operations::total(&settings), parts.training / 2000.0)
        };
        let (without, step) = cost(serde_json::json!(0));
        // Every 100 steps of 2,000, and at the last one; each looks at seven gradients and more.
        let looks = (cost(serde_json::json!(100)).0 - without) / 21.0;
        assert!((7.0..30.0).contains(&(looks / step)), "{}", looks / step);
    }
}
