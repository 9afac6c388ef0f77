//! eˣ, sigmoid and tanh on vectors, to a few units in the last place over the whole range.
//!
//! eˣ = 2ⁿ·eʳ with n the integer nearest x/ln 2 and r = x − n ln 2, so |r| ≤ ½ ln 2. ln 2 is split in
//! two so that n ln 2 is subtracted without loss (Cody & Waite 1980). eʳ − 1 is its Taylor series,
//! which for |r| ≤ 0.35 needs 7 terms in f32 and 13 in f64.

use super::simd::{Has, Scalar, Vector};

/// Constants that depend on the precision.
#[derive(Debug, Clone, Copy)]
struct Constants {
    /// Terms of the series of eʳ − 1.
    terms: usize,
    /// The bits of ln 2 that n·`high` needs, and the rest.
    ln2: (f64, f64),
    /// Below the first eˣ is 0, above the second ∞.
    range: (f64, f64),
    /// Beyond it tanh x is 1.
    tanh_is_one: f64,
}

const fn constants<F: Scalar>() -> Constants {
    if F::MANTISSA_BITS == 23 {
        // 355/512, which n can be multiplied by exactly.
        let high = 355.0 / 512.0;
        Constants { terms: 7, ln2: (high, std::f64::consts::LN_2 - high), range: (-104.0, 89.0), tanh_is_one: 10.0 }
    } else {
        // The first 32 bits, and the rest to twice the precision (fdlibm's e_exp.c has the same split).
        let ln2 = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
        Constants { terms: 13, ln2, range: (-746.0, 710.0), tanh_is_one: 20.0 }
    }
}

/// 1/k!
const fn one_over_factorial(k: usize) -> f64 {
    let (mut product, mut i) = (1.0, 2);
    while i <= k {
        product *= i as f64;
        i += 1;
    }
    1.0 / product
}

/// (n, eʳ − 1) for x = n ln 2 + r
#[inline(always)]
fn split<V: Vector>(v: Has<V>, x: V) -> (V, V) {
    let constants = constants::<V::Element>();
    let of = |x: f64| v.splat(V::Element::of(x));
    // Adding 1.5·2^bits leaves no room for a fraction: the sum is rounded to an integer.
    let round = of(1.5 * (1u64 << V::Element::MANTISSA_BITS) as f64);
    let n = x.mul_add(of(std::f64::consts::LOG2_E), round) - round;
    let r = n.mul_add(of(-constants.ln2.1), n.mul_add(of(-constants.ln2.0), x));
    let mut sum = of(one_over_factorial(constants.terms));
    for k in (1..constants.terms).rev() {
        sum = sum.mul_add(r, of(one_over_factorial(k)));
    }
    (n, sum * r)
}

/// eˣ; NaN stays NaN.
#[inline(always)]
pub fn exp<V: Vector>(v: Has<V>, x: V) -> V {
    let (low, high) = constants::<V::Element>().range;
    let of = |x: f64| v.splat(V::Element::of(x));
    // `min` and `max` return their argument if either is NaN.
    let (n, p) = split(v, of(high).min(of(low).max(x)));
    (p + of(1.0)).times_power_of_two(n)
}

/// 1/(1 + e⁻ˣ), as e^−|x| or 1 over 1 + e^−|x|, so that nothing overflows.
#[inline(always)]
pub fn sigmoid<V: Vector>(v: Has<V>, x: V) -> V {
    let (zero, one) = (v.zero(), v.splat(V::Element::of(1.0)));
    let e = exp(v, x.if_greater(zero, zero - x, x));
    x.if_greater(zero, one, e) * (one + e).reciprocal()
}

