//! `resume.safetensors`: an unfinished run between two updates, everything needed to continue it to the same bytes.
//!
//! It holds parameters and buffers under their public names, the optimiser's moments, the rows of every table so far, and a
//! header with the rest. A damaged file is recognised by the digest that each file of tensors carries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SCHEMA_VERSION;
use super::found;
use super::layout::RunFolder;
use super::tables::Rows;
use super::tensors::{self, Tensor};
use crate::files;
use crate::kernels::{Scalar, simd};
use crate::nn::Network;
use crate::plan::NUMERICS_VERSION;
use crate::table::Table;
use crate::train::{Start, State};

/// What is not a tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    schema_version: u32,
    run_id: String,
    numerics_version: u32,
    simd: String,
    step: usize,
    first_loss: Option<f64>,
    start: Option<Start>,
    train_seconds: f64,
    best_validation: Option<(f64, usize)>,
    evaluate_seconds: f64,
    probe_seconds: f64,
    started_at: String,
    /// The lengths of the snapshots so far. Empty in runs saved by an earlier program.
    #[serde(default)]
    snapshot_bytes: BTreeMap<String, u64>,
}

/// What the observers of a run keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Highest validation accuracy so far, and the first step that had it.
    pub best_validation: Option<(f64, usize)>,
    /// Time in evaluations.
    pub evaluating: Duration,
    /// Time in probes.
    pub probing: Duration,
    /// When the run began, UTC.
    pub started_at: String,
}

/// Saves a run.
///
/// # Errors
/// The system's.
pub fn save<F: Scalar>(
    folder: &RunFolder,
    run_id: &str,
    network: &Network<F>,
    state: &State<F>,
    watched: &Watched,
    rows: &[Rows],
) -> anyhow::Result<()> {
    let header = Header {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.to_owned(),
        numerics_version: NUMERICS_VERSION,
        simd: simd::level().name().to_owned(),
        step: state.step,
        first_loss: state.first_loss,
        start: state.start,
        train_seconds: state.spent.as_secs_f64(),
        best_validation: watched.best_validation,
        evaluate_seconds: watched.evaluating.as_secs_f64(),
        probe_seconds: watched.probing.as_secs_f64(),
        started_at: watched.started_at.clone(),
        snapshot_bytes: found::snapshot_bytes(folder)?,
    };
    let mut tensors = tensors::state(network, "");
    for (name, moment) in state.optimizer.moments() {
        tensors.push(Tensor::floats(format!("optimizer.{name}"), vec![moment.len()], moment));
    }
    let steps = state.optimizer.steps();
    tensors.push(Tensor::integers("optimizer.steps", vec![steps.len()], steps.iter().map(|step| i64::from(*step))));
    for rows in rows {
        tensors.push(Tensor::bytes(format!("rows.{}", rows.table.file), vec![rows.text.len()], &rows.text));
    }
    let header = serde_json::to_vec(&header)?;
    tensors.push(Tensor::bytes("header", vec![header.len()], &header));
    tensors::write(&folder.resume(), &tensors)?;
    files::sync_folder(folder.path())
}

/// A run saved by a later program.
#[derive(Debug, thiserror::Error)]
#[error("{path} has schema version {1}; this program knows up to {SCHEMA_VERSION}", path = .0.display())]
pub struct Later(PathBuf, u32);

/// A saved run that can be continued here.
#[derive(Debug)]
pub struct Saved {
    header: Header,
    tensors: Vec<Tensor>,
}

/// The saved state of a run. `None` if there is none, or if it was saved by kernels that round differently.
///
/// # Errors
/// If the file is damaged, or of another run or version.
pub fn read(folder: &RunFolder, run_id: &str) -> anyhow::Result<Option<Saved>> {
    let path = folder.resume();
    files::read_if_there(&path)?.map(|bytes| parse(&bytes, &path, run_id)).transpose().map(Option::flatten)
}

/// The saved run that a file holds; `path` is its name for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], path: &Path, run_id: &str) -> anyhow::Result<Option<Saved>> {
    let context = || format!("{} is damaged", path.display());
    ensure!(tensors::recorded(bytes).is_some(), "{}, or was saved by an earlier program", context());
    Saved::of(tensors::parse(bytes, path)?, path, run_id)
}

/// The updates that were done when a run was saved, by whatever program and kernels. `None` if it was not.
///
/// # Errors
/// If the file cannot be read, a link stands in its place, or it is damaged or of another run.
pub fn saved_step(folder: &RunFolder, run_id: &str) -> anyhow::Result<Option<usize>> {
    /// What every layout of a header has.
    #[derive(Deserialize)]
    struct Step {
        run_id: String,
        step: usize,
    }
    let path = folder.resume();
    files::refuse_link(&path)?;
    let Some(bytes) = files::read_if_there(&path)? else { return Ok(None) };
    let tensors = tensors::parse(&bytes, &path)?;
    let header = tensors.iter().find(|tensor| tensor.name() == "header");
    let header = header.and_then(|header| serde_json::from_slice::<Step>(header.raw()).ok());
    let header = header.filter(|header| header.run_id == run_id);
    Ok(Some(header.with_context(|| format!("{} is damaged, or of another run", path.display()))?.step))
}

