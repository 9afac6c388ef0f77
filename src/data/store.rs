//! Loads data sets and shares them between runs.
//!
//! The four files of an IDX data set are read, checked and inflated once. A data set that is made
//! up, or whose labels are, depends on the seed; the latest few are kept, since the arms of one seed
//! run one after the other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::published::{FASHION_MNIST, FILES, MNIST, Published};
use super::synthetic::{self, Gaussians, Samples, Teacher};
use super::{Dataset, Features, Split, glyphs, idx};
use crate::config::file::{DataFile, SourceName};
use crate::config::resolve::synthetic_facts;
use crate::config::settings::{Data, DataFacts, Shape, Source};
use crate::files;
use crate::random::{Stream, below, stream};

/// A data set that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Files are not where they should be.
    #[error("{what} is not complete in {dir}: {file} is missing, plain or as .gz\n{remedy}", dir = dir.display())]
    Missing {
        /// Which data set.
        what: String,
        /// Where it was looked for.
        dir: PathBuf,
        /// The first file that is not there.
        file: String,
        /// How to get it.
        remedy: String,
    },
    /// A file that is no proper IDX file.
    #[error(transparent)]
    Idx(#[from] idx::IdxError),
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

/// Four files, read and checked.
#[derive(Debug)]
struct IdxFiles {
    shape: Shape,
    classes: usize,
    /// SHA-256 over the four files' own.
    fingerprint: String,
    training: (Arc<Features>, Vec<u8>),
    test: (Arc<Features>, Vec<u8>),
}

impl IdxFiles {
    /// The number of classes, as stated or as the training labels have it. Without a statement every
    /// label below the highest must occur: one stray byte would otherwise make up hundreds of classes.
    fn check_classes(&self, data: &DataFile) -> Result<usize, DataError> {
        let file = data.dir.clone().unwrap_or_default();
        if let Some(stated) = data.classes {
            if stated < self.classes {
                let expected = format!("labels from 0 to {}, as data.classes says", stated - 1);
                return Err(DataError::Mismatch { file, expected, found: format!("label {}", self.classes - 1) });
            }
            return Ok(stated);
        }
        match (0..self.classes).find(|class| !self.training.1.contains(&(*class as u8))) {
            None => Ok(self.classes),
            Some(absent) => Err(DataError::Mismatch {
                file,
                expected: format!("every label from 0 to {} among the training labels", self.classes - 1),
                found: format!("no label {absent}; state data.classes if that is right"),
            }),
        }
    }
}

/// Loads data sets below one folder and shares them.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    files: Mutex<HashMap<PathBuf, Arc<IdxFiles>>>,
    /// The data sets used last, latest at the end.
    recent: Mutex<Vec<(String, Arc<Dataset>)>>,
}

/// Memory that recent data sets may hold, beside the one asked for last.
const RECENT_BYTES: usize = 64 << 20;