/// tanh |x| = −m/(m + 2) with m = e^−2|x| − 1, found without cancellation near 0.
#[inline(always)]
pub fn tanh<V: Vector>(v: Has<V>, x: V) -> V {
    let of = |x: f64| v.splat(V::Element::of(x));
    let (zero, one) = (v.zero(), of(1.0));
    let magnitude = of(constants::<V::Element>().tanh_is_one).min(x.if_greater(zero, x, zero - x));
    let (n, p) = split(v, magnitude * of(-2.0));
    let power = one.times_power_of_two(n);
    let m = power.mul_add(p, power - one);
    let t = (zero - m) * (m + of(2.0)).reciprocal();
    x.if_greater(zero, t, zero - t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::{self, Task};
    use crate::kernels::testing::at_each_level;

    struct Apply<'a, F> {
        which: &'a str,
        x: &'a [F],
        y: &'a mut [F],
    }

    impl<F: Scalar> Task<F> for Apply<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run<V: Vector<Element = F>>(self, v: Has<V>) {
            for (x, y) in self.x.chunks(V::LANES).zip(self.y.chunks_mut(V::LANES)) {
                let x = v.load(x);
                let value = match self.which {
                    "exp" => exp(v, x),
                    "sigmoid" => sigmoid(v, x),
                    _ => tanh(v, x),
                };
                v.store(value, y);
            }
        }
    }

    fn apply<F: Scalar>(which: &str, x: &[F]) -> Vec<F> {
        let mut y = vec![F::zero(); x.len()];
        simd::run(Apply { which, x, y: &mut y });
        y
    }

    fn exact(which: &str, x: f64) -> f64 {
        match which {
            "exp" => x.exp(),
            // Through the same side as the kernel, or 1 + eˣ would round away what is looked for.
            "sigmoid" if x < 0.0 => x.exp() / (1.0 + x.exp()),
            "sigmoid" => 1.0 / (1.0 + (-x).exp()),
            _ => x.tanh(),
        }
    }

    #[test]
    fn in_f32_they_are_right_to_a_few_last_places_over_the_whole_range() {
        // Every 4099th float there is: both signs, subnormals, infinities' neighbours.
        let x: Vec<f32> = (0..=u32::MAX).step_by(4099).map(f32::from_bits).filter(|x| !x.is_nan()).collect();
        assert!(x.len() > 1_000_000);
        at_each_level(|level| {
            for (which, bound) in [("exp", 1.5), ("sigmoid", 2.5), ("tanh", 2.5)] {
                let mut worst = (0.0, 0.0);
                for (x, y) in x.iter().zip(apply(which, &x)) {
                    let exact = exact(which, f64::from(*x));
                    let nearest = exact as f32;
                    if nearest.is_infinite() || y.is_infinite() {
                        assert!(y == nearest || nearest.is_infinite() && y == f32::MAX, "{which} {x} is {y}");
                        continue;
                    }
                    let last_place = f64::from(nearest.abs().max(f32::MIN_POSITIVE) * f32::EPSILON) / 2.0;
                    let error = (f64::from(y) - exact).abs() / last_place / 2.0;
                    if error > worst.0 {
                        worst = (error, *x);
                    }
                }
                assert!(worst.0 <= bound, "{which} at {}: off by {} last places at {}", level.name(), worst.0, worst.1);
            }
        });
    }

    #[test]
    fn in_f64_they_agree_with_the_standard_library() {
        let range = |to: f64| (-20_000..20_000).map(move |i| f64::from(i) * to / 20_000.0);
        let x: Vec<f64> = range(750.0).chain(range(30.0)).chain(range(1.0)).chain(range(1e-9)).collect();
        at_each_level(|level| {
            for which in ["exp", "sigmoid", "tanh"] {
                for (x, y) in x.iter().zip(apply(which, &x)) {
                    let exact = exact(which, *x);
                    let close = (y - exact).abs() <= 4.0 * f64::EPSILON * exact.abs().max(f64::MIN_POSITIVE);
                    assert!(y == exact || close, "{which}({x}) at {} is {y}, expected {exact}", level.name());
                }
            }
        });
    }

    #[test]
    fn limits_and_nan() {
        at_each_level(|_| {
            let x = [f32::NEG_INFINITY, f32::INFINITY, 0.0, f32::NAN];
            let expected =
                [("exp", [0.0, f32::INFINITY, 1.0]), ("sigmoid", [0.0, 1.0, 0.5]), ("tanh", [-1.0, 1.0, 0.0])];
            for (which, expected) in expected {
                let found = apply(which, &x);
                assert_eq!(found[..3], expected, "{which}");
                assert!(found[3].is_nan(), "{which}");
            }
        });
    }
}
