//! Fills in the defaults that depend on other keys, and checks what one key's schema cannot.
//!
//! Afterwards the configuration file has no open option, so it is at once the record of what was
//! run (`experiment.json`), the basis of run identity, and the source of [`Settings`].

use super::file::{
    ConfigFile, DataFile, InitScheme, LogFile, ModelFile, ModelKind, NormPosition, OptimizerKind, PoolKind, Scaling,
    Schedule, SourceName,
};
use super::problem::Problems;
use super::settings::{Architecture, Data, DataFacts, Init, Layer, Log, Model, Settings, Source, Train};

/// Fills every open option of `file` in place and returns it as [`Settings`].
///
/// `None` if anything was added to `problems`.
pub fn resolve(file: &mut ConfigFile, facts: DataFacts, problems: &mut Problems) -> Option<Settings> {
    let data = data(&mut file.data, &facts, problems);
    let model = model(&mut file.model, &facts, problems);
    let train = train(file, &data, problems);
    optimizer(file, problems);
    if !problems.is_empty() {
        return None;
    }
    let model = model?;
    let log = log(&mut file.log, &data, &model, train);
    check_shapes(&data, &model, problems);
    let settings = Settings { data, model, norm: file.norm, optimizer: file.optimizer.clone(), train, log };
    problems.is_empty().then_some(settings)
}

/// What of a synthetic data set its configuration says; `None` for sources that are files.
pub fn synthetic_facts(data: &DataFile) -> Option<DataFacts> {
    use super::settings::Shape;
    let (shape, classes) = match data.source {
        SourceName::Mnist | SourceName::FashionMnist | SourceName::Idx => return None,
        SourceName::Gaussians | SourceName::Teacher => {
            (Shape::vector(data.dimension.unwrap_or(20)), data.classes.unwrap_or(10))
        }
        SourceName::Spirals => (Shape::vector(2), data.classes.unwrap_or(3)),
        SourceName::Glyphs => (Shape { channels: 1, height: 28, width: 28 }, 10),
    };
    let images = data.source == SourceName::Glyphs;
    Some(DataFacts { shape, images, classes, training_file: None, test_file: None, fingerprint: None })
}

/// Fills `option` with `default` where the key belongs to the chosen kind; refuses it elsewhere.
fn belongs<T: Copy>(
    option: &mut Option<T>,
    default: Option<T>,
    path: &str,
    chosen: &str,
    problems: &mut Problems,
) -> Option<T> {
    match default {
        Some(default) => Some(*option.get_or_insert(default)),
        None => {
            if option.is_some() {
                problems.add(path, format!("has no meaning with {chosen}"));
            }
            None
        }
    }
}

