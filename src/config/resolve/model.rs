//! `model`: what a network of its kind needs, and what means nothing there.

use super::belongs::belongs;
use crate::config::file::{InitOptions, InitScheme, ModelFile, ModelKind, NormPosition, Pool, PoolKind};
use crate::config::problem::Problems;
use crate::config::settings::{Architecture, DataFacts, Init, Model};

/// Fills what is open and checks the rest; `None` if there are no widths.
pub(super) fn resolve(file: &mut ModelFile, facts: &DataFacts, problems: &mut Problems) -> Option<Model> {
    let architecture = match file.kind {
        ModelKind::Cnn => cnn(file, facts, problems),
        ModelKind::Mlp => mlp(file, problems),
    }?;
    let has_pool = match &architecture {
        Architecture::Mlp { .. } => false,
        Architecture::Cnn { pool, .. } => pool.iter().any(|pool| *pool != PoolKind::None),
    };
    if file.norm_position == NormPosition::AfterPool && !has_pool {
        problems.add("model.norm_position", "after_pool needs model.kind cnn with a pool");
    }
    Some(Model {
        architecture,
        activation: file.activation,
        init: init(file.init, problems),
        norm_position: file.norm_position,
        precision: file.precision,
    })
}

fn cnn(file: &mut ModelFile, facts: &DataFacts, problems: &mut Problems) -> Option<Architecture> {
    if file.hidden.is_some() {
        problems.add("model.hidden", "has no meaning with model.kind cnn; use `channels` and `dense`");
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
    let channels = file.channels.clone();
    let pool = pools(&mut file.pool, channels.as_ref().map_or(0, Vec::len), problems);
    let dense = file.dense.get_or_insert_default().clone();
    Some(Architecture::Cnn { channels: channels?, kernel, pool, dense })
}

/// The pool of each convolution. A list of equal entries is written as one entry: it is the same network, and so the same
/// runs.
fn pools(written: &mut Option<Pool>, convolutions: usize, problems: &mut Problems) -> Vec<PoolKind> {
    match written.get_or_insert(Pool::Every(PoolKind::Max)) {
        Pool::Every(kind) => vec![*kind; convolutions],
        Pool::Each(list) => {
            let list = list.clone();
            if list.len() != convolutions && convolutions > 0 {
                let message = format!("{} entries for the {convolutions} convolutions of `channels`", list.len());
                problems.add("model.pool", format!("{message}; give one for each, or one name for all"));
            }
            if let Some(first) = list.first().filter(|first| list.iter().all(|kind| kind == *first)) {
                *written = Some(Pool::Every(*first));
            }
            list
        }
    }
}

fn mlp(file: &mut ModelFile, problems: &mut Problems) -> Option<Architecture> {
    let kind = "model.kind mlp";
    belongs(&mut file.kernel, None, "model.kernel", kind, problems);
    if file.pool.is_some() {
        problems.add("model.pool", format!("has no meaning with {kind}"));
    }
    for (is_given, path) in [(file.channels.is_some(), "model.channels"), (file.dense.is_some(), "model.dense")] {
        if is_given {
            problems.add(path, format!("has no meaning with {kind}; use `hidden`"));
        }
    }
    if file.hidden.is_none() {
        problems.add("model.hidden", "missing; model.kind mlp needs the width of each hidden layer");
    }
    Some(Architecture::Mlp { hidden: file.hidden.clone()?, residual: file.residual })
}

fn init(InitOptions { scheme, std }: InitOptions, problems: &mut Problems) -> Init {
    match (scheme, std) {
        (InitScheme::Normal, None) => problems.add("model.init.std", "missing; scheme normal needs its SD"),
        (InitScheme::Normal, Some(_)) | (_, None) => {}
        (_, Some(_)) => problems.add("model.init.std", "only scheme normal has an SD of its own"),
    }
    Init { scheme, std: std.unwrap_or(0.0) }
}
