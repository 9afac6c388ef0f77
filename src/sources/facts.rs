//! What is known of a data set before its samples are made or read.

use serde::{Deserialize, Serialize};

/// Most classes there can be: a label is a byte.
pub const MOST_CLASSES: usize = 256;

/// Shape of one sample or feature map: channels × height × width. Vectors are d × 1 × 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// C
    pub channels: usize,
    /// H
    pub height: usize,
    /// W
    pub width: usize,
}

impl Shape {
    /// A plain vector of `length` features.
    pub const fn vector(length: usize) -> Self {
        Self { channels: length, height: 1, width: 1 }
    }

    /// Number of values: C·H·W.
    pub const fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there are no values.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Positions of one channel: H·W.
    pub const fn area(self) -> usize {
        self.height * self.width
    }
}

/// What the numbers of samples are, and with it how they are scaled by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Bytes, 0 to 255.
    Bytes,
    /// Numbers in units of their own: wide integers, the columns of a table.
    Measured,
    /// Numbers that someone has scaled, or made to be used as they are.
    Scaled,
}

/// What is known of a data set before its samples are made or read.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFacts {
    /// Shape of a sample.
    pub shape: Shape,
    /// Whether samples are images, and not vectors.
    pub images: bool,
    /// What their numbers are.
    pub values: Values,
    /// The largest absolute value in files; 0 of generated data.
    pub largest: f64,
    /// Number of classes.
    pub classes: usize,
    /// Bytes of memory while its files are read, if they are the user's own.
    pub memory: Option<usize>,
    /// Samples in the training file (training and validation); `None` where as many as asked for are generated.
    pub training_file: Option<usize>,
    /// Samples in the test file, likewise.
    pub test_file: Option<usize>,
    /// SHA-256 of the files, where the configuration names a place rather than a known data set.
    pub fingerprint: Option<String>,
    /// What the user should know of how the files were understood, a sentence each.
    pub notes: Vec<String>,
}

impl DataFacts {
    /// Generated vectors of `dimension` features.
    pub const fn vectors(dimension: usize, classes: usize) -> Self {
        Self::generated(Shape::vector(dimension), false, classes)
    }

    /// Generated grey images.
    pub const fn drawings(height: usize, width: usize, classes: usize) -> Self {
        Self::generated(Shape { channels: 1, height, width }, true, classes)
    }

    const fn generated(shape: Shape, images: bool, classes: usize) -> Self {
        let values = if images { Values::Bytes } else { Values::Scaled };
        let notes = Vec::new();
        Self {
            shape,
            images,
            values,
            largest: 0.0,
            classes,
            memory: None,
            training_file: None,
            test_file: None,
            fingerprint: None,
            notes,
        }
    }
}
