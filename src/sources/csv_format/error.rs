//! Why a table cannot be used.

use thiserror::Error;

/// Why a table cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are explained by the messages they appear in")]
pub enum CsvError {
    /// Bytes that are not UTF-8.
    #[error("{file}: line {line} is not UTF-8 text (byte {byte:#04x}); save the table as CSV in UTF-8")]
    Encoding { file: String, line: usize, byte: u8 },
    /// No header, or one that names nothing.
    #[error("{file}: {what}")]
    Header { file: String, what: String },
    /// A row of another length.
    #[error("{file}: row {row} (line {line}) has {found} cells, the header {expected}")]
    Length { file: String, row: usize, line: usize, expected: usize, found: usize },
    /// A cell that is neither number nor label.
    #[error("{file}: row {row} (line {line}), column `{column}`: {what}")]
    Cell { file: String, row: usize, line: usize, column: String, what: String },
    /// Too few rows, or too many labels.
    #[error("{file}: {what}")]
    Table { file: String, what: String },
}
