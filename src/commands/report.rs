//! `bn-exp report`: one HTML file with the verdicts and the figures.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::compare::{is_held, load, place_of, told_apart, trained_first};
use super::exit::Exit;
use super::terminal::{NEVER, complain, show, waiting};
use crate::claims::tried::{tried, tuning_folder};
use crate::cli::ReportArgs;
use crate::compare::joined::joined;
use crate::compare::{Comparison, Loaded, Options, compare};
use crate::files;
use crate::record::collect;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::report::claims::json;
use crate::report::html::claims::Verdicts;
use crate::report::html::{self, Shown, series};

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let options = Options::default();
    let (mut experiments, mut verdicts) = (Vec::new(), Vec::new());
    let (mut seen, mut places) = (HashSet::new(), Vec::new());
    for path in &args.paths {
        // The file of verdicts stands for its folder.
        let is_verdicts = path.ends_with(json::FILE) && files::is_file(path)?;
        let place = if is_verdicts { folder_of(path) } else { place_of(path)? };
        places.push(place.clone());
        if !seen.insert(place.canonicalize().unwrap_or_else(|_| place.clone())) {
            complain(format!("warning: {} was given twice; it is shown once", place.display()));
            continue;
        }
        if let Some(text) = files::read_if_there(&place.join(json::FILE))? {
            let text = String::from_utf8(text).context("it is not text in UTF-8");
            let read = text.and_then(|text| json::read(&text));
            let (all, ground) = read.with_context(|| place.join(json::FILE).display().to_string())?;
            let out = folder_of(&place);
            let tried = tried(&tuning_folder(&out, &ground.data))?;
            verdicts.push(Verdicts { all, ground, tried });
            continue;
        }
        if let [first, ..] = &claims_in(&place)[..] {
            let (claims, place) = (claims_in(&place).join(", "), place.display());
            anyhow::bail!("{place} holds claims on {claims}; name one, such as {place}/{first}");
        }
        let loaded = load(&ExperimentFolder::at(&place), &waiting(&NEVER));
        let loaded = loaded.map_err(|error| trained_first(error, path))?;
        if !is_held(&experiments, &loaded, &place) {
            experiments.push((loaded, place));
        }
    }
    let mut folders: Vec<(ExperimentFolder, Loaded)> =
        experiments.iter().map(|(loaded, place)| (ExperimentFolder::at(place), loaded.clone())).collect();
    let together = joined(told_apart(experiments));
    let comparisons = compare(&together, &options).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let pairs = together.into_iter().zip(comparisons);
    let all = pairs.map(|(loaded, comparison)| shown(loaded, comparison, &mut folders));
    let all = all.collect::<anyhow::Result<Vec<_>>>()?;
    let claims = verdicts.iter().map(|verdicts| format!("claims on {}", verdicts.ground.data));
    let names: Vec<String> = claims.chain(all.iter().map(|shown| shown.loaded.name.clone())).collect();
    let page = html::page(&names.join(", "), &verdicts, &all, &options)?;
    let output = args.output.clone().unwrap_or_else(|| usual(&places));
    files::refuse_foreign(&output, |bytes| bytes.is_empty() || html::is_page(bytes))?;
    write(&output, page.as_bytes())?;
    show(format!("{} ({:.1} MB): open it in a browser", output.display(), page.len() as f64 / 1e6))?;
    Ok(Exit::Done)
}

/// Writes the page. In the folder of an experiment it takes the folder's lock: then what a killed program left half-written
/// there is removed, and nothing that another program is writing.
fn write(output: &Path, page: &[u8]) -> anyhow::Result<()> {
    let folder = ExperimentFolder::at(folder_of(output));
    let is_experiment = files::is_file(&folder.experiment_json())?;
    let lock = || if is_experiment { collect::lock(&folder, &waiting(&NEVER)).map(Some) } else { Ok(None) };
    let written = lock().and_then(|_lock| files::write_atomically(output, page));
    written.with_context(|| format!("cannot write {}; --output names another file", output.display()))
}

/// The folder that something is in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The data whose claims are in a folder.
pub(super) fn claims_in(path: &Path) -> Vec<String> {
    let mut names = files::list(path).unwrap_or_default();
    names.retain(|name| files::is_file(&path.join(name).join(json::FILE)).is_ok_and(|is| is));
    names.sort_unstable();
    names
}

/// A compared experiment with its runs over training. Takes the folders that it was read from out of `folders`.
fn shown(
    loaded: Loaded,
    comparison: Comparison,
    folders: &mut Vec<(ExperimentFolder, Loaded)>,
) -> anyhow::Result<Shown> {
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
        [one, rest @ ..] if rest.iter().all(|other| other == one) => one.join("report.html"),
        _ => PathBuf::from("report.html"),
    }
}
