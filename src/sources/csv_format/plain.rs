//! The tables that most people have, read in one pass: no quotes, no spaces, every cell as it should be. Whatever else a file
//! holds is left to the general reader, which also says what is wrong.

use super::cells::{Seen, is_allowed};
use super::header::{header, label_column};
use super::table::Table;

/// The table, if it is as plain as that.
pub(super) fn parse(bytes: &[u8], label: Option<&str>, file: &str) -> Option<Table> {
    let (first, mut rest) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n')?);
    let header = header(text(first.strip_suffix(b"\r").unwrap_or(first))?.split(','), label, file).ok()?;
    let label = label_column(&header, label, file).ok()?;
    let (mut features, mut labels, mut seen) = (Vec::new(), Vec::new(), Seen::default());
    // Line ends: that of the header, and those of empty lines.
    while let Some(row) = Some(without_empty(rest)).filter(|row| !row.is_empty()) {
        rest = row;
        let before = rest.len();
        for column in 0..header.len() {
            let is_last = column + 1 == header.len();
            if column == label {
                let length = rest.iter().position(|byte| matches!(byte, b',' | b'\r' | b'\n')).unwrap_or(rest.len());
                labels.push(seen.place(text(&rest[..length])?.trim_ascii()).ok()?);
                rest = &rest[length..];
            } else {
                let (x, length) = fast_float2::parse_partial(rest).ok().filter(|(x, _)| is_allowed(x))?;
                features.push(x);
                rest = &rest[length..];
            }
            rest = if is_last { after_row(rest)? } else { rest.strip_prefix(b",")? };
        }
        if labels.len() == 1 {
            // About as many rows follow as are as long as the first. A number takes two bytes at least, with its comma.
            let rows = rest.len() / (before - rest.len()) + 1;
            features.reserve((rows * (header.len() - 1)).min(rest.len() / 2));
        }
    }
    Some(Table { header, label, features, names: seen.names, labels })
}

/// Text without quotes and line ends.
fn text(bytes: &[u8]) -> Option<&str> {
    let is_plain = !bytes.iter().any(|byte| matches!(byte, b'"' | b'\r'));
    std::str::from_utf8(bytes).ok().filter(|_| is_plain)
}

/// What follows the line ends at the beginning.
fn without_empty(mut rest: &[u8]) -> &[u8] {
    while let Some(behind) = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n")) {
        rest = behind;
    }
    rest
}

/// What follows the end of a row.
fn after_row(rest: &[u8]) -> Option<&[u8]> {
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n")) }
}
