//! The entries of `variants` → the arms of an experiment, checked.

use std::collections::HashSet;

use serde_json::Value;

use super::file::{Arm, ArmName, VariantEntry, VariantObject};
use super::names::{check_arm_name, check_arm_names, serde_name};
use super::problem::Problems;
use super::settings::{TENSORS, Variant};

/// Every entry as a variant; faults go to `problems`.
pub fn variants(entries: &[VariantEntry], problems: &mut Problems) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    let mut names = HashSet::new();
    for (i, entry) in entries.iter().enumerate() {
        let path = format!("variants[{i}]");
        let Some(variant) = variant(&object(entry), &path, problems) else { continue };
        if names.insert(variant.name.clone()) {
            variants.push(variant);
        } else {
            problems.add(path, format!("variant `{}` appears twice", variant.name));
        }
    }
    if !variants.is_empty() {
        check_arm_names(variants.iter().map(|variant| variant.name.as_str()), problems);
    }
    variants
}

/// An entry with everything spelled out.
fn object(entry: &VariantEntry) -> VariantObject {
    match entry {
        VariantEntry::Name(arm) => {
            VariantObject { name: serde_name(arm), base: Some(*arm), ..VariantObject::default() }
        }
        VariantEntry::Object(object) => object.clone(),
    }
}

/// The arm that an entry starts from: `base`, or the arm that the entry is called by.
fn base(object: &VariantObject) -> Option<ArmName> {
    object.base.or_else(|| serde_json::from_value(Value::from(object.name.as_str())).ok())
}

fn variant(object: &VariantObject, path: &str, problems: &mut Problems) -> Option<Variant> {
    check_arm_name(&object.name, &format!("{path}.name"), problems);
    let Some(base) = base(object) else {
        problems.add(format!("{path}.base"), format!("missing; `{}` is not the name of an arm", object.name));
        return None;
    };
    for (j, entry) in object.train_only.iter().flatten().enumerate() {
        if !TENSORS.contains(&entry.as_str()) && !entry.starts_with("blocks.") {
            let rule = format!("allowed: {}, or a parameter's name such as blocks.0.weight", TENSORS.join(", "));
            problems.add(format!("{path}.train_only[{j}]"), format!("{entry:?} names no tensor; {rule}"));
        }
    }
    let arm = Arm::of(base, object, path, problems)?;
    for (knob, _) in [("gamma", object.gamma), ("beta", object.beta)].iter().filter(|(_, value)| value.is_some()) {
        let name = serde_name(&base);
        if !arm.has_affine() {
            problems.add(format!("{path}.{knob}"), format!("has no meaning with arm {name}, which has no γ and β"));
        } else if arm == Arm::AffineInit {
            problems.add(format!("{path}.{knob}"), format!("arm {name} sets γ and β from the first minibatch"));
        }
    }
    let VariantObject { name, bias, train_only, gamma, beta, scale_rows, .. } = object.clone();
    Some(Variant { name, arm, bias, train_only, gamma, beta, scale_rows })
}
