//! From the command line to a checked experiment.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::exit::UsageError;
use super::shipped;
use super::terminal::complain;
use crate::cli::{DataDir, ExperimentArgs};
use crate::config::Experiment;
use crate::config::problem::nearest;
use crate::data::Store;
use crate::files;
use crate::nn::start::has_silent_branches;
use crate::plan::PlannedRun;
use crate::record::experiment::WouldDrop;
use crate::record::layout::ExperimentFolder;
use crate::runner::check::planned;

/// A checked experiment, its plan, and where both live.
pub(super) struct Prepared {
    pub(super) experiment: Experiment,
    pub(super) plan: Vec<PlannedRun>,
    pub(super) folder: ExperimentFolder,
    pub(super) jobs: usize,
}

/// Reads, checks and plans a configuration; writes nothing.
pub(super) fn prepare(args: &ExperimentArgs) -> anyhow::Result<Prepared> {
    let (experiment, _) = read(args)?;
    let plan = planned(&experiment).with_context(|| args.config().display().to_string())?;
    let folder = ExperimentFolder::at(args.out.join(&experiment.name));
    Ok(Prepared { experiment, plan, folder, jobs: jobs(args) })
}

/// Reads and checks a configuration, and says where its data is.
pub(super) fn read(args: &ExperimentArgs) -> anyhow::Result<(Experiment, Store)> {
    let text = text(args.config())?;
    refuse_record(&text, args.config())?;
    let store = Store::new(data_dir(&args.data));
    let mut set = args.set.clone();
    set.extend(is_outdated(&text, &args.set).then(|| ("description".to_owned(), Value::from(""))));
    let experiment = Experiment::parse(&text, &set, &|data| Ok(store.facts(data)?))
        .with_context(|| args.config().display().to_string())?;
    store.notes().iter().for_each(|note| complain(format!("note: {note}")));
    for variant in &experiment.variants {
        if experiment.points.iter().any(|point| has_silent_branches(&point.settings, variant)) {
            complain(format!(
                "warning: the residual branches of {} start as 0 in front of a ReLU, whose derivative is 0 there: they can never \
                 train. With model.norm_position after_activation they can",
                variant.name
            ));
        }
    }
    Ok((experiment, store))
}

/// Whether the description of a shipped configuration is no longer true of what these assignments make of it.
fn is_outdated(text: &str, set: &[(String, Value)]) -> bool {
    let keeps = |(path, _): &(String, Value)| ["name", "seeds"].contains(&&path[..]) || path.starts_with("compare");
    let is_given = set.iter().any(|(path, _)| path == "description");
    shipped::SHIPPED.iter().any(|(_, known)| *known == text) && !is_given && !set.iter().all(keeps)
}

/// A configuration's text: of a file, or else of a shipped configuration.
fn text(path: &Path) -> Result<String, UsageError> {
    let read = || files::read_text(path).map_err(|error| UsageError(format!("{error:#}")));
    let metadata = path.metadata();
    let absent = metadata.as_ref().err().filter(|error| error.kind() == ErrorKind::NotFound);
    let is_folder = metadata.as_ref().is_ok_and(|metadata| metadata.is_dir());
    let shipped = path.to_str().and_then(shipped::text);
    match shipped {
        Some(text) if absent.is_some() || is_folder => Ok(text.to_owned()),
        Some(_) => {
            complain(format!("note: reading the file {0}, not the shipped configuration {0}", path.display()));
            read()
        }
        None if is_folder => Err(UsageError(format!("{} is a folder; {CONFIGURATION}", path.display()))),
        None => match absent {
            Some(error) => Err(UsageError(instead(path, error))),
            None => read(),
        },
    }
}

/// Refuses the record of an experiment or of a run: the configuration is a part of it.
fn refuse_record(text: &str, path: &Path) -> Result<(), UsageError> {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    if !(value["schema_version"].is_u64() && value["configuration"].is_object()) {
        return Ok(());
    }
    let what = if value["run_id"].is_string() { "a run" } else { "an experiment" };
    let advice = "its configuration is what stands there under `configuration`; save that as a file, and name the file";
    Err(UsageError(format!("{} is the record of {what} that was run; {advice}", path.display())))
}

/// What a configuration is.
const CONFIGURATION: &str = "name a configuration: a JSON file, or one that `bn-exp init --list` lists";

/// What may have been meant by a configuration that does not exist.
fn instead(path: &Path, error: &std::io::Error) -> String {
    let unread = format!("cannot read {}: {error}", path.display());
    let beside = path.with_extension("json");
    if beside != path && files::is_file(&beside).is_ok_and(|is| is) {
        return format!("{unread}; there is {}", beside.display());
    }
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let begun = || shipped::names().find(|name| stem.len() > 2 && name.starts_with(stem));
    match nearest(stem, shipped::names()).or_else(begun) {
        Some(name) => format!("there is no file {}; did you mean the shipped configuration `{name}`?", path.display()),
        None => format!("{unread}; {CONFIGURATION}"),
    }
}

/// Adds a remedy to an error if runs would be dropped.
pub(super) fn with_cure(error: anyhow::Error) -> anyhow::Error {
    if !error.is::<WouldDrop>() {
        return error;
    }
    let cure = "give it another name (`--set name=…`) or another --out, or discard the earlier results with --fresh";
    UsageError(format!("{error:#}\n{cure}")).into()
}

/// Runs at once.
pub(super) fn jobs(args: &ExperimentArgs) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    args.jobs.map_or(cores, usize::from)
}

/// The folder of the data sets: as given, or in the user's cache folder.
pub(super) fn data_dir(args: &DataDir) -> PathBuf {
    let cache = || dirs::cache_dir().unwrap_or_else(|| PathBuf::from(".cache")).join("bn-exp");
    // A variable that is set to nothing names no folder.
    args.data_dir.clone().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(cache)
}
