//! Claims and what came of them: [`text`] for people, [`json`] for programs.

mod ground;
pub mod json;
pub mod text;

use super::layout::Layout;
use crate::claims::judged::Judged;
pub use ground::Ground;

/// How verdicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClaimsFormat {
    /// For a terminal.
    Table,
    /// For a Markdown file.
    Markdown,
    /// For programs.
    Json,
}

/// Verdicts in a format.
pub fn judged(all: &[Judged], ground: &Ground, format: ClaimsFormat) -> String {
    match format {
        ClaimsFormat::Table => text::judged(all, ground, Layout::terminal()),
        ClaimsFormat::Markdown => text::judged(all, ground, Layout::Markdown),
        ClaimsFormat::Json => json::written(all, ground),
    }
}
