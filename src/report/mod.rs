//! What people and their programs read.

pub mod cells;
pub mod csv;
pub mod json;
pub mod layout;
pub mod notes;
pub mod text;

use crate::compare::{Comparison, Options};
use layout::Layout;

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For a Markdown file.
    Markdown,
    /// One table with everything in it.
    Csv,
    /// For programs.
    Json,
}

/// Comparisons in a format.
pub fn comparisons(comparisons: &[Comparison], options: &Options, format: Format) -> String {
    match format {
        Format::Table => text::comparisons(comparisons, options, Layout::Terminal),
        Format::Markdown => text::comparisons(comparisons, options, Layout::Markdown),
        Format::Csv => csv::comparisons(comparisons, options),
        Format::Json => format!("{:#}\n", json::comparisons(comparisons, options)),
    }
}
