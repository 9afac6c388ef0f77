//! An experiment, checked: variants × sweep points × seeds, every option settled.

use std::collections::HashSet;

use anyhow::Context;
use serde::Serialize;
use serde_json::{Map, Value};

use super::check::{at_path, check, less_defaults, schema};
use super::file::{CompareOptions, ConfigFile, DataFile, Metric, Seeds, SourceName};
use super::json;
use super::names::check_name;
use super::problem::{Problems, did_you_mean};
use super::resolve::resolve;
use super::settings::{DataFacts, Settings, Variant};
use super::variants::variants;

/// Sections of the configuration that decide a run's numbers; sweeps may reach into these.
pub const SECTIONS: [&str; 6] = ["data", "model", "norm", "optimizer", "train", "log"];

/// Largest plan, in runs.
pub const MOST_RUNS: usize = 1_000_000;

/// Most points of a sweep: each is resolved, and its settings kept, before anything is trained.
pub const MOST_POINTS: usize = 100_000;

/// One axis of the sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// Dotted path into the configuration.
    pub path: String,
    /// Values to try.
    pub values: Vec<Value>,
}

/// One point of the crossed axes.
#[derive(Debug, Clone)]
pub struct Point {
    /// The value on each axis.
    pub values: Vec<Value>,
    /// The settings there.
    pub settings: Settings,
    /// The same sections as JSON, every default filled in.
    pub configuration: Value,
    /// The sections that decide the numbers, less constant defaults: the basis of run identity.
    pub identity: Value,
}

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

/// Tells what is known of a data set before it is read.
pub type Facts<'a> = &'a dyn Fn(&DataFile) -> anyhow::Result<DataFacts>;

impl Experiment {
    /// Reads a configuration, applies `overrides` (dotted path, value), and checks all of it.
    ///
    /// # Errors
    /// [`super::ConfigError`] with every fault found, a JSON syntax error, or what `facts` says.
    pub fn parse(text: &str, overrides: &[(String, Value)], facts: Facts) -> anyhow::Result<Self> {
        let mut problems = Problems::default();
        let text = text.trim_start_matches('\u{feff}');
        let mut written = json::parse(text, &mut problems).map_err(|e| super::SyntaxError(e.to_string()))?;
        for (path, value) in overrides {
            if let Err(message) = set(&mut written, path, value.clone()) {
                problems.add(format!("--set {path}"), message);
            }
        }
        let schema = schema();
        let axes = axes(&written, &schema, &mut problems);
        let points = cross(&axes);
        let first = at_point(&written, &axes, points.first().map_or(&[], Vec::as_slice));
        check(&first, &schema, &mut problems);
        problems.into_result()?;

        let mut problems = Problems::default();
        let file: ConfigFile = serde_json::from_value(first).context("the configuration passed its schema")?;
        check_name(&file.name, "name", &mut problems);
        let variants = variants(&file.variants, &mut problems);
        let seeds = seeds(&file.seeds, &mut problems);
        for axis in file.compare.select.iter().filter(|s| !axes.iter().any(|a| a.path == **s)) {
            let hint = did_you_mean(axis, axes.iter().map(|a| a.path.as_str()));
            problems.add("compare.select", format!("`{axis}` is no axis of the sweep{hint}"));
        }
        if matches!(file.compare.metric, Metric::StepsToTarget | Metric::SecondsToTarget)
            && file.compare.target_accuracy.is_none()
        {
            problems.add("compare.target_accuracy", "missing; the metric is the time to it");
        }
        let runs = points.len().saturating_mul(variants.len()).saturating_mul(seeds.len());
        if runs > MOST_RUNS {
            problems.add("sweep", format!("the plan has {runs} runs; at most {MOST_RUNS} are allowed"));
            problems.into_result()?;
            unreachable!("a problem was just added");
        }

        let mut resolved = Vec::with_capacity(points.len());
        let mut configuration = Value::Null;
        let bare = without_lists(&written);
        for (i, values) in points.into_iter().enumerate() {
            let base = if i == 0 { &written } else { &bare };
            let mut file: ConfigFile = serde_json::from_value(at_point(base, &axes, &values))?;
            if file.data.source == SourceName::Idx && file.data.dir.is_none() {
                problems.add("data.dir", "missing; source idx needs the folder of its four files");
                continue;
            }
            let known = facts(&file.data)?;
            let fingerprint = known.fingerprint.clone();
            let mut at_this_point = Problems::default();
            let settings = resolve(&mut file, known, &mut at_this_point);
            problems.absorb(at_this_point, (i > 0).then(|| name_point(&axes, &values)).as_deref());
            let Some(settings) = settings else { continue };
            let value = serde_json::to_value(&file)?;
            let identity = identity(&value, &schema, fingerprint);
            let sections = sections(&value);
            if i == 0 {
                configuration = value;
            }
            resolved.push(Point { values, settings, configuration: sections, identity });
        }
        problems.into_result()?;
        let configuration = as_written(configuration, &written, &axes, &resolved);
        let ConfigFile { name, description, compare, .. } = file;
        Ok(Self { name, description, configuration, variants, seeds, axes, points: resolved, compare })
    }
}

