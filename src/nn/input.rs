//! What goes into a network, and where it is not 0.

use crate::kernels::sparse::Map;
use crate::kernels::{Aligned, Scalar};

/// The features of a batch, [N, H, W, C], and a map of those that are not 0, if a fully connected first layer uses it. Both
/// are written together, and only here.
#[derive(Debug)]
pub struct Input<F> {
    values: Aligned<F>,
    /// Samples that were written.
    samples: usize,
    /// Values of a sample.
    length: usize,
    nonzero: Option<Map>,
}

/// What a block reads.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a, F> {
    /// [N, H, W, C]
    pub values: &'a [F],
    /// Where they are not 0, if that is known.
    pub nonzero: Option<&'a Map>,
}

impl<'a, F> Features<'a, F> {
    /// Values without a map.
    pub const fn dense(values: &'a [F]) -> Self {
        Self { values, nonzero: None }
    }
}

impl<F: Scalar> Input<F> {
    /// For up to `capacity` samples of so many values.
    pub fn new(capacity: usize, length: usize, with_map: bool) -> Self {
        let nonzero = with_map.then(|| Map::with_capacity(capacity, length));
        Self { values: Aligned::filled(F::zero(), capacity * length), samples: 0, length, nonzero }
    }

    /// Takes `samples` samples: `gather` writes them to the slice that it is given, and shows each to the
    /// function as soon as it is there, while it is in the cache.
    pub fn write(&mut self, samples: usize, gather: impl FnOnce(&mut [F], &mut dyn FnMut(&[F]))) {
        self.samples = samples;
        let values = &mut self.values[..samples * self.length];
        match &mut self.nonzero {
            Some(nonzero) => {
                nonzero.clear();
                gather(values, &mut |sample| nonzero.add_row(sample));
                nonzero.complete(values, self.length);
            }
            None => gather(values, &mut |_| {}),
        }
    }

    /// Takes these samples.
    pub fn set(&mut self, samples: &[F]) {
        let length = self.length;
        self.write(samples.len() / length, |values, written| {
            values.copy_from_slice(samples);
            values.chunks_exact(length).for_each(written);
        });
    }

    /// Samples that were written.
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// Their features.
    pub fn features(&self) -> Features<'_, F> {
        Features { values: &self.values[..self.samples * self.length], nonzero: self.nonzero.as_ref() }
    }
}
