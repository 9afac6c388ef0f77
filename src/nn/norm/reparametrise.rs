//! Arms that work on the weights and not on the activations.

use std::fmt::Debug;

use super::cache::NormCache;
use crate::kernels::Scalar;

/// The map's weight Ŵ as a function of the parameter W, both [fan_in, C] as they are stored. The cache has C channels and
/// one group, and belongs to this function alone.
pub trait Reparametrise<F: Scalar>: Debug + Send + Sync {
    /// Ŵ ← f(W)
    fn forward(&self, weight: &[F], to: &mut [F], cache: &mut NormCache<F>);

    /// Turns ∂L/∂Ŵ into ∂L/∂W in place, with the cache as the forward pass left it.
    fn backward(&self, weight: &[F], d: &mut [F], cache: &mut NormCache<F>);
}