/// One `--set`. What stands after `sweep.` is the name of an axis, dots and all.
fn set(written: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if let Some(axis) = path.strip_prefix("sweep.") {
        let sweep =
            written.as_object_mut().map(|root| root.entry("sweep").or_insert_with(|| Value::Object(Map::new())));
        let sweep = sweep.and_then(Value::as_object_mut).ok_or("`sweep` is no object")?;
        sweep.insert(axis.to_owned(), value);
        return Ok(());
    }
    let axes = written.get("sweep").and_then(Value::as_object);
    if axes.is_some_and(|axes| axes.contains_key(path)) {
        return Err(format!("this key is swept, so the value would never be used; set sweep.{path}=[{value}] instead"));
    }
    json::set(written, path, value)
}

/// The axes of the sweep, each value held against the schema of the key it will replace.
fn axes(written: &Value, schema: &Value, problems: &mut Problems) -> Vec<Axis> {
    let Some(sweep) = written.get("sweep").and_then(Value::as_object) else { return Vec::new() };
    let mut axes = Vec::new();
    let mut points = 1usize;
    for (path, values) in sweep {
        let at = format!("sweep.{path}");
        let section = path.split('.').next().unwrap_or_default();
        let Some(node) = at_path(schema, path).filter(|_| SECTIONS.contains(&section) && path.contains('.')) else {
            let known = known_paths(schema);
            let hint = did_you_mean(path, known.iter().map(String::as_str));
            problems.add(at, format!("`{path}` is no key of {}{hint}", SECTIONS.join(", ")));
            continue;
        };
        let Some(values) = values.as_array().filter(|v| !v.is_empty()) else {
            problems.add(at, "must be a list with at least one value");
            continue;
        };
        let mut seen = HashSet::new();
        for (i, value) in values.iter().enumerate() {
            super::check::check_part(value, node, schema, &format!("{at}[{i}]"), problems);
            if !seen.insert(json::canonical(&floats(value))) {
                problems.add(format!("{at}[{i}]"), format!("{value} stands twice"));
            }
        }
        points = points.saturating_mul(values.len());
        axes.push(Axis { path: path.clone(), values: values.clone() });
    }
    for axis in &axes {
        let inner = axes.iter().find(|inner| inner.path.starts_with(&format!("{}.", axis.path)));
        if let Some(inner) = inner {
            problems.add(format!("sweep.{}", inner.path), format!("lies within the axis `{}`", axis.path));
        }
    }
    if points > MOST_POINTS {
        problems.add("sweep", format!("the axes cross to {points} points; at most {MOST_POINTS} are allowed"));
        axes.clear();
    }
    axes
}

/// Every dotted path that a sweep may name.
fn known_paths(schema: &Value) -> Vec<String> {
    let keys = |path: &str| -> Vec<String> {
        let node = at_path(schema, path).map(|node| super::check::properties(schema, node));
        node.into_iter().flatten().map(|key| json::join(path, &key)).collect()
    };
    SECTIONS.iter().flat_map(|s| keys(s)).flat_map(|p| std::iter::once(p.clone()).chain(keys(&p))).collect()
}

