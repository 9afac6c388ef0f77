//! The passes over memory that every norm is made of, on matrices of rows by C channels.
//!
//! Rows come in G groups of equal size, each with coefficients of its own, [G, C]; batch
//! normalisation has one group, the whole batch. The arms differ only in how they compute the
//! coefficients (`nn::norm`).
//!
//! Sums over many rows are kept in f64. A pass takes a vector of channels at a time, over as many rows as
//! fit the cache, so that the sums stay in registers.

use super::activation::{Activation, Function, Identity, Relu, Sigmoid, Tanh};
use super::simd::{self, Has, Scalar, Task, Vector};

/// Values that a pass reads for one vector of channels before it takes the next: they stay in the cache.
const CACHED: usize = 4096;

/// Chunks of whole rows that fit the cache.
fn chunk(channels: usize) -> usize {
    (CACHED / channels).max(1) * channels
}

/// Rows that are summed in the precision of x before the sum goes on in f64. The roundings of eight f32 are
/// random, and thousands of such sums average them out to far less than one rounding of the result.
const RUN: usize = 8;

/// Per-channel mean and biased variance of one group of rows: μ = Σx/n, σ² = Σ(x − μ)²/n.
///
/// One pass over x, about the first row x₀ as a provisional mean: with S₁ = Σ(x − x₀) and
/// S₂ = Σ(x − x₀)², μ = x₀ + S₁/n and σ² = S₂/n − (S₁/n)² (Chan, Golub & LeVeque 1983, shifted data).
/// |μ − x₀| is a few σ, so the difference loses nothing, however far from zero the data lie.
pub fn moments<F: Scalar>(x: &[F], mean: &mut [f64], variance: &mut [f64]) {
    let channels = mean.len();
    variance.fill(0.0);
    if x.len() == channels {
        return mean.iter_mut().zip(x).for_each(|(mean, x)| *mean = x.f64());
    }
    mean.fill(0.0);
    add_to_moments(x, &x[..channels], mean, variance);
    finish_moments(&x[..channels], x.len() / channels, mean, variance);
}

/// Adds rows of x to S₁ and S₂ about x₀, all \[C\].
pub fn add_to_moments<F: Scalar>(x: &[F], first: &[F], sum: &mut [f64], squares: &mut [f64]) {
    simd::run(Moments { x, first, sum, squares });
}

/// From x₀, S₁ and S₂ of n rows to μ and σ².
pub fn finish_moments<F: Scalar>(first: &[F], rows: usize, mean: &mut [f64], variance: &mut [f64]) {
    let n = rows as f64;
    for ((mean, variance), first) in mean.iter_mut().zip(variance).zip(first) {
        let shift = *mean / n;
        *mean = first.f64() + shift;
        *variance = *variance / n - shift * shift;
        if *variance < 0.0 {
            *variance = 0.0;
        }
    }
}

struct Moments<'a, F> {
    x: &'a [F],
    first: &'a [F],
    sum: &'a mut [f64],
    squares: &'a mut [f64],
}

impl<F: Scalar> Task<F> for Moments<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let channels = self.first.len();
        let zero = [v.double().zero(); 2];
        // Backwards: what was written last is still in the cache.
        for rows in self.x.chunks(chunk(channels)).rev() {
            for at in (0..channels).step_by(V::LANES) {
                let range = at..(at + V::LANES).min(channels);
                let first = v.load(&self.first[range.clone()]);
                let (mut sums, mut squares) = (zero, zero);
                for run in rows.chunks(RUN * channels) {
                    let (mut sum, mut square) = (v.zero(), v.zero());
                    for row in run.chunks_exact(channels) {
                        let d = v.load(&row[range.clone()]) - first;
                        sum = sum + d;
                        square = d.mul_add(d, square);
                    }
                    sums = v.add_widened(sums, sum);
                    squares = v.add_widened(squares, square);
                }
                v.add_to_sums(sums, &mut self.sum[range.clone()]);
                v.add_to_sums(squares, &mut self.squares[range]);
            }
        }
    }
}

/// sums_c ← Σ_r x_rc for x [rows, C]
pub fn column_sums<F: Scalar>(x: &[F], sums: &mut [f64]) {
    sums.fill(0.0);
    simd::run(ColumnSums(x, sums));
}

struct ColumnSums<'a, F>(&'a [F], &'a mut [f64]);

impl<F: Scalar> Task<F> for ColumnSums<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let Self(x, sums) = self;
        let channels = sums.len();
        for rows in x.chunks(chunk(channels)) {
            for at in (0..channels).step_by(V::LANES) {
                let range = at..(at + V::LANES).min(channels);
                let mut all = [v.double().zero(); 2];
                for run in rows.chunks(RUN * channels) {
                    let mut sum = v.zero();
                    for row in run.chunks_exact(channels) {
                        sum = sum + v.load(&row[range.clone()]);
                    }
                    all = v.add_widened(all, sum);
                }
                v.add_to_sums(all, &mut sums[range]);
            }
        }
    }
}

