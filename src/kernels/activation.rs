//! Elementwise non-linearities. Backward uses the output only: φ′ as a function of y = φ(x).

use super::exp;
use super::simd::{self, Has, Scalar, Task, Vector};

/// φ
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// max(0, x)
    Relu,
    /// tanh x
    Tanh,
    /// 1/(1 + e⁻ˣ)
    Sigmoid,
    /// x
    Identity,
}

/// φ as a type, for loops that are compiled for one function each.
pub trait Activation: Copy {
    /// φ(x)
    fn forward<V: Vector>(self, v: Has<V>, x: V) -> V;
    /// dy·φ′, where y = φ(x)
    fn backward<V: Vector>(self, v: Has<V>, y: V, dy: V) -> V;
}

/// max(0, x); NaN stays NaN, so that a broken run is seen to be broken. The derivative at 0 is 0.
#[derive(Debug, Clone, Copy)]
pub struct Relu;

impl Activation for Relu {
    #[inline(always)]
    fn forward<V: Vector>(self, v: Has<V>, x: V) -> V {
        v.zero().max(x)
    }
    #[inline(always)]
    fn backward<V: Vector>(self, v: Has<V>, y: V, dy: V) -> V {
        y.if_greater(v.zero(), dy, v.zero())
    }
}

/// tanh x; φ′ = 1 − y²
#[derive(Debug, Clone, Copy)]
pub struct Tanh;

impl Activation for Tanh {
    #[inline(always)]
    fn forward<V: Vector>(self, v: Has<V>, x: V) -> V {
        exp::tanh(v, x)
    }
    #[inline(always)]
    fn backward<V: Vector>(self, v: Has<V>, y: V, dy: V) -> V {
        dy * (v.splat(V::Element::of(1.0)) - y * y)
    }
}

/// 1/(1 + e⁻ˣ); φ′ = y(1 − y)
#[derive(Debug, Clone, Copy)]
pub struct Sigmoid;

impl Activation for Sigmoid {
    #[inline(always)]
    fn forward<V: Vector>(self, v: Has<V>, x: V) -> V {
        exp::sigmoid(v, x)
    }
    #[inline(always)]
    fn backward<V: Vector>(self, v: Has<V>, y: V, dy: V) -> V {
        dy * y * (v.splat(V::Element::of(1.0)) - y)
    }
}

/// x
#[derive(Debug, Clone, Copy)]
pub struct Identity;

impl Activation for Identity {
    #[inline(always)]
    fn forward<V: Vector>(self, _: Has<V>, x: V) -> V {
        x
    }
    #[inline(always)]
    fn backward<V: Vector>(self, _: Has<V>, _: V, dy: V) -> V {
        dy
    }
}

/// y ← φ(x)
pub fn forward<F: Scalar>(function: Function, x: &[F], y: &mut [F]) {
    match function {
        Function::Relu => simd::run(Forward(Relu, x, y)),
        Function::Tanh => simd::run(Forward(Tanh, x, y)),
        Function::Sigmoid => simd::run(Forward(Sigmoid, x, y)),
        Function::Identity => y.copy_from_slice(x),
    }
}

struct Forward<'a, A, F>(A, &'a [F], &'a mut [F]);

impl<A: Activation, F: Scalar> Task<F> for Forward<'_, A, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        for (x, y) in self.1.chunks(V::LANES).zip(self.2.chunks_mut(V::LANES)) {
            v.store(self.0.forward(v, v.load(x)), y);
        }
    }
}

/// d ← d·φ′, where y = φ(x)
pub fn backward<F: Scalar>(function: Function, y: &[F], d: &mut [F]) {
    match function {
        Function::Relu => simd::run(Backward(Relu, y, d)),
        Function::Tanh => simd::run(Backward(Tanh, y, d)),
        Function::Sigmoid => simd::run(Backward(Sigmoid, y, d)),
        Function::Identity => {}
    }
}

struct Backward<'a, A, F>(A, &'a [F], &'a mut [F]);

impl<A: Activation, F: Scalar> Task<F> for Backward<'_, A, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        for (y, d) in self.1.chunks(V::LANES).zip(self.2.chunks_mut(V::LANES)) {
            v.store(self.0.backward(v, v.load(y), v.load(d)), d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, at_each_level, numbers};

    fn check<F: Scalar>() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        type Pair<'a> = (&'a dyn Fn(f64) -> f64, &'a dyn Fn(f64) -> f64);
        let cases: [(Function, Pair); 4] = [
            (Function::Relu, (&|x| x.max(0.0), &|y| f64::from(u8::from(y > 0.0)))),
            (Function::Tanh, (&f64::tanh, &|y| 1.0 - y * y)),
            (Function::Sigmoid, (&sigmoid, &|y| y * (1.0 - y))),
            (Function::Identity, (&|x| x, &|_| 1.0)),
        ];
        for n in [1, 7, 16, 45] {
            let (x, dy) = (numbers::<F>(n, 1), numbers::<F>(n, 2));
            for (function, (value, derivative)) in cases {
                at_each_level(|level| {
                    let what = format!("{function:?} of {n} at {}", level.name());
                    let (mut y, mut dx) = (vec![F::zero(); n], dy.clone());
                    forward(function, &x, &mut y);
                    let expected: Vec<f64> = x.iter().map(|x| value(x.f64())).collect();
                    assert_close(&y, &expected, 4.0, &what);
                    backward(function, &y, &mut dx);
                    let expected: Vec<f64> = y.iter().zip(&dy).map(|(y, d)| derivative(y.f64()) * d.f64()).collect();
                    assert_close(&dx, &expected, 4.0, &what);
                });
            }
        }
    }

    #[test]
    fn functions_and_derivatives_agree_with_their_formulas() {
        check::<f32>();
        check::<f64>();
    }

    #[test]
    fn relu_keeps_nan() {
        at_each_level(|_| {
            let mut y = [0.0f32; 2];
            forward(Function::Relu, &[f32::NAN, -1.0], &mut y);
            assert!(y[0].is_nan() && y[1] == 0.0);
        });
    }
}
