//! `bn-exp schema`: the JSON Schema of configurations.

use super::exit::Exit;
use super::terminal::show;
use crate::config::check;

pub(super) fn schema() -> anyhow::Result<Exit> {
    show(serde_json::to_string_pretty(&check::schema())?)?;
    Ok(Exit::Done)
}
