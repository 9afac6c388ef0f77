//! The record of an experiment, `experiment.json`: what was asked for, and the plan that came of it.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::layout::ExperimentFolder;
use super::{SCHEMA_VERSION, machine};
use crate::config::experiment::{primary_arm, usual_baseline};
use crate::config::file::CompareOptions;
use crate::config::problem::nearest;
use crate::config::{Experiment, json};
use crate::files;
use crate::plan::{NUMERICS_VERSION, RunEntry};
use crate::printable::{is_formula, is_plain};

/// `experiment.json`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentRecord {
    /// Version of this layout.
    pub schema_version: u32,
    /// Name of the experiment.
    pub name: String,
    /// Version of the program.
    pub program_version: String,
    /// Git revision it was built from.
    pub git_revision: Option<String>,
    /// Where the plan was made.
    pub host: String,
    /// Its processor, cores and system. Empty in older records, and where the system does not tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// Instruction level there.
    pub simd: String,
    /// Paths of the sweep axes.
    pub axes: Vec<String>,
    /// The configuration with every default filled in.
    pub configuration: Value,
    /// The plan, in order.
    pub runs: Vec<RunEntry>,
    /// SHA-256 of the user's own data files, one for each set of them. Empty in older records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_sha256: Vec<String>,
    /// Version of the program's numbers; 0 in records before this entry, which are of version 2 at the latest.
    #[serde(default)]
    pub numerics_version: u32,
    /// The question as it stood when the first runs were finished, if it has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_first: Option<Question>,
    /// SHA-256 of the section `compare` and of `asked_first`, as they were written. `None` in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question_sha256: Option<String>,
}

/// What `compare` is to answer. It has to be chosen before there are results, or p does not mean what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The section `compare` of the configuration.
    pub compare: CompareOptions,
    /// The arm that the others are compared with.
    pub baseline: Option<String>,
    /// The arm whose contrast is corrected by itself, where the section does not name it. `None` in older records, too.
    #[serde(default)]
    pub primary: Option<String>,
}

impl Question {
    /// The keys that have another value in `other`, and their values here.
    ///
    /// # Errors
    /// If a question cannot be written as JSON.
    pub fn unlike(&self, other: &Self) -> anyhow::Result<Vec<(String, String)>> {
        let [here, there] = [serde_json::to_value(self)?, serde_json::to_value(other)?];
        let paths = [&here, &there].map(json::leaves).into_iter().flatten().map(|(path, _)| path);
        let at = |value: &Value, path: &str| {
            let found = path.split('.').fold(value, |value, key| &value[key]).clone();
            if found.is_null() { "not set".to_owned() } else { found.to_string() }
        };
        let paths = paths.collect::<BTreeSet<String>>().into_iter();
        // What the section says is said of the section; what an older record does not say has not changed.
        let is_told = |path: &String| {
            let is_default = path == "primary" && self.compare.primary == other.compare.primary;
            path != "primary" || is_default && self.primary.is_some() && other.primary.is_some()
        };
        Ok(paths
            .filter(|path| at(&here, path) != at(&there, path) && is_told(path))
            .map(|path| (path.clone(), at(&here, &path)))
            .collect())
    }
}

impl ExperimentRecord {
    /// For an experiment and its plan, on this machine.
    pub fn new(experiment: &Experiment, runs: Vec<RunEntry>) -> Self {
        let fingerprints: BTreeSet<String> = experiment.points.iter().filter_map(|p| p.fingerprint.clone()).collect();
        Self {
            schema_version: SCHEMA_VERSION,
            name: experiment.name.clone(),
            program_version: machine::PROGRAM_VERSION.to_owned(),
            git_revision: machine::git_revision(),
            host: machine::host(),
            machine: machine::description(),
            simd: crate::kernels::simd::level().name().to_owned(),
            axes: experiment.axes.iter().map(|axis| axis.path.clone()).collect(),
            configuration: experiment.configuration.clone(),
            runs,
            data_sha256: fingerprints.into_iter().collect(),
            numerics_version: NUMERICS_VERSION,
            asked_first: None,
            question_sha256: None,
        }
    }

