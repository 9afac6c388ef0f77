//! `model`: what a network of its kind needs, and what means nothing there.

use super::belongs::belongs;
use crate::config::file::{InitOptions, InitScheme, ModelFile, ModelKind, NormPosition, PoolKind};
use crate::config::problem::Problems;
use crate::config::settings::{Architecture, DataFacts, Init, Model};

/// Fills what is open and checks the rest; `None` if there are no widths.
pub(super) fn resolve(file: &mut ModelFile, facts: &DataFacts, problems: &mut Problems) -> Option<Model> {
    let architecture = match file.kind {
        ModelKind::Cnn => cnn(file, facts, problems),
        ModelKind::Mlp => mlp(file, problems),
    }?;
    if file.norm_position == NormPosition::AfterPool
        && matches!(&architecture, Architecture::Mlp { .. } | Architecture::Cnn { pool: PoolKind::None, .. })
    {
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
    let pool = *file.pool.get_or_insert(PoolKind::Max);
    let dense = file.dense.get_or_insert_default().clone();
    Some(Architecture::Cnn { channels: file.channels.clone()?, kernel, pool, dense })
}

fn mlp(file: &mut ModelFile, problems: &mut Problems) -> Option<Architecture> {
    let kind = "model.kind mlp";
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
