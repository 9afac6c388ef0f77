//! landscape.csv: what stands there follows from other numbers of the run, and from what is known of the networks.

use std::collections::HashMap;

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::{Experiment, Settings, Variant};
use bn_exp::nn::objective::Objective;
use bn_exp::nn::parameters::Tensor;
use bn_exp::nn::{Network, Pass};
use bn_exp::probe::landscape::{LandscapeProbe, LandscapeRow};
use bn_exp::random::stream;
use bn_exp::train::{Batch, Observer};
use rand_distr::{Distribution, StandardNormal};
use serde_json::{Value, json};

use crate::common::{Lab, Table, number, small, with};

const DISTANCES: [f64; 5] = [0.5, 1.0, 2.0, 3.0, 4.0];
const RELATIVE: [&str; 3] = ["gradient_change_relative", "beta_smoothness_relative", "gradient_cosine"];
const SAMPLES: usize = 8;

/// A network in f64, and a batch.
struct Subject {
    settings: Settings,
    network: Network<f64>,
    input: Vec<f64>,
    labels: Vec<u8>,
    pass: Pass,
}

impl Subject {
    fn new(variant: Value, change: &[(&str, Value)]) -> Self {
        let config = with(with(small(), "variants", json!([variant])), "model.hidden", json!([6, 5]));
        let config = with(with(config, "model.precision", json!("f64")), "model.activation", json!("tanh"));
        let config = change.iter().fold(config, |config, (path, value)| with(config, path, value.clone()));
        let facts = |data: &_| Ok(synthetic_facts(data).expect("made-up data"));
        let mut experiment = Experiment::parse(&config.to_string(), &[], &facts).expect("a configuration");
        let (settings, variant): (Settings, Variant) =
            (experiment.points.remove(0).settings, experiment.variants.remove(0));
        let network = Network::new(&settings, &variant, 3).expect("a network");
        let mut rng = stream(1, "landscape");
        let input = (0..SAMPLES * network.input.len()).map(|_| StandardNormal.sample(&mut rng)).collect();
        let labels = (0..SAMPLES).map(|n| (n % network.classes) as u8).collect();
        Self { settings, network, input, labels, pass: Pass::Train { seed: 3, step: 0 } }
    }

    fn objective(&self) -> Objective<'_, f64> {
        Objective::new(&self.network, self.pass, &self.input, &self.labels)
    }

    fn look(&self) -> Vec<LandscapeRow> {
        let mut probe = LandscapeProbe::new(&self.settings);
        let Self { network, pass, input, labels, .. } = self;
        let (loss, accuracy) = (f64::NAN, f64::NAN);
        let batch = Batch { step: 0, pass: *pass, network, input, labels, loss, accuracy, diverged: false };
        probe.batch(&batch).expect("a look");
        probe.rows
    }
}

fn value(rows: &[LandscapeRow], metric: &str, distance: Option<f64>) -> f64 {
    let row = rows.iter().find(|row| row.metric == metric && row.distance == distance);
    row.and_then(|row| row.value).unwrap_or_else(|| panic!("no {metric} at {distance:?}"))
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{what}: {found}, not {expected}");
}

#[test]
fn weights_before_a_norm_can_be_rescaled_and_no_relative_figure_changes() {
    let variant = json!({ "name": "bn", "train_only": ["blocks.0.weight", "blocks.1.weight"] });
    let of = |lr: f64| Subject::new(variant.clone(), &[("norm.epsilon", json!(0)), ("optimizer.lr", json!(lr))]);
    let (plain, mut scaled) = (of(0.1), of(0.1 * 9.0));
    for parameter in scaled.network.index.clone().iter().filter(|parameter| parameter.trained) {
        scaled.network.parameters[parameter.range.clone()].iter_mut().for_each(|w| *w *= 3.0);
    }
    let (plain, scaled) = (plain.look(), scaled.look());
    let same = |metric: &str, distance: Option<f64>, factor: f64| {
        near(factor * value(&scaled, metric, distance), value(&plain, metric, distance), 1e-9, metric);
    };
    for distance in DISTANCES.map(Some) {
        same("loss", distance, 1.0);
        same("gradient_change", distance, 3.0);
        same("beta_smoothness", distance, 9.0);
        RELATIVE.iter().for_each(|metric| same(metric, distance, 1.0));
    }
    same("prediction_error", None, 1.0);
}

