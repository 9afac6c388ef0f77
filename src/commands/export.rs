//! `bn-exp export`: an experiment for other programs' viewers.

use super::compare::{load, place_of, trained_first};
use super::exit::{Exit, UsageError};
use super::terminal::{NEVER, show, waiting};
use crate::cli::ExportArgs;
use crate::files;
use crate::record::layout::ExperimentFolder;
use crate::report::tensorboard;

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<Exit> {
    let folder = ExperimentFolder::at(place_of(&args.path)?);
    let loaded = load(&folder, &waiting(&NEVER)).map_err(|error| trained_first(error, &args.path))?;
    let out = args.out.join(&loaded.name);
    // A viewer merges all events that it finds: those of an earlier export would be shown beside the new ones.
    if files::look(&out)?.is_some() {
        let words = format!("{} is there already; remove it, or give --out another folder", out.display());
        return Err(UsageError(words).into());
    }
    // Has another name until it is whole, so that an interrupted export is not taken for a finished one.
    let unfinished = args.out.join(format!("{}.unfinished", loaded.name));
    if files::look(&unfinished)?.is_some() {
        let words =
            format!("{} is what an export that was stopped has left, or is at: remove it", unfinished.display());
        return Err(UsageError(words).into());
    }
    let mut write = |path: &str, bytes: Vec<u8>| {
        let file = unfinished.join(path);
        file.parent().map_or(Ok(()), files::make_folder)?;
        files::write_atomically(&file, &bytes)
    };
    let runs = tensorboard::export(&folder, &loaded, &mut write)?;
    files::rename(&unfinished, &out)?;
    let noun = if runs == 1 { "run" } else { "runs" };
    show(format!("{runs} {noun} written to {}\nlook: tensorboard --logdir '{}'", out.display(), args.out.display()))?;
    Ok(Exit::Done)
}
