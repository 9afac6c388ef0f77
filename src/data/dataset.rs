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
    scaling: Scaling,
    /// Mean and SD of the training split: one each for images, one per feature for vectors.
    moments: Vec<(f64, f64)>,
}

impl Dataset {
    /// Puts a data set together, measuring the training split's moments if they are needed.
    pub(super) fn new(shape: Shape, classes: usize, [train, validation, test]: [Split; 3], scaling: Scaling) -> Self {
        let moments = if scaling == Scaling::Standardize { moments(&train, shape.len()) } else { Vec::new() };
        Self { shape, classes, train, validation, test, scaling, moments }
    }

    /// Bytes that only this data set holds: features read from files are shared.
    pub(super) fn own_bytes(&self) -> usize {
        let splits = [&self.train, &self.validation, &self.test].into_iter();
        let features = |split: &Split| match &*split.features {
            _ if Arc::strong_count(&split.features) > 1 => 0,
            Features::Bytes(bytes) => bytes.len(),
            Features::Floats(floats) => size_of_val(&floats[..]),
        };
        splits.map(|split| split.len() + features(split)).sum()
    }

    /// The scaling as a table or formula in the precision of training.
    pub fn scaler<F: Scalar>(&self) -> Scaler<F> {
        match &*self.train.features {
            Features::Bytes(_) => {
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
            Features::Floats(_) => Scaler::Moments(self.moments.clone()),
        }
    }

    /// Features of the training split as they are stored, unscaled: bytes or floats.
    pub fn raw_training_features(&self) -> RawFeatures<'_> {
        let (from, to) =
            (self.train.first * self.shape.len(), (self.train.first + self.train.len()) * self.shape.len());
        match &*self.train.features {
            Features::Bytes(bytes) => RawFeatures::Bytes(&bytes[from..to]),
            Features::Floats(floats) => RawFeatures::Floats(&floats[from..to]),
        }
    }
}

/// Borrowed [`Features`].
#[derive(Debug)]
pub enum RawFeatures<'a> {
    /// Images.
    Bytes(&'a [u8]),
    /// Vectors.
    Floats(&'a [f32]),
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
            (Features::Floats(floats), Self::Moments(moments)) => {
                for (i, out) in samples.iter().zip(out.chunks_exact_mut(length)) {
                    let sample = floats[(split.first + *i as usize) * length..][..length].iter().map(|x| f64::from(*x));
                    if moments.is_empty() {
                        out.iter_mut().zip(sample).for_each(|(o, x)| *o = F::of(x));
                    } else {
                        let scaled = sample.zip(moments).map(|(x, (mean, sd))| (x - mean) / sd);
                        out.iter_mut().zip(scaled).for_each(|(o, x)| *o = F::of(x));
                    }
                    written(out);
                }
            }
            _ => unreachable!("a data set's scaler is made for its features"),
        }
    }
}

/// Mean and population SD: over all pixels of images, per feature of vectors. A constant feature
/// gets SD 1, so that it becomes 0.
fn moments(split: &Split, length: usize) -> Vec<(f64, f64)> {
    let of = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
    };
    let range = split.first * length..(split.first + split.len()) * length;
    match &*split.features {
        Features::Bytes(bytes) => {
            // From counts of each byte: exact, and without a copy of every pixel in f64.
            let mut counts = [0u64; 256];
            bytes[range].iter().for_each(|b| counts[usize::from(*b)] += 1);
            let total = (split.len() * length) as f64;
            let weighted = |f: &dyn Fn(f64) -> f64| {
                counts.iter().zip(0u32..).map(|(n, b)| *n as f64 * f(f64::from(b))).sum::<f64>() / total
            };
            let mean = weighted(&|b| b);
            let variance = weighted(&|b| (b - mean).powi(2));
            vec![(mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })]
        }
        Features::Floats(floats) => {
            let floats = &floats[range];
            (0..length).map(|j| of(&mut floats.iter().skip(j).step_by(length).map(|x| f64::from(*x)))).collect()
        }
    }
}