fn data(file: &mut DataFile, facts: &DataFacts, problems: &mut Problems) -> Data {
    let source_name = file.source;
    let chosen = format!("data.source {}", kebab(source_name));
    let only = |names: &[SourceName]| names.contains(&source_name).then_some(());
    use SourceName::{FashionMnist, Gaussians, Glyphs, Idx, Mnist, Spirals, Teacher};

    let counts = counts(file, facts, problems);
    let own_classes = only(&[Gaussians, Teacher, Spirals, Idx]).map(|()| facts.classes);
    belongs(&mut file.classes, own_classes, "data.classes", &chosen, problems);
    let own_dimension = only(&[Gaussians, Teacher]).map(|()| facts.shape.len());
    belongs(&mut file.dimension, own_dimension, "data.dimension", &chosen, problems);
    let mut knob = |option: &mut Option<f64>, names: &[SourceName], default: f64, path: &str| {
        belongs(option, only(names).map(|()| default), path, &chosen, problems).unwrap_or_default()
    };
    let separation = knob(&mut file.separation, &[Gaussians], 3.0, "data.separation");
    let offset = knob(&mut file.offset, &[Gaussians], 0.0, "data.offset");
    let scale_spread = knob(&mut file.scale_spread, &[Gaussians], 0.0, "data.scale_spread");
    let default_noise = if source_name == Spirals { 0.05 } else { 0.2 };
    let noise = knob(&mut file.noise, &[Spirals, Glyphs], default_noise, "data.noise");
    let turns = knob(&mut file.turns, &[Spirals], 1.0, "data.turns");
    let own_width = only(&[Teacher]).map(|()| 20);
    let width = belongs(&mut file.teacher_width, own_width, "data.teacher_width", &chosen, problems);

    if source_name != Idx && file.dir.is_some() {
        problems.add("data.dir", format!("has no meaning with {chosen}; only `idx` reads a folder of its own"));
    }
    let source = match source_name {
        Mnist => Source::Mnist,
        FashionMnist => Source::FashionMnist,
        Idx => Source::Idx { dir: file.dir.clone().unwrap_or_default() },
        Gaussians => Source::Gaussians { separation, offset, scale_spread },
        Spirals => Source::Spirals { noise, turns },
        Teacher => Source::Teacher { width: width.unwrap_or_default() },
        Glyphs => Source::Glyphs { noise },
    };
    let scaling = *file.scaling.get_or_insert(if facts.images { Scaling::Unit } else { Scaling::None });
    if !facts.images && matches!(scaling, Scaling::Unit | Scaling::Binary) {
        problems.add("data.scaling", format!("{} is for images; {chosen} has vectors", snake(scaling)));
    }
    let (train, validation, test) = counts;
    for (count, path) in [(validation, "data.validation"), (test, "data.test")] {
        if count == 1 {
            problems.add(path, "1 sample has no batch statistics; at least 2 are needed");
        }
    }
    let random_labels = file.random_labels;
    Data { source, shape: facts.shape, classes: facts.classes, train, validation, test, scaling, random_labels }
}

/// Training, validation and test samples.
fn counts(file: &mut DataFile, facts: &DataFacts, problems: &mut Problems) -> (usize, usize, usize) {
    let Some(in_file) = facts.training_file else {
        let train = *file.train.get_or_insert(5000);
        let validation = *file.validation.get_or_insert(1000);
        return (train, validation, *file.test.get_or_insert(1000));
    };
    let tenth = in_file / 10;
    let default = if file.source == SourceName::Idx { tenth * usize::from(tenth > 1) } else { 5000 };
    let validation = *file.validation.get_or_insert(default);
    let left = in_file.saturating_sub(validation);
    let train = file.train.unwrap_or(left).min(left);
    if train < 2 {
        problems.add(
            "data.validation",
            format!("{validation} of the {in_file} samples in the training file leave {left} to train on; at least 2 are needed"),
        );
    }
    let in_test = facts.test_file.unwrap_or(0);
    let test = file.test.unwrap_or(in_test).min(in_test);
    (file.train, file.test) = (Some(train), Some(test));
    (train, validation, test)
}

