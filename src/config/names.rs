//! Names: of plain enum values, of sections, and of what becomes a folder.

use super::problem::Problems;
use crate::files;

/// The sections of the configuration that decide a run's numbers. Sweeps may reach into these.
pub const SECTIONS: [&str; 6] = ["data", "model", "norm", "optimizer", "train", "log"];

/// The name serde gives a plain enum value.
pub fn serde_name<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What pandas, R or polars take for a missing value, as it is written.
const MISSING: [&str; 18] = [
    "NA", "NULL", "null", "None", "NaN", "nan", "-nan", "-NaN", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA",
    "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
];
/// What they take for true or false.
const TRUTH: [&str; 8] = ["true", "True", "TRUE", "T", "false", "False", "FALSE", "F"];

/// What programs that read CSV take this text for, if it is not text to them: they guess what a column holds.
pub fn read_instead(text: &str) -> Option<&'static str> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let is_hexadecimal =
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_hexdigit()));
    if text.is_empty() || MISSING.contains(&text) {
        Some("a missing value")
    } else if TRUTH.contains(&text) {
        Some("true or false")
    } else {
        (is_hexadecimal || text.parse::<f64>().is_ok()).then_some("a number")
    }
}

/// Adds to `problems` if the name of an arm would be read as something else in a table.
pub fn check_arm_name(name: &str, path: &str, problems: &mut Problems) {
    check_name(name, path, problems);
    if let Some(what) = read_instead(name).filter(|_| !name.is_empty()) {
        problems.add(path, read_as(name, what));
    }
}

/// The same of the name of an experiment, which may be a number.
pub fn check_experiment_name(name: &str, path: &str, problems: &mut Problems) {
    check_name(name, path, problems);
    if let Some(what) = read_instead(name).filter(|what| !name.is_empty() && *what != "a number") {
        problems.add(path, read_as(name, what));
    }
}

fn read_as(name: &str, what: &str) -> String {
    format!("pandas, R or polars would read {name:?} as {what} in the tables; choose another name")
}

/// Adds to `problems` if a name cannot be a folder's, on any platform.
pub fn check_name(name: &str, path: &str, problems: &mut Problems) {
    if name.len() > 80 || !files::is_plain_name(name) {
        let rule = "allowed: 1 to 80 letters, digits, `_`, `-`, `.`, no `.` at either end, no `-` at the start, no device name such as con";
        problems.add(path, format!("{name:?} cannot name a folder; {rule}"));
    }
}
