//! Fashion-MNIST, as Xiao, Rasul and Vollgraf (2017, arXiv:1708.07747) published it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::published::{Checksum, Published, files};

/// 28×28 articles of clothing, 60,000 + 10,000, ten classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct FashionMnist {}

/// Its files. SHA-256 are known of the gzip files that Zalando Research publishes.
pub const FASHION_MNIST: Published = Published {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    files: files([
        Checksum::Gzip("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        Checksum::Gzip("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        Checksum::Gzip("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        Checksum::Gzip("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ]),
    mirrors: [
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    ],
};
