//! The four passes over memory that every norm is made of, on matrices of rows by C channels.
//!
//! Rows come in G groups of equal size, each with coefficients of its own, [G, C]; batch
//! normalisation has one group, the whole batch. What distinguishes the arms is only how the
//! coefficients come about (`nn::norm`).

use super::{Scalar, column_sums};

/// Per-channel mean and biased variance of one group of rows: μ = Σx/n, σ² = Σ(x − μ)²/n.
///
/// Two passes: subtracting the mean first keeps the variance right where |μ| ≫ σ.
pub fn moments<F: Scalar>(x: &[F], mean: &mut [f64], variance: &mut [f64]) {
    let channels = mean.len();
    let rows = (x.len() / channels) as f64;
    column_sums(x, mean);
    mean.iter_mut().for_each(|m| *m /= rows);
    variance.fill(0.0);
    for row in x.chunks_exact(channels) {
        for c in 0..channels {
            let d = row[c].f64() - mean[c];
            variance[c] += d * d;
        }
    }
    variance.iter_mut().for_each(|v| *v /= rows);
}

/// y ← (x − center) · scale + shift, for one group; center, scale, shift are \[C\].
pub fn normalize<F: Scalar>(x: &[F], center: &[F], scale: &[F], shift: &[F], y: &mut [F]) {
    let channels = center.len();
    for (row, out) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
        for c in 0..channels {
            out[c] = (row[c] - center[c]) * scale[c] + shift[c];
        }
    }
}

/// Σ dy and Σ dy·(x − center) per channel, for one group.
pub fn reduce<F: Scalar>(dy: &[F], x: &[F], center: &[F], sum: &mut [f64], centered: &mut [f64]) {
    let channels = center.len();
    sum.fill(0.0);
    centered.fill(0.0);
    for (drow, row) in dy.chunks_exact(channels).zip(x.chunks_exact(channels)) {
        for c in 0..channels {
            sum[c] += drow[c].f64();
            centered[c] += (drow[c] * (row[c] - center[c])).f64();
        }
    }
}

/// dx ← p·dy + q·(x − center) + r, for one group; p, q, r, center are \[C\].
pub fn input_gradient<F: Scalar>(dy: &[F], x: &[F], center: &[F], [p, q, r]: [&[F]; 3], dx: &mut [F]) {
    let channels = center.len();
    let rows = dy.chunks_exact(channels).zip(x.chunks_exact(channels));
    for ((drow, row), out) in rows.zip(dx.chunks_exact_mut(channels)) {
        for c in 0..channels {
            out[c] = p[c] * drow[c] + q[c] * (row[c] - center[c]) + r[c];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_stay_right_far_from_zero() {
        // 1e4 ± 1 in f32: a one-pass variance (Σx² − nμ²) would be lost in rounding.
        let x: Vec<f32> = (0..5000).flat_map(|i| [1e4 + if i % 2 == 0 { 1.0 } else { -1.0 }, i as f32]).collect();
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        moments(&x, &mut mean, &mut variance);
        assert_eq!((mean[0], variance[0]), (1e4, 1.0));
        assert_eq!(mean[1], 2499.5);
        assert!((variance[1] / ((5000.0 * 5000.0 - 1.0) / 12.0) - 1.0).abs() < 1e-12, "{}", variance[1]);
    }
}
