//! MNIST, as LeCun, Cortes and Burges published it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::published::{Checksum, Published, files};

/// 28×28 handwritten digits, 60,000 + 10,000, ten classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Mnist {}

/// Its files.
pub const MNIST: Published = Published {
    name: "mnist",
    title: "MNIST",
    files: files([
        Checksum::Inflated("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        Checksum::Inflated("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        Checksum::Inflated("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        Checksum::Inflated("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ]),
    mirrors: ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"],
};
