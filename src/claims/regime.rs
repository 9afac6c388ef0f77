//! The regimes: the nets and data that claims are tried on, and the ordinary configurations that they come to.
//!
//! | regime | net | why |
//! |---|---|---|
//! | `shallow` | 3 × 100 ReLU, He | where little should go wrong |
//! | `sigmoid` | 3 × 100 sigmoid, weights of SD 0.01 | Ioffe & Szegedy 2015, section 4.1 |
//! | `deep10` | 10 × 100 ReLU, He | depth |
//! | `res20` | 20 residual blocks of 100, ReLU, the norm after the activation | where practice did drop batch norm |
//! | `offset` | normal clouds whose features have offsets and unequal scales | the case the question turns on |
//! | `cnn` | 16 and 32 channels, max pools | pooling |
//! | `batch256` | `shallow`, minibatches of 256, 400 steps | statistics of parts of a minibatch |
//! | `batch4`, `batch8` | `shallow`, minibatches of 4 and 8, 6,000 and 3,000 steps | statistics of few samples |
//! | `cnn2`, `cnn4`, `cnn8` | `cnn`, minibatches of 2, 4 and 8, 4,000, 2,000 and 1,000 steps | the same over positions |
//! | `adam` | `shallow`, trained by Adam | an optimiser that sets a rate for each parameter |
//! | `memorise` | `shallow`, 1,000 training samples with random labels, 600 steps | what a net can hold |
//!
//! Unless said otherwise, they train by SGD on minibatches of 64: 1,500 steps, the CNN 430. There are two schedules:
//!
//! - **constant** rates, for times to a target. 1,000 validation samples are read at steps that grow by a factor of 1.05,
//!   from step 20: no run arrives before. In `memorise` 1,000 training samples are read instead, every 50 steps.
//! - **cosine** decay to 0, for accuracies at the end, which then differ far less between seeds. 10,000 samples are held out
//!   to choose the rate by.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where claims are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the table above")]
pub enum Regime {
    Shallow,
    Sigmoid,
    Deep10,
    Res20,
    Offset,
    Cnn,
    Batch256,
    Batch4,
    Batch8,
    Cnn2,
    Cnn4,
    Cnn8,
    Adam,
    Memorise,
}

/// The schedule of the learning rate, which also says what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the list above")]
pub enum Schedule {
    Constant,
    Cosine,
}

impl Schedule {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Cosine => "cosine",
        }
    }
}

/// The images that claims are tried on; regime `offset` has data of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs, reason = "the names of the sources")]
pub enum Data {
    Mnist,
    Glyphs,
}

/// The first evaluation of a run at a constant rate, apart from the one before training.
const FIRST: usize = 20;
/// Factor between the steps of two evaluations of a run at a constant rate.
const FACTOR: f64 = 1.05;

impl Data {
    /// Its name in configurations and folders.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::Glyphs => "glyphs",
        }
    }

    fn configuration(self, schedule: Schedule) -> Value {
        match (self, schedule) {
            (Self::Mnist, Schedule::Constant) => json!({ "source": "mnist", "validation": 1000, "test": 1000 }),
            (Self::Mnist, Schedule::Cosine) => json!({ "source": "mnist", "validation": 10_000 }),
            (Self::Glyphs, Schedule::Constant) => {
                json!({ "source": "glyphs", "train": 5000, "validation": 1000, "test": 1000 })
            }
            (Self::Glyphs, Schedule::Cosine) => {
                json!({ "source": "glyphs", "train": 5000, "validation": 5000, "test": 5000 })
            }
        }
    }
}

impl Regime {
    /// Those of the question.
    pub const ALL: [Self; 6] = [Self::Shallow, Self::Sigmoid, Self::Deep10, Self::Res20, Self::Offset, Self::Cnn];
    /// Those whose nets have no convolutions.
    pub const MLPS: [Self; 5] = [Self::Shallow, Self::Sigmoid, Self::Deep10, Self::Res20, Self::Offset];

