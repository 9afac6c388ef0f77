//! `bn-exp report`: one HTML file with the verdicts and the figures.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::compare::{load, place_of, trained_first};
use super::exit::Exit;
use super::terminal::{NEVER, complain, show, waiting};
use crate::cli::ReportArgs;
use crate::compare::{Options, compare};
use crate::files;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::report::claims::json;
use crate::report::html::claims::Verdicts;
use crate::report::html::{self, Shown, series};

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let options = Options::default();
    let (mut all, mut verdicts) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for path in &args.paths {
        let place = place_of(path)?;
        if !seen.insert(place.canonicalize().unwrap_or_else(|_| place.clone())) {
            complain(format!("warning: {} was given twice; it is shown once", place.display()));
            continue;
        }
        if let Some(text) = files::read_if_there(&place.join(json::FILE))? {
            let text = String::from_utf8(text).context("it is no text");
            let read = text
                .and_then(|text| json::read(&text))
                .with_context(|| place.join(json::FILE).display().to_string())?;
            verdicts.push(Verdicts { all: read.0, ground: read.1 });
            continue;
        }
        all.push(shown(&place, &options).map_err(|error| trained_first(error, path))?);
    }
    let claims = verdicts.iter().map(|verdicts| format!("claims on {}", verdicts.ground.data));
    let names: Vec<String> = claims.chain(all.iter().map(|shown| shown.record.name.clone())).collect();
    let page = html::page(&names.join(", "), &verdicts, &all, &options)?;
    let output = args.output.clone().unwrap_or_else(|| usual(&args.paths));
    files::write_atomically(&output, page.as_bytes())?;
    show(format!("{} ({:.1} MB): open it in a browser", output.display(), page.len() as f64 / 1e6))?;
    Ok(Exit::Done)
}

/// An experiment, read and compared.
fn shown(place: &Path, options: &Options) -> anyhow::Result<Shown> {
    let folder = ExperimentFolder::at(place);
    let loaded = load(&folder, &waiting(&NEVER))?;
    let comparison = compare(std::slice::from_ref(&loaded), options).pop().context("one experiment was compared")??;
    let groups = series::read(&folder, &loaded, &comparison)?;
    Ok(Shown { record: ExperimentRecord::read(&folder)?, loaded, comparison, groups })
}

/// `report.html` in the folder of the experiment, or here where there are several.
fn usual(paths: &[PathBuf]) -> PathBuf {
    match paths {
        [one] => one.join("report.html"),
        _ => PathBuf::from("report.html"),
    }
}