impl Store {
    /// Data sets in `root`, one sub-folder each.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), files: Mutex::default(), recent: Mutex::default() }
    }

    /// Folder of the named data set.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What is known of a data set before any run. Reads files only for source `idx`.
    ///
    /// # Errors
    /// If those files are missing or wrong.
    pub fn facts(&self, data: &DataFile) -> Result<DataFacts, DataError> {
        if let Some(facts) = synthetic_facts(data) {
            return Ok(facts);
        }
        let images = true;
        if data.source != SourceName::Idx {
            let shape = Shape { channels: 1, height: 28, width: 28 };
            let (training_file, test_file) = (Some(60_000), Some(10_000));
            return Ok(DataFacts { shape, images, classes: 10, training_file, test_file, fingerprint: None });
        }
        let files = self.idx_files(Path::new(data.dir.as_deref().unwrap_or_default()), None)?;
        let fingerprint = Some(files.fingerprint.clone());
        let classes = files.check_classes(data)?;
        let (training_file, test_file) = (Some(files.training.1.len()), Some(files.test.1.len()));
        Ok(DataFacts { shape: files.shape, images, classes, training_file, test_file, fingerprint })
    }

    /// The data set as `seed` sees it.
    ///
    /// # Errors
    /// If its files are missing or wrong.
    pub fn load(&self, data: &Data, seed: u64) -> Result<Arc<Dataset>, DataError> {
        let depends_on_seed = !data.source.is_file() || data.random_labels;
        let key = format!("{data:?} {:?}", depends_on_seed.then_some(seed));
        // Held while loading, so that two runs that need the same data load it once.
        let mut recent = lock(&self.recent);
        let dataset = match recent.iter().position(|(known, _)| *known == key) {
            Some(index) => recent.remove(index).1,
            None => Arc::new(self.assemble(data, seed)?),
        };
        recent.push((key, dataset.clone()));
        let held = |recent: &[(String, Arc<Dataset>)]| recent.iter().map(|(_, d)| d.own_bytes()).sum::<usize>();
        while recent.len() > 1 && held(&recent) > RECENT_BYTES {
            recent.remove(0);
        }
        Ok(dataset)
    }

    fn assemble(&self, data: &Data, seed: u64) -> Result<Dataset, DataError> {
        let mut splits = match &data.source {
            Source::Mnist => from_files(&*self.published(&MNIST)?, data),
            Source::FashionMnist => from_files(&*self.published(&FASHION_MNIST)?, data),
            Source::Idx { dir } => from_files(&*self.idx_files(Path::new(dir), None)?, data),
            _ => made_up(data, seed),
        };
        if data.random_labels {
            for (split, name) in splits.iter_mut().zip(["train", "validation", "test"]) {
                let mut rng = stream(seed, &format!("random-labels/{name}"));
                split.labels.iter_mut().for_each(|label| *label = below(&mut rng, data.classes) as u8);
            }
        }
        Ok(Dataset::new(data.shape, data.classes, splits, data.scaling))
    }

    fn published(&self, set: &'static Published) -> Result<Arc<IdxFiles>, DataError> {
        self.idx_files(&self.folder(set.name), Some(set))
    }

    fn idx_files(&self, dir: &Path, set: Option<&Published>) -> Result<Arc<IdxFiles>, DataError> {
        let mut files = lock(&self.files);
        if let Some(known) = files.get(dir) {
            return Ok(known.clone());
        }
        let read = Arc::new(read_idx_files(dir, set)?);
        files.insert(dir.to_owned(), read.clone());
        Ok(read)
    }

    /// Reads and checks a published data set as a run would.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn verify(&self, set: &'static Published) -> Result<(), DataError> {
        self.published(set).map(drop)
    }

    /// Whether all four files of a published data set are there, unchecked.
    pub fn has_files(&self, set: &Published) -> bool {
        set.files.iter().all(|file| file.find(&self.folder(set.name)).is_some())
    }
}

