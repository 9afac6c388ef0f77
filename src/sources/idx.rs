//! A data set of the user's own: four IDX files in a folder.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::facts::DataFacts;
use super::idx_files::{FILES, read_files};
use super::idx_format;
use super::samples::Files;
use super::traits::{FromFiles, Read};
use crate::files;

/// Four IDX files under MNIST's usual names in `data.dir`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Idx {
    /// Folder of the four IDX files.
    pub dir: String,
    /// Classes; by default one more than the highest training label.
    #[schemars(range(min = 2, max = 256))]
    pub classes: Option<usize>,
}

impl FromFiles for Idx {
    fn place(&self, _root: &Path) -> PathBuf {
        PathBuf::from(&self.dir)
    }

    fn read(&self, folder: &Path) -> Result<Files, DataError> {
        read_files(|i| {
            let path = find(folder, FILES[i]).ok_or_else(|| {
                let remedy = "name the folder that holds the four files in data.dir";
                DataError::missing("the IDX data set", folder, FILES[i], remedy.to_owned())
            })?;
            let name = path.display().to_string();
            Ok((idx_format::inflate(files::read(&path).map_err(DataError::Io)?, &name)?, name))
        })
    }

    fn facts(&self, read: Read) -> Result<DataFacts, DataError> {
        let files = read()?;
        Ok(DataFacts {
            shape: files.shape,
            images: true,
            classes: self.check_classes(&files)?,
            training_file: Some(files.training.labels.len()),
            test_file: Some(files.test.labels.len()),
            fingerprint: Some(files.fingerprint.clone()),
        })
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

    /// The number of classes, as stated or as the training labels have it. Without a statement every
    /// label below the highest must occur: one stray byte would otherwise make up hundreds of classes.
    fn check_classes(&self, files: &Files) -> Result<usize, DataError> {
        let mismatch = |expected, found| DataError::Mismatch { file: self.dir.clone(), expected, found };
        let highest = files.classes - 1;
        if let Some(stated) = self.classes {
            let expected = || format!("labels from 0 to {}, as data.classes says", stated - 1);
            return if highest < stated { Ok(stated) } else { Err(mismatch(expected(), format!("label {highest}"))) };
        }
        match (0..files.classes).find(|class| !files.training.labels.contains(&(*class as u8))) {
            None => Ok(files.classes),
            Some(absent) => Err(mismatch(
                format!("every label from 0 to {highest} among the training labels"),
                format!("no label {absent}; state data.classes if that is right"),
            )),
        }
    }
}

/// The file under its plain name or with `.gz`.
fn find(folder: &Path, file: &str) -> Option<PathBuf> {
    [file.to_owned(), format!("{file}.gz")].iter().map(|name| folder.join(name)).find(|path| path.is_file())
}
