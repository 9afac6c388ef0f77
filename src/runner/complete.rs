//! An experiment from its configuration to its tables, in one call.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;

use super::check::planned;
use super::events::{Event, Events};
use super::job::Job;
use super::queue;
use super::tally::Tally;
use crate::config::Experiment;
use crate::data::Store;
use crate::files::{self, Lock, Waiting};
use crate::kernels::simd;
use crate::plan::{PlannedRun, Shard, entries};
use crate::record::collect::{self, Stopped, Update};
use crate::record::discard;
use crate::record::experiment::{self, ExperimentRecord};
use crate::record::found::Ended;
use crate::record::layout::{ExperimentFolder, RunFolder};
use crate::record::resume;
use crate::record::run::RunRecord;

/// Asked, with the experiment's folder, before its results are discarded; an error keeps them.
pub type Confirm<'a> = &'a dyn Fn(&Path) -> anyhow::Result<()>;

/// Says which runs of a plan are meant.
pub type Wanted<'a> = &'a dyn Fn(&PlannedRun) -> bool;

/// How an experiment is trained.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Runs at once.
    pub jobs: usize,
    /// Only this part of the plan; the tables at the root are then left alone.
    pub shard: Option<Shard>,
    /// Only these runs; the others stay in the plan, as missing or as they are.
    pub only: Option<Wanted<'a>>,
    /// The runs as they were read a moment ago, if they were. Only a call that changes something reads them again.
    pub known: Option<&'a Ended>,
    /// Whether to write traces.
    pub trace: bool,
    /// How often an unfinished run is saved.
    pub resume_every: Duration,
    /// Discards earlier results first, once this has agreed.
    pub discard: Option<Confirm<'a>>,
    /// Set to stop at the next step.
    pub stop: &'a AtomicBool,
}

/// What [`complete`] came to.
#[derive(Debug)]
pub struct Done {
    /// Where the results are.
    pub folder: ExperimentFolder,
    /// How the runs ended.
    pub tally: Tally,
    /// Whether it was asked to stop before it had done everything.
    pub is_interrupted: bool,
    /// The result of making the root tables, or why they could not be made. For a shard they are not made.
    pub tables: anyhow::Result<Update>,
    /// While this is held nobody discards the results. None if there was nothing to write.
    pub training: Option<Lock>,
}

/// Trains what is missing of an experiment below the folder `out`, and makes its tables. What was begun before is
/// continued, what is finished is kept; other programs may train other runs of it meanwhile.
///
/// # Errors
/// [`crate::config::ConfigError`] if the experiment cannot be planned or a network not trained, before anything is
/// written; if the data cannot be read or the folder not be written; [`experiment::WouldDrop`] if the folder has runs of
/// another configuration. A run that goes wrong is recorded and counted; it is not an error here.
pub fn complete(
    experiment: &Experiment,
    store: &Store,
    out: &Path,
    options: &Options,
    events: &dyn Events,
) -> anyhow::Result<Done> {
    simd::requested()?;
    let plan = planned(experiment)?;
    let folder = ExperimentFolder::at(out.join(&experiment.name));
    let is_wanted = |place: usize| options.only.is_none_or(|wanted| wanted(&plan[place]));
    let is_mine = |place: &usize| options.shard.is_none_or(|shard| shard.has(*place)) && is_wanted(*place);
    let mine: Vec<&PlannedRun> = (0..plan.len()).filter(is_mine).map(|place| &plan[place]).collect();
    let is_told = Cell::new(false);
    let waiting = |waited: Duration| {
        if waited >= Duration::from_secs(1) && !is_told.replace(true) {
            events.tell(Event::Waiting);
        }
        !options.stop.load(Ordering::Relaxed)
    };
    let record = ExperimentRecord::new(experiment, entries(experiment, &plan));
    let (training, ended) = open_if_needed(experiment, store, &folder, &record, &mine, options, &waiting)?;
    let missing = missing(&mine, &ended);
    let held = collect::held(&folder)?;
    let gone = missing.iter().filter(|run| held.contains(&run.id) && !ended.failed.contains_key(&run.id)).count();
    if gone > 0 {
        let runs = if gone == 1 { "1 finished run" } else { &format!("{gone} finished runs") };
        let words = format!(
            "the tables of {} hold {runs}, and runs/ does not. These runs are trained again, and their times are lost. To keep \
             them, stop now and put runs/ back",
            folder.path().display()
        );
        events.tell(Event::Warning(&words));
    }
    ended.finished.iter().for_each(|id| drop(tidy(&folder.run(id))));
    for (id, reason) in ended.incomplete.iter().filter(|(id, _)| mine.iter().any(|run| run.id == **id)) {
        let place = folder.run(id);
        let advice = format!("to train the run again, remove {} and call `bn-exp run`", place.path().display());
        events.tell(Event::Warning(&format!("{reason}; {advice}")));
    }
    let failed = missing.iter().filter_map(|run| Some((run.id.as_str(), ended.failed.get(&run.id)?.as_str())));
    let failed: Vec<_> = failed.collect();
    if !failed.is_empty() {
        events.tell(Event::Retrying(&failed));
    }
    let Options { jobs, trace, resume_every, stop, .. } = *options;
    let (plan, missing) = (&mine[..], &missing[..]);
    let job = Job { experiment, plan, missing, store, folder: &folder, jobs, trace, resume_every, stop };
    let tally = queue::run(&job, events)?;
    let tables = match options.shard {
        Some(_) => Ok(Update::default()),
        None => collect::collect(&folder, missing.is_empty().then_some(&ended), &waiting),
    };
    for (id, reason) in tables.iter().flat_map(|update| &update.damaged) {
        events.tell(Event::Damaged { id, reason });
    }
    let is_interrupted = stop.load(Ordering::Relaxed);
    Ok(Done { folder, tally, is_interrupted, tables, training })
}

