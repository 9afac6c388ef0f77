//! The four IDX files of a data set → samples: each file is parsed, and checked against the others.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::DataError;
use super::facts::Shape;
use super::idx_format::{Images, parse_images, parse_labels};
use super::samples::{Features, FileSamples, Files};
use crate::files;

/// Training images, training labels, test images, test labels, under their usual names.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Images with their labels, and the names of both files.
struct Pair {
    images: Images,
    labels: Vec<u8>,
    image_file: String,
    label_file: String,
}

/// Reads the four files. `inflated` returns the bytes of one of [`FILES`], and its name for messages.
///
/// # Errors
/// What `inflated` says; a file that does not follow the format; files that do not belong together.
pub fn read_files(inflated: impl Fn(usize) -> Result<(Vec<u8>, String), DataError>) -> Result<Files, DataError> {
    let mut content = Sha256::new();
    let mut bytes = |i: usize| {
        let (bytes, name) = inflated(i)?;
        content.update(files::sha256(&bytes));
        Ok((bytes, name))
    };
    let training = pair(&mut bytes, 0, 1)?;
    let test = pair(&mut bytes, 2, 3)?;
    let classes = classes(&training, &test)?;
    let shape = Shape { channels: 1, height: training.images.rows, width: training.images.columns };
    let samples =
        |pair: Pair| FileSamples { features: Arc::new(Features::Bytes(pair.images.pixels)), labels: pair.labels };
    let fingerprint = files::hex(&content.finalize());
    Ok(Files { shape, classes, fingerprint, training: samples(training), test: samples(test) })
}

fn pair(
    bytes: &mut impl FnMut(usize) -> Result<(Vec<u8>, String), DataError>,
    images: usize,
    labels: usize,
) -> Result<Pair, DataError> {
    let (raw, image_file) = bytes(images)?;
    let images = parse_images(raw, &image_file)?;
    let (raw, label_file) = bytes(labels)?;
    let labels = parse_labels(raw, &label_file)?;
    if labels.len() != images.count {
        let expected = format!("{} labels, one for each image of {image_file}", images.count);
        return Err(DataError::Mismatch { file: label_file, expected, found: format!("{} labels", labels.len()) });
    }
    Ok(Pair { images, labels, image_file, label_file })
}

/// The number of classes, if the test file has images of the same size and no other labels.
fn classes(training: &Pair, test: &Pair) -> Result<usize, DataError> {
    let size = |pair: &Pair| (pair.images.rows, pair.images.columns);
    if size(training) != size(test) {
        let ((rows, columns), (test_rows, test_columns)) = (size(training), size(test));
        return Err(DataError::Mismatch {
            file: test.image_file.clone(),
            expected: format!("images of {rows}×{columns}, as in {}", training.image_file),
            found: format!("{test_rows}×{test_columns}"),
        });
    }
    let classes = training.labels.iter().max().map_or(0, |label| usize::from(*label) + 1).max(2);
    match test.labels.iter().enumerate().find(|(_, label)| usize::from(**label) >= classes) {
        None => Ok(classes),
        Some((i, label)) => Err(DataError::Mismatch {
            file: test.label_file.clone(),
            expected: format!("labels from 0 to {}, as in training", classes - 1),
            found: format!("label {label} at index {i}"),
        }),
    }
}