/// What a norm does to each channel, (x − center)·scale + shift; all \[C\].
#[derive(Debug, Clone, Copy)]
pub struct PerChannel<'a, F> {
    /// What is subtracted.
    pub center: &'a [F],
    /// What it is multiplied by.
    pub scale: &'a [F],
    /// What is added.
    pub shift: &'a [F],
}

impl<F: Scalar> PerChannel<'_, F> {
    /// The coefficients of up to a vector of channels.
    #[inline(always)]
    pub fn load<V: Vector<Element = F>>(&self, v: Has<V>, range: std::ops::Range<usize>) -> [V; 3] {
        [v.load(&self.center[range.clone()]), v.load(&self.scale[range.clone()]), v.load(&self.shift[range])]
    }
}

/// y ← φ((x − center)·scale + shift), for one group.
pub fn normalize<F: Scalar>(function: Function, x: &[F], coefficients: PerChannel<F>, y: &mut [F]) {
    match function {
        Function::Relu => simd::run(Normalize(Relu, x, coefficients, y)),
        Function::Tanh => simd::run(Normalize(Tanh, x, coefficients, y)),
        Function::Sigmoid => simd::run(Normalize(Sigmoid, x, coefficients, y)),
        Function::Identity => simd::run(Normalize(Identity, x, coefficients, y)),
    }
}

struct Normalize<'a, A, F>(A, &'a [F], PerChannel<'a, F>, &'a mut [F]);

impl<A: Activation, F: Scalar> Task<F> for Normalize<'_, A, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let Self(function, x, coefficients, y) = self;
        let channels = coefficients.center.len();
        let size = chunk(channels);
        for (x, y) in x.chunks(size).zip(y.chunks_mut(size)) {
            for at in (0..channels).step_by(V::LANES) {
                let range = at..(at + V::LANES).min(channels);
                let [center, scale, shift] = coefficients.load(v, range.clone());
                for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
                    let normalized = (v.load(&x[range.clone()]) - center).mul_add(scale, shift);
                    v.store(function.forward(v, normalized), &mut y[range.clone()]);
                }
            }
        }
    }
}

/// D₁ = Σ dy and D₂ = Σ dy·(x − center) per channel, for one group.
pub fn reduce<F: Scalar>(dy: &[F], x: &[F], center: &[F], sum: &mut [f64], centered: &mut [f64]) {
    sum.fill(0.0);
    centered.fill(0.0);
    simd::run(Reduce { dy, x, center, sum, centered });
}

struct Reduce<'a, F> {
    dy: &'a [F],
    x: &'a [F],
    center: &'a [F],
    sum: &'a mut [f64],
    centered: &'a mut [f64],
}

impl<F: Scalar> Task<F> for Reduce<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let channels = self.center.len();
        let size = chunk(channels);
        let zero = [v.double().zero(); 2];
        for (dy, x) in self.dy.chunks(size).zip(self.x.chunks(size)) {
            for at in (0..channels).step_by(V::LANES) {
                let range = at..(at + V::LANES).min(channels);
                let center = v.load(&self.center[range.clone()]);
                let (mut sums, mut products) = (zero, zero);
                for (dy, x) in dy.chunks(RUN * channels).zip(x.chunks(RUN * channels)) {
                    let (mut sum, mut product) = (v.zero(), v.zero());
                    for (dy, x) in dy.chunks_exact(channels).zip(x.chunks_exact(channels)) {
                        let dy = v.load(&dy[range.clone()]);
                        sum = sum + dy;
                        product = dy.mul_add(v.load(&x[range.clone()]) - center, product);
                    }
                    sums = v.add_widened(sums, sum);
                    products = v.add_widened(products, product);
                }
                v.add_to_sums(sums, &mut self.sum[range.clone()]);
                v.add_to_sums(products, &mut self.centered[range]);
            }
        }
    }
}

/// The coefficients of dx = p·dy + q·(x − center) + r, and the centre; all \[C\].
#[derive(Debug, Clone, Copy)]
pub struct Gradient<'a, F> {
    /// What was subtracted from x.
    pub center: &'a [F],
    /// Factor of dy.
    pub p: &'a [F],
    /// Factor of x − center.
    pub q: &'a [F],
    /// What is added.
    pub r: &'a [F],
}

impl<F: Scalar> Gradient<'_, F> {
    /// center, p, q, r of up to a vector of channels.
    #[inline(always)]
    pub fn load<V: Vector<Element = F>>(&self, v: Has<V>, range: std::ops::Range<usize>) -> [V; 4] {
        [self.center, self.p, self.q, self.r].map(|values| v.load(&values[range.clone()]))
    }
}

/// d ← p·d + q·(x − center) + r, for one group: from dy to dx.
pub fn combine<F: Scalar>(d: &mut [F], x: &[F], coefficients: Gradient<F>) {
    simd::run(Combine { d, x, coefficients });
}

struct Combine<'a, F> {
    d: &'a mut [F],
    x: &'a [F],
    coefficients: Gradient<'a, F>,
}

