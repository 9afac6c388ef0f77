//! Parts that an arm may be made of, and passes that a network can be asked for, with stand-ins where no arm of the
//! program has the part: a start and a refresh that depend on the data, a part after γ and β, a weight that is a
//! function of the parameter; and population statistics.

use std::sync::atomic::AtomicBool;

use bn_exp::config::settings::Arm;
use bn_exp::config::{Experiment, Settings, Variant};
use bn_exp::data::Store;
use bn_exp::nn::norm::elementwise::{Draws, Elementwise};
use bn_exp::nn::norm::reparametrise::Reparametrise;
use bn_exp::nn::norm::standardize::{Begin, Changed, Standardize};
use bn_exp::nn::norm::{Moments, NormCache, Parts, Place, parts};
use bn_exp::nn::objective::Objective;
use bn_exp::nn::parameters::Tensor;
use bn_exp::nn::{Network, Pass, Statistics};
use bn_exp::random::stream;
use bn_exp::train::evaluate::{Evaluator, Part};
use bn_exp::train::{Observer, State, train};
use rand_distr::{Distribution, StandardNormal};
use serde_json::{Value, json};

use crate::common::arms::{self, facts};

const SAMPLES: usize = 12;
const TRAINING: Pass = Pass::Train { seed: 3, step: 5 };

/// Standardises by constants that are those of a minibatch, found anew before every second step; γ and β are reset then.
#[derive(Debug)]
struct Refreshed;

impl Standardize<f64> for Refreshed {
    fn group(&self, _: Pass, _: usize) -> Option<usize> {
        None
    }
    fn standardize(&self, moments: &mut Moments) {
        moments.subtract_the_mean();
        moments.divide_by_the_sd(0.0);
    }
    fn is_due(&self, step: usize) -> bool {
        step.is_multiple_of(2)
    }
    fn begin(&self, from: Begin<f64>) -> Changed {
        if let Some(kept) = from.kept {
            kept.mean.copy_from_slice(&from.moments.mean);
            kept.variance.copy_from_slice(&from.moments.variance);
        }
        let Some([gamma, beta]) = from.affine else { return Changed::Nothing };
        gamma.fill(1.0);
        beta.fill(0.0);
        Changed::Affine
    }
}

/// y = x·(1 + z/10) with a standard normal z for each sample and value, in training alone.
#[derive(Debug)]
struct Noise {
    block: usize,
    length: usize,
}

impl Elementwise<f64> for Noise {
    fn kept(&self, samples: usize) -> usize {
        samples * self.length
    }
    fn forward(&self, pass: Pass, samples: usize, x: &[f64], y: &mut [f64], kept: &mut [f64]) {
        let kept = &mut kept[..samples * self.length];
        kept.fill(1.0);
        if let Pass::Train { seed, step } = pass {
            let mut rng = stream(seed, &format!("noise/{}/{step}", self.block));
            let draw = |rng: &mut _| -> f64 { StandardNormal.sample(rng) };
            kept.iter_mut().for_each(|factor| *factor += draw(&mut rng) / 10.0);
        }
        y.iter_mut().zip(x).zip(kept).for_each(|((y, x), factor)| *y = x * *factor);
    }
    fn backward(&self, _: Pass, _: usize, d: &mut [f64], kept: &[f64]) {
        d.iter_mut().zip(kept).for_each(|(d, factor)| *d *= factor);
    }
    fn draws(&self, _: u64, _: usize, _: usize) -> Draws<f64> {
        Vec::new()
    }
}

/// Ŵ = W·‖W‖² for each column of W, a channel's incoming weights.
#[derive(Debug)]
struct Cubed;

fn squares(weight: &[f64], channels: usize) -> Vec<f64> {
    (0..channels).map(|c| weight.iter().skip(c).step_by(channels).map(|w| w * w).sum()).collect()
}

