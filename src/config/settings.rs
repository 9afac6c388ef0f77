//! What one run needs to know, checked and complete: no option is left open.

use serde::{Deserialize, Serialize};

pub use super::file::{
    Activation, Arm, Every, InitScheme, Keep, Metric, NormOptions, NormPosition, OptimizerKind, OptimizerOptions,
    PoolKind, Precision, ScaleRows, Scaling, Schedule,
};
pub use crate::sources::Source;
pub use crate::sources::facts::{DataFacts, Shape, Values};

/// Everything that decides a run's numbers except its arm and seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The data set.
    pub data: Data,
    /// The network.
    pub model: Model,
    /// Constants of the norm.
    pub norm: NormOptions,
    /// The optimiser.
    pub optimizer: OptimizerOptions,
    /// Batches and length.
    pub train: Train,
    /// What is recorded.
    pub log: Log,
}

/// The data set: source, split, scaling.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// Where samples come from.
    pub source: Source,
    /// Shape of a sample.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Training samples.
    pub train: usize,
    /// Validation samples; may be 0.
    pub validation: usize,
    /// Test samples.
    pub test: usize,
    /// How features are scaled.
    pub scaling: Scaling,
    /// Whether labels are replaced by random ones.
    pub random_labels: bool,
    /// Bytes of memory while its files are read, if they are the user's own and at hand.
    pub memory: Option<usize>,
}

/// The network.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Kind and widths.
    pub architecture: Architecture,
    /// φ of every hidden layer.
    pub activation: Activation,
    /// Initial weights.
    pub init: Init,
    /// Place of the norm in a block.
    pub norm_position: NormPosition,
    /// Precision of training.
    pub precision: Precision,
}

/// Initial weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Init {
    /// Distribution.
    pub scheme: InitScheme,
    /// SD of scheme `normal`; unused otherwise.
    pub std: f64,
}

/// Kind and widths of a network.
#[derive(Debug, Clone, PartialEq)]
pub enum Architecture {
    /// Fully connected layers.
    Mlp {
        /// Hidden widths.
        hidden: Vec<usize>,
        /// Whether blocks of equal width add their input.
        residual: bool,
    },
    /// Convolutions, then fully connected layers.
    Cnn {
        /// Output channels of each convolution.
        channels: Vec<usize>,
        /// Side of the kernels.
        kernel: usize,
        /// Pooling after each convolution, in order.
        pool: Vec<PoolKind>,
        /// Hidden widths after the convolutions.
        dense: Vec<usize>,
    },
}

/// One layer of a network before anything is allocated: the map, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Shape of the input feature map.
    pub input: Shape,
    /// Shape after the map, before any pool.
    pub mapped: Shape,
    /// Side of the kernel of a convolution; `None` for a linear map.
    pub kernel: Option<usize>,
    /// Pooling after the activation.
    pub pool: PoolKind,
    /// Whether the input is added to the output.
    pub residual: bool,
    /// Whether this is a hidden layer, with norm and activation, or the output layer, with neither.
    pub hidden: bool,
}

impl Layer {
    /// Shape of the layer's output: after the pool.
    pub fn output(&self) -> Shape {
        match self.pool {
            PoolKind::None => self.mapped,
            _ => Shape { height: self.mapped.height / 2, width: self.mapped.width / 2, ..self.mapped },
        }
    }

    /// Inputs that each output of the map sums over.
    pub fn fan_in(&self) -> usize {
        self.kernel.map_or(self.input.len(), |k| self.input.channels * k * k)
    }

    /// Outputs that each input of the map reaches.
    pub fn fan_out(&self) -> usize {
        self.mapped.channels * self.kernel.map_or(1, |k| k * k)
    }

    /// Multiply-adds of the map for one sample.
    pub fn multiply_adds(&self) -> usize {
        self.mapped.len() * self.fan_in()
    }
}

