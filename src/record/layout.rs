//! Every path of an experiment's folder.

use std::path::{Path, PathBuf};

/// `results/<name>/`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentFolder(PathBuf);

impl ExperimentFolder {
    /// The folder at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The resolved configuration and the plan.
    pub fn experiment_json(&self) -> PathBuf {
        self.0.join("experiment.json")
    }

    /// A root table.
    pub fn table(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Lock shared by all programs that train runs; a program that discards them holds it alone.
    pub fn training_lock(&self) -> PathBuf {
        self.0.join(".training.lock")
    }

    /// Lock of the root: held while the folder is opened or its tables are made.
    pub fn lock(&self) -> PathBuf {
        self.0.join(".lock")
    }

    /// What the root tables were made from.
    pub fn stamp(&self) -> PathBuf {
        self.0.join(".tables.json")
    }

    /// The folder of all runs.
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// Where the folder of all runs is put while they are discarded.
    pub fn discarded(&self) -> PathBuf {
        self.0.join(".writing-removed")
    }

    /// The folder of one run.
    pub fn run(&self, id: &str) -> RunFolder {
        RunFolder(self.runs().join(id))
    }
}

/// The file of a run's final parameters.
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";

/// `results/<name>/runs/<run-id>/`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The folder at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A table of this run.
    pub fn table(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// The run's record. It is written last: where it says `completed` or `diverged`, everything else is there.
    pub fn run_json(&self) -> PathBuf {
        self.0.join("run.json")
    }

    /// Why a run failed, if its folder cannot be written: a file beside the folder, in place of `run.json`.
    pub fn failure(&self) -> PathBuf {
        self.0.with_added_extension("failed.json")
    }

    /// What happened, in words.
    pub fn log(&self) -> PathBuf {
        self.0.join("run.log")
    }

    /// Final parameters and buffers.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join(CHECKPOINT)
    }

    /// The network with its normalisation folded away.
    pub fn folded(&self) -> PathBuf {
        self.0.join("folded.safetensors")
    }

    /// Everything needed to continue an unfinished run.
    pub fn resume(&self) -> PathBuf {
        self.0.join("resume.safetensors")
    }

    /// Lock of the run: held while it is trained or copied.
    pub fn lock(&self) -> PathBuf {
        self.0.join(".lock")
    }

    /// Initial parameters and batches, enough to replay the run elsewhere.
    pub fn trace(&self) -> PathBuf {
        self.0.join("trace.safetensors")
    }

    /// The folder of copies saved along the way.
    pub fn snapshots(&self) -> PathBuf {
        self.0.join("snapshots")
    }

    /// Parameters and buffers after `step` updates.
    pub fn snapshot(&self, step: usize) -> PathBuf {
        self.snapshots().join(format!("step-{step:09}.safetensors"))
    }

    /// Whether a file of this name in the folder of snapshots is a snapshot.
    pub fn is_snapshot(name: &str) -> bool {
        let step = name.strip_prefix("step-").and_then(|rest| rest.strip_suffix(".safetensors"));
        step.is_some_and(|step| step.len() >= 9 && step.bytes().all(|c| c.is_ascii_digit()))
    }
}
