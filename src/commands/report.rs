//! `bn-exp report`: one HTML file with the verdicts and the figures.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Context;

use super::compare::{load, place_of, told_apart, trained_first};
use super::exit::Exit;
use super::terminal::{NEVER, complain, show, waiting};
use crate::cli::ReportArgs;
use crate::compare::joined::joined;
use crate::compare::{Loaded, Options, compare};
use crate::files;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::report::claims::json;
use crate::report::html::claims::Verdicts;
use crate::report::html::{self, Shown, series};

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let options = Options::default();
    let (mut experiments, mut verdicts) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for path in &args.paths {
        let place = place_of(path)?;
        if !seen.insert(place.canonicalize().unwrap_or_else(|_| place.clone())) {
            complain(format!("warning: {} was given twice; it is shown once", place.display()));
            continue;
        }
        if let Some(text) = files::read_if_there(&place.join(json::FILE))? {
            let text = String::from_utf8(text).context("it is no text");
            let read = text.and_then(|text| json::read(&text));
            let (all, ground) = read.with_context(|| place.join(json::FILE).display().to_string())?;
            verdicts.push(Verdicts { all, ground });
            continue;
        }
        let loaded = load(&ExperimentFolder::at(&place), &waiting(&NEVER));
        experiments.push((loaded.map_err(|error| trained_first(error, path))?, place));
    }
    let mut folders: Vec<(ExperimentFolder, Loaded)> =
        experiments.iter().map(|(loaded, place)| (ExperimentFolder::at(place), loaded.clone())).collect();
    let together = joined(told_apart(experiments));
    let all = together.into_iter().map(|loaded| shown(loaded, &mut folders, &options));
    let all = all.collect::<anyhow::Result<Vec<_>>>()?;
    let claims = verdicts.iter().map(|verdicts| format!("claims on {}", verdicts.ground.data));
    let names: Vec<String> = claims.chain(all.iter().map(|shown| shown.loaded.name.clone())).collect();
    let page = html::page(&names.join(", "), &verdicts, &all, &options)?;
    let output = args.output.clone().unwrap_or_else(|| usual(&args.paths));
    files::write_atomically(&output, page.as_bytes())?;
    show(format!("{} ({:.1} MB): open it in a browser", output.display(), page.len() as f64 / 1e6))?;
    Ok(Exit::Done)
}

/// An experiment, compared, with its runs over training; the folders that it was read from are taken out of those left.
fn shown(
    loaded: Loaded,
    folders: &mut Vec<(ExperimentFolder, Loaded)>,
    options: &Options,
) -> anyhow::Result<Shown> {
    let comparison = compare(std::slice::from_ref(&loaded), options).pop().context("one experiment was compared")??;
    let planned: HashSet<&str> = loaded.runs.iter().map(|run| run.entry.id.as_str()).collect();
    let (mut own, mut left) = (Vec::new(), loaded.runs.len());
    folders.retain(|(folder, part)| {
        let is_its = part.runs.len() <= left && part.runs.iter().all(|run| planned.contains(run.entry.id.as_str()));
        if is_its {
            left -= part.runs.len();
            own.push(folder.clone());
        }
        !is_its
    });
    let groups = series::read(&own, &loaded, &comparison)?;
    let first = own.first().context("every experiment has a folder")?;
    Ok(Shown { record: ExperimentRecord::read(first)?, loaded, comparison, groups })
}

/// `report.html` in the folder of the experiment, or here where there are several.
fn usual(paths: &[PathBuf]) -> PathBuf {
    match paths {
        [one] => one.join("report.html"),
        _ => PathBuf::from("report.html"),
    }
}
