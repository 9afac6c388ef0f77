//! Standard normal inputs labelled by a fixed random network with one hidden layer:
//!
//! x ~ N(0, I), label = argmax_k (V tanh(g W x) + b)_k,
//!
//! W \[teacher_width, dimension\] ~ N(0, 1/dimension), V \[classes, teacher_width\] ~ N(0, 1/teacher_width). The gain g = 2 drives the hidden
//! units well into saturation: with a small gain the task would be nearly linear. The labels are a noiseless function
//! of the features. The biases b are chosen so that the classes are about equally frequent (0.85 to 1.2 times their
//! share with 10 classes and 20 or more units); with far more classes than units some may still not occur.
//!
//! Numbers are drawn and computed in f64 and stored as f32.

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::DataFacts;
use super::samples::{Vectors, normal};
use super::traits::{Generated, Sampler};
use crate::random::Stream;

/// Standard normal inputs labelled by a random network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Teacher {
    /// Classes.
    #[schemars(range(min = 2, max = 256))]
    pub classes: usize,
    /// Features.
    #[schemars(range(min = 1, max = 100_000))]
    pub dimension: usize,
    /// Hidden units of the labelling network.
    #[schemars(range(min = 1, max = 10_000))]
    pub teacher_width: usize,
}

impl Default for Teacher {
    fn default() -> Self {
        Self { classes: 10, dimension: 20, teacher_width: 20 }
    }
}

impl Generated for Teacher {
    fn facts(&self) -> DataFacts {
        DataFacts::vectors(self.dimension, self.classes)
    }

    fn sampler(&self, task: &mut Stream) -> Box<Sampler> {
        let network = LabellingNetwork::new(*self, task);
        Box::new(move |count, rng| network.sample(count, rng).into())
    }
}

/// The labelling network.
#[derive(Debug)]
struct LabellingNetwork {
    dimension: usize,
    /// g W, row-major \[width, dimension\].
    hidden: Vec<f64>,
    /// V, row-major \[classes, width\].
    output: Vec<f64>,
    /// b \[classes\].
    biases: Vec<f64>,
}

impl LabellingNetwork {
    const GAIN: f64 = 2.0;
    /// Inputs on which the class frequencies are levelled.
    const CALIBRATION: usize = 4096;
    const ROUNDS: usize = 300;
    const FIRST_STEP: f64 = 0.5;
    const STEP_DECAY: f64 = 0.97;

    /// Draws the labelling network: W, then V, then the inputs on which b is fitted.
    fn new<R: Rng + ?Sized>(knobs: Teacher, rng: &mut R) -> Self {
        let Teacher { classes, dimension, teacher_width: width } = knobs;
        let hidden_scale = Self::GAIN / (dimension as f64).sqrt();
        let output_scale = 1.0 / (width as f64).sqrt();
        let mut network = Self {
            dimension,
            hidden: (0..width * dimension).map(|_| hidden_scale * normal(rng)).collect(),
            output: (0..classes * width).map(|_| output_scale * normal(rng)).collect(),
            biases: vec![0.0; classes],
        };
        network.level(rng);
        network
    }

    /// Lowers the bias of every class that is too frequent and raises the others, in shrinking steps.
    ///
    /// Without it a class whose row of V is short would seldom or never be the largest: only two classes could occur
    /// at width 1.
    fn level<R: Rng + ?Sized>(&mut self, rng: &mut R) {
        let classes = self.biases.len();
        let mut logits = Vec::with_capacity(Self::CALIBRATION * classes);
        let (mut input, mut activations) = self.buffers();
        for _ in 0..Self::CALIBRATION {
            input.fill_with(|| normal(rng));
            logits.extend(self.logits(&input, &mut activations));
        }
        let fair = Self::CALIBRATION as f64 / classes as f64;
        let mut step = Self::FIRST_STEP;
        for _ in 0..Self::ROUNDS {
            let mut counts = vec![0.0; classes];
            for row in logits.chunks_exact(classes) {
                counts[argmax(row.iter().zip(&self.biases).map(|(logit, bias)| logit + bias))] += 1.0;
            }
            for (bias, count) in self.biases.iter_mut().zip(&counts) {
                *bias -= step * (count - fair) / (count + fair);
            }
            step *= Self::STEP_DECAY;
        }
    }

