//! `bn-exp fold`: a trained network without its norms, and the proof that it computes the same.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::exit::{Exit, UsageError};
use super::prepare::data_dir;
use super::terminal::{complain, show};
use crate::cli::FoldArgs;
use crate::config::settings::NormPosition;
use crate::data::{Dataset, Store};
use crate::files;
use crate::kernels::Scalar;
use crate::nn::Network;
use crate::nn::block::Map;
use crate::nn::fold::{Agreement, fold as folded, logits, noise};
use crate::nn::parameters::Tensor;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::{ExperimentFolder, RunFolder};
use crate::record::tensors;
use crate::record::trained::{Trained, TrainedNetwork};
use crate::report::layout::Layout;

/// Largest difference of logits, relative to the largest logit, in double and in single precision.
const ALLOWED: [f64; 2] = [1e-12, 1e-5];
/// In single precision the folded network may also differ by this many times the network's own rounding error.
const ROUNDINGS: f64 = 4.0;

pub(super) fn fold(args: &FoldArgs) -> anyhow::Result<Exit> {
    let folder = RunFolder::at(args.run.clone());
    if files::is_file(&ExperimentFolder::at(&args.run).experiment_json())? {
        let (place, runs) = (args.run.display(), ExperimentFolder::at(&args.run).runs());
        let first = files::list(&runs)?.into_iter().min().unwrap_or_else(|| "RUN_ID".to_owned());
        let example = runs.join(first);
        return Err(UsageError(format!(
            "{place} is an experiment; name one of its runs, such as {}",
            example.display()
        ))
        .into());
    }
    let trained = Trained::load(&folder)?;
    if let Some(step) = trained.diverged_at_step {
        complain(format!("note: this run diverged at step {step}; what is folded is the network that it left"));
    }
    let out = args.out.clone().unwrap_or_else(|| folder.folded());
    check_out(&out, &folder)?;
    let store = Store::new(data_dir(&args.data));
    check_data(&folder, &trained, &store).context("fold shows on test samples that both networks agree")?;
    let data = store.load(&trained.settings.data, trained.seed)?;
    match &trained.network {
        TrainedNetwork::F32(network) => fold_as(&trained, network, &data, out, true),
        TrainedNetwork::F64(network) => fold_as(&trained, network, &data, out, false),
    }
}

/// Refuses data files that have changed since the run was planned, as far as its experiment's folder or their size says.
fn check_data(folder: &RunFolder, trained: &Trained, store: &Store) -> anyhow::Result<()> {
    let now = store.facts(&trained.data)?;
    let (settings, split) = (&trained.settings.data, &trained.data);
    let needed = split.train.unwrap_or(0) + split.validation.unwrap_or(0);
    let holds = |samples: Option<usize>, needed: usize| samples.is_none_or(|samples| samples >= needed);
    let fits = (now.shape, now.classes) == (settings.shape, settings.classes)
        && holds(now.training_file, needed)
        && holds(now.test_file, split.test.unwrap_or(0));
    let experiment = folder.path().parent().and_then(Path::parent).map(|path| ExperimentFolder::at(path.to_path_buf()));
    let known = match experiment {
        Some(folder) if files::look(&folder.experiment_json())?.is_some() => {
            ExperimentRecord::read(&folder)?.data_sha256
        }
        _ => Vec::new(),
    };
    let is_known = known.is_empty() || now.fingerprint.is_none_or(|now| known.contains(&now));
    anyhow::ensure!(
        fits && is_known,
        "the data files are not those that this run was trained on, so nothing can be shown on them; put those back, or train \
         on these first"
    );
    Ok(())
}

/// Refuses to overwrite anything but what `fold` writes into the run's folder.
fn check_out(out: &Path, folder: &RunFolder) -> anyhow::Result<()> {
    let is_place = out.file_name().is_some() && out.parent().is_some_and(|at| at.as_os_str().is_empty() || at.is_dir());
    if !is_place {
        return Err(UsageError(format!(
            "--out {:?} cannot be written: name a file, in a folder that exists",
            out.display()
        ))
        .into());
    }
    let is_usual = files::are_same(out, &folder.folded())? || out == folder.folded();
    if is_usual {
        files::refuse_link(folder.path())?;
    }
    if !is_usual && files::look(out)?.is_some() {
        let words = format!("{} exists, and fold overwrites nothing; give --out another name", out.display());
        return Err(UsageError(words).into());
    }
    Ok(())
}

