//! Standardising is redundant: batch norm can be omitted in theory.

use anyhow::Context;
use serde_json::json;

use super::analysis::{Analysis, Bench};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence};
use super::part::Part;
use super::regime::{Regime, Schedule};
use crate::config::settings::Architecture;
use crate::config::{Settings, Variant};
use crate::data::Dataset;
use crate::files;
use crate::kernels::Scalar;
use crate::nn::fold::{Agreement, fold, logits, noise};
use crate::nn::parameters::Tensor;
use crate::nn::{Network, Pass};
use crate::plan::NUMERICS_VERSION;
use crate::random::stream;
use crate::record::machine;
use crate::record::trained::{Trained, TrainedNetwork};
use rand_distr::{Distribution, StandardNormal};

pub const CLAIM: Claim = Claim {
    id: "same-functions",
    kind: Kind::Theorem,
    sentence: "standardising is redundant: in theory eq. 3 can do all that batch norm does",
    criterion: "folded nets, max |Δlogit|/max |logit|: at most 1e-12 (f64) and 1e-5 (f32) holds; in training, one sample in two \
        batches: the same output holds",
    reasoning: "In evaluation m and v are constants, and γ(x − m)/√(v + ε) + β is γ'x + β' with γ' = γ/√(v + ε), β' = β − γ'm: \
        eq. 3. So every net with batch norm has a twin without. Shown by folding trained nets, and random ones of 1 to 10 \
        blocks, on test images and on noise.\n\
        In training μ and σ are those of the batch: a sample's output depends on the other samples. Eq. 3 is a function of \
        the sample alone, so it cannot do that, whatever γ and β are. Shown by putting one sample into two batches; affine \
        is the control.\n\
        It is mathematics: the experiment shows it. Only a failure in evaluation would be a fault of the program.",
    regimes: &[Regime::Shallow],
    cells: |_| cells().to_vec(),
    analysis: Some(Analysis {
        columns: &["kind", "net", "depth", "precision", "inputs", "relative"],
        comes_first: false,
        made_from: |bench| {
            let sha = |cell: &Cell| {
                let folder = bench.run_folder(cell, *bench.seeds.first()?)?;
                files::read_if_there(&folder.checkpoint()).ok()?.map(|bytes| files::sha256(&bytes))
            };
            let checkpoints = cells().each_ref().map(sha);
            json!({ "program": machine::PROGRAM_VERSION, "numerics": NUMERICS_VERSION, "data": bench.data.name(),
                "checkpoints": checkpoints })
        },
        make,
    }),
    parts,
    ..Claim::PLAIN
};

/// Largest difference of logits, relative to the largest logit, in double and in single precision.
const ALLOWED: [(&str, f64); 2] = [("f64", 1e-12), ("f32", 1e-5)];
/// Depths of random nets.
const DEPTHS: std::ops::RangeInclusive<usize> = 1..=10;
/// Samples of the test set that are looked at.
const SAMPLES: usize = 1000;
/// Seed of the random nets.
const SEED: u64 = 0;

/// The trained nets: what is folded, and the control.
fn cells() -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(Regime::Shallow, Schedule::Constant, arm))
}

fn make(bench: &Bench) -> anyhow::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for depth in DEPTHS {
        let (mut settings, variant) = bench.settings(Regime::Shallow, Schedule::Constant, "bn", 0.1)?;
        settings.model.architecture = Architecture::Mlp { hidden: vec![100; depth], residual: false };
        let data = bench.store.load(&settings.data, SEED)?;
        let net = format!("random, {depth} blocks");
        folded(&random::<f64>(&settings, &variant, &data)?, &settings, &variant, &data, &net, "f64", &mut rows)?;
        folded(&random::<f32>(&settings, &variant, &data)?, &settings, &variant, &data, &net, "f32", &mut rows)?;
    }
    for cell in cells() {
        let Some(seed) = bench.seeds.first() else { continue };
        let Some(folder) = bench.run_folder(&cell, *seed) else { continue };
        let trained = Trained::load(&folder)?;
        let Trained { settings, variant, .. } = &trained;
        let data = bench.store.load(&settings.data, trained.seed)?;
        let double = trained.in_double()?;
        if cell.arm.name == "bn" {
            folded(&double, settings, variant, &data, "trained", "f64", &mut rows)?;
            if let TrainedNetwork::F32(single) = &trained.network {
                folded(single, settings, variant, &data, "trained", "f32", &mut rows)?;
            }
        }
        let relative = between_batches(&double, settings, &data)?;
        rows.push(row("two batches", cell.arm.name, double.blocks.len() - 1, "f64", "training samples", relative));
    }
    Ok(rows)
}

fn row(kind: &str, net: &str, depth: usize, precision: &str, inputs: &str, relative: f64) -> Vec<String> {
    let words = [kind, net, &depth.to_string(), precision, inputs, &format!("{relative:e}")];
    words.map(str::to_owned).to_vec()
}

