//! Documents that follow from the code are current.

use std::fmt::Write;
use std::path::Path;

use bn_exp::config::check;
use bn_exp::record::tables;
use serde_json::Value;

/// Every key of an object in the schema: path, type and range, default, description.
fn rows(schema: &Value, node: &Value, path: &str, out: &mut String) {
    let node = follow(schema, node);
    let required: Vec<&str> = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, property) in node["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let inner = follow(schema, property);
        let default = match &property["default"] {
            _ if required.contains(&key.as_str()) => "required".to_owned(),
            Value::Null | Value::Object(_) => String::new(),
            default => format!("`{default}`"),
        };
        let words = property["description"].as_str().unwrap_or_default();
        let _ = writeln!(out, "| `{path}` | {} | {default} | {words} |", kind(schema, inner));
        if inner["properties"].is_object() {
            rows(schema, inner, &path, out);
        }
    }
}

fn follow<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    match (node["$ref"].as_str(), node["anyOf"].get(1)) {
        (Some(reference), _) => follow(schema, schema.pointer(reference.trim_start_matches('#')).unwrap()),
        (_, Some(second)) if second["type"] == "null" => follow(schema, &node["anyOf"][0]),
        _ => node,
    }
}

fn kind(schema: &Value, node: &Value) -> String {
    if let Some(constants) = node["oneOf"].as_array() {
        let names: Vec<_> = constants.iter().filter_map(|c| c["const"].as_str()).map(|c| format!("`{c}`")).collect();
        return names.join(", ");
    }
    if let Some(shapes) = node["anyOf"].as_array() {
        return shapes.iter().map(|shape| kind(schema, follow(schema, shape))).collect::<Vec<_>>().join(" or ");
    }
    let name = match &node["type"] {
        Value::Array(types) => types[0].as_str().unwrap_or_default(),
        Value::String(name) => name,
        _ => "see below",
    };
    let bounds = [("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")];
    let range =
        bounds.iter().filter(|(key, _)| node[key].is_number()).map(|(key, sign)| format!(" {sign} {}", node[key]));
    name.to_owned() + &range.collect::<Vec<_>>().join(",")
}

fn configuration() -> String {
    let schema = check::schema();
    let mut out = "# The configuration, key by key\n\n\
        Made from the JSON Schema (`bn-exp schema`) by `UPDATE_DOCS=1 cargo test --test all documents::`. Keys without a\n\
        default here have one that depends on others, as described, or may be left out.\n\n\
        | key | type and range | default | |\n|---|---|---|---|\n"
        .to_owned();
    rows(&schema, &schema, "", &mut out);
    out += "\n## An entry of `variants`\n\nThe name of an arm, or an object:\n\n\
        | key | type and range | default | |\n|---|---|---|---|\n";
    rows(&schema, &schema["$defs"]["VariantObject"], "", &mut out);
    out += "\n| arm | |\n|---|---|\n";
    for arm in schema["$defs"]["Arm"]["oneOf"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "| `{}` | {} |", arm["const"].as_str().unwrap(), arm["description"].as_str().unwrap());
    }
    out
}

fn check_current(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{file} is not current; make it anew with UPDATE_DOCS=1 cargo test --test all documents::"
    );
}

#[test]
fn the_table_of_keys_is_current() {
    check_current("docs/configuration.md", &configuration());
}

#[test]
fn the_committed_schema_is_current() {
    let schema = serde_json::to_string_pretty(&check::schema()).unwrap() + "\n";
    check_current("configs/schema.json", &schema);
}

#[test]
fn every_column_of_every_table_is_documented_with_its_meaning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md");
    let text = std::fs::read_to_string(path).unwrap();
    for table in tables::all() {
        let section = text.split("\n## ").find(|section| section.starts_with(table.file));
        let section = section.unwrap_or_else(|| panic!("docs/tables.md has no section {}", table.file));
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
        let described = |row: &&&str, column: &str| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
            cells[0].contains(&format!("`{column}`")) && cells.last().is_some_and(|meaning| meaning.trim().len() > 3)
        };
        for column in table.columns {
            assert!(
                rows.iter().any(|row| described(&row, column)),
                "{}: `{column}` is not in docs/tables.md",
                table.file
            );
        }
        let known = |name: &str| table.columns.contains(&name);
        for name in
            rows.iter().filter_map(|row| row.split(" | ").next()).flat_map(|cell| cell.split('`').skip(1).step_by(2))
        {
            assert!(known(name), "docs/tables.md: {} has no column `{name}`", table.file);
        }
    }
    assert!(text.contains("Diverged runs.") && text.contains("*empty* in runs.csv") && text.contains("chance"));
}
