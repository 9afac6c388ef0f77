//! A data set, split, with its scaling.
//!
//! Images stay in memory as bytes and are scaled while a batch is gathered.

use std::sync::Arc;

use crate::config::settings::{Scaling, Shape};
use crate::kernels::Scalar;
use crate::kernels::gather::{self, Bytes};
use crate::sources::samples::Features;

/// A part of a data set: consecutive samples of a shared file or array.
#[derive(Debug, Clone)]
pub struct Split {
    pub(super) features: Arc<Features>,
    pub(super) first: usize,
    /// One label a sample.
    pub labels: Vec<u8>,
    /// The file row of each sample; empty if the split is in the file's order, or was made up.
    pub rows: Vec<u32>,
}

impl Split {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// A data set, split, with its scaling.
#[derive(Debug)]
pub struct Dataset {
    /// Shape of a sample.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Samples to train on.
    pub train: Split,
    /// Samples to watch and tune by; may be empty.
    pub validation: Split,
    /// Samples to report.
    pub test: Split,
    /// What is unusual about the splits, a sentence each.
    pub warnings: Vec<String>,
    /// What a network in single precision does not see of them.
    pub lost_in_single: Option<String>,
    pub(super) scaling: Scaling,
    /// Mean and SD of the training split, one of each per feature; for images of bytes one for all.
    pub(super) moments: Vec<(f64, f64)>,
}

impl Dataset {
    /// Puts a data set together, measuring the training split's moments if they are needed.
    pub(super) fn new(shape: Shape, classes: usize, [train, validation, test]: [Split; 3], scaling: Scaling) -> Self {
        let moments = if scaling == Scaling::Standardize { moments(&train, shape) } else { Vec::new() };
        Self { shape, classes, train, validation, test, warnings: Vec::new(), lost_in_single: None, scaling, moments }
    }

    /// Bytes that only this data set holds: features read from files are shared.
    pub(super) fn own_bytes(&self) -> usize {
        let splits = [&self.train, &self.validation, &self.test].into_iter();
        let features = |split: &Split| if Arc::strong_count(&split.features) > 1 { 0 } else { split.features.bytes() };
        splits.map(|split| split.len() + size_of_val(&split.rows[..]) + features(split)).sum()
    }

    /// The scaling as a table or formula in the precision of training.
    pub fn scaler<F: Scalar>(&self) -> Scaler<F> {
        match &*self.train.features {
            // Each feature of a vector has moments of its own: no one table serves all.
            Features::Bytes(_) if self.moments.len() <= 1 => {
                let (mean, sd) = self.moments.first().copied().unwrap_or((0.0, 1.0));
                let table = |scaled: &dyn Fn(f64) -> f64| {
                    Bytes::Table(Box::new(std::array::from_fn(|byte| F::of(scaled(byte as f64)))))
                };
                Scaler::Bytes(match self.scaling {
                    Scaling::Unit => Bytes::Quotient(F::of(255.0)),
                    Scaling::Standardize => table(&|byte| (byte - mean) / sd),
                    Scaling::Binary => table(&|byte| f64::from(u8::from(byte >= 128.0))),
                    Scaling::None => table(&|byte| byte),
                })
            }
            _ => Scaler::Moments(self.moments.clone()),
        }
    }

    /// The features of the first `count` test samples, scaled, in parts of at most 250.
    pub fn test_inputs<F: Scalar>(&self, count: usize) -> Vec<Vec<F>> {
        let (scaler, length) = (self.scaler::<F>(), self.shape.len());
        let samples: Vec<u32> = (0..count.min(self.test.len()) as u32).collect();
        let part = |samples: &[u32]| {
            let mut features = vec![F::zero(); samples.len() * length];
            scaler.gather(&self.test, samples, &mut features, length, &mut |_| {});
            features
        };
        samples.chunks(250).map(part).collect()
    }

    /// Features of the training split as they are stored, unscaled: bytes or floats.
    pub fn raw_training_features(&self) -> RawFeatures<'_> {
        let (from, to) =
            (self.train.first * self.shape.len(), (self.train.first + self.train.len()) * self.shape.len());
        match &*self.train.features {
            Features::Bytes(bytes) => RawFeatures::Bytes(&bytes[from..to]),
            Features::Floats(floats) => RawFeatures::Floats(&floats[from..to]),
            Features::Doubles(doubles) => RawFeatures::Doubles(&doubles[from..to]),
        }
    }
}

