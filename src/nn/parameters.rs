//! Where each parameter lies in the network's one slice, and its public name and layout.

use std::ops::Range;

/// Kind of a parameter tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tensor {
    /// W
    Weight,
    /// b
    Bias,
    /// γ
    Gamma,
    /// β
    Beta,
}

impl Tensor {
    /// Its name in configurations and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Gamma => "gamma",
            Self::Beta => "beta",
        }
    }
}

/// One parameter tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// `blocks.<i>.weight`, `.bias`, `.norm.gamma`, `.norm.beta`
    pub name: String,
    /// Index of its block.
    pub block: usize,
    /// Its kind.
    pub tensor: Tensor,
    /// Where it lies in the network's slice.
    pub range: Range<usize>,
    /// Public shape, PyTorch's: [out, in], [out, in, kh, kw] or \[channels\].
    pub shape: Vec<usize>,
    /// How a weight is laid out inside.
    pub layout: Layout,
    /// Whether training changes it.
    pub trained: bool,
}

/// A weight seen as [out, in, height, width] outside and stored as [height, width, in, out] inside.
///
/// Inside, outputs are innermost: every product then runs along contiguous outputs, and feature
/// maps, channels innermost, need no reordering. A linear map over a C×H×W feature map is a
/// convolution whose kernel covers the whole map, so one rule serves both; for vectors it is the
/// plain transpose. Vectors (biases, γ, β) have all sides but one equal to 1 and stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// out
    pub out: usize,
    /// in
    pub input: usize,
    /// height
    pub height: usize,
    /// width
    pub width: usize,
}

impl Layout {
    /// The layout of a vector with one entry per channel.
    pub const fn vector(channels: usize) -> Self {
        Self { out: channels, input: 1, height: 1, width: 1 }
    }

    /// Number of values.
    pub const fn len(self) -> usize {
        self.out * self.input * self.height * self.width
    }

    /// Whether there are no values.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// For each value in public order, its index inside.
    pub fn inside(self) -> impl Iterator<Item = usize> {
        let Self { out, input, height, width } = self;
        (0..out).flat_map(move |o| {
            (0..input).flat_map(move |i| (0..height * width).map(move |position| (position * input + i) * out + o))
        })
    }

    /// Values in public order → inside.
    pub fn import<T: Copy>(self, public: impl IntoIterator<Item = T>, stored: &mut [T]) {
        for (value, index) in public.into_iter().zip(self.inside()) {
            stored[index] = value;
        }
    }

    /// Values inside → in public order.
    pub fn export<T: Copy>(self, stored: &[T]) -> Vec<T> {
        self.inside().map(|index| stored[index]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_weight_is_stored_transposed() {
        let layout = Layout { out: 2, input: 3, height: 1, width: 1 };
        let mut stored = [0; 6];
        layout.import([1, 2, 3, 4, 5, 6], &mut stored);
        assert_eq!(stored, [1, 4, 2, 5, 3, 6]);
        assert_eq!(layout.export(&stored), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn export_undoes_import_for_kernels() {
        let layout = Layout { out: 3, input: 2, height: 5, width: 4 };
        let public: Vec<usize> = (0..layout.len()).collect();
        let mut stored = vec![0; layout.len()];
        layout.import(public.clone(), &mut stored);
        assert_eq!(layout.export(&stored), public);
        // out 1, in 0, row 2, column 3 lies at ((2·4 + 3)·2 + 0)·3 + 1.
        assert_eq!(stored[((2 * 4 + 3) * 2) * 3 + 1], ((2 * 5) + 2) * 4 + 3);
    }
}
