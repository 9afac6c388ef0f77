//! What a user may write: the JSON configuration, key for key.
//!
//! These types are the only list of keys, types, ranges and constant defaults. `bn-exp schema`
//! prints the JSON Schema derived from them, and [`super::check`] holds every configuration against
//! that same schema, so an editor and the program agree by construction. A key that is `Option`
//! here has a default that depends on other keys; [`super::resolve`] fills it in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A configuration of `bn-exp`: one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bn-exp experiment")]
pub struct ConfigFile {
    /// Where editors find this schema. Ignored by the program.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Name of the experiment and of its results folder: letters, digits, `_`, `-`, `.`.
    pub name: String,
    /// What the experiment is for, in a sentence or two.
    #[serde(default)]
    pub description: String,
    /// The data set and how it is split and scaled.
    pub data: DataFile,
    /// The network.
    pub model: ModelFile,
    /// Constants of batch normalisation.
    #[serde(default)]
    pub norm: NormOptions,
    /// The arms to compare: names, or objects that change one.
    #[schemars(length(min = 1))]
    pub variants: Vec<VariantEntry>,
    /// The optimiser, its learning rate and schedule.
    pub optimizer: OptimizerOptions,
    /// Batch size and length of training.
    pub train: TrainFile,
    /// How many runs of each variant differing only in their random numbers: a count N (seeds 0 to N − 1) or a list of seeds.
    #[serde(default)]
    pub seeds: Seeds,
    /// Axes to cross: each key is a dotted path into data, model, norm, optimizer, train or log, its value the list of values to try.
    #[serde(default)]
    pub sweep: Map<String, Value>,
    /// How often losses and statistics are recorded.
    #[serde(default)]
    pub log: LogFile,
    /// What `bn-exp compare` looks at.
    #[serde(default)]
    pub compare: CompareOptions,
}

/// Name of a data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceName {
    /// The MNIST digits, 28×28, ten classes.
    Mnist,
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
    /// Validation samples, from the end of the training file (default 5000 for mnist, a tenth of the training file for idx, 1000 for synthetic data).
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

/// Where in a block the norm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormPosition {
    /// pool(φ(norm(Wu)))
    BeforeActivation,
    /// pool(norm(φ(Wu)))
    AfterActivation,
    /// norm(pool(φ(Wu))): convolutional blocks with a pool; the dense ones as `after_activation`.
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
    /// Pooling after every convolution (kind `cnn`: default `max`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolKind>,
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
    /// Where in a block the norm stands.
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

/// An arm: what stands where the norm could stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Nothing; the layer keeps its bias.
    None,
    /// y = γx + β (eq. 3)
    Affine,
    /// x̂ = (x − μ)/√(σ² + ε) alone (eq. 1)
    Standardize,
    /// y = γx̂ + β (eqs. 1 and 2)
    Bn,
}

/// One entry of `variants`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VariantEntry {
    /// An arm by its name.
    Name(Arm),
    /// An arm with changes, under a name of its own.
    Object(VariantObject),
}

/// An arm with changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantObject {
    /// Name in the tables: letters, digits, `_`, `-`, `.`.
    pub name: String,
    /// The arm that is changed (default: the arm called `name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Arm>,
    /// Whether hidden layers have a bias (default: only arm `none`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<bool>,
    /// Train only these, and freeze everything else: tensors (`weight`, `bias`, `gamma`, `beta`) or whole parameter names (`blocks.0.weight`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub train_only: Option<Vec<String>>,
}

/// Kind of optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// v ← mv + g, θ ← θ − ηv
    Sgd,
    /// Adam (Kingma & Ba 2015); weight decay joins the gradient
    Adam,
    /// AdamW (Loshchilov & Hutter 2019); weight decay shrinks the weights directly
    Adamw,
}

/// How the learning rate moves over training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// lr throughout
    Constant,
    /// from lr to 0 along half a cosine
    Cosine,
    /// times `step_factor` after every `step_every` steps
    Step,
}

/// `optimizer`: the optimiser, its learning rate and schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimizerOptions {
    /// Kind of optimiser.
    pub kind: OptimizerKind,
    /// Learning rate η.
    #[schemars(range(max = 1e6), extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// Momentum m (kind `sgd`).
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub momentum: f64,
    /// Nesterov's momentum (kind `sgd`, with `momentum`).
    #[serde(default)]
    pub nesterov: bool,
    /// β₁ of Adam.
    #[serde(default = "OptimizerOptions::default_beta1")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// β₂ of Adam.
    #[serde(default = "OptimizerOptions::default_beta2")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// ε of Adam, outside the root.
    #[serde(default = "OptimizerOptions::default_epsilon")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Weight decay, on weights only unless `decay_norm`.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub weight_decay: f64,
    /// Decay γ, β and biases too.
    #[serde(default)]
    pub decay_norm: bool,
    /// How the learning rate moves over training.
    #[serde(default = "OptimizerOptions::default_schedule")]
    pub schedule: Schedule,
    /// Steps over which the rate first rises linearly to lr.
    #[serde(default)]
    #[schemars(range(max = 1_000_000_000))]
    pub warmup: usize,
    /// Steps between two falls of schedule `step` (required there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub step_every: Option<usize>,
    /// Factor of each fall of schedule `step` (default 0.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub step_factor: Option<f64>,
}

