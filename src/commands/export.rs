//! `bn-exp export`: an experiment for other programs' viewers.

use std::path::Path;

use super::compare::{load, place_of, trained_first};
use super::exit::{Exit, UsageError};
use super::terminal::{NEVER, complain, show, waiting};
use crate::cli::ExportArgs;
use crate::files;
use crate::record::layout::ExperimentFolder;
use crate::report::tensorboard;

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<Exit> {
    let folder = ExperimentFolder::at(place_of(&args.path)?);
    let loaded = load(&folder, &waiting(&NEVER)).map_err(|error| trained_first(error, &args.path))?;
    for table in &loaded.changed_tables {
        complain(format!("warning: somebody has changed {table} since bn-exp wrote it"));
    }
    let out = args.out.join(&loaded.name);
    if files::are_same(&out, folder.path())? {
        let words = "is the experiment itself; give --out another folder, such as boards";
        return Err(UsageError(format!("{} {words}", out.display())).into());
    }
    if !holds_only_events(&out)? {
        let words = "holds other files than those of an export; give --out another folder";
        return Err(UsageError(format!("{} {words}", out.display())).into());
    }
    // Has another name until it is whole, so that an interrupted export is not taken for a finished one.
    let unfinished = args.out.join(format!("{}.unfinished", loaded.name));
    discard(&unfinished)?;
    if files::look(&unfinished)?.is_some() {
        return Err(
            UsageError(format!("{} is in the way, with files of others: move it away", unfinished.display())).into()
        );
    }
    let mut write = |path: &str, bytes: Vec<u8>| {
        let file = unfinished.join(path);
        file.parent().map_or(Ok(()), files::make_folder)?;
        files::write_atomically(&file, &bytes)
    };
    let runs = tensorboard::export(&folder, &loaded, &mut write).inspect_err(|_| {
        // What matters is why it failed; what is left here the next export removes.
        let _ = discard(&unfinished);
    })?;
    // A viewer merges all events that it finds: those of an earlier export would be shown beside the new ones.
    discard(&out)?;
    files::rename(&unfinished, &out)?;
    let noun = if runs == 1 { "run" } else { "runs" };
    show(format!("{runs} {noun} written to {}\nlook: tensorboard --logdir '{}'", out.display(), args.out.display()))?;
    Ok(Exit::Done)
}

/// Whether nothing is at a path, or a folder of events alone.
fn holds_only_events(path: &Path) -> anyhow::Result<bool> {
    if files::look(path)?.is_none() {
        return Ok(true);
    }
    if !files::is_real_folder(path)? {
        return Ok(path.ends_with(tensorboard::FILE));
    }
    for name in files::list(path)?.iter().filter(|name| !files::is_unfinished(name)) {
        if !holds_only_events(&path.join(name))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes the events that an export has left which was stopped or failed; what is not an event file stays.
fn discard(folder: &Path) -> anyhow::Result<()> {
    if !files::is_real_folder(folder)? {
        return Ok(());
    }
    files::remove_unfinished(folder)?;
    files::remove_unless_folder(&folder.join(tensorboard::FILE))?;
    for name in files::list(folder)? {
        discard(&folder.join(name))?;
    }
    files::remove_empty_folder(folder)
}
