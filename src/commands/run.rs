//! `bn-exp run`: trains what is missing of an experiment, makes the tables, compares.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;

use super::exit::{Exit, UsageError};
use super::lines::Lines;
use super::terminal::{complain, show, waiting};
use super::{compare, prepare};
use crate::cli::{RunArgs, RunFormat};
use crate::config::ConfigError;
use crate::files::Waiting;
use crate::printable::escaped;
use crate::record::layout::ExperimentFolder;
use crate::record::tables;
use crate::report::layout::Layout;
use crate::report::text::View;
use crate::runner::progress::{Detail, Progress};
use crate::runner::{Done, Event, Events, Options, Tally, complete};

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let stop = Arc::new(AtomicBool::new(false));
    let (experiment, store) = prepare::read(&args.experiment)?;
    let asking = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stop, &asking)?;
    let confirm = |path: &Path| confirm(args.yes, path, &asking);
    let options = Options {
        jobs: prepare::jobs(&args.experiment),
        shard: args.shard,
        only: None,
        known: None,
        trace: args.trace,
        resume_every: args.resume_every,
        discard: if args.fresh { Some(&confirm) } else { None },
        stop: &stop,
    };
    let screen = Screen::new(args, stop.clone());
    let done = complete(&experiment, &store, &args.experiment.out, &options, &screen);
    let Done { folder, tally, is_interrupted, tables, training } = done.map_err(|error| {
        if error.is::<ConfigError>() {
            error.context(args.experiment.config().display().to_string())
        } else {
            prepare::with_cure(error)
        }
    })?;
    screen.into_result()?;
    let is_text = args.format == RunFormat::Text;
    if is_interrupted && is_text {
        show(continues(&tally, args.fresh))?;
    }
    let damaged = tables.and_then(|update| {
        if is_interrupted {
            // The tables hold what there is; the comparison is shown once the experiment is whole.
        } else if !is_text {
            // `compare --format json` says it to programs.
        } else if args.shard.is_some() {
            let words = "`bn-exp collect` makes the tables";
            show(format!("this shard's runs are in {}; {words}", folder.runs().display()))?;
        } else if tally.elsewhere > 0 {
            let (count, path) = (tally.elsewhere, folder.path().display());
            let runs = if count == 1 { "1 run is" } else { &format!("{count} runs are") };
            show(format!(
                "{runs} still being trained by another `bn-exp run`, which compares once it is done; `bn-exp compare {path}` shows \
                 what there is"
            ))?;
        } else {
            show_results(&folder, &waiting(&stop))?;
        }
        Ok(update.damaged.len())
    });
    drop(training);
    let damaged = match damaged {
        // It was asked to stop, and did.
        Err(error) if is_interrupted => {
            complain(format!("error: {error:#}"));
            0
        }
        damaged => damaged?,
    };
    Ok(match tally.failed + damaged {
        _ if is_interrupted || stop.load(Ordering::Relaxed) => Exit::Interrupted,
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}

/// Progress on standard error, results on standard output.
struct Screen {
    progress: Progress,
    lines: Option<Lines>,
    stop: Arc<AtomicBool>,
    /// Why something could not be shown.
    error: Mutex<anyhow::Result<()>>,
}

impl Screen {
    fn new(args: &RunArgs, stop: Arc<AtomicBool>) -> Self {
        let lines = (args.format == RunFormat::Json).then(Lines::default);
        // Every run has a line of JSON; apart from those, only failures are said.
        let detail = match (args.quiet || lines.is_some(), args.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        };
        Self { progress: Progress::new(detail), lines, stop, error: Mutex::new(Ok(())) }
    }

    /// Whether everything could be shown.
    fn into_result(self) -> anyhow::Result<()> {
        self.lines.map_or(Ok(()), Lines::into_result)?;
        self.error.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events for Screen {
    fn tell(&self, event: Event) {
        self.progress.tell(event);
        if let Some(lines) = &self.lines {
            return lines.tell(event);
        }
        // An interruption is said in one line, at the end.
        if let Event::Trained(tally) = event
            && !(self.stop.load(Ordering::Relaxed) && tally.left > 0)
        {
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = show(said(tally));
        }
    }
}

/// Compares, and says where the results are.
fn show_results(folder: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<()> {
    show("")?;
    compare::print(folder, waiting)?;
    let files = tables::all().map(|table| table.file).collect::<Vec<_>>().join("  ");
    let files = Layout::terminal().paragraph(&format!("  {files}  experiment.json  runs/<run-id>/"));
    show(format!("\nthe results are in {}:\n{files}", folder.path().display()))?;
    show(compare::more(&[folder.path().to_owned()], View::default()))
}

/// How far an interrupted experiment is.
fn continues(tally: &Tally, fresh: bool) -> String {
    let done = tally.already_finished + tally.finished + tally.by_others;
    // With --fresh the same command would discard what is done.
    let without = if fresh { " without --fresh" } else { "" };
    format!("interrupted: {done} of {} runs are done; the same command{without} continues", tally.total())
}

/// How the runs ended, in words.
fn said(tally: &Tally) -> String {
    let total = tally.total();
    let Tally { already_finished, finished, diverged, failed, by_others, elsewhere, left } = *tally;
    if already_finished == total {
        let which = if total == 1 { "the one run is".to_owned() } else { format!("all {total} runs are") };
        return format!("nothing to do: {which} finished");
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
    add(by_others, "trained by another `bn-exp run`");
    add(elsewhere, "still being trained by another `bn-exp run`");
    add(left, "left to train");
    parts.join(", ")
}

fn confirm(is_sure: bool, path: &Path, asking: &AtomicBool) -> anyhow::Result<()> {
    if is_sure {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let message = format!("--fresh would discard the results in {}; add --yes to do so", path.display());
        return Err(UsageError(message).into());
    }
    eprint!("discard the results in {}? [y/N] ", escaped(&path.display().to_string()));
    std::io::stderr().flush()?;
    let mut answer = String::new();
    asking.store(true, Ordering::Relaxed);
    let read = std::io::stdin().read_line(&mut answer);
    asking.store(false, Ordering::Relaxed);
    read?;
    if answer.trim().eq_ignore_ascii_case("y") {
        Ok(())
    } else {
        Err(UsageError("nothing was discarded".into()).into())
    }
}

/// Ctrl-C and SIGTERM stop at the next step; a second Ctrl-C quits at once. A second SIGTERM does not: job schedulers send
/// it to a job's processes and to its script, which passes it on.
/// While the user is `asking` for an answer nothing has begun: either signal quits at once.
pub(super) fn stop_on_signals(stop: &Arc<AtomicBool>, asking: &Arc<AtomicBool>) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::{consts::SIGTERM, flag};
        let listening = flag::register_conditional_shutdown(SIGTERM, 130, asking.clone());
        listening.and_then(|_| flag::register(SIGTERM, stop.clone())).context("cannot listen for SIGTERM")?;
    }
    let (stop, asking, pressed) = (stop.clone(), asking.clone(), AtomicBool::new(false));
    ctrlc::set_handler(move || {
        stop.store(true, Ordering::Relaxed);
        if pressed.swap(true, Ordering::Relaxed) || asking.load(Ordering::Relaxed) {
            std::process::exit(130);
        }
        complain("stopping after the current steps; once more quits at once");
    })
    .context("cannot listen for Ctrl-C")
}
