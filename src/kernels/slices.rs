//! Plain loops over slices, which need no vectors of their own.

use super::simd::Scalar;

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