    /// Draws `count` samples, features \[count, dimension\].
    fn sample<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> Vectors {
        let mut samples = Vectors::with_capacity(count, self.dimension);
        let (mut input, mut activations) = self.buffers();
        for _ in 0..count {
            input.fill_with(|| normal(rng));
            let label = argmax(self.logits(&input, &mut activations));
            samples.features.extend(input.iter().map(|&x| x as f32));
            samples.labels.push(label as u8);
        }
        samples
    }

    /// Room for one input \[dimension\] and the hidden layer's activations \[width\].
    fn buffers(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![0.0; self.dimension], vec![0.0; self.hidden.len() / self.dimension])
    }

    fn logits(&self, input: &[f64], activations: &mut [f64]) -> impl Iterator<Item = f64> {
        for (activation, weights) in activations.iter_mut().zip(self.hidden.chunks_exact(self.dimension)) {
            *activation = tanh(dot(weights, input));
        }
        let rows = self.output.chunks_exact(activations.len());
        rows.zip(&self.biases).map(|(weights, bias)| dot(weights, activations) + bias)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// From exp alone, right at both ends where exp is 0 or infinite; its rounding near 0 does not matter to a label.
fn tanh(x: f64) -> f64 {
    1.0 - 2.0 / ((2.0 * x).exp() + 1.0)
}

/// Index of the largest value, the first among equals.
fn argmax(values: impl Iterator<Item = f64>) -> usize {
    let largest = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
    values.enumerate().fold((0, f64::NEG_INFINITY), largest).0
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn network(classes: usize, dimension: usize, teacher_width: usize, seed: u64) -> LabellingNetwork {
        LabellingNetwork::new(Teacher { classes, dimension, teacher_width }, &mut rng(seed))
    }

    fn counts(samples: &Vectors, classes: usize) -> Vec<usize> {
        (0..classes).map(|k| samples.labels.iter().filter(|&&label| usize::from(label) == k).count()).collect()
    }

    #[test]
    fn a_teacher_uses_every_class_about_equally() {
        for (classes, dimension, width) in [(2, 1, 1), (3, 1, 1), (10, 20, 20), (256, 20, 50)] {
            let samples = network(classes, dimension, width, 4).sample(50_000, &mut rng(5));
            let counts = counts(&samples, classes);
            let fair = 50_000 / classes;
            assert!(counts.iter().all(|&c| c > fair / 3 && c < 3 * fair), "{classes} {dimension} {width}: {counts:?}");
        }
    }

    #[test]
    fn a_teacher_labels_by_its_formula_which_is_not_linear() {
        let (dimension, n) = (5, 20_000);
        let teacher = network(2, dimension, 40, 6);
        let samples = teacher.sample(n, &mut rng(7));
        let rows = || samples.features.chunks_exact(dimension).zip(&samples.labels);
        let mut direction = [0.0; 5];
        let (mut power, mut differ) = (0.0, 0);
        for (x, &label) in rows() {
            let x: Vec<f64> = x.iter().map(|&x| x.into()).collect();
            let units: Vec<f64> = teacher.hidden.chunks(dimension).map(|w| dot(w, &x).tanh()).collect();
            let logit = |k: usize| dot(&teacher.output[40 * k..][..40], &units) + teacher.biases[k];
            differ += usize::from((logit(1) > logit(0)) != (label == 1)); // f32 features: a handful on the border may
            let sign = 2.0 * f64::from(label) - 1.0;
            direction.iter_mut().zip(&x).for_each(|(d, x)| *d += sign * x);
            power += dot(&x, &x) / (n * dimension) as f64;
        }
        assert!(differ <= 2, "{differ}");
        assert!((power - 1.0).abs() < 0.02, "{power}");
        // for x ~ N(0, I) the best direction of a linear classifier is E[x · sign]
        let linear = rows().filter(|(x, label)| {
            let score: f64 = x.iter().zip(&direction).map(|(x, d)| f64::from(*x) * d).sum();
            (score > 0.0) == (**label == 1)
        });
        let accuracy = linear.count() as f64 / n as f64;
        assert!((0.6..0.95).contains(&accuracy), "{accuracy}");
    }

    #[test]
    fn tanh_is_right_everywhere() {
        for x in [-800.0, -3.0, -0.3, 0.0, 1e-9, 0.3, 3.0, 800.0] {
            assert!((tanh(x) - x.tanh()).abs() < 1e-15, "{x}");
        }
    }
}