/// Borrowed [`Features`].
#[derive(Debug)]
pub enum RawFeatures<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// Numbers of 32 bits.
    Floats(&'a [f32]),
    /// Numbers of 64 bits.
    Doubles(&'a [f64]),
}

/// Turns stored features into numbers for the network.
#[derive(Debug)]
pub enum Scaler<F> {
    /// What each byte becomes.
    Bytes(Bytes<F>),
    /// Mean and SD of each feature; empty leaves them as they are.
    Moments(Vec<(f64, f64)>),
}

impl<F: Scalar> Scaler<F> {
    /// Writes the named samples of a split, scaled, one after the other: [N, H, W, C]. Each is shown to
    /// `written` as soon as it is there.
    pub fn gather(&self, split: &Split, samples: &[u32], out: &mut [F], length: usize, written: &mut dyn FnMut(&[F])) {
        match (&*split.features, self) {
            (Features::Bytes(bytes), Self::Bytes(values)) => {
                gather::gather_rows(values, &bytes[split.first * length..], samples, length, out, written);
            }
            (Features::Bytes(x), Self::Moments(moments)) => {
                scale_rows(x, split.first, samples, length, moments, out, written);
            }
            (Features::Floats(x), Self::Moments(moments)) => {
                scale_rows(x, split.first, samples, length, moments, out, written);
            }
            (Features::Doubles(x), Self::Moments(moments)) => {
                scale_rows(x, split.first, samples, length, moments, out, written);
            }
            _ => unreachable!("a data set's scaler is made for its features"),
        }
    }
}

/// Writes the named rows, counted from `first`: each value less its mean and divided by its SD, or as it is.
fn scale_rows<F: Scalar, T: Copy + Into<f64>>(
    values: &[T],
    first: usize,
    samples: &[u32],
    length: usize,
    moments: &[(f64, f64)],
    out: &mut [F],
    written: &mut dyn FnMut(&[F]),
) {
    for (i, out) in samples.iter().zip(out.chunks_exact_mut(length)) {
        let sample = values[(first + *i as usize) * length..][..length].iter().map(|x| (*x).into());
        if moments.is_empty() {
            out.iter_mut().zip(sample).for_each(|(o, x)| *o = F::of(x));
        } else {
            let scaled = sample.zip(moments).map(|(x, (mean, sd))| (x - mean) / sd);
            out.iter_mut().zip(scaled).for_each(|(o, x)| *o = F::of(x));
        }
        written(out);
    }
}

/// Mean and population SD: over all values of images, per feature of vectors. A constant gets SD 1, so that it becomes 0.
pub(super) fn moments(split: &Split, shape: Shape) -> Vec<(f64, f64)> {
    let (length, is_image) = (shape.len(), shape.area() > 1);
    let range = split.first * length..(split.first + split.len()) * length;
    match &*split.features {
        Features::Bytes(bytes) if is_image => vec![moments_of_bytes(&bytes[range])],
        Features::Bytes(bytes) => per_feature(&bytes[range], length),
        Features::Floats(floats) if is_image => {
            vec![moments_of(floats[range].iter().map(|x| (*x).into())); length]
        }
        Features::Floats(floats) => per_feature(&floats[range], length),
        Features::Doubles(doubles) if is_image => {
            vec![moments_of(doubles[range].iter().copied()); length]
        }
        Features::Doubles(doubles) => per_feature(&doubles[range], length),
    }
}

fn per_feature<T: Copy + Into<f64>>(values: &[T], length: usize) -> Vec<(f64, f64)> {
    (0..length).map(|j| moments_of(values.iter().skip(j).step_by(length).map(|x| (*x).into()))).collect()
}

fn moments_of(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    // The mean of equal values may be off by a rounding, and their SD then be that rounding.
    if let Some(first) = values.clone().next().filter(|first| values.clone().all(|x| x == *first)) {
        return (first, 1.0);
    }
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}

/// From counts of each byte: exact, and without a copy of every pixel in f64.
fn moments_of_bytes(bytes: &[u8]) -> (f64, f64) {
    let mut counts = [0u64; 256];
    bytes.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let total = bytes.len() as f64;
    let weighted = |f: &dyn Fn(f64) -> f64| {
        counts.iter().zip(0u32..).map(|(n, b)| *n as f64 * f(f64::from(b))).sum::<f64>() / total
    };
    let mean = weighted(&|b| b);
    let variance = weighted(&|b| (b - mean).powi(2));
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The features of all training samples as a network sees them.
    fn seen(features: Features, shape: Shape, scaling: Scaling) -> Vec<f64> {
        let count = features.bytes() / size_of::<f64>() / shape.len();
        let features = Arc::new(features);
        let split =
            |count: usize| Split { features: features.clone(), first: 0, labels: vec![0; count], rows: Vec::new() };
        let data = Dataset::new(shape, 2, [split(count), split(0), split(0)], scaling);
        let mut out = vec![0.0; count * shape.len()];
        let samples: Vec<u32> = (0..count as u32).collect();
        data.scaler::<f64>().gather(&data.train, &samples, &mut out, shape.len(), &mut |_| {});
        out
    }

    #[test]
    fn a_constant_feature_becomes_0_and_others_have_mean_0_and_sd_1() {
        // The sum of ten times 0.1 is not 1: the mean is off by a rounding, and an SD of that rounding would divide it.
        let values = (0..10).flat_map(|i| [0.1, 1.6e9 + f64::from(i), 1e-12 * f64::from(i % 2)]).collect();
        let scaled = seen(Features::Doubles(values), Shape::vector(3), Scaling::Standardize);
        for (i, row) in scaled.chunks(3).enumerate() {
            let expected = [0.0, (i as f64 - 4.5) / 8.25f64.sqrt(), if i % 2 == 0 { -1.0 } else { 1.0 }];
            assert!(row.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-12), "{row:?} {expected:?}");
        }
    }

    #[test]
    fn images_of_floats_share_one_mean_and_sd() {
        let shape = Shape { channels: 1, height: 1, width: 2 };
        let scaled = seen(Features::Doubles(vec![1.0, 2.0, 3.0, 4.0]), shape, Scaling::Standardize);
        assert_eq!(scaled, [-1.5, -0.5, 0.5, 1.5].map(|x| x / 1.25f64.sqrt()));
        assert_eq!(seen(Features::Doubles(vec![1.0, 2.0]), shape, Scaling::None), [1.0, 2.0]);
    }
}
