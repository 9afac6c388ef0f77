//! JSON text ↔ values: parsing that notices duplicate keys, dotted paths, the canonical form.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::problem::Problems;

/// Parses JSON; each key that appears twice in one object is added to `problems`.
///
/// # Errors
/// The syntax error, with line and column; a number so small that it would be read as 0.
pub fn parse(text: &str, problems: &mut Problems) -> Result<Value, serde_json::Error> {
    if let Some((number, line)) = vanished(text) {
        return Err(serde_json::Error::custom(format!(
            "{number} in line {line} is so small that it would be read as 0"
        )));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Node { path: &mut String::new(), problems }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The first number that is not 0 and would be read as 0, and its line.
pub fn vanished(text: &str) -> Option<(&str, usize)> {
    let (mut at, mut is_text, bytes) = (0, false, text.as_bytes());
    while at < bytes.len() {
        match bytes[at] {
            b'"' => is_text = !is_text,
            // An escaped character does not end the text.
            b'\\' => at += 1,
            b'-' | b'0'..=b'9' if !is_text => {
                let number = bytes[at..].iter().take_while(|c| c.is_ascii_digit() || b"+-.eE".contains(c)).count();
                let written = &text[at..at + number];
                let has_digits =
                    written.split(['e', 'E']).next().is_some_and(|head| head.contains(|c| ('1'..='9').contains(&c)));
                if has_digits && written.parse() == Ok(0.0) {
                    return Some((written, text[..at].matches('\n').count() + 1));
                }
                at += number - 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Most parts of a dotted path.
const DEEPEST: usize = 16;

/// `a` and `b` → `a.b`.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Puts `value` at a dotted path, creating the objects on the way.
///
/// # Errors
/// If a part of the path is not an object, or the path is malformed or too deep for any configuration.
pub fn set(root: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.split('.').any(str::is_empty) || path.split('.').count() > DEEPEST {
        return Err(format!("`{path}` is not a dotted path such as `optimizer.lr`"));
    }
    let mut node = root;
    let mut walked = String::new();
    for key in path.split('.') {
        let Value::Object(object) = node else {
            return Err(format!("`{walked}` is not an object, so nothing can be set below it"));
        };
        node = object.entry(key).or_insert_with(|| Value::Object(Map::new()));
        walked = join(&walked, key);
    }
    *node = value;
    Ok(())
}

/// The value at a dotted path.
pub fn get<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(root, |node, key| node.get(key))
}

/// Every leaf (anything but a non-empty object) with its dotted path, in order.
pub fn leaves(value: &Value) -> Vec<(String, &Value)> {
    fn walk<'a>(value: &'a Value, path: &str, out: &mut Vec<(String, &'a Value)>) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                object.iter().for_each(|(key, child)| walk(child, &join(path, key), out));
            }
            _ => out.push((path.to_owned(), value)),
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

/// Canonical text: no spaces, keys sorted at every level.
pub fn canonical(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    sorted.to_string()
}

/// The same value with every number as a float, however it was written.
pub fn in_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or_else(|| value.clone(), Value::from),
        Value::Array(items) => items.iter().map(in_floats).collect(),
        Value::Object(object) => object.iter().map(|(key, child)| (key.clone(), in_floats(child))).collect(),
        _ => value.clone(),
    }
}

/// A table's cell for a value of the configuration: text unchanged, anything else as compact JSON.
pub fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Builds a [`Value`], knowing its place in the document.
struct Node<'a> {
    /// Grows on the way down and is cut on the way up. A new path for every value of a long list below a long key would
    /// take time and memory that grow with the square of the text.
    path: &'a mut String,
    problems: &'a mut Problems,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        let above = self.path.len();
        loop {
            *self.path += &format!("[{}]", items.len());
            let item = seq.next_element_seed(Node { path: self.path, problems: self.problems })?;
            self.path.truncate(above);
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let above = self.path.len();
        while let Some(key) = map.next_key::<String>()? {
            if above > 0 {
                self.path.push('.');
            }
            *self.path += &key;
            let value = map.next_value_seed(Node { path: self.path, problems: self.problems })?;
            if object.insert(key, value).is_some() {
                self.problems.add(self.path.as_str(), "this key appears twice in the same object");
            }
            self.path.truncate(above);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn duplicate_keys_are_reported_with_their_path() {
        let mut problems = Problems::default();
        parse(r#"{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 1}]}"#, &mut problems).unwrap();
        let error = problems.into_result().unwrap_err();
        let paths: Vec<_> = error.0.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["a.b", "c[0].d"]);
    }

    #[test]
    fn trailing_text_is_a_syntax_error() {
        assert!(parse("{} x", &mut Problems::default()).is_err());
    }

    #[test]
    fn a_number_that_would_be_read_as_0_is_named_with_its_line() {
        let error = |text: &str| parse(text, &mut Problems::default()).err().map(|error| error.to_string());
        let said = error("{\"a\": \"1e-400 \\\" 1e-400\",\n \"b\": [0, 1, -2.5e-400]}").expect("refused");
        assert!(said.starts_with("-2.5e-400 in line 2 is so small"), "{said}");
        assert_eq!(error(r#"{"1e-400": [0, 0.0, -0e-999, 5e-324, "\\", 1E-5, 10]}"#), None);
    }

    #[test]
    fn setting_creates_objects_but_not_below_numbers() {
        let mut root = json!({"a": {"n": 1}});
        set(&mut root, "a.b.c", json!(2)).unwrap();
        assert_eq!(root, json!({"a": {"n": 1, "b": {"c": 2}}}));
        assert!(set(&mut root, "a.n.x", json!(2)).unwrap_err().contains("`a.n` is not an object"));
        assert!(set(&mut root, "a..x", json!(2)).is_err());
    }

    #[test]
    fn the_canonical_form_sorts_keys_at_every_level() {
        assert_eq!(canonical(&json!({"b": {"z": 1, "a": 2}, "a": [1.0]})), r#"{"a":[1.0],"b":{"a":2,"z":1}}"#);
    }
}
