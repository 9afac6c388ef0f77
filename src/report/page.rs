//! What every part of the text knows: the comparisons and how they are laid out.

use super::layout::Layout;
use crate::compare::grid::Values;
use crate::compare::words::value;
use crate::compare::{Comparison, Options};

/// Comparisons, laid out one way.
pub(super) struct Page<'a> {
    pub(super) comparisons: &'a [Comparison],
    pub(super) options: &'a Options,
    pub(super) layout: Layout,
}

/// A row of a table: where it belongs, and its own cells.
pub(super) struct Row<'a> {
    pub(super) comparison: &'a Comparison,
    pub(super) setting: Values,
    pub(super) cells: Vec<String>,
}

impl<'a> Page<'a> {
    /// `name: ` if there are several experiments.
    pub(super) fn name_of(&self, comparison: &Comparison) -> String {
        if self.comparisons.len() > 1 { format!("{}: ", comparison.name) } else { String::new() }
    }

    pub(super) fn rows(&self, of: impl Fn(&'a Comparison) -> Vec<Row<'a>>) -> Vec<Row<'a>> {
        self.comparisons.iter().flat_map(of).collect()
    }

    /// A table whose rows are led by their experiment, if there are several, and by their setting. The first `words` of its
    /// own columns also say what a row is of.
    pub(super) fn table(&self, header: &[String], rows: &[Row], words: usize) -> String {
        let mut axes: Vec<&String> = Vec::new();
        for axis in rows.iter().flat_map(|row| row.setting.keys()) {
            if !axes.contains(&axis) {
                axes.push(axis);
            }
        }
        let has_names = self.comparisons.len() > 1;
        let names = has_names.then(|| "experiment".to_owned()).into_iter();
        let header: Vec<String> = names.chain(axes.iter().map(|axis| (*axis).clone())).chain(header.to_vec()).collect();
        let cells = |row: &Row| -> Vec<String> {
            let name = has_names.then(|| row.comparison.name.clone()).into_iter();
            let place = axes.iter().map(|axis| row.setting.get(*axis).map(value).unwrap_or_default());
            name.chain(place).chain(row.cells.clone()).collect()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
        self.layout.table(&header, &rows, usize::from(has_names) + axes.len() + words)
    }

    /// A table under its title; none without rows.
    pub(super) fn titled(&self, title: &str, header: &[&str], rows: &[Row]) -> Option<String> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        (!rows.is_empty()).then(|| self.layout.titled(title, &self.table(&header, rows, 1)))
    }
}
