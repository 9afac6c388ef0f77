//! Arms that work on the weights and not on the activations.

use std::fmt::Debug;

use crate::kernels::Scalar;

/// The map's weight Ŵ as a function of the parameter W, both [fan_in, C] as they are stored.
pub trait Reparametrise<F: Scalar>: Debug + Send + Sync {
    /// Ŵ ← f(W), for C channels.
    fn forward(&self, weight: &[F], channels: usize, to: &mut [F]);

    /// From ∂L/∂Ŵ to ∂L/∂W in place.
    fn backward(&self, weight: &[F], channels: usize, d: &mut [F]);
}
