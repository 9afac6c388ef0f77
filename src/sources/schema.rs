//! The JSON Schema of the sources: their knobs side by side, as the keys of the configuration's `data`.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// A source as its schema describes it.
pub struct Described {
    /// Its name in configurations.
    pub name: String,
    /// What it is, in a few words.
    pub what: String,
    /// The schema of each knob.
    pub knobs: Map<String, Value>,
}

/// Turns an object with flattened sources into one with a key `source` and the knobs of all sources. Each knob may
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

/// The sources in the branches of their enum's schema.
pub fn described(one_of: Option<&Value>) -> Vec<Described> {
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
pub fn optional(knob: &Value, words: String) -> Value {
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
