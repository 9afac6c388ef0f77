//! Reads a table of an experiment row by row. Errors name file, row and column.
//!
//! A table may be larger than memory, so one row is held at a time:
//!
//! ```text
//! let mut curves = sheet::open(folder, CURVES)?;
//! let (split, accuracy) = (curves.column::<Word>("split")?, curves.column::<Number>("accuracy")?);
//! let mut best: f64 = 0.0;
//! while let Some(row) = curves.next_row()? {
//!     if row.get(split)? == "validation" {
//!         best = best.max(row.get(accuracy)?.unwrap_or_default());
//!     }
//! }
//! ```

use std::collections::HashSet;
use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use csv::StringRecord;

use crate::files;
use crate::record::layout::ExperimentFolder;
use crate::record::run::Status;
use crate::table::Table;

/// A CSV file: its header, and the row that is being read.
pub struct Sheet<R> {
    path: PathBuf,
    reader: csv::Reader<R>,
    header: StringRecord,
    row: StringRecord,
    /// Line of the file at which the row begins.
    line: u64,
    rows: usize,
}

/// What the cells of a column hold.
pub trait Cell {
    /// What a cell holds, for errors.
    const NAME: &'static str;
    /// What a cell is read as.
    type Value<'a>;
    /// Reads a cell.
    fn parse(text: &str) -> Option<Self::Value<'_>>;
}

/// Text as it is.
#[derive(Debug)]
pub enum Word {}

/// A finite number, or nothing.
#[derive(Debug)]
pub enum Number {}

impl Cell for Word {
    const NAME: &'static str = "word";
    type Value<'a> = &'a str;
    fn parse(text: &str) -> Option<&str> {
        Some(text)
    }
}

impl Cell for Number {
    const NAME: &'static str = "number";
    type Value<'a> = Option<f64>;
    fn parse(text: &str) -> Option<Option<f64>> {
        if text.is_empty() { Some(None) } else { text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Some) }
    }
}

impl Cell for Status {
    const NAME: &'static str = "status";
    type Value<'a> = Self;
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(text.into()).ok()
    }
}

/// Where a column is, and what its cells hold.
pub struct Column<C> {
    at: usize,
    cells: PhantomData<C>,
}

impl<C> Clone for Column<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Column<C> {}

impl<R> fmt::Debug for Sheet<R> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

/// Opens a table of an experiment.
///
/// # Errors
/// If it cannot be read, or is cut short.
pub fn open(folder: &ExperimentFolder, table: Table) -> anyhow::Result<Sheet<impl Read + Seek>> {
    let path = folder.table(table.file);
    Sheet::new(files::open(&path)?, &path)
}

impl<R: Read + Seek> Sheet<R> {
    /// The table that a file holds; `path` is its name for messages.
    ///
    /// # Errors
    /// If it cannot be read, is cut short, or has two columns of one name.
    pub fn new(mut file: R, path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let context = || format!("cannot read {shown}");
        ensure!(file.seek(SeekFrom::End(0)).with_context(context)? > 0, "{shown} is empty");
        let mut last = [0];
        file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).with_context(context)?;
        ensure!(last == *b"\n", "{shown} is cut short: its last row does not end");
        file.rewind().with_context(context)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 16).from_reader(file);
        let header = reader.headers().with_context(|| format!("{shown}, row 1, cannot be read"))?.clone();
        let mut names = HashSet::new();
        if let Some(twice) = header.iter().find(|name| !names.insert(*name)) {
            bail!("{shown}, row 1: there are two columns {twice}");
        }
        Ok(Self { path: path.to_owned(), reader, header, row: StringRecord::new(), line: 1, rows: 0 })
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// If it cannot be read, or is not as long as the header.
    pub fn next_row(&mut self) -> anyhow::Result<Option<Row<'_, R>>> {
        let (shown, after) = (self.path.display(), self.line);
        let read = self.reader.read_record(&mut self.row);
        if !read.with_context(|| format!("{shown}, after row {after}, cannot be read"))? {
            return Ok(None);
        }
        self.line = self.row.position().map_or(after + 1, csv::Position::line);
        self.rows += 1;
        let (cells, expected) = (self.row.len(), self.header.len());
        if cells != expected {
            let last = self.header.get(cells.min(expected - 1)).unwrap_or_default();
            bail!("{shown}, row {}, column {last}: the row has {cells} cells, the header {expected}", self.line);
        }
        Ok(Some(Row { sheet: self }))
    }
}

