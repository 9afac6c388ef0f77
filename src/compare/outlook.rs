//! What the seeds of an experiment can show, before anything is trained.

use super::words::{named, p_value, seeds};
use crate::config::Experiment;
use crate::config::experiment::{primary_arm, usual_baseline};
use crate::stats::permutation::smallest_p;
use crate::stats::seeds::needed;

/// α of the verdicts, if nothing else is asked for.
const ALPHA: f64 = 0.05;

/// A family of tests that an experiment will be judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// What it tests.
    pub what: String,
    /// How many tests it has.
    pub tests: usize,
    /// The least number of seeds with which one of them can decide anything.
    pub seeds_needed: usize,
}

/// The families of contrasts of an experiment; none with one arm.
pub fn families(experiment: &Experiment) -> Vec<Family> {
    let names: Vec<&str> = experiment.variants.iter().map(|variant| variant.name.as_str()).collect();
    let compared = experiment.axes.iter().filter(|axis| !experiment.compare.select.contains(&axis.path));
    let settings: usize = compared.map(|axis| axis.values.len()).product();
    let Some(baseline) = usual_baseline(&names) else { return Vec::new() };
    let Some(primary) = primary_arm(&names, experiment.compare.primary.as_deref(), baseline) else { return Vec::new() };
    let family = |what: String, tests: usize| Family { what, tests, seeds_needed: needed(tests, ALPHA) };
    let first = family(format!("{} against {}", named(primary), named(baseline)), settings);
    let others = (names.len() - 2) * settings;
    let others = (others > 0).then(|| family(format!("The other arms against {}", named(baseline)), others));
    [first].into_iter().chain(others).collect()
}

/// The same in words, a line each; what cannot be decided says how many seeds it takes.
pub fn sentences(experiment: &Experiment) -> Vec<String> {
    let n = experiment.seeds.len();
    let families = families(experiment);
    if families.is_empty() {
        return vec!["There is one arm, so there will be nothing to compare it with.".to_owned()];
    }
    let smallest = format!("With {} no p can be below {}.", seeds(n), p_value(smallest_p(n)));
    let said = |family: &Family| {
        let tests = if family.tests == 1 { "1 test".to_owned() } else { format!("{} tests", family.tests) };
        if n >= family.seeds_needed {
            format!("{} ({tests}): these seeds can decide it, if the difference is large enough.", family.what)
        } else {
            format!("{} ({tests}): nothing can be decided with fewer than {} seeds.", family.what, family.seeds_needed)
        }
    };
    [smallest].into_iter().chain(families.iter().map(said)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve::synthetic_facts;
    use serde_json::json;

    fn said(change: serde_json::Value) -> String {
        let mut config = json!({
            "name": "t", "data": { "source": "glyphs" }, "model": { "kind": "mlp", "hidden": [4] },
            "variants": ["none", "affine", "bn"], "optimizer": { "kind": "sgd", "lr": 0.1 }, "train": { "steps": 2 },
            "sweep": { "optimizer.lr": [0.1, 0.2], "norm.epsilon": [0.1, 0.2, 0.3] },
            "compare": { "select": ["optimizer.lr"] }
        });
        change.as_object().unwrap().iter().for_each(|(key, value)| config[key.as_str()] = value.clone());
        let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files here"));
        sentences(&Experiment::parse(&config.to_string(), &[], &facts).unwrap()).join("\n")
    }

    #[test]
    fn what_the_seeds_can_show_follows_from_arms_settings_and_seeds() {
        let found = said(json!({}));
        assert!(
            found.starts_with("With 10 seeds no p can be below 0.002.\n`bn` against `affine` (3 tests): these"),
            "{found}"
        );
        assert!(found.contains("The other arms against `affine` (3 tests): these seeds"), "{found}");
        let found = said(json!({ "seeds": 6 }));
        assert!(
            found.contains("`bn` against `affine` (3 tests): nothing can be decided with fewer than 7 seeds"),
            "{found}"
        );
        let found = said(json!({ "seeds": 6, "sweep": {}, "compare": { "primary": "none" } }));
        assert!(found.contains("`none` against `affine` (1 test): these seeds can"), "{found}");
        assert!(said(json!({ "variants": ["bn"] })).contains("There is one arm"));
        let found = said(json!({ "variants": ["none", "affine"], "seeds": 3, "sweep": {}, "compare": {} }));
        assert_eq!(found.lines().count(), 2, "{found}");
        assert!(
            found.contains("`none` against `affine` (1 test): nothing can be decided with fewer than 6 seeds"),
            "{found}"
        );
    }
}
