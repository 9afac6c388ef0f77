//! Numbers and values as people read them.

use serde_json::Value;

use super::grid::Values;
use crate::config::file::Kind;
use crate::config::json::cell;

/// A share in per cent, without more places than it has.
pub fn percent(share: f64) -> String {
    let percent = format!("{:.3}", share * 100.0);
    percent.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A difference with its sign.
pub fn signed(x: f64, kind: Kind) -> String {
    let text = number(x, kind);
    if text.starts_with('−') || text.bytes().all(|b| b == b'0' || b == b'.') { text } else { format!("+{text}") }
}

/// A number in a metric's unit: four places of accuracies and losses, more of losses that are smaller than
/// that; one of steps, three of seconds.
pub fn number(x: f64, kind: Kind) -> String {
    let small = |x: f64| x != 0.0 && x.abs() < 5e-4;
    let text = match kind {
        Kind::Loss if small(x) => format!("{x:.2e}"),
        Kind::Accuracy | Kind::Loss => format!("{x:.4}"),
        Kind::Steps => format!("{x:.1}"),
        Kind::Seconds if small(x) => format!("{x:.2e}"),
        Kind::Seconds => format!("{x:.3}"),
    };
    // No "−0.0000".
    let is_nothing = text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    if is_nothing { text.replace('-', "") } else { text.replace('-', "−") }
}

/// p to four places; below that, its order of magnitude.
pub fn p_value(p: f64) -> String {
    if p < 1e-4 { format!("{p:.0e}") } else { format!("{p:.4}") }
}

/// `1 seed`, `8 seeds`.
pub fn seeds(n: usize) -> String {
    if n == 1 { "1 seed".to_owned() } else { format!("{n} seeds") }
}

/// A value of an axis. A long list of one number becomes how many there are of it.
pub fn value(value: &Value) -> String {
    match value.as_array() {
        Some(list) if list.len() > 3 && list.iter().all(|item| *item == list[0]) => {
            format!("{} × {}", list.len(), cell(&list[0]))
        }
        _ => cell(value),
    }
}

/// `optimizer.lr = 0.1`, several with commas between; empty without axes.
pub fn values(values: &Values) -> String {
    values.iter().map(|(axis, of)| format!("{axis} = {}", value(of))).collect::<Vec<_>>().join(", ")
}

/// The same before what is said of a setting: `optimizer.lr = 0.1: `, or nothing where there is one setting.
pub fn at(setting: &Values) -> String {
    let name = values(setting);
    if name.is_empty() { name } else { name + ": " }
}
