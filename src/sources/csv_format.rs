//! Tables in CSV: bytes in, features and labels out, no file access.
//!
//! UTF-8, commas, a header. One column holds the labels, whole numbers or text; every other column is a number in every
//! row. Anything else is an error that names row and column: a value that were guessed would be a result that is wrong.

use std::collections::HashMap;

use ::csv::{Reader, ReaderBuilder, StringRecord};
use thiserror::Error;

use super::facts::MOST_CLASSES;
use super::words::listed;

/// Most columns.
const MOST_COLUMNS: usize = 1 << 20;
/// What tables write where a value is missing: what pandas takes for it, and infinities.
const MISSING: [&str; 20] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null", "?",
];

/// Why a table cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are explained by the messages they appear in")]
pub enum CsvError {
    /// Bytes that are no text.
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

/// A table of numbers with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of all columns, in order.
    pub header: Vec<String>,
    /// Index of the labels' column.
    pub label: usize,
    /// Features, row-major \[rows, columns − 1\].
    pub features: Vec<f64>,
    /// The different labels, as they are written.
    pub names: Vec<String>,
    /// For each row, the place of its label in `names`.
    pub labels: Vec<u16>,
}

/// Parses a table whose labels are in the column `label`, by default the last. `file` is its name for messages.
///
/// # Errors
/// Anything but a table as the module describes it.
pub fn parse(bytes: &[u8], label: Option<&str>, file: &str) -> Result<Table, CsvError> {
    let text = text(bytes, file)?;
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    next(&mut reader, &mut record);
    let header = header(&record, file)?;
    let label = label_column(&header, label, file)?;
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    let mut seen = Seen::default();
    while next(&mut reader, &mut record) {
        let begins = record.position().map_or(0, |position| position.byte() as usize);
        let at = Place { file, text, header: &header, row: labels.len() + 1, begins };
        if record.len() != header.len() {
            let (row, line) = (at.row, at.line());
            let (expected, found) = (header.len(), record.len());
            return Err(CsvError::Length { file: file.to_owned(), row, line, expected, found });
        }
        for (column, cell) in record.iter().enumerate() {
            let cell = cell.trim_ascii();
            if column == label {
                labels.push(seen.place(cell).map_err(|what| at.error(column, what))?);
            } else {
                features.push(number(cell).ok_or_else(|| at.error(column, not_a_number(cell)))?);
            }
        }
    }
    Ok(Table { header, label, features, names: seen.names, labels })
}

/// Reads the next row into `record`, if there is one.
fn next(reader: &mut Reader<&[u8]>, record: &mut StringRecord) -> bool {
    // Reading from memory does not fail, the bytes are text, and rows of any length are taken.
    reader.read_record(record).unwrap_or_default()
}

/// The bytes as text, without a byte order mark.
fn text<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, CsvError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (before, rest) = bytes.split_at(error.valid_up_to());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        CsvError::Encoding { file: file.to_owned(), line, byte: rest.first().copied().unwrap_or_default() }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The names of the columns.
fn header(record: &StringRecord, file: &str) -> Result<Vec<String>, CsvError> {
    let wrong = |what: String| Err(CsvError::Header { file: file.to_owned(), what });
    let names: Vec<String> = record.iter().map(|cell| cell.trim_ascii().to_owned()).collect();
    match names.as_slice() {
        [] => return wrong("the file is empty; the first row names the columns, the others hold samples".into()),
        [only] => {
            let words = "features and labels need at least two, separated by commas";
            return wrong(format!("there is one column, `{}`; {words}", shorten(only)));
        }
        _ if names.len() > MOST_COLUMNS => {
            return wrong(format!("there are {} columns; at most {MOST_COLUMNS} are allowed", names.len()));
        }
        _ => {}
    }
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return wrong("the first row is all numbers; put a row with the names of the columns before it".into());
    }
    let mut known = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            let cause = "pandas writes its row numbers so; to_csv(…, index=False) leaves them out";
            return wrong(format!("column {} has no name in the first row ({cause})", i + 1));
        }
        if let Some(earlier) = known.insert(name, i) {
            return wrong(format!("columns {} and {} are both called `{}`", earlier + 1, i + 1, shorten(name)));
        }
    }
    Ok(names)
}

fn label_column(header: &[String], label: Option<&str>, file: &str) -> Result<usize, CsvError> {
    let Some(label) = label else { return Ok(header.len() - 1) };
    header.iter().position(|name| name == label).ok_or_else(|| {
        let names = listed(&header.iter().map(|name| shorten(name)).collect::<Vec<_>>());
        let what = format!("there is no column `{label}`, which data.label names; there are {names}");
        CsvError::Header { file: file.to_owned(), what }
    })
}

/// Where a cell is, for messages.
struct Place<'a> {
    file: &'a str,
    header: &'a [String],
    text: &'a str,
    row: usize,
    /// Where the row begins in the text, or the empty lines before it do.
    begins: usize,
}

impl Place<'_> {
    /// The line on which the row begins, from 1.
    fn line(&self) -> usize {
        let rest = self.text.get(self.begins..).unwrap_or_default();
        let empty = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        1 + self.text.bytes().take(self.begins + empty).filter(|byte| *byte == b'\n').count()
    }

    fn error(&self, column: usize, what: String) -> CsvError {
        let column = shorten(&self.header[column]);
        CsvError::Cell { file: self.file.to_owned(), row: self.row, line: self.line(), column, what }
    }
}

/// A finite number that f32 can hold, too.
fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|x: &f64| x.abs() <= f64::from(f32::MAX))
}

fn not_a_number(cell: &str) -> String {
    if is_missing(cell) {
        let remedy = "fill it in, or leave the row out";
        return format!("{cell:?} is a missing value; {remedy}");
    }
    match cell.parse::<f64>() {
        Ok(_) => format!("{:?} is too large or not finite; at most {:e} is allowed", shorten(cell), f32::MAX),
        Err(_) => format!("{:?} is not a number; only the column of labels may hold text", shorten(cell)),
    }
}

fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell)
}

/// The different labels so far.
#[derive(Default)]
struct Seen {
    names: Vec<String>,
    places: HashMap<String, u16>,
}

impl Seen {
    /// The place of a label; what is wrong with it, if it is none.
    fn place(&mut self, cell: &str) -> Result<u16, String> {
        if let Some(place) = self.places.get(cell) {
            return Ok(*place);
        }
        match cell.parse::<f64>() {
            _ if is_missing(cell) => return Err(format!("{cell:?} is a missing value; a label is needed in each row")),
            Ok(x) if !x.is_finite() => return Err(format!("{cell:?} is not finite; labels are whole numbers or text")),
            Ok(x) if x.fract() != 0.0 || x.abs() > 9e15 => {
                let hint = "is this the column of labels? data.label names another";
                return Err(format!("label {:?} is a number, but not a whole one; {hint}", shorten(cell)));
            }
            _ => {}
        }
        // Some may be one number, written in several ways: there are fewer classes then.
        if self.names.len() == 4 * MOST_CLASSES {
            let hint = "is this the column of labels? data.label names another";
            return Err(format!(
                "this is different label {}; at most {MOST_CLASSES} are allowed; {hint}",
                self.names.len() + 1
            ));
        }
        let place = self.names.len() as u16;
        self.names.push(cell.to_owned());
        self.places.insert(cell.to_owned(), place);
        Ok(place)
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() > 40 { text.chars().take(37).chain("...".chars()).collect() } else { text.to_owned() }
}