impl Reparametrise<f64> for Cubed {
    fn forward(&self, weight: &[f64], to: &mut [f64], cache: &mut NormCache<f64>) {
        let channels = cache.per_channel().center.len();
        let squares = squares(weight, channels);
        to.iter_mut().zip(weight).enumerate().for_each(|(i, (to, w))| *to = w * squares[i % channels]);
    }
    fn backward(&self, weight: &[f64], d: &mut [f64], cache: &mut NormCache<f64>) {
        let channels = cache.per_channel().center.len();
        // ∂L/∂w_i = ‖w‖²·d_i + 2w_i·⟨d, w⟩
        let squares = squares(weight, channels);
        for (c, square) in squares.into_iter().enumerate() {
            let along: f64 = (c..d.len()).step_by(channels).map(|i| d[i] * weight[i]).sum();
            (c..d.len()).step_by(channels).for_each(|i| d[i] = square * d[i] + 2.0 * weight[i] * along);
        }
    }
}

fn experiment(model: &Value) -> Experiment {
    let text = json!({
        "name": "parts", "data": { "source": "glyphs", "train": 40, "validation": 2, "test": 2 }, "model": model,
        "norm": { "momentum": 0.3 }, "variants": arms::entries(),
        "optimizer": { "kind": "adam", "lr": 0.01 }, "train": { "batch_size": SAMPLES, "steps": 5 },
    });
    let facts = |data: &_| {
        bn_exp::config::resolve::synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("glyphs need no files"))
    };
    Experiment::parse(&text.to_string(), &[], &facts).expect("the configuration is valid")
}

fn named<'a>(variants: &'a [Variant], name: &str) -> &'a Variant {
    variants.iter().find(|variant| variant.name == name).expect("an arm")
}

/// Smooth ones: without ReLUs and max pools no step of a check crosses a kink.
fn models() -> [Value; 4] {
    [
        json!({ "kind": "mlp", "hidden": [6, 5, 4], "activation": "tanh", "precision": "f64" }),
        json!({ "kind": "mlp", "hidden": [5, 5, 5], "residual": true, "norm_position": "after_activation",
            "activation": "sigmoid", "precision": "f64" }),
        json!({ "kind": "cnn", "channels": [2, 3], "pool": "none", "dense": [4], "activation": "sigmoid", "precision": "f64" }),
        json!({ "kind": "cnn", "channels": [3], "pool": "average", "norm_position": "after_pool", "dense": [4, 3],
            "activation": "tanh", "precision": "f64" }),
    ]
}

