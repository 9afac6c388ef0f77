//! An experiment for TensorBoard: a folder a run, and three for all seeds of an arm at a setting.
//!
//! | tag | from |
//! |---|---|
//! | `loss/SPLIT/MODE`, `accuracy/SPLIT/MODE` | curves.csv |
//! | `gradients/…`, `activations/…`, `landscape/…` | the table of that name; of activations those over all channels |
//! | `final/METRIC` | runs.csv |
//! | `parameters/NAME`, a histogram | the trained network |
//!
//! The time of an event is the step times the µs a step of its run, so that the axis *Relative* shows seconds of training.
//! Hyperparameters are the arm, the axes and the seed; runs that differ in the seed alone are one group, over which the
//! HParams view averages. What it cannot show is the spread: the folders `mean`, `low` and `high` have, at every step that
//! all seeds have, the mean, the smallest and the largest of curves.csv.

pub mod events;

use std::collections::BTreeMap;

use anyhow::ensure;
use serde_json::Value;

use crate::compare::Loaded;
use crate::compare::rows::Run;
use crate::files;
use crate::record::layout::ExperimentFolder;
use crate::record::run::{RunRecord, Status};
use crate::record::tensors;
use crate::report::tagged;
use events::{EventFile, Message};

/// Takes the path of a file below the folder of the experiment, and its bytes.
pub type Write<'a> = dyn FnMut(&str, Vec<u8>) -> anyhow::Result<()> + 'a;

/// Name of every file, of which each is in a folder of its own.
pub const FILE: &str = "events.out.tfevents.0.bn-exp";
/// Statistics over seeds.
const OVER_SEEDS: [&str; 3] = ["mean", "low", "high"];
/// Fields of `HParamsPluginData`.
const EXPERIMENT: u32 = 2;
const SESSION_START: u32 = 3;
const SESSION_END: u32 = 4;

/// Writes the events of every run that has begun, and those over seeds. Returns how many runs there were.
///
/// # Errors
/// If a table is missing or damaged, or a file cannot be written.
pub fn export(folder: &ExperimentFolder, loaded: &Loaded, write: &mut Write) -> anyhow::Result<usize> {
    write(FILE, described(loaded).into_bytes())?;
    let mut tables = tagged::tables(folder)?;
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut count = 0;
    for run in &loaded.runs {
        let group = groups.entry(group_of(loaded, run)).or_default();
        let mut file = begun(loaded, run);
        let seconds = |step: u64| step as f64 * run.timing.as_ref().and_then(|t| t.us_per_step).unwrap_or(0.0) / 1e6;
        for table in &mut tables {
            while let Some(row) = table.next_of(&run.entry.id)? {
                for (tag, x) in row.figures {
                    file.scalar(seconds(row.step), row.step, &tag, x);
                    if row.is_curves {
                        group.add(&tag, row.step, x);
                    }
                }
            }
        }
        if run.status == Status::Missing {
            continue;
        }
        let last = run.steps.unwrap_or(0.0) as u64;
        for (metric, score) in loaded.metrics.iter().zip(&run.scores) {
            score.iter().for_each(|x| file.scalar(seconds(last), last, &format!("final/{}", metric.name), *x));
        }
        histograms(folder, run, &mut file, seconds(last), last)?;
        let (success, failure) = (1, 2);
        let ending = if run.status.is_finished() { success } else { failure };
        let end = Message::default().integer(1, ending).double(2, seconds(last));
        file.hyperparameters("_hparams_/session_end_info", SESSION_END, &end);
        write(&format!("{}/{FILE}", run.entry.id), file.into_bytes())?;
        group.runs += 1;
        count += 1;
    }
    for table in &mut tables {
        table.at_its_end()?;
    }
    for (name, group) in groups.iter().filter(|(_, group)| group.runs > 1) {
        for (statistic, file) in OVER_SEEDS.into_iter().zip(group.files()) {
            write(&format!("over seeds/{name}/{statistic}/{FILE}"), file.into_bytes())?;
        }
    }
    Ok(count)
}

