//! Whole trainings against PyTorch's: every batch loss of 200 steps, in f64, to 1e-8.
//!
//! The losses in `goldens/replay_losses.json` are PyTorch's, from the initial parameters and batches
//! that bn-exp had traced; `scripts/replay_cases.py --write` made them, and without `--write` makes
//! the comparison live, in f32 as well.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::thread;

use bn_exp::config::Experiment;
use bn_exp::config::resolve::synthetic_facts;
use bn_exp::data::Store;
use bn_exp::train::{Batch, Observer, State, initial, train};
use serde_json::{Map, Value};

use crate::common::arms;

const TOLERANCE: f64 = 1e-8;

/// Keeps every batch loss.
#[derive(Default)]
pub struct Losses(pub Vec<f64>);

impl Observer<f64> for Losses {
    fn batch(&mut self, batch: &Batch<f64>) -> anyhow::Result<()> {
        self.0.push(batch.loss);
        Ok(())
    }
}

/// Trains every variant of a case; losses by variant.
fn losses(base: &Value, change: &Map<String, Value>) -> BTreeMap<String, Vec<f64>> {
    let overrides: Vec<(String, Value)> = change.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files here"));
    let experiment = Experiment::parse(&base.to_string(), &overrides, &facts).unwrap();
    let settings = &experiment.points[0].settings;
    let data = Store::new("nowhere").load(&settings.data, 0).unwrap();
    let run = |variant| {
        let mut network = initial::<f64>(settings, variant, &data, 0).unwrap();
        let mut losses = Losses::default();
        let mut state = State::new(settings, &network);
        train(&mut network, &mut state, settings, &data, 0, &mut losses, &AtomicBool::new(false)).unwrap();
        losses.0
    };
    experiment.variants.iter().map(|variant| (variant.name.clone(), run(variant))).collect()
}

#[test]
fn every_batch_loss_of_200_steps_is_pytorchs() {
    let catalogue: Value = serde_json::from_str(include_str!("../goldens/replay_cases.json")).unwrap();
    let goldens: BTreeMap<String, BTreeMap<String, Vec<f64>>> =
        serde_json::from_str(include_str!("../goldens/replay_losses.json")).unwrap();
    let cases = catalogue["cases"].as_object().unwrap();
    assert_eq!(cases.len(), goldens.len(), "every case has its losses; scripts/replay_cases.py --write makes them");
    let name = |entry: &Value| entry.as_str().or(entry["name"].as_str()).expect("an entry has a name").to_owned();
    let replayed: Vec<String> = catalogue["base"]["variants"].as_array().unwrap().iter().map(name).collect();
    for arm in arms::variants() {
        assert!(replayed.contains(&arm.name), "arm {} is not in the base case of replay_cases.json", arm.name);
    }
    let mut worst = (0.0, String::new());
    let found: Vec<_> = thread::scope(|scope| {
        let train = |change: &'_ Value| losses(&catalogue["base"], change.as_object().unwrap());
        let cases: Vec<_> = cases.iter().map(|(name, change)| (name, scope.spawn(move || train(change)))).collect();
        cases.into_iter().map(|(name, losses)| (name, losses.join().expect("a training"))).collect()
    });
    for (name, ours) in found {
        let theirs = &goldens[name];
        assert!(ours.keys().eq(theirs.keys()), "{name}: {:?} {:?}", ours.keys(), theirs.keys());
        for (variant, theirs) in theirs {
            assert_eq!((ours[variant].len(), theirs.len()), (200, 200), "{name} {variant}");
            for (step, (ours, theirs)) in ours[variant].iter().zip(theirs).enumerate() {
                let deviation = (ours - theirs).abs() / theirs.abs();
                assert!(deviation <= TOLERANCE, "{name}, {variant}, step {step}: {ours} is not {theirs}");
                if deviation > worst.0 {
                    worst = (deviation, format!("{name}, {variant}, step {step}"));
                }
            }
        }
    }
    println!("largest relative deviation {:.1e}: {}", worst.0, worst.1);
}
