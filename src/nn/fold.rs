//! Folding: makes a network without norms that computes the same.
//!
//! In evaluation under running statistics a norm is a fixed map of each channel, y = γ·(x − m)·s + β with
//! s = 1/√(v + ε): that is eq. 3,
//!
//! ```text
//! y = γ'·x + β'          γ' = γ·s          β' = β − γ'·m
//! ```
//!
//! Where the norm follows the map, x = Wu + b, eq. 3 goes on into the map:
//!
//! ```text
//! W' = diag(γ')·W        b' = γ'·b + β'
//! ```
//!
//! If an activation or a pool stands between them, eq. 3 stays. It could go into the *next* map, but not into a
//! convolution: its zero padding is a border of 0 and not of β', and near the edges the result would differ.
//!
//! A weight that is a function of the parameter is replaced by its value. Products are taken in f64 and rounded once.

use super::error::NetworkError;
use super::network::Network;
use super::pass::{Pass, Statistics};
use crate::config::settings::{Arm, NormPosition, Settings, Variant};
use crate::kernels::Scalar;
use crate::random::stream;
use rand_distr::{Distribution, StandardNormal};

/// Why a network cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// There is nothing to fold.
    #[error("the network has no norm: there is nothing to fold")]
    NoNorm,
    /// The norm depends on its input.
    #[error(
        "block {block}: the norm finds its statistics from each input, in evaluation too, and so is no fixed map that could be folded"
    )]
    DependsOnInput {
        /// Index of the block.
        block: usize,
    },
    /// What is left cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Whether eq. 3 goes on into weights and biases.
fn goes_into_maps(settings: &Settings) -> bool {
    settings.model.norm_position == NormPosition::BeforeActivation
}

/// The folded network: arm `none` with biases, or, where eq. 3 stays, arm `affine`.
///
/// # Errors
/// If it cannot be folded.
pub fn fold<F: Scalar>(network: &Network<F>, settings: &Settings, variant: &Variant) -> Result<Network<F>, FoldError> {
    if network.blocks.iter().all(|block| block.norm.is_none()) {
        return Err(FoldError::NoNorm);
    }
    let (arm, bias) = match goes_into_maps(settings) {
        true => (Arm::None, true),
        false => (Arm::Affine, variant.has_bias()),
    };
    let plain = Variant { bias: Some(bias), ..Variant::plain(&*variant.name, arm) };
    let mut folded = Network::<F>::new(settings, &plain, 0)?;
    let Network { blocks, parameters: to, .. } = &mut folded;
    for (b, (block, target)) in network.blocks.iter().zip(blocks).enumerate() {
        let channels = block.layer.mapped.channels;
        let mut space = block.stage_space(1);
        block.make_weight(&network.parameters, &mut space);
        let weight = block.weight(&network.parameters, &space.weight);
        let [scale, shift] = match &block.norm {
            None => [vec![1.0; channels], vec![0.0; channels]],
            Some(norm) => norm.in_evaluation(&network.parameters).ok_or(FoldError::DependsOnInput { block: b })?,
        };
        let bias = block.bias.clone().map(|bias| &network.parameters[bias]);
        let mut put = |at: Option<std::ops::Range<usize>>, value: &dyn Fn(usize) -> f64| {
            for (i, to) in to[at.unwrap_or_default()].iter_mut().enumerate() {
                *to = F::of(value(i));
            }
        };
        let bias = |c: usize| bias.map_or(0.0, |bias| bias[c].f64());
        match &target.norm {
            // The channels of a weight are its columns.
            None => {
                put(Some(target.weight.clone()), &|i| scale[i % channels] * weight[i].f64());
                put(target.bias.clone(), &|c| scale[c] * bias(c) + shift[c]);
            }
            Some(norm) => {
                let (gamma, beta) = norm.affine.clone().unzip();
                put(Some(target.weight.clone()), &|i| weight[i].f64());
                put(target.bias.clone(), &bias);
                put(gamma, &|c| scale[c]);
                put(beta, &|c| shift[c]);
            }
        }
    }
    Ok(folded)
}

/// How the outputs of two networks for the same inputs agree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agreement {
    /// Inputs.
    pub samples: usize,
    /// max |Δlogit|
    pub difference: f64,
    /// max |logit| of the first network.
    pub largest: f64,
    /// Inputs for which both name the same class.
    pub same_class: usize,
}

impl Agreement {
    /// max |Δlogit| / max |logit|
    pub fn relative(&self) -> f64 {
        if self.largest == 0.0 { self.difference } else { self.difference / self.largest }
    }

    /// Whether the relative difference is a number and at most `allowed`.
    pub fn is_within(&self, allowed: f64) -> bool {
        self.relative() <= allowed
    }

    /// Takes in the logits [N, K] of both.
    pub fn add<A: Scalar, B: Scalar>(&mut self, one: &[A], other: &[B], classes: usize) {
        for (one, other) in one.chunks_exact(classes).zip(other.chunks_exact(classes)) {
            self.samples += 1;
            for (a, b) in one.iter().zip(other) {
                let difference = (a.f64() - b.f64()).abs();
                // NaN counts as larger than any difference, and stays.
                let is_largest = self.difference.is_nan() || difference <= self.difference;
                self.difference = if is_largest { self.difference } else { difference };
                self.largest = self.largest.max(a.f64().abs());
            }
            self.same_class += usize::from(class(one) == class(other));
        }
    }
}

/// The first of the largest logits.
fn class<F: Scalar>(logits: &[F]) -> usize {
    (1..logits.len()).fold(0, |best, k| if logits[k].f64() > logits[best].f64() { k } else { best })
}

/// Inputs of noise.
const NOISE: usize = 1000;
/// Inputs evaluated at once.
const PART: usize = 250;

/// Standard normal inputs of this length, in parts.
pub fn noise<F: Scalar>(length: usize) -> Vec<Vec<F>> {
    let mut rng = stream(0, "fold");
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    (0..NOISE / PART).map(|_| (0..PART * length).map(|_| F::of(normal())).collect()).collect()
}

/// A network's logits for inputs in parts, under running statistics: all of them, in order.
///
/// # Errors
/// If a norm needs more values than it gets.
pub fn logits<F: Scalar>(network: &Network<F>, parts: &[Vec<F>]) -> Result<Vec<F>, NetworkError> {
    let mut all = Vec::new();
    let largest = parts.iter().map(|part| part.len() / network.input.len()).max().unwrap_or(0);
    let mut space = network.space_for_evaluation(largest);
    for part in parts {
        space.input.set(part);
        network.forward(Pass::Evaluate(Statistics::Running), &mut space)?;
        all.extend_from_slice(network.logits(&space));
    }
    Ok(all)
}
