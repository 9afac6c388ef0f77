//! Names that become files and folders, on every platform.

use super::problem::Problems;
use crate::files;

/// Adds to `problems` if a name cannot be a folder's.
pub fn check_name(name: &str, path: &str, problems: &mut Problems) {
    if name.len() > 80 || !files::is_plain_name(name) {
        let rule = "allowed: 1 to 80 letters, digits, `_`, `-`, `.`, no `.` at either end, no device name such as con";
        problems.add(path, format!("{name:?} cannot name a folder; {rule}"));
    }
}
