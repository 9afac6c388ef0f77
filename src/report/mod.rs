//! What people and their programs read.

pub mod bars;
pub mod cells;
pub mod claims;
pub mod csv;
pub mod explain;
pub mod full;
pub mod html;
mod hypertext;
pub mod json;
mod latex;
pub mod layout;
mod methods;
mod page;
pub mod summary;
pub mod tagged;
pub mod tensorboard;
pub mod text;
pub mod warnings;

use crate::compare::{Comparison, Options};
use layout::Layout;
use text::View;

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For a Markdown file.
    Markdown,
    /// The table of the arms, for LaTeX with booktabs; warnings stand above it as comments.
    #[value(alias = "tex")]
    Latex,
    /// One table with everything in it.
    Csv,
    /// For programs.
    Json,
}

/// Comparisons in a format. `view` is for those that people read; csv and json hold everything, and explain nothing.
pub fn comparisons(comparisons: &[Comparison], options: &Options, format: Format, view: View) -> String {
    match format {
        Format::Table => text::comparisons(comparisons, options, Layout::terminal(), view),
        Format::Markdown => text::comparisons(comparisons, options, Layout::Markdown, view),
        Format::Latex => text::for_latex(comparisons, options, view),
        Format::Csv => csv::comparisons(comparisons, options),
        Format::Json => format!("{:#}\n", json::comparisons(comparisons, options)),
    }
}