/// A net whose parameters and statistics are drawn at random.
fn random<F: Scalar>(settings: &Settings, variant: &Variant, data: &Dataset) -> anyhow::Result<Network<F>> {
    let mut network = Network::<F>::new(settings, variant, SEED)?;
    let mut rng = stream(SEED, "claims/random");
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    for parameter in network.index.iter().filter(|parameter| parameter.tensor != Tensor::Weight) {
        let center = if parameter.tensor == Tensor::Gamma { 1.0 } else { 0.0 };
        network.parameters[parameter.range.clone()]
            .iter_mut()
            .for_each(|value| *value = F::of(center + 0.5 * normal()));
    }
    // Running statistics that are neither those of the start nor those of one batch.
    let size = settings.train.batch_size;
    for step in 0..5 {
        let mut space = network.space_for_training(size);
        fill(&mut space, data, (step * size) as u32..((step + 1) * size) as u32);
        network.forward(Pass::Train { seed: SEED, step }, &mut space)?;
        network.absorb(&space);
    }
    Ok(network)
}

fn fill<F: Scalar>(space: &mut crate::nn::Workspace<F>, data: &Dataset, samples: impl Iterator<Item = u32>) {
    let samples: Vec<u32> = samples.map(|sample| sample % data.train.len() as u32).collect();
    let (scaler, length) = (data.scaler::<F>(), data.shape.len());
    space.input.write(samples.len(), |input, written| scaler.gather(&data.train, &samples, input, length, written));
}

/// Folds a net, and compares it with itself on test samples and on noise.
fn folded<F: Scalar>(
    network: &Network<F>,
    settings: &Settings,
    variant: &Variant,
    data: &Dataset,
    net: &str,
    precision: &str,
    rows: &mut Vec<Vec<String>>,
) -> anyhow::Result<()> {
    let folded = fold(network, settings, variant).context("a net with batch norm can be folded")?;
    let inputs = [("test samples", data.test_inputs::<F>(SAMPLES)), ("noise", noise(network.input.len()))];
    for (name, parts) in inputs {
        let mut agreement = Agreement::default();
        agreement.add(&logits(network, &parts)?, &logits(&folded, &parts)?, network.classes);
        rows.push(row("folded", net, network.blocks.len() - 1, precision, name, agreement.relative()));
    }
    Ok(())
}

/// How far the logits of one sample, in training, differ between two batches.
fn between_batches(network: &Network<f64>, settings: &Settings, data: &Dataset) -> anyhow::Result<f64> {
    let size = settings.train.batch_size as u32;
    let mut agreement = Agreement::default();
    let of = |others: std::ops::Range<u32>| -> anyhow::Result<Vec<f64>> {
        let mut space = network.space_for_training(size as usize);
        fill(&mut space, data, [0].into_iter().chain(others));
        network.forward(Pass::Train { seed: SEED, step: 0 }, &mut space)?;
        Ok(network.logits(&space)[..network.classes].to_vec())
    };
    let (one, other) = (of(1..size)?, of(size..2 * size - 1)?);
    agreement.add(&one, &other, network.classes);
    Ok(agreement.relative())
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let sheet = evidence.sheet(CLAIM.id);
    let largest = |words: &[(&str, &str)]| {
        let found: Vec<f64> = sheet.rows_where(words).map(|row| row.number("relative")).collect();
        found.into_iter().reduce(|a, b| if a.is_nan() || b <= a { a } else { b })
    };
    let part = |sentence: String, allowed: f64, found: Option<f64>, detail: &str| {
        let verdict = match found {
            None => Verdict::Inconclusive,
            Some(found) if found <= allowed => Verdict::Holds,
            Some(_) => Verdict::Fails,
        };
        Part {
            sentence,
            regime: regime.name().to_owned(),
            verdict,
            detail: if found.is_none() { "there are no trained nets".to_owned() } else { detail.to_owned() },
            estimate: found,
            interval: None,
            criterion: Some(Criterion {
                holds: Beyond::Below(allowed),
                fails: Beyond::Above(allowed),
                unit: Unit::Number,
            }),
            p: None,
            n: 0,
            decides: true,
            arms: Vec::new(),
            diverged: Vec::new(),
            along: None,
        }
    };
    let in_evaluation = ALLOWED.map(|(precision, allowed)| {
        let found = largest(&[("kind", "folded"), ("precision", precision)]);
        part(format!("in evaluation, {precision}"), allowed, found, "")
    });
    let two = |net| largest(&[("kind", "two batches"), ("net", net)]);
    // Without the control nothing is shown.
    let control = two("affine").is_some_and(|relative| relative <= ALLOWED[0].1);
    let found = two("bn").filter(|_| control);
    let words = "in training it is not the same, as the theorem says: one sample in two batches has two outputs, which a function of the \
         sample alone cannot have";
    let is_other = found.is_some_and(|relative| relative > ALLOWED[0].1);
    let in_training = part("in training".to_owned(), ALLOWED[0].1, found, if is_other { words } else { "" });
    in_evaluation.into_iter().chain([in_training]).collect()
}
