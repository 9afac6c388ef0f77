//! Shards and copies of one experiment → one folder.
//!
//! Every run comes from the first folder that has it finished and whole, by the SHA-256 of all that it left. Its record is
//! copied last: a merge that is stopped leaves no unfinished run that looks finished. Merging again changes nothing. Only
//! the files that a run consists of are copied, and no link is followed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::beside::Copying;
use super::experiment::ExperimentRecord;
use super::layout::{ExperimentFolder, RunFolder};
use super::run::{RunRecord, Status};
use super::{beside, collect, damage, discard, joint_plan, resume, tables};
use crate::files::{self, Lock, Waiting};

/// What a merge found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Planned runs.
    pub planned: usize,
    /// Finished ones, in any folder.
    pub finished: usize,
    /// Those that were copied.
    pub copied: usize,
    /// Those that another program is training.
    pub elsewhere: usize,
    /// Those that failed wherever they were tried.
    pub failed: usize,
    /// Those without a whole copy, and what is wrong with the first copy: ids and reasons.
    pub damaged: BTreeMap<String, String>,
    /// Copies that were passed over, and why: of runs that another folder has whole, and of snapshots and traces.
    pub passed_over: Vec<String>,
    /// Folders that ask another question than the plan that stands, and how it reads there.
    pub questions: Vec<String>,
    /// Sources whose tables hold finished runs that no folder has, and how many.
    pub lost: Vec<(PathBuf, usize)>,
    /// Finished ones of which no copy has the checkpoint. They count: no table needs it.
    pub without_checkpoint: usize,
    /// Instruction levels of the finished ones.
    pub levels: BTreeSet<String>,
}

/// Copies into `out` the runs that are not finished there.
///
/// # Errors
/// If the folders are not of one experiment, if two of them have finished one run to different results, or if something
/// cannot be read or written.
pub fn merge(sources: &[ExperimentFolder], out: &ExperimentFolder, waiting: Waiting) -> anyhow::Result<Merged> {
    // Before anything is created.
    joint_plan::widest(sources, out)?;
    discard::check_ours(out)?;
    check_has_runs(sources, out)?;
    files::make_folder(&out.runs())?;
    let (plan, _training) = open(sources, out, waiting)?;
    let questions = joint_plan::other_questions(&plan, sources)?;
    let mut merged = Merged { planned: plan.runs.len(), questions, ..Merged::default() };
    let mut finished = HashSet::new();
    for entry in &plan.runs {
        let ended = merge_run(&entry.id, sources, out, &mut merged)?;
        match ended {
            // What is left of it stays as it is.
            Some(record) if record.status == Status::Failed && RunRecord::is_finished(&out.run(&entry.id))? => {
                merged.damaged.insert(entry.id.clone(), record.reason.unwrap_or_default());
            }
            Some(record) if record.status.is_finished() => {
                merged.finished += 1;
                finished.insert(entry.id.clone());
                merged.levels.insert(record.simd);
            }
            Some(record) if record.status == Status::Failed => merged.failed += 1,
            Some(_) | None => {}
        }
    }
    for source in sources.iter().filter(|_| finished.len() < plan.runs.len()) {
        let mut lost = 0;
        for id in collect::held(source)?.difference(&finished) {
            // One that another program is training in `out` was not copied: it is not lost.
            lost += usize::from(!RunRecord::is_finished(&source.run(id)).unwrap_or(false));
        }
        merged.lost.extend((lost > 0).then(|| (source.path().to_owned(), lost)));
    }
    // The sources may be deleted after this.
    files::sync_folder(&out.runs())?;
    files::sync_folder(out.path())?;
    Ok(merged)
}

/// Refuses folders that hold no run at all, where the tables of one tell of runs: they were moved away.
fn check_has_runs(sources: &[ExperimentFolder], out: &ExperimentFolder) -> anyhow::Result<()> {
    for folder in sources.iter().chain([out]) {
        if !files::list(&folder.runs())?.is_empty() {
            return Ok(());
        }
    }
    for source in sources {
        let (place, held) = (source.path().display(), collect::held(source)?.len());
        let all = format!("the tables of {place} hold {held} finished runs, and its runs/ holds none");
        ensure!(held == 0, "{all}; put runs/ back, or leave this folder out");
    }
    Ok(())
}

/// Ends the reason why a copy was passed over.
const OTHER: &str = "another copy of this run is whole";

/// Ends what is said of a snapshot that is missing.
const NO_COPY: &str = "no copy of this run has it";

