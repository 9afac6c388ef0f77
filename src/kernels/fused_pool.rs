//! Norm, activation and max pool in one pass over memory: y = max over 2×2 windows of
//! φ((x − center)·scale + shift), and its backward pass.
//!
//! φ never decreases. So the largest of the four values is found before φ, and φ is computed only for that
//! one, the winner. Of equal values the first wins, and NaN wins, as in [`super::pool`]. Where φ makes
//! different values equal, its derivative is 0. An odd last row or column is dropped.
//!
//! Only winners receive gradient. So the sums D₁ and D₂ of a norm's backward pass
//! ([`super::norm::reduce`]) run over the pool's outputs only: over dy and the winners' x, which the forward pass
//! keeps as `winner_input`. dx is not 0 elsewhere, because the statistics depend on every x. It is
//! written once, an image at a time, and the convolution's backward pass reads it next.

use super::activation::{Activation, Function, Identity, Relu, Sigmoid, Tanh};
use super::norm::{Gradient, PerChannel};
use super::pool::Hwc;
use super::simd::{self, Has, Scalar, Task, Vector};

/// What the forward pass writes, each [N, H/2, W/2, C].
#[derive(Debug)]
pub struct Pooled<'a, F> {
    /// y
    pub y: &'a mut [F],
    /// The winner's x: the pool's input there, before norm and activation.
    pub winner_input: &'a mut [F],
    /// Which of the window's four values won, 0 to 3 in row, column order.
    pub winner: &'a mut [u8],
}

/// y ← the largest of each window of φ((x − center)·scale + shift), for any number of images.
pub fn forward<F: Scalar>(function: Function, x: &[F], shape: Hwc, coefficients: PerChannel<F>, to: Pooled<F>) {
    match function {
        Function::Relu => simd::run(Forward { function: Relu, x, shape, coefficients, to }),
        Function::Tanh => simd::run(Forward { function: Tanh, x, shape, coefficients, to }),
        Function::Sigmoid => simd::run(Forward { function: Sigmoid, x, shape, coefficients, to }),
        Function::Identity => simd::run(Forward { function: Identity, x, shape, coefficients, to }),
    }
}

struct Forward<'a, A, F> {
    function: A,
    x: &'a [F],
    shape: Hwc,
    coefficients: PerChannel<'a, F>,
    to: Pooled<'a, F>,
}

impl<A: Activation, F: Scalar> Task<F> for Forward<'_, A, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let (height, width, channels) = self.shape;
        let (oh, ow) = (height / 2, width / 2);
        let number = [1.0, 2.0, 3.0].map(|i| v.splat(F::of(i)));
        let pair_of_rows = 2 * width * channels;
        let pooled_row = ow * channels;
        for (n, image) in self.x.chunks_exact(height * width * channels).enumerate() {
            for i in 0..oh {
                let rows = &image[i * pair_of_rows..][..pair_of_rows];
                let (upper, lower) = rows.split_at(width * channels);
                let out = (n * oh + i) * pooled_row..(n * oh + i + 1) * pooled_row;
                let y = &mut self.to.y[out.clone()];
                let winner_input = &mut self.to.winner_input[out.clone()];
                let winner = &mut self.to.winner[out];
                for at in (0..channels).step_by(V::LANES) {
                    let range = at..(at + V::LANES).min(channels);
                    let [center, scale, shift] = self.coefficients.load(v, range.clone());
                    for j in 0..ow {
                        let (left, right) = (2 * j * channels, (2 * j + 1) * channels);
                        let here = |row: &[F], from: usize| v.load(&row[from + range.start..from + range.end]);
                        let corners = [here(upper, left), here(upper, right), here(lower, left), here(lower, right)];
                        let of = |x: V| (x - center).mul_add(scale, shift);
                        let (mut best, mut best_x, mut which) = (of(corners[0]), corners[0], v.zero());
                        for k in 1..4 {
                            let value = of(corners[k]);
                            // Greater, or NaN: then it is not equal to itself.
                            best_x = value.if_greater(best, corners[k], best_x);
                            best_x = value.if_equal(value, best_x, corners[k]);
                            which = value.if_greater(best, number[k - 1], which);
                            which = value.if_equal(value, which, number[k - 1]);
                            let larger = value.if_greater(best, value, best);
                            best = value.if_equal(value, larger, value);
                        }
                        let out = j * channels + range.start..j * channels + range.end;
                        v.store(self.function.forward(v, best), &mut y[out.clone()]);
                        v.store(best_x, &mut winner_input[out.clone()]);
                        v.store_bytes(which, &mut winner[out]);
                    }
                }
            }
        }
    }
}

