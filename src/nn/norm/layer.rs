//! The norm of a block: eq. 1 as its arm does it, then eq. 2, group by group.
//!
//! The passes over memory are those of `kernels::norm`, shared by all arms; [`super::plain`] writes batch normalisation as
//! in a textbook.

use std::ops::Range;

use super::arms::Place;
use super::cache::NormCache;
use super::moments::{Groups, Kept, Moments};
use super::standardize::{Backward, Begin, Changed, Standardize, TooFewValues};
use crate::kernels::activation::Function;
use crate::kernels::{self, Scalar};
use crate::nn::pass::{Pass, Statistics};

/// A norm in its block.
#[derive(Debug)]
pub struct Norm<F: Scalar> {
    /// C
    pub channels: usize,
    /// Positions of the feature map that it reads: rows that a sample has.
    pub area: usize,
    /// ε
    pub epsilon: f64,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f64,
    /// Eq. 1
    pub standardize: Box<dyn Standardize<F>>,
    /// The mean and variance kept for evaluation, if the arm has them.
    pub kept: Option<Kept<F>>,
    /// The mean and variance that training takes for constants, if they are others.
    pub current: Option<Kept<F>>,
    /// γ and β in the network's parameters; `None` stands for γ = 1, β = 0.
    pub affine: Option<(Range<usize>, Range<usize>)>,
}

impl<F: Scalar> Norm<F> {
    /// A norm at its place, with γ and β at theirs among the parameters, if it has them.
    pub fn new(
        standardize: Box<dyn Standardize<F>>,
        place: Place,
        affine: Option<(Range<usize>, Range<usize>)>,
    ) -> Self {
        let Place { channels, area, options, .. } = place;
        let kept = standardize.keeps_statistics().then(|| Kept::new(channels));
        let current = standardize.trains_on_others().then(|| Kept::new(channels));
        let (epsilon, momentum) = (options.epsilon, options.momentum);
        Self { channels, area, epsilon, momentum, standardize, kept, current, affine }
    }

    /// The cache of passes over up to `samples` samples.
    pub fn cache(&self, samples: usize) -> NormCache<F> {
        let groups = self.group(samples).map_or(1, |size| Groups::new(samples, size).count());
        NormCache::new(self.channels, groups)
    }

    /// y ← γ·(x − m)·s + β for x, y [rows, C].
    ///
    /// # Errors
    /// If a group has too few values of a channel for its statistics.
    pub fn forward(
        &self,
        parameters: &[F],
        pass: Pass,
        x: &[F],
        y: &mut [F],
        cache: &mut NormCache<F>,
    ) -> Result<(), TooFewValues> {
        self.find_moments(pass, x, cache)?;
        for g in 0..cache.moments.groups.count() {
            let values = self.values(&cache.moments, g);
            self.coefficients(parameters, g, cache);
            kernels::norm::normalize(Function::Identity, &x[values.clone()], cache.per_channel(), &mut y[values]);
        }
        Ok(())
    }

    /// Turns dy into dx in place, and writes dγ, dβ to `gradients`; x and cache are those of the forward pass.
    pub fn backward(&self, parameters: &[F], x: &[F], d: &mut [F], cache: &mut NormCache<F>, gradients: &mut [F]) {
        for g in 0..cache.moments.groups.count() {
            let values = self.values(&cache.moments, g);
            let (x, d) = (&x[values.clone()], &mut d[values]);
            self.gradient(parameters, g, (d, x), cache, gradients);
            kernels::norm::combine(d, x, cache.gradient());
        }
    }

    /// Finds μ, σ², m and s of every group of x [rows, C].
    ///
    /// # Errors
    /// As [`Norm::forward`].
    pub fn find_moments(&self, pass: Pass, x: &[F], cache: &mut NormCache<F>) -> Result<(), TooFewValues> {
        let samples = x.len() / (self.channels * self.area);
        if self.begin_moments(pass, samples, cache)? {
            self.find_from(x, cache);
        }
        self.standardize.standardize(&mut cache.moments);
        Ok(())
    }

    /// Finds μ and σ² of every group of x.
    pub fn find_from(&self, x: &[F], cache: &mut NormCache<F>) {
        for g in 0..cache.moments.groups.count() {
            let (values, range) = (self.values(&cache.moments, g), cache.of_group(g));
            let Moments { mean, variance, .. } = &mut cache.moments;
            kernels::norm::moments(&x[values], &mut mean[range.clone()], &mut variance[range]);
        }
    }

