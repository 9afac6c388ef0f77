//! What a norm's forward pass leaves for its backward pass, and room to work in.

use super::moments::{Groups, Kept, Moments};
use super::standardize::Coefficients;
use crate::kernels;
use crate::kernels::Scalar;
use crate::kernels::norm::{Gradient, PerChannel};

/// Buffers of one norm; those without another shape are \[C\].
#[derive(Debug, Clone, Default)]
pub struct NormCache<F> {
    /// μ, σ², m, s of each group.
    pub moments: Moments,
    /// The population statistics, once they were found.
    pub population: Option<Kept<F>>,
    /// m of the latest group.
    pub(super) center: Vec<F>,
    /// γ·s
    pub(super) scale: Vec<F>,
    /// β
    pub(super) shift: Vec<F>,
    pub(super) scale64: Vec<f64>,
    /// D₁
    pub(super) sum: Vec<f64>,
    /// D₂
    pub(super) centered: Vec<f64>,
    /// dγ and dβ, summed over the groups so far.
    pub(super) dgamma: Vec<f64>,
    pub(super) dbeta: Vec<f64>,
    pub(super) coefficients: Coefficients,
    pub(super) p: Vec<F>,
    pub(super) q: Vec<F>,
    pub(super) r: Vec<F>,
}

impl<F: Scalar> NormCache<F> {
    /// For C channels in up to `groups` groups; starts as the identity.
    pub fn new(channels: usize, groups: usize) -> Self {
        let (zeros, ones, d) = (|| vec![F::zero(); channels], || vec![F::one(); channels], || vec![0.0; channels]);
        Self {
            moments: Moments::with_capacity(groups, channels),
            population: None,
            center: zeros(),
            scale: ones(),
            shift: zeros(),
            scale64: d(),
            sum: d(),
            centered: d(),
            dgamma: d(),
            dbeta: d(),
            coefficients: Coefficients { p: d(), q: d(), r: d() },
            p: ones(),
            q: zeros(),
            r: zeros(),
        }
    }

    /// Begins the sums of group g; `first` is its first row.
    pub fn start_moments(&mut self, g: usize, first: &[F]) {
        self.center.copy_from_slice(first);
        let range = self.of_group(g);
        self.moments.mean[range.clone()].fill(0.0);
        self.moments.variance[range].fill(0.0);
    }

    /// Adds rows of x to them.
    pub fn add_to_moments(&mut self, g: usize, x: &[F]) {
        let range = self.of_group(g);
        let Moments { mean, variance, .. } = &mut self.moments;
        kernels::norm::add_to_moments(x, &self.center, &mut mean[range.clone()], &mut variance[range]);
    }

    /// Ends them: the group's μ and σ² are found.
    pub fn finish_moments(&mut self, g: usize) {
        let (range, rows) = (self.of_group(g), self.moments.rows(g).len());
        let Moments { mean, variance, .. } = &mut self.moments;
        kernels::norm::finish_moments(&self.center, rows, &mut mean[range.clone()], &mut variance[range]);
    }

    /// Without a norm: y = x + bias, for so many samples.
    pub fn only_shift(&mut self, bias: Option<&[F]>, samples: usize) {
        self.moments.resize(Groups::new(samples, samples), self.center.len());
        if let Some(bias) = bias {
            self.shift.copy_from_slice(bias);
        }
    }

    /// What forward does to each channel of the latest group.
    pub fn per_channel(&self) -> PerChannel<'_, F> {
        PerChannel { center: &self.center, scale: &self.scale, shift: &self.shift }
    }

    /// What backward does to each channel of the latest group.
    pub fn gradient(&self) -> Gradient<'_, F> {
        Gradient { center: &self.center, p: &self.p, q: &self.q, r: &self.r }
    }

    /// The range of group g in arrays of shape [G, C].
    pub(super) fn of_group(&self, g: usize) -> std::ops::Range<usize> {
        let channels = self.center.len();
        g * channels..(g + 1) * channels
    }
}
