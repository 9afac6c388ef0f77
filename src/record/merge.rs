//! Shards and copies of one experiment → one folder.
//!
//! Every run comes from the first folder that has it finished. Its record is copied last, so that a merge that was
//! stopped leaves no run that looks finished and is not; doing it again changes nothing.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::experiment::ExperimentRecord;
use super::layout::{ExperimentFolder, RunFolder};
use super::run::RunRecord;
use super::tables;
use crate::files::{self, Lock};

/// What a merge found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Planned runs.
    pub planned: usize,
    /// Finished ones, in any folder.
    pub finished: usize,
    /// Those that were copied.
    pub copied: usize,
    /// Instruction levels of the finished ones.
    pub levels: BTreeSet<String>,
}

/// Copies into `out` the runs that it does not have finished.
///
/// # Errors
/// If the folders are not of one experiment, if two of them have finished one run to different results, or if something
/// cannot be read or written.
pub fn merge(sources: &[ExperimentFolder], out: &ExperimentFolder) -> anyhow::Result<Merged> {
    let records = sources.iter().map(ExperimentRecord::read).collect::<anyhow::Result<Vec<_>>>()?;
    let Some((first, others)) = records.split_first() else { bail!("there is nothing to merge") };
    for (other, source) in others.iter().zip(&sources[1..]) {
        belongs_together(first, &sources[0], other, source)?;
    }
    if out.experiment_json().is_file() {
        belongs_together(first, &sources[0], &ExperimentRecord::read(out)?, out)?;
    } else {
        files::refuse_link(&out.runs())?;
        files::make_folder(&out.runs())?;
        let _lock = super::collect::lock(out)?;
        first.write(out)?;
    }
    let mut merged = Merged { planned: first.runs.len(), ..Merged::default() };
    for entry in &first.runs {
        let destination = out.run(&entry.id);
        let mut found = finished(&destination)?;
        let has_it = found.is_some();
        for source in sources {
            let folder = source.run(&entry.id);
            if same_file(folder.path(), destination.path()) {
                continue;
            }
            let Some(record) = finished(&folder)? else { continue };
            match &found {
                None => copy(&folder, &destination).with_context(|| format!("cannot copy run {}", entry.id))?,
                Some(earlier) => {
                    let is_same = earlier.simd != record.simd || results(&folder)? == results(&destination)?;
                    let (one, other) = (destination.path().display(), folder.path().display());
                    ensure!(is_same, "{one} and {other} are of one run and hold different results");
                    continue;
                }
            }
            found = Some(record);
        }
        if let Some(record) = found {
            merged.finished += 1;
            merged.copied += usize::from(!has_it);
            merged.levels.insert(record.simd);
        }
    }
    Ok(merged)
}

fn belongs_together(
    a: &ExperimentRecord,
    a_folder: &ExperimentFolder,
    b: &ExperimentRecord,
    b_folder: &ExperimentFolder,
) -> anyhow::Result<()> {
    let (one, other) = (a_folder.path().display(), b_folder.path().display());
    ensure!(a.name == b.name, "{one} is of experiment {}, {other} of {}: they do not belong together", a.name, b.name);
    let differs = a.axes != b.axes || a.runs != b.runs;
    ensure!(!differs, "{one} and {other} are of different plans of {}: they do not belong together", a.name);
    Ok(())
}

fn finished(folder: &RunFolder) -> anyhow::Result<Option<RunRecord>> {
    Ok(RunRecord::read(folder)?.filter(|record| record.status.is_finished()))
}

/// What a run came to, without clock and machine.
fn results(folder: &RunFolder) -> anyhow::Result<Vec<u8>> {
    files::read(&folder.table(tables::RUNS.file))
}

fn same_file(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Copies a finished run, its record last.
fn copy(from: &RunFolder, to: &RunFolder) -> anyhow::Result<()> {
    files::refuse_link(to.path())?;
    files::refuse_link(&to.snapshots())?;
    files::make_folder(to.path())?;
    let lock = files::try_lock(&to.lock())?;
    ensure!(!matches!(lock, Lock::Elsewhere), "another program is training it in {}", to.path().display());
    files::remove_unfinished(to.path())?;
    super::resume::remove(to)?;
    for name in files::list(from.path())? {
        let path = from.path().join(&name);
        // Locks and what was being written are nobody else's.
        if !name.starts_with('.') && path.is_file() && path != from.run_json() && path != from.resume() {
            copy_file(&path, &to.path().join(&name))?;
        }
    }
    for name in files::list(&from.snapshots())?.into_iter().filter(|name| !name.starts_with('.')) {
        files::make_folder(&to.snapshots())?;
        copy_file(&from.snapshots().join(&name), &to.snapshots().join(&name))?;
    }
    copy_file(&from.run_json(), &to.run_json())?;
    files::remove(&to.failure())?;
    files::sync_folder(to.path())
}

/// What a link leads to may be of anywhere: it is not made part of the results.
fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    files::refuse_link(from)?;
    files::write_atomically(to, &files::read(from)?)
}
