//! Classification tasks of generated feature vectors, whose difficulty and scaling are known.
//!
//! A task's fixed parts are drawn once, from a "task" generator; its samples come from others, one for each split.
//! Samples are drawn one after the other: the first n do not depend on how many follow. Numbers are drawn and
//! computed in f64 and stored as f32. Classes number 2 to 256 and dimensions at least 1, as the configuration ensures.

use std::f64::consts::{LN_10, TAU};

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// One split's samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Features, row-major \[count, dimension\].
    pub features: Vec<f32>,
    /// Classes \[count\], from 0.
    pub labels: Vec<u8>,
}

impl Samples {
    fn with_capacity(count: usize, dimension: usize) -> Self {
        Self { features: Vec::with_capacity(count * dimension), labels: Vec::with_capacity(count) }
    }
}

fn normal(rng: &mut (impl Rng + ?Sized)) -> f64 {
    rng.sample(StandardNormal)
}

fn class(classes: usize, rng: &mut (impl Rng + ?Sized)) -> usize {
    // u32, so that 32- and 64-bit machines draw the same
    rng.random_range(0..classes as u32) as usize
}

/// Normal clouds around class means, with offsets and scales that differ between features:
///
/// x_j = s_j · (μ_kj + z_j + o_j), z ~ N(0, I),
///
/// k uniform over the classes; μ_k of length `separation` in a uniformly random direction; o_j = ±`offset` with random
/// sign; s_j = 10^(`scale_spread` · u_j), u_j ~ U(−½, ½). Offset and scale change nothing about how separable the
/// classes are, only how the features look to an optimiser.
#[derive(Debug, Clone)]
pub struct Gaussians {
    /// μ_k + o, row-major \[classes, dimension\].
    centres: Vec<f64>,
    /// s \[dimension\].
    scales: Vec<f64>,
}

