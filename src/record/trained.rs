//! A network from the folder of a run: `run.json` says what it is, a file of tensors beside it holds its values.

use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::layout::RunFolder;
use super::run::RunRecord;
use super::tensors::{self, Tensor};
use crate::config::file::DataFile;
use crate::config::settings::Precision;
use crate::config::{Settings, Variant};
use crate::files;
use crate::kernels::Scalar;
use crate::nn::Network;
use crate::plan::NUMERICS_VERSION;

/// A run whose network has been trained.
#[derive(Debug)]
pub struct Trained {
    /// How it was trained.
    pub settings: Settings,
    /// The configuration of its data.
    pub data: DataFile,
    /// Its arm.
    pub variant: Variant,
    /// Its seed.
    pub seed: u64,
    /// Where it diverged, if it did.
    pub diverged_at_step: Option<usize>,
    /// The network.
    pub network: TrainedNetwork,
}

/// A network in the precision that it was trained in.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum TrainedNetwork {
    F32(Network<f32>),
    F64(Network<f64>),
}

impl Trained {
    /// A finished run, with its network after the last update.
    ///
    /// # Errors
    /// If the folder is not that of a finished run, or its checkpoint is missing, damaged, or of another network.
    pub fn load(folder: &RunFolder) -> anyhow::Result<Self> {
        let record = read(folder)?;
        let state = record.status.name();
        ensure!(
            record.numerics_version == NUMERICS_VERSION,
            "{} is of numerics version {}, and this program's is {NUMERICS_VERSION}: it may compute something else; train it \
             again",
            folder.path().display(),
            record.numerics_version
        );
        let reason = record.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let is_finished = record.status.is_finished();
        ensure!(is_finished, "{} holds a run that is {state}, not finished{reason}", folder.path().display());
        let path = folder.checkpoint();
        let bytes = files::read(&path)?;
        // Runs of earlier programs have no digest of it.
        let is_whole = record.checkpoint_sha256.as_ref().is_none_or(|expected| *expected == files::sha256(&bytes));
        ensure!(is_whole, "{} is damaged: its SHA-256 is not the one recorded in run.json", path.display());
        Self::of(record, &bytes, &path)
    }

    /// The network in double precision, its values as they are.
    ///
    /// # Errors
    /// If it cannot be built.
    pub fn in_double(&self) -> anyhow::Result<Network<f64>> {
        let mut double = Network::<f64>::new(&self.settings, &self.variant, self.seed)?;
        let state = match &self.network {
            TrainedNetwork::F32(network) => widened(network),
            TrainedNetwork::F64(network) => widened(network),
        };
        let has_all = double.restore(|name| state.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone()));
        ensure!(has_all, "a tensor is missing");
        Ok(double)
    }

    /// A run, finished or not, with its network as it was saved after `step` updates.
    ///
    /// # Errors
    /// If the folder is not that of a run, or it has no such snapshot, or one that is damaged or of another network.
    pub fn load_snapshot(folder: &RunFolder, step: usize) -> anyhow::Result<Self> {
        let path = folder.snapshot(step);
        Self::of(read(folder)?, &files::read(&path)?, &path)
    }

    /// The run of a record, with the network whose tensors a file holds; `path` is the file's name for messages.
    ///
    /// # Errors
    /// If the record's configuration does not give a network, or the tensors do not belong to it.
    pub fn of(record: RunRecord, bytes: &[u8], path: &Path) -> anyhow::Result<Self> {
        let RunRecord { run_id, configuration, shape, classes, variant, seed, diverged_at_step, .. } = record;
        let settings = Settings::recorded(&configuration, shape, classes)
            .with_context(|| format!("the record of run {run_id} is damaged"))?;
        let data = serde_json::from_value(configuration["data"].clone());
        let data = data.with_context(|| format!("the record of run {run_id} is damaged"))?;
        let mut tensors = tensors::parse(bytes, path)?;
        let layers = settings.model.layers(shape, classes);
        let weights: f64 = layers.iter().map(|layer| layer.fan_in() as f64 * layer.mapped.channels as f64).sum();
        // Before a network is made that fits into no memory.
        ensure!(4.0 * weights <= bytes.len() as f64, "{} is too short for the network of run {run_id}", path.display());
        let network = match settings.model.precision {
            Precision::F32 => network(&settings, &variant, seed, &mut tensors).map(TrainedNetwork::F32),
            Precision::F64 => network(&settings, &variant, seed, &mut tensors).map(TrainedNetwork::F64),
        };
        let network = network.with_context(|| format!("{} does not fit run {run_id}", path.display()))?;
        Ok(Self { settings, data, variant, seed, diverged_at_step, network })
    }
}

/// The record in a run's folder, whatever the folder is called.
fn read(folder: &RunFolder) -> anyhow::Result<RunRecord> {
    let path = folder.run_json();
    let bytes = files::read_if_there(&path)?;
    let bytes = bytes.with_context(|| match folder.path().symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("there is no folder {}; runs are in the folder runs of an experiment", folder.path().display())
        }
        _ => format!("{} is not the folder of a run: it has no run.json", folder.path().display()),
    })?;
    let record = RunRecord::parse(&bytes, &path)?;
    record.with_context(|| format!("{} is damaged", path.display()))
}

/// Every parameter and buffer in double precision, by name.
fn widened<F: Scalar>(network: &Network<F>) -> Vec<(String, Vec<f64>)> {
    let wide = |(name, _, values): (String, Vec<usize>, Vec<F>)| (name, values.into_iter().map(Scalar::f64).collect());
    network.state().into_iter().map(wide).collect()
}

fn network<F: Scalar>(
    settings: &Settings,
    variant: &Variant,
    seed: u64,
    tensors: &mut Vec<Tensor>,
) -> anyhow::Result<Network<F>> {
    let mut network = Network::<F>::new(settings, variant, seed)?;
    for expected in tensors::state(&network, "") {
        let name = expected.name();
        let found = tensors.iter().find(|tensor| tensor.name() == name);
        let found = found.with_context(|| format!("it has no tensor {name}"))?;
        let (here, there) = (expected.shape(), found.shape());
        ensure!(here == there, "its {name} has shape {there:?}, that of the network {here:?}");
        ensure!(found.values::<F>().is_some(), "its {name} is not in the precision of the network");
    }
    let has_all = network.restore(|name| {
        let place = tensors.iter().position(|tensor| tensor.name() == name)?;
        tensors.swap_remove(place).values()
    });
    if let Some(foreign) = tensors.iter().map(Tensor::name).min() {
        bail!("it has a tensor {foreign}, which the network does not have");
    }
    ensure!(has_all, "a tensor is missing");
    Ok(network)
}
