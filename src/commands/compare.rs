//! `bn-exp compare`: which arm wins, by how much, how surely.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::shipped;
use super::terminal::{NEVER, complain, show, waiting, warn_of_damage};
use crate::cli::CompareArgs;
use crate::compare::joined::joined;
use crate::compare::{self, Loaded, Options};
use crate::files::{self, Waiting};
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
    let mut experiments = Vec::new();
    let (mut seen, mut paths) = (Vec::new(), Vec::new());
    for path in &args.paths {
        let place = path.canonicalize().unwrap_or_else(|_| path.clone());
        if seen.contains(&place) {
            complain(format!("warning: {} was given twice; it is compared once", path.display()));
            continue;
        }
        seen.push(place);
        paths.push(path.clone());
        match load(&ExperimentFolder::at(place_of(path)), &waiting(&NEVER)) {
            Ok(loaded) => experiments.push(loaded),
            Err(error) => problems.push(trained_first(error, path)),
        }
    }
    let (found, refused): (Vec<_>, Vec<_>) =
        compare::compare(&joined(experiments), &options).into_iter().partition(Result::is_ok);
    problems.extend(refused.into_iter().filter_map(Result::err));
    let found: Vec<_> = found.into_iter().flatten().collect();
    if !found.is_empty() {
        let view = View { full: args.full, explain: args.explain };
        show(report::comparisons(&found, &options, args.format, view).trim_end())?;
        if args.format == Format::Table && view != (View { full: true, explain: true }) {
            show(more(&paths))?;
        }
    }
    for problem in &problems {
        complain(format!("error: {problem:#}"));
    }
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Where an experiment is: at the path, or where `run` puts the results of a configuration of this name.
fn place_of(path: &Path) -> PathBuf {
    let usual = path.file_stem().map(|name| Path::new("results").join(name));
    match usual.filter(|usual| !path.is_dir() && usual.is_dir()) {
        Some(usual) => {
            complain(format!("note: {} is no folder; comparing {}", path.display(), usual.display()));
            usual
        }
        None => path.to_owned(),
    }
}

/// Where a shipped configuration was meant, how to get its results.
fn trained_first(error: anyhow::Error, path: &Path) -> anyhow::Error {
    match path.to_str().filter(|name| shipped::text(name).is_some() && !path.is_dir()) {
        Some(name) => error.context(format!("{name} has not been trained here; `bn-exp run {name}` does")),
        None => error,
    }
}

/// Compares an experiment as its configuration says, for a terminal.
pub(super) fn print(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<()> {
    let options = Options::default();
    let comparisons = compare::compare(&[load(folder, waiting)?], &options);
    let comparisons = comparisons.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    show(report::comparisons(&comparisons, &options, Format::Table, View::default()).trim_end())
}

/// How to see what is not shown.
pub(super) fn more(paths: &[PathBuf]) -> String {
    let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let line = format!(
        "More: `bn-exp compare {paths} --full` prints every table; --explain says what each word and number means."
    );
    format!("\n{}", Layout::terminal().paragraph(&line))
}

/// Reads an experiment, making its tables current first where its runs are at hand.
fn load(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<Loaded> {
    if files::is_folder(&folder.runs())? {
        warn_of_damage(&collect::collect(folder, waiting)?);
    }
    Loaded::read(folder)
}