/// Copies one run into `out` from the first source that has it whole, unless `out` has it. Returns its record there.
fn merge_run(
    id: &str,
    sources: &[ExperimentFolder],
    out: &ExperimentFolder,
    merged: &mut Merged,
) -> anyhow::Result<Option<RunRecord>> {
    let context = || format!("cannot copy run {id}");
    let destination = out.run(id);
    let mut ended = whole(&destination)?;
    let (mut unreadable, mut garbled, mut unfinished) = (None, None, Vec::new());
    for source in sources {
        let folder = source.run(id);
        files::refuse_link(&source.runs())?;
        files::refuse_link(folder.path())?;
        if files::are_same(folder.path(), destination.path())? {
            continue;
        }
        let found = match whole(&folder) {
            Ok(found) => found,
            // Another copy may be whole.
            Err(error) => {
                unreadable = unreadable.or(Some(error));
                continue;
            }
        };
        let Some(record) = found else {
            if files::is_file(&folder.run_json())? {
                garbled = Some(format!("{} is damaged: it is no record of this run", folder.run_json().display()));
            }
            // A killed program has left only what continues the run.
            unfinished.push((None, folder));
            continue;
        };
        let has_it = ended.as_ref().is_some_and(|ended| ended.status.is_finished());
        match (has_it, record.status.is_finished()) {
            (false, true) => {
                if !copy(&record, &folder, &destination, ended.as_ref(), &mut merged.passed_over)
                    .with_context(context)?
                {
                    merged.elsewhere += 1;
                    break;
                }
                merged.copied += 1;
                ended = Some(record);
            }
            (true, true) => {
                let is_same = ended.as_ref().is_some_and(|ended| came_to_the_same(ended, &record));
                let (one, other) = (destination.path().display(), folder.path().display());
                ensure!(is_same, "{one} and {other} are of one run and hold different results");
                if ended.as_ref().is_some_and(|ended| came_to_the_same_bytes(ended, &record)) {
                    copy_what_is_beside(&record, &folder, &destination, &mut merged.passed_over)
                        .with_context(context)?;
                }
            }
            (false, false) => unfinished.push((Some(record), folder)),
            (true, false) => {}
        }
    }
    if !ended.as_ref().is_some_and(|ended| ended.status.is_finished()) {
        ended = merge_unfinished(id, &destination, ended, &unfinished, merged).with_context(context)?;
    }
    let is_finished = ended.as_ref().is_some_and(|ended| ended.status.is_finished());
    if let Some(record) = ended.as_ref().filter(|_| is_finished) {
        let lacks_checkpoint = record.checkpoint_sha256.is_some() && !files::is_file(&destination.checkpoint())?;
        merged.without_checkpoint += usize::from(lacks_checkpoint);
        merged.passed_over.extend(record.lost_snapshot(&destination)?.map(|reason| format!("{reason}; {NO_COPY}")));
    }
    match unreadable {
        Some(error) if is_finished => merged.passed_over.push(format!("{error:#}; {OTHER}")),
        Some(error) => return Err(error),
        None if is_finished => merged.passed_over.extend(garbled.map(|reason| format!("{reason}; {OTHER}"))),
        None if ended.is_none() => drop(garbled.map(|reason| merged.damaged.insert(id.to_owned(), reason))),
        None => {}
    }
    Ok(ended)
}

/// Of a run that no folder has finished: copies what continues it from where it was saved furthest, with the record that
/// stands there. Where nothing continues it, the first record says why it failed. Returns the run's record in `to`.
fn merge_unfinished(
    id: &str,
    to: &RunFolder,
    own: Option<RunRecord>,
    others: &[(Option<RunRecord>, RunFolder)],
    merged: &mut Merged,
) -> anyhow::Result<Option<RunRecord>> {
    let saved = resume::saved_step(to, id).unwrap_or(None);
    let mut furthest = (saved, None);
    for (record, folder) in others {
        match resume::saved_step(folder, id) {
            Ok(saved) if saved > furthest.0 => furthest = (saved, Some((record, folder))),
            Ok(_) => {}
            Err(error) => merged.passed_over.push(format!("{error:#}; it was not copied")),
        }
    }
    let (_, from) = furthest;
    let first = || others.iter().find_map(|(record, _)| record.clone()).filter(|_| own.is_none());
    let record = from.and_then(|(record, _)| record.clone()).or_else(first);
    if from.is_none() && record.is_none() {
        return Ok(own);
    }
    let lock = prepare(to)?;
    let is_as_seen = || anyhow::Ok(whole(to)? == own && resume::saved_step(to, id).unwrap_or(None) == saved);
    if matches!(lock, Lock::Elsewhere) || !is_as_seen()? {
        merged.elsewhere += 1;
        return Ok(own);
    }
    if let Some((_, folder)) = from {
        // The snapshots come first: the saved state relies on them.
        let passed_over = &mut merged.passed_over;
        Copying { from: folder, to, replacing: true, has_digests: true, passed_over }.snapshots()?;
        copy_file(&folder.resume(), &to.resume())?;
    }
    if let Some(record) = &record {
        files::write_atomically(&to.log(), record.log_text().as_bytes())?;
        record.write(to)?;
    }
    Ok(record.or(own))
}

