//! How far everything is: bars on a terminal, one line a finished run elsewhere. On standard error.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::config::{Experiment, json};
use crate::plan::PlannedRun;
use crate::record::run::{RunRecord, Status};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Failures only.
    Quiet,
    /// Bars, or a line a finished run.
    Normal,
    /// A line a finished run beside the bars.
    Verbose,
}

/// Shows how far everything is.
#[derive(Debug)]
pub struct Progress {
    detail: Detail,
    bars: MultiProgress,
    overall: ProgressBar,
    names: Mutex<Names>,
    warned: Once,
}

/// What the lines of finished runs need to know.
#[derive(Debug, Default)]
struct Names {
    total: usize,
    done: usize,
    points: Vec<String>,
}

/// The bar of one running run.
#[derive(Debug)]
pub struct Bar {
    id: String,
    steps: usize,
    bar: ProgressBar,
    overall: ProgressBar,
    told: usize,
    last: Instant,
}

/// Shortest time between two movements of a bar; training should not wait for the terminal.
const PACE: Duration = Duration::from_millis(100);

impl Progress {
    /// On standard error.
    pub fn new(detail: Detail) -> Self {
        let shows_bars = detail != Detail::Quiet && std::io::stderr().is_terminal();
        let target = if shows_bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        Self { detail, bars, overall: ProgressBar::hidden(), names: Mutex::default(), warned: Once::new() }
    }

    /// The missing runs of a plan are about to be trained.
    pub(super) fn begin(&self, experiment: &Experiment, total: usize, missing: &[&PlannedRun]) {
        let steps = |run: &&PlannedRun| experiment.points[run.point].settings.train.steps as u64;
        let point = |values: &Vec<serde_json::Value>| {
            let named = experiment.axes.iter().zip(values);
            let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
            named.map(|(axis, v)| format!(" {}={}", last(&axis.path), json::cell(v))).collect::<String>()
        };
        if let Ok(mut names) = self.names.lock() {
            let points = experiment.points.iter().map(|p| point(&p.values)).collect();
            *names = Names { total, done: total - missing.len(), points };
        }
        self.overall.set_length(missing.iter().map(steps).sum());
        self.overall.set_style(style("{bar:20.cyan/blue} {percent:>3}%  {msg}  {elapsed} gone, {eta} left"));
        self.overall.set_message(format!("{} of {total} runs", total - missing.len()));
        self.bars.insert(0, self.overall.clone());
        self.overall.enable_steady_tick(Duration::from_millis(500));
    }

    /// A bar for a run that begins.
    pub(super) fn bar(&self, run: &PlannedRun, steps: usize) -> Bar {
        let bar = self.bars.add(ProgressBar::new(steps as u64));
        bar.set_style(style("{bar:20.green/white} {percent:>3}%  {wide_msg}"));
        bar.set_message(run.id.clone());
        Bar { id: run.id.clone(), steps, bar, overall: self.overall.clone(), told: 0, last: Instant::now() }
    }

    /// A run has ended.
    pub(super) fn finished(&self, run: &PlannedRun, record: &anyhow::Result<RunRecord>) {
        let Ok(mut names) = self.names.lock() else { return };
        let is_interrupted = record.as_ref().is_ok_and(|r| r.status == Status::Interrupted);
        names.done += usize::from(!is_interrupted);
        self.overall.set_message(format!("{} of {} runs", names.done, names.total));
        let is_failure = record.as_ref().map_or(true, |r| r.status == Status::Failed);
        let is_told = is_failure
            || match self.detail {
                Detail::Quiet => false,
                Detail::Normal => self.bars.is_hidden(),
                Detail::Verbose => true,
            };
        if is_told {
            let point = names.points.get(run.point).map_or("", String::as_str);
            let line = format!("[{}/{}] {}{point}: {}", names.done, names.total, run.id, outcome(record));
            // A reader that has gone away is no reason to stop training.
            self.bars.suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
        }
    }

    /// Something that must be known whatever the detail.
    pub(super) fn warn_once(&self, text: &str) {
        self.warned.call_once(|| self.warn(text));
    }

    /// Says something that deserves attention.
    pub(super) fn warn(&self, text: &str) {
        self.bars.suspend(|| drop(writeln!(std::io::stderr(), "warning: {text}")));
    }

    /// Nothing is left to do.
    pub(super) fn end(&self) {
        self.overall.finish_and_clear();
    }
}

impl Bar {
    /// Minibatch `step` had this loss.
    pub fn step(&mut self, step: usize, loss: f64) {
        if self.last.elapsed() >= PACE {
            self.last = Instant::now();
            self.bar.set_position(step as u64);
            self.bar.set_message(format!("{} step {step} of {}, loss {loss:.4}", self.id, self.steps));
            self.overall.inc((step - self.told) as u64);
            self.told = step;
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let rest = self.bar.length().unwrap_or(0) - self.told as u64;
        self.overall.inc(rest);
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let gone = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{}", clock(state.elapsed()));
    };
    let left = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{}", if state.pos() == 0 { "?".to_owned() } else { clock(state.eta()) });
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("elapsed", gone)
        .with_key("eta", left)
}

fn clock(time: Duration) -> String {
    let s = time.as_secs();
    if s < 60 { format!("{s} s") } else { format!("{} min {:02} s", s / 60, s % 60) }
}

/// A finished run in a few words.
fn outcome(record: &anyhow::Result<RunRecord>) -> String {
    let record = match record {
        Ok(record) => record,
        Err(error) => return format!("failed: {error:#}"),
    };
    let reason = record.reason.as_deref().unwrap_or("no reason was recorded");
    match (record.status, record.metrics.test_loss, record.metrics.test_accuracy) {
        (Status::Completed, Some(loss), Some(accuracy)) => {
            let seconds = record.timing.train_seconds;
            let us = record.timing.us_per_step(record.steps).unwrap_or_default();
            format!("test accuracy {accuracy:.4}, test loss {loss:.4}; {seconds:.1} s, {us:.0} µs a step")
        }
        (Status::Diverged, ..) => format!("diverged at step {}: {reason}", record.diverged_at_step.unwrap_or_default()),
        (Status::Failed, ..) => format!("failed: {reason}"),
        (status, ..) => status.name().to_owned(),
    }
}