/// Numbers as floats, so that 1 and 1.0 are seen to be the same.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().map_or_else(|| value.clone(), Value::from),
        Value::Array(items) => Value::Array(items.iter().map(floats).collect()),
        other => other.clone(),
    }
}

/// All combinations of the axes' values, the last axis fastest.
fn cross(axes: &[Axis]) -> Vec<Vec<Value>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        let extend = |point: &Vec<Value>| -> Vec<Vec<Value>> {
            axis.values.iter().map(|v| point.iter().chain([v]).cloned().collect()).collect()
        };
        points.iter().flat_map(extend).collect()
    })
}

/// The written configuration without what is the same at every point and may be long: to copy a sweep's values at each of
/// its points would take the square of their number.
fn without_lists(written: &Value) -> Value {
    let is_kept = |key: &str| !["$schema", "description", "seeds", "sweep"].contains(&key);
    let object = written.as_object().into_iter().flatten().filter(|(key, _)| is_kept(key));
    Value::Object(object.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// The written configuration with the axes' values put in.
fn at_point(written: &Value, axes: &[Axis], values: &[Value]) -> Value {
    let mut value = written.clone();
    for (axis, v) in axes.iter().zip(values) {
        // A path that cannot be set has been reported by the schema check of what is in its way.
        let _ = json::set(&mut value, &axis.path, v.clone());
    }
    value
}

/// The resolved configuration of the first point, with the keys that differ between points as they
/// were written, or left open: swept ones, and defaults that follow from those. So it can be run again.
fn as_written(mut resolved: Value, written: &Value, axes: &[Axis], points: &[Point]) -> Value {
    let leaves = json::leaves(&resolved).into_iter().map(|(path, value)| (path, value.clone())).collect::<Vec<_>>();
    let in_section = |path: &str| SECTIONS.contains(&path.split('.').next().unwrap_or_default());
    let moves = |(path, value): &(String, Value)| {
        in_section(path) && points.iter().any(|p| json::get(&p.configuration, path) != Some(value))
    };
    let moving: Vec<String> = leaves.into_iter().filter(moves).map(|(path, _)| path).collect();
    // Steps that differ because the same epochs are of different lengths are open again only with the epochs.
    let epochs = "train.epochs".to_owned();
    let has_epochs = json::get(written, &epochs).is_some() && moving.iter().any(|path| path == "train.steps");
    for path in axes.iter().map(|axis| &axis.path).chain(&moving).chain(has_epochs.then_some(&epochs)) {
        let original = json::get(written, path).cloned().unwrap_or(Value::Null);
        let _ = json::set(&mut resolved, path, original);
    }
    if let Some(object) = resolved.as_object_mut() {
        object.remove("$schema");
    }
    resolved
}

fn name_point(axes: &[Axis], values: &[Value]) -> String {
    axes.iter().zip(values).map(|(a, v)| format!("{} = {v}", a.path)).collect::<Vec<_>>().join(", ")
}

/// What decides a run's numbers; of data in files it is the content, not the place.
fn identity(resolved: &Value, schema: &Value, fingerprint: Option<String>) -> Value {
    let mut identity = sections(&less_defaults(resolved, schema));
    if let (Some(fingerprint), Some(data)) = (fingerprint, identity["data"].as_object_mut()) {
        data.insert("dir".to_owned(), Value::from(fingerprint));
    }
    identity
}

/// The sections that decide a run's numbers.
fn sections(value: &Value) -> Value {
    Value::Object(SECTIONS.iter().filter_map(|s| value.get(*s).map(|v| ((*s).to_owned(), v.clone()))).collect())
}

fn seeds(seeds: &Seeds, problems: &mut Problems) -> Vec<u64> {
    match seeds {
        Seeds::Count(count) => (0..*count).collect(),
        Seeds::List(list) => {
            let mut seen = HashSet::new();
            for (i, seed) in list.iter().enumerate() {
                if !seen.insert(seed) {
                    problems.add(format!("seeds[{i}]"), format!("seed {seed} stands twice"));
                }
            }
            list.clone()
        }
    }
}