    /// The question as it stands.
    ///
    /// # Errors
    /// As [`Self::compare_options`].
    pub fn question(&self) -> anyhow::Result<Question> {
        let names: Vec<&str> = self.runs.iter().map(|run| run.variant.as_str()).collect();
        let (compare, baseline) = (self.compare_options()?, usual_baseline(&names));
        let primary = baseline.and_then(|baseline| primary_arm(&names, None, baseline));
        let primary = primary.filter(|_| compare.primary.is_none()).map(str::to_owned);
        Ok(Question { compare, baseline: baseline.map(str::to_owned), primary })
    }

    /// The question as it stood when the first runs were finished.
    ///
    /// # Errors
    /// As [`Self::compare_options`].
    pub fn first_question(&self) -> anyhow::Result<Question> {
        self.asked_first.clone().map_or_else(|| self.question(), Ok)
    }

    /// Marks the question as changed, if it is not the one that was asked first.
    ///
    /// # Errors
    /// As [`Self::compare_options`].
    pub fn mark_if_changed(&mut self, first: Question) -> anyhow::Result<()> {
        let is_changed = !first.unlike(&self.question()?)?.is_empty();
        if !self.is_question_edited() {
            self.question_sha256 = None;
        }
        self.asked_first = is_changed.then_some(first);
        Ok(())
    }

    /// How the question has changed since the first runs were finished, such as `compare.metric was "test_accuracy"`; empty
    /// if it has not.
    ///
    /// # Errors
    /// As [`Self::compare_options`].
    pub fn changes(&self) -> anyhow::Result<Vec<String>> {
        let changed = match &self.asked_first {
            Some(first) => first.unlike(&self.question()?)?,
            None => Vec::new(),
        };
        let mut changes: Vec<String> = changed.into_iter().map(|(path, value)| format!("{path} was {value}")).collect();
        if self.is_question_edited() {
            changes.push("experiment.json was edited or lost, and what was asked first is not known".to_owned());
        }
        Ok(changes)
    }

    fn question_digest(&self) -> String {
        let asked = json!([self.configuration.get("compare"), self.asked_first]);
        files::sha256(json::canonical(&json::in_floats(&asked)).as_bytes())
    }

    /// Whether the question is another one than the program wrote.
    pub fn is_question_edited(&self) -> bool {
        self.question_sha256.as_ref().is_some_and(|written| *written != self.question_digest())
    }

    /// Reads the record of an experiment's folder.
    ///
    /// # Errors
    /// If there is none, or one that cannot be read, or one of a later layout.
    pub fn read(folder: &ExperimentFolder) -> anyhow::Result<Self> {
        let path = folder.experiment_json();
        let bytes = files::read_if_there(&path)?;
        let place = folder.path().display();
        let none = || match files::is_folder(folder.path()) {
            Ok(false) if files::is_file(folder.path()).unwrap_or(false) => {
                format!("{place} is a file; name the folder of an experiment, such as results/NAME")
            }
            Ok(false) => format!("there is no folder {place}{}", instead_of(folder.path())),
            _ => format!("{place} is not an experiment: it has no experiment.json{}", instead_of(folder.path())),
        };
        Self::parse(&bytes.ok_or_else(|| NoExperiment(none()))?, &path)
    }

