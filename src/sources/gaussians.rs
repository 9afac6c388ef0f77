//! Normal clouds around class means, with offsets and scales that differ between features:
//!
//! x_j = s_j · (μ_kj + z_j + o_j), z ~ N(0, I),
//!
//! k uniform over the classes; μ_k of length `separation` in a uniformly random direction; o_j = ±`offset` with random
//! sign; s_j = 10^(`scale_spread` · u_j), u_j ~ U(−½, ½). Offset and scale change nothing about how separable the
//! classes are, only how the features look to an optimiser.
//!
//! Numbers are drawn and computed in f64 and stored as f32.

use std::f64::consts::LN_10;

use rand::{Rng, RngExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::DataFacts;
use super::samples::{Vectors, class, normal};
use super::traits::{Generated, Sampler};
use crate::random::Stream;

/// Normal clouds around class means, with per-feature offsets and scales.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Gaussians {
    /// Classes.
    #[schemars(range(min = 2, max = 256))]
    pub classes: usize,
    /// Features.
    #[schemars(range(min = 1, max = 100_000))]
    pub dimension: usize,
    /// Length of each class's mean vector in units of the noise SD.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub separation: f64,
    /// Offset of every feature from zero, with random sign, in units of that feature's noise SD.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub offset: f64,
    /// Decades over which the features' scales are spread, log-uniformly about 1.
    #[schemars(range(min = 0.0, max = 12.0))]
    pub scale_spread: f64,
}

impl Default for Gaussians {
    fn default() -> Self {
        Self { classes: 10, dimension: 20, separation: 3.0, offset: 0.0, scale_spread: 0.0 }
    }
}

impl Generated for Gaussians {
    fn facts(&self) -> DataFacts {
        DataFacts::vectors(self.dimension, self.classes)
    }

    fn sampler(&self, task: &mut Stream) -> Box<Sampler> {
        let clouds = Clouds::new(*self, task);
        Box::new(move |count, rng| clouds.sample(count, rng).into())
    }
}

/// The fixed parts of a task.
#[derive(Debug)]
struct Clouds {
    /// μ_k + o, row-major \[classes, dimension\].
    centres: Vec<f64>,
    /// s \[dimension\].
    scales: Vec<f64>,
}

impl Clouds {
    /// Draws the class means, then the signs, then the scales.
    ///
    /// Tasks that differ in separation, offset and spread only, from the same generator state, have the same
    /// directions, signs and u.
    fn new<R: Rng + ?Sized>(knobs: Gaussians, rng: &mut R) -> Self {
        let Gaussians { classes, dimension, separation, offset, scale_spread } = knobs;
        let mut centres: Vec<f64> = (0..classes * dimension).map(|_| normal(rng)).collect();
        for mean in centres.chunks_exact_mut(dimension) {
            let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
            mean.iter_mut().for_each(|x| *x *= separation / length.max(f64::MIN_POSITIVE));
        }
        let offsets: Vec<f64> = (0..dimension).map(|_| if rng.random() { offset } else { -offset }).collect();
        for centre in centres.chunks_exact_mut(dimension) {
            centre.iter_mut().zip(&offsets).for_each(|(x, o)| *x += o);
        }
        let scales = (0..dimension).map(|_| (LN_10 * scale_spread * (rng.random::<f64>() - 0.5)).exp()).collect();
        Self { centres, scales }
    }

    /// Draws `count` samples, features \[count, dimension\].
    fn sample<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> Vectors {
        let dimension = self.scales.len();
        let classes = self.centres.len() / dimension;
        let mut samples = Vectors::with_capacity(count, dimension);
        for _ in 0..count {
            let k = class(classes, rng);
            let centre = &self.centres[k * dimension..][..dimension];
            samples.features.extend(centre.iter().zip(&self.scales).map(|(c, s)| (s * (c + normal(rng))) as f32));
            samples.labels.push(k as u8);
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn counts(samples: &Vectors, classes: usize) -> Vec<usize> {
        (0..classes).map(|k| samples.labels.iter().filter(|&&label| usize::from(label) == k).count()).collect()
    }

    /// Mean of feature `j` over class `k`, or over all.
    fn mean(samples: &Vectors, dimension: usize, j: usize, k: Option<u8>) -> f64 {
        let rows = samples.features.chunks_exact(dimension).zip(&samples.labels);
        let values: Vec<f64> = rows.filter(|(_, l)| k.is_none_or(|k| k == **l)).map(|(x, _)| x[j].into()).collect();
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn gaussian_classes_lie_where_documented() {
        let (classes, dimension, n) = (4, 6, 40_000);
        let knobs = Gaussians { classes, dimension, ..Gaussians::default() };
        let samples = Clouds::new(knobs, &mut rng(1)).sample(n, &mut rng(2));
        for k in 0..classes as u8 {
            let length = (0..dimension).map(|j| mean(&samples, dimension, j, Some(k)).powi(2)).sum::<f64>().sqrt();
            assert!((length - 3.0).abs() < 0.05, "class {k}: {length}");
        }
        let rows = samples.features.chunks_exact(dimension).zip(&samples.labels);
        let mean_of_0: Vec<f64> = (0..dimension).map(|j| mean(&samples, dimension, j, Some(0))).collect();
        let squares = rows.filter(|(_, l)| **l == 0).map(|(x, _)| {
            x.iter().zip(&mean_of_0).map(|(x, m)| (f64::from(*x) - m).powi(2)).sum::<f64>() / dimension as f64
        });
        let variance = squares.sum::<f64>() / counts(&samples, classes)[0] as f64;
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!(counts(&samples, classes).iter().all(|&c| c.abs_diff(n / classes) < 400));
    }

    #[test]
    fn offset_and_scale_only_shift_and_stretch_the_features() {
        let dimension = 50;
        let knobs = Gaussians { classes: 3, dimension, separation: 2.0, ..Gaussians::default() };
        let plain = Clouds::new(knobs, &mut rng(1)).sample(1000, &mut rng(2));
        let task = Clouds::new(Gaussians { offset: 5.0, scale_spread: 4.0, ..knobs }, &mut rng(1));
        let samples = task.sample(1000, &mut rng(2));
        assert_eq!(samples.labels, plain.labels);
        let (mut positive, mut lowest, mut highest) = (0, f64::INFINITY, 0.0_f64);
        for j in 0..dimension {
            let scale = task.scales[j];
            let shift = f64::from(samples.features[j]) / scale - f64::from(plain.features[j]);
            assert!((shift.abs() - 5.0).abs() < 1e-4, "feature {j}: {shift}");
            let row = 7 * dimension + j;
            let again = f64::from(samples.features[row]) / scale - f64::from(plain.features[row]);
            assert!((again - shift).abs() < 1e-4);
            positive += usize::from(shift > 0.0);
            (lowest, highest) = (lowest.min(scale), highest.max(scale));
        }
        assert!((15..=35).contains(&positive), "{positive}");
        assert!((0.01..0.03).contains(&lowest) && (30.0..=100.0).contains(&highest), "{lowest} {highest}");
    }
}
