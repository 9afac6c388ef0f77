//! The header of an IDX file: which numbers are in the file, and in what shape.

use super::error::IdxError;

/// Most sizes that an array in here can have.
const MOST_SIZES: usize = 4;
/// What Rust and IDX agree on of every header: two zero bytes, the type, the number of sizes.
const MAGIC: usize = 4;

/// The type of the numbers in a file, big-endian each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 0x08, unsigned bytes
    U8,
    /// 0x09, signed bytes
    I8,
    /// 0x0b, 16-bit integers
    I16,
    /// 0x0c, 32-bit integers
    I32,
    /// 0x0d, 32-bit floats
    F32,
    /// 0x0e, 64-bit floats
    F64,
}

impl Dtype {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            0x08 => Self::U8,
            0x09 => Self::I8,
            0x0b => Self::I16,
            0x0c => Self::I32,
            0x0d => Self::F32,
            0x0e => Self::F64,
            _ => return None,
        })
    }

    /// What the numbers are, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "unsigned bytes",
            Self::I8 => "signed bytes",
            Self::I16 => "16-bit integers",
            Self::I32 => "32-bit integers",
            Self::F32 => "32-bit floats",
            Self::F64 => "64-bit floats",
        }
    }

    /// Bytes of one number.
    pub fn width(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// A checked header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    /// One to four, none of them 0.
    pub(super) sizes: Vec<u32>,
}

impl Header {
    /// Length of the longest header in bytes.
    pub(super) const LONGEST: usize = MAGIC + 4 * MOST_SIZES;

    pub(super) fn read(bytes: &[u8], file: &str) -> Result<Self, IdxError> {
        let too_short = |expected| IdxError::TooShort { file: file.into(), expected, found: bytes.len() };
        let Some(magic) = bytes.first_chunk::<MAGIC>() else { return Err(too_short(MAGIC + 4)) };
        let [0, 0, code, rank] = *magic else {
            return Err(IdxError::WrongMagic { file: file.into(), found: u32::from_be_bytes(*magic) });
        };
        let dtype = Dtype::of(code).ok_or_else(|| IdxError::Dtype { file: file.into(), found: code })?;
        let rank = usize::from(rank);
        if !(1..=MOST_SIZES).contains(&rank) {
            return Err(IdxError::Rank { file: file.into(), found: rank });
        }
        let words = bytes.get(MAGIC..MAGIC + 4 * rank).ok_or_else(|| too_short(MAGIC + 4 * rank))?;
        let sizes: Vec<u32> = words.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
        if sizes.contains(&0) {
            return Err(IdxError::Empty { file: file.into(), shape: times(&sizes) });
        }
        Ok(Self { dtype, sizes })
    }

    /// Length of the header in bytes.
    pub(super) fn length(&self) -> usize {
        MAGIC + 4 * self.sizes.len()
    }

    /// Length of the whole file in bytes; the largest number there is, where it is beyond that.
    pub(super) fn file_length(&self) -> u64 {
        let values = self.sizes.iter().fold(1u64, |product, size| product.saturating_mul(u64::from(*size)));
        values.saturating_mul(self.dtype.width() as u64).saturating_add(self.length() as u64)
    }

    pub(super) fn check_promise(&self, expected: u64, file: &str) -> Result<(), IdxError> {
        match self.file_length() {
            promised if promised == expected => Ok(()),
            promised => Err(IdxError::OtherLength { file: file.to_owned(), expected, promised }),
        }
    }

    pub(super) fn check_length(&self, found: usize, file: &str) -> Result<(), IdxError> {
        let (file, expected) = (file.to_owned(), self.file_length());
        let shape = format!("{} numbers of {}", times(&self.sizes), bytes_each(self.dtype));
        match (found as u64).cmp(&expected) {
            std::cmp::Ordering::Less => Err(IdxError::Truncated { file, expected, shape, found }),
            std::cmp::Ordering::Greater => Err(IdxError::Oversized { file, expected, shape, found }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

fn bytes_each(dtype: Dtype) -> String {
    match dtype.width() {
        1 => "1 byte".to_owned(),
        width => format!("{width} bytes"),
    }
}

/// Sizes as people write them: 2×3×4.
pub(super) fn times<T: ToString>(sizes: &[T]) -> String {
    sizes.iter().map(T::to_string).collect::<Vec<_>>().join("×")
}
