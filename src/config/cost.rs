//! What a run costs, before it starts: multiply-adds, memory, rows and disk.
//!
//! One model for all who ask: the defaults of `log`, the refusal of networks larger than the machine's memory, and
//! `bn-exp plan`. Costs are in f64, because the product of a hostile configuration's sizes may exceed any integer.

use crate::sources::Kind;
use crate::sources::error::DataError;
use crate::sources::traits::FromFiles;

use super::file::POPULATION;
use super::settings::{
    Arm, Data, Every, Layer, Log, Model, OptimizerKind, PoolKind, Precision, Settings, Shape, Train,
};

/// Cost of a value that a hidden layer computes in a training step, besides its multiply-adds; in multiply-adds, as
/// measured.
const TRAINED_VALUE: f64 = 80.0;
/// Cost of a look at one activation, in multiply-adds: percentiles, moments and its share of the effective rank, as
/// measured.
const PROBED_VALUE: f64 = 3300.0;
/// Cost of a look at the gradients, in training steps, as measured.
const PROBED_GRADIENT: f64 = 5.0;
/// Cost of a look at the loss along the gradient, in training steps, as measured.
const PROBED_LANDSCAPE: f64 = 19.0;

/// Cost of a parameter in each training step that a look is counted as, besides its multiply-adds; in multiply-adds, as
/// measured: of a minibatch of few samples it is most of the look. The defaults of `log` leave it out: they would change,
/// and with them every run's id.
const PROBED_PARAMETER: f64 = 56.0;
/// Cost of a row of a table, in multiply-adds, as measured.
const WRITTEN_ROW: f64 = 260_000.0;

/// Bytes of a row of each table, typically.
const CURVES_ROW: f64 = 102.0;
const ACTIVATIONS_ROW: f64 = 190.0;
const GRADIENTS_ROW: f64 = 135.0;
const LANDSCAPE_ROW: f64 = 70.0;
/// Rows of a look at the loss along the gradient: six figures at five distances, and one.
const LANDSCAPE_ROWS: f64 = 31.0;
/// Rows of an evaluation: two splits, in half of the arms one of them twice.
const EVALUATED_SPLITS: f64 = 2.5;
/// Tensors of a block with rows in gradients.csv, typically, and of the output layer.
const TENSORS_OF_A_BLOCK: f64 = 4.7;
const TENSORS_OF_THE_LAST: f64 = 3.0;
/// Bytes by which files grow on disk, mostly.
const BLOCK: f64 = 4096.0;

/// Bytes of the program without data and runs, as measured.
const PROGRAM: f64 = 11e6;
/// Bytes of memory that a run holds for each byte of its tables, which are written at its end; as measured.
const HELD_ROW: f64 = 1.7;
/// Most bytes of data sets that are kept for the next runs, besides the one asked for last.
pub const KEPT_DATA: usize = 64 << 20;

/// Multiply-adds of the parts of a run.
#[derive(Debug, Clone, Copy)]
pub struct Operations {
    /// All training steps.
    pub training: f64,
    /// One evaluation during training.
    pub evaluation: f64,
    /// The evaluation of all splits at the end.
    pub last_evaluation: f64,
    /// One look at the activations.
    pub activations: f64,
    /// One look at the gradients.
    pub gradients: f64,
    /// One look at the loss along the gradient.
    pub landscape: f64,
}

impl Operations {
    /// For a run that looks at the activations of `probe_size` samples, and evaluates so many training samples on the way
    /// and at the end.
    pub fn new(
        data: &Data,
        model: &Model,
        train: Train,
        probe_size: usize,
        [train_eval, train_final]: [usize; 2],
    ) -> Self {
        let layers = model.layers(data.shape, data.classes);
        let forward = layers.iter().map(|l| l.multiply_adds() as f64).sum::<f64>();
        let hidden = || layers.iter().filter(|l| l.hidden);
        let computed = hidden().map(|l| l.mapped.len() as f64).sum::<f64>();
        let step = (3.0 * forward + TRAINED_VALUE * computed) * train.batch_size as f64;
        // A forward pass is a third of a training step; validation is read under running and under batch statistics,
        // every split at the end under those of the population as well.
        let read = |samples: usize| step / 3.0 * samples as f64 / train.batch_size as f64;
        let values: f64 = hidden().map(|l| (3 * l.mapped.len() + pooled(l)) as f64).sum();
        Self {
            training: step * train.steps as f64,
            evaluation: read(2 * data.validation + train_eval),
            last_evaluation: read(3 * (train_final + data.validation + data.test)),
            activations: probe_size as f64 * (forward + PROBED_VALUE * values),
            gradients: PROBED_GRADIENT * step,
            landscape: PROBED_LANDSCAPE * step,
        }
    }

