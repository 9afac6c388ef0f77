//! Batch normalisation over a part of the batch (Hoffer et al. 2017): the batch is cut into groups of g
//! consecutive samples, and each is normalised by its own μ and σ², as if it were a batch by itself.
//!
//! ```text
//! x̂_i = (x_i − μ_G)/√(σ²_G + ε)          G the group of sample i
//! ```
//!
//! **Backward.** Groups are independent, so the formulas of [`super::batch`] hold in each, with n the group's values of a
//! channel; dγ and dβ are summed over the groups.
//!
//! **Evaluation** under batch statistics cuts the batch likewise; samples left over belong to the last
//! group. The running statistics move once a step, towards the average over the groups.

use super::batch::through_mean_and_sd;
use super::moments::Moments;
use super::standardize::{Backward, Coefficients, Standardize};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// Statistics of groups of `batch` samples.
#[derive(Debug)]
pub struct Ghost {
    /// g
    pub batch: usize,
    /// ε
    pub epsilon: f64,
}

impl<F: Scalar> Standardize<F> for Ghost {
    fn group(&self, pass: Pass, _: usize) -> Option<usize> {
        pass.uses_batch().then_some(self.batch)
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.subtract_the_mean();
        moments.divide_by_the_sd(self.epsilon);
    }

    fn gradient_coefficients(&self, group: &Backward, to: &mut Coefficients) {
        through_mean_and_sd(group, to);
    }
}