    /// The record that a file holds; `path` is its name for messages.
    ///
    /// # Errors
    /// If it cannot be read or is of a later layout; if a name in it cannot name a folder; if a run does not have one value
    /// for each axis.
    pub fn parse(bytes: &[u8], path: &Path) -> anyhow::Result<Self> {
        let context = || format!("{} is not the record of an experiment", path.display());
        // Some editors put it before a text that they save.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let broken = |error: &serde_json::Error| match error.is_eof() {
            true => "it ends too early".to_owned(),
            false => format!("line {}, column {} is no JSON", error.line(), error.column()),
        };
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| anyhow::anyhow!(broken(&error))).with_context(context)?;
        anyhow::ensure!(value.is_object(), "{}: it holds no object", context());
        // Before anything else is looked at: a later layout may have other fields.
        let version = value["schema_version"].as_u64().unwrap_or_default();
        anyhow::ensure!(
            version <= u64::from(SCHEMA_VERSION),
            "{} has schema version {version}; this program knows up to {SCHEMA_VERSION}",
            path.display()
        );
        let record: Self = serde_json::from_value(value).with_context(context)?;
        record.check_names().with_context(context)?;
        Ok(record)
    }

    /// The numerics version in words.
    pub fn numerics(&self) -> String {
        if self.numerics_version == 0 { "2 or earlier".to_owned() } else { self.numerics_version.to_string() }
    }

    /// The version of the layout that these bytes name; 0 if they name none.
    pub fn version(bytes: &[u8]) -> u64 {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        value["schema_version"].as_u64().unwrap_or_default()
    }

    /// Names become folders: none may lead out of the experiment's folder, and no two runs may share one.
    fn check_names(&self) -> anyhow::Result<()> {
        let mut seen = HashSet::new();
        for name in self.runs.iter().flat_map(|run| [&run.id, &run.variant]).chain([&self.name]) {
            anyhow::ensure!(name.len() <= 128 && files::is_plain_name(name), "{name:?} cannot name a folder");
        }
        let words = self.runs.iter().flat_map(|run| &run.values).filter_map(Value::as_str);
        for text in words.chain(self.axes.iter().map(String::as_str)) {
            anyhow::ensure!(!is_formula(text), "a spreadsheet would take the cell {text:?} for a formula");
            anyhow::ensure!(is_plain(text), "{text:?} has a control character");
        }
        for run in &self.runs {
            anyhow::ensure!(seen.insert(&run.id), "run {} is listed twice", run.id);
            let is_sound = run.values.len() == self.axes.len() && run.classes > 0;
            anyhow::ensure!(is_sound, "run {} does not have one value for each axis, or has no classes", run.id);
        }
        Ok(())
    }

    /// What `compare` looks at.
    ///
    /// # Errors
    /// If the record holds something else than this program knows.
    pub fn compare_options(&self) -> anyhow::Result<CompareOptions> {
        let Some(value) = self.configuration.get("compare") else { return Ok(CompareOptions::default()) };
        let options: CompareOptions = serde_json::from_value(value.clone()).context("configuration.compare")?;
        let is_sound = options.equivalence_margin.is_none_or(|margin| margin >= 0.0);
        anyhow::ensure!(is_sound, "configuration.compare.equivalence_margin is below 0");
        let is_sound = options.target_accuracy.is_none_or(|target| (0.0..=1.0).contains(&target));
        anyhow::ensure!(is_sound, "configuration.compare.target_accuracy is not from 0 to 1");
        Ok(options)
    }

    /// Whether a folder has a record of the same configuration and plan.
    ///
    /// # Errors
    /// If the system cannot read it.
    pub fn is_recorded(&self, folder: &ExperimentFolder) -> anyhow::Result<bool> {
        let same = |other: Self| {
            other.axes == self.axes && other.runs == self.runs && other.configuration == self.configuration
        };
        let path = folder.experiment_json();
        let bytes = files::read_if_there(&path)?;
        Ok(bytes.is_some_and(|bytes| Self::parse(&bytes, &path).is_ok_and(same)))
    }

    /// Writes the record.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, folder: &ExperimentFolder) -> anyhow::Result<()> {
        // A question that was edited stays so.
        let digest = self.question_sha256.clone().filter(|_| self.is_question_edited());
        let digest = digest.unwrap_or_else(|| self.question_digest());
        let text = serde_json::to_string_pretty(&Self { question_sha256: Some(digest), ..self.clone() })? + "\n";
        files::write_atomically(&folder.experiment_json(), text.as_bytes())
    }
}