impl Gaussians {
    /// Draws the fixed parts: the class means, then the signs, then the scales.
    ///
    /// `separation` and `offset` are in units of the noise SD, `scale_spread` in decades. Tasks that differ in these
    /// three only, from the same generator state, have the same directions, signs and u.
    pub fn new<R: Rng + ?Sized>(
        classes: usize,
        dimension: usize,
        separation: f64,
        offset: f64,
        scale_spread: f64,
        rng: &mut R,
    ) -> Self {
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
    pub fn sample<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> Samples {
        let dimension = self.scales.len();
        let classes = self.centres.len() / dimension;
        let mut samples = Samples::with_capacity(count, dimension);
        for _ in 0..count {
            let k = class(classes, rng);
            let centre = &self.centres[k * dimension..][..dimension];
            samples.features.extend(centre.iter().zip(&self.scales).map(|(c, s)| (s * (c + normal(rng))) as f32));
            samples.labels.push(k as u8);
        }
        samples
    }
}

/// Draws `count` points of interleaved spirals in the plane, features \[count, 2\].
///
/// x = t · (cos a, sin a) + `noise` · z, a = 2π (`turns` · t + k / `classes`), z ~ N(0, I), k uniform over the classes.
/// The radius is t = √u, u ~ U(0, 1), which spreads points about evenly along the arm. The arms end at radius 1;
/// `noise` is in units of that radius.
pub fn spirals<R: Rng + ?Sized>(classes: usize, noise: f64, turns: f64, count: usize, rng: &mut R) -> Samples {
    let mut samples = Samples::with_capacity(count, 2);
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

/// Standard normal inputs labelled by a fixed random network with one hidden layer:
///
/// x ~ N(0, I), label = argmax_k (V tanh(g W x) + b)_k,
///
/// W \[width, dimension\] ~ N(0, 1/dimension), V \[classes, width\] ~ N(0, 1/width). The gain g = 2 drives the hidden
/// units well into saturation: with a small gain the task would be nearly linear. The labels are a noiseless function
/// of the features. The biases b are chosen so that the classes are about equally frequent (0.85 to 1.2 times their
/// share with 10 classes and 20 or more units); with far more classes than units some may still not occur.
#[derive(Debug, Clone)]
pub struct Teacher {
    dimension: usize,
    /// g W, row-major \[width, dimension\].
    hidden: Vec<f64>,
    /// V, row-major \[classes, width\].
    output: Vec<f64>,
    /// b \[classes\].
    biases: Vec<f64>,
}

impl Teacher {
    const GAIN: f64 = 2.0;
    /// Inputs on which the class frequencies are levelled.
    const CALIBRATION: usize = 4096;
    const ROUNDS: usize = 300;
    const FIRST_STEP: f64 = 0.5;
    const STEP_DECAY: f64 = 0.97;

    /// Draws the labelling network: W, then V, then the inputs on which b is fitted.
    pub fn new<R: Rng + ?Sized>(classes: usize, dimension: usize, width: usize, rng: &mut R) -> Self {
        let hidden_scale = Self::GAIN / (dimension as f64).sqrt();
        let output_scale = 1.0 / (width as f64).sqrt();
        let mut teacher = Self {
            dimension,
            hidden: (0..width * dimension).map(|_| hidden_scale * normal(rng)).collect(),
            output: (0..classes * width).map(|_| output_scale * normal(rng)).collect(),
            biases: vec![0.0; classes],
        };
        teacher.level(rng);
        teacher
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
    pub fn sample<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> Samples {
        let mut samples = Samples::with_capacity(count, self.dimension);
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

    fn counts(samples: &Samples, classes: usize) -> Vec<usize> {
        (0..classes).map(|k| samples.labels.iter().filter(|&&label| usize::from(label) == k).count()).collect()
    }

    /// Mean of feature `j` over class `k`, or over all.
    fn mean(samples: &Samples, dimension: usize, j: usize, k: Option<u8>) -> f64 {
        let rows = samples.features.chunks_exact(dimension).zip(&samples.labels);
        let values: Vec<f64> = rows.filter(|(_, l)| k.is_none_or(|k| k == **l)).map(|(x, _)| x[j].into()).collect();
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn gaussian_classes_lie_where_documented() {
        let (classes, dimension, n) = (4, 6, 40_000);
        let samples = Gaussians::new(classes, dimension, 3.0, 0.0, 0.0, &mut rng(1)).sample(n, &mut rng(2));
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
        let plain = Gaussians::new(3, dimension, 2.0, 0.0, 0.0, &mut rng(1)).sample(1000, &mut rng(2));
        let task = Gaussians::new(3, dimension, 2.0, 5.0, 4.0, &mut rng(1));
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

    #[test]
    fn spirals_lie_on_their_arms() {
        let (classes, turns) = (3, 1.5);
        let samples = spirals(classes, 0.0, turns, 3000, &mut rng(3));
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
        let noisy = spirals(classes, 0.3, turns, 3000, &mut rng(3));
        let power: f64 = noisy.features.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 3000.0;
        assert!((power - (0.5 + 2.0 * 0.09)).abs() < 0.03, "E|x|² = E t² + 2 noise², not {power}");
    }

    #[test]
    fn a_teacher_uses_every_class_about_equally() {
        for (classes, dimension, width) in [(2, 1, 1), (3, 1, 1), (10, 20, 20), (256, 20, 50)] {
            let samples = Teacher::new(classes, dimension, width, &mut rng(4)).sample(50_000, &mut rng(5));
            let counts = counts(&samples, classes);
            let fair = 50_000 / classes;
            assert!(counts.iter().all(|&c| c > fair / 3 && c < 3 * fair), "{classes} {dimension} {width}: {counts:?}");
        }
    }

    #[test]
    fn a_teacher_labels_by_its_formula_which_is_not_linear() {
        let (dimension, n) = (5, 20_000);
        let teacher = Teacher::new(2, dimension, 40, &mut rng(6));
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

    #[test]
    fn the_first_samples_do_not_depend_on_the_count() {
        let gaussians = Gaussians::new(5, 7, 3.0, 1.0, 1.0, &mut rng(8));
        let teacher = Teacher::new(5, 7, 9, &mut rng(8));
        type Draw<'a> = &'a dyn Fn(usize) -> Samples;
        let draws: [(Draw, usize); 3] = [
            (&|n| gaussians.sample(n, &mut rng(9)), 7),
            (&|n| spirals(3, 0.1, 1.0, n, &mut rng(9)), 2),
            (&|n| teacher.sample(n, &mut rng(9)), 7),
        ];
        for (draw, dimension) in draws {
            let (few, many) = (draw(20), draw(300));
            assert_eq!((few.features.len(), few.labels.len()), (20 * dimension, 20));
            assert_eq!(few.features, many.features[..20 * dimension]);
            assert_eq!(few.labels, many.labels[..20]);
        }
    }
}
