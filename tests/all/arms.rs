//! The list of arms that other tests walk is complete, and true of the program.

use bn_exp::config::check;
use bn_exp::config::settings::{Activation, NormOptions};
use bn_exp::nn::norm::{Norm, Place, parts};
use bn_exp::nn::{Pass, Statistics};
use bn_exp::random::stream;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

use crate::common::arms::{base, facts, variants};

/// The names of all arms in the JSON Schema: constants, or the tags of entries with knobs.
fn names_in_the_schema() -> Vec<String> {
    let schema = check::schema();
    let names = |part: &Value| -> Vec<String> {
        let constants = [&part["const"], &part["properties"]["name"]["const"]].into_iter().filter_map(Value::as_str);
        let listed = part["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut names: Vec<String> = constants.chain(listed).map(str::to_owned).collect();
        if names.is_empty() {
            names.extend(part["properties"].as_object().expect("an entry with knobs").keys().cloned());
        }
        names
    };
    schema["$defs"]["Arm"]["oneOf"].as_array().expect("an arm is one of its entries").iter().flat_map(names).collect()
}

#[test]
fn every_arm_is_in_the_list() {
    let mut listed: Vec<String> = variants().into_iter().map(|variant| base(variant.arm)).collect();
    let mut named = names_in_the_schema();
    listed.sort_unstable();
    listed.dedup();
    named.sort_unstable();
    assert_eq!(listed, named, "common/arms.rs does not list the arms that a configuration may name");
}

#[test]
fn every_arm_has_its_row_in_the_document_on_arms() {
    let rows = include_str!("../../docs/arms.md");
    for arm in names_in_the_schema() {
        assert!(rows.contains(&format!("\n| `{arm}` | ")), "docs/arms.md has no row that begins with `{arm}`");
    }
}

/// What an arm makes of x under the batch's statistics; `None` if there are too few rows.
fn forward(norm: &Norm<f64>, parameters: &[f64], x: &[f64]) -> Option<Vec<f64>> {
    let mut y = vec![f64::NAN; x.len()];
    let rows = x.len() / norm.channels;
    norm.forward(parameters, Pass::Evaluate(Statistics::Batch), x, &mut y, &mut norm.cache(rows)).ok()?;
    Some(y)
}

#[test]
fn each_arm_does_what_the_list_says_of_it() {
    let channels = 3;
    for variant in variants() {
        let (name, facts) = (&variant.name, facts(variant.arm));
        let place = Place {
            block: 0,
            channels,
            area: 1,
            options: NormOptions { epsilon: 0.0, momentum: 0.1 },
            activation: Activation::Relu,
        };
        let parts = parts::<f64>(variant.arm, place);
        assert_eq!(parts.affine, facts.has_affine, "{name}: γ and β");
        assert_eq!(variant.arm.has_affine(), facts.has_affine, "{name}: γ and β");
        assert_eq!(variant.arm.starts_as_identity(), facts.starts_as_none, "{name}: its start");
        let affine = parts.affine.then_some((0..channels, channels..2 * channels));
        let norm = parts.standardize.map(|standardize| Norm::new(standardize, place, affine));
        assert_eq!(norm.is_some(), facts.has_norm, "{name}: a norm");
        let Some(mut norm) = norm else { continue };
        assert_eq!(norm.uses_batch(), facts.uses_batch, "{name}: batch statistics");
        assert_eq!(norm.has_population(), variant.arm.has_population(), "{name}: population statistics");

        let draws = |rows: usize| -> Vec<f64> {
            let mut rng = stream(1, "arms");
            (0..rows * channels).map(|_| StandardNormal.sample(&mut rng)).collect()
        };
        let x = draws(12);
        // γ = 1 and β = 0, and what the arm makes of them before step 0.
        let mut parameters = [[1.0; 3], [0.0; 3]].concat();
        if norm.standardize.is_due(0) {
            let mut cache = norm.cache(12);
            norm.begin(&mut parameters, 0, &x, &mut cache).expect("12 rows are enough");
        }
        let forward = |x: &[f64]| forward(&norm, &parameters, x);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        // Each channel by another amount.
        let changed = |change: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            x.iter().enumerate().map(|(i, x)| change(*x, 2.0 + (i % channels) as f64)).collect()
        };
        let y = forward(&x).expect("12 rows are enough");
        let shifted = forward(&changed(&|x, by| x + by)).expect("12 rows are enough");
        let scaled = forward(&changed(&|x, by| x * by)).expect("12 rows are enough");
        assert_eq!(close(&y, &shifted), facts.subtracts_mean, "{name}: a shift has no effect");
        assert_eq!(close(&y, &scaled), facts.divides_by_sd, "{name}: a factor has no effect");
        // What an arm does to the weights is not seen here.
        let is_identity = facts.starts_as_none || parts.weight.is_some();
        assert_eq!(close(&x, &y), is_identity, "{name}: the same function as `none` at step 0");
        assert!(norm.check_batch(facts.least_batch).is_ok(), "{name}: {} rows are enough", facts.least_batch);
        if facts.least_batch > 1 {
            let (few, mut cache) = (draws(facts.least_batch - 1), norm.cache(1));
            let is_refused = forward(&few).is_none() || norm.begin(&mut [1.0; 6], 0, &few, &mut cache).is_err();
            assert!(is_refused && norm.check_batch(facts.least_batch - 1).is_err(), "{name}: fewer rows are too few");
        }
    }
}
