//! Holds the order of the house (architecture): who may import whom, and who may touch files, clocks and the terminal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::imports::{Imports, circles, imports};

/// The way of the data; a module imports from those before it, and from the leaves.
const ORDER: [&str; 13] = [
    "sources", "config", "plan", "data", "nn", "train", "probe", "record", "runner", "compare", "claims", "report",
    "commands",
];

/// Modules that anyone may import. They import nothing but one another; `kernels`, `random` and `files` nothing at all.
const LEAVES: [&str; 6] = ["kernels", "stats", "random", "files", "table", "printable"];

/// A source file, its path below `src/` with `/`, and its code without comments and text.
struct Source {
    path: String,
    code: String,
}

impl Source {
    /// The top-level module that the file belongs to.
    fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    fn is_within(&self, places: &[&str]) -> bool {
        places.iter().any(|place| if place.ends_with('/') { self.path.starts_with(place) } else { self.path == *place })
    }

    /// Whether a word stands in the code, not as a part of another.
    fn has_word(&self, word: &str) -> bool {
        self.places(word).next().is_some()
    }

    /// What follows each occurrence of a word.
    fn places<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices(word).filter_map(move |(at, _)| {
            let (before, after) = (&self.code[..at], &self.code[at + word.len()..]);
            let joined_before = is_part(word.chars().next()?) && before.ends_with(is_part);
            let joined_after = word.ends_with(is_part) && after.starts_with(is_part);
            (!joined_before && !joined_after).then_some(after)
        })
    }

    /// The top-level modules named by `crate::…`, also in braces, and by `super::…` where that is the crate.
    fn imports(&self) -> Vec<String> {
        let depth = self.path.matches('/').count() + usize::from(!self.path.ends_with("mod.rs"));
        let up = "super::".repeat(depth);
        let roots = ["crate::", up.as_str()].into_iter().filter(|root| !root.is_empty());
        let mut found: Vec<String> = roots.flat_map(|root| self.places(root)).flat_map(first_names).collect();
        found.sort();
        found.dedup();
        let is_module = |name: &String| {
            ORDER.contains(&name.as_str())
                || LEAVES.contains(&name.as_str())
                || ["cli", "main"].contains(&name.as_str())
        };
        found.retain(|name| is_module(name) && name != self.module());
        found
    }
}

/// `a::b` → a; `{a::{b, c}, d}` → a, d.
fn first_names(path: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..i]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..i]));
                start = i + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Code with comments, text and characters blanked out.
fn code_alone(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' if rest.starts_with("r#\"") => rest[3..].find("\"#").map_or(rest.len(), |end| end + 5),
            '"' => {
                let mut escaped = false;
                let is_end = |(_, c): &(usize, char)| {
                    let ends = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    ends
                };
                rest[1..].char_indices().find(is_end).map_or(rest.len(), |(end, _)| end + 2)
            }
            '\'' if rest.starts_with("'\"'") => 3,
            '\'' if rest.starts_with("'\\\"'") => 4,
            _ => 0,
        };
        if skipped == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.push(' ');
            rest = &rest[skipped..];
        }
    }
    out
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                walk(&entry, out);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                out.push(entry);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 40, "the sources are not where this test looks: {paths:?}");
    let source = |path: &PathBuf| Source {
        path: path.strip_prefix(&root).expect("below src/").to_string_lossy().replace('\\', "/"),
        code: code_alone(&std::fs::read_to_string(path).expect("a source file")),
    };
    paths.iter().map(source).collect()
}

/// The files outside `places` in which one of the words stands, each with the word.
fn outside(places: &[&str], words: &[&str]) -> Vec<String> {
    let sources = sources();
    let elsewhere = sources.iter().filter(|source| !source.is_within(places));
    let found = |source: &Source| -> Vec<String> {
        words.iter().filter(|word| source.has_word(word)).map(|word| format!("{}: {word}", source.path)).collect()
    };
    elsewhere.flat_map(found).collect()
}

#[track_caller]
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n  {}", found.join("\n  "));
}