impl<R> Sheet<R> {
    /// Where a column is.
    ///
    /// # Errors
    /// If the table has none of this name.
    pub fn column<C: Cell>(&self, name: &str) -> anyhow::Result<Column<C>> {
        self.optional_column(name).with_context(|| format!("{} has no column {name}", self.path.display()))
    }

    /// Where a column is that older tables do not have.
    pub fn optional_column<C: Cell>(&self, name: &str) -> Option<Column<C>> {
        let at = self.header.iter().position(|header| header == name)?;
        Some(Column { at, cells: PhantomData })
    }

    /// Number of rows read so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// One row of a table.
#[derive(Debug)]
pub struct Row<'a, R> {
    sheet: &'a Sheet<R>,
}

impl<R> Row<'_, R> {
    /// A cell.
    ///
    /// # Errors
    /// If it does not hold what cells of its column hold.
    pub fn get<C: Cell>(&self, column: Column<C>) -> anyhow::Result<C::Value<'_>> {
        let text = &self.sheet.row[column.at];
        C::parse(text).with_context(|| {
            let shown: String = text.chars().take(40).collect();
            format!("{}: {shown:?} is not a {}", self.at(column), C::NAME)
        })
    }

    /// Where a cell is, for errors: file, row as the line of the file, column.
    pub fn at<C>(&self, column: Column<C>) -> String {
        let name = self.sheet.header.get(column.at).unwrap_or_default();
        format!("{}, row {}, column {name}", self.sheet.path.display(), self.sheet.line)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn sheet(text: &str) -> anyhow::Result<Sheet<Cursor<Vec<u8>>>> {
        Sheet::new(Cursor::new(text.as_bytes().to_vec()), Path::new("t.csv"))
    }

    #[test]
    fn cells_are_what_their_column_holds() {
        let mut sheet = sheet("word,x,status\n\"a\n,b\",0.5,completed\nc,,missing\n").unwrap();
        let (word, x) = (sheet.column::<Word>("word").unwrap(), sheet.column::<Number>("x").unwrap());
        let status = sheet.column::<Status>("status").unwrap();
        assert!(sheet.optional_column::<Word>("y").is_none());
        assert_eq!(sheet.column::<Word>("y").err().unwrap().to_string(), "t.csv has no column y");
        let mut found = Vec::new();
        while let Some(row) = sheet.next_row().unwrap() {
            found.push((row.get(word).unwrap().to_owned(), row.get(x).unwrap(), row.get(status).unwrap()));
        }
        let expected = [("a\n,b", Some(0.5), Status::Completed), ("c", None, Status::Missing)];
        assert_eq!(found, expected.map(|(word, x, status)| (word.to_owned(), x, status)));
        assert_eq!(sheet.rows(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_with_file_row_and_column() {
        let error = |text: &str| -> String {
            let read = || {
                let mut sheet = sheet(text)?;
                let x = sheet.column::<Number>("x")?;
                while let Some(row) = sheet.next_row()? {
                    row.get(x)?;
                }
                anyhow::Ok(())
            };
            format!("{:#}", read().expect_err("an error"))
        };
        assert_eq!(error(""), "t.csv is empty");
        assert_eq!(error("x\n1\n2"), "t.csv is cut short: its last row does not end");
        assert!(error("a,x\n\"1\n\",2\n3,inf\n").starts_with("t.csv, row 4, column x: \"inf\" is not a number"));
        assert!(error("a,x\n1\n").starts_with("t.csv, row 2, column x: the row has 1 cells, the header 2"));
    }
}