/// Stands for the digest of a question that nobody knows any more.
const LOST: &str = "lost";

/// What was named is not the folder of an experiment.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoExperiment(String);

/// A configuration that does not contain runs recorded under its name. The command says what can be done about it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WouldDrop(String);

/// Refuses a plan that lacks runs that are finished or were begun.
///
/// # Errors
/// [`WouldDrop`] if there are such runs; if the earlier record cannot be read.
pub fn check_keeps(
    folder: &ExperimentFolder,
    record: &ExperimentRecord,
    [finished, begun]: [&HashSet<String>; 2],
) -> anyhow::Result<()> {
    let planned: HashSet<&str> = record.runs.iter().map(|run| run.id.as_str()).collect();
    let is_dropped = |id: &&String| !planned.contains(id.as_str());
    let dropped = || finished.iter().chain(begun).filter(is_dropped);
    let Some(example) = dropped().min() else { return Ok(()) };
    let others = format!("{} holds runs of another configuration", folder.path().display());
    // What cannot be read may come back; what is lost does not.
    if files::look(&folder.experiment_json())?.is_none() {
        return Err(WouldDrop(format!("{others}, and its experiment.json is lost")).into());
    }
    let earlier = ExperimentRecord::read(folder).context(others)?;
    let refusal = refusal(folder.path(), &earlier, record, dropped().count(), example);
    let are_only_begun = !finished.iter().any(|id| is_dropped(&id));
    let path = folder.run(example);
    let cure = format!("; what is not finished is given up by removing its folder, {}", path.path().display());
    Err(WouldDrop(refusal + if are_only_begun { &cure } else { "" }).into())
}

/// Writes the record of an experiment before anything is trained. Refuses if that would drop from the plan a run that is
/// finished, was begun, or may be in training by another program. The caller holds the folder's lock.
///
/// # Errors
/// If the record cannot be written; [`WouldDrop`] if the folder holds runs that are not in the plan.
pub fn open(
    folder: &ExperimentFolder,
    record: &ExperimentRecord,
    done: [&HashSet<String>; 2],
    is_alone: bool,
) -> anyhow::Result<()> {
    check_keeps(folder, record, done)?;
    if !is_alone && let Ok(earlier) = ExperimentRecord::read(folder) {
        let planned: HashSet<&str> = record.runs.iter().map(|run| run.id.as_str()).collect();
        let dropped: Vec<_> = earlier.runs.iter().filter(|run| !planned.contains(run.id.as_str())).collect();
        if let Some(example) = dropped.first() {
            let refusal = refusal(folder.path(), &earlier, record, dropped.len(), &example.id);
            return Err(WouldDrop(format!("another program is at work: {refusal}")).into());
        }
    }
    let mut record = record.clone();
    let [finished, _] = done;
    if !finished.is_empty() {
        match ExperimentRecord::read(folder) {
            // What was asked is not known. If it is asked again, its digest tells.
            Ok(earlier) if earlier.is_question_edited() => {
                (record.asked_first, record.question_sha256) = (earlier.asked_first, earlier.question_sha256);
            }
            Ok(earlier) => record.mark_if_changed(earlier.first_question()?)?,
            Err(_) => record.question_sha256 = Some(LOST.to_owned()),
        }
    }
    record.write(folder)?;
    // The experiment's own name, too.
    files::sync_folder(folder.path())?;
    let parent = folder.path().parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), files::sync_folder)
}

/// Makes the folder, if it does not exist, and checks that files can be written in it.
///
/// # Errors
/// If they cannot.
pub fn check_writable(folder: &ExperimentFolder) -> anyhow::Result<()> {
    let runs = folder.runs();
    let try_writing = || -> anyhow::Result<()> {
        files::refuse_link(&runs)?;
        fs::create_dir_all(&runs)?;
        tempfile::tempfile_in(&runs)?;
        Ok(())
    };
    try_writing().with_context(|| format!("cannot write to {}", folder.path().display()))
}

