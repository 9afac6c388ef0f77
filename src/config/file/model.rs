//! `model` and `norm`: the network, and the constants of its norm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Fully connected layers.
    Mlp,
    /// Convolutions, then fully connected layers.
    Cnn,
}

/// Elementwise non-linearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(0, x)
    Relu,
    /// tanh x
    Tanh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x
    Identity,
}

/// 2×2 pooling with stride 2; an odd last row or column is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest of four.
    Max,
    /// The mean of four.
    Average,
    /// No pooling.
    None,
}

/// `model.pool`: one kind for all convolutions, or a list with one a convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Pool {
    /// After every convolution.
    Every(PoolKind),
    /// After each convolution, in order.
    Each(#[schemars(length(min = 1, max = 100))] Vec<PoolKind>),
}

/// Place of the norm in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormPosition {
    /// pool(φ(norm(Wu)))
    BeforeActivation,
    /// pool(norm(φ(Wu)))
    AfterActivation,
    /// norm(pool(φ(Wu))): convolutional blocks with a pool; the others as `after_activation`.
    AfterPool,
}

/// Floating-point precision of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits
    F32,
    /// 64 bits
    F64,
}

/// Distribution of the initial weights. Biases start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitScheme {
    /// Normal, SD √(2 / fan_in)
    He,
    /// Normal, SD √(2 / (fan_in + fan_out))
    Xavier,
    /// Normal, SD √(1 / fan_in)
    Lecun,
    /// Normal with SD `std`
    Normal,
    /// Uniform on ±1/√fan_in
    Pytorch,
}

/// `model.init`: the initial weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitOptions {
    /// Distribution of the initial weights.
    #[serde(default = "InitOptions::default_scheme")]
    pub scheme: InitScheme,
    /// SD of scheme `normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub std: Option<f64>,
}

impl InitOptions {
    fn default_scheme() -> InitScheme {
        InitScheme::He
    }
}

impl Default for InitOptions {
    fn default() -> Self {
        Self { scheme: Self::default_scheme(), std: None }
    }
}

/// `model`: the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Kind of network.
    pub kind: ModelKind,
    /// Units of each hidden layer (kind `mlp`, required there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000), inner(range(min = 1, max = 65_536)))]
    pub hidden: Option<Vec<usize>>,
    /// Output channels of each convolution (kind `cnn`, required there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), inner(range(min = 1, max = 4096)))]
    pub channels: Option<Vec<usize>>,
    /// Side of the square kernels, odd; zero padding keeps the size (kind `cnn`: default 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31))]
    pub kernel: Option<usize>,
    /// Pooling after every convolution, or a list with one entry for each (kind `cnn`: default `max`): `max`, `average` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// Hidden widths after the convolutions (kind `cnn`: default none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(range(min = 1, max = 65_536)))]
    pub dense: Option<Vec<usize>>,
    /// Non-linearity of every hidden layer.
    #[serde(default = "ModelFile::default_activation")]
    pub activation: Activation,
    /// Add a block's input to its output where the widths are equal (kind `mlp`).
    #[serde(default)]
    pub residual: bool,
    /// The initial weights.
    #[serde(default)]
    pub init: InitOptions,
    /// Place of the norm in a block.
    #[serde(default = "ModelFile::default_norm_position")]
    pub norm_position: NormPosition,
    /// Floating-point precision of training.
    #[serde(default = "ModelFile::default_precision")]
    pub precision: Precision,
}

impl ModelFile {
    fn default_activation() -> Activation {
        Activation::Relu
    }
    fn default_norm_position() -> NormPosition {
        NormPosition::BeforeActivation
    }
    fn default_precision() -> Precision {
        Precision::F32
    }
}

/// `norm`: constants of batch normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormOptions {
    /// ε, added to the variance inside the root.
    #[serde(default = "NormOptions::default_epsilon")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Weight of the newest batch in the running statistics.
    #[serde(default = "NormOptions::default_momentum")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
}

impl NormOptions {
    fn default_epsilon() -> f64 {
        1e-5
    }
    fn default_momentum() -> f64 {
        0.1
    }
}

impl Default for NormOptions {
    fn default() -> Self {
        Self { epsilon: Self::default_epsilon(), momentum: Self::default_momentum() }
    }
}