#[test]
fn only_trained_parameters_move_and_count() {
    let subject = Subject::new(json!({ "name": "bn", "train_only": ["gamma", "blocks.2.bias"] }), &[]);
    let rows = subject.look();
    let is_trained = |name: &str| name.ends_with("gamma") || name == "blocks.2.bias";
    let trained: Vec<_> =
        subject.network.index.iter().filter(|p| is_trained(&p.name)).flat_map(|p| p.range.clone()).collect();
    assert_eq!(trained.len(), 6 + 5 + subject.network.classes);
    let mut objective = subject.objective();
    let mut at = |theta: &[f64]| {
        let (loss, gradient) = objective.at(theta).expect("a pass");
        (loss, trained.iter().map(|i| gradient[*i]).collect::<Vec<_>>())
    };
    let (_, gradient) = at(&subject.network.parameters);
    let mut theta = subject.network.parameters.clone();
    trained.iter().zip(&gradient).for_each(|(i, g)| theta[*i] -= 0.1 * 2.0 * g);
    let (loss, there) = at(&theta);
    let change = there.iter().zip(&gradient).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    near(value(&rows, "loss", Some(2.0)), loss, 1e-13, "loss");
    near(value(&rows, "gradient_change", Some(2.0)), change, 1e-10, "gradient_change");
}

#[test]
fn noise_is_the_same_at_every_point() {
    // Close by, the loss is that of the minibatch with its noise, and another step's noise makes it another loss.
    let close = [("optimizer.lr", json!(1e-12)), ("train.steps", json!(1))];
    let subject = |step: usize| Subject { pass: Pass::Train { seed: 3, step }, ..Subject::new(json!("noisy"), &close) };
    let losses = [0, 1].map(|step| {
        let subject = subject(step);
        let rows = subject.look();
        let (loss, _) = subject.objective().at(&subject.network.parameters).expect("a pass");
        for distance in DISTANCES.map(Some) {
            near(value(&rows, "loss", distance), loss, 1e-9, "loss");
            near(value(&rows, "gradient_cosine", distance), 1.0, 1e-9, "gradient_cosine");
        }
        loss
    });
    assert!((losses[0] - losses[1]).abs() > 1e-6, "{losses:?}");
}

#[test]
fn a_gradient_of_0_leaves_no_number_that_is_not_one() {
    // Behind weights of 0 lies an output layer that is trained no more: the loss is ln K whatever else is done.
    let variant = json!({ "name": "none", "train_only": ["blocks.0.weight"] });
    let mut subject = Subject::new(variant, &[]);
    for parameter in subject.network.index.clone().iter().filter(|parameter| parameter.tensor == Tensor::Weight) {
        if parameter.block == 2 {
            subject.network.parameters[parameter.range.clone()].fill(0.0);
        }
    }
    let rows = subject.look();
    near(value(&rows, "loss", Some(1.0)), (subject.network.classes as f64).ln(), 1e-12, "loss");
    assert_eq!(value(&rows, "gradient_change", Some(4.0)), 0.0);
    let undefined = |row: &&LandscapeRow| !["loss", "gradient_change"].contains(&row.metric);
    assert_eq!(rows.iter().filter(undefined).count(), 4 * 5 + 1);
    assert!(rows.iter().filter(undefined).all(|row| row.value.is_none()), "{rows:?}");
}

fn cells<'a>(table: &'a Table, metric: &str, distance: &str) -> HashMap<(&'a str, &'a str), f64> {
    let rows = table.only(&[("metric", metric), ("distance", distance)]);
    rows.into_iter().map(|row| ((&*row["run_id"], &*row["step"]), number(&row["value"]))).collect()
}

