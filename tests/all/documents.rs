//! Documents that follow from the code are current.

use std::fmt::Write;
use std::path::Path;

use bn_exp::claims::regime::Regime;
use bn_exp::config::check;
use bn_exp::record::tables;
use serde_json::{Value, json};

use crate::common::{Lab, small, with};

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

/// What README and docs/experiments.md say that `compare` prints, up to its last line, which names the folder.
#[test]
fn the_printed_pages_are_those_of_the_published_tables() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, name) in [("README.md", "quickstart"), ("docs/experiments.md", "ioffe-mnist")] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let place = root.join("results/published").join(name);
        let lab = Lab::new();
        let printed = lab.command().env("COLUMNS", "100").arg("compare").arg(place).output().unwrap().stdout;
        let printed = String::from_utf8(printed).unwrap();
        let (page, _) = printed.split_once("\nMore: ").expect("a last line");
        let (before, block) = text.split_once(&format!("```text\n{name}: ")).expect("a printed page");
        let (_, after) = block.split_once("\nMore: ").expect("its last line");
        check_current(file, &format!("{before}```text\n{page}\nMore: {after}"));
    }
}

#[test]
fn the_published_claims_are_drawn_without_training() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, seeds) in [("claims-1", "0 to 23"), ("claims-2", "200 to 223")] {
        let lab = Lab::new();
        let place = root.join("results/published").join(name);
        lab.call(&["report", place.to_str().expect("a path"), "-o", "page.html"]).expect(0);
        let page = lab.text("page.html");
        let row = "data-column=\"that …\">batch norm (eqs. 1 and 2) learns faster than eq. 3</td>";
        assert!(page.contains(row) && page.contains(&format!("24 seeds ({seeds})")), "{name}");
    }
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

#[test]
fn the_networks_of_the_claims_are_those_that_the_report_tells_of() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/claims.md")).unwrap();
    let (_, rows) = text.split_once("| regime | network and data |").expect("the table of networks");
    let rows: Vec<&str> = rows.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 14);
    for row in rows {
        let name = row.split('`').nth(1).expect("a name");
        let regime: Regime = serde_json::from_value(Value::from(name)).expect("a regime");
        assert_eq!(row, format!("| `{name}` | {} |", regime.about()));
    }
}

#[test]
fn every_column_of_compare_as_csv_is_documented() {
    let published = format!("{}/results/published/quickstart", env!("CARGO_MANIFEST_DIR"));
    let table = Lab::new().call(&["compare", &published, "--format", "csv"]).expect(0).stdout;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/results.md")).unwrap();
    let (_, columns_on) = text.split_once("| column | what it holds |").expect("the table of columns");
    let documented: Vec<&str> = columns_on
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let columns: Vec<&str> = table.lines().next().unwrap().split(',').filter(|column| *column != "kind").collect();
    let [mut found, mut expected] = [documented, columns];
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let kinds = table
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').nth(1))
        .filter(|kind| kind.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    for kind in kinds {
        assert!(kind.is_empty() || text.contains(&format!("`{kind}`")), "the kind {kind} is not documented");
    }
}

/// Commands of the documents that are not run here, by how they begin, and why not.
const SKIPPED: [(&str, &str); 9] = [
    ("cargo test", "it runs this"),
    ("bn-exp data fetch", "it needs a network; the tests of fetch:: have a server of their own"),
    ("bn-exp run ioffe-mnist", "it takes 18 minutes"),
    ("bn-exp claims faster-learning --full", "it trains for minutes; the tests of claims:: train less"),
    ("bn-exp claims --quick", "it takes a minute and more here"),
    ("bn-exp report results/claims/mnist", "it comes after claims; scripts/check_report.py does it"),
    ("scripts/slurm/submit", "it needs Slurm; scripts/slurm/test has one of its own"),
    ("python3 -m venv", "it downloads; .ci/run does what follows it where it can"),
    ("tensorboard", "it serves until it is stopped"),
];

/// Commands that are run otherwise: with these arguments behind, so that they take less time.
const SHORTER: [(&str, &[&str]); 2] =
    [("bn-exp run quickstart", &["--set", "seeds=2", "--set", "train.steps=40"]), ("bn-exp claims", &["--list"])];

/// The commands of a document's shell blocks, without comments, with their lines.
fn commands(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut is_shell, mut continues) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
            continue;
        }
        let command = line.split(" #").next().unwrap_or_default().trim();
        if !is_shell || command.is_empty() || command.starts_with('#') {
            continue;
        }
        let (words, goes_on) = command.strip_suffix('\\').map_or((command, false), |words| (words.trim(), true));
        match found.last_mut().filter(|_| continues) {
            Some(last) => *last += &format!(" {words}"),
            None => found.push(words.to_owned()),
        }
        continues = goes_on;
    }
    found
}

#[test]
fn the_commands_of_a_document_are_found() {
    let text = "a\n```sh\nbn-exp x   # why\nlong \\\n  line\n\n# a comment\n```\n```json\n{}\n```\n```text\nno\n```\n";
    assert_eq!(commands(text), ["bn-exp x", "long line"]);
}

#[test]
fn every_command_of_readme_and_docs_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    files.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let lab = Lab::new();
    let study = with(small(), "name", json!("study"));
    std::fs::write(lab.path("study.json"), study.to_string()).unwrap();
    // What the commands of every document rest on: README's first.
    let mut used: Vec<&str> = Vec::new();
    let shorter = |command: &str| -> Vec<String> {
        let found = SHORTER.iter().find(|(start, _)| command.starts_with(start) && !command.contains("--explain"));
        let words = command.split_whitespace().map(str::to_owned);
        let more = found.map_or(&[][..], |(_, more)| more).iter().map(|word| (*word).to_owned());
        words.skip(1).chain(more).collect()
    };
    lab.call(&shorter("bn-exp run quickstart").iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    let runs = std::fs::read_dir(lab.path("results/quickstart/runs")).unwrap();
    let mut ids: Vec<String> = runs.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    ids.sort();
    let id = ids.iter().find(|id| id.starts_with("bn-")).expect("a run of bn");
    let mut count = 0;
    for path in &files {
        let place = path.strip_prefix(root).unwrap().display().to_string();
        for command in commands(&std::fs::read_to_string(path).unwrap()) {
            let command = command.replace("cargo run --release -- ", "bn-exp ").replace("RUN_ID", id);
            if let Some((start, _)) = SKIPPED.iter().find(|(start, _)| command.starts_with(start)) {
                used.push(start);
                continue;
            }
            // Scripts are run by .ci/run, where Python has their packages; here they have to be there.
            if let Some(script) = command.split_whitespace().find(|word| word.starts_with("scripts/")) {
                assert!(root.join(script).is_file(), "{place}: {command}: there is no {script}");
                continue;
            }
            assert!(command.starts_with("bn-exp "), "{place}: `{command}` is neither run nor skipped");
            if command.starts_with("bn-exp collect here/study there/study") {
                for machine in ["here", "there"] {
                    copied(&lab.path("results/study"), &lab.path(machine).join("study"));
                }
                std::fs::remove_dir_all(lab.path("results/study")).unwrap();
            }
            let arguments = shorter(&command);
            let done = lab.call(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(done.code, Some(0), "{place}: {command}\n{}{}", done.stdout, done.stderr);
            count += 1;
        }
    }
    assert!(count >= 9, "{count} commands were run");
    for (start, _) in SKIPPED {
        assert!(used.contains(&start), "no document has a command that begins with `{start}`");
    }
}

/// A folder with everything in it, as somebody copies it to another machine.
fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
