//! Loads data sets and shares them between runs.
//!
//! Files are read, checked and inflated once. A data set that is generated, or whose labels are, depends on the seed; the
//! latest few are kept, since the arms of one seed run one after the other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::dataset::{Dataset, Split};
use crate::config::cost::KEPT_DATA;
use crate::config::file::DataFile;
use crate::config::settings::{Data, DataFacts};
use crate::random::{below, stream};
use crate::sources::Kind;
use crate::sources::error::DataError;
use crate::sources::facts::MOST_CLASSES;
use crate::sources::published::Published;
use crate::sources::samples::{FileSamples, Files};
use crate::sources::traits::{FromFiles, Generated};
use crate::sources::words::{column_name, listed};

/// Loads data sets below one folder and shares them.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// By place and by how it is read.
    files: Mutex<HashMap<(PathBuf, String), Arc<Files>>>,
    /// Notes on data sets, each once.
    notes: Mutex<Vec<String>>,
    /// The data sets used last, latest at the end.
    recent: Mutex<Vec<(String, Arc<Dataset>)>>,
}

impl Store {
    /// Data sets in `root`, one sub-folder each.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), files: Mutex::default(), notes: Mutex::default(), recent: Mutex::default() }
    }

    /// Folder of a published data set.
    pub fn folder(&self, set: &Published) -> PathBuf {
        set.place(&self.root)
    }

    /// What is known of a data set before any run. Reads files only where that is in the files alone.
    ///
    /// # Errors
    /// If those files are missing or wrong.
    pub fn facts(&self, data: &DataFile) -> Result<DataFacts, DataError> {
        let facts = match data.source.kind() {
            Kind::Generated(source) => source.facts(),
            Kind::Published(set) => set.facts(&|| self.files(set))?,
            Kind::Own(source) => source.facts(&|| self.files(source))?,
        };
        let mut notes = lock(&self.notes);
        for note in &facts.notes {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        Ok(facts)
    }

    /// What the user should know of how files were understood, for those that [`Store::facts`] was asked about.
    pub fn notes(&self) -> Vec<String> {
        lock(&self.notes).clone()
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
        while recent.len() > 1 && held(&recent) > KEPT_DATA {
            recent.remove(0);
        }
        Ok(dataset)
    }

    fn assemble(&self, data: &Data, seed: u64) -> Result<Dataset, DataError> {
        let (mut splits, mut warnings) = match data.source.kind() {
            Kind::Generated(source) => {
                let splits = generated(source, data, seed);
                let warnings = incomplete(&splits, data.classes);
                (splits, warnings)
            }
            Kind::Published(set) => from_files(&*self.files(set)?, data)?,
            Kind::Own(source) => from_files(&*self.files(source)?, data)?,
        };
        let own = match data.source.kind() {
            Kind::Own(source) => Some(self.files(source)?),
            _ => None,
        };
        if data.random_labels {
            for (split, name) in splits.iter_mut().zip(["train", "validation", "test"]) {
                let mut rng = stream(seed, &format!("random-labels/{name}"));
                split.labels.iter_mut().for_each(|label| *label = below(&mut rng, data.classes) as u8);
            }
            warnings.clear();
        }
        let mut dataset = Dataset::new(data.shape, data.classes, splits, data.scaling);
        let feature = |j: usize| match own.as_ref().and_then(|files| files.columns.get(j)) {
            Some(name) => format!("column `{}`", column_name(name)),
            None => format!("feature {}", j + 1),
        };
        if own.is_some() {
            warnings.extend(dataset.faint());
            warnings.extend(dataset.large());
            warnings.extend(dataset.constant(&feature));
            dataset.lost_in_single = dataset.lost_in_single(&feature);
            warnings.extend(dataset.stray(&feature));
            match dataset.outlier(&feature) {
                Some((words, true)) => return Err(DataError::Io(anyhow::anyhow!(words))),
                found => warnings.extend(found.map(|(words, _)| words)),
            }
            warnings.extend(dataset.shifted(&feature));
            warnings.extend(dataset.repeated());
        }
        dataset.warnings = warnings;
        Ok(dataset)
    }

    fn files(&self, source: &dyn FromFiles) -> Result<Arc<Files>, DataError> {
        let key = (source.place(&self.root), source.reading());
        let mut files = lock(&self.files);
        if let Some(known) = files.get(&key) {
            return Ok(known.clone());
        }
        let read = Arc::new(source.read(&key.0)?);
        files.insert(key, read.clone());
        Ok(read)
    }

    /// Reads and checks a published data set as a run would.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn verify(&self, set: &Published) -> Result<(), DataError> {
        self.files(set).map(drop)
    }
}

