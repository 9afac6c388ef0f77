//! Keys that have a meaning with some choices only.

use crate::config::problem::Problems;

/// Fills `option` with `default` where the key belongs to the chosen kind; refuses it elsewhere.
pub(super) fn belongs<T: Copy>(
    option: &mut Option<T>,
    default: Option<T>,
    path: &str,
    chosen: &str,
    problems: &mut Problems,
) -> Option<T> {
    match default {
        Some(default) => Some(*option.get_or_insert(default)),
        None => {
            if option.is_some() {
                problems.add(path, format!("has no meaning with {chosen}"));
            }
            None
        }
    }
}
