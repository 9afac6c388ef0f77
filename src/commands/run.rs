//! `bn-exp run`: plan, train what is missing, write the tables, compare.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, ensure};

use super::{Exit, Prepared, UsageError, compare, complain, prepare, show};
use crate::cli::RunArgs;
use crate::files::{self, Lock};
use crate::kernels::simd;
use crate::plan::{PlannedRun, entries};
use crate::record::experiment::{self, ExperimentRecord};
use crate::record::run::{Ended, RunRecord};
use crate::record::{collect, resume, tables};
use crate::runner::progress::{Detail, Progress};
use crate::runner::{self, Job, Tally};

/// Set by Ctrl-C and SIGTERM; looked at between training steps.
static STOP: AtomicBool = AtomicBool::new(false);

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    simd::requested().map_err(|error| UsageError(error.to_string()))?;
    let Prepared { experiment, plan, store, folder, jobs } = prepare(&args.experiment)?;
    let discards = args.fresh && folder.runs().is_dir();
    // Before anything is created or discarded: is the data there, and can results be written?
    let Ended { finished, failed } = if discards { Ended::default() } else { RunRecord::ended(&folder)? };
    let is_mine = |place: usize| args.shard.is_none_or(|shard| shard.has(place));
    let mine = plan.iter().enumerate().filter(|(place, _)| is_mine(*place)).map(|(_, run)| run);
    let (planned, missing): (usize, Vec<&PlannedRun>) =
        (mine.clone().count(), mine.filter(|run| !finished.contains(&run.id)).collect());
    if let Some(run) = missing.first() {
        store.load(&experiment.points[run.point].settings.data, run.seed)?;
    }
    experiment::check_writable(&folder)?;
    // Of runs that were finished the moment before the program was killed.
    finished.iter().try_for_each(|id| resume::remove(&folder.run(id)))?;
    if discards {
        confirm(args, folder.path())?;
        let alone = files::try_lock(&folder.training_lock())?;
        let at_work = "another `bn-exp run` is at work there; wait until it has ended, or stop it";
        ensure!(!matches!(alone, Lock::Elsewhere), "{} is not discarded: {at_work}", folder.path().display());
        experiment::discard(&folder)?;
    }
    let training = files::try_lock_shared(&folder.training_lock())?;
    let discarded = "is being discarded by another `bn-exp run --fresh`";
    ensure!(!matches!(training, Lock::Elsewhere), "{} {discarded}", folder.path().display());
    let record = ExperimentRecord::new(&experiment, entries(&experiment, &plan));
    experiment::open(&folder, &record, &finished)?;
    stop_on_signals()?;
    let mut again = missing.iter().filter_map(|run| Some((&run.id, failed.get(&run.id)?)));
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
        plan: &plan,
        planned,
        missing: &missing,
        store: &store,
        folder: &folder,
        jobs,
        trace: args.trace,
        resume_every: args.resume_every,
        stop: &STOP,
    };
    let tally = runner::run(&job, &Progress::new(detail))?;
    if args.shard.is_some() {
        show(said(&tally, planned))?;
        show(format!("this shard's runs are in {}; `bn-exp collect` makes the tables", folder.runs().display()))?;
    } else {
        collect::collect(&folder)?;
        show(said(&tally, planned) + "\n")?;
        compare::print(&folder)?;
        let files = tables::all().map(|table| table.file).collect::<Vec<_>>().join("  ");
        show(format!("\nwritten to {}:\n  {files}\n  experiment.json  runs/<run-id>/", folder.path().display()))?;
    }
    Ok(match tally {
        _ if STOP.load(Ordering::Relaxed) && tally.left > 0 => Exit::Interrupted,
        Tally { failed: 1.., .. } => Exit::Failed,
        _ => Exit::Done,
    })
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

fn stop_on_signals() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        complain("stopping after the current steps; once more quits at once");
    })
    .context("cannot listen for Ctrl-C")
}
