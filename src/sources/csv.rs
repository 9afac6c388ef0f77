//! A data set of the user's own: a table in a CSV file, or two.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::csv_format::{CsvError, Table, parse};
use super::error::DataError;
use super::facts::{DataFacts, MOST_CLASSES, Shape, Values};
use super::labels::{Different, LabelSet, Names, different, whole};
use super::order::permuted;
use super::samples::{Features, FileSamples, Files};
use super::traits::{FromFiles, Read};
use super::words::column_name;
use crate::files;

/// Fewest rows of a file that is divided.
const FEWEST: usize = 20;
/// Of a file that is divided, one row in so many is for testing.
const TEST_SHARE: usize = 5;

/// A table of numbers with a header and a column of labels in `data.file`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Csv {
    /// CSV file of the samples: UTF-8, commas, names of the columns in the first row, numbers in every column but the labels'.
    pub file: String,
    /// CSV file of the test samples, with the same columns (default: a fifth of `file` is drawn).
    pub test_file: Option<String>,
    /// Name of the column of labels, whole numbers or text (default: the last column).
    pub label: Option<String>,
}

impl FromFiles for Csv {
    fn place(&self, _root: &Path) -> PathBuf {
        PathBuf::from(&self.file)
    }

    fn read(&self, path: &Path) -> Result<Files, DataError> {
        let (table, fingerprint, bytes) = self.table(path)?;
        let label_column = table.header.last().filter(|_| self.label.is_none()).cloned();
        let counting_column = counting_column(&table);
        let columns = columns(&table).cloned().collect();
        let Some(test_path) = &self.test_file else {
            return Ok(Files { label_column, counting_column, columns, bytes, ..divided(table, path, fingerprint)? });
        };
        let (test, test_fingerprint, test_bytes) = self.table(Path::new(test_path))?;
        // The text of the first is gone by then.
        let bytes = bytes.max(test_bytes);
        check_columns(&table, path, &test, test_path)?;
        let fingerprint = files::sha256(format!("{fingerprint} {test_fingerprint}").as_bytes());
        Ok(Files {
            label_column,
            counting_column,
            columns,
            bytes,
            ..paired([table, test], path, test_path, fingerprint)?
        })
    }

    fn facts(&self, read: Read) -> Result<DataFacts, DataError> {
        let files = read()?;
        files.facts(false, Some(files.labels.names.len()))
    }

    fn value_bytes(&self) -> usize {
        size_of::<f32>()
    }

    fn reading(&self) -> String {
        format!("{:?} {:?}", self.test_file, self.label)
    }

    fn place_keys(&self) -> &'static [&'static str] {
        &["file", "test_file"]
    }

    fn missing(&self) -> Option<(&'static str, &'static str)> {
        self.file.is_empty().then_some(("file", "the CSV file of its samples"))
    }
}

impl Csv {
    /// A table with at least two rows, the SHA-256 of its text, and how many bytes that has.
    fn table(&self, path: &Path) -> Result<(Table, String, usize), DataError> {
        let bytes = files::read(path).map_err(|error| DataError::Io(with_folder(error, path)))?;
        let file = path.display().to_string();
        if let Some(what) = packed(&bytes) {
            return Err(CsvError::Table { file, what: what.to_owned() }.into());
        }
        // Hashing takes as long as a third of reading; beside it, on another core, it takes no time.
        let (table, fingerprint) = thread::scope(|scope| {
            let fingerprint = scope.spawn(|| files::sha256(&bytes));
            (parse(&bytes, self.label.as_deref(), &file), fingerprint.join())
        });
        let table = table?;
        let fingerprint = fingerprint.unwrap_or_else(|_| files::sha256(&bytes));
        if table.labels.len() < 2 {
            let what = format!("there are {} rows below the header; at least 2 are needed", table.labels.len());
            return Err(CsvError::Table { file, what }.into());
        }
        Ok((table, fingerprint, bytes.len()))
    }
}

/// What a file is that is no text, by how it begins.
fn packed(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x1f, 0x8b, ..] => Some("is compressed by gzip; unpack it first (gunzip)"),
        [b'P', b'K', 3, 4, ..] => Some("is an archive or a spreadsheet; save the table as CSV"),
        _ => None,
    }
}

/// The error, and which folder a relative path begins at, where there is no such file.
fn with_folder(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let system = error.root_cause().downcast_ref::<std::io::Error>();
    let is_absent = system.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    match std::env::current_dir() {
        Ok(folder) if path.is_relative() && is_absent => {
            anyhow::anyhow!("{error:#}; the path begins at the folder where bn-exp is called, {}", folder.display())
        }
        _ => error,
    }
}

/// The names of the features.
fn columns(table: &Table) -> impl Iterator<Item = &String> {
    table.header.iter().enumerate().filter(|(column, _)| *column != table.label).map(|(_, name)| name)
}