/// dx ← p·g at the winners and 0 elsewhere: [`combine`] where statistics do not depend on x.
pub fn scatter<F: Scalar>(g: &[F], winner: &[u8], shape: Hwc, p: &[F], dx: &mut [F]) {
    simd::run(Scatter { g, winner, shape, p, dx });
}

struct Scatter<'a, F> {
    g: &'a [F],
    winner: &'a [u8],
    shape: Hwc,
    p: &'a [F],
    dx: &'a mut [F],
}

impl<F: Scalar> Task<F> for Scatter<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let (height, width, channels) = self.shape;
        let (oh, ow) = (height / 2, width / 2);
        let number = [0.0, 1.0, 2.0, 3.0].map(|i| v.splat(F::of(i)));
        for (n, dx) in self.dx.chunks_exact_mut(height * width * channels).enumerate() {
            if !height.is_multiple_of(2) || !width.is_multiple_of(2) {
                dx.fill(F::zero());
            }
            for at in (0..channels).step_by(V::LANES) {
                let range = at..(at + V::LANES).min(channels);
                let p = v.load(&self.p[range.clone()]);
                for i in 0..oh {
                    for j in 0..ow {
                        let pooled = ((n * oh + i) * ow + j) * channels;
                        let pooled = pooled + range.start..pooled + range.end;
                        let g = v.load(&self.g[pooled.clone()]) * p;
                        let winner = v.load_bytes(&self.winner[pooled]);
                        for (k, number) in number.iter().enumerate() {
                            let to = ((2 * i + k / 2) * width + 2 * j + k % 2) * channels;
                            let value = winner.if_equal(*number, g, v.zero());
                            v.store(value, &mut dx[to + range.start..to + range.end]);
                        }
                    }
                }
            }
        }
    }
}

/// dx ← p·g + q·(x − center) + r, where g is dy·φ′ at the winners and 0 elsewhere, for any number of
/// images; `g` and `winner` are [N, H/2, W/2, C].
pub fn combine<F: Scalar>(g: &[F], winner: &[u8], x: &[F], shape: Hwc, coefficients: Gradient<F>, dx: &mut [F]) {
    simd::run(Combine { g, winner, x, shape, coefficients, dx });
}

struct Combine<'a, F> {
    g: &'a [F],
    winner: &'a [u8],
    x: &'a [F],
    shape: Hwc,
    coefficients: Gradient<'a, F>,
    dx: &'a mut [F],
}