    /// Settles the groups of a pass over so many samples. Returns whether μ and σ² are to be found from x;
    /// if not, the kept ones are put in place, or 0 and 1.
    ///
    /// # Errors
    /// As [`Norm::forward`].
    pub fn begin_moments(&self, pass: Pass, samples: usize, cache: &mut NormCache<F>) -> Result<bool, TooFewValues> {
        let NormCache { moments, population, .. } = cache;
        let size = self.standardize.group(pass, samples);
        let groups = Groups::new(samples, size.unwrap_or(samples));
        moments.resize(groups, self.channels);
        (moments.area, moments.depend_on_x) = (self.area, size.is_some());
        if size.is_some() {
            return self.check(groups).map(|()| true);
        }
        let is_population = pass == Pass::Evaluate(Statistics::Population) && self.has_population();
        assert!(!is_population || population.is_some(), "the population statistics were not found");
        let kept = match pass {
            Pass::Evaluate(_) if is_population => population.as_ref(),
            Pass::Evaluate(_) => self.kept.as_ref(),
            Pass::Train { .. } => self.current.as_ref().or(self.kept.as_ref()),
        };
        for c in 0..if samples == 0 { 0 } else { self.channels } {
            (moments.mean[c], moments.variance[c]) =
                kept.map_or((0.0, 1.0), |kept| (kept.mean[c].f64(), kept.variance[c].f64()));
        }
        Ok(false)
    }

    /// Checks that every group has enough values of a channel.
    fn check(&self, groups: Groups) -> Result<(), TooFewValues> {
        let samples = groups.smallest();
        let values = self.standardize.values(samples * self.area, self.channels);
        let is_enough = values >= self.standardize.fewest_values();
        if is_enough { Ok(()) } else { Err(TooFewValues { samples }) }
    }

    /// Checks that a batch of so many samples can be trained on.
    ///
    /// # Errors
    /// As [`Norm::forward`].
    pub fn check_batch(&self, samples: usize) -> Result<(), TooFewValues> {
        // A start is found from the whole batch.
        let start = self.standardize.is_due(0).then_some(samples);
        let size = self.standardize.group(TRAINING, samples).or(start);
        size.map_or(Ok(()), |size| self.check(Groups::new(samples, size)))
    }

    /// Samples of a training batch that share statistics; `None` if there are none to share.
    pub fn group(&self, samples: usize) -> Option<usize> {
        self.standardize.group(TRAINING, samples)
    }

    /// Whether m and s depend on x in any pass.
    pub fn depends_on_x(&self) -> bool {
        let evaluations = [Statistics::Batch, Statistics::Running, Statistics::Population].map(Pass::Evaluate);
        evaluations.into_iter().chain([TRAINING]).any(|pass| self.standardize.group(pass, 2).is_some())
    }

    /// Whether evaluation under batch statistics differs from that under kept ones.
    pub fn uses_batch(&self) -> bool {
        let depends = |statistics| self.standardize.group(Pass::Evaluate(statistics), 2).is_some();
        depends(Statistics::Batch) && !depends(Statistics::Running)
    }

    /// Whether population statistics stand in for the kept ones.
    pub fn has_population(&self) -> bool {
        self.kept.is_some() && self.uses_batch()
    }

    /// Sets center, scale and shift of a group from the moments that were found.
    pub fn coefficients(&self, parameters: &[F], g: usize, cache: &mut NormCache<F>) {
        let range = cache.of_group(g);
        let NormCache { moments, center, scale, shift, .. } = cache;
        center.iter_mut().zip(&moments.center[range.clone()]).for_each(|(to, m)| *to = F::of(*m));
        let inverse_sd = &moments.inverse_sd[range];
        match &self.affine {
            Some((gamma, beta)) => {
                let gamma = &parameters[gamma.clone()];
                let pairs = gamma.iter().zip(inverse_sd);
                scale.iter_mut().zip(pairs).for_each(|(to, (gamma, s))| *to = F::of(gamma.f64() * s));
                shift.copy_from_slice(&parameters[beta.clone()]);
            }
            None => {
                scale.iter_mut().zip(inverse_sd).for_each(|(to, s)| *to = F::of(*s));
                shift.fill(F::zero());
            }
        }
    }

