//! Fills in the defaults that depend on other keys, and checks what one key's schema cannot.
//!
//! Afterwards the configuration file has no open option, so it is at once the record of what was
//! run (`experiment.json`), the basis of run identity, and the source of [`Settings`].

mod belongs;
mod data;
mod log;
mod model;

use belongs::belongs;

use super::file::{ConfigFile, DataFile, OptimizerKind, Schedule};
pub use super::names::serde_name;
use super::problem::Problems;
use super::settings::{Data, DataFacts, Model, Settings, Train};
use crate::sources::Kind;

/// Fills every open option of `file` in place and returns it as [`Settings`].
///
/// `None` if anything was added to `problems`.
pub fn resolve(file: &mut ConfigFile, facts: DataFacts, problems: &mut Problems) -> Option<Settings> {
    let data = data::resolve(&mut file.data, file.model.precision, &facts, problems);
    let model = model::resolve(&mut file.model, &facts, problems);
    let train = train(file, &data, problems);
    optimizer(file, problems);
    if !problems.is_empty() {
        return None;
    }
    let model = model?;
    let log = log::resolve(&mut file.log, &data, &model, train, problems);
    check_shapes(&data, &model, problems);
    let settings = Settings { data, model, norm: file.norm, optimizer: file.optimizer.clone(), train, log };
    problems.is_empty().then_some(settings)
}

/// What is known of a generated data set; `None` for sources that are files.
pub fn synthetic_facts(data: &DataFile) -> Option<DataFacts> {
    match data.source.kind() {
        Kind::Generated(source) => Some(source.facts()),
        Kind::Published(_) | Kind::Own(_) => None,
    }
}

fn train(file: &mut ConfigFile, data: &Data, problems: &mut Problems) -> Train {
    let batch_size = file.train.batch_size;
    // Of a split without samples something else is said.
    if batch_size > data.train && data.train > 1 {
        let message = format!("{batch_size} samples do not fit into the training split of {}", data.train);
        problems.add("train.batch_size", message);
    }
    let steps = match (file.train.steps, file.train.epochs) {
        (Some(steps), None) => steps,
        (None, Some(epochs)) => epochs * (data.train / batch_size).max(1),
        (Some(steps), Some(epochs)) => {
            let remedy = "set one of them to null: --set train.steps=null trains by epochs";
            problems.add("train", format!("has both `steps` and `epochs` ({steps} and {epochs}); {remedy}"));
            1
        }
        (None, None) => {
            problems.add("train", "has neither `steps` nor `epochs`; give one, such as train.epochs = 5");
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

/// Refuses networks whose pools leave nothing.
fn check_shapes(data: &Data, model: &Model, problems: &mut Problems) {
    for (i, layer) in model.layers(data.shape, data.classes).iter().enumerate() {
        if layer.output().is_empty() {
            let (h, w) = (layer.mapped.height, layer.mapped.width);
            return problems.add("model.channels", format!("block {i} would pool {h}×{w} pixels to nothing"));
        }
    }
}
