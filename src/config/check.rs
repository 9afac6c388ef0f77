//! Checks a JSON value against the configuration's JSON Schema and reports every fault at once.
//!
//! Only the keywords that [`super::file`] produces are known: `$ref`, `anyOf`, `oneOf` of
//! constants, `type`, `properties`, `required`, `additionalProperties`, `items`, and the bounds.

use serde_json::{Map, Value};

use super::json::join;
use super::names::SECTIONS;
use super::problem::{Problems, did_you_mean, ending_in};
use super::tree::{allows_type, follow, is_optional, known_paths};
use crate::printable::is_plain;

/// The JSON Schema of the configuration, as `bn-exp schema` prints it.
pub fn schema() -> Value {
    schemars::schema_for!(super::file::ConfigFile).to_value()
}

/// Adds every way in which `value` breaks `schema` to `problems`.
pub fn check(value: &Value, schema: &Value, problems: &mut Problems) {
    Checker { root: schema, problems }.node(value, schema, "");
}

/// The same for a value that belongs at one place of the configuration, described by `node`.
pub fn check_part(value: &Value, node: &Value, schema: &Value, path: &str, problems: &mut Problems) {
    Checker { root: schema, problems }.node(value, node, path);
}

/// `value` without the entries that equal the schema's constant defaults, at every level.
pub fn less_defaults(value: &Value, schema: &Value) -> Value {
    fn strip(value: &Value, node: &Value, root: &Value) -> Value {
        let Value::Object(object) = value else { return value.clone() };
        let properties = &follow(root, node)["properties"];
        let kept = object.iter().filter_map(|(key, child)| {
            let property = &properties[key];
            let child = strip(child, property, root);
            let is_default = property.get("default").is_some_and(|d| strip(d, property, root) == child);
            (!is_default && !child.is_null()).then(|| (key.clone(), child))
        });
        Value::Object(kept.collect())
    }
    strip(value, schema, schema)
}

struct Checker<'a> {
    root: &'a Value,
    problems: &'a mut Problems,
}

impl Checker<'_> {
    fn node(&mut self, value: &Value, node: &Value, path: &str) {
        if value.is_null() && (is_optional(node) || allows_type(node, "null")) {
            return;
        }
        let node = follow(self.root, node);
        if let Some(constants) = node["oneOf"].as_array() {
            return self.constant(value, constants, path);
        }
        if let Some(branches) = node["anyOf"].as_array() {
            return self.branch(value, branches, path);
        }
        if !node["type"].is_null() && !json_types(value).iter().any(|t| allows_type(node, t)) {
            let remedy = remedy(value, node, path);
            return self.problems.add(path, format!("{} is not {}{remedy}", shorten(value), type_name(node)));
        }
        match value {
            Value::Object(object) => self.object(object, node, path),
            Value::Array(items) => self.array(items, node, path),
            Value::Number(number) if !in_range(number.as_f64().unwrap_or(f64::NAN), node) => {
                // 1.0 reads as 1, however it was written.
                let whole = number.as_f64().filter(|x| x.fract() == 0.0 && x.abs() < 1e15);
                let number = whole.map_or_else(|| number.to_string(), |x| x.to_string());
                self.problems.add(path, format!("{number} is out of range; allowed: {}", range_name(node)));
            }
            // A description is shown nowhere, and names have a rule of their own.
            Value::String(text) if !is_plain(text) && !path.ends_with("description") && !path.ends_with("name") => {
                let what = "has a control character, or one that nobody sees or that turns the direction of writing; choose another name";
                self.problems.add(path, format!("{text:?} {what}"));
            }
            _ => {}
        }
    }

    fn object(&mut self, object: &Map<String, Value>, node: &Value, path: &str) {
        let empty = Map::new();
        let properties = node["properties"].as_object().unwrap_or(&empty);
        let known = || properties.keys().map(String::as_str).filter(|k| !k.starts_with('$'));
        for (key, child) in object {
            if let Some(property) = properties.get(key) {
                self.node(child, property, &join(path, key));
            } else if node["additionalProperties"] == false {
                let entry_of = key.split_once('[').map(|(list, _)| list).filter(|list| properties.contains_key(*list));
                let hint = match (entry_of, self.meant(key, path, known())) {
                    (Some(list), _) => format!("; {list} is given as a whole, not entry by entry"),
                    (None, hint) if hint.is_empty() => format!("; known: {}", list(known())),
                    (None, hint) => hint,
                };
                self.problems.add(join(path, key), format!("unknown key{hint}"));
            }
        }
        for required in node["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(required) {
                self.problems.add(join(path, required), "missing; this key is required");
            }
        }
    }

    /// What an unknown key may mean: a key here, or one of the same name elsewhere.
    fn meant<'a>(&self, key: &str, path: &str, known: impl Iterator<Item = &'a str>) -> String {
        let sections = SECTIONS.into_iter().chain(["compare"]);
        let paths: Vec<String> = sections.flat_map(|section| known_paths(self.root, section)).collect();
        let paths = || paths.iter().map(String::as_str).filter(|_| !path.contains('['));
        let here = ending_in(key, paths().filter(|other| other.rsplit_once('.').is_some_and(|(at, _)| at == path)));
        here.or_else(|| ending_in(key, paths())).unwrap_or_else(|| did_you_mean(key, known))
    }

    fn array(&mut self, items: &[Value], node: &Value, path: &str) {
        if items.len() < bound(node, "minItems").unwrap_or(0.0) as usize {
            self.problems.add(path, "the list is empty; at least one entry is needed");
        }
        if let Some(most) = bound(node, "maxItems").filter(|most| items.len() as f64 > *most) {
            self.problems.add(path, format!("{} entries; at most {most} are allowed", items.len()));
        }
        for (i, item) in items.iter().enumerate() {
            self.node(item, &node["items"], &format!("{path}[{i}]"));
        }
    }

    /// A value that must be one of named constants.
    fn constant(&mut self, value: &Value, constants: &[Value], path: &str) {
        let names = || constants.iter().filter_map(|c| c["const"].as_str());
        if !names().any(|name| value == name) {
            let hint = value.as_str().map(|text| did_you_mean(text, names())).unwrap_or_default();
            self.problems.add(path, format!("{} is not one of {}{hint}", shorten(value), list(names())));
        }
    }

    /// A value that may have one of several shapes: the branch with its JSON type decides.
    fn branch(&mut self, value: &Value, branches: &[Value], path: &str) {
        match branch_for(self.root, value, branches) {
            Some(branch) => self.node(value, branch, path),
            None => {
                let shapes: Vec<_> = branches.iter().map(|b| type_name(follow(self.root, b))).collect();
                let range = value.as_str().filter(|_| shapes.contains(&"a list")).and_then(whole_range);
                let range = range.map(|list| format!("; a list is written so: {list}")).unwrap_or_default();
                self.problems.add(path, format!("{} is not {}{range}", shorten(value), shapes.join(" or ")));
            }
        }
    }
}