impl Model {
    /// Whether blocks of equal width add their input.
    pub fn is_residual(&self) -> bool {
        matches!(self.architecture, Architecture::Mlp { residual: true, .. })
    }

    /// The layers for inputs of shape `input`, the output layer last.
    pub fn layers(&self, input: Shape, classes: usize) -> Vec<Layer> {
        let mut layers: Vec<Layer> = Vec::new();
        let shape = |layers: &[Layer]| layers.last().map_or(input, Layer::output);
        let (dense, residual) = match &self.architecture {
            Architecture::Mlp { hidden, residual } => (hidden, *residual),
            Architecture::Cnn { channels, kernel, pool, dense } => {
                for (&out, &pool) in channels.iter().zip(pool) {
                    let input = shape(&layers);
                    let mapped = Shape { channels: out, ..input };
                    let kernel = Some(*kernel);
                    layers.push(Layer { input, mapped, kernel, pool, residual: false, hidden: true });
                }
                (dense, false)
            }
        };
        for (width, hidden) in dense.iter().map(|w| (*w, true)).chain([(classes, false)]) {
            let input = shape(&layers);
            let residual = residual && hidden && input == Shape::vector(width);
            let mapped = Shape::vector(width);
            layers.push(Layer { input, mapped, kernel: None, pool: PoolKind::None, residual, hidden });
        }
        layers
    }
}

/// Batches and length of training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Train {
    /// Samples in a minibatch.
    pub batch_size: usize,
    /// Steps in all.
    pub steps: usize,
    /// Batch losses above this many times the first, or ln(classes) if that is more, count as divergence.
    pub diverged_above: f64,
}

/// How often things are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Batch losses.
    pub batch_every: Every,
    /// Evaluations.
    pub evaluate_every: Every,
    /// Activation statistics.
    pub activations_every: Every,
    /// Gradient statistics.
    pub gradients_every: Every,
    /// The loss along the gradient.
    pub landscape_every: Every,
    /// Saved copies of the parameters.
    pub snapshot_every: Every,
    /// Samples in the probe batch.
    pub probe_size: usize,
    /// Channels of each site with rows of their own.
    pub channels: usize,
    /// Training samples evaluated during training.
    pub train_eval: usize,
    /// Training samples evaluated at the end.
    pub train_final: usize,
}

/// One arm of the experiment, under the name it has in the tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Name in the tables.
    pub name: String,
    /// What stands where the norm could stand.
    pub arm: Arm,
    /// Whether hidden layers have a bias; `None` leaves it to the arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<bool>,
    /// The only tensors or parameters that are trained; `None` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_only: Option<Vec<String>>,
    /// Initial γ; `None` is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// Initial β; `None` is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Initial weights that are multiplied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_rows: Option<ScaleRows>,
}

impl Variant {
    /// An arm as it is, under this name.
    pub fn plain(name: impl Into<String>, arm: Arm) -> Self {
        Self { name: name.into(), arm, bias: None, train_only: None, gamma: None, beta: None, scale_rows: None }
    }

    /// Whether at initialisation this is the same function as no norm at all, with the weights as they were drawn.
    pub fn starts_as_identity(&self) -> bool {
        let has_usual_affine = self.gamma.unwrap_or(1.0) == 1.0 && self.beta.unwrap_or(0.0) == 0.0;
        let are_drawn = self.scale_rows.is_none_or(|scale| scale.changes_nothing());
        self.arm.starts_as_identity() && has_usual_affine && are_drawn
    }

    /// Whether hidden layers have a bias. Only the plain network needs one: eq. 1 would subtract it
    /// again, and in eq. 2 and eq. 3 β takes its place.
    pub fn has_bias(&self) -> bool {
        self.bias.unwrap_or(self.arm == Arm::None)
    }
}

/// Tensors that `train_only` may name.
pub const TENSORS: [&str; 4] = ["weight", "bias", "gamma", "beta"];
