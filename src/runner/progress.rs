//! How far everything is: bars on a terminal, one line a finished run elsewhere. On standard error.

use std::collections::{HashMap, HashSet};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::events::{Event, Events};
use crate::config::{Experiment, json};
use crate::plan::PlannedRun;
use crate::printable::escaped;
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
    shown: Mutex<Shown>,
}

/// What has been shown so far, and what the lines of finished runs need to know.
#[derive(Debug, Default)]
struct Shown {
    total: usize,
    done: usize,
    points: Vec<String>,
    /// The bar of each run that is being trained, by its id.
    running: HashMap<String, Bar>,
    /// Warnings are said once.
    warnings: HashSet<String>,
}

/// The bar of one running run.
#[derive(Debug)]
struct Bar {
    steps: usize,
    bar: ProgressBar,
    /// Steps that the overall bar has counted.
    counted: usize,
    /// The latest loss in each tenth of the run so far.
    losses: Vec<f64>,
}

/// Parts of a run whose losses are shown.
const TENTHS: usize = 10;

/// Losses as a row of blocks, their logarithms from the smallest to the largest; × where one is not finite.
fn sparkline(losses: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let log = |loss: &f64| loss.max(f64::MIN_POSITIVE).ln();
    let finite = || losses.iter().filter(|loss| loss.is_finite()).map(log);
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let block = |loss: &f64| match loss {
        loss if !loss.is_finite() => '×',
        _ if high <= low => BLOCKS[3],
        loss => BLOCKS[((log(loss) - low) / (high - low) * 7.0).round() as usize],
    };
    losses.iter().map(block).collect()
}

/// Places of the losses of a run with so many steps.
fn places(steps: usize) -> usize {
    TENTHS.min(steps).max(1)
}

/// Puts a loss in the place of its step. Where no loss was told the one before it stands; a continued run has none from before.
fn place(losses: &mut Vec<f64>, loss: f64, step: usize, steps: usize) {
    let place = step * places(steps) / steps.max(1);
    if let Some(last) = losses.last().copied() {
        losses.resize(place, last);
    }
    losses.push(loss);
}