/// `0-5` as a list.
fn whole_range(text: &str) -> Option<String> {
    let (first, last) = text.split_once('-').or_else(|| text.split_once(".."))?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let is_short = first <= last && last - first < 10;
    let all: Vec<String> = (first..=last).map(|n| n.to_string()).take(if is_short { 10 } else { 0 }).collect();
    Some(if is_short { format!("[{}]", all.join(", ")) } else { format!("[{first}, {}, …]", first + 1) })
}

/// The branch for a value's JSON type.
pub fn branch_for<'a>(root: &Value, value: &Value, branches: &'a [Value]) -> Option<&'a Value> {
    branches.iter().find(|branch| {
        let branch = follow(root, branch);
        let is_constant = branch["oneOf"].is_array() && value.is_string();
        is_constant || json_types(value).iter().any(|t| allows_type(branch, t))
    })
}

/// The schema types a value satisfies; a whole number is also a `number`.
fn json_types(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Null => &["null"],
        Value::Bool(_) => &["boolean"],
        Value::Number(n) if n.as_f64().is_some_and(|x| x.fract() == 0.0) => &["integer", "number"],
        Value::Number(_) => &["number"],
        Value::String(_) => &["string"],
        Value::Array(_) => &["array"],
        Value::Object(_) => &["object"],
    }
}

fn type_name(node: &Value) -> &'static str {
    [
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "true or false"),
        ("string", "text"),
        ("array", "a list"),
        ("object", "an object"),
    ]
    .iter()
    .find(|(name, _)| allows_type(node, name))
    .map_or("a name", |(_, words)| words)
}

fn bound(node: &Value, keyword: &str) -> Option<f64> {
    node[keyword].as_f64()
}

fn in_range(x: f64, node: &Value) -> bool {
    bound(node, "minimum").is_none_or(|b| x >= b)
        && bound(node, "maximum").is_none_or(|b| x <= b)
        && bound(node, "exclusiveMinimum").is_none_or(|b| x > b)
        && bound(node, "exclusiveMaximum").is_none_or(|b| x < b)
}

