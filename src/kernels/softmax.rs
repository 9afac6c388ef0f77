//! Softmax cross-entropy.
//!
//! For logits z [N, K] and labels t: L = (1/N) Σ_n (ln Σ_k e^{z_nk} − z_{n,t_n}),
//! dL/dz_nk = (softmax(z_n)_k − [k = t_n]) / N. The largest logit is subtracted first, so that no
//! exponential overflows.

use super::Scalar;

/// Sum of losses and number of rows whose largest logit (the first of equal ones) is the label's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// Σ_n loss_n
    pub loss_sum: f64,
    /// Rows classified rightly.
    pub correct: usize,
}

/// Losses of rows of logits.
pub fn cross_entropy<F: Scalar>(logits: &[F], labels: &[u8], classes: usize) -> Outcome {
    let mut outcome = Outcome::default();
    for (row, label) in logits.chunks_exact(classes).zip(labels) {
        let (best, largest) = arg_max(row);
        let sum: f64 = row.iter().map(|z| (*z - largest).exp().f64()).sum();
        let label = usize::from(*label);
        outcome.loss_sum += sum.ln() - (row[label] - largest).f64();
        outcome.correct += usize::from(best == label);
    }
    outcome
}

/// dz ← dL/dz for the mean over these rows.
pub fn cross_entropy_backward<F: Scalar>(logits: &[F], labels: &[u8], classes: usize, dlogits: &mut [F]) {
    let per_row = F::one() / F::of(labels.len() as f64);
    let rows = logits.chunks_exact(classes).zip(labels);
    for ((row, label), drow) in rows.zip(dlogits.chunks_exact_mut(classes)) {
        let (_, largest) = arg_max(row);
        let mut sum = F::zero();
        for (d, z) in drow.iter_mut().zip(row) {
            *d = (*z - largest).exp();
            sum += *d;
        }
        let scale = per_row / sum;
        drow.iter_mut().for_each(|d| *d *= scale);
        drow[usize::from(*label)] -= per_row;
    }
}

/// Index and value of the largest; NaN anywhere makes the value NaN.
fn arg_max<F: Scalar>(row: &[F]) -> (usize, F) {
    let mut best = (0, row[0]);
    for (i, z) in row.iter().enumerate().skip(1) {
        if *z > best.1 || z.is_nan() {
            best = (i, *z);
        }
    }
    best
}
