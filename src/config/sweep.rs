//! The sweep: axes of the configuration, and the points at which they cross.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::check::{check_part, numbers_meant};
use super::json;
use super::names::{read_instead, read_together};
use super::numbers::respelt;
use super::problem::{Problems, named_like};
use super::sections::SECTIONS;
use super::tree::{at_path, known_paths, takes};
use crate::printable::is_formula;

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

/// The axes of the sweep, each value checked against the schema of the key it will replace.
pub(super) fn axes(written: &Value, schema: &Value, problems: &mut Problems) -> Vec<Axis> {
    let sweep = written.get("sweep").and_then(Value::as_object).into_iter().flatten();
    let mut axes: Vec<Axis> = sweep.filter_map(|(path, values)| axis(path, values, schema, problems)).collect();
    for axis in &axes {
        let inner = axes.iter().find(|inner| inner.path.starts_with(&format!("{}.", axis.path)));
        if let Some(inner) = inner {
            problems.add(format!("sweep.{}", inner.path), format!("lies within the axis `{}`", axis.path));
        }
    }
    let points = axes.iter().fold(1usize, |points, axis| points.saturating_mul(axis.values.len()));
    if points > MOST_POINTS {
        problems.add("sweep", format!("the axes cross to {points} points; at most {MOST_POINTS} are allowed"));
        axes.clear();
    }
    axes
}

/// One axis, if its path is a key and its values are a list.
fn axis(path: &str, values: &Value, schema: &Value, problems: &mut Problems) -> Option<Axis> {
    let at = format!("sweep.{path}");
    let section = path.split('.').next().unwrap_or_default();
    let Some(node) = at_path(schema, path).filter(|_| SECTIONS.contains(&section) && path.contains('.')) else {
        let known: Vec<String> = SECTIONS.iter().flat_map(|section| known_paths(schema, section)).collect();
        let hint = named_like(path, known.iter().map(String::as_str));
        problems.add(at, format!("`{path}` is not a key of {}{hint}", SECTIONS.join(", ")));
        return None;
    };
    let Some(values) = values.as_array().filter(|v| !v.is_empty()) else {
        problems.add(at, "must be a list with at least one value, such as [0.1, 0.3]");
        return None;
    };
    let mut seen = HashSet::new();
    let values: Vec<Value> = values.iter().map(|value| respelt(value, node, schema)).collect();
    for (i, value) in values.iter().enumerate() {
        check_part(value, node, schema, &format!("{at}[{i}]"), problems);
        if value.as_str().is_some_and(is_formula) {
            let why =
                "begins with = + - @, a tab or a new line: a spreadsheet would take it for a formula in the tables";
            problems.add(format!("{at}[{i}]"), format!("{value} {why}; of a path, begin with ./"));
        }
        if value.is_null() {
            let why = "pandas, R or polars would read it as a missing value in the tables; write what it stands for";
            problems.add(format!("{at}[{i}]"), format!("null: {why}"));
        }
        if let Some(what) = value.as_str().and_then(read_instead) {
            let why = format!("pandas, R or polars would read it as {what} in the tables");
            problems.add(format!("{at}[{i}]"), format!("{value}: {why}; of a path, begin with ./"));
        }
        if !seen.insert(json::canonical(value)) {
            problems.add(format!("{at}[{i}]"), format!("{value} appears twice"));
        }
    }
    let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    if !texts.is_empty()
        && texts.len() == values.len()
        && let Some(what) = read_together(texts.iter().copied())
    {
        let why = format!("polars, pyarrow or DuckDB would read these texts as {what} in the tables");
        problems.add(at.clone(), format!("{why}; of paths, begin with ./"));
    }
    if values.iter().any(Value::is_array) && !values.iter().all(Value::is_array) {
        let why = "lists and single values in one axis: programs that read CSV expect one kind in a column";
        problems.add(at, format!("{why}; run two experiments, and `bn-exp compare A B` shows them side by side"));
    }
    Some(Axis { path: path.to_owned(), values })
}

/// All combinations of the axes' values, the last axis fastest.
pub(super) fn cross(axes: &[Axis]) -> Vec<Vec<Value>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        let extend = |point: &Vec<Value>| -> Vec<Vec<Value>> {
            axis.values.iter().map(|v| point.iter().chain([v]).cloned().collect()).collect()
        };
        points.iter().flat_map(extend).collect()
    })
}

/// The written configuration with the axes' values put in.
pub(super) fn at_point(written: &Value, axes: &[Axis], values: &[Value]) -> Value {
    let mut value = written.clone();
    for (axis, v) in axes.iter().zip(values) {
        // A path that cannot be set has been reported by the schema check of what is in its way.
        let _ = json::set(&mut value, &axis.path, v.clone());
    }
    value
}

/// The point by its values, for messages.
pub(super) fn name_point(axes: &[Axis], values: &[Value]) -> String {
    axes.iter().zip(values).map(|(a, v)| format!("{} = {v}", a.path)).collect::<Vec<_>>().join(", ")
}

/// Puts in every `--set`, the outer paths first, so that their order does not matter.
pub(super) fn set_all(written: &mut Value, overrides: &[(String, Value)], schema: &Value, problems: &mut Problems) {
    let depth = |path: &str| if path.starts_with("sweep.") { 2 } else { path.split('.').count() };
    let mut sorted: Vec<&(String, Value)> = overrides.iter().collect();
    sorted.sort_by_key(|(path, _)| depth(path));
    for (i, (path, value)) in sorted.iter().enumerate() {
        let at = format!("--set {path}");
        if let Some((_, other)) = sorted[..i].iter().find(|(known, other)| known == path && other != value) {
            problems.add(at, format!("given twice, as {other} and as {value}; give it once"));
        } else if let Err(message) = set(written, path, value.clone()) {
            problems.add(at, message);
        }
    }
    let axes = written.get("sweep").and_then(Value::as_object);
    for (path, value) in sorted.iter().filter(|(path, _)| axes.is_some_and(|axes| axes.contains_key(path))) {
        let node = at_path(schema, path);
        let takes_numbers = node.is_some_and(|node| takes(node, "number", schema) || takes(node, "integer", schema));
        let is_whole = node.is_some_and(|node| !takes(node, "number", schema));
        let values = match value.as_str().filter(|_| takes_numbers).map(|text| numbers_meant(text, is_whole)) {
            Some(numbers) if numbers.is_empty() => "[…]".to_owned(),
            Some(numbers) => Value::from(numbers).to_string(),
            None => as_axis(value, node, schema).to_string(),
        };
        let instead = format!("--set 'sweep.{path}={values}'");
        let message = format!("this key is swept, so the value would never be used; {instead} sets the values to try");
        problems.add(format!("--set {path}"), message);
    }
}

/// The values of an axis that `value` stands for: itself, unless it is a list where the key takes none.
pub(super) fn as_axis(value: &Value, node: Option<&Value>, schema: &Value) -> Value {
    let is_values = value.is_array() && node.is_some_and(|node| !takes(node, "array", schema));
    if is_values { value.clone() } else { Value::Array(vec![value.clone()]) }
}

/// One `--set`. What follows `sweep.` is the name of an axis, with its dots.
fn set(written: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if let Some(axis) = path.strip_prefix("sweep.") {
        let sweep =
            written.as_object_mut().map(|root| root.entry("sweep").or_insert_with(|| Value::Object(Map::new())));
        let sweep = sweep.and_then(Value::as_object_mut).ok_or("`sweep` is not an object")?;
        sweep.insert(axis.to_owned(), value);
        return Ok(());
    }
    json::set(written, path, value)
}
