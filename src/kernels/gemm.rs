//! The three matrix products of a linear map, on row-major slices.
//!
//! With X [m, k], W [k, n], Y [m, n]: forward Y = X·W, weight gradient dW = Xᵀ·dY, input gradient
//! dX = dY·Wᵀ.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Scalar;

fn view<F>(x: &[F], rows: usize, columns: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, columns), &x[..rows * columns]).expect("the slice was cut to this shape")
}

fn view_mut<F>(x: &mut [F], rows: usize, columns: usize) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((rows, columns), &mut x[..rows * columns]).expect("the slice was cut to this shape")
}

/// C [m, n] ← A [m, k] · B [k, n]
pub fn product<F: Scalar>(a: &[F], b: &[F], c: &mut [F], (m, k, n): (usize, usize, usize)) {
    general_mat_mul(F::one(), &view(a, m, k), &view(b, k, n), F::zero(), &mut view_mut(c, m, n));
}

/// C [k, n] ← Aᵀ · B + βC for A [m, k], B [m, n]
pub fn product_tn<F: Scalar>(a: &[F], b: &[F], beta: F, c: &mut [F], (m, k, n): (usize, usize, usize)) {
    general_mat_mul(F::one(), &view(a, m, k).t(), &view(b, m, n), beta, &mut view_mut(c, k, n));
}

/// C [m, k] ← A · Bᵀ for A [m, n], B [k, n]
pub fn product_nt<F: Scalar>(a: &[F], b: &[F], c: &mut [F], (m, k, n): (usize, usize, usize)) {
    general_mat_mul(F::one(), &view(a, m, n), &view(b, k, n).t(), F::zero(), &mut view_mut(c, m, k));
}
