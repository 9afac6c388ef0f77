//! `bn-exp compare`: which arm wins, by how much, how surely.

use std::path::{Path, PathBuf};

use super::exit::{Exit, UsageError, is_not_there};
use super::shipped;
use super::terminal::{NEVER, complain, show, waiting, warn_of_damage};
use crate::cli::CompareArgs;
use crate::compare::joined::joined;
use crate::compare::{self, Loaded, Options};
use crate::files::{self, Lock, Waiting};
use crate::printable::is_formula;
use crate::record::collect;
use crate::record::layout::ExperimentFolder;
use crate::report::layout::Layout;
use crate::report::text::View;
use crate::report::{self, Format};

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let options = Options {
        metric: args.metric,
        baseline: args.baseline.clone(),
        by: args.by.clone(),
        confidence: args.confidence,
        null: args.null,
        ..Options::default()
    };
    let mut problems = Vec::new();
    let mut experiments: Vec<(Loaded, PathBuf)> = Vec::new();
    let (mut seen, mut paths) = (Vec::new(), Vec::new());
    for path in &args.paths {
        let found = place_of(path).and_then(|place| {
            let real = place.canonicalize().unwrap_or_else(|_| place.clone());
            if seen.contains(&real) {
                complain(format!("warning: {} was given twice; it is compared once", place.display()));
                return Ok(None);
            }
            seen.push(real);
            Ok(Some((load(&ExperimentFolder::at(&place), &waiting(&NEVER))?, place)))
        });
        match found {
            Ok(Some((loaded, place))) if !is_held(&experiments, &loaded, &place) => {
                experiments.push((loaded, place));
                paths.push(path.clone());
            }
            Ok(_) => {}
            Err(error) => problems.push(trained_first(error, path)),
        }
    }
    let experiments = told_apart(experiments);
    let (found, refused): (Vec<_>, Vec<_>) =
        compare::compare(&joined(experiments), &options).into_iter().partition(Result::is_ok);
    problems.extend(refused.into_iter().filter_map(Result::err));
    let found: Vec<_> = found.into_iter().flatten().collect();
    if !found.is_empty() {
        let view = View { full: args.full, explain: args.explain };
        tell_what_has_no_effect(args.format, view);
        show(report::comparisons(&found, &options, args.format, view).trim_end())?;
        if args.format == Format::Table && view != (View { full: true, explain: true }) {
            show(more(&paths, view))?;
        }
    }
    for problem in &problems {
        complain(format!("error: {problem:#}"));
    }
    Ok(match problems.iter().all(is_not_there) {
        _ if problems.is_empty() => Exit::Done,
        true => Exit::WrongUsage,
        false => Exit::Failed,
    })
}

/// Names options that have no effect on a format, so that nobody looks for what they would show.
fn tell_what_has_no_effect(format: Format, view: View) {
    match format {
        Format::Latex if view.full => {
            complain("note: for LaTeX there is the table of the arms alone, with --full as well")
        }
        Format::Csv | Format::Json if view != View::default() => {
            complain("note: this format holds everything already; --full and --explain change nothing");
        }
        _ => {}
    }
}

/// Where an experiment is: at the path; or, for a bare name or a configuration, where `run` puts its results.
pub(super) fn place_of(path: &Path) -> anyhow::Result<PathBuf> {
    let is_configuration = path.extension().is_some_and(|extension| extension == "json");
    let is_name = path.components().count() == 1;
    let name = match path.file_name() {
        _ if is_configuration => named_in(path),
        name => name.map(PathBuf::from).filter(|_| is_name),
    };
    match name.map(|name| Path::new(RESULTS).join(name)) {
        Some(usual) if !files::is_folder(path)? && files::is_folder(&usual)? => {
            complain(format!("note: {} is not a folder; reading {} instead", path.display(), usual.display()));
            Ok(usual)
        }
        _ => Ok(path.to_owned()),
    }
}

/// The name of a configuration's experiment: the one written in it, else the file's.
fn named_in(path: &Path) -> Option<PathBuf> {
    let text = files::read_text(path).unwrap_or_default();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    written["name"].as_str().map(PathBuf::from).or_else(|| path.file_stem().map(PathBuf::from))
}

/// Whether an experiment has the same runs as an earlier one, as a copy of its folder does. If so, says it.
pub(super) fn is_held(experiments: &[(Loaded, PathBuf)], next: &Loaded, place: &Path) -> bool {
    let Some((_, first)) = experiments.iter().find(|(earlier, _)| earlier.runs == next.runs) else { return false };
    let (first, place) = (first.display(), place.display());
    complain(format!("warning: {place} holds the same runs as {first}; it is left out"));
    true
}

