//! Published data sets: four IDX files, how each is recognised, and where to get it.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::facts::DataFacts;
use super::idx_files::{FILES, read_files};
use super::idx_format;
use super::samples::Files;
use super::traits::{FromFiles, Read};
use crate::files;

/// A public data set of four IDX files: 60,000 + 10,000 images of 28×28, ten classes.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// As `data.source` names it; also its sub-folder's name.
    pub name: &'static str,
    /// As people name it.
    pub title: &'static str,
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

/// The four files of 60,000 training and 10,000 test images of 28×28, with their SHA-256.
pub const fn files([a, b, c, d]: [Checksum; 4]) -> [PublishedFile; 4] {
    let [train_images, train_labels, test_images, test_labels] = FILES;
    let (image, label) = (28 * 28, 1);
    [
        PublishedFile { name: train_images, length: 16 + 60_000 * image, sha256: a },
        PublishedFile { name: train_labels, length: 8 + 60_000 * label, sha256: b },
        PublishedFile { name: test_images, length: 16 + 10_000 * image, sha256: c },
        PublishedFile { name: test_labels, length: 8 + 10_000 * label, sha256: d },
    ]
}

impl FromFiles for Published {
    fn place(&self, root: &Path) -> PathBuf {
        root.join(self.name)
    }

    fn read(&self, folder: &Path) -> Result<Files, DataError> {
        read_files(false, |i| {
            let file = &self.files[i];
            let path = file.find(folder).ok_or_else(|| self.missing_in(folder, file))?;
            let name = path.display().to_string();
            let raw = files::read(&path).map_err(DataError::Io)?;
            Ok((file.check(raw, &name)?, name))
        })
    }

    fn facts(&self, _read: Read) -> Result<DataFacts, DataError> {
        Ok(DataFacts { training_file: Some(60_000), test_file: Some(10_000), ..DataFacts::drawings(28, 28, 10) })
    }

    fn validation(&self, _training_file: usize) -> usize {
        5000
    }
}

impl Published {
    /// Whether all four files are in a folder, unchecked.
    pub fn is_in(&self, folder: &Path) -> bool {
        self.files.iter().all(|file| file.find(folder).is_some())
    }

    fn missing_in(&self, folder: &Path, file: &PublishedFile) -> DataError {
        let (name, root) = (self.name, folder.parent().unwrap_or(folder).display());
        let remedy = format!(
            "get it with: bn-exp data fetch {name} --data-dir '{root}'\n\
             or name the folder that holds {name}/ with --data-dir or BN_EXP_DATA_DIR"
        );
        DataError::missing(self.title, folder, file.name, remedy)
    }
}

impl PublishedFile {
    /// Where the file is in a folder.
    pub fn find(&self, folder: &Path) -> Option<PathBuf> {
        // One that cannot be looked at is found: reading it tells why.
        self.names().iter().map(|name| folder.join(name)).find(|path| files::is_file(path).unwrap_or(true))
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
        let bytes = idx_format::inflate_to(raw, self.length, file)?;
        if let Checksum::Inflated(published) = self.sha256 {
            same("inflated", published, &bytes)?;
        }
        Ok(bytes)
    }
}