    /// Sets p, q and r of a group from dy and x, and adds to dγ and dβ: the first group resets them, the last completes
    /// them. Rows with dy = 0 may be left out of dy and x.
    pub fn gradient(
        &self,
        parameters: &[F],
        g: usize,
        (dy, x): (&[F], &[F]),
        cache: &mut NormCache<F>,
        gradients: &mut [F],
    ) {
        let range = cache.of_group(g);
        let rows = cache.moments.rows(g).len();
        let Moments { mean, center, inverse_sd, depend_on_x, .. } = &cache.moments;
        let (mean, center) = (&mean[range.clone()], &center[range.clone()]);
        let inverse_sd = &inverse_sd[range];
        cache.center.iter_mut().zip(center).for_each(|(to, m)| *to = F::of(*m));
        match &self.affine {
            Some((gamma, _)) => {
                let pairs = parameters[gamma.clone()].iter().zip(inverse_sd);
                cache.scale64.iter_mut().zip(pairs).for_each(|(to, (gamma, s))| *to = gamma.f64() * s);
            }
            None => cache.scale64.copy_from_slice(inverse_sd),
        }
        kernels::norm::reduce(dy, x, &cache.center, &mut cache.sum, &mut cache.centered);
        let (scale, sum, centered) = (&cache.scale64[..], &cache.sum[..], &cache.centered[..]);
        let found = &mut cache.coefficients;
        if *depend_on_x {
            let group = Backward { rows, mean, center, scale, inverse_sd, sum, centered };
            self.standardize.gradient_coefficients(&group, found);
        } else {
            found.are_constant(scale);
        }
        for (to, from) in [(&mut cache.p, &found.p), (&mut cache.q, &found.q), (&mut cache.r, &found.r)] {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = F::of(*from));
        }
        let Some((gamma, beta)) = &self.affine else { return };
        if g == 0 {
            cache.dgamma.fill(0.0);
            cache.dbeta.fill(0.0);
        }
        cache.dgamma.iter_mut().zip(inverse_sd).zip(centered).for_each(|((d, s), centered)| *d += s * centered);
        cache.dbeta.iter_mut().zip(sum).for_each(|(d, sum)| *d += sum);
        if g + 1 == cache.moments.groups.count() {
            let write = |to: &mut [F], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, d)| *to = F::of(*d));
            write(&mut gradients[gamma.clone()], &cache.dgamma);
            write(&mut gradients[beta.clone()], &cache.dbeta);
        }
    }

    /// γ' and β', in f64, of the map y = γ'x + β' that the norm is in evaluation under running statistics; `None` if they
    /// depend on x there, too.
    pub fn in_evaluation(&self, parameters: &[F]) -> Option<[Vec<f64>; 2]> {
        let mut cache = self.cache(1);
        if self.begin_moments(Pass::Evaluate(Statistics::Running), 1, &mut cache).unwrap_or(true) {
            return None;
        }
        self.standardize.standardize(&mut cache.moments);
        let Moments { center, inverse_sd, .. } = cache.moments;
        let of = |range: &Range<usize>, c: usize| parameters[range.start + c].f64();
        let gamma = |c: usize| self.affine.as_ref().map_or(1.0, |(gamma, _)| of(gamma, c));
        let beta = |c: usize| self.affine.as_ref().map_or(0.0, |(_, beta)| of(beta, c));
        let scale: Vec<f64> = (0..self.channels).map(|c| gamma(c) * inverse_sd[c]).collect();
        let shift = (0..self.channels).map(|c| beta(c) - scale[c] * center[c]).collect();
        Some([scale, shift])
    }

    /// Takes the statistics of a training batch into the kept ones.
    pub fn absorb(&mut self, moments: &Moments) {
        if let Some(kept) = self.kept.as_mut().filter(|_| moments.depend_on_x) {
            kept.absorb(moments, self.momentum);
        }
    }

    /// Sets what the arm sets before a step, from its input at that time.
    ///
    /// # Errors
    /// As [`Norm::forward`].
    pub fn begin(
        &mut self,
        parameters: &mut [F],
        step: usize,
        x: &[F],
        cache: &mut NormCache<F>,
    ) -> Result<Changed, TooFewValues> {
        self.find_whole_moments(x, &mut cache.moments);
        self.check(cache.moments.groups)?;
        let affine = self
            .affine
            .as_ref()
            .and_then(|(gamma, beta)| parameters.get_disjoint_mut([gamma.clone(), beta.clone()]).ok());
        let (kept, current) = (self.kept.as_mut(), self.current.as_mut());
        Ok(self.standardize.begin(Begin { step, moments: &cache.moments, affine, kept, current }))
    }

    /// μ and σ² of x as one group.
    fn find_whole_moments(&self, x: &[F], moments: &mut Moments) {
        let samples = x.len() / (self.channels * self.area);
        moments.resize(Groups::new(samples, samples), self.channels);
        (moments.area, moments.depend_on_x) = (self.area, true);
        kernels::norm::moments(x, &mut moments.mean, &mut moments.variance);
    }

    /// What is kept for evaluation, each \[C\], under its public name.
    pub fn buffers(&self) -> impl Iterator<Item = (&'static str, &[F])> {
        let current = self.current.iter().flat_map(|current| current.named(CURRENT));
        self.kept.iter().flat_map(|kept| kept.named(KEPT)).chain(current)
    }

    /// The same, to be put in place.
    pub fn buffers_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut [F])> {
        let current = self.current.iter_mut().flat_map(|current| current.named_mut(CURRENT));
        self.kept.iter_mut().flat_map(|kept| kept.named_mut(KEPT)).chain(current)
    }

    /// The values of a group in x [rows, C].
    fn values(&self, moments: &Moments, g: usize) -> Range<usize> {
        let rows = moments.rows(g);
        rows.start * self.channels..rows.end * self.channels
    }
}

/// Public names of a kept mean and variance, and of those of training.
const KEPT: [&str; 2] = ["running_mean", "running_var"];
const CURRENT: [&str; 2] = ["mean", "var"];

/// Any training step: groups do not depend on which it is.
const TRAINING: Pass = Pass::Train { seed: 0, step: 0 };
