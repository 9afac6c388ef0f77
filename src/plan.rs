//! An experiment → its runs, in order: a pure function of the configuration.
//!
//! The order is sweep point, seed, variant: the arms that are compared run close together, on the
//! same data, under the same load of the machine.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::{ConfigError, Experiment, Point, Problems, Variant, json::canonical};
use crate::files;

/// Part of every run's identity. Raised whenever a default or a result changes, so that runs made
/// before are not taken for runs made after.
pub const NUMERICS_VERSION: u32 = 3;

/// One run of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// Names the run and its folder.
    pub id: String,
    /// Index of its sweep point.
    pub point: usize,
    /// Index of its variant.
    pub variant: usize,
    /// Its seed.
    pub seed: u64,
}

/// A planned run as the experiment's record keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEntry {
    /// Names the run and its folder.
    pub id: String,
    /// Name of its variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// Its value on each axis.
    pub values: Vec<Value>,
    /// Number of classes of its data.
    pub classes: usize,
}

/// A part of a plan: every N-th run, so that each part has its share of every arm, seed and setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// 0-based.
    index: usize,
    of: usize,
}

impl Shard {
    /// The `i`-th of `n`, from 1; `None` if there is none.
    pub fn new(i: usize, n: usize) -> Option<Self> {
        (1..=n).contains(&i).then_some(Self { index: i.wrapping_sub(1), of: n })
    }

    /// Whether it has the run at this place of the plan.
    pub fn has(self, place: usize) -> bool {
        place % self.of == self.index
    }
}

/// All runs of an experiment.
///
/// # Errors
/// If two runs would be the same: sweep values that come to the same settings.
pub fn plan(experiment: &Experiment) -> Result<Vec<PlannedRun>, ConfigError> {
    let mut runs = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let mut problems = Problems::default();
    for (p, point) in experiment.points.iter().enumerate() {
        let bases: Vec<_> = experiment.variants.iter().map(|variant| identity(point, variant)).collect();
        for &seed in &experiment.seeds {
            for (variant, base) in bases.iter().enumerate() {
                let id = run_id(&experiment.variants[variant].name, seed, base);
                if let Some(earlier) = seen.insert(id.clone(), p) {
                    let values = |p: usize| Value::from(experiment.points[p].values.clone()).to_string();
                    let message = format!("{} and {} are the same settings", values(earlier), values(p));
                    problems.add("sweep", message);
                }
                runs.push(PlannedRun { id, point: p, variant, seed });
            }
        }
    }
    problems.into_result().map(|()| runs)
}

/// The plan as the experiment's record keeps it.
pub fn entries(experiment: &Experiment, runs: &[PlannedRun]) -> Vec<RunEntry> {
    let entry = |run: &PlannedRun| RunEntry {
        id: run.id.clone(),
        variant: experiment.variants[run.variant].name.clone(),
        seed: run.seed,
        values: experiment.points[run.point].values.clone(),
        classes: experiment.points[run.point].settings.data.classes,
    };
    runs.iter().map(entry).collect()
}

/// Canonical text of everything that decides a run's numbers except its seed.
fn identity(point: &Point, variant: &Variant) -> String {
    // Every field by name: a new one is looked at here, or this does not compile.
    let Variant { name, arm, bias: _, train_only, gamma, beta, scale_rows } = variant;
    let train_only = train_only.as_ref().map(std::collections::BTreeSet::from_iter);
    let mut arm = json!({ "name": name, "arm": arm, "bias": variant.has_bias(), "train_only": train_only });
    let mut changed = |knob: &str, value: Option<Value>| value.into_iter().for_each(|value| arm[knob] = value);
    changed("gamma", gamma.filter(|gamma| *gamma != 1.0).map(Value::from));
    changed("beta", beta.filter(|beta| *beta != 0.0).map(Value::from));
    changed("scale_rows", scale_rows.filter(|scale| !scale.changes_nothing()).map(|scale| json!(scale)));
    canonical(&json!({ "settings": point.identity, "variant": arm, "numerics_version": NUMERICS_VERSION }))
}

