//! The plan of several copies of one experiment: what they have to agree on, and whose question stands.

use std::cmp::Reverse;
use std::collections::HashSet;

use anyhow::{bail, ensure};

use super::experiment::{ExperimentRecord, differing};
use super::layout::ExperimentFolder;
use super::run::RunRecord;
use crate::files;

/// The plan that contains all others: an experiment may have grown between two copies. Its question is marked as changed, if
/// another one was asked where runs are finished.
///
/// # Errors
/// If the folders are not of one experiment, or a record cannot be read.
pub fn widest(sources: &[ExperimentFolder], out: &ExperimentFolder) -> anyhow::Result<ExperimentRecord> {
    let is_there = files::is_file(&out.experiment_json())?;
    let folders = is_there.then_some(out).into_iter().chain(sources);
    let records = folders.map(|folder| Ok((folder, ExperimentRecord::read(folder)?)));
    let mut records = records.collect::<anyhow::Result<Vec<_>>>()?;
    // The sort is stable: among plans of one length, and as the program wrote them, that of `out` wins, then the first.
    records.sort_by_key(|(_, record)| (Reverse(record.runs.len()), record.is_question_edited()));
    let Some(((folder, widest), others)) = records.split_first() else { bail!("there is nothing to merge") };
    let ids: HashSet<&str> = widest.runs.iter().map(|run| run.id.as_str()).collect();
    for (other_folder, other) in others {
        let (one, two) = (folder.path().display(), other_folder.path().display());
        ensure!(
            widest.name == other.name,
            "{one} is of experiment {}, {two} of {}: they do not belong together",
            widest.name,
            other.name
        );
        let has_all = other.runs.iter().all(|run| ids.contains(run.id.as_str()));
        ensure!(
            has_all,
            "{one} and {two} are of different plans of {}: they do not belong together; what differs:{}",
            widest.name,
            differing(widest, other, ["in the first", "in the second"])
        );
    }
    let mut plan = widest.clone();
    for (folder, record) in &records {
        let first = record.first_question()?;
        if plan.asked_first.is_none() && !first.unlike(&plan.question()?)?.is_empty() && has_finished(folder)? {
            plan.mark_if_changed(first)?;
        }
    }
    Ok(plan)
}

/// Whether a run of an experiment is finished, planned or not.
fn has_finished(folder: &ExperimentFolder) -> anyhow::Result<bool> {
    for id in files::list(&folder.runs())? {
        if RunRecord::is_finished(&folder.run(&id)).unwrap_or(false) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folders that ask another question than this plan, and how it reads there.
///
/// # Errors
/// If a record cannot be read.
pub fn other_questions(plan: &ExperimentRecord, folders: &[ExperimentFolder]) -> anyhow::Result<Vec<String>> {
    let mut others = Vec::new();
    for folder in folders {
        let unlike = ExperimentRecord::read(folder)?.question()?.unlike(&plan.question()?)?;
        if !unlike.is_empty() {
            let unlike = unlike.into_iter().map(|(path, value)| format!("{path} is {value}")).collect::<Vec<_>>();
            others.push(format!("{} asks another question ({} there)", folder.path().display(), unlike.join(", ")));
        }
    }
    Ok(others)
}
