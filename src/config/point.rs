//! The points of the sweep, each resolved: every default filled in, every key checked.

use serde_json::Value;

use super::file::{ConfigFile, DataFile};
use super::json;
use super::problem::Problems;
use super::resolve::resolve;
use super::sections::{SECTIONS, identity, sections};
use super::settings::{DataFacts, Settings};
use super::sweep::{Axis, at_point, name_point};

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
    /// SHA-256 of the data's files, where the configuration names a place.
    pub fingerprint: Option<String>,
}

/// Tells what is known of a data set before it is read.
pub type Facts<'a> = &'a dyn Fn(&DataFile) -> anyhow::Result<DataFacts>;

/// A configuration that has passed its schema, and what its points are resolved with.
pub(super) struct Written<'a> {
    pub(super) value: &'a Value,
    pub(super) axes: &'a [Axis],
    pub(super) schema: &'a Value,
    pub(super) facts: Facts<'a>,
}

impl Written<'_> {
    /// All points, and the first one's whole configuration. A fault is added to `problems`, and its point left out.
    pub(super) fn resolve(
        &self,
        points: Vec<Vec<Value>>,
        problems: &mut Problems,
    ) -> anyhow::Result<(Vec<Point>, Value)> {
        let mut resolved = Vec::with_capacity(points.len());
        let mut first = Value::Null;
        let bare = without_lists(self.value);
        for (i, values) in points.into_iter().enumerate() {
            let mut found = Problems::default();
            let whole = self.point(if i == 0 { self.value } else { &bare }, values.clone(), &mut found)?;
            problems.absorb(found, (i > 0).then(|| name_point(self.axes, &values)).as_deref());
            let Some((point, configuration)) = whole else { continue };
            resolved.push(point);
            if i == 0 {
                first = configuration;
            }
        }
        Ok((resolved, first))
    }

    /// One point and its whole configuration; `None` if it has faults.
    fn point(
        &self,
        base: &Value,
        values: Vec<Value>,
        problems: &mut Problems,
    ) -> anyhow::Result<Option<(Point, Value)>> {
        let written = at_point(base, self.axes, &values);
        let mut file = parsed(written.clone())?;
        check_knobs(&written["data"], &file.data, problems)?;
        let missing = file.data.source.kind().from_files().and_then(|source| source.missing());
        if let Some((key, needed)) = missing {
            let source = file.data.source.name();
            problems.add(format!("data.{key}"), format!("missing; source {source} needs {needed}"));
            return Ok(None);
        }
        for key in file.data.source.kind().from_files().map_or(&[][..], |source| source.place_keys()) {
            if let Some(place) = written["data"][*key].as_str().filter(|place| place.starts_with('~')) {
                let message = format!("{place:?} begins with ~, which only a shell knows; write the whole path");
                problems.add(format!("data.{key}"), message);
                return Ok(None);
            }
        }
        let known = (self.facts)(&file.data)?;
        let fingerprint = known.fingerprint.clone();
        let Some(settings) = resolve(&mut file, known, problems) else { return Ok(None) };
        let whole = serde_json::to_value(&file)?;
        let identity = identity(&whole, self.schema, &file.data.source, fingerprint.clone());
        let configuration = sections(&whole);
        Ok(Some((Point { values, settings, configuration, identity, fingerprint }, whole)))
    }
}

/// The types of a configuration that has passed its schema. In `data` a key may be null, as if it were left out.
pub(super) fn parsed(mut value: Value) -> serde_json::Result<ConfigFile> {
    if let Some(data) = value["data"].as_object_mut() {
        data.retain(|_, value| !value.is_null());
    }
    serde_json::from_value(value)
}

/// Refuses the knobs of other sources: those that are written and are not kept.
fn check_knobs(written: &Value, data: &DataFile, problems: &mut Problems) -> serde_json::Result<()> {
    let kept = serde_json::to_value(data)?;
    let written = written.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (key, _) in written.filter(|(key, _)| kept.get(key).is_none()) {
        problems.add(format!("data.{key}"), format!("has no meaning with data.source {}", data.source.name()));
    }
    Ok(())
}

/// The written configuration without the parts that are long and the same at every point. Copying all values of a sweep
/// at each of its points would take time that grows with the square of their number.
fn without_lists(written: &Value) -> Value {
    let is_kept = |key: &str| !["$schema", "description", "seeds", "sweep"].contains(&key);
    let object = written.as_object().into_iter().flatten().filter(|(key, _)| is_kept(key));
    Value::Object(object.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// The resolved configuration of the first point, in a form that can be run again: keys that differ between points (swept
/// ones, and defaults that follow from them) are as they were written, or left open.
pub(super) fn as_written(mut resolved: Value, written: &Value, axes: &[Axis], points: &[Point]) -> Value {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_knobs_of_other_sources_are_refused_and_null_is_as_left_out() {
        let mut whole = json!({
            "name": "t", "data": {}, "model": {"kind": "mlp", "hidden": [4]}, "variants": ["bn"],
            "optimizer": {"kind": "sgd", "lr": 0.1}, "train": {"steps": 1}
        });
        whole["data"] =
            json!({"source": "glyphs", "turns": 2.0, "dir": "x", "dimension": null, "noise": null, "test": 9});
        let data = parsed(whole.clone()).unwrap().data;
        assert_eq!(serde_json::to_value(&data).unwrap()["noise"], json!(0.2));
        let mut problems = Problems::default();
        check_knobs(&whole["data"], &data, &mut problems).unwrap();
        let found: Vec<_> = problems.into_error().0.into_iter().map(|p| (p.path, p.message)).collect();
        let refused = |path: &str| (path.to_owned(), "has no meaning with data.source glyphs".to_owned());
        assert_eq!(found, [refused("data.turns"), refused("data.dir")]);
    }
}