impl<F: Scalar> Task<F> for Combine<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let channels = self.coefficients.center.len();
        let size = chunk(channels);
        for (d, x) in self.d.chunks_mut(size).zip(self.x.chunks(size)) {
            for at in (0..channels).step_by(V::LANES) {
                let range = at..(at + V::LANES).min(channels);
                let [center, p, q, r] = self.coefficients.load(v, range.clone());
                for (d, x) in d.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                    let to = &mut d[range.clone()];
                    let from_x = (v.load(&x[range.clone()]) - center).mul_add(q, r);
                    v.store(p.mul_add(v.load(to), from_x), to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, at_each_level, numbers};

    /// Rows by channels, with more rows than fit one chunk among them.
    const SHAPES: [(usize, usize); 9] =
        [(1, 1), (2, 3), (7, 16), (60, 100), (5, 17), (3000, 1), (600, 16), (300, 33), (2, 5000)];

    fn check<F: Scalar>(rows: usize, channels: usize) {
        let n = rows * channels;
        let (x, dy) = (numbers::<F>(n, 1), numbers::<F>(n, 2));
        let [center, scale, shift, p, q, r] = [3, 4, 5, 6, 7, 8].map(|seed| numbers::<F>(channels, seed));
        let column = |c: usize| (0..rows).map(move |i| i * channels + c);
        let per_channel = |f: &dyn Fn(usize) -> f64| (0..channels).map(f).collect::<Vec<f64>>();
        let per_entry = |f: &dyn Fn(usize, usize) -> f64| (0..n).map(|i| f(i, i % channels)).collect::<Vec<f64>>();

        let mean = per_channel(&|c| column(c).map(|i| x[i].f64()).sum::<f64>() / rows as f64);
        let variance = per_channel(&|c| column(c).map(|i| (x[i].f64() - mean[c]).powi(2)).sum::<f64>() / rows as f64);
        let sum = per_channel(&|c| column(c).map(|i| dy[i].f64()).sum());
        let centered = |i: usize, c: usize| x[i].f64() - center[c].f64();
        let products = per_channel(&|c| column(c).map(|i| dy[i].f64() * centered(i, c)).sum());
        let normalized = per_entry(&|i, c| (centered(i, c) * scale[c].f64() + shift[c].f64()).tanh());
        let dx = per_entry(&|i, c| p[c].f64() * dy[i].f64() + q[c].f64() * centered(i, c) + r[c].f64());

        at_each_level(|level| {
            let what = format!("{rows} rows by {channels} channels at {}", level.name());
            let (mut first, mut second) = (vec![9.0; channels], vec![9.0; channels]);
            // f32: a rounding or two, however many rows there are, for sums of runs go on in f64.
            let tolerance = if F::MANTISSA_BITS == 23 { 2.0 } else { 2.0 + (rows as f64).sqrt() };
            let rounded = |values: &[f64]| values.iter().map(|s| F::of(*s)).collect::<Vec<F>>();
            moments(&x, &mut first, &mut second);
            assert_close(&rounded(&first), &mean, tolerance, &what);
            assert_close(&rounded(&second), &variance, tolerance, &what);
            let runs = 2.0 + (RUN as f64) * (rows as f64 / RUN as f64).sqrt();
            column_sums(&dy, &mut first);
            assert_close(&rounded(&first), &sum, runs, &what);
            reduce(&dy, &x, &center, &mut first, &mut second);
            assert_close(&rounded(&first), &sum, runs, &what);
            assert_close(&rounded(&second), &products, runs, &what);
            let mut y = vec![F::zero(); n];
            normalize(Function::Tanh, &x, PerChannel { center: &center, scale: &scale, shift: &shift }, &mut y);
            assert_close(&y, &normalized, 6.0, &what);
            let mut d = dy.clone();
            combine(&mut d, &x, Gradient { center: &center, p: &p, q: &q, r: &r });
            assert_close(&d, &dx, 6.0, &what);
        });
    }

    #[test]
    fn passes_agree_with_their_formulas_on_all_shapes() {
        for (rows, channels) in SHAPES {
            check::<f32>(rows, channels);
            check::<f64>(rows, channels);
        }
    }

    #[test]
    fn moments_stay_right_far_from_zero() {
        // 1e4 ± 1 in f32: a one-pass variance about zero, Σx² − nμ², would be lost in rounding.
        let x: Vec<f32> = (0..5000).flat_map(|i| [1e4 + if i % 2 == 0 { 1.0 } else { -1.0 }, i as f32]).collect();
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        at_each_level(|_| {
            let (mut mean, mut variance) = (mean, variance);
            moments(&x, &mut mean, &mut variance);
            assert_eq!((mean[0], variance[0]), (1e4, 1.0));
            assert_eq!(mean[1], 2499.5);
            let exact = (5000.0 * 5000.0 - 1.0) / 12.0;
            assert!((variance[1] / exact - 1.0).abs() < f64::from(f32::EPSILON) / 2.0, "{}", variance[1]);
        });
        // A constant has no variance at all, and NaN is not hidden.
        moments(&[0.1f32; 6], &mut mean, &mut variance);
        assert_eq!(variance, [0.0; 2]);
        moments(&[0.1f32, f32::NAN, 0.2, 1.0], &mut mean, &mut variance);
        assert!(!variance[0].is_nan() && variance[1].is_nan());
    }
}
