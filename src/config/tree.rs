//! Finds keys in the configuration's JSON Schema.

use serde_json::Value;

use super::json::join;

/// The keys of the object that `node` describes.
pub fn properties(schema: &Value, node: &Value) -> Vec<String> {
    let properties = follow(schema, node)["properties"].as_object();
    properties.into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

/// Every dotted path to a key below a section, and to the keys below that.
pub fn known_paths(schema: &Value, section: &str) -> Vec<String> {
    let keys = |path: &str| -> Vec<String> {
        let node = at_path(schema, path).map(|node| properties(schema, node));
        node.into_iter().flatten().map(|key| join(path, &key)).collect()
    };
    keys(section).into_iter().flat_map(|path| std::iter::once(path.clone()).chain(keys(&path))).collect()
}

/// Whether a node takes values of a JSON type.
pub fn takes(node: &Value, name: &str, schema: &Value) -> bool {
    let node = follow(schema, node);
    let mut branches = node["anyOf"].as_array().into_iter().flatten();
    allows_type(node, name) || branches.any(|branch| allows_type(follow(schema, branch), name))
}

/// The part of the schema that describes a dotted path, if the path exists.
pub fn at_path<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(schema, |node, key| {
        let node = follow(schema, node);
        node["properties"].get(key)
    })
}

/// Follows `$ref`s, and takes the first branch of an optional value.
pub(super) fn follow<'a>(root: &'a Value, mut node: &'a Value) -> &'a Value {
    loop {
        if let Some(reference) = node["$ref"].as_str() {
            node = root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
        } else if let Some(first) = node["anyOf"].get(0).filter(|_| is_optional(node)) {
            node = first;
        } else {
            return node;
        }
    }
}

/// Whether null stands for a key that is left out.
pub(super) fn is_optional(node: &Value) -> bool {
    node["anyOf"].as_array().is_some_and(|branches| branches.len() == 2 && branches[1]["type"] == "null")
}

/// Whether a node's own type is this one.
pub(super) fn allows_type(node: &Value, name: &str) -> bool {
    match &node["type"] {
        Value::Array(types) => types.iter().any(|t| t == name),
        single => single == name,
    }
}
