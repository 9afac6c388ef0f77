//! `log`: intervals such that observing costs a small share of training.

use crate::config::cost::Operations;
use crate::config::file::{Every, LogFile};
use crate::config::problem::Problems;
use crate::config::settings::{Data, Log, Model, Train};

/// Shares of training's operations that observing may cost by default.
const EVALUATE_SHARE: f64 = 0.045;
const ACTIVATIONS_SHARE: f64 = 0.025;
const GRADIENTS_SHARE: f64 = 0.015;
/// Fewest and most observations of a kind that a default asks for.
const LEAST_EVALUATIONS: usize = 5;
const MOST_EVALUATIONS: usize = 100;
const LEAST_PROBES: usize = 2;
const MOST_PROBES: usize = 20;

/// Fills what is open.
pub(super) fn resolve(file: &mut LogFile, data: &Data, model: &Model, train: Train, problems: &mut Problems) -> Log {
    let probe_size = file.probe_size.min(if data.validation > 0 { data.validation } else { data.train });
    let train_eval = file.train_eval.min(data.train);
    let train_final = file.train_final.unwrap_or(data.train).min(data.train);
    let cost = Operations::new(data, model, train, probe_size, [train_eval, train_final]);
    // The shortest interval at which all observations, the first and the last included, cost no more than
    // is `allowed`. There are at least `least`, so that there is a curve.
    let every = |cost: f64, allowed: f64, least: usize, most: usize| {
        let affordable = ((allowed / cost) as usize).clamp(least, most);
        train.steps.div_ceil(affordable - 1).max(1)
    };
    let probe_every = |cost_of_one, share| every(cost_of_one, share * cost.training, LEAST_PROBES, MOST_PROBES);
    let to_evaluate = EVALUATE_SHARE * cost.training - cost.last_evaluation;
    let evaluate_every = every(cost.evaluation, to_evaluate, LEAST_EVALUATIONS, MOST_EVALUATIONS);
    let activations_every = probe_every(cost.activations, ACTIVATIONS_SHARE);
    let gradients_every = probe_every(cost.gradients, GRADIENTS_SHARE);
    let mut settled = |name: &str, every: &mut Every| {
        every.sort();
        // Minibatches are counted from 0, and after the last of them there is still a state.
        let is_of_minibatches = ["batch_every", "gradients_every", "landscape_every"].contains(&name);
        let last = train.steps - usize::from(is_of_minibatches);
        if let Every::Steps(list) = &*every
            && let Some(step) = list.last().filter(|step| **step > last)
        {
            let words = match is_of_minibatches {
                true => format!("step {step} is beyond the last minibatch, {last}: they are counted from 0"),
                false => format!("step {step} is beyond the {last} steps of training"),
            };
            problems.add(format!("log.{name}"), words);
        }
        every.clone()
    };
    let mut or_usual = |name: &str, every: &mut Option<Every>, usual: usize| {
        settled(name, every.get_or_insert(Every::Interval(usual)))
    };
    let batch_every = or_usual("batch_every", &mut file.batch_every, (train.steps / 500).max(1));
    let evaluate_every = or_usual("evaluate_every", &mut file.evaluate_every, evaluate_every);
    let activations_every = or_usual("activations_every", &mut file.activations_every, activations_every);
    let gradients_every = or_usual("gradients_every", &mut file.gradients_every, gradients_every);
    Log {
        batch_every,
        evaluate_every,
        activations_every,
        gradients_every,
        landscape_every: settled("landscape_every", &mut file.landscape_every),
        snapshot_every: settled("snapshot_every", &mut file.snapshot_every),
        probe_size,
        channels: file.channels.unwrap_or(usize::MAX),
        train_eval,
        train_final,
    }
}
