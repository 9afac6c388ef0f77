//! `bn-exp run`: plan, train what is missing, write the tables, compare.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, ensure};

use super::{Exit, Prepared, UsageError, compare, complain, prepare, show, waiting, warn_of_damage};
use crate::cli::RunArgs;
use crate::files::{self, Lock, Waiting};
use crate::kernels::simd;
use crate::plan::{PlannedRun, entries};
use crate::record::experiment::{self, ExperimentRecord};
use crate::record::layout::ExperimentFolder;
use crate::record::run::{Ended, RunRecord};
use crate::record::{collect, resume, tables};
use crate::runner::progress::{Detail, Progress};
use crate::runner::{self, Job, Tally};

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stop)?;
    simd::requested().map_err(|error| UsageError(error.to_string()))?;
    let Prepared { experiment, plan, store, folder, jobs } = prepare(&args.experiment)?;
    let discards = args.fresh && folder.runs().is_dir();
    // Before anything is created or discarded: is the data there, and can results be written?
    let mut ended = if discards { Ended::default() } else { RunRecord::ended(&folder)? };
    let is_mine = |place: usize| args.shard.is_none_or(|shard| shard.has(place));
    let mine: Vec<&PlannedRun> = (0..plan.len()).filter(|place| is_mine(*place)).map(|place| &plan[place]).collect();
    let without = |finished: &HashSet<String>| -> Vec<&PlannedRun> {
        mine.iter().filter(|run| !finished.contains(&run.id)).copied().collect()
    };
    let mut missing = without(&ended.finished);
    if let Some(run) = missing.first() {
        store.load(&experiment.points[run.point].settings.data, run.seed)?;
    }
    let record = ExperimentRecord::new(&experiment, entries(&experiment, &plan));
    let waiting = waiting(&stop);
    // Where nothing is to be written, the folder need not be one that can be.
    let mut training = None;
    if !missing.is_empty() || discards || !record.is_recorded(&folder) {
        let (lock, now) = open(args, &folder, &record, discards, &waiting)?;
        (training, ended) = (Some(lock), now);
        missing = without(&ended.finished);
    }
    // Of runs that were finished the moment before the program was killed.
    ended.finished.iter().for_each(|id| drop(resume::remove(&folder.run(id))));
    let mut again = missing.iter().filter_map(|run| Some((&run.id, ended.failed.get(&run.id)?)));
    if let Some((id, reason)) = again.next() {
        let others = match again.count() {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        complain(format!("trying again what failed: {id} ({reason}){others}"));
    }

    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    let job = Job {
        experiment: &experiment,
        plan: &mine,
        missing: &missing,
        store: &store,
        folder: &folder,
        jobs,
        trace: args.trace,
        resume_every: args.resume_every,
        stop: &stop,
    };
    let tally = runner::run(&job, &Progress::new(detail))?;
    show(said(&tally, mine.len()))?;
    let is_interrupted = stop.load(Ordering::Relaxed) && tally.left > 0;
    let concluded = if args.shard.is_some() {
        let words = "`bn-exp collect` makes the tables";
        show(format!("this shard's runs are in {}; {words}", folder.runs().display())).map(|()| 0)
    } else {
        conclude(&folder, &waiting)
    };
    drop(training);
    let damaged = match concluded {
        // It was asked to stop, and did.
        Err(error) if is_interrupted => {
            complain(format!("error: {error:#}"));
            0
        }
        concluded => concluded?,
    };
    Ok(match tally.failed + damaged {
        _ if is_interrupted => Exit::Interrupted,
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}

/// Opens the experiment's folder for training, in company of other programs; or alone, to discard what is in it.
fn open(
    args: &RunArgs,
    folder: &ExperimentFolder,
    record: &ExperimentRecord,
    discards: bool,
    waiting: Waiting,
) -> anyhow::Result<(Lock, Ended)> {
    experiment::check_writable(folder)?;
    if discards {
        confirm(args, folder.path())?;
    }
    // Nobody else opens or discards it meanwhile.
    let _gate = collect::lock(folder, waiting)?;
    let alone = files::try_lock(&folder.training_lock())?;
    let is_alone = !matches!(alone, Lock::Elsewhere);
    if discards {
        let at_work = "another program is at work there; wait until it has ended, or stop it";
        ensure!(is_alone, "{} is not discarded: {at_work}", folder.path().display());
        experiment::discard(folder)?;
        files::make_folder(&folder.runs())?;
    }
    let ended = RunRecord::ended(folder)?;
    experiment::open(folder, record, &ended.finished, is_alone)?;
    drop(alone);
    Ok((files::try_lock_shared(&folder.training_lock())?, ended))
}

/// Makes the tables and compares. Returns how many finished runs turned out to be damaged.
fn conclude(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<usize> {
    let made = collect::collect(folder, waiting)?;
    warn_of_damage(&made);
    show("")?;
    compare::print(folder, waiting)?;
    let files = tables::all().map(|table| table.file).collect::<Vec<_>>().join("  ");
    show(format!("\nwritten to {}:\n  {files}\n  experiment.json  runs/<run-id>/", folder.path().display()))?;
    Ok(made.damaged.len())
}

fn said(tally: &Tally, total: usize) -> String {
    let Tally { already_finished, finished, diverged, failed, elsewhere, left } = *tally;
    if already_finished == total {
        return format!("nothing to do: all {total} runs are finished");
    }
    let mut parts = vec![format!("{finished} of {total} runs trained")];
    let mut add = |count: usize, words: &str| {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    };
    add(already_finished, "finished before");
    add(diverged, "diverged");
    add(failed, "failed (see their run.log; the next `run` tries them again)");
    add(elsewhere, "being trained by another `bn-exp run`");
    add(left, "left to train");
    parts.join(", ")
}

fn confirm(args: &RunArgs, path: &std::path::Path) -> anyhow::Result<()> {
    if args.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let message = format!("--fresh would discard the results in {}; add --yes to do so", path.display());
        return Err(UsageError(message).into());
    }
    eprint!("discard the results in {}? [y/N] ", path.display());
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") {
        Ok(())
    } else {
        Err(UsageError("nothing was discarded".into()).into())
    }
}

/// Ctrl-C and SIGTERM stop at the next step; a second Ctrl-C quits at once. A second SIGTERM does not: job schedulers send
/// it to a job's processes and to its script, which passes it on.
fn stop_on_signals(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGTERM, stop.clone()).context("cannot listen for SIGTERM")?;
    let (stop, pressed) = (stop.clone(), AtomicBool::new(false));
    ctrlc::set_handler(move || {
        stop.store(true, Ordering::Relaxed);
        if pressed.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        complain("stopping after the current steps; once more quits at once");
    })
    .context("cannot listen for Ctrl-C")
}
