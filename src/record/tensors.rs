//! Safetensors files: parameters and buffers under their public names and in PyTorch's layouts.
//!
//! Each file carries a digest of its tensors, in the entry `sha256` of its metadata: what was changed since is noticed
//! wherever the file is read. Readers of safetensors pass over it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, ensure};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

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

impl Tensor {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its bytes, little-endian.
    pub fn raw(&self) -> &[u8] {
        &self.bytes
    }

    /// Its values, if it holds 64-bit integers that are counts.
    pub fn counts(&self) -> Option<Vec<u32>> {
        let count = |b: &[u8; 8]| u32::try_from(i64::from_le_bytes(*b)).ok();
        (self.dtype == Dtype::I64).then(|| self.bytes.as_chunks().0.iter().map(count).collect())?
    }

    /// Its values, if it holds floats of this precision.
    pub fn values<F: Scalar>(&self) -> Option<Vec<F>> {
        let is_single = size_of::<F>() == size_of::<f32>();
        match self.dtype {
            Dtype::F32 if is_single => {
                let value = |b: &[u8]| F::of(f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
                Some(self.bytes.chunks_exact(4).map(value).collect())
            }
            Dtype::F64 if !is_single => {
                let value = |b: &[u8]| F::of(f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]));
                Some(self.bytes.chunks_exact(8).map(value).collect())
            }
            _ => None,
        }
    }
}

/// The entry of the metadata that holds the digest.
const DIGEST: &str = "sha256";

/// The tensors of a file's content; `path` is its name for messages.
///
/// # Errors
/// If it is not a safetensors file, or its tensors are not those that its digest was made of. A file without a digest, such
/// as one of another program, is taken as it is.
pub fn parse(bytes: &[u8], path: &Path) -> anyhow::Result<Vec<Tensor>> {
    let tensors = unchecked(bytes, path)?;
    let is_sound = recorded(bytes).is_none_or(|recorded| recorded == digest(&tensors));
    ensure!(is_sound, "{} is damaged: its tensors do not have the SHA-256 that it carries", path.display());
    Ok(tensors)
}

/// The tensors of a file's content, whatever its digest; `path` is its name for messages.
///
/// # Errors
/// If it is not a safetensors file.
pub fn unchecked(bytes: &[u8], path: &Path) -> anyhow::Result<Vec<Tensor>> {
    let tensors = SafeTensors::deserialize(bytes).with_context(|| format!("{} holds no tensors", path.display()))?;
    let tensor = |(name, view): (String, TensorView)| Tensor {
        name,
        dtype: view.dtype(),
        shape: view.shape().to_vec(),
        bytes: view.data().to_vec(),
    };
    Ok(tensors.tensors().into_iter().map(tensor).collect())
}

/// The digest that a file carries.
pub fn recorded(bytes: &[u8]) -> Option<String> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    header.metadata().as_ref()?.get(DIGEST).cloned()
}

/// SHA-256 of names, types, shapes and values, in the order of the names, in hexadecimal digits.
fn digest(tensors: &[Tensor]) -> String {
    let mut sorted: Vec<&Tensor> = tensors.iter().collect();
    sorted.sort_by_key(|tensor| &tensor.name);
    let mut hash = Sha256::new();
    for tensor in sorted {
        hash.update(format!("{} {:?} {:?} {}\n", tensor.name, tensor.dtype, tensor.shape, tensor.bytes.len()));
        hash.update(&tensor.bytes);
    }
    files::hex(&hash.finalize())
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
    let bytes = serialize(tensors).with_context(|| format!("cannot put {} together", path.display()))?;
    files::write_atomically(path, &bytes)
}

/// The content of a file of tensors, with its digest.
///
/// # Errors
/// If a tensor's bytes are not as many as its shape says.
pub fn serialize(tensors: &[Tensor]) -> anyhow::Result<Vec<u8>> {
    let views = tensors
        .iter()
        .map(|t| Ok((t.name.as_str(), TensorView::new(t.dtype, t.shape.clone(), &t.bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    let metadata = HashMap::from([(DIGEST.to_owned(), digest(tensors))]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}
