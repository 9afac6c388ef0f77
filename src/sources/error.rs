//! Why a data set cannot be used.

use std::path::{Path, PathBuf};

use super::csv_format::CsvError;
use super::idx_format::IdxError;
use crate::files;

/// A data set that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Files are not where they should be.
    #[error("{what} is not complete in {dir}: {lacking}\n{remedy}", dir = dir.display())]
    Missing {
        /// Which data set.
        what: String,
        /// Where it was looked for.
        dir: PathBuf,
        /// The first file that is not there, or that there is no folder.
        lacking: String,
        /// How to get it.
        remedy: String,
    },
    /// A file that does not follow the IDX format.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// A table that is not as it should be.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// Several files, any of which may be meant.
    #[error("{dir} has several files that may be the {what}: {names}; leave one of them there", dir = dir.display())]
    Ambiguous {
        /// Where they are.
        dir: PathBuf,
        /// What is looked for.
        what: &'static str,
        /// Their names.
        names: String,
    },
    /// A file whose content is not what its name says.
    #[error("{file}: expected {expected}, found {found}")]
    Mismatch {
        /// The file.
        file: String,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
    /// A file that cannot be read.
    #[error("{0:#}")]
    Io(anyhow::Error),
}

impl DataError {
    /// `file` of the data set `what` is not in `dir`.
    pub fn missing(what: &str, dir: &Path, file: &str, remedy: String) -> Self {
        let is = |kind: fn(&Path) -> anyhow::Result<bool>| kind(dir).unwrap_or(false);
        let lacking = match (is(files::is_folder), is(files::is_file)) {
            (_, true) => "it is a file, and not a folder".to_owned(),
            (false, _) => format!("there is no such folder, and so no {file}"),
            _ => format!("{file} is missing, plain or as .gz"),
        };
        Self::Missing { what: what.to_owned(), dir: dir.to_owned(), lacking, remedy }
    }
}
