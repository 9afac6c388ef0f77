//! Softmax cross-entropy.
//!
//! For logits z [N, K] and labels t: L = (1/N) Σ_n (ln Σ_k e^{z_nk} − z_{n,t_n}),
//! dL/dz_nk = (softmax(z_n)_k − [k = t_n]) / N. The largest logit is subtracted first, so that no
//! exponential overflows.

use super::exp::exp;
use super::simd::{self, Has, Scalar, Task, Vector};

/// Sum of losses and number of rows whose largest logit (the first of equal ones) is the label's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// Σ_n loss_n
    pub loss_sum: f64,
    /// Rows that are classified correctly.
    pub correct: usize,
}

impl Outcome {
    /// Mean loss, and share that is classified correctly, of so many rows. Of logits that are no numbers nothing is the
    /// largest: where the loss is NaN, so is the share.
    pub fn means(self, rows: usize) -> (f64, f64) {
        let loss = self.loss_sum / rows as f64;
        (loss, if loss.is_nan() { f64::NAN } else { self.correct as f64 / rows as f64 })
    }
}

/// The losses of rows of logits and, if `dlogits` is given, dz ← dL/dz of their mean.
pub fn cross_entropy<F: Scalar>(logits: &[F], labels: &[u8], classes: usize, dlogits: Option<&mut [F]>) -> Outcome {
    simd::run(CrossEntropy { logits, labels, classes, dlogits })
}

struct CrossEntropy<'a, F> {
    logits: &'a [F],
    labels: &'a [u8],
    classes: usize,
    dlogits: Option<&'a mut [F]>,
}

impl<F: Scalar> Task<F> for CrossEntropy<'_, F> {
    type Output = Outcome;
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) -> Outcome {
        let Self { logits, labels, classes, mut dlogits } = self;
        let per_row = 1.0 / labels.len() as f64;
        let mut outcome = Outcome::default();
        for (i, (row, label)) in logits.chunks_exact(classes).zip(labels).enumerate() {
            let label = usize::from(*label);
            let largest = largest(row);
            let mut sum = 0.0;
            let mut drow = dlogits.as_mut().map(|dlogits| &mut dlogits[i * classes..][..classes]);
            for (j, z) in row.chunks(V::LANES).enumerate() {
                let mut exponentials = [F::zero(); 16];
                let e = exp(v, v.load(z) - v.splat(largest));
                v.store(e, &mut exponentials);
                sum += exponentials[..z.len()].iter().map(|e| e.f64()).sum::<f64>();
                if let Some(drow) = &mut drow {
                    v.store(e, &mut drow[j * V::LANES..][..z.len()]);
                }
            }
            outcome.loss_sum += sum.ln() - (row[label] - largest).f64();
            outcome.correct += usize::from(is_first_largest(row, label, largest));
            if let Some(drow) = drow {
                let scale = v.splat(F::of(per_row / sum));
                for d in drow.chunks_mut(V::LANES) {
                    v.store(v.load(d) * scale, d);
                }
                drow[label] -= F::of(per_row);
            }
        }
        outcome
    }
}

/// The largest value. NaN is passed over here; it then makes the sum of exponentials NaN.
#[inline(always)]
fn largest<F: Scalar>(row: &[F]) -> F {
    row.iter().fold(F::neg_infinity(), |best, z| if *z > best { *z } else { best })
}

/// Whether the label's logit is the largest, or the first of several largest.
#[inline(always)]
fn is_first_largest<F: Scalar>(row: &[F], label: usize, largest: F) -> bool {
    row[label] == largest && row[..label].iter().all(|z| *z < largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, at_each_level, numbers};

    fn check<F: Scalar>(rows: usize, classes: usize) {
        let logits: Vec<F> = numbers::<F>(rows * classes, 1).iter().map(|z| *z * F::of(20.0)).collect();
        let labels: Vec<u8> = (0..rows).map(|i| (i * 7 % classes) as u8).collect();
        let (mut loss, mut correct, mut gradient) = (0.0, 0, Vec::new());
        for (row, label) in logits.chunks(classes).zip(&labels) {
            let z: Vec<f64> = row.iter().map(|z| z.f64()).collect();
            let sum: f64 = z.iter().map(|z| z.exp()).sum();
            let label = usize::from(*label);
            loss += sum.ln() - z[label];
            correct += usize::from(z.iter().all(|other| *other <= z[label]));
            let indicator = |k: usize| f64::from(u8::from(k == label));
            gradient.extend(z.iter().enumerate().map(|(k, z)| (z.exp() / sum - indicator(k)) / rows as f64));
        }
        at_each_level(|level| {
            let what = format!("{rows} rows of {classes} at {}", level.name());
            let mut found = vec![F::nan(); logits.len()];
            let outcome = cross_entropy(&logits, &labels, classes, Some(&mut found));
            assert_eq!(outcome, cross_entropy(&logits, &labels, classes, None), "{what}");
            assert_eq!(outcome.correct, correct, "{what}");
            assert_close(&[F::of(outcome.loss_sum)], &[loss], 8.0, &what);
            assert_close(&found, &gradient, 8.0, &what);
        });
    }

    #[test]
    fn loss_and_gradient_agree_with_the_definition() {
        for (rows, classes) in [(1, 2), (60, 10), (7, 16), (5, 17), (3, 200)] {
            check::<f32>(rows, classes);
            check::<f64>(rows, classes);
        }
    }

    #[test]
    fn large_logits_do_not_overflow_and_nan_is_not_hidden() {
        at_each_level(|_| {
            let outcome = cross_entropy(&[1000.0f32, 0.0], &[0], 2, None);
            assert_eq!(outcome, Outcome { loss_sum: 0.0, correct: 1 });
            assert!(cross_entropy(&[f32::NAN, 0.0], &[1], 2, None).loss_sum.is_nan());
            assert!(cross_entropy(&[0.0, f32::INFINITY], &[0], 2, None).loss_sum.is_nan());
        });
    }
}