fn refusal(path: &Path, old: &ExperimentRecord, new: &ExperimentRecord, dropped: usize, example: &str) -> String {
    let keys = differing(old, new, ["before", "now"]);
    let runs = if dropped == 1 { "a recorded run" } else { &format!("{dropped} recorded runs") };
    format!(
        "{} holds {runs} that this configuration would drop, such as {example}; what differs:{keys}",
        path.display()
    )
}

/// The differences between two records that make their runs different, a line each; `called` names the records.
pub(super) fn differing(old: &ExperimentRecord, new: &ExperimentRecord, called: [&str; 2]) -> String {
    let [before_word, now_word] = called;
    let ignored = ["name", "description", "compare"];
    let of = |record: &ExperimentRecord| -> Vec<(String, String)> {
        let leaves = json::leaves(&record.configuration);
        let counts = |path: &str| !ignored.iter().any(|key| path == *key || path.starts_with(&format!("{key}.")));
        let is_open = |v: &Value| v.is_null() || v.as_object().is_some_and(serde_json::Map::is_empty);
        leaves
            .into_iter()
            .filter(|(path, v)| counts(path) && !is_open(v))
            .map(|(path, v)| (path, v.to_string()))
            .collect()
    };
    let (old_leaves, new_leaves) = (of(old), of(new));
    let value = |leaves: &[(String, String)], path: &str| {
        leaves.iter().find(|(p, _)| p == path).map_or_else(|| "nothing".to_owned(), |(_, v)| v.clone())
    };
    let mut paths: Vec<&String> = old_leaves.iter().chain(&new_leaves).map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    let differing = paths.into_iter().filter_map(|path| {
        let (before, now) = (value(&old_leaves, path), value(&new_leaves, path));
        (before != now).then(|| format!("\n  {path}: {before} {before_word}, {now} {now_word}"))
    });
    let mut keys: String = differing.collect();
    let data = |record: &ExperimentRecord| {
        record.data_sha256.iter().map(|sha| &sha[..sha.len().min(12)]).collect::<Vec<_>>().join(", ")
    };
    if old.data_sha256 != new.data_sha256 && !old.data_sha256.is_empty() {
        let (before, now) = (data(old), data(new));
        let _ = write!(keys, "\n  the content of the data files: SHA-256 {before} {before_word}, {now} {now_word}");
    }
    if old.numerics_version != new.numerics_version {
        let (before, now) = (old.numerics(), new.numerics());
        let _ = write!(keys, "\n  the program's numbers: numerics version {before} {before_word}, {now} {now_word}");
    }
    if keys.is_empty() {
        let (before, now) = (&old.program_version, &new.program_version);
        keys = format!("\n  the program: version {before} {before_word}, {now} {now_word}");
    }
    keys
}

/// Most experiments that are named where another was not found.
const MOST_NAMED: usize = 3;

/// `; did you mean …?`: the experiment that has the most similar name, beside where this one should be or among the results.
/// Where none is similar, what the results hold.
fn instead_of(path: &Path) -> String {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return String::new() };
    let results = Path::new("results");
    for folder in [path.parent().unwrap_or(Path::new("")), results] {
        let names = experiments_in(folder);
        if let Some(meant) = nearest(&name, names.iter().map(String::as_str)) {
            return format!("; did you mean {}?", folder.join(meant).display());
        }
    }
    let names = experiments_in(results);
    let named = names.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => String::new(),
        held if held > MOST_NAMED => format!("; results holds {named} and {} more", held - MOST_NAMED),
        _ => format!("; results holds {named}"),
    }
}

/// The names of the experiments in a folder, in order.
fn experiments_in(folder: &Path) -> Vec<String> {
    let mut names = files::list(&Path::new(".").join(folder)).unwrap_or_default();
    names.retain(|name| files::is_file(&ExperimentFolder::at(folder.join(name)).experiment_json()).unwrap_or(false));
    names.sort_unstable();
    names
}
