//! `bn-exp data`: where the data sets are, and whether they are right.

use comfy_table::Table;

use super::{Exit, UsageError, data_dir, show};
use crate::cli::{DataArgs, DataCommand};
use crate::data::Store;
use crate::report::text::PLAIN;

/// Data sets that are made up and need no files.
const SYNTHETIC: [(&str, &str); 4] = [
    ("glyphs", "28×28 drawn digits, ten classes"),
    ("gaussians", "normal clouds with offsets and scales"),
    ("spirals", "interleaved spirals in the plane"),
    ("teacher", "labels from a random network"),
];

pub(super) fn data(args: &DataArgs) -> anyhow::Result<Exit> {
    match &args.command {
        DataCommand::List { dir } => list(&Store::new(data_dir(dir))),
        DataCommand::Verify { name, dir } => verify(name.as_deref(), &Store::new(data_dir(dir))),
    }
}

fn list(store: &Store) -> anyhow::Result<Exit> {
    let mut table = Table::new();
    table.load_style(PLAIN).set_header(["data.source", "what", "where"]);
    let state = if store.has_files("mnist") { "" } else { " (not there)" };
    let folder = format!("{}{state}", store.folder("mnist").display());
    table.add_row(["mnist", "28×28 handwritten digits, 60,000 + 10,000, ten classes", &folder]);
    table.add_row(["idx", "your own, four IDX files under MNIST's names", "data.dir"]);
    for (name, what) in SYNTHETIC {
        table.add_row([name, what, "made up, no files"]);
    }
    show(table)?;
    Ok(Exit::Done)
}

fn verify(name: Option<&str>, store: &Store) -> anyhow::Result<Exit> {
    match name {
        None | Some("mnist") => {}
        Some(name) if SYNTHETIC.iter().any(|(known, _)| *known == name) => {
            show(format!("{name}: made up, nothing to verify"))?;
            return Ok(Exit::Done);
        }
        Some(name) => {
            let message = format!("{name:?} is no data set with published files; `bn-exp data list` shows all");
            return Err(UsageError(message).into());
        }
    }
    store.verify_mnist()?;
    show(format!("mnist: all four files in {} are MNIST's, byte for byte", store.folder("mnist").display()))?;
    Ok(Exit::Done)
}
