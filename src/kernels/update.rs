//! The optimisers' updates, elementwise: θ, gradient g and state go through memory once.
//!
//! Each returns whether every θ is finite afterwards. That is read off Σ 0·θ, which is 0 unless one
//! of them is not.

use super::simd::{self, Has, Scalar, Task, Vector};

/// θ ← θ − η(g + λθ)
#[derive(Debug)]
pub struct Sgd<'a, F> {
    /// θ
    pub theta: &'a mut [F],
    /// g
    pub gradient: &'a [F],
    /// η
    pub rate: F,
    /// λ
    pub decay: F,
}

/// g ← g + λθ; v ← mv + g; θ ← θ − ηv, or with Nesterov's, θ ← θ − η(g + mv)
#[derive(Debug)]
pub struct Momentum<'a, F> {
    /// The arguments it shares with plain SGD.
    pub sgd: Sgd<'a, F>,
    /// v
    pub velocity: &'a mut [F],
    /// m
    pub momentum: F,
    /// Whether it is Nesterov's momentum.
    pub nesterov: bool,
}

/// θ ← kθ; g ← g + λθ; m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; θ ← θ − ηm/(c√v + ε)
#[derive(Debug)]
pub struct Adam<'a, F> {
    /// θ, g, λ, and for η the rate over m's bias correction, 1 − β₁ᵗ.
    pub sgd: Sgd<'a, F>,
    /// k, the factor by which decoupled weight decay shrinks θ; 1 without.
    pub keep: F,
    /// m
    pub first: &'a mut [F],
    /// v
    pub second: &'a mut [F],
    /// β₁, 1 − β₁
    pub beta1: (F, F),
    /// β₂, 1 − β₂
    pub beta2: (F, F),
    /// c, one over the root of v's bias correction, 1/√(1 − β₂ᵗ).
    pub per_root: F,
    /// ε
    pub epsilon: F,
}

/// Runs an update; returns whether every θ is finite afterwards.
pub fn run<F: Scalar>(update: impl Task<F, Output = bool>) -> bool {
    simd::run(update)
}

/// Whether Σ 0·θ is 0.
#[inline(always)]
fn is_zero<V: Vector>(v: Has<V>, sum: V) -> bool {
    let mut lanes = [V::Element::default(); 16];
    v.store(sum, &mut lanes);
    lanes.iter().all(|x| *x == V::Element::default())
}

impl<F: Scalar> Task<F> for Sgd<'_, F> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) -> bool {
        let (decay, minus_rate) = (v.splat(self.decay), v.splat(-self.rate));
        let update = |theta: &mut [F], g: &[F], finite: V| {
            let t = v.load(theta);
            let t = decay.mul_add(t, v.load(g)).mul_add(minus_rate, t);
            v.store(t, theta);
            t.mul_add(v.zero(), finite)
        };
        // Whole vectors first: their length need not be checked each time.
        let (mut theta, g) = (self.theta.chunks_exact_mut(V::LANES), self.gradient.chunks_exact(V::LANES));
        let last = g.remainder();
        let finite = theta.by_ref().zip(g).fold(v.zero(), |finite, (theta, g)| update(theta, g, finite));
        is_zero(v, update(theta.into_remainder(), last, finite))
    }
}

impl<F: Scalar> Task<F> for Momentum<'_, F> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) -> bool {
        let Sgd { theta, gradient, rate, decay } = self.sgd;
        let [decay, minus_rate, momentum] = [decay, -rate, self.momentum].map(|x| v.splat(x));
        let mut finite = v.zero();
        let state = gradient.chunks(V::LANES).zip(self.velocity.chunks_mut(V::LANES));
        for (theta, (g, velocity)) in theta.chunks_mut(V::LANES).zip(state) {
            let t = v.load(theta);
            let g = decay.mul_add(t, v.load(g));
            let new = momentum.mul_add(v.load(velocity), g);
            let step = if self.nesterov { momentum.mul_add(new, g) } else { new };
            let t = step.mul_add(minus_rate, t);
            finite = t.mul_add(v.zero(), finite);
            v.store(new, velocity);
            v.store(t, theta);
        }
        is_zero(v, finite)
    }
}

