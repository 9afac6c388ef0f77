//! Numbers and values as people read them.

use serde_json::Value;

use super::grid::Values;
use crate::config::file::Kind;
use crate::config::json::cell;

/// A share in per cent, without trailing zeros.
pub fn percent(share: f64) -> String {
    let percent = format!("{:.3}", share * 100.0);
    percent.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A difference with its sign.
pub fn signed(x: f64, kind: Kind) -> String {
    with_sign(number(x, kind))
}

/// `+` before a number that is above 0.
pub fn with_sign(number: String) -> String {
    if number.starts_with('−') || number.bytes().all(|b| b == b'0' || b == b'.') {
        number
    } else {
        format!("+{number}")
    }
}

/// A number in a metric's unit: four places for accuracies and losses, more for smaller losses; one for steps, three for
/// seconds.
pub fn number(x: f64, kind: Kind) -> String {
    let small = |x: f64| x != 0.0 && x.abs() < 5e-4;
    let text = match kind {
        Kind::Loss if small(x) => format!("{x:.2e}"),
        Kind::Accuracy | Kind::Loss => format!("{x:.4}"),
        Kind::Steps => format!("{x:.1}"),
        Kind::Seconds if small(x) => format!("{x:.2e}"),
        Kind::Seconds => format!("{x:.3}"),
    };
    minus(&text)
}

/// A formatted number with a minus sign instead of a hyphen, and without one if it is 0.
pub fn minus(number: &str) -> String {
    let is_nothing = number.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    number.replace('-', if is_nothing { "" } else { "−" })
}

/// p to two digits, or to as many as tell it from 0.05; below 0.0001 its order of magnitude.
pub fn p_value(p: f64) -> String {
    if p < 1e-4 {
        return format!("{p:.0e}").replace('-', "−");
    }
    let before = (-p.log10()).floor().max(0.0) as usize;
    let with_digits = |digits: usize| format!("{p:.*}", before + digits);
    let is_level = |text: &String| text.parse() == Ok(0.05) && p != 0.05;
    let text = (2..5).map(with_digits).find(|text| !is_level(text)).unwrap_or_else(|| p.to_string());
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `1 seed`, `8 seeds`.
pub fn seeds(n: usize) -> String {
    if n == 1 { "1 seed".to_owned() } else { format!("{n} seeds") }
}

/// Characters of a number that nobody wrote by hand.
const LONG: usize = 10;

/// A value of an axis. A long list of one number becomes count × number, a long number its first four digits.
pub fn value(value: &Value) -> String {
    match value.as_array() {
        None if value.is_f64() && cell(value).len() > LONG => {
            let digits = value.as_f64().and_then(|x| format!("{x:.3e}").parse::<f64>().ok());
            digits.map_or_else(|| cell(value), |x| Value::from(x).to_string())
        }
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

/// The same as a prefix: `optimizer.lr = 0.1: `, or empty if there is one setting.
pub fn at(setting: &Values) -> String {
    let name = values(setting);
    if name.is_empty() { name } else { name + ": " }
}

/// A value of an axis in three digits, where they tell it from the other values of its axis.
pub fn short(of: &Value, others: &[&Value]) -> String {
    let rounded = |value: &Value| value.as_f64().map(in_three_digits);
    let is_alone = others.iter().all(|other| *other == of || rounded(other) != rounded(of));
    let is_long = of.is_f64() && cell(of).len() > 6;
    match rounded(of) {
        Some(x) if is_long && is_alone => Value::from(x).to_string(),
        Some(_) => cell(of),
        None => value(of),
    }
}

fn in_three_digits(x: f64) -> f64 {
    format!("{x:.2e}").parse().unwrap_or(x)
}

/// An arm's name in a sentence, where it might be taken for a word.
pub fn named(arm: &str) -> String {
    format!("`{arm}`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_p_has_two_digits_and_is_told_from_the_level() {
        for (p, text) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (0.109375, "0.11"),
            (0.03125, "0.031"),
            (0.00390625, "0.0039"),
            (0.0496, "0.0496"),
            (0.05, "0.05"),
            (0.05001, "0.05001"),
            (3.1e-5, "3e−5"),
        ] {
            assert_eq!(p_value(p), text, "{p}");
        }
    }

    #[test]
    fn a_long_value_is_short_where_that_tells_it_from_the_others() {
        let (a, b, c) = (json!(0.03162277660168379), json!(0.1), json!(0.0316227));
        assert_eq!(short(&a, &[&a, &b]), "0.0316");
        assert_eq!(short(&a, &[&a, &b, &c]), "0.03162277660168379");
        assert_eq!(short(&b, &[&a, &b]), "0.1");
        assert_eq!(short(&json!("adam"), &[]), "adam");
    }
}
