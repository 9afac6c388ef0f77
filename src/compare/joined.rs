//! Experiments that are one: arms that were run apart are compared as if they had been run together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::arrange::usual;
use super::load::{Loaded, corners};
use crate::config::experiment::PRIMARY;
use crate::config::json;

/// Keys that are not part of what an arm is run with.
const APART: [&str; 4] = ["$schema", "name", "description", "variants"];

/// Keys that say where a user's own data is.
const PLACES: [&str; 3] = ["data.dir", "data.file", "data.test_file"];

/// Joins experiments that share no arm and differ only in their names, descriptions, arms, and the values that each arm is
/// tuned over. The others stand side by side, and each says where it differs from the first.
pub fn joined(experiments: Vec<Loaded>) -> Vec<Loaded> {
    let mut found: Vec<Loaded> = Vec::new();
    let named: Vec<Option<String>> = experiments.iter().map(|experiment| experiment.options.primary.clone()).collect();
    for next in experiments {
        let fits = |earlier: &&mut Loaded| !shares_an_arm(earlier, &next) && differences(earlier, &next).is_empty();
        if let Some(earlier) = found.iter_mut().find(fits) {
            join(earlier, next);
            // The experiment is about the same arm, whichever folder is named first.
            if named.iter().all(Option::is_none) {
                let baseline = usual(earlier).map(str::to_owned);
                let mut others: Vec<&String> =
                    earlier.variants.iter().filter(|name| Some(*name) != baseline.as_ref()).collect();
                others.sort_by_key(|name| (*name != PRIMARY, *name));
                earlier.options.primary = others.first().map(|name| (*name).clone());
            }
        } else {
            let differs_from = found.first().map(|first| (first.name.clone(), differences(first, &next)));
            found.push(Loaded { differs_from, ..next });
        }
    }
    found
}

fn shares_an_arm(a: &Loaded, b: &Loaded) -> bool {
    a.variants.iter().any(|arm| b.variants.contains(arm))
}

/// The keys in which two configurations differ, without those set apart and the tuned axes.
fn differences(a: &Loaded, b: &Loaded) -> Vec<String> {
    let [first, second] = [a, b].map(|experiment| json::leaves(&experiment.configuration).into_iter().collect());
    let (first, second): (BTreeMap<String, &Value>, BTreeMap<String, &Value>) = (first, second);
    let tuned = |axis: &String| a.options.select.contains(axis) && a.axes.contains(axis) && b.axes.contains(axis);
    // The order in which axes, or their values, are written changes nothing.
    let are_shared = sorted(&a.axes) == sorted(&b.axes);
    let is_swept_alike = |axis: &String| tuned(axis) || values(a, axis) == values(b, axis);
    let swept: BTreeSet<String> = a.axes.iter().filter(|axis| are_shared && is_swept_alike(axis)).cloned().collect();
    let is_swept = |key: &str| {
        let path = key.strip_prefix("sweep.").unwrap_or(key);
        swept
            .iter()
            .any(|axis| path.strip_prefix(axis).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
    };
    let are_tuned_alike = sorted(&a.options.select) == sorted(&b.options.select);
    let is_apart = |key: &str| APART.iter().any(|apart| key.split(['.', '[']).next() == Some(apart));
    let keys: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let is_known = |experiment: &Loaded| !experiment.data_sha256.is_empty();
    let has_same_data = is_known(a) && a.data_sha256 == b.data_sha256;
    let has_same_seeds = seeds(a) == seeds(b);
    // The same files in another place are the same data, and a count of seeds stands for a list.
    let is_same = |key: &str| {
        (has_same_data && PLACES.contains(&key))
            || (has_same_seeds && key.starts_with("seeds"))
            || (are_tuned_alike && key.starts_with("compare.select"))
    };
    let differs =
        |key: &&String| first.get(*key) != second.get(*key) && !is_apart(key) && !is_swept(key) && !is_same(key);
    let mut found: Vec<String> = keys.into_iter().filter(differs).cloned().collect();
    // One of them has no sweep at all.
    if found.iter().any(|key| key.starts_with("sweep.")) {
        found.retain(|key| key != "sweep");
    }
    if is_known(a) && is_known(b) && !has_same_data {
        found.push("the content of the data files".to_owned());
    }
    if a.numerics != b.numerics {
        found.push("the program's numerics version".to_owned());
    }
    found
}

fn sorted(names: &[String]) -> BTreeSet<&String> {
    names.iter().collect()
}

/// The values of an axis, as text.
fn values(experiment: &Loaded, axis: &str) -> BTreeSet<String> {
    let place = experiment.axes.iter().position(|other| other == axis);
    let values = experiment.runs.iter().filter_map(|run| run.entry.values.get(place?));
    values.map(ToString::to_string).collect()
}

fn seeds(experiment: &Loaded) -> BTreeSet<u64> {
    experiment.runs.iter().map(|run| run.entry.seed).collect()
}

fn join(earlier: &mut Loaded, mut next: Loaded) {
    let places: Vec<Option<usize>> =
        earlier.axes.iter().map(|axis| next.axes.iter().position(|other| other == axis)).collect();
    for run in &mut next.runs {
        let values = &run.entry.values;
        run.entry.values = places.iter().filter_map(|place| values.get((*place)?).cloned()).collect();
    }
    earlier.name = format!("{} + {}", earlier.name, next.name);
    next.changes.retain(|change| !earlier.changes.contains(change));
    earlier.changes.extend(next.changes);
    earlier.changed_tables.extend(next.changed_tables);
    earlier.not_planned = earlier.not_planned.take().or(next.not_planned);
    earlier.variants.extend(next.variants);
    earlier.runs.extend(next.runs);
    earlier.arrivals.under_batch.extend(next.arrivals.under_batch);
    earlier.arrivals.widest_gap = earlier.arrivals.widest_gap.max(next.arrivals.widest_gap);
    let entries = |configuration: &Value| configuration["variants"].as_array().cloned().unwrap_or_default();
    let all = [entries(&earlier.configuration), entries(&next.configuration)].concat();
    earlier.configuration["variants"] = Value::from(all);
    earlier.corners = corners(&earlier.configuration);
}
