//! Names: of plain enum values, and of what becomes a folder.

use super::problem::Problems;
use crate::files;

/// The name serde gives a plain enum value.
pub fn serde_name<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Adds to `problems` if a name cannot be a folder's, on any platform.
pub fn check_name(name: &str, path: &str, problems: &mut Problems) {
    if name.len() > 80 || !files::is_plain_name(name) {
        let rule = "allowed: 1 to 80 letters, digits, `_`, `-`, `.`, no `.` at either end, no device name such as con";
        problems.add(path, format!("{name:?} cannot name a folder; {rule}"));
    }
}
