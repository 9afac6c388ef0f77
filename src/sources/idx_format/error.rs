//! Why a file does not follow the IDX format, or holds something that is neither samples nor labels.

use std::io;

use thiserror::Error;

/// Why a file is not the IDX file it should be.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the fields are explained by the messages they appear in; lengths are in bytes")]
pub enum IdxError {
    /// The gzip data is damaged or cut short, or foreign bytes follow it; the source says why the decoder stopped.
    #[error("{file}: expected intact gzip data, found damage after {inflated} inflated bytes")]
    Gzip { file: String, inflated: usize, source: io::Error },
    /// The file ends within the header.
    #[error("{file}: expected a header of {expected} bytes, found a file of {found}")]
    TooShort { file: String, expected: usize, found: usize },
    /// The first word is not a magic number.
    #[error(
        "{file}: expected an IDX file, which begins with two zero bytes, the type and the rank (0x00000803 for images \
         of bytes, 0x00000801 for labels), found the magic number {found:#010x}"
    )]
    WrongMagic { file: String, found: u32 },
    /// A type that the format does not have.
    #[error(
        "{file}: expected one of the types 0x08 (bytes), 0x09, 0x0b, 0x0c (signed integers of 8, 16, 32 bits), 0x0d, \
         0x0e (floats of 32, 64 bits), found {found:#04x} in the header"
    )]
    Dtype { file: String, found: u8 },
    /// An array of too many sizes, or none.
    #[error(
        "{file}: expected 1 to 4 sizes, found {found} in the header; samples are N×features, N×rows×columns or \
         N×rows×columns×channels, labels are N: save the array in one of these shapes"
    )]
    Rank { file: String, found: usize },
    /// A size of zero.
    #[error("{file}: expected sizes of at least 1, found {shape} in the header: there is nothing in the file")]
    Empty { file: String, shape: String },
    /// Sizes that no samples have.
    #[error("{file}: expected {expected}, found an array of {shape}; {remedy}")]
    Shape { file: String, expected: &'static str, shape: String, remedy: &'static str },
    /// A value that no sample or label has.
    #[error("{file}: expected {expected}, found {found} at index {index}")]
    Value { file: String, expected: &'static str, found: String, index: usize },
    /// Numbers as they come out of a machine that has the lowest byte first.
    #[error(
        "{file}: {what}, as where the bytes of each number are in the wrong order; IDX has the highest byte first: in \
         NumPy, save the array .astype('>{kind}'){remedy}"
    )]
    Order { file: String, what: &'static str, kind: &'static str, remedy: &'static str },
    /// The header promises more than the compressed data could inflate to.
    #[error(
        "{file}: expected at most {possible} bytes from {compressed} of gzip data, found a header promising {promised}"
    )]
    Impossible { file: String, possible: u64, compressed: usize, promised: u64 },
    /// The header promises another length than the file is known to have.
    #[error("{file}: expected {expected} bytes, found a header promising {promised}")]
    OtherLength { file: String, expected: u64, promised: u64 },
    /// Less data than the header promises.
    #[error("{file}: expected {expected} bytes ({shape} and the header), found only {found}: the file is truncated")]
    Truncated { file: String, expected: u64, shape: String, found: usize },
    /// More data than the header promises; inflating stops at the first byte too many.
    #[error("{file}: expected {expected} bytes ({shape} and the header), found {found} or more")]
    Oversized { file: String, expected: u64, shape: String, found: usize },
}