#[test]
fn this_test_sees_what_is_imported() {
    let source = |path: &str, code: &str| Source { path: path.into(), code: code_alone(code) };
    let group = "use crate::{config, nn::{a, b}, plan::X};\n// use crate::report;\nlet a = \"crate::runner\";";
    assert_eq!(source("stats/mod.rs", group).imports(), ["config", "nn", "plan"]);
    assert_eq!(
        source("nn/block.rs", "fn f() -> crate::kernels::X { super::super::train::y() }").imports(),
        ["kernels", "train"]
    );
    assert_eq!(source("nn/mod.rs", "use super::plan; use mycrate::config;").imports(), ["plan"]);
    assert!(source("a.rs", "std::fs::read()").has_word("std::fs"));
    assert!(!source("a.rs", "let unsafe_code = Instantly;").has_word("unsafe"));
}

/// Who imports from whom in a made-up crate.
fn made_up(sources: &[(&str, &str)]) -> Imports {
    let sources: Vec<_> = sources.iter().map(|(path, text)| (*path, code_alone(text))).collect();
    imports(sources.iter().map(|(path, code)| (*path, code.as_str())))
}

#[test]
fn this_test_sees_which_file_imports_from_which() {
    let imports = made_up(&[
        ("lib.rs", "pub mod a; pub mod b; use a::Item;"),
        ("a/mod.rs", "mod x; pub mod y; pub use x::Thing; pub use y::Other; fn f() -> Other { todo!() }"),
        ("a/x.rs", "pub struct Thing; use super::y::{self, Item as Renamed}; fn f() { y::g(); }"),
        ("a/y.rs", "mod inner { use super::Other; } pub struct Other; #[cfg(test)] mod tests { use crate::b::B; }"),
        (
            "b.rs",
            "use crate::a; use crate::a::{Thing, Local}; fn f() { a::y::g(); std::a::z(); } pub struct B; // crate::c",
        ),
        ("c.rs", "use crate::b; mod tests { fn f() -> super::super::a::Thing { todo!() } }"),
        ("d.rs", "fn f(b: &dyn Fn(crate::b::B)) {}"),
    ]);
    let of = |file: &str| imports[file].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("lib.rs"), ["a/mod.rs"]);
    assert_eq!(of("a/mod.rs"), ["a/y.rs"], "`Thing` is handed on alone, `Other` is used too");
    assert_eq!(of("a/x.rs"), ["a/y.rs"]);
    assert!(of("a/y.rs").is_empty(), "neither what is within the file nor what its tests import");
    assert_eq!(of("b.rs"), ["a/mod.rs", "a/x.rs", "a/y.rs"], "`Thing` is written in a/x.rs");
    assert_eq!(of("c.rs"), ["a/x.rs"], "`b` is named and not used");
    assert_eq!(of("d.rs"), ["b.rs"]);
}

fn arrows(imports: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    imports.into_iter().map(|(from, to)| format!("{from} → {to}")).collect()
}

#[test]
fn this_test_sees_circles() {
    let circles = |sources: &[(&str, &str)]| arrows(circles(&made_up(sources)));
    let parent_and_child = [("a/mod.rs", "mod x; fn f() { x::g() } pub struct A;"), ("a/x.rs", "use super::A;")];
    assert_eq!(circles(&parent_and_child), ["a/mod.rs → a/x.rs", "a/x.rs → a/mod.rs"]);
    let handed_on = [("a/mod.rs", "mod x; pub use x::X; pub struct A;"), ("a/x.rs", "use super::A; pub struct X;")];
    assert!(circles(&handed_on).is_empty());
    let three = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::A;")];
    assert_eq!(circles(&three), ["a.rs → b.rs", "b.rs → c.rs", "c.rs → a.rs"]);
    let line = [("a.rs", "use crate::b::B; use crate::c::C;"), ("b.rs", "use crate::c::C;"), ("c.rs", "")];
    assert!(circles(&line).is_empty());
}

/// The imports among the files of the library.
fn library() -> Imports {
    let sources = sources();
    let library = sources.iter().filter(|source| source.path != "main.rs");
    imports(library.map(|source| (source.path.as_str(), source.code.as_str())))
}

#[test]
fn no_files_import_from_one_another_in_a_circle() {
    assert_none(&arrows(circles(&library())));
}

#[test]
fn no_file_imports_from_a_folder_later_in_the_order() {
    let place = |path: &str| {
        let module = path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        ORDER.iter().position(|name| *name == module)
    };
    let library = library();
    let count: usize = library.values().map(BTreeSet::len).sum();
    assert!(count > 200, "only {count} imports were found");
    let all = library.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)));
    let is_back = |from: &str, to: &str| place(from).zip(place(to)).is_some_and(|(from, to)| from < to);
    let back = all.filter(|(from, to)| is_back(from, to)).map(|(from, to)| (from.clone(), to.clone()));
    assert_none(&arrows(back));
}

