//! Why a file does not follow the IDX format.

use std::io;

use thiserror::Error;

/// Why a file is not the IDX file it should be.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the fields are explained by the messages they appear in; lengths are in bytes")]
pub enum IdxError {
    /// The gzip data is damaged or cut short; the source says where the decoder stopped.
    #[error("{file}: expected intact gzip data, found damage after {inflated} inflated bytes")]
    Gzip { file: String, inflated: usize, source: io::Error },
    /// Something follows the gzip data: a second member or foreign bytes.
    #[error("{file}: expected one gzip member and nothing after it, found {found} more bytes{}", remedy(*.member))]
    AfterGzip { file: String, found: usize, member: bool },
    /// The file ends within the header.
    #[error("{file}: expected a header of {expected} bytes, found a file of {found}")]
    TooShort { file: String, expected: usize, found: usize },
    /// The first word is not a known magic number.
    #[error("{file}: expected the magic number 0x00000803 (images) or 0x00000801 (labels), found {found:#010x}")]
    WrongMagic { file: String, found: u32 },
    /// Images where labels belong, or the other way round.
    #[error("{file}: expected {expected}, found the magic number of {found}: the file is mislabelled")]
    Mislabelled { file: String, expected: &'static str, found: &'static str },
    /// A size in the header is zero or absurd.
    #[error("{file}: expected a number of {what} from 1 to {max}, found {found} in the header")]
    Dimension { file: String, what: &'static str, max: u32, found: u32 },
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

fn remedy(member: bool) -> &'static str {
    if member { " (another member: compress the file again in one piece)" } else { "" }
}
