//! Interleaved spirals in the plane:
//!
//! x = t · (cos a, sin a) + `noise` · z, a = 2π (`turns` · t + k / `classes`), z ~ N(0, I), k uniform over the classes.
//!
//! The radius is t = √u, u ~ U(0, 1), which spreads points about evenly along the arm. The arms end at radius 1.

use std::f64::consts::TAU;

use rand::{Rng, RngExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::DataFacts;
use super::samples::{Vectors, class, normal};
use super::traits::{Generated, Sampler};
use crate::random::Stream;

/// Interleaved two-dimensional spirals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Spirals {
    /// Classes.
    #[schemars(range(min = 2, max = 256))]
    pub classes: usize,
    /// Noise SD in units of the radius.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub noise: f64,
    /// Turns of each spiral.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub turns: f64,
}

impl Default for Spirals {
    fn default() -> Self {
        Self { classes: 3, noise: 0.05, turns: 1.0 }
    }
}

impl Generated for Spirals {
    fn facts(&self) -> DataFacts {
        DataFacts::vectors(2, self.classes)
    }

    fn sampler(&self, _task: &mut Stream) -> Box<Sampler> {
        let spirals = *self;
        Box::new(move |count, rng| spirals.sample(count, rng).into())
    }
}

impl Spirals {
    fn sample<R: Rng + ?Sized>(self, count: usize, rng: &mut R) -> Vectors {
        let Self { classes, noise, turns } = self;
        let mut samples = Vectors::with_capacity(count, 2);
        for _ in 0..count {
            let k = class(classes, rng);
            let t = rng.random::<f64>().sqrt();
            let angle = TAU * (turns * t + k as f64 / classes as f64);
            let (x, y) = (t * angle.cos() + noise * normal(rng), t * angle.sin() + noise * normal(rng));
            samples.features.extend([x as f32, y as f32]);
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

    #[test]
    fn spirals_lie_on_their_arms() {
        let (classes, turns) = (3, 1.5);
        let clean = Spirals { classes, turns, noise: 0.0 };
        let samples = clean.sample(3000, &mut rng(3));
        let mut inner = 0;
        for (x, &k) in samples.features.chunks_exact(2).zip(&samples.labels) {
            let (x, y) = (f64::from(x[0]), f64::from(x[1]));
            let t = x.hypot(y);
            let angle = TAU * (turns * t + f64::from(k) / classes as f64);
            assert!((x - t * angle.cos()).abs() < 1e-5 && (y - t * angle.sin()).abs() < 1e-5);
            inner += usize::from(t < 0.5);
        }
        assert!(inner.abs_diff(750) < 80, "u < 1/4 for a quarter of the points, not {inner}");
        assert!(counts(&samples, classes).iter().all(|&c| c.abs_diff(1000) < 100));
        let noisy = Spirals { noise: 0.3, ..clean }.sample(3000, &mut rng(3));
        let power: f64 = noisy.features.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 3000.0;
        assert!((power - (0.5 + 2.0 * 0.09)).abs() < 0.03, "E|x|² = E t² + 2 noise², not {power}");
    }
}
