//! Safetensors files: parameters and buffers under their public names and in PyTorch's layouts.

use std::path::Path;

use anyhow::Context;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::files;
use crate::kernels::Scalar;
use crate::nn::Network;

/// A tensor ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    /// Of bytes.
    pub fn bytes(name: impl Into<String>, shape: Vec<usize>, values: &[u8]) -> Self {
        Self { name: name.into(), dtype: Dtype::U8, shape, bytes: values.to_vec() }
    }

    /// Of 64-bit integers.
    pub fn integers(name: impl Into<String>, shape: Vec<usize>, values: impl Iterator<Item = i64>) -> Self {
        Self { name: name.into(), dtype: Dtype::I64, shape, bytes: values.flat_map(i64::to_le_bytes).collect() }
    }

    /// Of floats in either precision.
    pub fn floats<F: Scalar>(name: impl Into<String>, shape: Vec<usize>, values: &[F]) -> Self {
        let is_single = size_of::<F>() == size_of::<f32>();
        let (dtype, bytes) = if is_single {
            (Dtype::F32, values.iter().flat_map(|v| (v.f64() as f32).to_le_bytes()).collect())
        } else {
            (Dtype::F64, values.iter().flat_map(|v| v.f64().to_le_bytes()).collect())
        };
        Self { name: name.into(), dtype, shape, bytes }
    }
}

/// Every parameter and buffer of a network, each name after `prefix`.
pub fn state<F: Scalar>(network: &Network<F>, prefix: &str) -> Vec<Tensor> {
    let tensor =
        |(name, shape, values): (String, Vec<usize>, Vec<F>)| Tensor::floats(format!("{prefix}{name}"), shape, &values);
    network.state().into_iter().map(tensor).collect()
}

/// Writes tensors to a file.
///
/// # Errors
/// The system's.
pub fn write(path: &Path, tensors: &[Tensor]) -> anyhow::Result<()> {
    let views = tensors
        .iter()
        .map(|t| Ok((t.name.as_str(), TensorView::new(t.dtype, t.shape.clone(), &t.bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
    let bytes = views.and_then(|views| safetensors::serialize(views, None));
    files::write_atomically(path, &bytes.with_context(|| format!("cannot put {} together", path.display()))?)
}