impl Progress {
    /// On standard error.
    pub fn new(detail: Detail) -> Self {
        let shows_bars = detail != Detail::Quiet && std::io::stderr().is_terminal();
        let target = if shows_bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        Self { detail, bars, overall: ProgressBar::hidden(), shown: Mutex::default() }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begun(&self, experiment: &Experiment, total: usize, missing: &[&PlannedRun]) {
        let steps = |run: &&PlannedRun| experiment.points[run.point].settings.train.steps as u64;
        let point = |values: &Vec<serde_json::Value>| {
            let named = experiment.axes.iter().zip(values);
            let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
            named.map(|(axis, v)| format!(" {}={}", last(&axis.path), json::cell(v))).collect::<String>()
        };
        let points = experiment.points.iter().map(|p| point(&p.values)).collect();
        *self.shown() = Shown { total, done: total - missing.len(), points, ..Shown::default() };
        self.overall.set_length(missing.iter().map(steps).sum());
        self.overall.set_style(style("{bar:20.cyan/blue} {percent:>3}%  {msg}  {elapsed} gone, {eta} left"));
        self.overall.set_message(format!("{} of {total} runs", total - missing.len()));
        self.bars.insert(0, self.overall.clone());
        self.overall.enable_steady_tick(Duration::from_millis(500));
    }

    fn started(&self, run: &PlannedRun, steps: usize) {
        let bar = self.bars.add(ProgressBar::new(steps as u64));
        bar.set_style(style("{bar:20.green/white} {percent:>3}%  {wide_msg}"));
        bar.set_message(run.id.clone());
        self.shown().running.insert(run.id.clone(), Bar { steps, bar, counted: 0, losses: Vec::new() });
    }

    fn step(&self, run: &PlannedRun, step: usize, loss: f64) {
        let mut shown = self.shown();
        let Some(Bar { steps, bar, counted, losses }) = shown.running.get_mut(&run.id) else { return };
        place(losses, loss, step, *steps);
        bar.set_position(step as u64);
        // What does not fit the line is cut off at its end: no number stands there.
        let line = format!("{:1$}", sparkline(losses), places(*steps));
        bar.set_message(format!("{line} loss {loss:.4}  step {step} of {steps}  {}", run.id));
        self.overall.inc(step.saturating_sub(*counted) as u64);
        *counted = step;
    }

    fn ended(&self, run: &PlannedRun, record: Result<&RunRecord, &anyhow::Error>) {
        let mut shown = self.shown();
        if let Some(Bar { steps, bar, counted, .. }) = shown.running.remove(&run.id) {
            self.overall.inc((steps - counted) as u64);
            bar.finish_and_clear();
        }
        let is_interrupted = record.is_ok_and(|r| r.status == Status::Interrupted);
        shown.done += usize::from(!is_interrupted);
        self.overall.set_message(format!("{} of {} runs", shown.done, shown.total));
        let is_failure = record.map_or(true, |r| r.status == Status::Failed);
        let is_told = is_failure
            || match self.detail {
                Detail::Quiet => false,
                Detail::Normal => self.bars.is_hidden(),
                Detail::Verbose => true,
            };
        if is_told {
            let point = shown.points.get(run.point).map_or("", String::as_str);
            self.say(&format!("[{}/{}] {}{point}: {}", shown.done, shown.total, run.id, outcome(record)));
        }
    }

    fn warn(&self, text: &str) {
        if self.shown().warnings.insert(text.to_owned()) {
            self.say(&format!("warning: {text}"));
        }
    }

    /// A line on standard error. Training goes on even if the reader has gone away.
    fn say(&self, line: &str) {
        self.bars.suspend(|| drop(writeln!(std::io::stderr(), "{}", escaped(line))));
    }
}

impl Events for Progress {
    fn tell(&self, event: Event) {
        match event {
            Event::Waiting => self.say(WAITING),
            Event::Retrying(runs) => {
                let Some(((id, reason), others)) = runs.split_first() else { return };
                let others = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
                self.say(&format!("trying again what failed: {id} ({reason}){others}"));
            }
            Event::Begun { experiment, total, missing } => self.begun(experiment, total, missing),
            Event::Started { run, steps } => self.started(run, steps),
            Event::Step { run, step, loss } => self.step(run, step, loss),
            Event::Ended { run, record } => self.ended(run, record),
            Event::Trained(_) => self.overall.finish_and_clear(),
            Event::Damaged { id, reason } => self.say(&damage(id, reason)),
            Event::Warning(text) => self.warn(text),
        }
    }
}

/// What is said while another program holds the lock.
pub const WAITING: &str = "waiting for another program that has the experiment locked";

/// What is said of a finished run that was found damaged.
pub fn damage(id: &str, reason: &str) -> String {
    format!("warning: run {id} counts as failed: {reason}; the next `run` trains it again")
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
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

/// A finished run in a few words.
fn outcome(record: Result<&RunRecord, &anyhow::Error>) -> String {
    let record = match record {
        Ok(record) => record,
        Err(error) => return format!("failed: {error:#}"),
    };
    let reason = record.reason.as_deref().unwrap_or("no reason was recorded");
    match (record.status, record.metrics.get("test_loss"), record.metrics.get("test_accuracy")) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_shown_by_their_logarithms() {
        assert_eq!(sparkline(&[1.0, 0.1, 0.01]), "█▅▁");
        assert_eq!(sparkline(&[2.0, f64::INFINITY]), "▄×");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn a_loss_stands_in_the_place_of_its_step_and_short_runs_have_as_many_places_as_steps() {
        let told = |told: &[(usize, f64)], steps: usize| {
            let mut losses = Vec::new();
            told.iter().for_each(|(step, loss)| place(&mut losses, *loss, *step, steps));
            losses
        };
        assert_eq!((places(3), places(1000)), (3, 10));
        assert_eq!(told(&[(0, 5.0), (1, 4.0), (2, 3.0)], 3), [5.0, 4.0, 3.0]);
        // Of one place the last loss counts; where none was told the one before it stands.
        assert_eq!(told(&[(0, 5.0), (50, 4.0), (350, 3.0), (399, 2.0)], 1000), [4.0, 4.0, 4.0, 2.0]);
        assert_eq!(told(&[(999, 1.0)], 1000), [1.0]);
    }
}
