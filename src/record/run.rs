//! The record of one run, `run.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SCHEMA_VERSION;
use super::layout::RunFolder;
use super::metrics::Metrics;
use crate::config::{Shape, Variant};
use crate::files;
use crate::printable::escaped;
use crate::train::Start;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All steps done.
    Completed,
    /// Its loss or a parameter became too large or not finite; a result like any other.
    Diverged,
    /// Something went wrong; will be tried again.
    Failed,
    /// Stopped before its end.
    Interrupted,
    /// Not begun.
    Missing,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Completed, Self::Diverged, Self::Failed, Self::Interrupted, Self::Missing];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Missing => "missing",
        }
    }

    /// Whether the run is a result, never to be trained again.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Diverged)
    }
}

/// Everything about a run that is one number or one word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this layout.
    pub schema_version: u32,
    /// Names the run.
    pub run_id: String,
    /// How far it has come.
    pub status: Status,
    /// Why it diverged or failed.
    pub reason: Option<String>,
    /// The minibatch at which it diverged.
    pub diverged_at_step: Option<usize>,
    /// Updates done.
    pub steps: usize,
    /// The same in epochs.
    pub epochs: f64,
    /// Number of parameters.
    pub parameters: usize,
    /// Scores at the end, under running statistics.
    pub metrics: Metrics,
    /// The first minibatch, before any update; none if it was not finite.
    pub start: Option<Start>,
    /// The arm.
    pub variant: Variant,
    /// The seed.
    pub seed: u64,
    /// Shape of a sample.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// The resolved configuration of this run, swept values put in.
    pub configuration: Value,
    /// Version of the arithmetic and the defaults.
    pub numerics_version: u32,
    /// Version of the program.
    pub program_version: String,
    /// Instruction level of the kernels.
    pub simd: String,
    /// Clock and machine.
    pub timing: Timing,
    /// Bytes of each table beside this record, so that a damaged one is noticed.
    pub table_bytes: BTreeMap<String, u64>,
    /// SHA-256 of each table.
    #[serde(default)]
    pub table_sha256: BTreeMap<String, String>,
    /// SHA-256 of the checkpoint; `None` before there is one, and in records of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_sha256: Option<String>,
    /// Bytes of the checkpoint; `None` in the same cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_bytes: Option<u64>,
    /// Bytes of each snapshot. Empty in records of earlier programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snapshot_bytes: BTreeMap<String, u64>,
    /// SHA-256 of this record's file with zeros for these digits; `None` in records of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_sha256: Option<String>,
}

/// What stands before the record's own digest in its file.
const OWN_DIGEST: &str = "\"record_sha256\": \"";
/// Stands for the digest while it is computed.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The digest that the record in these bytes should have; `digest` is the one that it has.
fn own_digest(bytes: &[u8], digest: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    let named = |digest: &str| format!("{OWN_DIGEST}{digest}\"");
    files::sha256(text.replacen(&named(digest), &named(NO_DIGEST), 1).as_bytes())
}

/// What every layout of a record has.
#[derive(Deserialize)]
struct Version {
    schema_version: u64,
}

/// What depends on clock and machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds in training steps alone.
    pub train_seconds: f64,
    /// Seconds in evaluations.
    pub evaluate_seconds: f64,
    /// Seconds in probes.
    pub probe_seconds: f64,
    /// Most memory the process had held by the end of the run.
    pub peak_rss_bytes: Option<u64>,
    /// When the run began, UTC.
    pub started_at: String,
    /// Name of the machine.
    pub host: String,
    /// Threads of this run.
    pub threads: usize,
}

impl Timing {
    /// Microseconds a training step; none without steps, and where the clock stood still.
    pub fn us_per_step(&self, steps: usize) -> Option<f64> {
        (steps > 0 && self.train_seconds > 0.0).then(|| self.train_seconds * 1e6 / steps as f64)
    }
}

impl RunRecord {
    /// Whether the program that trained the run gave each file of tensors its digest.
    pub const fn has_digests(&self) -> bool {
        self.record_sha256.is_some()
    }

    /// The same run, failed for this reason.
    pub fn failed(self, reason: String) -> Self {
        Self { status: Status::Failed, reason: Some(reason), metrics: Metrics::default(), ..self }
    }

    /// `run.log`: what happened, in words and without clock.
    pub fn log_text(&self) -> String {
        let mut text = format!(
            "run {}\nbn-exp {}, numerics version {}, instruction level {}\n{} parameters\n",
            self.run_id, self.program_version, self.numerics_version, self.simd, self.parameters
        );
        text += &format!("{} after {} steps ({:.2} epochs)\n", self.status.name(), self.steps, self.epochs);
        if let Some(reason) = &self.reason {
            text += &format!("{}\n", escaped(reason));
        }
        text
    }

    /// The record that a file holds; `path` is its name for messages. `None` if it is so damaged that the run has to be
    /// trained again. A record that was changed since it was written counts as failed.
    ///
    /// # Errors
    /// If it is of a later layout.
    pub fn parse(bytes: &[u8], path: &Path) -> anyhow::Result<Option<Self>> {
        // A later layout may have other fields: a record that does not fit is damaged only if it says that it is of this
        // layout.
        let record = serde_json::from_slice::<Self>(bytes);
        let version = match &record {
            Ok(record) => u64::from(record.schema_version),
            Err(_) => serde_json::from_slice::<Version>(bytes).map_or(0, |version| version.schema_version),
        };
        anyhow::ensure!(
            version <= u64::from(SCHEMA_VERSION),
            "{} has schema version {version}; this program knows up to {SCHEMA_VERSION}",
            path.display()
        );
        Ok(record.ok().map(|record| match &record.record_sha256 {
            Some(digest) if *digest != own_digest(bytes, digest) => {
                let reason = format!("{} is damaged: its SHA-256 is not the one in it", path.display());
                record.failed(reason)
            }
            _ => record,
        }))
    }

    /// The text of the record, with its own digest.
    fn text(&self) -> anyhow::Result<String> {
        let blank = Self { record_sha256: Some(NO_DIGEST.to_owned()), ..self.clone() };
        let text = serde_json::to_string_pretty(&blank)? + "\n";
        let named = |digest: &str| format!("{OWN_DIGEST}{digest}\"");
        Ok(text.replacen(&named(NO_DIGEST), &named(&files::sha256(text.as_bytes())), 1))
    }

    /// Writes the record beside the run's folder, which cannot be written.
    ///
    /// # Errors
    /// The system's.
    pub fn write_beside(&self, folder: &RunFolder) -> anyhow::Result<()> {
        files::write_atomically(&folder.failure(), self.text()?.as_bytes())
    }

    /// Writes the record.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, folder: &RunFolder) -> anyhow::Result<()> {
        files::write_atomically(&folder.run_json(), self.text()?.as_bytes())?;
        // An earlier failure no longer counts, whether or not its record can be removed.
        drop(files::remove(&folder.failure()));
        // A finished run is never lost.
        files::sync_folder(folder.path())
    }
}
