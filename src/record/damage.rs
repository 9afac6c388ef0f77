//! Whether the tables of a finished run are as they were written.

use anyhow::{Context, ensure};

use super::curves;
use super::layout::RunFolder;
use super::leading;
use super::run::RunRecord;
use super::tables::{self, Writer};
use crate::files::{self, Lock};
use crate::plan::RunEntry;
use crate::table::Table;

/// Checks the tables of a finished run: their SHA-256, their headers, and the rows that `steps_to_target` is read from.
/// Returns the step that first reaches the target accuracy, or what is damaged.
///
/// # Errors
/// If the system cannot read a table.
pub fn check(
    run: &RunRecord,
    folder: &RunFolder,
    entry: &RunEntry,
    axes: &[String],
    target: Option<f64>,
) -> anyhow::Result<Result<Option<usize>, String>> {
    let mut steps_to_target = None;
    for table in tables::filled().filter(|table| run.table_bytes.contains_key(table.file)) {
        let path = folder.table(table.file);
        let text = files::read(&path)?;
        let expected = run.table_sha256.get(table.file);
        let target = target.filter(|_| table == tables::CURVES);
        match check_table(table, &text, expected, entry, axes).and_then(|()| steps_to(&text, target)) {
            Ok(steps) => steps_to_target = steps_to_target.or(steps),
            Err(error) => return Ok(Err(format!("{} is damaged: {error:#}", path.display()))),
        }
    }
    Ok(Ok(steps_to_target))
}

fn check_table(
    table: Table,
    text: &[u8],
    sha256: Option<&String>,
    entry: &RunEntry,
    axes: &[String],
) -> anyhow::Result<()> {
    let is_the_same = sha256.is_none_or(|expected| *expected == files::sha256(text));
    ensure!(is_the_same, "its SHA-256 is not the recorded one");
    leading::rows_led_by(table, &Writer::new(table, axes).into_bytes(), entry, text).map(drop)
}

fn steps_to(text: &[u8], target: Option<f64>) -> anyhow::Result<Option<usize>> {
    let Some(target) = target else { return Ok(None) };
    curves::first_reaching(str::from_utf8(text).context("it is not text")?, target)
}

/// Records that a run counts as failed, unless another program is training it just now.
///
/// # Errors
/// The system's.
pub fn record(folder: &RunFolder, failed: &RunRecord) -> anyhow::Result<()> {
    let lock = files::try_lock(&folder.lock())?;
    if let Lock::Elsewhere = lock {
        return Ok(());
    }
    files::write_atomically(&folder.log(), failed.log_text().as_bytes())?;
    failed.write(folder)
}
