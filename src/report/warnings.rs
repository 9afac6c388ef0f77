//! The warnings of a comparison, each said once however many arms and settings it is about.

use super::page::Page;
use crate::compare::warning::{Warning, together};

/// A list of them; none where there is nothing to be warned of.
pub(super) fn warnings(page: &Page) -> Option<String> {
    let mut lines = Vec::new();
    for comparison in page.comparisons {
        let mut groups: Vec<(String, Vec<&Warning>)> = Vec::new();
        for warning in &comparison.warnings {
            let text = warning.text();
            match groups.iter_mut().find(|(known, _)| *known == text) {
                Some((_, alike)) => alike.push(warning),
                None => groups.push((text, vec![warning])),
            }
        }
        let name = page.name_of(comparison);
        lines.extend(groups.iter().map(|(_, alike)| format!("{name}{}", together(alike))));
    }
    (!lines.is_empty()).then(|| page.layout.titled("Warnings", &page.layout.list(&lines)))
}