/// A poisoned lock means that another run panicked while loading; the map itself is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file under its plain name or with `.gz`.
fn find(dir: &Path, file: &str) -> Option<PathBuf> {
    [file.to_owned(), format!("{file}.gz")].iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

fn read_idx_files(dir: &Path, set: Option<&Published>) -> Result<IdxFiles, DataError> {
    let mut all_files = Sha256::new();
    let mut bytes = |i: usize| -> Result<(Vec<u8>, String), DataError> {
        let path = match set {
            Some(set) => set.files[i].find(dir),
            None => find(dir, FILES[i]),
        };
        let path = path.ok_or_else(|| missing(dir, FILES[i], set))?;
        let name = path.display().to_string();
        let raw = files::read(&path).map_err(DataError::Io)?;
        let bytes = match set {
            Some(set) => set.files[i].check(raw, &name)?,
            None => idx::inflate(raw, &name)?,
        };
        if set.is_none() {
            all_files.update(files::sha256(&bytes));
        }
        Ok((bytes, name))
    };
    let mut pair = |images: usize, labels: usize| -> Result<_, DataError> {
        let (raw, image_file) = bytes(images)?;
        let parsed = idx::parse_images(raw, &image_file)?;
        let (raw, label_file) = bytes(labels)?;
        let labels = idx::parse_labels(raw, &label_file)?;
        if labels.len() != parsed.count {
            let expected = format!("{} labels, one for each image of {image_file}", parsed.count);
            return Err(DataError::Mismatch { file: label_file, expected, found: format!("{} labels", labels.len()) });
        }
        Ok((parsed, labels, image_file, label_file))
    };
    let (train, train_labels, train_file, _) = pair(0, 1)?;
    let (test, test_labels, test_file, test_label_file) = pair(2, 3)?;
    if (train.rows, train.columns) != (test.rows, test.columns) {
        return Err(DataError::Mismatch {
            file: test_file,
            expected: format!("images of {}×{}, as in {train_file}", train.rows, train.columns),
            found: format!("{}×{}", test.rows, test.columns),
        });
    }
    let classes = train_labels.iter().max().map_or(0, |label| usize::from(*label) + 1).max(2);
    if let Some((i, label)) = test_labels.iter().enumerate().find(|(_, label)| usize::from(**label) >= classes) {
        return Err(DataError::Mismatch {
            file: test_label_file,
            expected: format!("labels from 0 to {}, as in training", classes - 1),
            found: format!("label {label} at index {i}"),
        });
    }
    let shape = Shape { channels: 1, height: train.rows, width: train.columns };
    let images = |pixels: Vec<u8>| Arc::new(Features::Bytes(pixels));
    let training = (images(train.pixels), train_labels);
    let fingerprint = files::hex(&all_files.finalize());
    Ok(IdxFiles { shape, classes, fingerprint, training, test: (images(test.pixels), test_labels) })
}

fn missing(dir: &Path, file: &str, set: Option<&Published>) -> DataError {
    let (what, remedy) = match set {
        Some(set) => {
            let root = dir.parent().unwrap_or(dir).display();
            let name = set.name;
            let remedy = format!(
                "get it with: bn-exp data fetch {name} --data-dir '{root}'\n\
                 or name the folder that holds {name}/ with --data-dir or BN_EXP_DATA_DIR"
            );
            (set.title, remedy)
        }
        None => ("the IDX data set", "name the folder that holds the four files in data.dir".to_owned()),
    };
    DataError::Missing { what: what.to_owned(), dir: dir.to_owned(), file: file.to_owned(), remedy }
}

fn from_files(files: &IdxFiles, data: &Data) -> [Split; 3] {
    let part = |(features, labels): &(Arc<Features>, Vec<u8>), first: usize, count: usize| Split {
        features: features.clone(),
        first,
        labels: labels[first..first + count].to_vec(),
    };
    let in_file = files.training.1.len();
    [
        part(&files.training, 0, data.train),
        part(&files.training, in_file - data.validation, data.validation),
        part(&files.test, 0, data.test),
    ]
}

/// Draws so many samples from a stream.
type Sampler = dyn Fn(usize, &mut Stream) -> (Features, Vec<u8>);

/// Synthetic data: the task's fixed parts from one stream, each split from one of its own.
fn made_up(data: &Data, seed: u64) -> [Split; 3] {
    let mut task = stream(seed, "data/task");
    let (classes, dimension) = (data.classes, data.shape.len());
    let sample: Box<Sampler> = match data.source {
        Source::Gaussians { separation, offset, scale_spread } => {
            let clouds = Gaussians::new(classes, dimension, separation, offset, scale_spread, &mut task);
            Box::new(move |count, rng| vectors(clouds.sample(count, rng)))
        }
        Source::Teacher { width } => {
            let teacher = Teacher::new(classes, dimension, width, &mut task);
            Box::new(move |count, rng| vectors(teacher.sample(count, rng)))
        }
        Source::Spirals { noise, turns } => {
            Box::new(move |count, rng| vectors(synthetic::spirals(classes, noise, turns, count, rng)))
        }
        Source::Glyphs { noise } => Box::new(move |count, rng| drawings(noise, count, rng)),
        Source::Mnist | Source::FashionMnist | Source::Idx { .. } => unreachable!("files are read, not made up"),
    };
    let split = |name: &str, count: usize| {
        let (features, labels) = sample(count, &mut stream(seed, &format!("data/{name}")));
        Split { features: Arc::new(features), first: 0, labels }
    };
    [split("train", data.train), split("validation", data.validation), split("test", data.test)]
}

fn vectors(samples: Samples) -> (Features, Vec<u8>) {
    (Features::Floats(samples.features), samples.labels)
}

fn drawings(noise: f64, count: usize, rng: &mut Stream) -> (Features, Vec<u8>) {
    let mut pixels = Vec::with_capacity(count * glyphs::SIDE * glyphs::SIDE);
    let mut labels = Vec::with_capacity(count);
    for _ in 0..count {
        let digit = below(rng, glyphs::CLASSES) as u8;
        pixels.extend_from_slice(&glyphs::draw(digit, noise, rng));
        labels.push(digit);
    }
    (Features::Bytes(pixels), labels)
}
