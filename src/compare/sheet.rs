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
    /// Line of the file at which each row begins.
    lines: Vec<u64>,
}

impl Sheet {
    /// Reads a whole table.
    ///
    /// # Errors
    /// If it cannot be read, is cut short, or has rows that are not as long as its header.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Self::parse(&files::read(path)?, path)
    }

    /// The table that a file holds; `path` is its name for messages.
    ///
    /// # Errors
    /// If it is cut short, or has rows that are not as long as its header.
    pub fn parse(bytes: &[u8], path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        ensure!(!bytes.is_empty(), "{shown} is empty");
        ensure!(bytes.ends_with(b"\n"), "{shown} is cut short: its last row does not end");
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let header = reader.headers().with_context(|| format!("{shown}, row 1, cannot be read"))?.clone();
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for row in reader.records() {
            let after = lines.last().map_or(1, |line| *line);
            let row = row.with_context(|| format!("{shown}, after row {after}, cannot be read"))?;
            let line = row.position().map_or(after + 1, csv::Position::line);
            let (cells, expected) = (row.len(), header.len());
            if cells != expected {
                let last = header.get(cells.min(expected - 1)).unwrap_or_default();
                bail!("{shown}, row {line}, column {last}: the row has {cells} cells, the header {expected}");
            }
            rows.push(row);
            lines.push(line);
        }
        Ok(Self { path: path.to_owned(), header, cells: rows, lines })
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
                _ => bail!("{}: {:?} is no number", self.at(row, column), text.chars().take(40).collect::<String>()),
            },
        }
    }

    /// Where a cell is, for errors: file, row as the line of the file, column.
    pub fn at(&self, row: usize, column: usize) -> String {
        let name = self.header.get(column).unwrap_or_default();
        format!("{}, row {}, column {name}", self.path.display(), self.lines[row])
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
