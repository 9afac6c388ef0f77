//! What a source has to say of itself: one trait for samples that are generated, one for samples that are read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::DataError;
use super::facts::DataFacts;
use super::samples::{Files, Samples};
use crate::random::Stream;

/// Draws so many samples from a stream. The first n do not depend on how many follow.
pub type Sampler = dyn Fn(usize, &mut Stream) -> Samples;

/// A source that generates its samples. Its fields are its knobs.
pub trait Generated {
    /// Shape, classes, and whether samples are images.
    fn facts(&self) -> DataFacts;

    /// Draws the task's fixed parts from `task`; what is returned draws samples, each split from a stream of its own.
    fn sampler(&self, task: &mut Stream) -> Box<Sampler>;
}

/// Reads a source's files, or returns them if they have been read.
pub type Read<'a> = &'a dyn Fn() -> Result<Arc<Files>, DataError>;

/// A source that reads its samples, the same for every seed. Its fields are its knobs.
pub trait FromFiles {
    /// Where the files are, with the data sets below `root`. What is read from one place is read once and shared.
    fn place(&self, root: &Path) -> PathBuf;

    /// Reads and checks the files at `place`.
    ///
    /// # Errors
    /// What is missing or wrong.
    fn read(&self, place: &Path) -> Result<Files, DataError>;

    /// What is known beforehand; calls `read` only if that is in the files alone.
    ///
    /// # Errors
    /// What is missing or wrong in the files.
    fn facts(&self, read: Read) -> Result<DataFacts, DataError>;

    /// Validation samples by default, of so many in the training file.
    fn validation(&self, training_file: usize) -> usize {
        let tenth = training_file / 10;
        tenth * usize::from(tenth > 1)
    }

    /// The other knobs that decide what is read from that place, in any form.
    fn reading(&self) -> String {
        String::new()
    }

    /// Bytes of a value in memory, as far as is known before the files are read: images are bytes.
    fn value_bytes(&self) -> usize {
        1
    }

    /// The knobs that name a place. In the identity of a run, the fingerprint of what is there takes their place.
    fn place_keys(&self) -> &'static [&'static str] {
        &[]
    }

    /// The first required knob that is missing, and what it is needed for.
    fn missing(&self) -> Option<(&'static str, &'static str)> {
        None
    }
}
