//! Refuses numbers that single precision cannot tell from 0, from 1, or from one another: what was asked for would not
//! be what is trained.

use std::collections::HashMap;

use serde_json::Value;

use super::json;
use super::point::Point;
use super::problem::Problems;
use super::settings::{Precision, Variant};
use super::sweep::Axis;

/// The sections whose numbers enter training in the network's precision.
const ROUNDED: [&str; 3] = ["model", "norm", "optimizer"];
/// What a number can come to in single precision. Data are made in double precision, and then rounded: only 0 is lost.
const ENDS: [f32; 2] = [0.0, 1.0];

/// Adds every number that vanishes at a point of single precision to `problems`; the knobs of the arms, too.
pub(super) fn check(points: &[Point], axes: &[Axis], variants: &[Variant], problems: &mut Problems) {
    let mut singles = points.iter().filter(|point| point.settings.model.precision == Precision::F32).peekable();
    if singles.peek().is_none() {
        return;
    }
    for (i, variant) in variants.iter().enumerate() {
        let knobs = serde_json::to_value(variant).unwrap_or_default();
        check_all(&knobs, &format!("variants[{i}]"), &ENDS, problems);
    }
    for (i, variant) in variants.iter().enumerate() {
        let knobs = [true, false].map(|in_single| knobs(variant, in_single));
        let is_rounded_to_it = |other: &&Variant| {
            let others = [true, false].map(|in_single| self::knobs(other, in_single));
            knobs[0] == others[0] && knobs[1] != others[1]
        };
        if let Some(earlier) = variants[..i].iter().find(is_rounded_to_it) {
            let words = format!("`{}` and `{}` are one arm in f32", variant.name, earlier.name);
            problems.add(format!("variants[{i}]"), words);
        }
    }
    for point in singles {
        for section in ROUNDED {
            check_all(&point.configuration[section], section, &ENDS, problems);
        }
        check_all(&point.configuration["data"], "data", &ENDS[..1], problems);
    }
    let is_rounded = |axis: &&Axis| ROUNDED.iter().any(|section| axis.path.starts_with(&format!("{section}.")));
    for axis in axes.iter().filter(is_rounded) {
        let mut seen: HashMap<u32, &Value> = HashMap::new();
        for (i, value) in axis.values.iter().enumerate().filter(|(_, value)| value.is_f64()) {
            let single = value.as_f64().map_or(f32::NAN, |x| x as f32);
            if let Some(earlier) = seen.insert(single.to_bits(), value) {
                let path = format!("sweep.{}[{i}]", axis.path);
                problems.add(path, format!("{value} and {earlier} are one number in f32"));
            }
        }
    }
}

/// What an arm is, apart from its name, with its numbers as they are or as single precision has them.
fn knobs(variant: &Variant, in_single: bool) -> Vec<(String, String)> {
    let all = serde_json::to_value(variant).unwrap_or_default();
    let text = |value: &Value| match value.as_f64().filter(|_| in_single && value.is_f64()) {
        Some(x) => (x as f32).to_string(),
        None => value.to_string(),
    };
    json::leaves(&all).into_iter().filter(|(path, _)| path != "name").map(|(path, value)| (path, text(value))).collect()
}

fn check_all(values: &Value, at: &str, ends: &[f32], problems: &mut Problems) {
    for (path, value) in json::leaves(values) {
        let Some(x) = value.as_f64().filter(|_| value.is_f64()) else { continue };
        let path = json::join(at, &path);
        let remedy = "use another value, or model.precision f64";
        if let Some(end) = ends.iter().find(|end| x != f64::from(**end) && x as f32 == **end) {
            problems.add(path, format!("{x:e} is {end} in f32; {remedy}"));
        } else if (x as f32).is_subnormal() {
            let least = f32::MIN_POSITIVE;
            problems.add(path, format!("{x:e} loses digits in f32, which it keeps from {least:e} on; {remedy}"));
        }
    }
}
