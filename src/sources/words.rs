//! Lists and names in messages.

/// Names that a message lists.
const LISTED: usize = 10;

/// The first of some names, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED { format!("{shown} and {} more", names.len() - LISTED) } else { shown }
}

/// The beginning of what may be long.
pub fn shorten(text: &str) -> String {
    if text.chars().count() > 40 { text.chars().take(37).chain("...".chars()).collect() } else { text.to_owned() }
}
