//! The first row: the names of the columns, and which of them holds the labels.

use std::collections::HashMap;

use super::cells::shorten;
use super::error::CsvError;
use crate::sources::words::listed;

/// Most columns.
const MOST_COLUMNS: usize = 1 << 20;

/// The names of the columns.
pub(super) fn header<'a>(cells: impl Iterator<Item = &'a str>, file: &str) -> Result<Vec<String>, CsvError> {
    let wrong = |what: String| Err(CsvError::Header { file: file.to_owned(), what });
    let names: Vec<String> = cells.map(|cell| cell.trim_ascii().to_owned()).collect();
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

/// Index of the column of labels: by its name, or the last.
pub(super) fn label_column(header: &[String], label: Option<&str>, file: &str) -> Result<usize, CsvError> {
    let Some(label) = label else { return Ok(header.len() - 1) };
    header.iter().position(|name| name == label).ok_or_else(|| {
        let names = listed(&header.iter().map(|name| shorten(name)).collect::<Vec<_>>());
        let what = format!("there is no column `{label}`, which data.label names; there are {names}");
        CsvError::Header { file: file.to_owned(), what }
    })
}
