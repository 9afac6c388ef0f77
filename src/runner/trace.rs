//! `trace.safetensors`: what anyone needs to replay a run in another framework.
//!
//! `init/<parameter>` for every parameter and buffer before step 0, after an arm's data-dependent start; `batches`, int64
//! [steps, batch], indices into the training split; `noise/blocks.<i>.shift` and `.factor` [steps, batch, channels], if the
//! arm draws them; `split/train`, int64 \[samples\], the file row of each training sample, from 0, if a file's rows were
//! permuted; and if samples or labels are made up rather than read from files, `data/features` (bytes or floats, unscaled)
//! and `data/labels` of the training split. A pure function of the configuration: a finished run's trace is written without
//! training.

use std::sync::atomic::Ordering;

use super::job::Job;
use crate::config::settings::{Precision, Settings};
use crate::data::batches::Batches;
use crate::data::{Dataset, RawFeatures};
use crate::files::{self, Lock};
use crate::kernels::Scalar;
use crate::nn::Network;
use crate::nn::norm::elementwise::Draws;
use crate::plan::PlannedRun;
use crate::record::layout::RunFolder;
use crate::record::machine;
use crate::record::run::RunRecord;
use crate::record::tensors::{self, Tensor};
use crate::train;

/// Writes the trace of a run whose network has not been trained yet.
///
/// # Errors
/// The system's.
pub fn write<F: Scalar>(
    folder: &RunFolder,
    settings: &Settings,
    data: &Dataset,
    network: &Network<F>,
    seed: u64,
) -> anyhow::Result<()> {
    let mut out = tensors::state(network, "init/");
    let (steps, size) = (settings.train.steps, settings.train.batch_size);
    let noise = network.blocks.iter().filter(|block| block.after.is_some()).map(|block| block.layer.mapped.channels);
    let bytes = steps as f64 * size as f64 * (8.0 + 2.0 * noise.sum::<usize>() as f64 * size_of::<F>() as f64);
    let gib = bytes / f64::from(1 << 30);
    anyhow::ensure!(2.0 * bytes < machine::memory_bytes() as f64, "a trace of {steps} steps would take {gib:.0} GiB");
    let mut batches = Batches::new(data.train.len(), size, seed);
    let order: Vec<i64> = (0..steps).flat_map(|step| batches.at(step).to_vec()).map(i64::from).collect();
    out.push(Tensor::integers("batches", vec![steps, size], order.into_iter()));

    for (i, block) in network.blocks.iter().enumerate() {
        let Some(after) = &block.after else { continue };
        let mut all: Draws<F> = Vec::new();
        for (k, (name, values)) in (0..steps).flat_map(|step| after.draws(seed, step, size).into_iter().enumerate()) {
            match all.get_mut(k) {
                Some((_, so_far)) => so_far.extend(values),
                None => all.push((name, values)),
            }
        }
        let shape = |values: &[F]| vec![steps, size, values.len() / (steps * size)];
        out.extend(all.iter().map(|(name, v)| Tensor::floats(format!("noise/blocks.{i}.{name}"), shape(v), v)));
    }

    let n = data.train.len();
    let is_file = settings.data.source.is_file();
    if !is_file {
        let shape = vec![n, settings.data.shape.len()];
        out.push(match data.raw_training_features() {
            RawFeatures::Bytes(bytes) => Tensor::bytes("data/features", shape, bytes),
            RawFeatures::Floats(floats) => Tensor::floats("data/features", shape, floats),
            RawFeatures::Doubles(doubles) => Tensor::floats("data/features", shape, doubles),
        });
    }
    if !data.train.rows.is_empty() {
        out.push(Tensor::integers("split/train", vec![n], data.train.rows.iter().map(|row| i64::from(*row))));
    }
    if !is_file || settings.data.random_labels {
        let labels = data.train.labels.iter().map(|label| i64::from(*label));
        out.push(Tensor::integers("data/labels", vec![n], labels));
    }
    tensors::write(&folder.trace(), &out)
}

/// Writes the traces that finished runs do not have yet.
///
/// # Errors
/// If a record cannot be read or a trace not be written.
pub fn write_missing(job: &Job) -> anyhow::Result<()> {
    for run in job.plan.iter().take_while(|_| !job.stop.load(Ordering::Relaxed)) {
        let folder = job.folder.run(&run.id);
        let is_finished = RunRecord::read(&folder)?.is_some_and(|record| record.status.is_finished());
        if is_finished && !is_whole(&folder)? {
            files::refuse_link(folder.path())?;
            // With the lock, nobody else writes the trace or tidies up. Without locks, another program writes the same.
            let lock = files::try_lock(&folder.lock())?;
            if let Lock::Elsewhere = lock {
                continue;
            }
            match job.experiment.points[run.point].settings.model.precision {
                Precision::F32 => write_again::<f32>(job, run, &folder)?,
                Precision::F64 => write_again::<f64>(job, run, &folder)?,
            }
        }
    }
    Ok(())
}

/// Whether a run has a trace, as it was written. One that is damaged is written again.
fn is_whole(folder: &RunFolder) -> anyhow::Result<bool> {
    let trace = files::read_if_there(&folder.trace())?;
    Ok(trace.is_some_and(|bytes| tensors::parse(&bytes, &folder.trace()).is_ok()))
}

fn write_again<F: Scalar>(job: &Job, run: &PlannedRun, folder: &RunFolder) -> anyhow::Result<()> {
    let settings = &job.experiment.points[run.point].settings;
    let data = job.store.load(&settings.data, run.seed)?;
    let variant = &job.experiment.variants[run.variant];
    let network = train::initial::<F>(settings, variant, &data, run.seed)?;
    write(folder, settings, &data, &network, run.seed)
}
