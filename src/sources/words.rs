//! Lists and names in messages.

/// Names that a message lists.
const LISTED: usize = 10;

/// The first of some names, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED { format!("{shown} and {} more", names.len() - LISTED) } else { shown }
}

/// The beginning of a column's name, on one line.
pub fn column_name(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    shorten(text).chars().map(escaped).collect()
}

/// The beginning of what may be long.
pub fn shorten(text: &str) -> String {
    if text.chars().count() > 40 { text.chars().take(37).chain("...".chars()).collect() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_column_stays_on_one_line() {
        assert_eq!(column_name("a\nb\tc\u{1b}"), r"a\nb\tc\u{1b}");
        assert_eq!(column_name(&"x".repeat(50)).len(), 40);
    }
}
