//! What a table and its rows are, and how numbers become cells and are read again.

use std::str::FromStr;

/// A table: its file and its columns after the leading ones, `run_id,variant,seed` and the axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Name of the file.
    pub file: &'static str,
    /// Columns after the leading ones.
    pub columns: &'static [&'static str],
}

/// A row of a table. Columns, cells and parsing stand side by side: a column is added in one place.
pub trait Row: Sized {
    /// The table, with the names of its columns.
    const TABLE: Table;

    /// One cell a column.
    fn cells(&self) -> Vec<String>;

    /// The row with these cells, one a column; `None` if a cell is missing or does not fit.
    fn parse(cells: &[&str]) -> Option<Self>;
}

impl Table {
    /// The last cells of a line, one a column. Their text needs no quotes: it has no commas.
    pub fn own_cells<'a, const N: usize>(&self, line: &'a str) -> Option<[&'a str; N]> {
        debug_assert_eq!(self.columns.len(), N, "{}", self.file);
        let (mut cells, mut found) = ([""; N], line.rsplit(','));
        cells.iter_mut().rev().try_for_each(|cell| found.next().map(|text| *cell = text))?;
        Some(cells)
    }
}

/// What a cell holds: `Some(None)` if it is empty, `None` if it holds something else than a `T`.
pub fn optional<T: FromStr>(cell: &str) -> Option<Option<T>> {
    if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) }
}

/// The number in a cell: NaN if it is empty, `None` if it holds something else.
pub fn number(cell: &str) -> Option<f64> {
    optional(cell).map(|x| x.unwrap_or(f64::NAN))
}

/// The shortest decimal that reads back the same; empty for what is undefined or not finite.
pub fn float(x: impl Into<Option<f64>>) -> String {
    x.into().filter(|x| x.is_finite()).map(|x| format!("{x:?}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_back_the_same_and_the_undefined_is_empty() {
        for x in [0.1, 1.0, 1e-300, 123_456_789.123, f64::MIN_POSITIVE, 1.0 / 3.0] {
            assert_eq!(float(x).parse::<f64>().unwrap().to_bits(), x.to_bits());
        }
        assert_eq!([float(f64::NAN), float(f64::INFINITY), float(None)], ["", "", ""]);
    }

    #[test]
    fn the_last_cells_of_a_line_are_those_of_the_columns() {
        let table = Table { file: "a.csv", columns: &["x", "y"] };
        assert_eq!(table.own_cells("id,\"[1,2]\",3,4"), Some(["3", "4"]));
        assert_eq!(table.own_cells("id,"), Some(["id", ""]));
        assert_eq!(table.own_cells::<2>("id"), None);
    }
}
