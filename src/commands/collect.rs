//! `bn-exp collect`: shards or copies of one experiment → one folder with its tables.

use super::exit::{Exit, UsageError};
use super::terminal::{NEVER, complain, show, waiting, warn_of_damage};
use crate::cli::CollectArgs;
use crate::files;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::record::{collect as tables, merge};

pub(super) fn collect(args: &CollectArgs) -> anyhow::Result<Exit> {
    let sources: Vec<ExperimentFolder> = args.paths.iter().map(ExperimentFolder::at).collect();
    let name = sources.first().map(ExperimentRecord::read).transpose()?.map(|record| record.name).unwrap_or_default();
    if ExperimentRecord::read(&ExperimentFolder::at(&args.out)).is_ok_and(|record| record.name == name) {
        let (place, above) = (args.out.display(), args.out.join(".."));
        let words = "is the experiment itself, and --out names the folder that it is in";
        return Err(UsageError(format!("{place} {words}: {}", above.display())).into());
    }
    let out = ExperimentFolder::at(args.out.join(name));
    let waiting = waiting(&NEVER);
    let merged = merge::merge(&sources, &out, &waiting)?;
    let made = tables::collect(&out, None, &waiting)?;
    warn_of_damage(&made);
    let merge::Merged {
        planned,
        finished,
        copied,
        elsewhere,
        failed,
        damaged,
        passed_over,
        questions,
        lost,
        without_checkpoint,
        levels,
    } = merged;
    let failed = failed + made.damaged.len();
    let tables = if made.is_new { "tables made" } else { "tables were current" };
    show(format!("{finished} of {planned} runs finished, {copied} copied to {}; {tables}", out.path().display()))?;
    for question in questions {
        complain(format!("warning: {question}; the question in {} stands", out.experiment_json().display()));
    }
    for (source, count) in &lost {
        let (source, runs) = (source.display(), number_of_runs(*count));
        complain(format!(
            "warning: the tables of {source} hold {runs} finished that no folder holds whole; put its runs/ back"
        ));
    }
    for reason in passed_over {
        complain(format!("warning: {reason}"));
    }
    if without_checkpoint > 0 {
        let runs = number_of_runs(without_checkpoint);
        complain(format!(
            "warning: no copy has the checkpoint of {runs}; their tables are whole, and `bn-exp fold` cannot be used on them"
        ));
    }
    if levels.len() > 1 {
        let levels = levels.into_iter().collect::<Vec<_>>().join(", ");
        complain(format!("warning: runs of different instruction levels, which differ by rounding: {levels}"));
    }
    if elsewhere > 0 {
        complain(format!(
            "warning: another program is training {} in {}, or copies into it; call this again when it has ended",
            number_of_runs(elsewhere),
            out.path().display()
        ));
    }
    for (id, reason) in damaged.iter().filter(|(id, _)| !made.damaged.iter().any(|(known, _)| known == *id)) {
        let folder = out.run(id);
        let cure = match files::is_folder(folder.path())? {
            true => format!("to train it again, remove {} and call `bn-exp run`", folder.path().display()),
            false => "`bn-exp run` trains it again".to_owned(),
        };
        complain(format!("warning: no copy of run {id} is whole: {reason}; {cure}"));
    }
    if failed > 0 {
        let runs = number_of_runs(failed);
        complain(format!("warning: {runs} failed, for reasons in runs.csv; `bn-exp run` tries again"));
    }
    Ok(if failed + damaged.len() + lost.len() > 0 { Exit::Failed } else { Exit::Done })
}

fn number_of_runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}
