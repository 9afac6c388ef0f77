//! `data`: where samples come from, how they are split and scaled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of a data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceName {
    /// The MNIST digits, 28×28, ten classes.
    Mnist,
    /// The Fashion-MNIST articles of clothing, 28×28, ten classes.
    FashionMnist,
    /// Four IDX files under MNIST's usual names in `data.dir`.
    Idx,
    /// Normal clouds around class means, with per-feature offsets and scales.
    Gaussians,
    /// Interleaved two-dimensional spirals.
    Spirals,
    /// Standard normal inputs labelled by a random network.
    Teacher,
    /// 28×28 drawn digits with random shift, rotation, stroke and noise.
    Glyphs,
}

impl SourceName {
    /// Whether samples are read, the same for every seed, and not made up.
    pub fn is_file(self) -> bool {
        matches!(self, Self::Mnist | Self::FashionMnist | Self::Idx)
    }
}

/// How features are scaled before the network sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Bytes divided by 255 (images only).
    Unit,
    /// Training-set mean and SD: over all pixels of images, per feature otherwise.
    Standardize,
    /// 1 where the byte is at least 128, else 0 (images only).
    Binary,
    /// As they are: bytes 0 to 255, or the generated numbers.
    None,
}

/// `data`: the data set and how it is split and scaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Where samples come from.
    pub source: SourceName,
    /// Folder of the four IDX files (source `idx` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// Training samples at most (files: default all that validation leaves; synthetic: default 5000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub train: Option<usize>,
    /// Validation samples, from the end of the training file (default 5000 for mnist and fashion-mnist, a tenth of the training file for idx, 1000 for synthetic data).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub validation: Option<usize>,
    /// Test samples at most (files: default all; synthetic: default 1000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub test: Option<usize>,
    /// How features are scaled (default `unit` for images, `none` otherwise).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// Replace every label by a uniformly drawn one.
    #[serde(default)]
    pub random_labels: bool,
    /// Classes (gaussians: default 10, spirals: 3, teacher: 10; idx: default one more than the highest training label).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 256))]
    pub classes: Option<usize>,
    /// Features (gaussians and teacher: default 20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub dimension: Option<usize>,
    /// Length of each class's mean vector in units of the noise SD (gaussians: default 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub separation: Option<f64>,
    /// Offset of every feature from zero, with random sign, in units of that feature's noise SD (gaussians: default 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub offset: Option<f64>,
    /// Decades over which the features' scales are spread, log-uniformly about 1 (gaussians: default 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 12.0))]
    pub scale_spread: Option<f64>,
    /// Noise SD (spirals: default 0.05 of the radius; glyphs: default 0.2 of the full brightness).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub noise: Option<f64>,
    /// Turns of each spiral (spirals: default 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 100.0))]
    pub turns: Option<f64>,
    /// Hidden units of the labelling network (teacher: default 20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub teacher_width: Option<usize>,
}