#[test]
fn every_module_has_its_place() {
    let mut homeless: Vec<_> = sources().iter().map(|source| source.module().to_owned()).collect();
    homeless.dedup();
    homeless.retain(|m| !ORDER.contains(&m.as_str()) && !LEAVES.contains(&m.as_str()));
    homeless.retain(|m| !["cli", "lib", "main"].contains(&m.as_str()));
    assert_none(&homeless);
}

#[test]
fn modules_import_only_from_those_before_them_and_from_leaves() {
    let place = |module: &str| ORDER.iter().position(|name| *name == module);
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = place(source.module()) else { continue };
        for name in source.imports() {
            let is_before = place(&name).is_some_and(|other| other < own);
            let is_for_commands = name == "cli" && source.module() == "commands";
            if !is_before && !LEAVES.contains(&name.as_str()) && !is_for_commands {
                wrong.push(format!("{} imports {name}", source.path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn leaves_import_nothing_but_leaves_and_kernels_nothing_of_ours() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| LEAVES.contains(&source.module())) {
        let allowed: &[&str] = if source.module() == "stats" { &["random", "kernels"] } else { &[] };
        let imports = source.imports();
        let found = imports.iter().filter(|name| !allowed.contains(&name.as_str()));
        wrong.extend(found.map(|name| format!("{} imports {name}", source.path)));
    }
    assert_none(&wrong);
}

#[test]
fn the_command_line_is_imported_by_commands_and_main_alone_and_knows_only_words() {
    let mut wrong = Vec::new();
    for source in sources() {
        let imports = source.imports();
        if imports.iter().any(|name| name == "cli") && !["commands", "main"].contains(&source.module()) {
            wrong.push(format!("{} imports cli", source.path));
        }
        if source.module() == "cli" {
            let allowed = ["claims", "config", "plan", "report", "sources"];
            let found = imports.iter().filter(|name| !allowed.contains(&name.as_str()));
            wrong.extend(found.map(|name| format!("{} imports {name}", source.path)));
        }
    }
    assert_none(&wrong);
}

#[test]
fn only_main_sees_commands() {
    let sources = sources();
    let imports = |source: &&Source| source.imports().iter().any(|name| name == "commands");
    let wrong: Vec<_> =
        sources.iter().filter(|s| s.module() != "main").filter(imports).map(|s| s.path.clone()).collect();
    assert_none(&wrong);
    assert!(sources.iter().any(|source| source.path == "main.rs" && source.has_word("commands")));
}

#[test]
fn files_are_touched_by_the_helper_and_by_record_alone() {
    assert_none(&outside(
        &["files.rs", "files/", "record/"],
        &["std::fs", "fs::", "File::open", "File::create", "from_path", "to_path"],
    ));
}

#[test]
fn the_network_is_for_fetch_alone() {
    assert_none(&outside(&["data/fetch.rs"], &["ureq", "std::net", "net::", "TcpStream", "TcpListener", "UdpSocket"]));
}

#[test]
fn nothing_is_executed() {
    assert_none(&outside(&[], &["process::Command", "Command::new", "libc", "dlopen"]));
}

#[test]
fn printing_is_for_main_commands_report_and_progress() {
    let places = ["main.rs", "commands/", "report/", "runner/progress.rs"];
    assert_none(&outside(&places, &["println!", "eprintln!", "print!", "eprint!", "dbg!", "stdout()", "stderr()"]));
}

#[test]
fn kernels_networks_and_statistics_know_no_clock_and_no_entropy() {
    let words =
        ["Instant", "SystemTime", "std::time", "from_os_rng", "thread_rng", "rand::rng", "getrandom", "from_entropy"];
    let sources = sources();
    let timeless = sources.iter().filter(|source| ["kernels", "nn", "stats"].contains(&source.module()));
    let found = |source: &Source| -> Vec<String> {
        words.iter().filter(|word| source.has_word(word)).map(|word| format!("{}: {word}", source.path)).collect()
    };
    assert_none(&timeless.flat_map(found).collect::<Vec<_>>());
}

#[test]
fn unsafe_is_for_kernels_alone() {
    assert_none(&outside(&["kernels/"], &["unsafe", "allow(unsafe_code"]));
}
