//! Statistics of a matrix X of samples by features.

use nalgebra::DMatrix;
use ndarray::{Array1, ArrayView2, s};

use super::summary::sum;
use crate::kernels::Scalar;
use crate::kernels::gemm::{Offsets, Product};
use crate::kernels::simd;

const IN_ORDER: &str = "rows lie one after another";

/// exp(H(p)) with H the entropy and p = σ/Σσ the normalised singular values of X less its column means
/// (Roy & Vetterli 2007); `None` if all rows are equal. Rows lie one after another.
///
/// Singular values are roots of the eigenvalues of the smaller Gram matrix. That blurs those below 1e-8 of
/// the largest: a matrix of rank 1 with 500 rows and columns is found to have 1.00001.
pub fn effective_rank<F: Scalar>(x: ArrayView2<F>) -> Option<f64> {
    let gram = centered_gram(x);
    let side = x.nrows().min(x.ncols());
    // Equal rows differ from their mean by its rounding.
    let spread = gram.iter().step_by(side + 1).sum::<f64>();
    let size = sum(x.to_slice().expect(IN_ORDER), |v| v * v);
    if !gram.iter().all(|v| v.is_finite()) || spread <= 1e-28 * size {
        return None;
    }
    let eigenvalues = DMatrix::from_vec(side, side, gram).symmetric_eigenvalues();
    let singular: Vec<f64> = eigenvalues.iter().map(|l| l.max(0.0).sqrt()).collect();
    let total: f64 = singular.iter().sum();
    let term = |s: f64| if s > 0.0 { -(s / total) * (s / total).ln() } else { 0.0 };
    (total > 0.0).then(|| singular.into_iter().map(term).sum::<f64>().exp())
}

/// XXᵀ or XᵀX, whichever is smaller, of X less its column means; on and above the diagonal.
fn centered_gram<F: Scalar>(x: ArrayView2<F>) -> Vec<f64> {
    // Columns or rows that are copied at a time.
    const PART: usize = 256;
    let (samples, features) = x.dim();
    let mut mean = Array1::<f64>::zeros(features);
    for row in x.rows() {
        mean.zip_mut_with(&row, |m, v| *m += v.f64());
    }
    mean.mapv_inplace(|m| m / samples as f64);
    let side = samples.min(features);
    let mut gram = vec![0.0; side * side];
    if samples <= features {
        for first in (0..features).step_by(PART) {
            let last = features.min(first + PART);
            let part = x.slice(s![.., first..last]).mapv(Scalar::f64) - mean.slice(s![first..last]);
            add_gram(part.view(), &mut gram);
        }
    } else {
        for first in (0..samples).step_by(PART) {
            let part = x.slice(s![first..samples.min(first + PART), ..]).mapv(Scalar::f64) - &mean;
            add_gram(part.t(), &mut gram);
        }
    }
    gram
}

/// G ← G + AAᵀ on and above the diagonal, for A [side, depth].
fn add_gram(a: ArrayView2<f64>, gram: &mut [f64]) {
    const ROWS: usize = 64;
    let (side, depth) = a.dim();
    let [rows, columns] = [0, 1].map(|axis| Offsets::every(a.strides()[axis].unsigned_abs()));
    let values = a.to_slice_memory_order().expect("a matrix without gaps");
    for top in (0..side).step_by(ROWS) {
        let here = &values[rows.at(top)..];
        simd::run(Product {
            size: (ROWS.min(side - top), depth, side - top),
            nonzeros: None,
            a: here,
            a_rows: rows,
            a_columns: columns,
            b: here,
            b_rows: columns,
            b_columns: rows.at(1),
            c: &mut gram[top * side + top..],
            c_rows: Offsets::every(side),
            adds: true,
        });
    }
}

/// Mean of the cosines between all pairs of different samples; all-zero samples have none and are
/// left out. `None` if fewer than two remain, or if one is not finite. Rows lie one after another.
pub fn mean_cosine<F: Scalar>(x: ArrayView2<F>) -> Option<f64> {
    let mut directions = Array1::<f64>::zeros(x.ncols());
    let mut n = 0.0;
    for row in x.rows() {
        let norm = sum(row.to_slice().expect(IN_ORDER), |v| v * v).sqrt();
        if !norm.is_finite() {
            return None;
        }
        if norm > 0.0 {
            directions.zip_mut_with(&row, |s, v| *s += v.f64() / norm);
            n += 1.0;
        }
    }
    // ‖Σ unit rows‖² is n, from each row with itself, plus the sum over ordered pairs.
    let pairs = directions.iter().map(|s| s * s).sum::<f64>() - n;
    (n > 1.0).then(|| pairs / (n * (n - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr2, aview2};

    #[test]
    fn effective_rank_counts_equal_directions_and_discounts_unequal_ones() {
        // Two orthogonal centred directions of singular values 2 and 2, then 2 and 1.
        let equal = arr2(&[[1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [-1.0, -1.0, 0.0]]);
        assert!((effective_rank(equal.view()).unwrap() - 2.0).abs() < 1e-9);
        let unequal = &equal * &arr2(&[[1.0, 0.5, 1.0]]);
        let h = |p: f64| -p * p.ln();
        assert!((effective_rank(unequal.view()).unwrap() - (h(2.0 / 3.0) + h(1.0 / 3.0)).exp()).abs() < 1e-9);
        assert_eq!(effective_rank(aview2(&[[1.0, 2.0], [1.0, 2.0]])), None);
        assert_eq!(effective_rank(aview2(&[[0.1; 10]; 3])), None);
    }

    /// Numbers without a pattern.
    fn matrix(rows: usize, columns: usize) -> ndarray::Array2<f64> {
        ndarray::Array2::from_shape_fn((rows, columns), |(i, j)| {
            ((i * 37 + j * 101) % 83) as f64 * ((i + j) % 7) as f64
        })
    }

    #[test]
    fn gram_matrices_of_all_shapes_agree_with_their_definition() {
        for (samples, features) in [(1, 1), (3, 5), (5, 3), (70, 600), (600, 70), (64, 64), (130, 257)] {
            let x = matrix(samples, features);
            let centered = &x - &x.mean_axis(ndarray::Axis(0)).unwrap();
            let expected = if samples <= features { centered.dot(&centered.t()) } else { centered.t().dot(&centered) };
            let side = samples.min(features);
            let found = centered_gram(x.view());
            for (i, j) in (0..side).flat_map(|i| (i..side).map(move |j| (i, j))) {
                let (found, expected) = (found[i * side + j], expected[(i, j)]);
                assert!((found - expected).abs() < 1e-6, "{samples}×{features}, ({i}, {j}): {found} {expected}");
            }
        }
    }

    #[test]
    fn mean_cosine_is_over_different_samples() {
        assert_eq!(mean_cosine(aview2(&[[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])), Some(0.0));
        assert!((mean_cosine(aview2(&[[1.0, 1.0], [3.0, 3.0]])).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(mean_cosine(aview2(&[[0.0, 0.0], [3.0, 3.0]])), None);
        assert_eq!(mean_cosine(aview2(&[[1.0, 1.0], [f64::NAN, 1.0], [2.0, 1.0]])), None);
    }
}