    /// Its name in folders and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shallow => "shallow",
            Self::Sigmoid => "sigmoid",
            Self::Deep10 => "deep10",
            Self::Res20 => "res20",
            Self::Offset => "offset",
            Self::Cnn => "cnn",
            Self::Batch256 => "batch256",
            Self::Batch4 => "batch4",
            Self::Batch8 => "batch8",
            Self::Cnn2 => "cnn2",
            Self::Cnn4 => "cnn4",
            Self::Cnn8 => "cnn8",
            Self::Adam => "adam",
            Self::Memorise => "memorise",
        }
    }

    /// Its network and data in words.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Shallow => "MLP of 3 layers of 100 units, ReLU, weights by He et al. (2015)",
            Self::Sigmoid => {
                "the same with sigmoids, weights of SD 0.01, as in section 4.1 of Ioffe and Szegedy (2015)"
            }
            Self::Deep10 => "10 layers of 100 units, ReLU",
            Self::Res20 => "a first layer and 20 residual blocks of 100 units, each a linear map, ReLU and the norm",
            Self::Offset => {
                "the net of `shallow` on generated data: 10 normal clouds in 20 dimensions, features with offsets and unequal scales"
            }
            Self::Cnn => "2 convolutions of 16 and 32 channels, each with ReLU and a max pool",
            Self::Batch256 => "`shallow` with minibatches of 256",
            Self::Batch4 => "`shallow` with minibatches of 4",
            Self::Batch8 => "`shallow` with minibatches of 8",
            Self::Cnn2 => "`cnn` with minibatches of 2",
            Self::Cnn4 => "`cnn` with minibatches of 4",
            Self::Cnn8 => "`cnn` with minibatches of 8",
            Self::Adam => "`shallow`, trained by Adam",
            Self::Memorise => "`shallow` on 1,000 images with random labels",
        }
    }

    /// Steps of training: the budget within which a target is to be reached.
    pub const fn steps(self) -> usize {
        match self {
            Self::Cnn => 430,
            Self::Batch256 => 400,
            Self::Batch4 => 6000,
            Self::Batch8 => 3000,
            Self::Cnn2 => 4000,
            Self::Cnn4 => 2000,
            Self::Cnn8 => 1000,
            Self::Memorise => 600,
            Self::Shallow | Self::Sigmoid | Self::Deep10 | Self::Res20 | Self::Offset | Self::Adam => 1500,
        }
    }

    /// Whether it measures how many training samples have been learnt.
    pub const fn is_about_memory(self) -> bool {
        matches!(self, Self::Memorise)
    }

    /// Samples in a minibatch.
    const fn batch_size(self) -> usize {
        match self {
            Self::Batch256 => 256,
            Self::Cnn2 => 2,
            Self::Batch4 | Self::Cnn4 => 4,
            Self::Batch8 | Self::Cnn8 => 8,
            _ => 64,
        }
    }

    fn model(self) -> Value {
        match self {
            Self::Shallow
            | Self::Offset
            | Self::Batch256
            | Self::Batch4
            | Self::Batch8
            | Self::Adam
            | Self::Memorise => {
                json!({ "kind": "mlp", "hidden": [100, 100, 100] })
            }
            Self::Sigmoid => json!({
                "kind": "mlp", "hidden": [100, 100, 100], "activation": "sigmoid",
                "init": { "scheme": "normal", "std": 0.01 }
            }),
            Self::Deep10 => json!({ "kind": "mlp", "hidden": vec![100; 10] }),
            Self::Res20 => json!({
                "kind": "mlp", "hidden": vec![100; 21], "residual": true, "norm_position": "after_activation"
            }),
            Self::Cnn | Self::Cnn2 | Self::Cnn4 | Self::Cnn8 => json!({ "kind": "cnn", "channels": [16, 32] }),
        }
    }

    fn data(self, data: Data, schedule: Schedule) -> Value {
        if self == Self::Memorise {
            let source = data.name();
            return json!({ "source": source, "train": 1000, "validation": 1000, "test": 1000, "random_labels": true });
        }
        if self != Self::Offset {
            return data.configuration(schedule);
        }
        let held_out = if schedule == Schedule::Constant { 1000 } else { 10_000 };
        json!({
            "source": "gaussians", "classes": 10, "dimension": 20, "separation": 3.0, "offset": 10.0, "scale_spread": 2.0,
            "train": 20_000, "validation": held_out, "test": held_out
        })
    }

    /// The configuration of one arm, an entry of `variants`, at these rates, for these seeds.
    pub fn configuration(
        self,
        data: Data,
        schedule: Schedule,
        arm: &str,
        entry: Value,
        rates: &[f64],
        seeds: &[u64],
    ) -> Value {
        let steps = self.steps();
        let word = schedule.name();
        let evaluate = match schedule {
            Schedule::Constant if self.is_about_memory() => json!(50),
            Schedule::Constant => json!(geometric(steps)),
            Schedule::Cosine => json!(0),
        };
        // What the activations are at the start and at the end.
        let is_looked_at = matches!(self, Self::Shallow | Self::Adam) && schedule == Schedule::Constant;
        let looks = if is_looked_at { vec![0, steps] } else { Vec::new() };
        let activations = if looks.is_empty() { json!(0) } else { json!(looks) };
        json!({
            "name": arm,
            "description": format!("Arm {arm} in regime {} of `bn-exp claims`, {word} learning rate.", self.name()),
            "data": self.data(data, schedule),
            "model": self.model(),
            "variants": [entry],
            "optimizer": { "kind": if self == Self::Adam { "adam" } else { "sgd" }, "lr": rates[0], "schedule": word },
            "train": { "batch_size": self.batch_size(), "steps": steps },
            "seeds": seeds,
            "sweep": { "optimizer.lr": rates },
            "log": {
                "batch_every": 50, "evaluate_every": evaluate, "activations_every": activations, "gradients_every": 0,
                "train_eval": if self.is_about_memory() { 1000 } else { 64 }, "train_final": 1000
            },
            "compare": {
                "metric": "test_accuracy_population", "select": ["optimizer.lr"]
            }
        })
    }
}

/// Whole steps from the first to before `last`, each 5 % above the one before.
fn geometric(last: usize) -> Vec<usize> {
    let mut steps = vec![FIRST];
    while let Some(next) = steps.last().map(|step| (*step as f64 * FACTOR).round() as usize) {
        if next >= last {
            break;
        }
        steps.push(next);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_are_further_and_further_apart() {
        let steps = geometric(1500);
        assert_eq!(steps[..4], [20, 21, 22, 23]);
        let is_near = |pair: &[usize]| pair[1] > pair[0] && pair[1] as f64 / (pair[0] as f64) < 1.08;
        assert!(steps.windows(2).all(is_near) && steps.len() < 100, "{steps:?}");
        assert!(steps[steps.len() - 1] < 1500 && steps[steps.len() - 1] > 1380);
    }
}
