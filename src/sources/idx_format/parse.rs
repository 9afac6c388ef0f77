//! Inflated IDX files to arrays.

use super::error::IdxError;
use super::header::{Header, Kind};

/// Grey images, one byte a pixel, 0 = background, 255 = full brightness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Number of images N, at least 1.
    pub count: usize,
    /// Height H in pixels, 1 to 4096.
    pub rows: usize,
    /// Width W in pixels, 1 to 4096.
    pub columns: usize,
    /// Brightness, row-major \[N, H, W\].
    pub pixels: Vec<u8>,
}

fn checked_header(bytes: &[u8], expected: Kind, file: &str) -> Result<Header, IdxError> {
    let header = Header::read(bytes, file)?;
    if header.kind != expected {
        let (expected, found) = (expected.name(), header.kind.name());
        return Err(IdxError::Mislabelled { file: file.into(), expected, found });
    }
    header.check_length(bytes.len(), file)?;
    Ok(header)
}

/// The images of an inflated file (see [`super::inflate()`]); `file` is its name for messages.
///
/// # Errors
///
/// Anything but an image header with sensible sizes followed by exactly the pixels it promises.
pub fn parse_images(mut bytes: Vec<u8>, file: &str) -> Result<Images, IdxError> {
    let header = checked_header(&bytes, Kind::Images, file)?;
    bytes.drain(..header.kind.header_length());
    let [count, rows, columns] = [header.count, header.rows, header.columns].map(|size| size as usize);
    Ok(Images { count, rows, columns, pixels: bytes })
}

/// The labels \[N\] of an inflated file (see [`super::inflate()`]), any byte being allowed; `file` is its name for messages.
///
/// # Errors
///
/// Anything but a label header followed by exactly the labels it promises, at least one.
pub fn parse_labels(mut bytes: Vec<u8>, file: &str) -> Result<Vec<u8>, IdxError> {
    let header = checked_header(&bytes, Kind::Labels, file)?;
    bytes.drain(..header.kind.header_length());
    Ok(bytes)
}
