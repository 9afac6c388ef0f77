//! The sizes of a convolution.

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// H
    pub height: usize,
    /// W
    pub width: usize,
    /// C
    pub input_channels: usize,
    /// O
    pub output_channels: usize,
    /// k, odd
    pub kernel: usize,
}

impl ConvShape {
    /// H·W
    pub fn area(self) -> usize {
        self.height * self.width
    }

    /// Pixels of an image with its border of zeros.
    pub fn padded_area(self) -> usize {
        (self.height + self.kernel - 1) * (self.width + self.kernel - 1)
    }

    /// Values of a patch of an image with this many channels.
    pub fn patch(self, channels: usize) -> usize {
        self.kernel * self.kernel * channels
    }

    /// The sizes of the convolution that computes dx from dy.
    pub fn reversed(self) -> Self {
        Self { input_channels: self.output_channels, output_channels: self.input_channels, ..self }
    }
}