/// Locks. A poisoned lock means that another run panicked while loading; the data in it are sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The splits of a data set in files, and what is peculiar about them.
fn from_files(files: &Files, data: &Data) -> Result<([Split; 3], Vec<String>), DataError> {
    let numbering = files.labels.numbering(Some(data.classes))?;
    let part = |file: &FileSamples, first: usize, count: usize| Split {
        features: file.features.clone(),
        first,
        labels: file.labels[first..first + count].iter().map(|place| numbering.class_of[usize::from(*place)]).collect(),
        rows: if file.rows.is_empty() { Vec::new() } else { file.rows[first..first + count].to_vec() },
    };
    let in_file = files.training.labels.len();
    let splits = [
        part(&files.training, 0, data.train),
        part(&files.training, in_file - data.validation, data.validation),
        part(&files.test, 0, data.test),
    ];
    let named = splits.iter().zip(["training", "validation", "test"]);
    let warnings = named.filter_map(|(split, name)| {
        let absent: Vec<String> = absent(split, data.classes).map(|c| files.labels.name_of(c, &numbering)).collect();
        let has_some = !split.is_empty() && !absent.is_empty();
        has_some.then(|| format!("the {name} split ({} samples) has none of label {}", split.len(), listed(&absent)))
    });
    let mut warnings: Vec<String> = warnings.collect();
    let [_, _, test] = &splits;
    warnings.extend(one_sided(test, data.classes, |class| files.labels.name_of(class, &numbering)));
    Ok((splits, warnings))
}

/// That a network which always names the commonest class of the test split does much better than by guessing.
fn one_sided(test: &Split, classes: usize, name_of: impl Fn(usize) -> String) -> Option<String> {
    let mut counts = vec![0usize; classes];
    test.labels.iter().for_each(|class| counts[usize::from(*class)] += 1);
    let (class, count) = counts.into_iter().enumerate().max_by_key(|(_, count)| *count)?;
    let (share, chance) = (count as f64 / test.len().max(1) as f64, 1.0 / classes as f64);
    let is_plain = share < 0.75 && share < 3.0 * chance;
    (!is_plain && classes > 1).then(|| {
        format!(
            "{:.0} % of the test samples are of label {}: a network that always names it has an accuracy of {share:.2}, while a \
             run that diverges counts as {chance:.2}; compare losses, or take as many samples of each label",
            100.0 * share,
            name_of(class)
        )
    })
}

/// For generated data, whose labels are drawn: the splits that have no sample of some class.
fn incomplete(splits: &[Split; 3], classes: usize) -> Vec<String> {
    let named = splits.iter().zip(["training", "validation", "test"]);
    let lacking = named.filter(|(split, _)| !split.is_empty() && absent(split, classes).next().is_some());
    // The same words for every seed, so that they are said once.
    let words = |(split, name): (&Split, &str)| {
        let lacking = match split.len() < classes {
            true => format!("cannot have all {classes} classes"),
            false => format!("lacks some of the {classes} classes with some seeds"),
        };
        format!("the {name} split ({} samples) {lacking}", split.len())
    };
    lacking.map(words).collect()
}

/// The classes of which a split has no sample.
fn absent(split: &Split, classes: usize) -> impl Iterator<Item = usize> {
    let mut is_there = [false; MOST_CLASSES];
    split.labels.iter().for_each(|class| is_there[usize::from(*class)] = true);
    (0..classes).filter(move |class| !is_there[*class])
}

/// Generated data: the task's fixed parts from one stream, each split from one of its own.
fn generated(source: &dyn Generated, data: &Data, seed: u64) -> [Split; 3] {
    let sampler = source.sampler(&mut stream(seed, "data/task"));
    let split = |name: &str, count: usize| {
        let samples = sampler(count, &mut stream(seed, &format!("data/{name}")));
        Split { features: Arc::new(samples.features), first: 0, labels: samples.labels, rows: Vec::new() }
    };
    [split("train", data.train), split("validation", data.validation), split("test", data.test)]
}