fn model(file: &mut ModelFile, facts: &DataFacts, problems: &mut Problems) -> Option<Model> {
    let is_cnn = file.kind == ModelKind::Cnn;
    let kind = if is_cnn { "model.kind cnn" } else { "model.kind mlp" };
    let architecture = if is_cnn {
        if file.hidden.is_some() {
            problems.add("model.hidden", format!("has no meaning with {kind}; use `channels` and `dense`"));
        }
        if file.residual {
            problems.add("model.residual", "only model.kind mlp has residual blocks");
        }
        if !facts.images {
            problems.add("model.kind", "cnn needs images; this data source has vectors");
        }
        if file.channels.is_none() {
            problems.add("model.channels", "missing; model.kind cnn needs the output channels of each convolution");
        }
        let kernel = *file.kernel.get_or_insert(3);
        if kernel.is_multiple_of(2) {
            problems.add("model.kernel", format!("{kernel} is even; only odd sides keep the size"));
        }
        let pool = *file.pool.get_or_insert(PoolKind::Max);
        let dense = file.dense.get_or_insert_default().clone();
        Architecture::Cnn { channels: file.channels.clone()?, kernel, pool, dense }
    } else {
        belongs(&mut file.kernel, None, "model.kernel", kind, problems);
        belongs(&mut file.pool, None, "model.pool", kind, problems);
        for (is_given, path) in [(file.channels.is_some(), "model.channels"), (file.dense.is_some(), "model.dense")] {
            if is_given {
                problems.add(path, format!("has no meaning with {kind}; use `hidden`"));
            }
        }
        if file.hidden.is_none() {
            problems.add("model.hidden", "missing; model.kind mlp needs the width of each hidden layer");
        }
        Architecture::Mlp { hidden: file.hidden.clone()?, residual: file.residual }
    };
    if file.norm_position == NormPosition::AfterPool
        && matches!(&architecture, Architecture::Mlp { .. } | Architecture::Cnn { pool: PoolKind::None, .. })
    {
        problems.add("model.norm_position", "after_pool needs model.kind cnn with a pool");
    }
    let std = match (file.init.scheme, file.init.std) {
        (InitScheme::Normal, Some(std)) => std,
        (InitScheme::Normal, None) => {
            problems.add("model.init.std", "missing; scheme normal needs its SD");
            0.0
        }
        (_, Some(_)) => {
            problems.add("model.init.std", "only scheme normal has an SD of its own");
            0.0
        }
        (_, None) => 0.0,
    };
    Some(Model {
        architecture,
        activation: file.activation,
        init: Init { scheme: file.init.scheme, std },
        norm_position: file.norm_position,
        precision: file.precision,
    })
}

fn train(file: &mut ConfigFile, data: &Data, problems: &mut Problems) -> Train {
    let batch_size = file.train.batch_size;
    if batch_size > data.train {
        let message = format!("{batch_size} samples do not fit into the training split of {}", data.train);
        problems.add("train.batch_size", message);
    }
    let steps = match (file.train.steps, file.train.epochs) {
        (Some(steps), None) => steps,
        (None, Some(epochs)) => epochs * (data.train / batch_size).max(1),
        (Some(_), Some(_)) => {
            problems.add("train", "has both `steps` and `epochs`; give one");
            1
        }
        (None, None) => {
            problems.add("train", "has neither `steps` nor `epochs`; give one");
            1
        }
    };
    (file.train.steps, file.train.epochs) = (Some(steps), None);
    Train { batch_size, steps, diverged_above: file.train.diverged_above }
}

fn optimizer(file: &mut ConfigFile, problems: &mut Problems) {
    let optimizer = &mut file.optimizer;
    if optimizer.kind != OptimizerKind::Sgd && (optimizer.momentum != 0.0 || optimizer.nesterov) {
        problems.add("optimizer.momentum", "only kind sgd has momentum; Adam's is beta1");
    }
    if optimizer.nesterov && optimizer.momentum == 0.0 {
        problems.add("optimizer.nesterov", "needs a momentum above 0");
    }
    let is_step = optimizer.schedule == Schedule::Step;
    if is_step && optimizer.step_every.is_none() {
        problems.add("optimizer.step_every", "missing; schedule step needs the steps between two falls");
    }
    if !is_step && optimizer.step_every.is_some() {
        problems.add("optimizer.step_every", "only schedule step has it");
    }
    belongs(&mut optimizer.step_factor, is_step.then_some(0.1), "optimizer.step_factor", "this schedule", problems);
}