fn range_name(node: &Value) -> String {
    [("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"), ("exclusiveMaximum", "below")]
        .iter()
        .filter_map(|(keyword, words)| {
            let bound = bound(node, keyword)?;
            Some(if bound.abs() < 1e16 { format!("{words} {bound}") } else { format!("{words} {bound:e}") })
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// How a value of the wrong type may have been meant.
fn remedy(value: &Value, node: &Value, path: &str) -> String {
    match value {
        Value::Array(_) => sweep_instead(value, path),
        Value::Number(_) if allows_type(node, "array") => format!("; a list is written so: [{value}]"),
        Value::Number(_) | Value::Bool(_) if allows_type(node, "string") => {
            format!("; as text, in a file: \"{value}\", on the command line: --set '{path}=\"{value}\"'")
        }
        Value::String(text) if allows_type(node, "number") || allows_type(node, "integer") => {
            let is_whole = !allows_type(node, "number");
            let numbers = numbers_meant(text, is_whole);
            match &numbers[..] {
                [] => String::new(),
                [number] if text.contains('/') => format!("; a fraction is written as {number}"),
                [number] if text.contains(',') && is_whole => format!("; a number has no comma: {number}"),
                [number] if text.contains(',') => format!("; decimals have a point, not a comma: {number}"),
                [number] => format!("; a number stands without quotes: {number}"),
                _ => sweep_instead(&Value::from(numbers), path),
            }
        }
        Value::String(text) if allows_type(node, "array") => {
            let item = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
            let items = text.trim_matches(['[', ']']).split(',').map(|text| item(text.trim()));
            format!("; a list is written so: {}", Value::Array(items.collect()))
        }
        _ => String::new(),
    }
}

/// The numbers that a text stands for: a list of them, or one, also as 0,3, 1/10, and where whole numbers are expected 1,000.
/// None if it stands for something else.
pub(super) fn numbers_meant(text: &str, is_whole: bool) -> Vec<Value> {
    let number = |text: &str| {
        let text = text.trim();
        let text = if text.starts_with('.') { format!("0{text}") } else { text.to_owned() };
        let number = serde_json::from_str::<Value>(&text).ok()?;
        number.as_f64().is_some_and(|x| !is_whole || x.fract() == 0.0).then_some(number)
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let text = text.trim().trim_matches(['[', ']']);
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let are_thousands = parts.len() > 1 && parts[1..].iter().all(|part| part.len() == 3 && is_digits(part));
    let one = match (&parts[..], text.split_once('/')) {
        (_, Some((above, below))) => {
            let share = above.trim().parse().ok().zip(below.trim().parse().ok()).map(|(a, b): (f64, f64)| a / b);
            share.filter(|x| x.is_finite()).and_then(|x| number(&x.to_string()))
        }
        (["0", decimals], _) if !is_whole && is_digits(decimals) => number(&format!("0.{decimals}")),
        _ if is_whole && are_thousands && parts[0] != "0" => number(&parts.concat()),
        _ => None,
    };
    one.map_or_else(|| parts.into_iter().map(number).collect::<Option<_>>().unwrap_or_default(), |one| vec![one])
}

/// How to try the values of a list where a key takes one value.
fn sweep_instead(values: &Value, path: &str) -> String {
    let can_be_swept = path.split_once('.').is_some_and(|(section, _)| SECTIONS.contains(&section));
    let sweep = || match path.split_once('[') {
        // A list within a list.
        Some((key, _)) => format!("; to try several lists: \"sweep\": {{\"{key}\": [{}, …]}}", shorten(values)),
        None => format!("; to try each of these values: \"sweep\": {{\"{path}\": {}}}", shorten(values)),
    };
    if can_be_swept { sweep() } else { String::new() }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn shorten(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { text.chars().take(57).chain("...".chars()).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn minimal() -> Value {
        json!({
            "name": "t", "data": {"source": "glyphs"}, "model": {"kind": "mlp", "hidden": [4]},
            "variants": ["bn"], "optimizer": {"kind": "sgd", "lr": 0.1}, "train": {"steps": 1}
        })
    }

    fn faults(value: &Value) -> Vec<String> {
        let mut problems = Problems::default();
        check(value, &schema(), &mut problems);
        match problems.into_result() {
            Ok(()) => Vec::new(),
            Err(error) => error.0.iter().map(|p| format!("{}: {}", p.path, p.message)).collect(),
        }
    }

    #[test]
    fn a_minimal_configuration_is_accepted() {
        assert_eq!(faults(&minimal()), Vec::<String>::new());
    }

    #[test]
    fn every_fault_is_reported_with_path_value_and_what_is_allowed() {
        let mut bad = minimal();
        bad["model"]["activaton"] = json!("relu");
        bad["model"]["activation"] = json!("rleu");
        bad["optimizer"]["lr"] = json!(-1.0);
        bad["train"]["steps"] = json!("many");
        bad["variants"] = json!(["bm", {"name": "x", "bais": true}, 3]);
        let schema = schema();
        let arms = schema["$defs"]["Arm"]["oneOf"].as_array().unwrap().iter().filter_map(|arm| arm["const"].as_str());
        let arms = list(arms);
        bad["seeds"] = json!([1, -2]);
        bad.as_object_mut().unwrap().remove("name");
        bad["seeds[0]"] = json!(1);
        assert_eq!(
            faults(&bad),
            [
                "seeds[1]: -2 is out of range; allowed: at least 0, at most 9007199254740991",
                "model.activaton: unknown key; did you mean `activation`?",
                "model.activation: \"rleu\" is not one of relu, tanh, sigmoid, identity; did you mean `relu`?",
                &format!("variants[0]: \"bm\" is not one of {arms}; did you mean `bn`?"),
                "variants[1].bais: unknown key; did you mean `bias`?",
                "variants[2]: 3 is not a name or an object",
                "optimizer.lr: -1 is out of range; allowed: above 0, at most 1000000",
                "train.steps: \"many\" is not a whole number",
                "seeds[0]: unknown key; seeds is given as a whole, not entry by entry",
                "name: missing; this key is required",
            ]
        );
    }

    #[test]
    fn numbers_that_are_written_as_a_list_a_fraction_or_with_a_comma_are_answered_with_what_is_meant() {
        let said = |section: &str, key: &str, text: &str| {
            let mut bad = minimal();
            bad[section][key] = json!(text);
            faults(&bad).remove(0)
        };
        for (section, key, text, hint) in [
            ("optimizer", "lr", "1,10", "; to try each of these values: \"sweep\": {\"optimizer.lr\": [1,10]}"),
            (
                "optimizer",
                "lr",
                "[0.03,0.3]",
                "; to try each of these values: \"sweep\": {\"optimizer.lr\": [0.03,0.3]}",
            ),
            ("optimizer", "lr", "1/10", "; a fraction is written as 0.1"),
            ("optimizer", "lr", "1/0", ""),
            ("optimizer", "lr", "", ""),
            ("optimizer", "lr", "0.1,high", ""),
            (
                "train",
                "batch_size",
                "16,32",
                "; to try each of these values: \"sweep\": {\"train.batch_size\": [16,32]}",
            ),
            ("train", "batch_size", "1/10", ""),
            ("train", "steps", "1,000", "; a number has no comma: 1000"),
            ("train", "steps", "1,000,000", "; a number has no comma: 1000000"),
        ] {
            let kind = if section == "train" { "a whole number" } else { "a number" };
            assert_eq!(said(section, key, text), format!("{section}.{key}: {text:?} is not {kind}{hint}"));
        }
        let mut bad = minimal();
        bad["model"]["hidden"] = json!(8);
        assert_eq!(faults(&bad), ["model.hidden: 8 is not a list; a list is written so: [8]"]);
    }

    #[test]
    fn a_number_that_is_written_as_text_is_answered_with_the_number() {
        let mut bad = minimal();
        (bad["optimizer"]["lr"], bad["train"]["steps"]) = (json!("0,3"), json!("10"));
        bad["norm"] = json!({ "momentum": "0.1", "epsilon": "1,2,3" });
        assert_eq!(
            faults(&bad),
            [
                "optimizer.lr: \"0,3\" is not a number; decimals have a point, not a comma: 0.3",
                "train.steps: \"10\" is not a whole number; a number stands without quotes: 10",
                "norm.momentum: \"0.1\" is not a number; a number stands without quotes: 0.1",
                "norm.epsilon: \"1,2,3\" is not a number; to try each of these values: \
                 \"sweep\": {\"norm.epsilon\": [1,2,3]}",
            ]
        );
    }

    #[test]
    fn defaults_are_left_out_at_every_level() {
        let schema = schema();
        let value = json!({"norm": {"epsilon": 1e-5, "momentum": 0.2}, "log": {"probe_size": 256, "train_eval": 1000},
            "model": {"kind": "mlp", "activation": "relu", "init": {"scheme": "he"}}});
        let expected = json!({"norm": {"momentum": 0.2}, "model": {"kind": "mlp"}});
        assert_eq!(less_defaults(&value, &schema), expected);
    }
}
