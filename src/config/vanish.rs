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

/// Adds every number that vanishes at a point of single precision to `problems`; the knobs of the arms, too.
pub(super) fn check(points: &[Point], axes: &[Axis], variants: &[Variant], problems: &mut Problems) {
    let mut singles = points.iter().filter(|point| point.settings.model.precision == Precision::F32).peekable();
    if singles.peek().is_none() {
        return;
    }
    for (i, variant) in variants.iter().enumerate() {
        let knobs = serde_json::to_value(variant).unwrap_or_default();
        check_all(&knobs, &format!("variants[{i}]"), problems);
    }
    for point in singles {
        for section in ROUNDED {
            check_all(&point.configuration[section], section, problems);
        }
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

fn check_all(values: &Value, at: &str, problems: &mut Problems) {
    for (path, value) in json::leaves(values) {
        let Some(x) = value.as_f64().filter(|_| value.is_f64()) else { continue };
        let path = json::join(at, &path);
        let remedy = "use another value, or model.precision f64";
        if let Some(end) = [0.0, 1.0].into_iter().find(|end| x != f64::from(*end) && x as f32 == *end) {
            problems.add(path, format!("{x:e} is {end} in f32; {remedy}"));
        } else if (x as f32).is_subnormal() {
            let least = f32::MIN_POSITIVE;
            problems.add(path, format!("{x:e} loses digits in f32, which it keeps from {least:e} on; {remedy}"));
        }
    }
}
