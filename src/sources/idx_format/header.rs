//! The header of an IDX file: what is in the file, and how much.

use super::error::IdxError;

const MAX_SIDE: u32 = 4096;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Images,
    Labels,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }

    pub(super) fn header_length(self) -> usize {
        match self {
            Self::Images => 16,
            Self::Labels => 8,
        }
    }
}

/// A checked header; labels have `rows = columns = 1`.
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) count: u32,
    pub(super) rows: u32,
    pub(super) columns: u32,
}

impl Header {
    pub(super) fn read(bytes: &[u8], file: &str) -> Result<Self, IdxError> {
        let word = |index: usize, header: usize| match bytes.get(4 * index..4 * index + 4) {
            Some(&[a, b, c, d]) => Ok(u32::from_be_bytes([a, b, c, d])),
            _ => Err(IdxError::TooShort { file: file.into(), expected: header, found: bytes.len() }),
        };
        let kind = match word(0, Kind::Labels.header_length())? {
            0x0803 => Kind::Images,
            0x0801 => Kind::Labels,
            found => return Err(IdxError::WrongMagic { file: file.into(), found }),
        };
        let size = |index: usize, what: &'static str, max: u32| match word(index, kind.header_length())? {
            found if (1..=max).contains(&found) => Ok(found),
            found => Err(IdxError::Dimension { file: file.into(), what, max, found }),
        };
        let count = size(1, kind.name(), u32::MAX)?;
        let (rows, columns) = match kind {
            Kind::Images => (size(2, "rows", MAX_SIDE)?, size(3, "columns", MAX_SIDE)?),
            Kind::Labels => (1, 1),
        };
        Ok(Self { kind, count, rows, columns })
    }

    /// Length of the whole file in bytes. At most 2³² · 2¹² · 2¹² + 16: cannot overflow.
    pub(super) fn file_length(&self) -> u64 {
        u64::from(self.count) * u64::from(self.rows) * u64::from(self.columns) + self.kind.header_length() as u64
    }

    pub(super) fn check_promise(&self, expected: u64, file: &str) -> Result<(), IdxError> {
        match self.file_length() {
            promised if promised == expected => Ok(()),
            promised => Err(IdxError::OtherLength { file: file.to_owned(), expected, promised }),
        }
    }

    pub(super) fn check_length(&self, found: usize, file: &str) -> Result<(), IdxError> {
        let (file, expected) = (file.to_owned(), self.file_length());
        let shape = match self.kind {
            Kind::Images => format!("{}×{}×{} pixels", self.count, self.rows, self.columns),
            Kind::Labels => format!("{} labels", self.count),
        };
        match (found as u64).cmp(&expected) {
            std::cmp::Ordering::Less => Err(IdxError::Truncated { file, expected, shape, found }),
            std::cmp::Ordering::Greater => Err(IdxError::Oversized { file, expected, shape, found }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}
