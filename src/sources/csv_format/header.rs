//! The first row: the names of the columns, and which of them holds the labels.

use std::collections::HashMap;

use super::cells::is_missing;
use super::error::CsvError;
use crate::sources::words::{column_name, listed};

/// Most columns.
const MOST_COLUMNS: usize = 1 << 20;

const NO_NAMES: &str = "the first row has numbers where names of features should be, as if it were a sample; put a row with \
                        names before it, or call the columns by words (0, 1, 2 … are names where data.label gives that of the \
                        labels)";

/// Whether a name is what a feature would be.
fn is_value(name: &str) -> bool {
    name.parse::<f64>().is_ok() || (!name.is_empty() && is_missing(name))
}

/// Whether names are 0, 1, 2 …, which pandas gives.
fn count<'a>(names: impl Iterator<Item = &'a String>) -> bool {
    names.enumerate().all(|(i, name)| *name == i.to_string())
}

/// The names of the columns.
pub(super) fn header<'a>(
    cells: impl Iterator<Item = &'a str>,
    label: Option<&str>,
    file: &str,
) -> Result<Vec<String>, CsvError> {
    let wrong = |what: String| Err(CsvError::Header { file: file.to_owned(), what });
    let names: Vec<String> = cells.map(|cell| cell.trim_ascii().to_owned()).collect();
    match names.as_slice() {
        [] => return wrong("the file is empty; the first row names the columns, the others hold samples".into()),
        [only] => {
            let words = "features and labels need at least two, separated by commas";
            let other = [(';', "semicolons"), ('\t', "tabs")].into_iter().find(|(mark, _)| only.contains(*mark));
            let other = other.map(|(_, marks)| format!(" (here are {marks}; decimal commas must be points then)"));
            let other = other.unwrap_or_default();
            return wrong(format!("there is one column, `{}`; {words}{other}", column_name(only)));
        }
        _ if names.len() > MOST_COLUMNS => {
            return wrong(format!("there are {} columns; at most {MOST_COLUMNS} are allowed", names.len()));
        }
        _ => {}
    }
    if names.iter().all(|name| is_value(name)) && !(label.is_some() && count(names.iter())) {
        return wrong(NO_NAMES.to_owned());
    }
    let mut known = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return wrong(format!("column {} has no name in the first row ({})", i + 1, why_unnamed(i, &names)));
        }
        if let Some(earlier) = known.insert(name, i) {
            return wrong(format!("columns {} and {} are both called `{}`", earlier + 1, i + 1, column_name(name)));
        }
    }
    Ok(names)
}

/// Why a column may have no name.
fn why_unnamed(i: usize, names: &[String]) -> &'static str {
    if names[0].starts_with("sep=") {
        "`sep=` in it is for Excel; take that row away"
    } else if i > 0 && i + 1 == names.len() {
        "does each row end with a comma? take it away"
    } else {
        "pandas writes its row numbers so; to_csv(…, index=False) leaves them out"
    }
}

/// Index of the column of labels: by its name, or the last. The names of the other columns must not all be numbers: the first
/// row would be a sample. If they count 0, 1, 2 … they are those that pandas gives, and names where that of the labels is known.
pub(super) fn label_column(header: &[String], label: Option<&str>, file: &str) -> Result<usize, CsvError> {
    let wrong = |what: String| CsvError::Header { file: file.to_owned(), what };
    let place = match label {
        None => header.len() - 1,
        Some(label) => header.iter().position(|name| name == label).ok_or_else(|| {
            let names = listed(&header.iter().map(|name| column_name(name)).collect::<Vec<_>>());
            wrong(format!("there is no column `{label}`, which data.label names; there are {names}"))
        })?,
    };
    let mut features = header.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, name)| name);
    let counts = label.is_some() && (count(features.clone()) || count(header.iter()));
    if !counts && features.all(|name| is_value(name)) {
        return Err(wrong(NO_NAMES.to_owned()));
    }
    Ok(place)
}