impl<F: Scalar> Task<F> for Combine<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let (height, width, channels) = self.shape;
        let (oh, ow) = (height / 2, width / 2);
        let number = [0.0, 1.0, 2.0, 3.0].map(|i| v.splat(F::of(i)));
        let image = height * width * channels;
        for (n, (x, dx)) in self.x.chunks_exact(image).zip(self.dx.chunks_exact_mut(image)).enumerate() {
            for at in (0..channels).step_by(V::LANES) {
                let range = at..(at + V::LANES).min(channels);
                let [center, p, q, r] = self.coefficients.load(v, range.clone());
                let dense =
                    |x: &[F], from: usize| (v.load(&x[from + range.start..from + range.end]) - center).mul_add(q, r);
                for i in 0..oh {
                    for j in 0..ow {
                        let pooled = ((n * oh + i) * ow + j) * channels;
                        let pooled = pooled + range.start..pooled + range.end;
                        let g = v.load(&self.g[pooled.clone()]) * p;
                        let winner = v.load_bytes(&self.winner[pooled]);
                        for (k, number) in number.iter().enumerate() {
                            let from = ((2 * i + k / 2) * width + 2 * j + k % 2) * channels;
                            let value = dense(x, from);
                            let value = winner.if_equal(*number, value + g, value);
                            v.store(value, &mut dx[from + range.start..from + range.end]);
                        }
                    }
                }
                // The last row or column, which no window covers.
                let is_odd = |n: usize| !n.is_multiple_of(2);
                let last_column = (0..height).filter(|_| is_odd(width)).map(|i| (i * width + width - 1) * channels);
                let last_row = (0..width).filter(|_| is_odd(height)).map(|j| ((height - 1) * width + j) * channels);
                for from in last_column.chain(last_row) {
                    v.store(dense(x, from), &mut dx[from + range.start..from + range.end]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, at_each_level, numbers};
    use crate::kernels::{activation, norm, pool};

    const SHAPES: [(usize, Hwc); 7] = [
        (2, (4, 6, 3)),
        (1, (5, 7, 16)),
        (3, (2, 2, 1)),
        (2, (28, 28, 16)),
        (1, (3, 2, 20)),
        (2, (4, 4, 40)),
        (1, (1, 5, 8)),
    ];

    /// The same in separate passes, each tested on its own.
    fn check<F: Scalar>(function: Function, samples: usize, shape: Hwc) {
        let (h, w, c) = shape;
        let (n, pooled) = (samples * h * w * c, samples * (h / 2) * (w / 2) * c);
        // Few different values, so that windows have equal ones.
        let x: Vec<F> = numbers::<F>(n, 1).iter().map(|x| (*x * F::of(3.0)).round()).collect();
        let dy = numbers::<F>(pooled, 2);
        let [center, scale, shift, p, q, r] = [3, 4, 5, 6, 7, 8].map(|seed| numbers::<F>(c, seed));
        let coefficients = PerChannel { center: &center, scale: &scale, shift: &shift };
        let gradient = Gradient { center: &center, p: &p, q: &q, r: &r };
        at_each_level(|level| {
            let what = format!("{function:?} of {samples}×{shape:?} at {}", level.name());
            let (mut y, mut winner_input, mut winner) =
                (vec![F::zero(); pooled], vec![F::zero(); pooled], vec![0; pooled]);
            forward(
                function,
                &x,
                shape,
                coefficients,
                Pooled { y: &mut y, winner_input: &mut winner_input, winner: &mut winner },
            );

            let (mut normalized, mut active) = (vec![F::zero(); n], vec![F::zero(); n]);
            norm::normalize(Function::Identity, &x, coefficients, &mut normalized);
            activation::forward(function, &normalized, &mut active);
            let (mut expected, mut expected_winner) = (vec![F::zero(); pooled], vec![0; pooled]);
            pool::max(&active, &mut expected, &mut expected_winner, samples, shape);
            let in_f64 = |values: &[F]| values.iter().map(|v| v.f64()).collect::<Vec<_>>();
            assert_close(&y, &in_f64(&expected), 2.0, &what);
            // φ may make equals; before it the winner is the same.
            pool::max(&normalized, &mut expected, &mut expected_winner, samples, shape);
            assert_eq!(winner, expected_winner, "{what}");

            let mut g = dy.clone();
            activation::backward(function, &y, &mut g);
            let mut dx = vec![F::zero(); n];
            combine(&g, &winner, &x, shape, gradient, &mut dx);
            let mut expected = vec![F::zero(); n];
            pool::max_backward(&g, &winner, &mut expected, samples, shape);
            // x at the winners is what the sums of a norm need.
            let (mut found, mut sums) = (vec![[0.0; 2]; c], vec![[0.0; 2]; c]);
            for i in 0..pooled {
                found[i % c][1] += g[i].f64() * (winner_input[i].f64() - center[i % c].f64());
            }
            for i in 0..n {
                sums[i % c][1] += expected[i].f64() * (x[i].f64() - center[i % c].f64());
            }
            for (f, s) in found.iter().zip(&sums) {
                assert!((f[1] - s[1]).abs() < 1e-9, "{what}: {f:?} {s:?}");
            }
            let scattered: Vec<f64> = expected.iter().enumerate().map(|(i, g)| g.f64() * p[i % c].f64()).collect();
            norm::combine(&mut expected, &x, gradient);
            assert_close(&dx, &in_f64(&expected), 4.0, &what);
            dx.fill(F::nan());
            scatter(&g, &winner, shape, &p, &mut dx);
            assert_close(&dx, &scattered, 2.0, &what);
        });
    }

    #[test]
    fn one_pass_does_what_norm_activation_and_pool_do() {
        for (samples, shape) in SHAPES {
            for function in [Function::Relu, Function::Tanh, Function::Sigmoid, Function::Identity] {
                check::<f32>(function, samples, shape);
                check::<f64>(function, samples, shape);
            }
        }
    }

    #[test]
    fn nan_wins_its_window() {
        for at in 0..4 {
            at_each_level(|level| {
                let mut x = [1.0f32, 4.0, 3.0, 2.0];
                x[at] = f32::NAN;
                let (mut y, mut winner_input, mut winner) = ([0.0], [0.0], [9]);
                let coefficients = PerChannel { center: &[0.0], scale: &[1.0], shift: &[0.0] };
                let to = Pooled { y: &mut y, winner_input: &mut winner_input, winner: &mut winner };
                forward(Function::Relu, &x, (2, 2, 1), coefficients, to);
                assert!(y[0].is_nan(), "{at} at {}", level.name());
            });
        }
    }
}
