//! The JSON Schema of the sources: their knobs side by side, as the keys of the configuration's `data`.

use schemars::{Schema, schema_for};
use serde_json::{Map, Value, json};

use super::Source;

/// A source as its schema describes it.
pub struct Described {
    /// Its name in configurations.
    pub name: String,
    /// What it is, in a few words.
    pub what: String,
    /// The schema of each knob.
    pub knobs: Map<String, Value>,
}

/// Every source in order.
pub fn sources() -> Vec<Described> {
    described(schema_for!(Source).get("oneOf"))
}

/// The sources that have a knob of this name.
pub fn with_knob(key: &str) -> Vec<String> {
    sources().into_iter().filter(|source| source.knobs.contains_key(key)).map(|source| source.name).collect()
}

/// Turns an object with a flattened [`Source`] into one with a key `source` and the knobs of all sources. Each knob may
/// be left out; which of them belong to the chosen source is checked once that is known.
pub fn side_by_side(schema: &mut Schema) {
    let sources = described(schema.remove("oneOf").as_ref());
    let mut properties = Map::new();
    let names: Vec<_> = sources
        .iter()
        .map(|Described { name, what, .. }| json!({ "type": "string", "const": name, "description": what }))
        .collect();
    properties.insert("source".to_owned(), json!({ "oneOf": names, "description": "Where samples come from." }));
    properties.extend(schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
    for (key, knob) in sources.iter().flat_map(|source| &source.knobs) {
        if !properties.contains_key(key) {
            properties.insert(key.clone(), optional(knob, words(key, &sources)));
        }
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), json!(["source"]));
    schema.insert("additionalProperties".to_owned(), json!(false));
}

/// The sources of [`Source`]'s own schema.
fn described(one_of: Option<&Value>) -> Vec<Described> {
    let describe = |source: &Value| {
        let properties = source["properties"].as_object().into_iter().flatten();
        Described {
            name: source["properties"]["source"]["const"].as_str().unwrap_or_default().to_owned(),
            what: source["description"].as_str().unwrap_or_default().to_owned(),
            knobs: properties.filter(|(key, _)| *key != "source").map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    };
    one_of.and_then(Value::as_array).into_iter().flatten().map(describe).collect()
}

/// A knob's schema without the default, which depends on the source.
fn optional(knob: &Value, words: String) -> Value {
    let mut knob = knob.clone();
    if let Some(object) = knob.as_object_mut() {
        object.shift_remove("default");
        object.insert("description".to_owned(), Value::from(words));
        if object["type"].is_string() {
            object["type"] = json!([object["type"], "null"]);
        }
    }
    knob
}

/// What a knob is, with the sources that have it and their defaults.
fn words(key: &str, sources: &[Described]) -> String {
    let mut meanings: Vec<(&str, Vec<String>)> = Vec::new();
    for source in sources {
        let Some(knob) = source.knobs.get(key) else { continue };
        let meaning = knob["description"].as_str().unwrap_or_default().trim_end_matches('.');
        let user = match knob["default"].as_f64() {
            Some(default) => format!("{}: default {default}", source.name),
            None => source.name.clone(),
        };
        match meanings.iter_mut().find(|(known, _)| *known == meaning) {
            Some((_, users)) => users.push(user),
            None => meanings.push((meaning, vec![user])),
        }
    }
    let sentence = |(meaning, users): &(&str, Vec<String>)| format!("{meaning} ({}).", users.join("; "));
    meanings.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_of_several_sources_has_one_type_and_range() {
        let sources = sources();
        let knob = |source: &Described, key: &str| source.knobs.get(key).map(|knob| optional(knob, String::new()));
        for (key, first) in sources.iter().flat_map(|source| &source.knobs) {
            for other in sources.iter().filter_map(|source| knob(source, key)) {
                assert_eq!(other, optional(first, String::new()), "{key}");
            }
        }
    }

    #[test]
    fn every_source_and_knob_says_what_it_is() {
        for source in sources() {
            assert!(!source.what.is_empty(), "{} has no documentation", source.name);
            for (key, knob) in &source.knobs {
                assert!(knob["description"].is_string(), "{}.{key} has no documentation", source.name);
            }
        }
    }
}
