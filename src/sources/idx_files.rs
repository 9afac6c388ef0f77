//! The four IDX files of a data set → samples: each file is parsed, and checked against the others.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::DataError;
use super::facts::{MOST_CLASSES, Shape, Values};
use super::idx_format::{ParsedSamples, parse_labels, parse_samples};
use super::labels::{Different, LabelSet, Names, different};
use super::samples::{Features, FileSamples, Files};
use crate::files;

/// Training images, training labels, test images, test labels, under their usual names.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Samples with their labels, and the names of both files.
struct Pair {
    samples: ParsedSamples,
    labels: Vec<i64>,
    sample_file: String,
    label_file: String,
}

/// Reads the four files, in their order. `inflated` returns the bytes of one of [`FILES`], and its name for messages. With
/// `transpose` images lie on their side.
///
/// # Errors
/// What `inflated` says; a file that does not follow the format; files that do not belong together.
pub fn read_files(
    transpose: bool,
    inflated: impl Fn(usize) -> Result<(Vec<u8>, String), DataError>,
) -> Result<Files, DataError> {
    let (mut content, mut all) = (Sha256::new(), 0);
    let mut bytes = |i: usize| {
        let (bytes, name) = inflated(i)?;
        content.update(files::sha256(&bytes));
        all += bytes.len();
        Ok((bytes, name))
    };
    let mut training = pair(&mut bytes, transpose, 0, 1)?;
    let mut test = pair(&mut bytes, transpose, 2, 3)?;
    check_shapes(&training, &test)?;
    let values = common(&mut training, &mut test)?;
    let too_many = |found| DataError::Mismatch {
        file: training.label_file.clone(),
        expected: format!("at most {MOST_CLASSES} different labels"),
        found: format!("at least {found}; labels must be classes, and not measured numbers or row numbers"),
    };
    let labels = different(&training.labels, &test.labels).map_err(too_many)?;
    let Different { names, training: in_training, test: in_test } = labels;
    let label_files = [&*training.label_file, &*test.label_file];
    let labels = LabelSet::new(Names::Numbers(names), &in_training, &in_test, label_files);
    let shape = training.samples.shape;
    let samples =
        |pair: Pair, labels| FileSamples { features: Arc::new(pair.samples.features), labels, rows: Vec::new() };
    let fingerprint = files::hex(&content.finalize());
    let samples = [samples(training, in_training), samples(test, in_test)];
    Ok(Files { bytes: all, ..Files::new((shape, values), labels, fingerprint, samples) })
}

fn pair(
    bytes: &mut impl FnMut(usize) -> Result<(Vec<u8>, String), DataError>,
    transpose: bool,
    samples: usize,
    labels: usize,
) -> Result<Pair, DataError> {
    let (raw, sample_file) = bytes(samples)?;
    let samples = parse_samples(raw, transpose, &sample_file)?;
    let (raw, label_file) = bytes(labels)?;
    let labels = parse_labels(raw, &label_file)?;
    if labels.len() != samples.count {
        let expected = format!("{} labels, one for each sample of {sample_file}", samples.count);
        return Err(DataError::Mismatch { file: label_file, expected, found: format!("{} labels", labels.len()) });
    }
    Ok(Pair { samples, labels, sample_file, label_file })
}

/// Refuses test samples of another shape.
fn check_shapes(training: &Pair, test: &Pair) -> Result<(), DataError> {
    if training.samples.shape == test.samples.shape {
        return Ok(());
    }
    Err(DataError::Mismatch {
        file: test.sample_file.clone(),
        expected: format!("{}, as in {}", described(training.samples.shape), training.sample_file),
        found: described(test.samples.shape),
    })
}

fn described(shape: Shape) -> String {
    match shape {
        Shape { channels, height: 1, width: 1 } => format!("vectors of {channels}"),
        Shape { channels: 1, height, width } => format!("images of {height}×{width}"),
        Shape { channels, height, width } => format!("images of {height}×{width} with {channels} channels"),
    }
}

/// What the numbers of both files are. Where the integers of one file are all bytes and those of the other are not, none
/// count as bytes; then both files must be of one type, as a sign that their numbers mean the same.
fn common(training: &mut Pair, test: &mut Pair) -> Result<Values, DataError> {
    let values = [training.samples.values, test.samples.values];
    if values[0] == values[1] && values[0] != Values::Measured {
        return Ok(values[0]);
    }
    if values.contains(&Values::Scaled) {
        let words = |values| if values == Values::Scaled { "floats" } else { "integers" };
        return Err(DataError::Mismatch {
            file: test.sample_file.clone(),
            expected: format!("{}, as in {}", words(values[0]), training.sample_file),
            found: format!("{}; save both files in one type, scaled alike", words(values[1])),
        });
    }
    let [one, other] = [training.samples.dtype, test.samples.dtype];
    if one != other {
        let remedy = "save both files in one type, in the same units";
        return Err(DataError::Mismatch {
            file: test.sample_file.clone(),
            expected: format!("{}, as in {}", one.name(), training.sample_file),
            found: format!("{}, and not all of them, in both files, are from 0 to 255; {remedy}", other.name()),
        });
    }
    for samples in [&mut training.samples, &mut test.samples] {
        if let Features::Bytes(bytes) = &samples.features {
            samples.features = Features::Floats(bytes.iter().map(|byte| f32::from(*byte)).collect());
        }
    }
    Ok(Values::Measured)
}