impl Saved {
    /// The saved run that these tensors hold; their digest has been checked.
    ///
    /// # Errors
    /// If they are of another run or version, or have no header.
    pub fn of(tensors: Vec<Tensor>, path: &Path, run_id: &str) -> anyhow::Result<Option<Self>> {
        let context = || format!("{} is damaged", path.display());
        let header = tensors.iter().find(|tensor| tensor.name() == "header").with_context(context)?;
        let value: Value = serde_json::from_slice(header.raw()).with_context(context)?;
        // A later layout may have other fields, and an earlier program had fewer.
        let version = value["schema_version"].as_u64().and_then(|version| u32::try_from(version).ok()).unwrap_or(0);
        if version > SCHEMA_VERSION {
            return Err(Later(path.to_owned(), version).into());
        }
        let header: Header = serde_json::from_value(value)
            .with_context(|| format!("{} was saved by an earlier program", path.display()))?;
        ensure!(header.run_id == run_id, "{} is of run {}", path.display(), header.run_id);
        let is_same = header.numerics_version == NUMERICS_VERSION && header.simd == simd::level().name();
        Ok(is_same.then_some(Self { header, tensors }))
    }

    /// Updates done.
    pub fn step(&self) -> usize {
        self.header.step
    }

    /// The first snapshot that is missing or has another length than when the run was saved, in words.
    ///
    /// # Errors
    /// If the system cannot look at it.
    pub fn lost_snapshot(&self, folder: &RunFolder) -> anyhow::Result<Option<String>> {
        found::lost_snapshot(&self.header.snapshot_bytes, folder)
    }

    fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name() == name)
    }

    /// Restores the network and the state of training; `steps` are those of the whole run.
    ///
    /// # Errors
    /// If something is missing or of the wrong size, or the run would have nothing left to do.
    pub fn restore<F: Scalar>(
        &self,
        network: &mut Network<F>,
        state: &mut State<F>,
        steps: usize,
    ) -> anyhow::Result<()> {
        let Header { step, first_loss, start, train_seconds, .. } = self.header;
        ensure!(step < steps, "the run was saved after {step} updates, and has {steps} in all");
        let has_all = network.restore(|name| self.tensor(name)?.values());
        ensure!(has_all, "the saved run lacks parameters or buffers");
        let [first, second] = state.optimizer.moments().map(|(name, _)| self.tensor(&format!("optimizer.{name}")));
        let moments = first.and_then(Tensor::values).zip(second.and_then(Tensor::values));
        let (first, second) = moments.context("the saved run lacks the optimiser's moments")?;
        // In runs saved before each tensor had its own count, every tensor had as many updates.
        let steps = match self.tensor("optimizer.steps") {
            Some(steps) => steps.counts().context("the saved counts of updates are damaged")?,
            None => vec![u32::try_from(step)?; network.index.len()],
        };
        ensure!(state.optimizer.restore(steps, first, second), "the saved moments are of another size");
        (state.step, state.first_loss, state.start) = (step, first_loss, start);
        state.spent = seconds(train_seconds);
        Ok(())
    }

    /// What the observers keep.
    pub fn watched(&self) -> Watched {
        Watched {
            best_validation: self.header.best_validation,
            evaluating: seconds(self.header.evaluate_seconds),
            probing: seconds(self.header.probe_seconds),
            started_at: self.header.started_at.clone(),
        }
    }

    /// The rows of a table so far.
    ///
    /// # Errors
    /// If there are none.
    pub fn rows(&self, table: Table) -> anyhow::Result<Rows> {
        let tensor = self.tensor(&format!("rows.{}", table.file));
        let text = tensor.with_context(|| format!("the saved run lacks rows of {}", table.file))?.raw().to_vec();
        Ok(Rows { table, text })
    }
}

fn seconds(x: f64) -> Duration {
    Duration::try_from_secs_f64(x).unwrap_or_default()
}

/// Removes what is saved of a run.
///
/// # Errors
/// The system's.
pub fn remove(folder: &RunFolder) -> anyhow::Result<()> {
    files::remove(&folder.resume())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_header_that_lacks_a_field_is_one_of_an_earlier_program() {
        let mut header = json!({ "schema_version": SCHEMA_VERSION, "run_id": "a" });
        let of = |header: &Value| {
            let bytes = header.to_string().into_bytes();
            let tensor = Tensor::bytes("header", vec![bytes.len()], &bytes);
            Saved::of(vec![tensor], Path::new("resume.safetensors"), "a").map(drop)
        };
        let said = |header: &Value| format!("{:#}", of(header).unwrap_err());
        assert!(said(&header).starts_with("resume.safetensors was saved by an earlier program"), "{}", said(&header));
        // One of a later program may lack fields, too.
        header["schema_version"] = json!(SCHEMA_VERSION + 1);
        assert!(said(&header).contains("this program knows up to"), "{}", said(&header));
    }
}
