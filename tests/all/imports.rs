//! Which source file imports from which, followed through re-exports to the file where a thing is written, and the
//! circles among them.
//!
//! A path counts wherever it stands: in `use`, or in the code, from `crate`, `super`, `self`, a child module or a module
//! that was imported. `mod child;` and `pub use child::Thing;` in a parent are no imports by themselves; that the parent
//! uses the thing is one. Code under `#[cfg(test)]` does not count: tests may look further.

use std::collections::{BTreeMap, BTreeSet};

/// A module's path below the crate: `nn/norm/batch.rs` is [nn, norm, batch], `nn/mod.rs` is [nn].
type Module = Vec<String>;

/// The path of a `use` or of an expression, as written, and the name that it has in the file.
#[derive(Debug)]
struct Path {
    /// The module in which it stands: that of the file, or one inside of it.
    within: Module,
    segments: Vec<String>,
    alias: String,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Use,
    Reexport,
    Expression,
}

/// A source file's paths, and every word outside its `use`s.
struct File {
    module: Module,
    paths: Vec<Path>,
    words: BTreeSet<String>,
}

/// From each file to those that it imports from.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// Who imports from whom among files, each given by its path below `src/` and its code without comments and text.
pub fn imports<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Imports {
    let sources: BTreeMap<Module, (&str, &str)> =
        sources.into_iter().map(|(path, code)| (module_of(path), (path, code))).collect();
    let files: BTreeMap<Module, File> =
        sources.iter().map(|(module, (_, code))| (module.clone(), read(module.clone(), code))).collect();
    let mut imports = Imports::new();
    for file in files.values() {
        let found = imports.entry(sources[&file.module].0.to_owned()).or_default();
        for path in &file.paths {
            let Some((target, item)) = resolve(&files, file, path, 0) else { continue };
            // A module that is imported by its name is imported from where it is used.
            let is_name_of_module = path.kind != Kind::Expression && item.is_none();
            let is_childs = path.kind == Kind::Reexport && target.starts_with(&file.module);
            let is_idle = is_childs && !file.words.contains(&path.alias);
            if target != file.module && !is_name_of_module && !is_idle {
                found.insert(sources[&target].0.to_owned());
            }
        }
    }
    imports
}

/// Every import that lies on a circle: from whom, and of whom.
pub fn circles(imports: &Imports) -> Vec<(String, String)> {
    let reachable = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            for target in imports.get(file).into_iter().flatten() {
                if seen.insert(target.as_str()) {
                    next.push(target);
                }
            }
        }
        seen
    };
    let back: BTreeMap<&str, BTreeSet<&str>> = imports.keys().map(|file| (file.as_str(), reachable(file))).collect();
    let all = imports.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| back[to.as_str()].contains(from.as_str()))
        .map(|(from, to)| (from.clone(), to.clone()))
        .collect()
}