#[test]
fn the_loss_one_step_ahead_is_the_next_loss_where_each_batch_is_the_whole_split() {
    let config = with(small(), "train", json!({ "batch_size": 60, "steps": 12 }));
    let optimizer = json!({ "kind": "sgd", "lr": 0.5, "schedule": "cosine", "warmup": 3 });
    let config = with(with(config, "optimizer", optimizer), "model.precision", json!("f64"));
    let arms = json!(["none", "bn", { "name": "ghost", "batch": 60 }]);
    let lab = Lab::new();
    lab.run(&with(with(config, "variants", arms), "log.landscape_every", json!(1)), &[]).expect(0);
    let (curves, landscape) = (lab.table("results/t/curves.csv"), lab.table("results/t/landscape.csv"));
    let ahead = cells(&landscape, "loss", "1.0");
    let mut compared = 0;
    for row in curves.only(&[("split", "batch")]) {
        let Some(before) = row["step"].parse::<usize>().expect("a step").checked_sub(1) else { continue };
        near(ahead[&(&*row["run_id"], &*before.to_string())], number(&row["loss"]), 1e-10, &row["variant"]);
        compared += 1;
    }
    assert_eq!(compared, 6 * 11);
}

#[test]
fn the_figures_of_a_look_fit_together() {
    let optimizer = json!({ "kind": "adam", "lr": 0.01, "schedule": "step", "step_every": 4, "step_factor": 0.5 });
    let config = with(with(small(), "optimizer", optimizer), "variants", json!(["affine", "bn", "detached"]));
    let lab = Lab::new();
    lab.run(&with(config, "model.precision", json!("f64")), &[]).expect(0);
    let table = lab.table("results/t/landscape.csv");
    // Six runs; looks at 0, 5, 10 and at the last, 11; six figures at five distances, and one.
    assert_eq!(table.rows.len(), 6 * 4 * 31);
    let mut keys: Vec<_> = table.rows.iter().map(|r| ["run_id", "step", "metric", "distance"].map(|c| &r[c])).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), table.rows.len(), "rows stand twice");
    let loss_before = lab.table("results/t/curves.csv");
    let loss_before: HashMap<(&str, &str), f64> = loss_before
        .only(&[("split", "batch")])
        .into_iter()
        .map(|row| ((&*row["run_id"], &*row["step"]), number(&row["loss"])))
        .collect();
    for k in DISTANCES {
        let of = |metric| cells(&table, metric, &format!("{k:?}"));
        let (change, relative) = (of("gradient_change"), of("gradient_change_relative"));
        let (beta, beta_relative, cosine) =
            (of("beta_smoothness"), of("beta_smoothness_relative"), of("gradient_cosine"));
        for (key, change) in change {
            let rate = 0.01 * 0.5_f64.powi(key.1.parse::<i32>().expect("a step") / 4);
            let (alpha, norm) = (k * rate, change / relative[&key]);
            near(beta[&key] * alpha, relative[&key], 1e-12, "beta_smoothness");
            near(beta_relative[&key], beta[&key] * loss_before[&key] / (norm * norm), 1e-9, "beta_smoothness_relative");
            // ‖g' − g‖ is at least what g' is off the direction of g.
            let off = if cosine[&key] > 0.0 { (1.0 - cosine[&key].powi(2)).sqrt() } else { 1.0 };
            assert!(relative[&key] >= off - 1e-9 && cosine[&key] <= 1.0, "{key:?}: {} {off}", relative[&key]);
        }
    }
    let errors = cells(&table, "prediction_error", "");
    assert!(errors.len() == 24 && errors.values().all(|error| *error > 0.0), "{errors:?}");
}

#[test]
fn runs_that_diverge_leave_empty_cells() {
    let config = with(with(small(), "optimizer.lr", json!(1e6)), "log.landscape_every", json!(1));
    let model = json!({ "kind": "mlp", "hidden": [8, 8, 8], "activation": "identity" });
    let lab = Lab::new();
    lab.run(&with(with(config, "model", model), "variants", json!(["none", "affine"])), &[]).expect(0);
    assert_eq!(lab.table("results/t/runs.csv").only(&[("status", "diverged")]).len(), 4);
    let table = lab.table("results/t/landscape.csv");
    assert!(table.column("value").iter().all(|cell| cell.is_empty() || number(cell).is_finite()));
    assert!(table.column("value").iter().any(|cell| cell.is_empty()));
    assert!(!lab.text("results/t/landscape.csv").to_lowercase().contains("nan"));
}
