//! `data`: where samples come from, how they are split and scaled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sources::Source;
use crate::sources::schema::side_by_side;

/// How features are scaled before the network sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Bytes divided by 255 (data of bytes only).
    Unit,
    /// Training-set mean and SD: over all pixels of images, per feature otherwise.
    Standardize,
    /// 1 where the byte is at least 128, else 0 (data of bytes only).
    Binary,
    /// Unchanged: bytes 0 to 255, or the numbers of the file or the generator.
    None,
}

/// `data`: the data set and how it is split and scaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = side_by_side)]
pub struct DataFile {
    /// Where samples come from, and that source's knobs.
    #[serde(flatten)]
    pub source: Source,
    /// Training samples at most (default for files: all that validation leaves; for generated data: 5000). Of your own files the rows are permuted once, the same way for every seed, and these are the first in that order; of published data sets the file's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub train: Option<usize>,
    /// Validation samples, from the end of the training file, permuted likewise (default for published data sets: 5000; for your own files: a tenth of the training file; for generated data: 1000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub validation: Option<usize>,
    /// Test samples at most, the first of the test file, permuted likewise (default for files: all; for generated data: 1000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub test: Option<usize>,
    /// How features are scaled (default `unit` for images of bytes, `standardize` for tables, vectors of integers and wider integers, `none` for floats and generated vectors).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// Replace every label by a uniformly drawn one.
    #[serde(default)]
    pub random_labels: bool,
}