/// Removes what a killed program left of a finished run: what was saved on the way, and half-written files.
fn tidy(run: &RunFolder) -> anyhow::Result<()> {
    resume::remove(run)?;
    let folders = [run.path(), &run.snapshots()];
    let is_tidy = |folder: &&Path| files::has_unfinished(folder).is_ok_and(|has| !has);
    if !folders.iter().all(is_tidy) && matches!(files::try_lock(&run.lock())?, Lock::Held(_)) {
        folders.into_iter().try_for_each(files::remove_unfinished)?;
    }
    Ok(())
}

/// The runs that are not finished.
fn missing<'a>(runs: &[&'a PlannedRun], ended: &Ended) -> Vec<&'a PlannedRun> {
    runs.iter().filter(|run| !ended.finished.contains(&run.id)).copied().collect()
}

/// Opens the folder, unless there is nothing to write: then it may be a folder that cannot be written.
fn open_if_needed(
    experiment: &Experiment,
    store: &Store,
    folder: &ExperimentFolder,
    record: &ExperimentRecord,
    runs: &[&PlannedRun],
    options: &Options,
    waiting: Waiting,
) -> anyhow::Result<(Option<Lock>, Ended)> {
    discard::check_ours(folder)?;
    let has_runs = files::is_folder(&folder.runs())? || !collect::held(folder)?.is_empty();
    let discard = options.discard.filter(|_| has_runs);
    let ended = match options.known {
        _ if discard.is_some() => Ended::default(),
        Some(known) => known.clone(),
        None => RunRecord::ended(folder)?,
    };
    let missing = missing(runs, &ended);
    // Before anything is created or discarded: is the data there?
    if let Some(run) = missing.first() {
        store.load(&experiment.points[run.point].settings.data, run.seed)?;
    }
    if missing.is_empty() && discard.is_none() && record.is_recorded(folder)? {
        return Ok((None, ended));
    }
    open(folder, record, discard, waiting).map(|(lock, ended)| (Some(lock), ended))
}

/// Opens the experiment's folder for training, shared with other programs; or alone, to discard what is in it.
fn open(
    folder: &ExperimentFolder,
    record: &ExperimentRecord,
    discard: Option<Confirm>,
    waiting: Waiting,
) -> anyhow::Result<(Lock, Ended)> {
    experiment::check_writable(folder)?;
    discard.map_or(Ok(()), |confirm| confirm(folder.path()))?;
    // Nobody else opens or discards it meanwhile.
    let _gate = collect::lock(folder, waiting)?;
    // A program that was killed holds its locks until the system has taken it down.
    let is_dying = |waited: Duration| discard.is_some() && waited < Duration::from_secs(2) && waiting(Duration::ZERO);
    let alone = files::lock(&folder.training_lock(), &is_dying)?;
    let is_alone = !matches!(alone, Lock::Elsewhere);
    if discard.is_some() {
        ensure!(is_alone || waiting(Duration::ZERO), Stopped(folder.path().to_owned()));
        let at_work = "another program is at work there; wait until it has ended, or stop it";
        ensure!(is_alone, "{} is not discarded: {at_work}", folder.path().display());
        discard::discard(folder)?;
        files::make_folder(&folder.runs())?;
    }
    let ended = RunRecord::ended(folder)?;
    // The tables may be the only copy of runs whose folders are gone.
    let finished = ended.finished.iter().cloned().chain(collect::held(folder)?).collect();
    experiment::open(folder, record, [&finished, &ended.begun], is_alone)?;
    drop(alone);
    Ok((files::try_lock_shared(&folder.training_lock())?, ended))
}