impl<F: Scalar> Task<F> for Adam<'_, F> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) -> bool {
        let Sgd { theta, gradient, rate, decay } = self.sgd;
        let [decay, minus_rate, keep] = [decay, -rate, self.keep].map(|x| v.splat(x));
        let [beta1, rest1] = [self.beta1.0, self.beta1.1].map(|x| v.splat(x));
        let [beta2, rest2] = [self.beta2.0, self.beta2.1].map(|x| v.splat(x));
        let [per_root, epsilon] = [self.per_root, self.epsilon].map(|x| v.splat(x));
        let mut finite = v.zero();
        let state = self.first.chunks_mut(V::LANES).zip(self.second.chunks_mut(V::LANES));
        for ((theta, g), (first, second)) in theta.chunks_mut(V::LANES).zip(gradient.chunks(V::LANES)).zip(state) {
            let t = v.load(theta) * keep;
            let g = decay.mul_add(t, v.load(g));
            let m = beta1.mul_add(v.load(first), rest1 * g);
            let squares = beta2.mul_add(v.load(second), rest2 * g * g);
            let step = m / squares.sqrt().mul_add(per_root, epsilon);
            let t = step.mul_add(minus_rate, t);
            finite = t.mul_add(v.zero(), finite);
            v.store(m, first);
            v.store(squares, second);
            v.store(t, theta);
        }
        is_zero(v, finite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, at_each_level, numbers};

    #[test]
    fn updates_agree_with_their_formulas() {
        for n in [1, 5, 16, 17, 100] {
            let [theta, g, velocity] = [1, 2, 3].map(|seed| numbers::<f64>(n, seed));
            let second: Vec<f64> = numbers::<f64>(n, 4).iter().map(|x| x * x).collect();
            let (rate, decay, momentum) = (0.1, 0.01, 0.9);
            let of = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<f64>>();
            let full = |i: usize| g[i] + decay * theta[i];
            at_each_level(|level| {
                let mut t = theta.clone();
                assert!(run(Sgd { theta: &mut t, gradient: &g, rate, decay }));
                assert_close(&t, &of(&|i| theta[i] - rate * full(i)), 4.0, level.name());
                for nesterov in [false, true] {
                    let (mut t, mut v) = (theta.clone(), velocity.clone());
                    let sgd = Sgd { theta: &mut t, gradient: &g, rate, decay };
                    assert!(run(Momentum { sgd, velocity: &mut v, momentum, nesterov }));
                    let new = |i: usize| momentum * velocity[i] + full(i);
                    let step = |i: usize| if nesterov { full(i) + momentum * new(i) } else { new(i) };
                    assert_close(&v, &of(&new), 4.0, level.name());
                    assert_close(&t, &of(&|i| theta[i] - rate * step(i)), 4.0, level.name());
                }
                let (mut t, mut m, mut s) = (theta.clone(), velocity.clone(), second.clone());
                let sgd = Sgd { theta: &mut t, gradient: &g, rate, decay };
                let (beta1, beta2, per_root, epsilon, keep) = ((0.9, 0.1), (0.99, 0.01), 2.0, 1e-3, 0.99);
                assert!(run(Adam { sgd, keep, first: &mut m, second: &mut s, beta1, beta2, per_root, epsilon }));
                let g = |i: usize| g[i] + decay * keep * theta[i];
                let new_m = |i: usize| 0.9 * velocity[i] + 0.1 * g(i);
                let new_s = |i: usize| 0.99 * second[i] + 0.01 * g(i) * g(i);
                assert_close(&m, &of(&new_m), 4.0, level.name());
                assert_close(&s, &of(&new_s), 4.0, level.name());
                let expected = of(&|i| keep * theta[i] - rate * new_m(i) / (new_s(i).sqrt() * per_root + epsilon));
                assert_close(&t, &expected, 8.0, level.name());
            });
        }
    }

    #[test]
    fn what_is_not_finite_is_noticed_wherever_it_is() {
        for bad in [f32::NAN, f32::INFINITY] {
            for at in 0..21 {
                at_each_level(|_| {
                    let (mut theta, gradient) = ([1.0; 21], [0.5; 21]);
                    theta[at] = bad;
                    assert!(!run(Sgd { theta: &mut theta, gradient: &gradient, rate: 0.1, decay: 0.0 }));
                });
            }
        }
    }
}