    /// All multiply-adds of a run.
    pub fn total(settings: &Settings) -> f64 {
        let Settings { data, model, train, log, .. } = settings;
        let parts = Self::new(data, model, *train, log.probe_size, [log.train_eval, log.train_final]);
        let (gradients, landscape) =
            (observations(&log.gradients_every, *train), observations(&log.landscape_every, *train));
        let steps = PROBED_GRADIENT * gradients + PROBED_LANDSCAPE * landscape;
        parts.training
            + PROBED_PARAMETER * parameters(settings) * steps
            + WRITTEN_ROW * tables(settings).iter().map(|table| table.rows).sum::<f64>()
            + observations(&log.evaluate_every, *train) * parts.evaluation
            + parts.last_evaluation
            + observations(&log.activations_every, *train) * parts.activations
            + gradients * parts.gradients
            + landscape * parts.landscape
    }
}

/// Values of a layer's pool site.
fn pooled(layer: &Layer) -> usize {
    if layer.pool == PoolKind::None { 0 } else { layer.output().len() }
}

/// Observations, that at the end included.
fn observations(every: &Every, train: Train) -> f64 {
    if every.is_never() { 0.0 } else { (every.count(train.steps) + 1) as f64 }
}

/// Parameters of a network, with γ and β, at most.
pub fn parameters(settings: &Settings) -> f64 {
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    layers.iter().map(|l| (l.fan_in() as f64 + 3.0) * l.mapped.channels as f64).sum()
}

/// Bytes of memory of one run of this arm and of its data.
pub fn memory(settings: &Settings, arm: Arm) -> f64 {
    data_memory(&settings.data) + run_memory(settings, arm)
}

/// Bytes of memory of the whole program, at its peak, with so many seeds, and so many runs at once: the largest.
pub fn program_memory(points: &[&Settings], arms: &[Arm], seeds: usize, at_once: usize) -> f64 {
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let mut of_one: Vec<f64> =
        points.iter().flat_map(|settings| arms.iter().map(|arm| run_memory(settings, *arm))).collect();
    of_one.sort_by(|a, b| b.total_cmp(a));
    let runs = of_one.iter().flat_map(|bytes| std::iter::repeat_n(*bytes, seeds)).take(at_once).sum::<f64>();
    let mut different: Vec<&Data> = Vec::new();
    for settings in points {
        if !different.contains(&&settings.data) {
            different.push(&settings.data);
        }
    }
    // Data from files is shared. Generated data belongs to each seed, and is kept for the next runs while there is room.
    let copies = at_once.min(points.len().saturating_mul(seeds)) as f64;
    let in_use = |data: &Data| data_memory(data) * if data.source.is_file() { 1.0 } else { copies };
    let largest = most(&mut different.iter().map(|data| in_use(data)));
    let generated = different.iter().filter(|data| !data.source.is_file()).map(|data| data_memory(data));
    let kept = (generated.sum::<f64>() * seeds as f64).min(KEPT_DATA as f64);
    PROGRAM + runs + kept.max(largest)
}

/// Bytes of memory of a data set: one a feature of an image, four a feature of a vector; of the user's own files, as they are
/// read.
fn data_memory(data: &Data) -> f64 {
    if let Some(memory) = data.memory {
        return memory as f64;
    }
    let nothing = || Err(DataError::Io(anyhow::anyhow!("not read")));
    // A published set is in memory as whole files, however few samples are used.
    let (facts, bytes) = match data.source.kind() {
        Kind::Generated(source) => {
            let facts = source.facts();
            let bytes = if facts.images { 1 } else { size_of::<f32>() };
            (Some(facts), bytes)
        }
        Kind::Published(set) => (set.facts(&nothing).ok(), set.value_bytes()),
        Kind::Own(source) => (None, source.value_bytes()),
    };
    let in_files = facts.and_then(|facts| Some(facts.training_file? + facts.test_file?)).unwrap_or(0);
    let samples = in_files.max(data.train + data.validation + data.test);
    samples as f64 * (1.0 + bytes as f64 * values(data.shape))
}

/// Bytes of memory of one run, data aside.
fn run_memory(settings: &Settings, arm: Arm) -> f64 {
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    let float = if settings.model.precision == Precision::F32 { 4.0 } else { 8.0 };
    let input = values(settings.data.shape);
    let mapped = layers.iter().map(|l| values(l.mapped)).sum::<f64>();
    let pooled = layers.iter().filter(|l| l.pool != PoolKind::None).map(|l| values(l.output())).sum::<f64>();
    let largest = layers.iter().map(|l| values(l.mapped)).fold(0.0, f64::max);
    let (batch, probe) = (settings.train.batch_size as f64, settings.log.probe_size as f64);
    // For each block, training keeps what its map writes, its output, and the gradients of both.
    let training = 2.0 * batch * (input + mapped + layers.iter().map(|l| values(l.output())).sum::<f64>());
    // Beside it there is one workspace with every stage of a block: for the gradient probe, which also keeps gradients; for
    // an evaluation; or for the activation probe, which keeps two stages and a block's input. The last evaluation also
    // finds population statistics, with what enters and leaves a block for all samples; what leaves the last norm's block is
    // not asked for.
    let every_stage = input + 3.0 * mapped + pooled;
    let probing = 3.0 * probe * largest + 8.0 / float * (256.0 * probe.max(largest) + 3.0 * probe.min(largest).powi(2));
    let last = layers.iter().rposition(|l| l.hidden);
    let leaving = |i: usize, l: &Layer| if Some(i) == last { 0.0 } else { values(l.output()) };
    let hidden = layers.iter().enumerate().filter(|(_, l)| l.hidden);
    let through = hidden.map(|(i, l)| values(l.input) + leaving(i, l)).fold(0.0, f64::max);
    let looking = if arm.has_population() { settings.data.train.min(POPULATION) as f64 * through } else { 0.0 };
    let evaluating = (2.0 * batch).max(128.0) * every_stage + looking;
    let beside = evaluating.max(probing);
    let states = if settings.optimizer.kind == OptimizerKind::Sgd { 1.0 } else { 2.0 };
    // A look at the loss along the gradient keeps the gradient, another one, and the point where that is taken.
    let along = if settings.log.landscape_every.is_never() { 0.0 } else { 3.0 };
    let rows: f64 = tables(settings).iter().map(Filled::size).sum();
    float * (training + beside + parameters(settings) * (4.0 + states + along)) + HELD_ROW * rows
}

