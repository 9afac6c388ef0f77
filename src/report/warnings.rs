//! The warnings of a comparison, each said once however many arms and settings it is about.

use super::page::Page;
use crate::compare::warning::{Warning, together};

/// What speaks against the numbers, then what only informs, each under its title; nothing if there is neither.
pub(super) fn warnings(page: &Page) -> Vec<String> {
    let titled = |(title, is_note): (&str, bool)| {
        let lines = lines(page, is_note);
        (!lines.is_empty()).then(|| page.layout.titled(title, &page.layout.list(&lines)))
    };
    [("Warnings", false), ("Notes", true)].into_iter().filter_map(titled).collect()
}

/// The warnings, or the notes. One of several experiments is given once, with all their names.
fn lines(page: &Page, is_note: bool) -> Vec<String> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for comparison in page.comparisons {
        let mut groups: Vec<(String, Vec<&Warning>)> = Vec::new();
        for warning in comparison.warnings.iter().filter(|warning| warning.is_note() == is_note) {
            add(&mut groups, warning.text(), warning);
        }
        groups.iter().for_each(|(_, alike)| add(&mut said, together(alike), &comparison.name));
    }
    let is_of_several = page.comparisons.len() > 1;
    let line = |(text, names): &(String, Vec<&str>)| {
        if is_of_several { format!("{}: {text}", names.join(", ")) } else { text.clone() }
    };
    said.iter().map(line).collect()
}

/// Adds `one` to the group with this text.
fn add<T>(groups: &mut Vec<(String, Vec<T>)>, text: String, one: T) {
    match groups.iter_mut().find(|(known, _)| *known == text) {
        Some((_, alike)) => alike.push(one),
        None => groups.push((text, vec![one])),
    }
}