/// The record of a run. A finished run counts as failed if something of it is missing or was changed.
fn whole(folder: &RunFolder) -> anyhow::Result<Option<RunRecord>> {
    let Some(record) = RunRecord::read(folder)? else { return Ok(None) };
    let damage = if record.status.is_finished() { damage::of(&record, folder)? } else { None };
    Ok(Some(match damage {
        None => record,
        Some(reason) => record.failed(reason),
    }))
}

/// Writes the plan of all sources and of `out` into `out`, and takes its shared training lock: meanwhile nobody discards
/// `out` or drops runs from its plan.
fn open(
    sources: &[ExperimentFolder],
    out: &ExperimentFolder,
    waiting: Waiting,
) -> anyhow::Result<(ExperimentRecord, Lock)> {
    let _lock = collect::lock(out, waiting)?;
    let plan = joint_plan::widest(sources, out)?;
    if !files::is_file(&out.experiment_json())? || ExperimentRecord::read(out)? != plan {
        plan.write(out)?;
    }
    Ok((plan, files::try_lock_shared(&out.training_lock())?))
}

/// Whether two records of a run have the same numbers, whatever their machines and times. Between instruction levels they
/// may differ by rounding.
fn came_to_the_same(a: &RunRecord, b: &RunRecord) -> bool {
    let numbers = |r: &RunRecord| (r.status, r.diverged_at_step, r.steps, r.parameters, r.metrics, r.start);
    a.simd != b.simd || numbers(a) == numbers(b)
}

/// Whether what belongs to one of two copies of a run belongs to the other as well.
fn came_to_the_same_bytes(a: &RunRecord, b: &RunRecord) -> bool {
    a.simd == b.simd && a.checkpoint_sha256 == b.checkpoint_sha256
}

/// Copies a finished run, its record last. Returns false if another program is training it there, or has done so since its
/// record there was `seen`.
fn copy(
    record: &RunRecord,
    from: &RunFolder,
    to: &RunFolder,
    seen: Option<&RunRecord>,
    passed_over: &mut Vec<String>,
) -> anyhow::Result<bool> {
    let lock = prepare(to)?;
    if matches!(lock, Lock::Elsewhere) || whole(to)?.as_ref() != seen {
        return Ok(false);
    }
    resume::remove(to)?;
    // What is there may be of another training.
    if !seen.is_some_and(|seen| came_to_the_same_bytes(seen, record)) {
        beside::clear(to, true)?;
    }
    let files = tables::all().map(|table| (from.table(table.file), to.table(table.file)));
    for (from, to) in files.chain([(from.checkpoint(), to.checkpoint())]) {
        copy_file(&from, &to)?;
    }
    // What is there may be of another training, at another instruction level.
    if !files::is_file(&from.checkpoint())? {
        files::remove(&to.checkpoint())?;
    }
    let mut beside = Copying { from, to, replacing: true, has_digests: record.has_digests(), passed_over };
    beside.log()?;
    beside.trace()?;
    beside.snapshots()?;
    files::sync_folder(to.path())?;
    copy_file(&from.run_json(), &to.run_json())?;
    files::remove(&to.failure())?;
    files::sync_folder(to.path())?;
    Ok(true)
}

/// Copies what belongs to a finished run and is not needed for it, as far as only this copy has it: its checkpoint, snapshots,
/// trace and log.
fn copy_what_is_beside(
    record: &RunRecord,
    from: &RunFolder,
    to: &RunFolder,
    passed_over: &mut Vec<String>,
) -> anyhow::Result<()> {
    if !matches!(files::try_lock(&to.lock())?, Lock::Held(_) | Lock::Unsupported) {
        return Ok(());
    }
    tidy(to)?;
    if files::look(&to.checkpoint())?.is_none() {
        copy_file(&from.checkpoint(), &to.checkpoint())?;
    }
    let mut beside = Copying { from, to, replacing: false, has_digests: record.has_digests(), passed_over };
    beside.log()?;
    beside.trace()?;
    beside.snapshots()
}

/// Makes a run's folder, refuses a link in its place, and tries to lock it.
fn prepare(to: &RunFolder) -> anyhow::Result<Lock> {
    files::refuse_link(to.path())?;
    files::refuse_link(&to.snapshots())?;
    files::make_folder(to.path())?;
    let lock = files::try_lock(&to.lock())?;
    if let Lock::Held(_) = lock {
        tidy(to)?;
    }
    Ok(lock)
}

/// Removes what a killed program left half-written of a run. The caller holds the run's lock.
fn tidy(run: &RunFolder) -> anyhow::Result<()> {
    files::remove_unfinished(run.path())?;
    files::remove_unfinished(&run.snapshots())
}

/// Copies a file, if it exists. A link is refused: it may lead to any file of the machine.
fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    files::refuse_link(from)?;
    files::read_if_there(from)?.map_or(Ok(()), |bytes| files::write_atomically(to, &bytes))
}
