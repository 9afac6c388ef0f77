//! Numbers on slices. Nothing here knows of networks, arms or data sets.
//!
//! Feature maps are [N, H, W, C], row-major: samples, rows, columns, channels. A norm sees them as
//! a matrix of N·H·W rows by C channels, and so does a fully connected layer's output, with
//! H = W = 1; one kernel serves both. Sums over many values are kept in f64, so that f32 statistics are
//! right however large the batch is.

pub mod activation;
pub mod conv;
pub mod gemm;
pub mod norm;
pub mod pool;
pub mod softmax;

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, MulAssign, SubAssign};

/// The two precisions of training: f32 and f64.
pub trait Scalar:
    num_traits::Float
    + ndarray::LinalgScalar
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
    + Default
    + Debug
    + Display
    + Send
    + Sync
    + 'static
{
    /// The nearest value of this precision.
    fn of(x: f64) -> Self;
    /// Exactly, in double precision.
    fn f64(self) -> f64;
}

impl Scalar for f32 {
    fn of(x: f64) -> Self {
        x as f32
    }
    fn f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn f64(self) -> f64 {
        self
    }
}

/// The instruction level of the matrix products, which the bytes of results may depend on.
pub fn level() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        return "avx2";
    }
    "portable"
}

/// sums_c ← Σ_r x_rc for x [rows, C]
pub fn column_sums<F: Scalar>(x: &[F], sums: &mut [f64]) {
    sums.fill(0.0);
    for row in x.chunks_exact(sums.len()) {
        for (s, v) in sums.iter_mut().zip(row) {
            *s += v.f64();
        }
    }
}

/// Adds b \[C\] to every row of x [rows, C].
pub fn add_to_rows<F: Scalar>(x: &mut [F], bias: &[F]) {
    for row in x.chunks_exact_mut(bias.len()) {
        for (v, b) in row.iter_mut().zip(bias) {
            *v += *b;
        }
    }
}

/// The Euclidean norm ‖x‖, in f64.
pub fn l2_norm<F: Scalar>(x: &[F]) -> f64 {
    x.iter().map(|v| v.f64() * v.f64()).sum::<f64>().sqrt()
}