fn module_of(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

/// Names and re-exports that a path may lead through, so that one that leads back to itself ends.
const LONGEST: usize = 8;

/// The module that a path leads to, and the name in it; `None` if it leads out of the crate or stays in the file.
fn resolve(files: &BTreeMap<Module, File>, file: &File, path: &Path, depth: usize) -> Option<(Module, Option<String>)> {
    if depth > LONGEST {
        return None;
    }
    let (mut at, mut rest) = (path.within.clone(), path.segments.as_slice());
    match rest.first()?.as_str() {
        "crate" => {
            at.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {}
        first => {
            let child = [&at[..], &[first.to_owned()]].concat();
            let is_module = |path: &&Path| path.kind != Kind::Expression && path.alias == *first;
            let named = file.paths.iter().filter(is_module).find_map(|used| {
                let (module, item) = resolve(files, file, used, depth + 1)?;
                item.is_none().then_some(module)
            });
            at = named.or(files.contains_key(&child).then_some(child))?;
            rest = &rest[1..];
        }
    }
    while rest.first().is_some_and(|name| name == "super") {
        at.pop()?;
        rest = &rest[1..];
    }
    while let Some(child) = rest.first().map(|name| [&at[..], std::slice::from_ref(name)].concat()) {
        if !files.contains_key(&child) {
            break;
        }
        at = child;
        rest = &rest[1..];
    }
    // A module written inside a file is that file.
    while !files.contains_key(&at) {
        at.pop()?;
    }
    let Some(item) = rest.first() else { return Some((at, None)) };
    let owner = &files[&at];
    let reexport = owner.paths.iter().find(|path| path.kind == Kind::Reexport && path.alias == *item);
    match reexport {
        Some(further) => resolve(files, owner, further, depth + 1),
        None => Some((at, Some(item.clone()))),
    }
}

/// Words, `::` and single characters.
fn tokens(code: &str) -> Vec<String> {
    let (mut tokens, mut rest) = (Vec::new(), code);
    while let Some(c) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_word(c) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        if !c.is_whitespace() {
            tokens.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    tokens
}

/// Index behind the item that begins here: behind its `;`, or behind its closing brace.
fn end_of_item(tokens: &[String], start: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 && (token == ";" || token == "}") {
            return i + 1;
        }
    }
    tokens.len()
}

/// What marks an item that is compiled for tests alone.
const FOR_TESTS: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

fn read(module: Module, code: &str) -> File {
    let tokens = tokens(code);
    let mut file = File { module: module.clone(), paths: Vec::new(), words: BTreeSet::new() };
    // Modules written inside the file, each with the depth of braces around it.
    let (mut within, mut inner, mut depth) = (module, Vec::new(), 0);
    let mut i = 0;
    while i < tokens.len() {
        match tokens[i].as_str() {
            _ if tokens[i..].iter().take(FOR_TESTS.len()).eq(FOR_TESTS) => {
                i = end_of_item(&tokens, i + FOR_TESTS.len());
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inner.last() == Some(&depth) {
                    inner.pop();
                    within.pop();
                }
            }
            "mod" if tokens.get(i + 2).is_some_and(|token| token == "{") => {
                within.push(tokens[i + 1].clone());
                inner.push(depth);
                i += 1;
            }
            "use" => {
                let end = (i..tokens.len()).find(|at| tokens[*at] == ";").unwrap_or(tokens.len());
                file.add_use(&within, &tokens[..end], i);
                i = end;
            }
            word => {
                file.words.insert(word.to_owned());
                if let Some(segments) = expression(&tokens, i) {
                    let (within, alias) = (within.clone(), String::new());
                    file.paths.push(Path { within, segments, alias, kind: Kind::Expression });
                }
            }
        }
        i += 1;
    }
    file
}

impl File {
    /// Adds the paths of the `use` at a place, `pub` or not.
    fn add_use(&mut self, within: &Module, tokens: &[String], at: usize) {
        let is_public = at > 0 && [")", "pub"].contains(&tokens[at - 1].as_str());
        let mut found = Vec::new();
        tree(&tokens[at + 1..], &mut Vec::new(), &mut found);
        for (segments, alias) in found {
            let kind = if is_public { Kind::Reexport } else { Kind::Use };
            self.paths.push(Path { within: within.clone(), segments, alias, kind });
        }
    }
}

/// The path `a::b` that begins at a place, if one does.
fn expression(tokens: &[String], start: usize) -> Option<Vec<String>> {
    let is_inside = start > 0 && ["::", "."].contains(&tokens[start - 1].as_str());
    if is_inside || !is_name(&tokens[start]) {
        return None;
    }
    let further =
        tokens[start + 1..].chunks(2).take_while(|pair| pair[0] == "::" && pair.len() == 2 && is_name(&pair[1]));
    let names: Vec<String> = further.map(|pair| pair[1].clone()).collect();
    (!names.is_empty()).then(|| [vec![tokens[start].clone()], names].concat())
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The paths of a `use`, with their names: `a::{b, c::d as e}` → a::b as b, a::c::d as e.
fn tree(tokens: &[String], stem: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
    let (length, mut i) = (stem.len(), 0);
    while i < tokens.len() && tokens[i] != "{" && tokens[i] != "as" {
        if tokens[i] != "::" {
            stem.push(tokens[i].clone());
        }
        i += 1;
    }
    if tokens.get(i).is_some_and(|token| token == "{") {
        let (mut depth, mut start) = (0, i + 1);
        for at in i..tokens.len() {
            match tokens[at].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            let is_end = depth == 0 || depth == 1 && tokens[at] == ",";
            if is_end && start < at {
                tree(&tokens[start..at], stem, found);
            }
            if is_end {
                start = at + 1;
            }
        }
    } else if !stem.is_empty() {
        if stem.len() > 1 && stem.last().is_some_and(|name| name == "self") {
            stem.pop();
        }
        let last = stem.last().expect("not empty").clone();
        let alias = tokens.get(i + 1).cloned().unwrap_or(last);
        found.push((stem.clone(), alias));
    }
    stem.truncate(length);
}
