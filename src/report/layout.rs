//! How text is laid out: titles, lists and tables for a terminal or for Markdown.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::compare::grid::Values;
use crate::compare::words::value;

/// How tables look on a terminal: a line under the header, none between rows.
pub const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// For a terminal.
    Terminal,
    /// For a Markdown file.
    Markdown,
}

/// A row of a table: what leads it, and its own cells.
#[derive(Debug)]
pub struct Row<'a> {
    /// Name of its experiment.
    pub experiment: &'a str,
    /// Its setting.
    pub setting: &'a Values,
    /// The other cells.
    pub cells: Vec<String>,
}

/// Columns of text, aligned to the left; numbers are aligned to the right.
const WORDS: [&str; 4] = ["verdict", "read at", "tuned to", ""];

impl Layout {
    /// What a line of a list begins with.
    pub fn bullet(self) -> &'static str {
        if self == Self::Markdown { "- " } else { "" }
    }

    /// A heading over everything that follows.
    pub fn heading(self, heading: &str) -> String {
        if self == Self::Markdown { format!("### {heading}") } else { heading.to_owned() }
    }

    /// A title above its text or table.
    pub fn titled(self, title: &str, text: &str) -> String {
        match self {
            _ if title.is_empty() => text.to_owned(),
            Self::Markdown => format!("**{title}**\n\n{text}"),
            Self::Terminal => format!("{title}\n{text}"),
        }
    }

    /// A table whose rows are led by their experiment, if there are `several`, and their setting. The first `words`
    /// columns after those are text, and so are `WORDS`.
    pub fn table(self, several: bool, header: &[&str], rows: &[Row], words: usize) -> String {
        let mut axes: Vec<&String> = Vec::new();
        for axis in rows.iter().flat_map(|row| row.setting.keys()) {
            if !axes.contains(&axis) {
                axes.push(axis);
            }
        }
        let leading = several.then_some("experiment").into_iter().chain(axes.iter().map(|axis| axis.as_str()));
        let names: Vec<&str> = leading.chain(header.iter().copied()).collect();
        let mut table = Table::new();
        table.load_style(if self == Self::Markdown { ASCII_MARKDOWN } else { PLAIN });
        table.set_header(names.iter());
        for Row { experiment, setting, cells } in rows {
            let name = several.then(|| (*experiment).to_owned());
            let place = axes.iter().map(|axis| setting.get(*axis).map(value).unwrap_or_default());
            table.add_row(name.into_iter().chain(place).chain(cells.iter().cloned()));
        }
        let numbers_from = names.len() - header.len() + words;
        for (column, name) in table.column_iter_mut().zip(names).skip(numbers_from) {
            if !WORDS.contains(&name) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.to_string()
    }
}
