//! Eq. 1 switched off: m = 0, s = 1, whatever the batch. With γ and β this is eq. 3, y = γx + β.
//!
//! No statistic depends on x, so dx = γ·dy: p = γs, q = r = 0.

use super::{Backward, Coefficients, Moments, Standardize, Statistics, TooFewRows};
use crate::kernels::Scalar;

/// No standardising.
#[derive(Debug)]
pub struct Off;

impl<F: Scalar> Standardize<F> for Off {
    fn group_rows(&self, _: usize, _: Statistics) -> Option<usize> {
        None
    }

    fn standardize(&self, _: Statistics, moments: &mut Moments) -> Result<(), TooFewRows> {
        moments.mean.fill(0.0);
        moments.center.fill(0.0);
        moments.inverse_sd.fill(1.0);
        Ok(())
    }

    fn input_gradient(&self, group: &Backward, to: &mut Coefficients) {
        to.p.copy_from_slice(group.scale);
        to.q.fill(0.0);
        to.r.fill(0.0);
    }
}
