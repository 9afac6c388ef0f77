//! One spelling for each number: if the schema asks for a number, 1 becomes 1.0; if it asks for a whole number, 32.0
//! becomes 32. So tables do not depend on how a value was written, and a column of floats has floats in all rows.

use serde_json::{Number, Value};

use super::check::branch_for;
use super::tree::follow;

/// Largest whole number below which every whole number has a float of its own.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// `value` with its numbers spelt as the schema's `node` asks. What does not fit the schema stays as it is.
pub fn respelt(value: &Value, node: &Value, schema: &Value) -> Value {
    let node = follow(schema, node);
    if let Some(branches) = node["anyOf"].as_array() {
        return branch_for(schema, value, branches).map_or_else(|| value.clone(), |node| respelt(value, node, schema));
    }
    match value {
        Value::Object(object) => {
            let child = |key: &str| node["properties"].get(key).unwrap_or(&Value::Null);
            object.iter().map(|(key, value)| (key.clone(), respelt(value, child(key), schema))).collect()
        }
        Value::Array(items) => items.iter().map(|item| respelt(item, &node["items"], schema)).collect(),
        Value::Number(number) => Value::Number(spelt(number, node).unwrap_or_else(|| number.clone())),
        other => other.clone(),
    }
}

fn spelt(number: &Number, node: &Value) -> Option<Number> {
    let asks_for = |name: &str| match &node["type"] {
        Value::Array(types) => types.iter().any(|t| t == name),
        one => one == name,
    };
    let float = number.as_f64()?;
    if asks_for("number") {
        Number::from_f64(float)
    } else if asks_for("integer") && number.is_f64() && float.fract() == 0.0 && float.abs() < LARGEST {
        Some(Number::from(float as i64))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check::schema;
    use crate::config::file::ConfigFile;
    use crate::config::resolve::synthetic_facts;
    use crate::config::{Experiment, json};
    use serde_json::json;

    /// Every dotted path with the schema of what stands there.
    fn keys<'a>(schema: &'a Value, node: &'a Value, path: &str, out: &mut Vec<(String, &'a Value)>) {
        let node = follow(schema, node);
        for (key, child) in node["properties"].as_object().into_iter().flatten() {
            let path = json::join(path, key);
            out.push((path.clone(), child));
            keys(schema, child, &path, out);
        }
    }

    /// Whether whole numbers stand there: alone, or as entries of a list.
    fn shape(schema: &Value, node: &Value, name: &str) -> Option<bool> {
        let is = |node: &Value| follow(schema, node)["type"].to_string().contains(&format!("\"{name}\""));
        let node = follow(schema, node);
        let branches = node["anyOf"].as_array().cloned().unwrap_or_else(|| vec![node.clone()]);
        branches.iter().find_map(|branch| {
            let branch = follow(schema, branch);
            if is(branch) { Some(false) } else { is(&branch["items"]).then_some(true) }
        })
    }

    fn planned(path: &str, value: &Value) -> Result<String, String> {
        let mut config = json!({
            "name": "t", "data": { "source": "glyphs", "train": 50 }, "model": { "kind": "mlp", "hidden": [4] },
            "variants": ["bn"], "optimizer": { "kind": "sgd", "lr": 0.1 }, "train": { "batch_size": 8, "steps": 2 }
        });
        json::set(&mut config, path, value.clone()).unwrap();
        let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files here"));
        let experiment = Experiment::parse(&config.to_string(), &[], &facts).map_err(|error| format!("{error:#}"))?;
        Ok(format!("{} {:?} {:?}", experiment.configuration, experiment.seeds, experiment.compare))
    }

    #[test]
    fn every_key_takes_a_whole_number_in_either_spelling() {
        let schema = schema();
        let mut all = Vec::new();
        keys(&schema, &schema, "", &mut all);
        let (mut integers, mut floats) = (0, 0);
        for (path, node) in all {
            let kind = |name| shape(&schema, node, name);
            let Some(is_list) = kind("integer").or(kind("number")) else { continue };
            if kind("integer").is_some() {
                integers += 1
            } else {
                floats += 1
            }
            for number in [1, 2, 3, 8] {
                let [whole, float] = [json!(number), json!(f64::from(number))];
                let of = |value: Value| planned(&path, &if is_list { json!([value]) } else { value });
                assert_eq!(of(whole), of(float), "{path} = {number}");
            }
        }
        assert!(integers >= 20 && floats >= 10, "{integers} {floats}");
    }

    #[test]
    fn what_is_not_whole_and_what_no_float_can_hold_stays_as_it_is() {
        let schema = schema();
        let config = json!({ "train": { "batch_size": 32.5, "steps": 1e30 }, "seeds": [9007199254740991u64, 3.0] });
        let expected = json!({ "train": { "batch_size": 32.5, "steps": 1e30 }, "seeds": [9007199254740991u64, 3] });
        assert_eq!(respelt(&config, &schema, &schema), expected);
        let error = planned("train.steps", &json!(1e30)).unwrap_err();
        assert!(error.contains("train.steps") && error.contains("out of range"), "{error}");
        let file: Result<ConfigFile, _> = serde_json::from_value(json!({ "seeds": 3.0 }));
        assert!(file.is_err(), "serde alone takes no 3.0");
    }

    #[test]
    fn a_sweep_spells_every_value_of_a_float_as_a_float() {
        let config = json!({
            "name": "t", "data": { "source": "glyphs" }, "model": { "kind": "mlp", "hidden": [4] }, "variants": ["bn"],
            "optimizer": { "kind": "sgd", "lr": 0.1 }, "train": { "steps": 2 },
            "sweep": { "optimizer.lr": [1, 0.3], "train.batch_size": [8.0, 16], "model.hidden": [[4.0], [8]] }
        });
        let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files here"));
        let experiment = Experiment::parse(&config.to_string(), &[], &facts).unwrap();
        let values: Vec<String> = experiment.axes.iter().map(|axis| json!(axis.values).to_string()).collect();
        assert_eq!(values, ["[1.0,0.3]", "[8,16]", "[[4],[8]]"]);
    }
}
