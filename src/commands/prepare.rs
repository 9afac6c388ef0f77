//! From the command line to a checked experiment.

use std::path::PathBuf;

use anyhow::Context;

use super::exit::UsageError;
use super::terminal::complain;
use crate::cli::{DataDir, ExperimentArgs};
use crate::config::Experiment;
use crate::data::Store;
use crate::files;
use crate::plan::PlannedRun;
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
    let plan = planned(&experiment).with_context(|| args.config.display().to_string())?;
    let folder = ExperimentFolder::at(args.out.join(&experiment.name));
    Ok(Prepared { experiment, plan, folder, jobs: jobs(args) })
}

/// Reads and checks a configuration, and says where its data is.
pub(super) fn read(args: &ExperimentArgs) -> anyhow::Result<(Experiment, Store)> {
    let text = files::read_text(&args.config).map_err(|error| UsageError(format!("{error:#}")))?;
    let store = Store::new(data_dir(&args.data));
    let experiment = Experiment::parse(&text, &args.set, &|data| Ok(store.facts(data)?))
        .with_context(|| args.config.display().to_string())?;
    store.notes().iter().for_each(|note| complain(format!("note: {note}")));
    Ok((experiment, store))
}

/// Runs at once.
pub(super) fn jobs(args: &ExperimentArgs) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    args.jobs.map_or(cores, usize::from)
}

/// The folder of the data sets: as given, or in the user's cache folder.
pub(super) fn data_dir(args: &DataDir) -> PathBuf {
    let cache = || dirs::cache_dir().unwrap_or_else(|| PathBuf::from(".cache")).join("bn-exp");
    args.data_dir.clone().unwrap_or_else(cache)
}
