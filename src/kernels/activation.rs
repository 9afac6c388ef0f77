//! Elementwise non-linearities. Backward uses the output only: φ′ as a function of y = φ(x).

use super::Scalar;

/// y ← max(0, x); NaN stays NaN, so that a broken run is seen to be broken.
pub fn relu<F: Scalar>(x: &[F], y: &mut [F]) {
    for (o, v) in y.iter_mut().zip(x) {
        *o = if *v < F::zero() { F::zero() } else { *v };
    }
}

/// dx ← dy where y > 0, else 0: the derivative at 0 is taken as 0.
pub fn relu_backward<F: Scalar>(y: &[F], dy: &[F], dx: &mut [F]) {
    for ((o, v), d) in dx.iter_mut().zip(y).zip(dy) {
        *o = if *v > F::zero() { *d } else { F::zero() };
    }
}

/// y ← tanh x
pub fn tanh<F: Scalar>(x: &[F], y: &mut [F]) {
    for (o, v) in y.iter_mut().zip(x) {
        *o = v.tanh();
    }
}

/// dx ← dy · (1 − y²)
pub fn tanh_backward<F: Scalar>(y: &[F], dy: &[F], dx: &mut [F]) {
    for ((o, v), d) in dx.iter_mut().zip(y).zip(dy) {
        *o = *d * (F::one() - *v * *v);
    }
}

/// y ← 1 / (1 + e⁻ˣ); e⁻ˣ = ∞ gives 0, as it should.
pub fn sigmoid<F: Scalar>(x: &[F], y: &mut [F]) {
    for (o, v) in y.iter_mut().zip(x) {
        *o = F::one() / (F::one() + (-*v).exp());
    }
}

/// dx ← dy · y (1 − y)
pub fn sigmoid_backward<F: Scalar>(y: &[F], dy: &[F], dx: &mut [F]) {
    for ((o, v), d) in dx.iter_mut().zip(y).zip(dy) {
        *o = *d * *v * (F::one() - *v);
    }
}