fn normals(purpose: &str, count: usize) -> Vec<f64> {
    let mut rng = stream(1, purpose);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// A batch that is 0 nowhere, and its labels.
fn batch(network: &Network<f64>) -> (Vec<f64>, Vec<u8>) {
    (normals("input", SAMPLES * network.input.len()), (0..SAMPLES).map(|n| (n % network.classes) as u8).collect())
}

fn network(settings: &Settings, variant: &Variant, parts: &dyn Fn(Place) -> Parts<f64>) -> Network<f64> {
    let mut network = Network::of_parts(settings, variant, 2, parts).expect("a network");
    // Away from values of symmetry.
    for p in network.index.iter().filter(|p| p.tensor != Tensor::Weight) {
        let draws = normals(&p.name, p.range.len());
        network.parameters[p.range.clone()].iter_mut().zip(draws).for_each(|(v, z)| *v += 0.3 * z);
    }
    network
}

/// Central differences of the loss along random directions, one for all parameters and one for each tensor.
fn check(case: &str, network: &Network<f64>, pass: Pass) {
    let (input, labels) = batch(network);
    let mut objective = Objective::new(network, pass, &input, &labels);
    let at = network.parameters.clone();
    let gradient = objective.at(&at).expect("a loss").1.to_vec();
    let all = std::iter::once(("all", 0..at.len()));
    for (name, range) in all.chain(network.index.iter().map(|p| (p.name.as_str(), p.range.clone()))) {
        let mut direction = vec![0.0; at.len()];
        direction[range.clone()].copy_from_slice(&normals(name, range.len()));
        let mut slope = |h: f64| {
            let mut loss = |h: f64| {
                let moved: Vec<f64> = at.iter().zip(&direction).map(|(v, d)| v + h * d).collect();
                objective.at(&moved).expect("a loss").0
            };
            (loss(h) - loss(-h)) / (2.0 * h)
        };
        let found = (4.0 * slope(5e-5) - slope(1e-4)) / 3.0;
        let expected: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        let size = found.abs().max(1e-4);
        assert!((found - expected).abs() < 1e-6 * size, "{case}, along {name}: {expected:e}, found {found:e}");
    }
}

/// Every model, with every arm.
fn for_each_model(test: impl Fn(&str, &Settings, &[Variant])) {
    for model in models() {
        let experiment = experiment(&model);
        test(&model.to_string(), &experiment.points[0].settings, &experiment.variants);
    }
}

#[test]
fn a_part_after_gamma_and_beta_has_the_right_derivative_and_is_off_in_evaluation() {
    for_each_model(|case, settings, variants| {
        let with_noise = |place: Place| Parts {
            after: Some(Box::new(Noise { block: place.block, length: place.channels * place.area })),
            ..parts(Arm::Bn, place)
        };
        let noisy = network(settings, named(variants, "bn"), &with_noise);
        check(case, &noisy, TRAINING);
        let plain = network(settings, named(variants, "bn"), &|place| parts(Arm::Bn, place));
        let logits = |network: &Network<f64>, pass| {
            let mut space = network.space_for_training(SAMPLES);
            space.input.set(&batch(network).0);
            network.forward(pass, &mut space).expect("logits");
            network.logits(&space).to_vec()
        };
        let evaluation = Pass::Evaluate(Statistics::Batch);
        assert_eq!(logits(&noisy, TRAINING), logits(&noisy, TRAINING), "{case}: noise follows from the step");
        assert_ne!(
            logits(&noisy, TRAINING),
            logits(&noisy, Pass::Train { seed: 3, step: 6 }),
            "{case}: and from it alone"
        );
        let (noisy, plain) = (logits(&noisy, evaluation), logits(&plain, evaluation));
        let is_close = noisy.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(is_close, "{case}: in evaluation there is no noise");
    });
}

#[test]
fn a_weight_that_is_a_function_of_the_parameter_has_the_right_derivative_on_both_paths() {
    for_each_model(|case, settings, variants| {
        let cubed = |place: Place| Parts { weight: Some(Box::new(Cubed)), ..parts(Arm::Affine, place) };
        let network = network(settings, named(variants, "affine"), &cubed);
        check(case, &network, TRAINING);
        let (input, labels) = batch(&network);
        let gradients = [network.space_for_training(SAMPLES), network.space_for_probing(SAMPLES)].map(|mut space| {
            space.input.set(&input);
            network.forward(TRAINING, &mut space).expect("logits");
            network.loss(&mut space, &labels);
            network.backward(TRAINING, &mut space, false);
            space.gradients
        });
        let is_close = gradients[0].iter().zip(gradients[1].iter()).all(|(a, b)| (a - b).abs() < 1e-13);
        assert!(is_close, "{case}: both paths find the same");
    });
}

#[test]
fn derivatives_are_right_under_batch_and_running_statistics() {
    for_each_model(|case, settings, variants| {
        for variant in variants {
            let mut network = network(settings, variant, &|place| parts(variant.arm, place));
            let mut space = network.space_for_training(SAMPLES);
            space.input.set(&batch(&network).0);
            network.forward(TRAINING, &mut space).expect("logits");
            network.absorb(&space);
            let is_detached = facts(variant.arm).is_detached;
            let through_batch = Some(Statistics::Batch).filter(|_| !is_detached);
            for statistics in through_batch.into_iter().chain([Statistics::Running]) {
                check(&format!("{} {statistics:?} {case}", variant.name), &network, Pass::Evaluate(statistics));
            }
        }
    });
}

#[test]
fn population_statistics_of_one_batch_are_that_batchs() {
    for_each_model(|case, settings, variants| {
        for variant in variants {
            let network = network(settings, variant, &|place| parts(variant.arm, place));
            // Whether they are found in one piece or from parts.
            for chunk in [SAMPLES, 3] {
                let mut space = network.space_for_evaluation(SAMPLES);
                let input = batch(&network).0;
                network.find_population(input.clone(), chunk, &mut space).expect("statistics");
                let mut logits = |statistics, samples: usize| {
                    space.input.set(&input[..samples * network.input.len()]);
                    network.forward(Pass::Evaluate(statistics), &mut space).expect("logits");
                    network.logits(&space).to_vec()
                };
                let (batch, population) = (logits(Statistics::Batch, SAMPLES), logits(Statistics::Population, SAMPLES));
                let is_close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-11);
                // Groups are of parts of a batch, the population is one.
                let is_one_group = !matches!(variant.arm, Arm::Ghost { .. });
                assert_eq!(is_close(&batch, &population), is_one_group, "{} {case}", variant.name);
                // They are the population's whatever batch is looked at.
                assert!(is_close(&population, &logits(Statistics::Population, 3)), "{} {case}", variant.name);
                let differs = !is_close(&batch, &logits(Statistics::Running, SAMPLES));
                assert_eq!(differs, facts(variant.arm).uses_batch, "{} {case}", variant.name);
            }
        }
    });
}

