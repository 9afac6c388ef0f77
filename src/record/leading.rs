//! The leading cells of a run's rows: its id, variant and seed, and its value on each axis.

use std::borrow::Cow;

use anyhow::Context;

use super::tables::LEADING;
use crate::config::json::cell;
use crate::plan::RunEntry;
use crate::table::Table;

/// The leading cells of a run's rows.
pub fn cells(entry: &RunEntry) -> Vec<String> {
    let fixed = [entry.id.clone(), entry.variant.clone(), entry.seed.to_string()];
    fixed.into_iter().chain(entry.values.iter().map(cell)).collect()
}

/// The rows of a run's table, `text`, each after its cells of the current axes; `header` is the table's with these axes.
///
/// # Errors
/// If its header is not that of the table.
pub fn rows_led_by<'a>(table: Table, header: &[u8], entry: &RunEntry, text: &'a [u8]) -> anyhow::Result<Cow<'a, [u8]>> {
    let mut first_row = csv::Writer::from_writer(Vec::new());
    first_row.write_record(cells(entry))?;
    let mut first_cells = first_row.into_inner()?.trim_ascii_end().to_vec();
    first_cells.push(b',');
    let rows = text.strip_prefix(header);
    let are_its =
        |rows: &&[u8]| rows.split(|byte| *byte == b'\n').all(|row| row.is_empty() || row.starts_with(&first_cells));
    match rows.filter(are_its) {
        Some(rows) => Ok(Cow::Borrowed(rows)),
        // Made when the sweep had other axes, or wrote their values otherwise.
        None => with_leading(table, entry, text).map(Cow::Owned),
    }
}

fn with_leading(table: Table, entry: &RunEntry, text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers()?.clone();
    let own = headers.len().checked_sub(table.columns.len()).filter(|own| *own >= LEADING.len());
    let own = own.filter(|own| headers.iter().skip(*own).eq(table.columns.iter().copied()));
    let own = own.with_context(|| format!("its header is not that of {}", table.file))?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let leading = cells(entry);
    for row in reader.records() {
        let row = row?;
        writer.write_record(leading.iter().map(String::as_str).chain(row.iter().skip(own)))?;
    }
    Ok(writer.into_inner()?)
}