/// `<variant>-s<seed>-<40 bits of SHA-256>`
fn run_id(variant: &str, seed: u64, identity: &str) -> String {
    let hash = Sha256::digest(format!("{identity} seed {seed}"));
    let short = files::hex(&hash[..5]);
    format!("{variant}-s{seed}-{short}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve::synthetic_facts;

    fn experiment(change: &[(&str, Value)]) -> Experiment {
        let text = r#"{"name": "t", "data": {"source": "spirals"}, "model": {"kind": "mlp", "hidden": [4]},
            "variants": ["none", "bn"], "optimizer": {"kind": "sgd", "lr": 0.1}, "train": {"steps": 3}, "seeds": 2}"#;
        let change: Vec<_> = change.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
        Experiment::parse(text, &change, &|data| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files")))
            .unwrap()
    }

    fn ids(change: &[(&str, Value)]) -> Vec<String> {
        plan(&experiment(change)).unwrap().into_iter().map(|run| run.id).collect()
    }

    #[test]
    fn ids_are_pinned() {
        // If this fails, results have changed their identity: raise NUMERICS_VERSION on purpose or undo.
        assert_eq!(ids(&[]), ["none-s0-41aa5c001e", "bn-s0-17dddefb69", "none-s1-a5b84cc853", "bn-s1-65cd3c1d75"]);
    }

    #[test]
    fn what_changes_no_number_changes_no_id() {
        for change in [
            ("name", json!("other")),
            ("description", json!("words")),
            ("compare.metric", json!("train_loss")),
            ("norm.momentum", json!(0.1)),
            ("optimizer.lr", json!(1e-1)),
            ("model.activation", json!("relu")),
            ("data.train", json!(5000)),
            ("model.init", json!({"scheme": "he"})),
            ("variants", json!([{"name": "none", "bias": true}, {"name": "bn", "base": "bn", "bias": false}])),
        ] {
            assert_eq!(ids(std::slice::from_ref(&change)), ids(&[]), "{change:?}");
        }
    }

    #[test]
    fn a_knob_of_an_arm_changes_the_id_of_its_runs() {
        let of = |entry: Value| ids(&[("train.batch_size", json!(12)), ("variants", json!([entry]))]);
        for (one, other) in [
            (json!({"name": "ghost", "batch": 4}), json!({"name": "ghost", "batch": 6})),
            (json!({"name": "refresh", "every": 2}), json!({"name": "refresh", "every": 3})),
            (
                json!({"name": "refresh", "every": 2, "keep": "function"}),
                json!({"name": "refresh", "every": 2, "keep": "parameters"}),
            ),
        ] {
            assert!(of(one.clone()).iter().all(|id| !of(other.clone()).contains(id)), "{one} {other}");
        }
    }

    #[test]
    fn knobs_of_any_arm_are_part_of_a_run_and_their_defaults_are_not() {
        let of = |knob: &str, value: Value| ids(&[("variants", json!([{"name": "bn", knob: value}]))]);
        let plain = ids(&[("variants", json!(["bn"]))]);
        for (knob, other, default) in [
            ("train_only", json!(["gamma"]), json!(null)),
            ("bias", json!(true), json!(false)),
            ("gamma", json!(0.5), json!(1)),
            ("beta", json!(0.5), json!(0)),
            ("scale_rows", json!({"share": 0.5, "factor": 0.1}), json!({"share": 0.5})),
            ("scale_rows", json!({"share": 0.5, "spread": 10}), json!({"share": 0, "factor": 0.1})),
        ] {
            assert!(of(knob, other).iter().all(|id| !plain.contains(id)), "{knob}");
            assert_eq!(of(knob, default), plain, "{knob}");
        }
        // The same value of another knob is another run.
        assert_ne!(of("gamma", json!(0.5)), of("beta", json!(0.5)));
    }

    #[test]
    fn what_changes_a_number_changes_every_id() {
        let before = ids(&[]);
        for change in [
            ("norm.momentum", json!(0.2)),
            ("optimizer.lr", json!(0.2)),
            ("data.noise", json!(0.1)),
            ("log.batch_every", json!(7)),
            ("model.precision", json!("f64")),
            ("train.steps", json!(4)),
        ] {
            assert!(ids(std::slice::from_ref(&change)).iter().all(|id| !before.contains(id)), "{change:?}");
        }
    }

    #[test]
    fn an_axis_extends_the_plan_and_keeps_the_runs_it_contains() {
        let wider = ids(&[("sweep", json!({"optimizer.lr": [0.05, 0.1]}))]);
        assert_eq!(wider.len(), 8);
        assert!(ids(&[]).iter().all(|id| wider.contains(id)));
    }

    #[test]
    fn epochs_and_the_steps_they_come_to_are_the_same_run() {
        let steps = ids(&[("train.steps", json!(156))]);
        assert_eq!(ids(&[("train", json!({"epochs": 2}))]), steps);
    }
}
