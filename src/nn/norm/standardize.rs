//! How an arm does eq. 1: where m and s come from, and how the gradient passes through them.

use std::fmt::Debug;

use super::moments::{Kept, Moments};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// How eq. 1 is done. One implementation a file.
pub trait Standardize<F: Scalar>: Debug + Send + Sync {
    /// How many consecutive samples, of `samples` in all, share a mean and a variance. `None` if m and s
    /// do not depend on x in this pass: then they follow from the kept mean and variance, and each
    /// sample can be normalised by itself.
    fn group(&self, pass: Pass, samples: usize) -> Option<usize>;

    /// Sets m and s of all groups from their μ and σ².
    fn standardize(&self, moments: &mut Moments);

    /// Finds p, q and r of dx = p·dy + q·(x − m) + r, for all channels of a group. By default no gradient passes through m
    /// and s: dx = γs·dy. This is also what happens wherever they do not depend on x.
    fn gradient_coefficients(&self, group: &Backward, to: &mut Coefficients) {
        to.are_constant(group.scale);
    }

    /// The fewest values that a group's statistics can be found from.
    fn fewest_values(&self) -> usize {
        2
    }

    /// Values that a mean and a variance are found from, in a group of so many rows.
    fn values(&self, rows: usize, _channels: usize) -> usize {
        rows
    }

    /// Whether a mean and a variance are kept for evaluation.
    fn keeps_statistics(&self) -> bool {
        true
    }

    /// Whether training has constants of its own, beside those kept for evaluation.
    fn trains_on_others(&self) -> bool {
        false
    }

    /// Whether something is to be set from minibatch `step` before that step: the start of some arms
    /// depends on the data, others refresh their constants now and then.
    fn is_due(&self, _step: usize) -> bool {
        false
    }

    /// Sets it. The arm itself stays as it is: what it keeps between steps is in `from`, where a saved run and a
    /// checkpoint find it.
    fn begin(&self, _from: Begin<F>) -> Changed {
        Changed::Nothing
    }
}

/// What the gradient of one group's input depends on, all \[C\].
#[derive(Debug)]
pub struct Backward<'a> {
    /// Rows in the group.
    pub rows: usize,
    /// μ
    pub mean: &'a [f64],
    /// m
    pub center: &'a [f64],
    /// γ·s
    pub scale: &'a [f64],
    /// s
    pub inverse_sd: &'a [f64],
    /// D₁ = Σ dy
    pub sum: &'a [f64],
    /// D₂ = Σ dy·(x − m)
    pub centered: &'a [f64],
}

/// p, q, r of one group, all \[C\].
#[derive(Debug, Clone, Default)]
pub struct Coefficients {
    /// Factor of dy.
    pub p: Vec<f64>,
    /// Factor of x − m.
    pub q: Vec<f64>,
    /// What is added to every row.
    pub r: Vec<f64>,
}

impl Coefficients {
    /// The coefficients if m and s are constants: p = γs, q = r = 0.
    pub fn are_constant(&mut self, scale: &[f64]) {
        self.p.copy_from_slice(scale);
        self.q.fill(0.0);
        self.r.fill(0.0);
    }
}

/// What an arm may set before a step.
#[derive(Debug)]
pub struct Begin<'a, F> {
    /// Updates done so far.
    pub step: usize,
    /// μ and σ² of the whole minibatch, as one group, with the blocks below as they are now.
    pub moments: &'a Moments,
    /// γ and β, if the arm has them.
    pub affine: Option<[&'a mut [F]; 2]>,
    /// The kept mean and variance, if the arm has them.
    pub kept: Option<&'a mut Kept<F>>,
    /// Those that training uses, if they are others.
    pub current: Option<&'a mut Kept<F>>,
}

/// What was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Nothing that the optimiser has moments of.
    Nothing,
    /// γ and β. The optimiser forgets their moments.
    Affine,
}

/// A group with too few values of a channel to have statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFewValues {
    /// Samples in the group.
    pub samples: usize,
}
