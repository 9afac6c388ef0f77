//! Who owns an experiment's folder, and how its results are discarded: what the program wrote, and nothing else.

use std::collections::HashSet;

use anyhow::{Context, bail};

use super::SCHEMA_VERSION;
use super::experiment::ExperimentRecord;
use super::layout::{ExperimentFolder, RunFolder};
use super::run::RunRecord;
use super::tables;
use crate::files;

/// Refuses a folder that is a link, or that holds files and no record of this program: they are someone else's.
///
/// # Errors
/// If it is one, or the system cannot read it.
pub fn check_ours(folder: &ExperimentFolder) -> anyhow::Result<()> {
    files::refuse_link(folder.path())?;
    files::refuse_link(&folder.runs())?;
    if has_record(folder)? {
        return Ok(());
    }
    let runs = files::list(&folder.runs())?;
    let is_recorded = |id: &String| is_recorded(&folder.run(id), id);
    let known = ["runs", ".lock", ".training.lock", ".writing-removed"];
    let is_known = |name: &String| known.contains(&&name[..]) || files::is_unfinished(name);
    let has_files = !runs.is_empty() || !files::list(folder.path())?.iter().all(is_known);
    // Another program of ours may have begun meanwhile: it writes its record first.
    if has_files && !runs.iter().any(is_recorded) && !has_record(folder)? {
        bail!(
            "{} holds files, and no record that bn-exp wrote: nothing is written there\n\
             name another --out, or move the files away",
            folder.path().display()
        );
    }
    Ok(())
}

/// Whether the folder has the record of an experiment.
fn has_record(folder: &ExperimentFolder) -> anyhow::Result<bool> {
    let path = folder.experiment_json();
    let Some(bytes) = files::read_if_there(&path)? else { return Ok(false) };
    match ExperimentRecord::parse(&bytes, &path) {
        Err(error) if ExperimentRecord::version(&bytes) > u64::from(SCHEMA_VERSION) => Err(error),
        parsed => Ok(parsed.is_ok()),
    }
}

/// Whether a run's folder has the record of this run.
fn is_recorded(run: &RunFolder, id: &str) -> bool {
    // One that cannot be read is not known to be ours.
    let bytes = files::read(&run.run_json()).unwrap_or_default();
    RunRecord::parse(&bytes, &run.run_json()).is_ok_and(|run| run.is_some_and(|run| run.run_id == id))
}

/// Deletes the results of an experiment: its runs, tables and record, and nothing else. The caller holds the folder's lock.
///
/// # Errors
/// If something cannot be deleted.
pub fn discard(folder: &ExperimentFolder) -> anyhow::Result<()> {
    finish(folder)?;
    // What a link leads to is not discarded, and would count again.
    let planned = planned(folder)?;
    for id in files::list(&folder.runs())? {
        let run = folder.run(&id);
        if planned.contains(&id) || is_recorded(&run, &id) {
            files::refuse_link(run.path())?;
            check_removable(&run).context("nothing was discarded")?;
        }
    }
    // First the tables, then all runs at once: a removal that is killed leaves nothing that looks finished.
    let tables = tables::all().map(|table| folder.table(table.file));
    tables.chain([folder.stamp()]).try_for_each(|file| files::remove_unless_folder(&file))?;
    files::rename(&folder.runs(), &folder.discarded())?;
    finish(folder)?;
    files::remove_unless_folder(&folder.experiment_json())
}

/// Refuses a run whose folder cannot be read or written: nothing in it could be removed.
fn check_removable(run: &RunFolder) -> anyhow::Result<()> {
    for folder in [run.path(), &run.snapshots()] {
        let check = || if files::is_real_folder(folder)? { files::check_writable(folder) } else { Ok(()) };
        let advice = "make it readable and writable (chmod -R u+rwX), or move it away; then call again";
        check().with_context(|| format!("the folder {} cannot be emptied; {advice}", folder.display()))?;
    }
    Ok(())
}

/// Deletes the runs that were put aside, by this program or by one that was killed. Other files among them go back.
///
/// # Errors
/// If something cannot be deleted or moved.
pub fn finish(folder: &ExperimentFolder) -> anyhow::Result<()> {
    let aside = folder.discarded();
    if !files::is_real_folder(&aside)? {
        return Ok(());
    }
    // The record is removed last: it also tells of runs that have none of their own yet.
    let planned = planned(folder)?;
    for name in files::list(&aside)? {
        let id = name.strip_suffix(".failed.json").unwrap_or(&name);
        let run = RunFolder::at(aside.join(id));
        if id != name {
            let bytes = files::read(&run.failure()).unwrap_or_default();
            let record = RunRecord::parse(&bytes, &run.failure()).ok().flatten();
            if planned.contains(id) || record.is_some_and(|record| record.run_id == id) {
                files::remove_unless_folder(&run.failure())?;
            }
        } else if files::is_real_folder(run.path())? && (planned.contains(id) || is_recorded(&run, id)) {
            check_removable(&run)?;
            clear(&run)?;
        }
    }
    if !files::list(&aside)?.is_empty() {
        files::make_folder(&folder.runs())?;
        files::move_entries(&aside, &folder.runs())?;
    }
    files::remove_empty_folder(&aside)
}

/// Ids of the runs in the experiment's record; none if there is no record.
fn planned(folder: &ExperimentFolder) -> anyhow::Result<HashSet<String>> {
    let path = folder.experiment_json();
    let record = files::read_if_there(&path)?.and_then(|bytes| ExperimentRecord::parse(&bytes, &path).ok());
    Ok(record.into_iter().flat_map(|record| record.runs).map(|run| run.id).collect())
}

/// Deletes everything that the program wrote into the folder of a run; and the folder, if nothing else is in it.
fn clear(run: &RunFolder) -> anyhow::Result<()> {
    let tables = tables::all().map(|table| run.table(table.file));
    let others = [run.log(), run.checkpoint(), run.resume(), run.trace(), run.folded(), run.lock(), run.run_json()];
    tables.chain(others).try_for_each(|path| files::remove_unless_folder(&path))?;
    files::remove_unfinished(run.path())?;
    let snapshots = run.snapshots();
    if files::is_real_folder(&snapshots)? {
        let own = files::list(&snapshots)?.into_iter().filter(|name| RunFolder::is_snapshot(name));
        own.map(|name| snapshots.join(name)).try_for_each(|path| files::remove_unless_folder(&path))?;
        files::remove_unfinished(&snapshots)?;
        files::remove_empty_folder(&snapshots)?;
    }
    files::remove_empty_folder(run.path())
}
