//! `bn-exp data`: where the data sets are, how to get them, and whether they are right.

use anyhow::anyhow;
use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Exit, UsageError, complain, data_dir, show};
use crate::cli::{DataArgs, DataCommand};
use crate::data::Store;
use crate::data::fetch::{self, CannotBeHad, Event, Origin};
use crate::data::published::{self, Published};
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
        DataCommand::Fetch { name, from, dir } => fetch(name, from.as_deref(), &Store::new(data_dir(dir))),
        DataCommand::Verify { name, dir } => verify(name.as_deref(), &Store::new(data_dir(dir))),
    }
}

fn list(store: &Store) -> anyhow::Result<Exit> {
    let mut table = Table::new();
    table.load_style(PLAIN).set_header(["data.source", "what", "where"]);
    for set in published::ALL {
        let state = if store.has_files(set) { "" } else { " (not there)" };
        table.add_row([set.name, set.what, &format!("{}{state}", store.folder(set.name).display())]);
    }
    table.add_row(["idx", "your own, four IDX files under MNIST's names", "data.dir"]);
    for (name, what) in SYNTHETIC {
        table.add_row([name, what, "made up, no files"]);
    }
    show(table)?;
    Ok(Exit::Done)
}

fn fetch(name: &str, from: Option<&str>, store: &Store) -> anyhow::Result<Exit> {
    let set = published(name)?;
    let folder = store.folder(set.name);
    let given = from.map(Origin::parse).transpose().map_err(|error| UsageError(format!("--from: {error}")))?;
    let origins = given.map_or_else(|| Origin::mirrors(set), |from| vec![from]);
    let mut bar = ProgressBar::hidden();
    let mut tell = |event: Event<'_>| match event {
        Event::There(file) => complain(format!("{}: there already", file.name)),
        Event::Received(file, received, total) => {
            if bar.is_hidden() || bar.message() != file.name {
                bar = ProgressBar::new(total.unwrap_or_default()).with_message(file.name).with_style(style());
            }
            if total.is_none() {
                bar.set_length(received);
            }
            bar.set_position(received);
        }
        Event::Passed(_, error) => {
            bar.finish_and_clear();
            bar = ProgressBar::hidden();
            complain(format!("warning: {error:#}"));
        }
        Event::Written(file) => {
            bar.finish_and_clear();
            complain(format!("{}: written, SHA-256 as published", file.name));
        }
    };
    fetch::fetch(set, &folder, &origins, fetch::PATIENCE, &mut tell).map_err(|error| {
        if from.is_some() || !error.is::<CannotBeHad>() {
            return error;
        }
        let without = "without a network, copy the four files from a machine that has one";
        anyhow!("{error:#}\n{without}, then: bn-exp data fetch {name} --from DIR")
    })?;
    show(format!("{name}: all four files are in {}", folder.display()))?;
    Ok(Exit::Done)
}

/// Shows itself on a terminal only.
fn style() -> ProgressStyle {
    let template = "{msg:24} {bar:20.cyan/blue} {bytes} of {total_bytes}, {bytes_per_sec}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn verify(name: Option<&str>, store: &Store) -> anyhow::Result<Exit> {
    let sets = match name {
        Some(name) if SYNTHETIC.iter().any(|(known, _)| *known == name) => {
            show(format!("{name}: made up, nothing to verify"))?;
            return Ok(Exit::Done);
        }
        Some(name) => vec![published(name)?],
        None => {
            let there = published::ALL.into_iter().filter(|set| store.has_files(set)).collect::<Vec<_>>();
            // Where none is, the first says what is missing and how to get it.
            if there.is_empty() { vec![published::ALL[0]] } else { there }
        }
    };
    for set in sets {
        store.verify(set)?;
        let (name, title) = (set.name, set.title);
        show(format!("{name}: all four files in {} are {title}'s, byte for byte", store.folder(name).display()))?;
    }
    Ok(Exit::Done)
}

fn published(name: &str) -> Result<&'static Published, UsageError> {
    Published::named(name).ok_or_else(|| {
        UsageError(format!("{name:?} is no data set with published files; `bn-exp data list` shows all"))
    })
}
