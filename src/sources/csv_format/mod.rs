//! Tables in CSV: bytes in, features and labels out, no file access.
//!
//! UTF-8, commas, a header. One column holds the labels, whole numbers or text; every other column is a number in every
//! row. Anything else is an error that names row and column: a value that were guessed would be a result that is wrong.

mod cells;
mod error;
mod header;
mod plain;
mod table;

use ::csv::{ReaderBuilder, StringRecord};

use crate::sources::words::column_name;
use cells::{Seen, not_a_number, number};
pub use error::CsvError;
use header::{header, label_column};
pub use table::Table;

/// Parses a table whose labels are in the column `label`, by default the last. `file` is its name for messages.
///
/// # Errors
/// Anything but a table as the module describes it.
pub fn parse(bytes: &[u8], label: Option<&str>, file: &str) -> Result<Table, CsvError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    plain::parse(bytes, label, file).map_or_else(|| general(text(bytes, file)?, label, file), Ok)
}

fn general(text: &str, label: Option<&str>, file: &str) -> Result<Table, CsvError> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    // Reading from memory does not fail, the bytes are text, and rows of any length are taken.
    let mut next = |record: &mut StringRecord| reader.read_record(record).unwrap_or_default();
    next(&mut record);
    let mut rows = Rows::new(record.iter(), text, label, file)?;
    while next(&mut record) {
        rows.add(record.iter(), record.position().map_or(0, |position| position.byte() as usize))?;
    }
    Ok(rows.into_table())
}

/// The bytes as text.
fn text<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, CsvError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (before, rest) = bytes.split_at(error.valid_up_to());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        CsvError::Encoding { file: file.to_owned(), line, byte: rest.first().copied().unwrap_or_default() }
    })
}

/// A table while it is read.
struct Rows<'a> {
    file: &'a str,
    text: &'a str,
    header: Vec<String>,
    label: usize,
    features: Vec<f64>,
    seen: Seen,
    labels: Vec<u16>,
    /// Rows so far, the header not among them.
    count: usize,
}

impl<'a> Rows<'a> {
    fn new<'b>(
        first: impl Iterator<Item = &'b str>,
        text: &'a str,
        label: Option<&str>,
        file: &'a str,
    ) -> Result<Self, CsvError> {
        let header = header(first, label, file)?;
        let label = label_column(&header, label, file)?;
        let (features, seen, labels) = (Vec::new(), Seen::default(), Vec::new());
        Ok(Self { file, text, header, label, features, seen, labels, count: 0 })
    }

    /// Adds a row, which begins at this byte of the text, or after the empty lines there.
    fn add<'b>(&mut self, cells: impl Iterator<Item = &'b str>, begins: usize) -> Result<(), CsvError> {
        self.count += 1;
        let (mut found, mut wrong) = (0, None);
        for cell in cells {
            if found < self.header.len() && cell.contains(['\n', '\r']) {
                let what = "the cell goes over several lines; is a quote opened and never closed?";
                return Err(self.error(found, begins, what.to_owned()));
            }
            if found < self.header.len() && wrong.is_none() {
                wrong = self.take(found, cell).err().map(|what| (found, what));
            }
            found += 1;
        }
        // A cell too many or too few is why the others are not what their columns say.
        if found != self.header.len() {
            let (file, row, line) = (self.file.to_owned(), self.count, self.line(begins));
            return Err(CsvError::Length { file, row, line, expected: self.header.len(), found });
        }
        wrong.map_or(Ok(()), |(column, what)| Err(self.error(column, begins, what)))
    }

    /// Takes the cell of a column.
    fn take(&mut self, column: usize, cell: &str) -> Result<(), String> {
        let cell = cell.trim_ascii();
        if column == self.label {
            self.labels.push(self.seen.place(cell)?);
        } else {
            self.features.push(number(cell).ok_or_else(|| not_a_number(cell))?);
        }
        Ok(())
    }

    /// What is wrong with a cell of the latest row.
    #[cold]
    fn error(&self, column: usize, begins: usize, what: String) -> CsvError {
        let column = column_name(&self.header[column]);
        CsvError::Cell { file: self.file.to_owned(), row: self.count, line: self.line(begins), column, what }
    }

    /// The line on which the row begins that begins at this byte, or after the empty lines there; from 1.
    fn line(&self, begins: usize) -> usize {
        let rest = self.text.get(begins..).unwrap_or_default();
        let empty = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        1 + self.text.bytes().take(begins + empty).filter(|byte| *byte == b'\n').count()
    }

    fn into_table(self) -> Table {
        let Self { header, label, features, seen, labels, .. } = self;
        Table { header, label, features, names: seen.names, labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_tables_are_read_as_the_general_reader_reads_them() {
        let numbers = "0.1,-3,1e-5\n17.000000000000004,2.,.5\n\n123456789012345678901234567890,-0.0,5e-324\n";
        let with_labels: String =
            numbers.lines().map(|row| if row.is_empty() { "\n".into() } else { format!("{row},é 1\n") }).collect();
        let text = format!("a,b,c,d\n{with_labels}");
        for text in [text.clone(), text.replace('\n', "\r\n"), text.trim_end().to_owned(), format!("{text}\n\n")] {
            for label in [None, Some("d")] {
                let plain = plain::parse(text.as_bytes(), label, "a file").expect("a plain table");
                assert_eq!(Ok(&plain), general(&text, label, "a file").as_ref());
                assert_eq!(
                    (plain.labels.len(), plain.features.len(), plain.names.as_slice()),
                    (3, 9, &["é 1".to_owned()][..])
                );
                let exact: Vec<f64> = numbers.split([',', '\n']).filter_map(|cell| cell.parse().ok()).collect();
                assert_eq!(plain.features, exact);
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_general_reader() {
        for row in [
            "1,\"2\",x",
            "1, 2,x",
            "1,2 ,x",
            "1,,x",
            "1,nan,x",
            "1,1e39,x",
            "1,2",
            "1,2,x,3",
            "1,2,\"x\"",
            "1,2,\rx",
            "+1,2,NA",
        ] {
            assert_eq!(plain::parse(format!("a,b,c\n{row}\n").as_bytes(), None, "a file"), None, "{row}");
        }
        let general = parse(b"a,b,c\n+1, 2 ,\"x\"\n", None, "a file").unwrap();
        assert_eq!((general.features, general.names), (vec![1.0, 2.0], vec!["x".to_owned()]));
    }
}
