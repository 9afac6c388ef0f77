//! The published data sets: their files, how each is recognised, where they can be had.

use std::path::{Path, PathBuf};

use super::{DataError, idx};
use crate::files;

/// A data set of four IDX files that anyone can have: 60,000 + 10,000 images of 28×28, ten classes.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// As `data.source` names it; also its sub-folder's name.
    pub name: &'static str,
    /// As people name it.
    pub title: &'static str,
    /// What the images show.
    pub what: &'static str,
    /// Training images and labels, test images and labels.
    pub files: [PublishedFile; 4],
    /// Folders that hold the four files, each with `.gz`; the first is asked first.
    pub mirrors: [&'static str; 2],
}

/// One of the four files.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its name, inflated.
    pub name: &'static str,
    /// Its length, inflated, in bytes.
    pub length: u64,
    /// How it is recognised.
    pub sha256: Checksum,
}

/// A published SHA-256.
#[derive(Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Of the inflated bytes, however they were wrapped.
    Inflated(&'static str),
    /// Of the gzip file as published; the file counts in that wrapping only.
    Gzip(&'static str),
}

/// Training images, training labels, test images, test labels, under their usual names.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// The handwritten digits of LeCun, Cortes and Burges.
pub const MNIST: Published = Published {
    name: "mnist",
    title: "MNIST",
    what: "28×28 handwritten digits, 60,000 + 10,000, ten classes",
    files: files([
        Checksum::Inflated("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        Checksum::Inflated("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        Checksum::Inflated("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        Checksum::Inflated("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ]),
    mirrors: ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"],
};

/// The articles of clothing of Xiao, Rasul and Vollgraf (2017, arXiv:1708.07747). SHA-256 are known of the gzip files
/// that Zalando Research publishes.
pub const FASHION_MNIST: Published = Published {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    what: "28×28 articles of clothing, 60,000 + 10,000, ten classes",
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

/// All of them.
pub const ALL: [&Published; 2] = [&MNIST, &FASHION_MNIST];

/// The four files of 60,000 training and 10,000 test images of 28×28, with their SHA-256.
const fn files([a, b, c, d]: [Checksum; 4]) -> [PublishedFile; 4] {
    let [train_images, train_labels, test_images, test_labels] = FILES;
    let (image, label) = (28 * 28, 1);
    [
        PublishedFile { name: train_images, length: 16 + 60_000 * image, sha256: a },
        PublishedFile { name: train_labels, length: 8 + 60_000 * label, sha256: b },
        PublishedFile { name: test_images, length: 16 + 10_000 * image, sha256: c },
        PublishedFile { name: test_labels, length: 8 + 10_000 * label, sha256: d },
    ]
}

impl Published {
    /// The one of that name.
    pub fn named(name: &str) -> Option<&'static Published> {
        ALL.into_iter().find(|set| set.name == name)
    }
}

impl PublishedFile {
    /// Where the file is in a folder.
    pub fn find(&self, folder: &Path) -> Option<PathBuf> {
        self.names().iter().map(|name| folder.join(name)).find(|path| path.is_file())
    }

    /// The names under which it counts: plain, if it is recognised that way, and with `.gz`.
    pub fn names(&self) -> Vec<String> {
        let plain = matches!(self.sha256, Checksum::Inflated(_)).then(|| self.name.to_owned());
        plain.into_iter().chain([self.gzip_name()]).collect()
    }

    /// Its name as mirrors have it.
    pub fn gzip_name(&self) -> String {
        format!("{}.gz", self.name)
    }

    /// Its length at most in any wrapping, in bytes: gzip adds 5 to every 16 KiB that it cannot compress, and a header.
    pub fn longest(&self) -> u64 {
        self.length + self.length / 1024 + (1 << 16)
    }

    /// The inflated bytes of a file as it was read, if they are what was published. Nothing is inflated past the
    /// published length. `file` is its name for messages.
    ///
    /// # Errors
    /// If they are something else.
    pub fn check(&self, raw: Vec<u8>, file: &str) -> Result<Vec<u8>, DataError> {
        let mismatch = |expected: String, found: String| DataError::Mismatch { file: file.to_owned(), expected, found };
        let same = |wrapping: &str, published: &str, bytes: &[u8]| {
            let found = files::sha256(bytes);
            let expected = || format!("{}, {wrapping} SHA-256 {published}", self.name);
            if found == published { Ok(()) } else { Err(mismatch(expected(), found)) }
        };
        if let Checksum::Gzip(published) = self.sha256 {
            same("as published, gzip", published, &raw)?;
        }
        let bytes = idx::inflate_to(raw, self.length, file)?;
        if let Checksum::Inflated(published) = self.sha256 {
            same("inflated", published, &bytes)?;
        }
        Ok(bytes)
    }
}
