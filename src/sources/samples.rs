//! Samples as sources make or read them: unscaled, in memory.

use std::sync::{Arc, OnceLock};

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::error::DataError;
use super::facts::{DataFacts, Shape, Values};
use super::labels::LabelSet;
use super::words::column_name;

/// Features of samples, row-major \[N, H, W, C\], unscaled.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Numbers of 32 bits at most.
    Floats(Vec<f32>),
    /// Numbers that need 64 bits.
    Doubles(Vec<f64>),
}

impl Features {
    /// Takes the values from `at` on away, and returns them.
    pub fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Bytes(values) => Self::Bytes(values.split_off(at)),
            Self::Floats(values) => Self::Floats(values.split_off(at)),
            Self::Doubles(values) => Self::Doubles(values.split_off(at)),
        }
    }

    /// The largest absolute value.
    pub fn largest(&self) -> f64 {
        match self {
            Self::Bytes(values) => values.iter().max().map_or(0.0, |x| f64::from(*x)),
            Self::Floats(values) => f64::from(values.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()))),
            Self::Doubles(values) => values.iter().fold(0.0, |largest, x| largest.max(x.abs())),
        }
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Doubles(values) => values.len(),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Floats(values) => size_of_val(&values[..]),
            Self::Doubles(values) => size_of_val(&values[..]),
        }
    }
}

/// Samples with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// One row a sample.
    pub features: Features,
    /// Classes \[N\], from 0.
    pub labels: Vec<u8>,
}

/// Samples of a file, shared by the splits that are cut from it.
#[derive(Debug)]
pub struct FileSamples {
    /// One row a sample.
    pub features: Arc<Features>,
    /// For each sample, the place of its label among the [`LabelSet`]'s.
    pub labels: Vec<u8>,
    /// The row of the file that each sample was; empty if they are in the file's order.
    pub rows: Vec<u32>,
}

/// A data set's files, read and checked.
#[derive(Debug)]
pub struct Files {
    /// Shape of a sample.
    pub shape: Shape,
    /// What the numbers are.
    pub values: Values,
    /// The different labels.
    pub labels: LabelSet,
    /// SHA-256 of the content.
    pub fingerprint: String,
    /// The column that was taken for the labels, where nobody named it.
    pub label_column: Option<String>,
    /// A feature that numbers the rows of the file, it seems.
    pub counting_column: Option<String>,
    /// The names of the features; empty if they have none.
    pub columns: Vec<String>,
    /// Bytes of the files, unpacked.
    pub bytes: usize,
    /// The largest absolute value, found when it is first asked for: every point of a sweep asks.
    pub largest: OnceLock<f64>,
    /// Samples for training and validation.
    pub training: FileSamples,
    /// Samples for testing.
    pub test: FileSamples,
}

impl Files {
    /// Files of which nothing else is known.
    pub fn new(
        (shape, values): (Shape, Values),
        labels: LabelSet,
        fingerprint: String,
        [training, test]: [FileSamples; 2],
    ) -> Self {
        Self {
            shape,
            values,
            labels,
            fingerprint,
            label_column: None,
            counting_column: None,
            columns: Vec::new(),
            bytes: 0,
            largest: OnceLock::new(),
            training,
            test,
        }
    }

    /// Bytes of memory while the files are read: they, and the numbers in them. Arrays of bytes are used as they are.
    fn memory(&self) -> usize {
        let numbers = self.training.features.bytes() + self.test.features.bytes();
        let labels = self.training.labels.len() + self.test.labels.len();
        let are_used = matches!(*self.training.features, Features::Bytes(_)) && self.bytes < 2 * numbers;
        labels + self.bytes + if are_used { 0 } else { numbers }
    }

    /// What a configuration may rely on, with `classes` classes if so many are stated.
    ///
    /// # Errors
    /// If the labels do not fit them.
    pub fn facts(&self, images: bool, classes: Option<usize>) -> Result<DataFacts, DataError> {
        let is_taken =
            |column: &String| format!("column `{}`, the last, was taken for the labels", column_name(column));
        let taken = self.label_column.as_ref().map(is_taken);
        let numbering = self.labels.numbering(classes).map_err(|error| match (error, &taken) {
            (DataError::Mismatch { file, expected, found }, Some(taken)) => {
                DataError::Mismatch { file, expected, found: format!("{found}; {taken} (data.label names another)") }
            }
            (error, _) => error,
        })?;
        let (rows, count) = (self.training.labels.len() + self.test.labels.len(), self.labels.names.len());
        let many =
            format!("{count} different ones in {rows} rows; if another column holds them, name it in data.label");
        let doubt = taken.filter(|_| count > 20 && 5 * count > rows).map(|taken| format!("{taken}: {many}"));
        let numbers = self.counting_column.as_ref().map(|column| {
            let column = column_name(column);
            format!("column `{column}` numbers the rows, it seems: no two of its whole numbers are alike. It is a feature like any other; if the number says nothing about a sample, delete the column")
        });
        Ok(DataFacts {
            shape: self.shape,
            images,
            values: self.values,
            largest: *self.largest.get_or_init(|| self.training.features.largest().max(self.test.features.largest())),
            classes: numbering.classes,
            memory: Some(self.memory()),
            training_file: Some(self.training.labels.len()),
            test_file: Some(self.test.labels.len()),
            fingerprint: Some(self.fingerprint.clone()),
            notes: doubt.into_iter().chain(numbers).chain(numbering.note).collect(),
        })
    }
}

/// Generated vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Features, row-major \[N, dimension\].
    pub features: Vec<f32>,
    /// Classes \[N\], from 0.
    pub labels: Vec<u8>,
}

impl Vectors {
    /// No samples yet, with room for `count`.
    pub fn with_capacity(count: usize, dimension: usize) -> Self {
        Self { features: Vec::with_capacity(count * dimension), labels: Vec::with_capacity(count) }
    }
}

impl From<Vectors> for Samples {
    fn from(Vectors { features, labels }: Vectors) -> Self {
        Self { features: Features::Floats(features), labels }
    }
}

/// A standard normal number.
pub fn normal(rng: &mut (impl Rng + ?Sized)) -> f64 {
    rng.sample(StandardNormal)
}

/// A class, each equally probable.
pub fn class(classes: usize, rng: &mut (impl Rng + ?Sized)) -> usize {
    // u32, so that 32- and 64-bit machines draw the same
    rng.random_range(0..classes as u32) as usize
}
