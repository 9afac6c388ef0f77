//! The arms, each once, and what a test must know of each. Whatever is held of every arm walks this list: gradient
//! checks, goldens, replays, pairing, allocations.
//!
//! A new arm does not compile before [`facts`] knows it, and `arms::every_arm_is_in_the_list` fails before it is in
//! [`entries`]. The batches of these tests are multiples of 3, so that a knob that must divide the batch can be 3.

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::settings::Arm;
use bn_exp::config::{Experiment, Variant};
use serde_json::{Value, json};

/// What a test must know of an arm.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Whether a norm stands in the block.
    pub has_norm: bool,
    /// Whether γ and β follow.
    pub has_affine: bool,
    /// Whether training subtracts the batch's own mean: a shift of all its rows then has no effect.
    pub subtracts_mean: bool,
    /// Whether training divides by the batch's own SD: a factor on all its rows then has no effect, if ε is 0.
    pub divides_by_sd: bool,
    /// Whether evaluation uses other statistics than training.
    pub uses_batch: bool,
    /// Whether statistics are over all channels of a sample, of which there must then be two.
    pub is_over_channels: bool,
    /// Whether the gradient takes m and s for constants, though training finds them from the batch.
    pub is_detached: bool,
    /// Whether it is the same function as `none` at step 0.
    pub starts_as_none: bool,
    /// The fewest rows that a training batch may have.
    pub least_batch: usize,
    /// What the rows of a training batch must be a multiple of.
    pub batch_multiple: usize,
}

impl Facts {
    /// The smallest training batch of at least so many rows.
    pub fn batch(&self, rows: usize) -> usize {
        rows.max(self.least_batch).next_multiple_of(self.batch_multiple)
    }
}

/// What there is to know of an arm.
pub fn facts(arm: Arm) -> Facts {
    let none = Facts {
        has_norm: false,
        has_affine: false,
        subtracts_mean: false,
        divides_by_sd: false,
        uses_batch: false,
        is_over_channels: false,
        is_detached: false,
        starts_as_none: true,
        least_batch: 1,
        batch_multiple: 1,
    };
    let affine = Facts { has_norm: true, has_affine: true, ..none };
    let bn = Facts {
        subtracts_mean: true,
        divides_by_sd: true,
        uses_batch: true,
        starts_as_none: false,
        least_batch: 2,
        ..affine
    };
    match arm {
        Arm::None => none,
        Arm::Affine => affine,
        Arm::Standardize => Facts { has_affine: false, ..bn },
        Arm::Bn => bn,
        Arm::Center => Facts { divides_by_sd: false, ..bn },
        Arm::Scale => Facts { subtracts_mean: false, ..bn },
        Arm::Detached => Facts { is_detached: true, ..bn },
        Arm::AffineInit => Facts { starts_as_none: false, least_batch: 2, ..affine },
        Arm::Frozen => Facts { starts_as_none: false, least_batch: 2, ..affine },
        Arm::Refresh { .. } => Facts { starts_as_none: false, least_batch: 2, ..affine },
        Arm::LayerNorm => Facts { starts_as_none: false, is_over_channels: true, ..affine },
        Arm::WeightStd => Facts { starts_as_none: false, ..affine },
        Arm::Noisy => bn,
        Arm::Ghost { batch } => Facts { batch_multiple: batch, ..bn },
    }
}

/// Every arm as an entry of `variants`; one with knobs is an object, `{"name": …, "knob": …}`.
pub fn entries() -> Vec<Value> {
    vec![
        json!("none"),
        json!("affine"),
        json!("standardize"),
        json!("bn"),
        json!("center"),
        json!("scale"),
        json!("detached"),
        json!("affine_init"),
        json!("frozen"),
        json!({"name": "refresh", "every": 3, "keep": "function"}),
        json!({"name": "refresh_parameters", "base": "refresh", "every": 3, "keep": "parameters"}),
        json!("layer_norm"),
        json!("weight_std"),
        json!("noisy"),
        json!({"name": "ghost", "batch": 3}),
    ]
}

/// The name of an arm, whatever its knobs and its name in an experiment.
pub fn base(arm: Arm) -> String {
    let entry = serde_json::to_value(arm).expect("JSON");
    let tag = entry.as_object().and_then(|knobs| knobs.keys().next());
    tag.map(String::as_str).or(entry.as_str()).expect("an arm has a name").to_owned()
}

/// Every arm as networks are built from it.
pub fn variants() -> Vec<Variant> {
    let text = json!({
        "name": "arms",
        "data": { "source": "gaussians" },
        "model": { "kind": "mlp", "hidden": [3] },
        "variants": entries(),
        "optimizer": { "kind": "sgd", "lr": 0.1 },
        "train": { "batch_size": 12, "steps": 1 },
    });
    let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("gaussians need no files"));
    Experiment::parse(&text.to_string(), &[], &facts).expect("every entry is an arm").variants
}

/// Every arm of which something is true.
pub fn variants_where(is: impl Fn(&Facts) -> bool) -> Vec<Variant> {
    let found: Vec<_> = variants().into_iter().filter(|variant| is(&facts(variant.arm))).collect();
    assert!(!found.is_empty(), "there is no such arm: nothing would be tested");
    found
}
