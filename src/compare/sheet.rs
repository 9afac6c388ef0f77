//! A table as it is read: whatever is wrong with it is said with file, row and column.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use csv::StringRecord;

use crate::files;

/// A CSV file with its header.
pub struct Sheet {
    path: PathBuf,
    header: StringRecord,
    cells: Vec<StringRecord>,
}

impl Sheet {
    /// Reads a whole table.
    ///
    /// # Errors
    /// If it cannot be read, is cut short, or has rows that are not as long as its header.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = files::read(path)?;
        let shown = path.display();
        ensure!(!bytes.is_empty(), "{shown} is empty");
        ensure!(bytes.ends_with(b"\n"), "{shown} is cut short: its last row does not end");
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
        let header = reader.headers().with_context(|| format!("{shown}, row 1, cannot be read"))?.clone();
        let mut rows = Vec::new();
        for (i, row) in reader.records().enumerate() {
            let row = row.with_context(|| format!("{shown}, row {}, cannot be read", i + 2))?;
            let (cells, expected) = (row.len(), header.len());
            if cells != expected {
                let last = header.get(cells.min(expected - 1)).unwrap_or_default();
                bail!("{shown}, row {}, column {last}: the row has {cells} cells, the header {expected}", i + 2);
            }
            rows.push(row);
        }
        Ok(Self { path: path.to_owned(), header, cells: rows })
    }

    /// Number of rows under the header.
    pub fn rows(&self) -> usize {
        self.cells.len()
    }

    /// Where a column is.
    ///
    /// # Errors
    /// If the table has none of this name.
    pub fn column(&self, name: &str) -> anyhow::Result<usize> {
        self.optional_column(name).with_context(|| format!("{} has no column {name}", self.path.display()))
    }

    /// Where a column is that older tables do not have.
    pub fn optional_column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|header| header == name)
    }

    /// A cell.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        &self.cells[row][column]
    }

    /// A cell that holds a finite number or nothing.
    ///
    /// # Errors
    /// If it holds something else.
    pub fn number(&self, row: usize, column: usize) -> anyhow::Result<Option<f64>> {
        match self.cell(row, column) {
            "" => Ok(None),
            text => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => bail!("{}: {text:?} is no number", self.at(row, column)),
            },
        }
    }

    /// Where a cell is, for errors: file, row counted from the header as 1, column.
    pub fn at(&self, row: usize, column: usize) -> String {
        let name = self.header.get(column).unwrap_or_default();
        format!("{}, row {}, column {name}", self.path.display(), row + 2)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
