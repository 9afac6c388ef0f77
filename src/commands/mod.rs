//! One file a subcommand: glue between the parts, and what is printed.

mod collect;
mod compare;
mod data;
mod plan;
mod run;
mod schema;

use std::cell::Cell;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;

use crate::cli::{Cli, Command, DataDir, ExperimentArgs};
use crate::config::{ConfigError, Experiment, Problems, cost};
use crate::data::Store;
use crate::files;
use crate::nn::{NetworkError, build};
use crate::plan::{PlannedRun, plan as make_plan};
use crate::record::collect::Update;
use crate::record::layout::ExperimentFolder;
use crate::record::machine;

/// How the program ends when nothing went wrong that stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// Something failed; it has been said.
    Failed,
    /// Asked to stop.
    Interrupted,
}

/// Wrong usage that the command line's own rules do not catch.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Does what was asked.
///
/// # Errors
/// What went wrong, with its causes.
pub fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Collect(args) => collect::collect(&args),
        Command::Data(args) => data::data(&args),
        Command::Schema => schema::schema(),
    }
}

/// A checked experiment, its plan, and where both live.
struct Prepared {
    experiment: Experiment,
    plan: Vec<PlannedRun>,
    store: Store,
    folder: ExperimentFolder,
    jobs: usize,
}

/// Reads and checks a configuration; writes nothing.
fn prepare(args: &ExperimentArgs) -> anyhow::Result<Prepared> {
    let text = files::read_text(&args.config).map_err(|error| UsageError(format!("{error:#}")))?;
    let store = Store::new(data_dir(&args.data));
    let experiment = Experiment::parse(&text, &args.set, &|data| Ok(store.facts(data)?))
        .with_context(|| args.config.display().to_string())?;
    let file = || args.config.display().to_string();
    let plan = make_plan(&experiment).with_context(file)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = args.jobs.map_or(cores, usize::from);
    check_networks(&experiment).with_context(file)?;
    let folder = ExperimentFolder::at(args.out.join(&experiment.name));
    Ok(Prepared { experiment, plan, store, folder, jobs })
}

/// Refuses networks that cannot be trained: too large for the machine, batches too small for the
/// arm, parameters named that are not there.
fn check_networks(experiment: &Experiment) -> Result<(), ConfigError> {
    let mut problems = Problems::default();
    let available = machine::memory_bytes();
    for point in &experiment.points {
        let needed = cost::memory(&point.settings);
        if available > 0 && needed > available as f64 {
            let gib = |bytes: f64| bytes / f64::from(1 << 30);
            let message = format!(
                "one run would need about {:.1} GiB of memory; this machine has {:.1}",
                gib(needed),
                gib(available as f64)
            );
            problems.add("model", message);
            continue;
        }
        for variant in &experiment.variants {
            if let Err(error) = build::check(&point.settings, variant) {
                let path = match error {
                    NetworkError::OneValuePerChannel { .. } | NetworkError::UnequalGroups { .. } => "train.batch_size",
                    NetworkError::UnknownParameter { .. } => "variants",
                };
                problems.add(path, format!("variant {}: {error}", variant.name));
            }
        }
    }
    problems.into_result()
}

/// Prints results on standard output. A reader that has gone away, as `head` does, has seen enough: the exit status tells
/// the rest.
///
/// # Errors
/// The system's.
fn show(text: impl Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(()),
    }
}

/// Says something on standard error; a reader that has gone away is no reason to stop.
fn complain(text: impl Display) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Says which finished runs turned out to be damaged.
fn warn_of_damage(update: &Update) {
    for (id, reason) in &update.damaged {
        complain(format!("warning: run {id} counts as failed: {reason}; the next `run` trains it again"));
    }
}

/// Waits for a lock that another program holds, says so after a second, and gives up when asked to stop.
fn waiting(stop: &AtomicBool) -> impl Fn(Duration) -> bool {
    let is_said = Cell::new(false);
    move |waited| {
        if waited >= Duration::from_secs(1) && !is_said.replace(true) {
            complain("waiting for another program that has the experiment locked");
        }
        !stop.load(Ordering::Relaxed)
    }
}

/// Never set: for what Ctrl-C ends without ceremony.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The folder of the data sets: as given, or in the user's cache folder.
fn data_dir(args: &DataDir) -> PathBuf {
    let cache = || dirs::cache_dir().unwrap_or_else(|| PathBuf::from(".cache")).join("bn-exp");
    args.data_dir.clone().unwrap_or_else(cache)
}