/// Experiments with the same name are named by their paths.
pub(super) fn told_apart(experiments: Vec<(Loaded, PathBuf)>) -> Vec<Loaded> {
    let names: Vec<String> = experiments.iter().map(|(loaded, _)| loaded.name.clone()).collect();
    let is_shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let name = |(loaded, place): (Loaded, PathBuf)| {
        let name = match is_shared(&loaded.name) {
            // A path may begin like a formula.
            true if is_formula(&place.to_string_lossy()) => format!("./{}", place.display()),
            true => place.display().to_string(),
            false => loaded.name.clone(),
        };
        Loaded { name, ..loaded }
    };
    experiments.into_iter().map(name).collect()
}

/// Adds to an error how to get the results of a shipped configuration, or which experiments a folder holds.
pub(super) fn trained_first(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let held = held(path);
    if let [first, ..] = &held[..] {
        let (names, path, example) = (listed(&held), path.display(), path.join(first));
        let example = example.display();
        return UsageError(format!("{path} is a folder of experiments: {names}; name one, such as {example}")).into();
    }
    match path.to_str().filter(|name| shipped::text(name).is_some() && !path.is_dir()) {
        Some(name) => error.context(format!("{name} has not been trained here; `bn-exp run {name}` does")),
        None => error,
    }
}

/// The first of these names, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names[..names.len().min(MOST_NAMED)].join(", ") + &more
}

/// Where `run` puts results, if nothing else is said.
pub(super) const RESULTS: &str = "results";
/// How deep experiments may lie in a folder of them: claims have them at `DATA/REGIME/ARM`.
const DEEPEST: usize = 3;
/// Most folders that are searched for them, as the path may be any folder.
const MOST_LOOKED_AT: usize = 2000;
/// Most experiments of a folder that are named.
const MOST_NAMED: usize = 12;

/// The experiments in a folder that is not itself one, by their paths in it. What cannot be read is passed over.
pub(super) fn held(path: &Path) -> Vec<String> {
    let is_one = |below: &str| files::is_file(&ExperimentFolder::at(path.join(below)).experiment_json());
    if is_one("").unwrap_or(true) {
        return Vec::new();
    }
    let (mut found, mut level, mut looked_at) = (Vec::new(), vec![String::new()], 0);
    for _ in 0..DEEPEST {
        let (mut experiments, mut others) = (Vec::new(), Vec::new());
        for folder in level {
            for name in files::list(&path.join(&folder)).unwrap_or_default() {
                let below = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                looked_at += 1;
                if looked_at > MOST_LOOKED_AT {
                    break;
                }
                match is_one(&below) {
                    Ok(true) => experiments.push(below),
                    Ok(false) => others.push(below),
                    Err(_) => {}
                }
            }
        }
        found.extend(experiments);
        level = others;
    }
    found.sort_unstable();
    found
}

/// Compares an experiment as its configuration says, for a terminal.
pub(super) fn print(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<()> {
    let options = Options::default();
    let comparisons = compare::compare(&[load(folder, waiting)?], &options);
    let comparisons = comparisons.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    show(report::comparisons(&comparisons, &options, Format::Table, View::default()).trim_end())
}

/// How to see what is not shown.
pub(super) fn more(paths: &[PathBuf], view: View) -> String {
    let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let text = match view {
        View { full: true, .. } => format!("`bn-exp compare {paths} --explain` says what each word and number means."),
        View { explain: true, .. } => format!("`bn-exp compare {paths} --full` prints every table."),
        _ => format!(
            "`bn-exp compare {paths} --full` prints every table; --explain says what each word and number means."
        ),
    };
    let line = format!("More: {text} `bn-exp report {paths}` draws the figures, in one file for the browser.");
    format!("\n{}", Layout::terminal().paragraph(&line))
}

/// Reads an experiment. If its runs are there, its tables are updated first.
pub(super) fn load(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<Loaded> {
    if files::is_folder(&folder.runs())? {
        warn_of_damage(&collect::collect(folder, None, waiting)?);
    } else if files::is_folder(&folder.discarded())? {
        // Another program may be at it, and begins anew. If not, it was stopped.
        if let Ok(Lock::Elsewhere) = files::lock(&folder.lock(), waiting) {
            return Err(collect::Stopped(folder.path().to_owned()).into());
        }
        if files::is_folder(&folder.runs())? {
            return load(folder, waiting);
        }
        let place = folder.path().display();
        anyhow::bail!(
            "the results in {place} were being discarded when the program was stopped; the next `bn-exp run` ends that"
        );
    }
    Loaded::read(folder)
}
