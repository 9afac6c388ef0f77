//! Whether the files of a finished run are as they were written.

use anyhow::{Context, ensure};

use super::curves;
use super::found::{Found, sound, unsound};
use super::layout::RunFolder;
use super::leading;
use super::run::RunRecord;
use super::runs;
use super::tables::{self, Writer};
use crate::files::{self, Lock};
use crate::plan::RunEntry;
use crate::printable::has_formula;
use crate::table::Table;

/// The tables of a finished run, checked.
#[derive(Debug, Default)]
pub struct Checked {
    /// The rows of the tables that it filled while it trained, led by its cells of the current axes.
    pub rows: Vec<(Table, Vec<u8>)>,
    /// The step that first reaches the target accuracy.
    pub steps_to_target: Option<usize>,
}

/// Reads the tables of a finished run, each once, and checks their SHA-256 and headers. The inner error says what is damaged.
///
/// # Errors
/// If the system cannot read a table.
pub fn check(
    run: &RunRecord,
    folder: &RunFolder,
    entry: &RunEntry,
    axes: &[String],
    target: Option<f64>,
) -> anyhow::Result<Result<Checked, String>> {
    let mut checked = Checked::default();
    for table in tables::all().filter(|table| run.table_bytes.contains_key(table.file)) {
        let text = match sound(run, folder, table.file)? {
            Ok(text) => text,
            Err(reason) => return Ok(Err(reason)),
        };
        if table == tables::RUNS
            && let Some(reason) = contradiction(run, folder, &text)
        {
            return Ok(Err(reason));
        }
        if [tables::RUNS, tables::TIMING].contains(&table) {
            continue;
        }
        let target = target.filter(|_| table == tables::CURVES);
        let header = Writer::new(table, axes).into_bytes();
        let rows = leading::rows_led_by(table, &header, entry, &text);
        let harmless = rows.and_then(|rows| {
            ensure!(!has_formula(&rows), "a spreadsheet would take one of its cells for a formula");
            Ok(rows)
        });
        match harmless.and_then(|rows| Ok((rows, steps_to(&text, target)?))) {
            Ok((rows, steps)) => {
                checked.rows.push((table, rows.into_owned()));
                checked.steps_to_target = checked.steps_to_target.or(steps);
            }
            Err(error) => return Ok(Err(format!("{} is damaged: {error:#}", folder.table(table.file).display()))),
        }
    }
    Ok(Ok(checked))
}

/// What of a finished run is missing or changed; `None` if it is whole. Its checkpoint may be missing, and not be changed: no
/// table needs it.
///
/// # Errors
/// If the system cannot read something, or a link stands in its place.
pub fn of(run: &RunRecord, folder: &RunFolder) -> anyhow::Result<Option<String>> {
    for file in run.table_bytes.keys().filter(|file| files::is_plain_name(file)) {
        files::refuse_link(&folder.table(file))?;
    }
    if let Some(reason) = unsound(run, folder)? {
        return Ok(Some(reason));
    }
    let text = files::read_if_there(&folder.table(tables::RUNS.file))?.unwrap_or_default();
    if let Some(reason) = contradiction(run, folder, &text) {
        return Ok(Some(reason));
    }
    let path = folder.checkpoint();
    files::refuse_link(&path)?;
    let found = files::sha256_of(&path)?;
    let is_sound = run.checkpoint_sha256.as_ref().zip(found).is_none_or(|(expected, found)| *expected == found);
    Ok((!is_sound).then(|| format!("{} is damaged: its SHA-256 is not the recorded one", path.display())))
}

/// What is wrong with the record of a run that tells other numbers than its own runs.csv, `text`.
fn contradiction(run: &RunRecord, folder: &RunFolder, text: &[u8]) -> Option<String> {
    let (record, table) = (folder.run_json(), folder.table(tables::RUNS.file));
    let words = || format!("{} is damaged: {} tells something else", record.display(), table.display());
    runs::contradicts(text, run).then(words)
}

fn steps_to(text: &[u8], target: Option<f64>) -> anyhow::Result<Option<usize>> {
    let Some(target) = target else { return Ok(None) };
    curves::first_reaching(str::from_utf8(text).context("it is not text")?, target)
}

/// Records that a run counts as failed, and returns its new state. If a table was changed, the run's record stays as it is,
/// and the reason stands beside it: if the table comes back, the run counts again.
///
/// # Errors
/// If another program is training the run or has trained it since `seen`, or it cannot be written.
pub fn record(folder: &RunFolder, seen: &Found, failed: &RunRecord) -> anyhow::Result<Found> {
    let lock = files::try_lock(&folder.lock())?;
    let is_elsewhere = matches!(lock, Lock::Elsewhere);
    ensure!(!is_elsewhere && Found::at(folder)? == *seen, "another program has trained run {}", failed.run_id);
    files::write_atomically(&folder.log(), failed.log_text().as_bytes())?;
    match unsound(failed, folder)? {
        Some(_) => failed.write_beside(folder)?,
        None => failed.write(folder)?,
    }
    Found::at(folder)
}

/// Removes the reason that stands beside a run that is whole again, and returns the run's new state.
///
/// # Errors
/// If the system cannot read the run.
pub fn forget(folder: &RunFolder, found: Found) -> anyhow::Result<Found> {
    let Some(run) = found.run.as_ref().filter(|_| files::is_file(&folder.failure()).is_ok_and(|is| is)) else {
        return Ok(found);
    };
    if let Ok(Lock::Held(_)) = files::try_lock(&folder.lock()) {
        // In a folder that cannot be written the reason stays, and is looked at again.
        drop(files::write_atomically(&folder.log(), run.log_text().as_bytes()));
        drop(files::remove(&folder.failure()));
    }
    Found::at(folder)
}