#[test]
fn a_start_is_set_block_by_block_and_a_refresh_makes_the_optimiser_forget() {
    /// Follows what the optimiser counts for block 0's weight, γ and β.
    #[derive(Default)]
    struct Counts(Vec<[u32; 3]>);
    impl Observer<f64> for Counts {
        fn between(&mut self, state: &State<f64>, network: &Network<f64>) -> anyhow::Result<()> {
            let names = ["blocks.0.weight", "blocks.0.norm.gamma", "blocks.0.norm.beta"];
            let place = |name: &str| network.index.iter().position(|p| p.name == name).expect("a parameter");
            self.0.push(names.map(|name| state.optimizer.steps()[place(name)]));
            let moments =
                state.optimizer.moments().map(|(_, moment)| moment[network.index[place(names[1])].range.start]);
            assert_eq!(moments == [0.0; 2], state.step.is_multiple_of(2) && state.step < 5, "step {}", state.step);
            Ok(())
        }
    }
    for_each_model(|case, settings, variants| {
        // Every second block is bn's: what it makes of the minibatch in training is what the next block is set from.
        let is_refreshed = |block: usize| block.is_multiple_of(2);
        let refreshed = |place: Place| {
            if is_refreshed(place.block) { Parts::of(Refreshed).with_affine() } else { parts(Arm::Bn, place) }
        };
        let mut network = Network::of_parts(settings, named(variants, "bn"), 2, &refreshed).expect("a network");
        let input = batch(&network).0;
        network.begin(3, 0, &input).expect("a start");
        // The output of each is standardised on that batch: only so if those below were set before.
        network
            .walk(TRAINING, &input, &mut |written| {
                let block = &network.blocks[written.block];
                let has_norm = block.norm.is_some() && is_refreshed(written.block);
                let is_norm = has_norm && written.stage == block.before_norm + 1;
                for c in 0..block.layer.mapped.channels * usize::from(is_norm) {
                    let values: Vec<f64> =
                        written.values.iter().skip(c).step_by(block.layer.mapped.channels).copied().collect();
                    let mean = values.iter().sum::<f64>() / values.len() as f64;
                    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
                    assert!(mean.abs() < 1e-9 && (variance - 1.0).abs() < 1e-9, "{case}: {mean} {variance}");
                }
            })
            .expect("a walk");
        check(case, &network, TRAINING);
        let data = Store::new("nowhere").load(&settings.data, 2).expect("glyphs need no files");
        let (mut state, mut counts) = (State::new(settings, &network), Counts::default());
        train(&mut network, &mut state, settings, &data, 2, &mut counts, &AtomicBool::new(false)).expect("training");
        // Refreshed before steps 2 and 4; not after the last.
        assert_eq!(counts.0, [[1, 1, 1], [2, 0, 0], [3, 1, 1], [4, 0, 0], [5, 1, 1]], "{case}");
    });
}

#[test]
fn an_evaluation_under_population_statistics_finds_them_from_the_training_split() {
    for_each_model(|case, settings, variants| {
        let data = Store::new("nowhere").load(&settings.data, 2).expect("glyphs need no files");
        for variant in variants {
            let network = network(settings, variant, &|place| parts(variant.arm, place));
            let evaluator = Evaluator::new(&network, &data, data.train.len(), 2);
            let loss = |statistics| {
                evaluator.scores(&network, &[(Part::Train, data.train.len())], statistics).expect("a score")[0].loss
            };
            // The whole training split is one batch here, and the population as well.
            let (batch, population) = (loss(Statistics::Batch), loss(Statistics::Population));
            let is_one_group = !matches!(variant.arm, Arm::Ghost { .. });
            assert_eq!((batch - population).abs() < 1e-9, is_one_group, "{} {case}", variant.name);
        }
    });
}