/// Shares of training's operations that observing may cost by default.
const EVALUATE_SHARE: f64 = 0.045;
const ACTIVATIONS_SHARE: f64 = 0.025;
const GRADIENTS_SHARE: f64 = 0.015;
/// What a value that a hidden layer computes costs a training step besides its multiply-adds, in
/// multiply-adds, as measured.
const TRAINED_VALUE: f64 = 80.0;
/// What a look at one activation costs, in multiply-adds: percentiles, moments and its share of the
/// effective rank, as measured.
const PROBED_VALUE: f64 = 3300.0;
/// What a look at the gradients costs, in training steps, as measured.
const PROBED_GRADIENT: f64 = 5.0;
/// Fewest and most observations of a kind that a default asks for.
const LEAST_EVALUATIONS: usize = 5;
const MOST_EVALUATIONS: usize = 100;
const MOST_PROBES: usize = 20;

fn log(file: &mut LogFile, data: &Data, model: &Model, train: Train) -> Log {
    let layers = model.layers(data.shape, data.classes);
    let forward = layers.iter().map(|l| l.multiply_adds() as f64).sum::<f64>();
    let hidden = || layers.iter().filter(|l| l.hidden);
    let computed = hidden().map(|l| l.mapped.len() as f64).sum::<f64>();
    let step = (3.0 * forward + TRAINED_VALUE * computed) * train.batch_size as f64;
    let training = step * train.steps as f64;
    // Intervals such that observations of `cost` each stay within what is `allowed`, the first and last
    // included, which are made in any case; but so many that there is a curve.
    let every = |cost: f64, allowed: f64, least: usize, most: usize| {
        let affordable = ((allowed / cost) as usize).clamp(least, most);
        train.steps.div_ceil(affordable - 1).max(1)
    };
    let probe_size = file.probe_size.min(if data.validation > 0 { data.validation } else { data.train });
    let train_eval = file.train_eval.min(data.train);
    // A forward pass is a third of a training step; validation, and every split at the end, is read
    // under running and under batch statistics.
    let read = |samples: usize| step / 3.0 * samples as f64 / train.batch_size as f64;
    let evaluation = read(2 * data.validation + train_eval);
    let last_evaluation = read(2 * (data.train + data.validation + data.test));
    let values: f64 = hidden().map(|l| (3 * l.mapped.len() + pooled(l)) as f64).sum();
    let activations = probe_size as f64 * (forward + PROBED_VALUE * values);
    let gradients = PROBED_GRADIENT * step;
    let evaluate_every =
        every(evaluation, EVALUATE_SHARE * training - last_evaluation, LEAST_EVALUATIONS, MOST_EVALUATIONS);
    Log {
        batch_every: *file.batch_every.get_or_insert((train.steps / 500).max(1)),
        evaluate_every: *file.evaluate_every.get_or_insert(evaluate_every),
        activations_every: *file.activations_every.get_or_insert(every(
            activations,
            ACTIVATIONS_SHARE * training,
            2,
            MOST_PROBES,
        )),
        gradients_every: *file.gradients_every.get_or_insert(every(
            gradients,
            GRADIENTS_SHARE * training,
            2,
            MOST_PROBES,
        )),
        snapshot_every: file.snapshot_every,
        probe_size,
        channels: file.channels.unwrap_or(usize::MAX),
        train_eval,
    }
}

/// Values of a layer's pool site.
fn pooled(layer: &Layer) -> usize {
    if layer.pool == PoolKind::None { 0 } else { layer.output().len() }
}

/// Refuses networks whose pools leave nothing.
fn check_shapes(data: &Data, model: &Model, problems: &mut Problems) {
    for (i, layer) in model.layers(data.shape, data.classes).iter().enumerate() {
        if layer.output().is_empty() {
            let (h, w) = (layer.mapped.height, layer.mapped.width);
            return problems.add("model.channels", format!("block {i} would pool {h}×{w} pixels to nothing"));
        }
    }
}

/// A source as it is written in configurations.
pub fn kebab(source: SourceName) -> String {
    serde_name(&source)
}

fn snake(scaling: Scaling) -> String {
    serde_name(&scaling)
}

/// The name serde gives a plain enum value.
pub fn serde_name<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
