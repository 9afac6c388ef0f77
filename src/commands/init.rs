//! `bn-exp init`: a shipped configuration, to start from.

use std::path::Path;

use super::exit::{Exit, UsageError};
use super::shipped::{self, SHIPPED};
use super::terminal::{complain, show};
use crate::cli::InitArgs;
use crate::config::check;
use crate::config::problem::did_you_mean;
use crate::files;
use crate::report::layout::Layout;

pub(super) fn init(args: &InitArgs) -> anyhow::Result<Exit> {
    if args.list {
        show(list()?)?;
        return Ok(Exit::Done);
    }
    let name = args.name.as_str();
    let Some(text) = shipped::text(name) else {
        let hint = did_you_mean(name, shipped::names());
        return Err(UsageError(format!(
            "{name:?} is not a shipped configuration{hint}; `bn-exp init --list` lists them"
        ))
        .into());
    };
    let file = format!("{name}.json");
    if is_there(&file) {
        return Err(UsageError(format!(
            "{file} is there already, and nothing was written; move it, or go to another folder"
        ))
        .into());
    }
    let schema = serde_json::to_string_pretty(&check::schema())? + "\n";
    let mut explained = ", and schema.json, by which editors explain its keys";
    if !is_there("schema.json") {
        files::write_atomically(Path::new("schema.json"), schema.as_bytes())?;
    } else if files::read(Path::new("schema.json")).ok().as_deref() != Some(schema.as_bytes()) {
        complain("warning: schema.json is there already, with other content, and was left as it is");
        explained = "";
    }
    files::write_atomically(Path::new(&file), text.as_bytes())?;
    show(format!("written: {file}{explained}\nnext: bn-exp run {file}"))?;
    Ok(Exit::Done)
}

/// Whether anything has this name, even a link that leads nowhere.
fn is_there(name: &str) -> bool {
    Path::new(name).symlink_metadata().is_ok()
}

/// Each shipped configuration and what it is for.
fn list() -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for (name, text) in SHIPPED {
        let configuration: serde_json::Value = serde_json::from_str(text)?;
        rows.push(vec![name.to_owned(), configuration["description"].as_str().unwrap_or_default().to_owned()]);
    }
    Ok(Layout::terminal().table(&["name", "what it is for"].map(str::to_owned), &rows, 1))
}
