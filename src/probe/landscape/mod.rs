//! The loss along the gradient: how far the gradient's prediction holds.
//!
//! Before an update the loss L of its minibatch is looked at from the parameters θ in the direction −g, g = ∇L(θ), as
//! Santurkar et al. do (2018, "How does batch normalization help optimization?", section 3). Batch statistics are those at
//! the point looked at, as in training, and an arm's random draws are those for that minibatch. g is the gradient that
//! training uses (`detached` holds statistics fixed in it), and g and θ are the *trained* parameters alone: others stay
//! where they are. At θ − αg, α = k·η for k = ½, 1, 2, 3, 4, with η the learning rate of the update:
//!
//! | metric | | unit |
//! |---|---|---|
//! | `loss` | L(θ − αg) | nats |
//! | `gradient_change` | ‖∇L(θ − αg) − g‖ | loss/θ |
//! | `gradient_change_relative` | that over ‖g‖ | |
//! | `beta_smoothness` | `gradient_change`/(α‖g‖), the β of β-smoothness along this line | loss/θ² |
//! | `beta_smoothness_relative` | `beta_smoothness`·L(θ)/‖g‖² | |
//! | `gradient_cosine` | ⟨∇L(θ − αg), g⟩/(‖∇L(θ − αg)‖‖g‖) | |
//!
//! There is also one `prediction_error`, without a distance. With α* = 0.1·L(θ)/‖g‖² the loss should fall by α*‖g‖², a
//! tenth of itself, to first order. The error is the relative deviation from that, |L(θ) − L(θ − α*g) − α*‖g‖²|/(α*‖g‖²).
//! At each arm's own η the error would only say how large η is.
//!
//! **Why `beta_smoothness_relative` is defined so.** The weights w before a batch norm can be rescaled freely: cw is the
//! same function, with gradients g/c and second derivatives H/c². So `beta_smoothness` says as much of the size of the
//! weights as of the function. L/‖g‖² has the inverse unit, θ²/loss, and follows the same rescaling. For such weights the
//! product is the same at cw and rate c²η as at w and η; so are the other relative figures and `prediction_error`. It says
//! by what share of itself the gradient changes while the loss falls, to first order, by all of itself:
//! `gradient_change_relative`/(α‖g‖²/L). ‖θ‖²/L has the right unit as well, but ‖θ‖ also counts parameters that are not
//! free, or along which nothing changes. If some of the trained parameters are rescaled and others (γ, β, the output layer)
//! are not, the line itself changes, and every figure along it.
//!
//! In f32, θ − αg is rounded: if αg is of the size of θ's last bits, the figures measure rounding.

mod along;
mod row;

use along::Function;
pub use row::LandscapeRow;

use super::{Probe, looks_at};
use crate::config::Settings;
use crate::config::settings::{Every, OptimizerOptions};
use crate::kernels::Scalar;
use crate::nn::NetworkError;
use crate::nn::objective::Objective;
use crate::table::{Row, Table};
use crate::train::schedule::learning_rate;
use crate::train::{Batch, Observer};

/// Looks at the loss along the gradient.
#[derive(Debug)]
pub struct LandscapeProbe {
    every: Every,
    optimizer: OptimizerOptions,
    steps: usize,
    /// The rows so far.
    pub rows: Vec<LandscapeRow>,
}

impl LandscapeProbe {
    /// For these settings.
    pub fn new(settings: &Settings) -> Self {
        let (every, optimizer) = (settings.log.landscape_every.clone(), settings.optimizer.clone());
        Self { every, optimizer, steps: settings.train.steps, rows: Vec::new() }
    }
}

impl<F: Scalar> Observer<F> for LandscapeProbe {
    fn batch(&mut self, batch: &Batch<F>) -> anyhow::Result<()> {
        if !looks_at(batch.step, &self.every, self.steps - 1) {
            return Ok(());
        }
        let rate = learning_rate(&self.optimizer, batch.step, self.steps);
        let look = |function: &mut Function<F>| along::rows(batch.step, function, &batch.network.parameters, rate);
        self.rows.extend(with_loss(batch, look)?);
        Ok(())
    }
}

/// `prediction_error` of a minibatch, without the rest: that takes two gradients, not seven.
///
/// # Errors
/// If a norm needs more values per channel than it gets.
pub fn prediction_error<F: Scalar>(batch: &Batch<F>) -> Result<Option<f64>, NetworkError> {
    with_loss(batch, |function| along::prediction_error(function, &batch.network.parameters))
}

/// Lends the loss of a minibatch as a function of the trained parameters.
fn with_loss<F: Scalar, T>(
    batch: &Batch<F>,
    look: impl FnOnce(&mut Function<F>) -> Result<T, NetworkError>,
) -> Result<T, NetworkError> {
    let network = batch.network;
    // Made anew for each look, so that it takes no memory in between.
    let mut objective = Objective::new(network, batch.pass, batch.input, batch.labels);
    let frozen = network.index.iter().filter(|parameter| !parameter.trained);
    let frozen: Vec<_> = frozen.map(|parameter| parameter.range.clone()).collect();
    look(&mut |parameters: &[F], gradient: &mut [F]| {
        let (loss, whole) = objective.at(parameters)?;
        gradient.copy_from_slice(whole);
        frozen.iter().for_each(|range| gradient[range.clone()].fill(F::zero()));
        Ok(loss)
    })
}

impl<F: Scalar> Probe<F> for LandscapeProbe {
    fn take_rows(&mut self, write: &mut dyn FnMut(Table, &[String])) {
        self.rows.drain(..).for_each(|row| write(LandscapeRow::TABLE, &row.cells()));
    }
}
