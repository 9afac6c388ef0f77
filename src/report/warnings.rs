//! The warnings of a comparison, each said once however many arms and settings it is about.

use super::page::Page;
use crate::compare::warning::{Warning, together};

/// The list of warnings; `None` if there are none. One of several experiments is given once, with all their names.
pub(super) fn warnings(page: &Page) -> Option<String> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for comparison in page.comparisons {
        let mut groups: Vec<(String, Vec<&Warning>)> = Vec::new();
        for warning in &comparison.warnings {
            add(&mut groups, warning.text(), warning);
        }
        groups.iter().for_each(|(_, alike)| add(&mut said, together(alike), &comparison.name));
    }
    let is_of_several = page.comparisons.len() > 1;
    let line = |(text, names): &(String, Vec<&str>)| {
        if is_of_several { format!("{}: {text}", names.join(", ")) } else { text.clone() }
    };
    let lines: Vec<String> = said.iter().map(line).collect();
    (!lines.is_empty()).then(|| page.layout.titled("Warnings", &page.layout.list(&lines)))
}

/// Adds `one` to the group with this text.
fn add<T>(groups: &mut Vec<(String, Vec<T>)>, text: String, one: T) {
    match groups.iter_mut().find(|(known, _)| *known == text) {
        Some((_, alike)) => alike.push(one),
        None => groups.push((text, vec![one])),
    }
}