impl OptimizerOptions {
    fn default_beta1() -> f64 {
        0.9
    }
    fn default_beta2() -> f64 {
        0.999
    }
    fn default_epsilon() -> f64 {
        1e-8
    }
    fn default_schedule() -> Schedule {
        Schedule::Constant
    }
}

/// `train`: batch size and length of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainFile {
    /// Samples in a minibatch; the last partial batch of an epoch is dropped.
    #[serde(default = "TrainFile::default_batch_size")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub batch_size: usize,
    /// Length of training in steps (give this or `epochs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub steps: Option<usize>,
    /// Length of training in epochs (give this or `steps`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: Option<usize>,
    /// A batch loss above this many times the first counts as divergence.
    #[serde(default = "TrainFile::default_diverged_above")]
    #[schemars(range(max = 1e300), extend("exclusiveMinimum" = 1))]
    pub diverged_above: f64,
}

impl TrainFile {
    fn default_batch_size() -> usize {
        64
    }
    fn default_diverged_above() -> f64 {
        1e3
    }
}

/// `seeds`: a count N, for seeds 0 to N − 1, or a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Seeds {
    /// Seeds 0 to N − 1.
    Count(#[schemars(range(min = 1, max = 1_000_000))] u64),
    /// These seeds.
    List(#[schemars(length(min = 1), inner(range(max = 9_007_199_254_740_991u64)))] Vec<u64>),
}

impl Default for Seeds {
    fn default() -> Self {
        Self::Count(5)
    }
}

/// `log`: how often things are recorded, in steps; 0 is never.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// Steps between two recorded batch losses (default about 500 in all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1_000_000_000))]
    pub batch_every: Option<usize>,
    /// Steps between two evaluations on validation and training samples (default from operation counts: about 4 % of training, those at the start and at the end apart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1_000_000_000))]
    pub evaluate_every: Option<usize>,
    /// Steps between two looks at the activations (default from operation counts: about 2.5 % of training, those at the start and at the end apart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1_000_000_000))]
    pub activations_every: Option<usize>,
    /// Steps between two looks at the gradients (default from operation counts: about 1.5 % of training, those at the start and at the end apart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1_000_000_000))]
    pub gradients_every: Option<usize>,
    /// Must be 0: the loss landscape is not recorded.
    #[serde(default)]
    #[schemars(range(max = 0))]
    pub landscape_every: usize,
    /// Steps between two saved copies of the parameters.
    #[serde(default)]
    #[schemars(range(max = 1_000_000_000))]
    pub snapshot_every: usize,
    /// Samples whose activations are looked at.
    #[serde(default = "LogFile::default_probe_size")]
    #[schemars(range(min = 2, max = 100_000))]
    pub probe_size: usize,
    /// Channels of each site that get rows of their own in activations.csv, from the first (default all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65_536))]
    pub channels: Option<usize>,
    /// Training samples evaluated during training, from the first.
    #[serde(default = "LogFile::default_train_eval")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub train_eval: usize,
}

impl LogFile {
    fn default_probe_size() -> usize {
        256
    }
    fn default_train_eval() -> usize {
        1000
    }
}

impl Default for LogFile {
    fn default() -> Self {
        Self {
            batch_every: None,
            evaluate_every: None,
            activations_every: None,
            gradients_every: None,
            landscape_every: 0,
            snapshot_every: 0,
            probe_size: Self::default_probe_size(),
            channels: None,
            train_eval: Self::default_train_eval(),
        }
    }
}

/// A column of runs.csv that arms can be compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Metric {
    /// Loss on the whole training split at the end.
    TrainLoss,
    /// Accuracy on the whole training split at the end.
    TrainAccuracy,
    /// Loss on the validation split at the end.
    ValidationLoss,
    /// Accuracy on the validation split at the end.
    ValidationAccuracy,
    /// Loss on the test split at the end.
    TestLoss,
    /// Accuracy on the test split at the end.
    TestAccuracy,
    /// Highest validation accuracy during training.
    BestValidationAccuracy,
}

/// `compare`: what `bn-exp compare` looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareOptions {
    /// The column that is compared.
    #[serde(default = "CompareOptions::default_metric")]
    pub metric: Metric,
    /// Sweep axes to be tuned for each arm separately. Recorded only: arms are compared at every sweep point.
    #[serde(default)]
    pub select: Vec<String>,
    /// Validation accuracy whose first reaching gives `steps_to_target`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub target_accuracy: Option<f64>,
    /// Differences smaller than this do not matter. Recorded only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub equivalence_margin: Option<f64>,
}

impl CompareOptions {
    fn default_metric() -> Metric {
        Metric::TestAccuracy
    }
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { metric: Self::default_metric(), select: Vec::new(), target_accuracy: None, equivalence_margin: None }
    }
}