fn values(shape: Shape) -> f64 {
    shape.channels as f64 * shape.height as f64 * shape.width as f64
}

/// Bytes on disk of a run's folder and of its share of the root tables, if it is trained to its end.
pub fn disk(settings: &Settings) -> f64 {
    let Settings { log, train, .. } = settings;
    let float = if settings.model.precision == Precision::F32 { 4.0 } else { 8.0 };
    let copies = 1.0 + observations(&log.snapshot_every, *train);
    let on_disk = |bytes: f64| (bytes / BLOCK).ceil() * BLOCK;
    let sizes = tables(settings).into_iter().map(|table| table.size());
    let saved = copies * on_disk(float * parameters(settings));
    // The folder itself, and four small files.
    // A table without rows has a header.
    sizes.map(|size| size + on_disk(size.max(1.0))).sum::<f64>() + saved + 5.0 * BLOCK
}

/// What a run writes into a table while it trains.
struct Filled {
    rows: f64,
    /// Of a row, typically.
    bytes: f64,
}

impl Filled {
    fn size(&self) -> f64 {
        self.rows * self.bytes
    }
}

/// The tables that a run fills while it trains.
fn tables(settings: &Settings) -> Vec<Filled> {
    let Settings { log, train, .. } = settings;
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    let batches = log.batch_every.count(train.steps) as f64;
    let curves = batches + EVALUATED_SPLITS * observations(&log.evaluate_every, *train);
    let activations = observations(&log.activations_every, *train) * activation_rows(&layers, log);
    let tensors = TENSORS_OF_A_BLOCK * (layers.len() as f64 - 1.0) + TENSORS_OF_THE_LAST;
    let gradients = observations(&log.gradients_every, *train) * tensors;
    let landscape = observations(&log.landscape_every, *train) * LANDSCAPE_ROWS;
    vec![
        Filled { rows: curves, bytes: CURVES_ROW },
        Filled { rows: activations, bytes: ACTIVATIONS_ROW },
        Filled { rows: gradients, bytes: GRADIENTS_ROW },
        Filled { rows: landscape, bytes: LANDSCAPE_ROW },
    ]
}

/// Rows of one look at the activations: three sites a block and its pool, one row for all channels and one for each.
fn activation_rows(layers: &[Layer], log: &Log) -> f64 {
    let sites = |layer: &Layer| if layer.pool == PoolKind::None { 3 } else { 4 };
    let rows = |layer: &Layer| sites(layer) * (1 + layer.mapped.channels.min(log.channels));
    layers.iter().filter(|layer| layer.hidden).map(rows).sum::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Experiment;
    use crate::config::resolve::synthetic_facts;

    /// Operations of a run on drawn digits in minibatches of ten, with this `log`.
    fn operations(log: Value) -> f64 {
        let config = json!({
            "name": "t", "data": { "source": "glyphs", "train": 2000, "validation": 30, "test": 30 },
            "model": { "kind": "mlp", "hidden": [100, 100] }, "variants": ["bn"],
            "optimizer": { "kind": "sgd", "lr": 0.1 }, "train": { "batch_size": 10, "steps": 300 }, "log": log
        });
        let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files"));
        let experiment = Experiment::parse(&config.to_string(), &[], &facts).unwrap();
        Operations::total(&experiment.points[0].settings)
    }

    /// Against what such runs took: 0.7 s, with a row for each channel 2.9 s, and with the landscape 2.7 s.
    #[test]
    fn looks_at_every_step_take_about_as_long_as_was_measured() {
        let looks = operations(json!({ "activations_every": 1, "channels": 0 }));
        let rows = operations(json!({ "activations_every": 1 }));
        let landscape = operations(json!({ "landscape_every": 1, "channels": 0 }));
        for (found, measured) in [(rows / looks, 2.9 / 0.7), (landscape / looks, 2.7 / 0.7)] {
            assert!(found > measured / 2.0 && found < measured * 2.0, "{found} {measured}");
        }
    }
}
