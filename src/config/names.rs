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
/// What DuckDB also takes for true or false, in small or large letters.
const ANSWERS: [&str; 8] = ["true", "t", "yes", "y", "false", "f", "no", "n"];

/// What programs that read CSV take this text for, if it is not text to them: they guess what a column holds.
pub fn read_instead(text: &str) -> Option<&'static str> {
    if text.is_empty() || MISSING.contains(&text) {
        Some("a missing value")
    } else if TRUTH.contains(&text) {
        Some("true or false")
    } else {
        is_number(text).then_some("a number")
    }
}

/// Whether a text is a number to some program: R also knows 0x1p3, the whole 1L, and the complex 1i and 2-1i.
fn is_number(text: &str) -> bool {
    let is_real = |text: &str| text.parse::<f64>().is_ok() || is_hexadecimal(text);
    let has_digit = |text: &str| text.bytes().any(|c| c.is_ascii_digit());
    let unmarked = text.strip_suffix(['i', 'L']).filter(|unmarked| has_digit(unmarked));
    let is_complex =
        |text: &str| text.rmatch_indices(['-', '+']).any(|(at, _)| is_real(&text[..at]) && is_real(&text[at..]));
    is_real(text) || unmarked.is_some_and(|text| is_real(text) || is_complex(text))
}

/// Whether a text is 0x and digits, as R and pandas have them: perhaps with a point, and p and an exponent of 2.
fn is_hexadecimal(text: &str) -> bool {
    let text = text.trim_start_matches(['-', '+']);
    let Some(number) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else { return false };
    let (digits, exponent) = number.split_once(['p', 'P']).unwrap_or((number, "0"));
    let digits = digits.replacen('.', "", 1);
    !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_hexdigit()) && exponent.parse::<i32>().is_ok()
}

/// What some programs take a column for if all of it is such: pyarrow and polars know dates, DuckDB also yes, no and 0b101.
pub fn read_together<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let is_answer = |name: &str| ANSWERS.contains(&&*name.to_ascii_lowercase());
    let is_binary = |name: &str| {
        let digits = name.strip_prefix("0b").or_else(|| name.strip_prefix("0B"));
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|c| matches!(c, b'0' | b'1' | b'_')))
    };
    let is_grouped = |name: &str| name.contains('_') && name.replace('_', "").parse::<f64>().is_ok();
    let all = |is: &dyn Fn(&str) -> bool| names.clone().all(is);
    match () {
        () if all(&is_answer) => Some("true or false"),
        () if all(&is_date) => Some("dates"),
        () if all(&|name| is_binary(name) || is_grouped(name)) => Some("numbers"),
        () => None,
    }
}

/// Whether a text is a date, perhaps with a time behind it: 2024-01-31, 31.1.2024, 01/31/24T10.
fn is_date(text: &str) -> bool {
    let date = text.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split(['-', '.', '/']).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_digits = parts.iter().all(|part| part.bytes().all(|c| c.is_ascii_digit()));
    is_digits && matches!(lengths[..], [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 2 | 4])
}

/// Adds to `problems` if the name of an arm would be read as something else in a table.
pub fn check_arm_name(name: &str, path: &str, problems: &mut Problems) {
    check_name(name, path, problems);
    if let Some(what) = read_instead(name).filter(|_| !name.is_empty()) {
        problems.add(path, read_as(name, what));
    }
}

/// Adds to `problems` if the names of all arms together would be read as something else.
pub fn check_arm_names<'a>(names: impl Iterator<Item = &'a str> + Clone, problems: &mut Problems) {
    if let Some(what) = read_together(names) {
        problems
            .add("variants", format!("polars, pyarrow or DuckDB would read these names as {what}; choose other names"));
    }
}

/// The same for the name of an experiment, which may be a number.
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
