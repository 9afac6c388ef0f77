//! Every buffer that a pass through a network needs, allocated once for a largest batch.

use super::conv::Scratch;
use super::input::Input;
use super::norm::NormCache;
use crate::kernels::Aligned;

/// Buffers of one network.
#[derive(Debug)]
pub struct Workspace<F> {
    /// The batch.
    pub input: Input<F>,
    /// Per block.
    pub blocks: Vec<BlockSpace<F>>,
    /// Gradients of all parameters, laid out like them. Empty in a workspace for evaluation.
    pub gradients: Aligned<F>,
    /// Gradient of the input, if asked for.
    pub dinput: Aligned<F>,
}

/// Buffers of one block.
#[derive(Debug)]
pub struct BlockSpace<F> {
    /// Samples of the latest forward pass.
    pub samples: usize,
    /// What the stages write.
    pub path: Path<F>,
    /// Which of its four inputs each max pool output took.
    pub winner: Vec<u8>,
    /// What a convolution needs to work in.
    pub scratch: Option<Scratch<F>>,
    /// What the norm's forward pass leaves for its backward pass.
    pub norm: NormCache<F>,
    /// What the part after γ and β keeps.
    pub after: Aligned<F>,
    /// Ŵ, where the weight is a function of the parameter.
    pub weight: Aligned<F>,
    /// What making it leaves for its backward pass.
    pub weight_cache: NormCache<F>,
    /// Sums over rows, one per output channel.
    pub sums: Vec<f64>,
}

/// The kept values of a block, and their gradients, which are empty in a workspace without gradients.
#[derive(Debug)]
pub enum Path<F> {
    /// Stage by stage.
    Plain {
        /// What each stage wrote.
        values: Vec<Aligned<F>>,
        /// The gradient there.
        gradients: Vec<Aligned<F>>,
    },
    /// Norm, activation and pool in one pass.
    Fused {
        /// Wu of the whole batch where it is kept, else of one image.
        mapped: Aligned<F>,
        /// The gradient of Wu for one image.
        dmapped: Aligned<F>,
        /// With a pool: Wu where each window's largest was.
        winner_input: Aligned<F>,
        /// The block's output.
        output: Aligned<F>,
        /// The gradient there.
        doutput: Aligned<F>,
    },
}

impl<F> BlockSpace<F> {
    /// The block's output.
    pub fn output(&self) -> &[F] {
        match &self.path {
            Path::Plain { values, .. } => values.last().map_or(&[], |last| last),
            Path::Fused { output, .. } => output,
        }
    }

    /// The gradient there.
    pub fn output_gradient(&self) -> &[F] {
        match &self.path {
            Path::Plain { gradients, .. } => gradients.last().map_or(&[], |last| last),
            Path::Fused { doutput, .. } => doutput,
        }
    }

    /// The block's output and the gradient there.
    pub fn output_and_gradient(&mut self) -> (&[F], &mut [F]) {
        match &mut self.path {
            Path::Plain { values, gradients } => {
                (values.last().map_or(&[], |last| last), gradients.last_mut().map_or(&mut [], |last| last))
            }
            Path::Fused { output, doutput, .. } => (output, doutput),
        }
    }
}
