//! The loss of one batch as a function of the parameters.

use super::error::NetworkError;
use super::network::Network;
use super::pass::Pass;
use super::workspace::Workspace;
use crate::kernels::Scalar;

/// L(θ) and ∂L/∂θ on one batch, at any θ: the network lends its blocks, and no parameter is copied.
/// Values and gradients come by the plain path, on buffers of the objective's own. The pass may be any but one
/// under population statistics, which belong to a workspace.
#[derive(Debug)]
pub struct Objective<'a, F: Scalar> {
    network: &'a Network<F>,
    pass: Pass,
    labels: Vec<u8>,
    space: Workspace<F>,
}

impl<'a, F: Scalar> Objective<'a, F> {
    /// On the batch of these features, [N, H, W, C], and labels, N of them.
    pub fn new(network: &'a Network<F>, pass: Pass, features: &[F], labels: &[u8]) -> Self {
        let mut space = network.space_for_probing(labels.len());
        space.input.set(features);
        Self { network, pass, labels: labels.to_vec(), space }
    }

    /// On another batch, of no more samples than the first.
    pub fn set(&mut self, features: &[F], labels: &[u8]) {
        self.space.input.set(features);
        self.labels.clear();
        self.labels.extend_from_slice(labels);
    }

    /// L(θ), the mean over the batch, and ∂L/∂θ. Parameters and gradient are laid out as the network's are.
    ///
    /// # Errors
    /// If a norm needs more values per channel than it gets.
    pub fn at(&mut self, parameters: &[F]) -> Result<(f64, &[F]), NetworkError> {
        self.network.forward_at(parameters, self.pass, &mut self.space)?;
        let outcome = self.network.loss(&mut self.space, &self.labels);
        self.network.backward_at(parameters, self.pass, &mut self.space, true);
        Ok((outcome.loss_sum / self.labels.len() as f64, &self.space.gradients))
    }

    /// What the latest passes left: every stage's values and gradients.
    pub fn space(&self) -> &Workspace<F> {
        &self.space
    }
}
