//! What a cell holds: a number, or a label.

use crate::sources::words::shorten;
use std::collections::HashMap;

use crate::sources::facts::MOST_CLASSES;

/// What tables write where a value is missing: what pandas takes for it, and infinities.
const MISSING: [&str; 20] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null", "?",
];

/// The number that a cell holds, if it is one that is allowed.
pub(super) fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(is_allowed)
}

/// Whether a number is finite, and one that f32 can hold, too.
pub(super) fn is_allowed(x: &f64) -> bool {
    x.abs() <= f64::from(f32::MAX)
}

/// What is wrong with a cell that should be a number.
pub(super) fn not_a_number(cell: &str) -> String {
    if is_missing(cell) {
        let remedy = "fill it in, or leave the row out";
        return format!("{cell:?} is a missing value; {remedy}");
    }
    match cell.parse::<f64>() {
        Ok(_) => format!("{:?} is too large or not finite; at most {:e} is allowed", shorten(cell), f32::MAX),
        Err(_) => format!("{:?} is not a number; only the column of labels may hold text", shorten(cell)),
    }
}

/// Whether this is how tables write that a value is missing.
pub(super) fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell)
}

/// The different labels so far.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) names: Vec<String>,
    places: HashMap<String, u16>,
}

impl Seen {
    /// The place of a label; what is wrong with it, if it is none.
    pub(super) fn place(&mut self, cell: &str) -> Result<u16, String> {
        if let Some(place) = self.places.get(cell) {
            return Ok(*place);
        }
        match cell.parse::<f64>() {
            _ if is_missing(cell) => return Err(format!("{cell:?} is a missing value; a label is needed in each row")),
            Ok(x) if !x.is_finite() => return Err(format!("{cell:?} is not finite; labels are whole numbers or text")),
            Ok(x) if x.abs() > 9e15 => {
                return Err(format!("label {:?} is too large: at most 9e15 in size", shorten(cell)));
            }
            Ok(x) if x.fract() != 0.0 => {
                let hint = "is this the column of labels? data.label names another";
                return Err(format!("label {:?} is a number, but not a whole one; {hint}", shorten(cell)));
            }
            _ => {}
        }
        // Some may be one number, written in several ways: there are fewer classes then.
        if self.names.len() == 4 * MOST_CLASSES {
            let hint = "is this the column of labels? data.label names another";
            return Err(format!(
                "this is different label {}; at most {MOST_CLASSES} are allowed; {hint}",
                self.names.len() + 1
            ));
        }
        let place = self.names.len() as u16;
        self.names.push(cell.to_owned());
        self.places.insert(cell.to_owned(), place);
        Ok(place)
    }
}