/// The arm and the setting of a run, without its seed.
fn group_of(loaded: &Loaded, run: &Run) -> String {
    let values = loaded.axes.iter().zip(&run.entry.values).map(|(axis, value)| format!(" {axis}={}", plain(value)));
    // A swept list or object may have anything in it; a folder's name may not.
    let name: String = [run.entry.variant.clone()].into_iter().chain(values).collect();
    name.replace(['/', '\\'], "_")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What the HParams view shows: hyperparameters and final metrics.
fn described(loaded: &Loaded) -> EventFile {
    let (text, number) = (1, 3);
    let mut experiment = Message::default().bytes(6, loaded.name.as_bytes());
    let is_number = |at: usize| loaded.runs.iter().all(|run| run.entry.values.get(at).is_some_and(Value::is_number));
    let axes = loaded.axes.iter().enumerate().map(|(at, axis)| (&axis[..], if is_number(at) { number } else { text }));
    for (name, kind) in [("variant", text)].into_iter().chain(axes).chain([("seed", number)]) {
        experiment = experiment.message(4, &Message::default().bytes(1, name.as_bytes()).integer(4, kind));
    }
    for metric in &loaded.metrics {
        let name = Message::default().bytes(2, format!("final/{}", metric.name).as_bytes());
        experiment = experiment.message(5, &Message::default().message(1, &name));
    }
    let mut file = EventFile::default();
    file.hyperparameters("_hparams_/experiment", EXPERIMENT, &experiment);
    file
}

/// The file of a run, with its hyperparameters.
fn begun(loaded: &Loaded, run: &Run) -> EventFile {
    let entry = |name: &str, value: &Message| Message::default().bytes(1, name.as_bytes()).message(2, value);
    let value = |value: &Value| match value.as_f64() {
        Some(x) => Message::default().double(2, x),
        None => Message::default().bytes(3, plain(value).as_bytes()),
    };
    let mut start = Message::default();
    start = start.message(1, &entry("variant", &Message::default().bytes(3, run.entry.variant.as_bytes())));
    for (axis, swept) in loaded.axes.iter().zip(&run.entry.values) {
        start = start.message(1, &entry(axis, &value(swept)));
    }
    start = start.message(1, &entry("seed", &Message::default().double(2, run.entry.seed as f64)));
    start = start.bytes(4, group_of(loaded, run).as_bytes());
    let mut file = EventFile::default();
    file.hyperparameters("_hparams_/session_start_info", SESSION_START, &start);
    file
}

/// How the values of each tensor of the trained network are distributed, if there is one.
fn histograms(
    folder: &ExperimentFolder,
    run: &Run,
    file: &mut EventFile,
    seconds: f64,
    step: u64,
) -> anyhow::Result<()> {
    let path = folder.run(&run.entry.id).checkpoint();
    let Some(bytes) = files::read_if_there(&path)? else { return Ok(()) };
    // Published results have no records of runs.
    let record = RunRecord::read_own(&folder.run(&run.entry.id))?;
    let expected = record.and_then(|record| record.checkpoint_sha256);
    ensure!(
        expected.is_none_or(|expected| expected == files::sha256(&bytes)),
        "{} is damaged: its SHA-256 is not the one recorded in run.json",
        path.display()
    );
    for tensor in tensors::parse(&bytes, &path)? {
        let single = || Some(tensor.values::<f32>()?.into_iter().map(f64::from).collect::<Vec<_>>());
        if let Some(values) = tensor.values::<f64>().or_else(single) {
            file.histogram(seconds, step, &format!("parameters/{}", tensor.name()), &values);
        }
    }
    Ok(())
}

/// Curves of the runs that differ in the seed alone: for each tag and step the sum, the smallest, the largest, and how
/// many.
#[derive(Debug, Default)]
struct Group {
    runs: usize,
    curves: BTreeMap<(String, u64), (f64, f64, f64, usize)>,
}

impl Group {
    fn add(&mut self, tag: &str, step: u64, x: f64) {
        let start = (0.0, f64::INFINITY, f64::NEG_INFINITY, 0);
        let (sum, low, high, count) = self.curves.entry((tag.to_owned(), step)).or_insert(start);
        (*sum, *low, *high, *count) = (*sum + x, low.min(x), high.max(x), *count + 1);
    }

    /// Mean, smallest and largest, where all runs have a value: a mean must not change because a run has ended.
    fn files(&self) -> [EventFile; 3] {
        let mut files = [EventFile::default(), EventFile::default(), EventFile::default()];
        for ((tag, step), (sum, low, high, count)) in self.curves.iter().filter(|(_, (.., n))| *n == self.runs) {
            let values = [sum / *count as f64, *low, *high];
            files.iter_mut().zip(values).for_each(|(file, x)| file.scalar(0.0, *step, tag, x));
        }
        files
    }
}