/// The first feature that counts the rows: a whole number that rises or falls from each row to the next, or no two of which are
/// alike, in shuffled order. Where rows were taken out of a file, their numbers have gaps.
fn counting_column(table: &Table) -> Option<String> {
    let length = table.header.len() - 1;
    let values = |i: usize| table.features.iter().skip(i).step_by(length);
    let is_counting = |i: &usize| {
        let pairs = || values(*i).zip(values(*i).skip(1));
        let is_ordered = pairs().all(|(above, here)| here > above) || pairs().all(|(above, here)| here < above);
        values(*i).all(|x| x.fract() == 0.0) && (is_ordered || is_shuffled(values(*i)))
    };
    let i = (0..length).filter(|_| table.labels.len() >= FEWEST).find(is_counting)?;
    columns(table).nth(i).cloned()
}

/// Whether no two of these whole numbers are alike, and most of those between the least and the largest are there.
fn is_shuffled<'a>(values: impl Iterator<Item = &'a f64>) -> bool {
    let mut sorted: Vec<f64> = values.copied().collect();
    sorted.sort_by(f64::total_cmp);
    let span = sorted.last().zip(sorted.first()).map_or(0.0, |(last, first)| last - first);
    sorted.windows(2).all(|pair| pair[0] < pair[1]) && span < 2.0 * sorted.len() as f64
}

/// Refuses a test file with other columns.
fn check_columns(table: &Table, path: &Path, test: &Table, test_path: &str) -> Result<(), DataError> {
    let columns = table.header.len().max(test.header.len());
    let Some(i) = (0..columns).find(|i| table.header.get(*i) != test.header.get(*i)) else { return Ok(()) };
    let name = |table: &Table| {
        table.header.get(i).map_or_else(|| "nothing".to_owned(), |name| format!("`{}`", column_name(name)))
    };
    let expected = format!("{} as column {}, as in {}", name(table), i + 1, path.display());
    Err(DataError::Mismatch { file: test_path.to_owned(), expected, found: name(test) })
}

/// A file for training and one for testing.
fn paired(tables: [Table; 2], path: &Path, test_path: &str, fingerprint: String) -> Result<Files, DataError> {
    let length = tables[0].header.len() - 1;
    let (names, [training_labels, test_labels]) = labels(&tables, path)?;
    let label_files = [&*path.display().to_string(), test_path];
    let labels = LabelSet::new(names, &training_labels, &test_labels, label_files);
    if !test_labels.iter().any(|place| labels.in_training[usize::from(*place)]) {
        let expected = format!("labels that are in {}, too", path.display());
        let found = format!("none of them; {}", labels.numbering(Some(labels.names.len()))?.note.unwrap_or_default());
        return Err(DataError::Mismatch { file: test_path.to_owned(), expected, found });
    }
    let [training, test] = tables.map(|table| Features::Doubles(table.features));
    let samples = [permuted(training, training_labels, length), permuted(test, test_labels, length)];
    Ok(Files::new((Shape::vector(length), Values::Measured), labels, fingerprint, samples))
}

/// One file as both: its rows are permuted, and the last of them are for testing.
fn divided(table: Table, path: &Path, fingerprint: String) -> Result<Files, DataError> {
    let (count, length) = (table.labels.len(), table.header.len() - 1);
    let file = path.display().to_string();
    if count < FEWEST {
        let remedy = format!("at least {FEWEST} are needed to draw test samples from; or name a data.test_file");
        return Err(CsvError::Table { file, what: format!("there are {count} rows; {remedy}") }.into());
    }
    let tables = [table];
    let (names, [places]) = labels(&tables, path)?;
    let [table] = tables;
    let all = permuted(Features::Doubles(table.features), places, length);
    let (mut features, mut places, mut rows) = (Arc::unwrap_or_clone(all.features), all.labels, all.rows);
    let kept = count - count / TEST_SHARE;
    let test = FileSamples {
        features: Arc::new(features.split_off(kept * length)),
        labels: places.split_off(kept),
        rows: rows.split_off(kept),
    };
    let labels = LabelSet::new(names, &places, &test.labels, [&file, &file]);
    let training = FileSamples { features: Arc::new(features), labels: places, rows };
    Ok(Files::new((Shape::vector(length), Values::Measured), labels, fingerprint, [training, test]))
}

/// The different labels of all tables, and for each row the place of its own. They are numbers if all of them are.
fn labels<const N: usize>(tables: &[Table; N], path: &Path) -> Result<(Names, [Vec<u8>; N]), DataError> {
    let too_many = |found: usize| {
        let hint = "is this the column of labels? data.label names another";
        let what = format!("there are {found} different labels or more; at most {MOST_CLASSES} are allowed; {hint}");
        CsvError::Table { file: path.display().to_string(), what }
    };
    let texts = || tables.iter().flat_map(|table| &table.names);
    let numbers: Option<Vec<i64>> = texts().map(|text| whole(text)).collect();
    let (names, places) = match numbers {
        Some(numbers) => {
            let Different { names, training: places, .. } = different(&numbers, &[]).map_err(too_many)?;
            (Names::Numbers(names), places)
        }
        None => {
            let Different { names, training: places, .. } =
                different(&texts().cloned().collect::<Vec<_>>(), &[]).map_err(too_many)?;
            (Names::Texts(names), places)
        }
    };
    let mut first = 0;
    let of_rows = std::array::from_fn(|i| {
        let table = &tables[i];
        let places = &places[first..first + table.names.len()];
        first += table.names.len();
        table.labels.iter().map(|place| places[usize::from(*place)]).collect()
    });
    Ok((names, of_rows))
}