fn fold_as<F: Scalar>(
    trained: &Trained,
    network: &Network<F>,
    data: &Dataset,
    out: PathBuf,
    is_single: bool,
) -> anyhow::Result<Exit> {
    let Trained { settings, variant, seed, .. } = trained;
    let found = folded(network, settings, variant);
    let found = found.map_err(|error| UsageError(format!("arm `{}` cannot be folded: {error}", variant.name)))?;
    let exact = trained.in_double()?;
    let inputs: [(&str, Vec<Vec<F>>); 2] =
        [("test set", data.test_inputs(data.test.len())), ("noise", noise(network.input.len()))];
    let mut agreements = Vec::new();
    for (name, parts) in &inputs {
        let (before, after) = (logits(network, parts)?, logits(&found, parts)?);
        let mut agreement = Agreement::default();
        agreement.add(&before, &after, network.classes);
        let allowed = if is_single {
            let double = |part: &Vec<F>| part.iter().map(|x| x.f64()).collect();
            let double: Vec<Vec<f64>> = parts.iter().map(double).collect();
            let mut rounding = Agreement::default();
            rounding.add(&logits(&exact, &double)?, &before, network.classes);
            ALLOWED[1].max(ROUNDINGS * rounding.relative())
        } else {
            ALLOWED[0]
        };
        agreements.push((*name, agreement, allowed));
    }
    let layout = Layout::terminal();
    let arm = format!("`{}`, seed {seed}: {}", variant.name, what_became(network, settings.model.norm_position));
    show(layout.paragraph(&arm))?;
    show(format!("\n{}", table(&layout, &agreements)))?;
    let count = |network: &Network<F>, tensors: &[Tensor]| -> usize {
        let of = network.index.iter().filter(|p| tensors.is_empty() || tensors.contains(&p.tensor));
        of.map(|p| p.range.len()).sum()
    };
    let affine = count(network, &[Tensor::Gamma, Tensor::Beta]);
    let kept: usize =
        network.blocks.iter().filter_map(|b| b.norm.as_ref()).flat_map(|n| n.buffers()).map(|(_, v)| v.len()).sum();
    let (before, after) = (count(network, &[]), count(&found, &[]));
    show(layout.paragraph(&format!(
        "Parameters: {before} before, {affine} of them γ and β, and {kept} kept means and variances beside them; {after} after."
    )))?;
    if let Some((name, agreement, allowed)) = agreements.iter().find(|(_, found, allowed)| !found.is_within(*allowed)) {
        let found = agreement.relative();
        complain(format!(
            "error: on the {name} the logits differ by {found:.1e}, more than {allowed:.1e}; nothing was written"
        ));
        return Ok(Exit::Failed);
    }
    tensors::write(&out, &tensors::state(&found, ""))?;
    show(format!("Written to {}", out.display()))?;
    Ok(Exit::Done)
}

/// What became of the norms, in words.
fn what_became<F: Scalar>(network: &Network<F>, position: NormPosition) -> String {
    let norms = network.blocks.iter().filter(|block| block.norm.is_some()).count();
    let norms = if norms == 1 { "the norm of 1 block".to_owned() } else { format!("the norms of {norms} blocks") };
    let what = match position {
        NormPosition::BeforeActivation => return format!("{norms} went into weights and biases."),
        NormPosition::AfterActivation => "the activation",
        NormPosition::AfterPool => "the pool",
    };
    let has_convolutions = network.blocks.iter().any(|block| matches!(block.map, Map::Conv(_)));
    let padding = "; nor into those of a convolution behind it, whose zero padding would be wrong at the borders";
    format!(
        "{norms} became y = γx + β (eq. 3). They stand after {what}, so they do not go into the weights before it{}.",
        if has_convolutions { padding } else { "" }
    )
}

fn table(layout: &Layout, agreements: &[(&str, Agreement, f64)]) -> String {
    let header = ["", "inputs", "max |Δlogit| / max |logit|", "allowed", "same class"].map(str::to_owned);
    let row = |(name, agreement, allowed): &(&str, Agreement, f64)| {
        let cells = [
            (*name).to_owned(),
            agreement.samples.to_string(),
            format!("{:.1e}", agreement.relative()),
            format!("{allowed:.1e}"),
            format!("{} of {}", agreement.same_class, agreement.samples),
        ];
        cells.into()
    };
    layout.table(&header, &agreements.iter().map(row).collect::<Vec<_>>(), 1)
}
