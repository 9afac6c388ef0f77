//! Means and variances: those that a forward pass finds, and those that are kept for evaluation.

use std::ops::Range;

use crate::kernels::{self, Scalar};

/// Consecutive samples, cut into groups that each have a mean and a variance of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Groups {
    samples: usize,
    size: usize,
}

impl Groups {
    /// `samples` samples in groups of `size`. Samples left over belong to the last group.
    pub fn new(samples: usize, size: usize) -> Self {
        Self { samples, size: size.clamp(1, samples.max(1)) }
    }

    /// Number of groups.
    pub const fn count(self) -> usize {
        if self.samples == 0 { 0 } else { self.samples / self.size }
    }

    /// The samples of group g.
    pub const fn samples(self, g: usize) -> Range<usize> {
        g * self.size..if g + 1 == self.count() { self.samples } else { (g + 1) * self.size }
    }

    /// Samples in the smallest group.
    pub const fn smallest(self) -> usize {
        self.size
    }

    /// All groups' samples, in order.
    pub fn iter(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.count()).map(move |g| self.samples(g))
    }
}

/// μ, σ², m and s of each group and channel, all [G, C], as one forward pass found them.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    /// The groups, G of them.
    pub groups: Groups,
    /// Rows that a sample has: positions of a feature map.
    pub area: usize,
    /// Whether μ and σ² were found from x. If not they are constants, and there is one group.
    pub depend_on_x: bool,
    /// μ
    pub mean: Vec<f64>,
    /// σ², biased
    pub variance: Vec<f64>,
    /// m, what is subtracted: μ, or 0 where an arm does not centre.
    pub center: Vec<f64>,
    /// s, what x − m is multiplied by.
    pub inverse_sd: Vec<f64>,
}

impl Moments {
    /// With room for so many groups of C channels.
    pub fn with_capacity(groups: usize, channels: usize) -> Self {
        let mut moments = Self { area: 1, ..Self::default() };
        moments.resize(Groups::new(groups, 1), channels);
        moments
    }

    /// Makes room for the [G, C] values of these groups.
    pub fn resize(&mut self, groups: Groups, channels: usize) {
        self.groups = groups;
        for values in [&mut self.mean, &mut self.center, &mut self.variance, &mut self.inverse_sd] {
            values.resize(groups.count() * channels, 0.0);
        }
    }

    /// The rows of a group in x [rows, C].
    pub fn rows(&self, g: usize) -> Range<usize> {
        let samples = self.groups.samples(g);
        samples.start * self.area..samples.end * self.area
    }

    /// m ← μ
    pub fn subtract_the_mean(&mut self) {
        self.center.copy_from_slice(&self.mean);
    }

    /// s ← 1/√(σ² + ε)
    pub fn divide_by_the_sd(&mut self, epsilon: f64) {
        for (s, variance) in self.inverse_sd.iter_mut().zip(&self.variance) {
            *s = 1.0 / (variance + epsilon).sqrt();
        }
    }
}

/// A mean and a variance of each channel, kept for evaluation; both \[C\].
#[derive(Debug, Clone)]
pub struct Kept<F> {
    /// Starts at 0.
    pub mean: Vec<F>,
    /// Starts at 1.
    pub variance: Vec<F>,
}

impl<F: Scalar> Kept<F> {
    /// For C channels.
    pub fn new(channels: usize) -> Self {
        Self { mean: vec![F::zero(); channels], variance: vec![F::one(); channels] }
    }

    /// Mean and variance under these names.
    pub fn named(&self, [mean, variance]: [&'static str; 2]) -> [(&'static str, &[F]); 2] {
        [(mean, &self.mean), (variance, &self.variance)]
    }

    /// The same, to be put in place.
    pub fn named_mut(&mut self, [mean, variance]: [&'static str; 2]) -> [(&'static str, &mut [F]); 2] {
        [(mean, &mut self.mean), (variance, &mut self.variance)]
    }

    /// Takes μ and the biased σ² of a batch that is one group.
    pub fn set(&mut self, moments: &Moments) {
        self.approach(moments, 1.0);
    }

    /// Moves by the share a towards μ and the biased σ² of a batch that is one group.
    pub fn approach(&mut self, moments: &Moments, a: f64) {
        let toward = |kept: &mut F, new: &f64| *kept = F::of((1.0 - a) * kept.f64() + a * new);
        self.mean.iter_mut().zip(&moments.mean).for_each(|(kept, new)| toward(kept, new));
        self.variance.iter_mut().zip(&moments.variance).for_each(|(kept, new)| toward(kept, new));
    }

    /// Moves the running statistics towards those of a batch, with momentum a:
    /// mean ← (1 − a)·mean + a·μ and variance ← (1 − a)·variance + a·σ²·n/(n − 1), n being the values
    /// behind σ². That variance is the unbiased one, as in PyTorch. Over several groups μ and
    /// σ²·n/(n − 1) are averaged.
    pub fn absorb(&mut self, moments: &Moments, momentum: f64) {
        let channels = self.mean.len();
        let groups = moments.groups.count();
        let average = |of_group: &dyn Fn(usize) -> f64| (0..groups).map(of_group).sum::<f64>() / groups as f64;
        let toward = |kept: &mut F, new: f64| *kept = F::of((1.0 - momentum) * kept.f64() + momentum * new);
        for c in 0..channels {
            let at = |g: usize| g * channels + c;
            toward(&mut self.mean[c], average(&|g| moments.mean[at(g)]));
            let unbiased = |g: usize| {
                let n = moments.rows(g).len() as f64;
                moments.variance[at(g)] * n / (n - 1.0)
            };
            toward(&mut self.variance[c], average(&unbiased));
        }
    }
}

/// Gathers the mean and the biased variance of each channel over rows that come in parts.
#[derive(Debug)]
pub struct Sums<F> {
    /// x₀, \[C\]: the first row, about which the sums are taken.
    first: Vec<F>,
    rows: usize,
    /// Σ(x − x₀), \[C\].
    sum: Vec<f64>,
    /// Σ(x − x₀)², \[C\].
    squares: Vec<f64>,
}

impl<F: Scalar> Sums<F> {
    /// Without rows yet, for C channels.
    pub fn new(channels: usize) -> Self {
        Self { first: Vec::new(), rows: 0, sum: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    /// Takes in rows of x, [rows, C].
    pub fn add(&mut self, x: &[F]) {
        let channels = self.sum.len();
        if self.rows == 0 {
            self.first = x[..channels].to_vec();
        }
        self.rows += x.len() / channels;
        kernels::norm::add_to_moments(x, &self.first, &mut self.sum, &mut self.squares);
    }

    /// μ and σ², rounded to the precision of training.
    pub fn kept(mut self) -> Kept<F> {
        kernels::norm::finish_moments(&self.first, self.rows, &mut self.sum, &mut self.squares);
        let rounded = |values: Vec<f64>| values.into_iter().map(F::of).collect();
        Kept { mean: rounded(self.sum), variance: rounded(self.squares) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_left_over_belong_to_the_last_group() {
        let ends = |samples, size| Groups::new(samples, size).iter().map(|range| range.end).collect::<Vec<_>>();
        assert_eq!(ends(6, 3), [3, 6]);
        assert_eq!(ends(8, 3), [3, 8]);
        assert_eq!(ends(2, 3), [2]);
        assert_eq!(ends(2, 1), [1, 2]);
        assert!(ends(0, 1).is_empty());
    }
}
