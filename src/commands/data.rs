//! `bn-exp data`: where the data sets are, how to get them, and whether they are right.

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};

use super::exit::{Exit, UsageError};
use super::prepare::data_dir;
use super::terminal::{complain, show};
use crate::cli::{DataArgs, DataCommand};
use crate::data::Store;
use crate::data::fetch::{self, Event, Origin, Unavailable};
use crate::report::layout::Layout;
use crate::sources::published::Published;
use crate::sources::{self, Kind, Source, published_sets};

pub(super) fn data(args: &DataArgs) -> anyhow::Result<Exit> {
    match &args.command {
        DataCommand::List { dir } => list(&Store::new(data_dir(dir))),
        DataCommand::Fetch { name, from, dir } => fetch(name, from.as_deref(), &Store::new(data_dir(dir))),
        DataCommand::Verify { name, dir } => verify(name.as_deref(), &Store::new(data_dir(dir))),
    }
}

fn list(store: &Store) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    for (described, source) in sources::list().iter().zip(Source::all()) {
        let place = match source.kind() {
            Kind::Generated(_) => "generated, no files".to_owned(),
            Kind::Own(source) => {
                source.place_keys().iter().map(|key| format!("data.{key}")).collect::<Vec<_>>().join(", ")
            }
            Kind::Published(set) => {
                let state = if set.is_in(&store.folder(set)) { "" } else { " (not there)" };
                format!("{}{state}", store.folder(set).display())
            }
        };
        rows.push(vec![described.name.clone(), described.what.trim_end_matches('.').to_owned(), place]);
    }
    let header = ["data.source", "what", "where"].map(str::to_owned);
    show(Layout::terminal().table(&header, &rows, 1))?;
    Ok(Exit::Done)
}

fn fetch(name: &str, from: Option<&str>, store: &Store) -> anyhow::Result<Exit> {
    let set = published(name)?;
    let folder = store.folder(set);
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
        Event::Kept(file, kept) => {
            bar.finish_and_clear();
            complain(format!("note: another {} was there, which is kept as {}", file.name, kept.display()));
        }
        Event::Written(file) => {
            bar.finish_and_clear();
            complain(format!("{}: written, SHA-256 as published", file.name));
        }
    };
    fetch::fetch(set, &folder, &origins, fetch::PATIENCE, &mut tell).map_err(|error| {
        if from.is_some() || !error.is::<Unavailable>() {
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
    if let Some(name) = name.filter(|name| Source::named(name).is_some_and(|source| !source.is_file())) {
        show(format!("{name}: generated, nothing to verify"))?;
        return Ok(Exit::Done);
    }
    let sets = match name {
        Some(name) => vec![published(name)?],
        None => {
            let all = published_sets();
            let there: Vec<_> = all.iter().copied().filter(|set| set.is_in(&store.folder(set))).collect();
            // Where none is, the first says what is missing and how to get it.
            if there.is_empty() { all.into_iter().take(1).collect() } else { there }
        }
    };
    for set in sets {
        store.verify(set)?;
        let (name, title) = (set.name, set.title);
        show(format!("{name}: all four files in {} are {title}'s, byte for byte", store.folder(set).display()))?;
    }
    Ok(Exit::Done)
}

fn published(name: &str) -> Result<&'static Published, UsageError> {
    published_sets().into_iter().find(|set| set.name == name).ok_or_else(|| {
        UsageError(format!("{name:?} is not a data set with published files; `bn-exp data list` shows all"))
    })
}
