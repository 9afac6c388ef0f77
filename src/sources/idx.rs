//! A data set of the user's own: four IDX files in a folder.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::facts::DataFacts;
use super::idx_files::{FILES, read_files};
use super::idx_format;
use super::order::permuted;
use super::samples::{FileSamples, Files};
use super::traits::{FromFiles, Read};
use crate::files;

/// Four IDX files in `data.dir`, under MNIST's names or like them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Idx {
    /// Folder of the four IDX files: images and labels for training (`train` in their names) and for testing (`t10k` or `test`), with or without `.gz`.
    pub dir: String,
    /// Classes; by default as many as there are different training labels.
    #[schemars(range(min = 2, max = 256))]
    pub classes: Option<usize>,
    /// Whether images lie on their side, rows and columns exchanged, as EMNIST's do (default `false`).
    pub transpose: bool,
}

impl FromFiles for Idx {
    fn place(&self, _root: &Path) -> PathBuf {
        PathBuf::from(&self.dir)
    }

    fn read(&self, folder: &Path) -> Result<Files, DataError> {
        let read = read_files(self.transpose, |i| {
            let path = find(folder, i)?;
            let name = path.display().to_string();
            Ok((idx_format::inflate(files::read(&path).map_err(DataError::Io)?, &name)?, name))
        })?;
        if self.transpose && read.shape.area() == 1 {
            let [images, ..] = FILES;
            let file = folder.join(images).display().to_string();
            let (expected, found) = ("images, as data.transpose is true".to_owned(), "vectors".to_owned());
            return Err(DataError::Mismatch { file, expected, found });
        }
        let length = read.shape.len();
        // Nobody else has the features yet, so they are not copied.
        let permuted =
            |FileSamples { features, labels, .. }| permuted(std::sync::Arc::unwrap_or_clone(features), labels, length);
        Ok(Files { training: permuted(read.training), test: permuted(read.test), ..read })
    }

    fn facts(&self, read: Read) -> Result<DataFacts, DataError> {
        let files = read()?;
        files.facts(files.shape.area() > 1, self.classes)
    }

    fn reading(&self) -> String {
        format!("transpose {}", self.transpose)
    }

    fn place_keys(&self) -> &'static [&'static str] {
        &["dir"]
    }

    fn missing(&self) -> Option<(&'static str, &'static str)> {
        self.dir.is_empty().then_some(("dir", "the folder of its four files"))
    }
}

impl Idx {
    /// Fills the knobs whose defaults are in the files.
    pub fn settle(&mut self, facts: &DataFacts) {
        self.classes.get_or_insert(facts.classes);
    }
}

/// One of the four files in a folder: under its usual name, plain or with `.gz`; else under a name that says the same, such
/// as `emnist-letters-test-images-idx3-ubyte.gz`, `train-images.idx3-ubyte` or `qmnist-train-labels-idx2-int`.
fn find(folder: &Path, which: usize) -> Result<PathBuf, DataError> {
    let usual = FILES[which];
    let mut names = files::list(folder).map_err(DataError::Io)?;
    // An archive may have been unpacked into folders of these names. What cannot be looked at is told when it is read.
    names.retain(|name| !files::is_folder(&folder.join(name)).unwrap_or(false));
    if let Some(name) = [usual.to_owned(), format!("{usual}.gz")].iter().find(|name| names.contains(name)) {
        return Ok(folder.join(name));
    }
    let mut similar: Vec<&String> = names.iter().filter(|name| says(name) == Some(which)).collect();
    similar.sort_unstable();
    // Of one file plain and compressed, the plain one.
    similar.dedup_by(|later, earlier| **later == format!("{earlier}.gz"));
    match similar.as_slice() {
        [only] => Ok(folder.join(only)),
        [] => {
            let remedy = "name the folder that holds the four files in data.dir; a name may have more before and after \
                          `train` or `test`, `images` or `labels`, and `idx`";
            Err(DataError::missing("the IDX data set", folder, usual, remedy.to_owned()))
        }
        several => {
            let what = ["training images", "training labels", "test images", "test labels"][which];
            let names = several.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            Err(DataError::Ambiguous { dir: folder.to_owned(), what, names })
        }
    }
}

/// Which of the four files a name means, if any. What stands last counts: a prefix may be any word.
fn says(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let last = |words: &[&str]| words.iter().filter_map(|word| name.rfind(word)).max();
    let is_test = last(&["t10k", "test"]) > last(&["train"]);
    let is_labels = last(&["label"]) > last(&["image"]);
    let has_part = last(&["t10k", "test", "train"]).is_some() && last(&["label", "image"]).is_some();
    (has_part && name.contains("idx") && !name.starts_with('.'))
        .then_some(2 * usize::from(is_test) + usize::from(is_labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_file_they_mean() {
        for (name, which) in [
            ("train-images-idx3-ubyte", Some(0)),
            ("train-labels.idx1-ubyte", Some(1)),
            ("emnist-letters-test-images-idx3-ubyte.gz", Some(2)),
            ("qmnist-test-labels-idx2-int", Some(3)),
            ("latest-train-images-idx3-ubyte", Some(0)),
            ("train-set-t10k-labels-idx1-ubyte", Some(3)),
            ("Train_Images.IDX", Some(0)),
            (".train-images-idx3-ubyte.swp", None),
            ("train-images.png", None),
            ("train-labels.csv", None),
            ("idx-notes.txt", None),
        ] {
            assert_eq!(says(name), which, "{name}");
        }
    }
}
