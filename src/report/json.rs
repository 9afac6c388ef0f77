//! Comparisons as JSON: everything that the text says, in names that scripts can rely on.

use serde_json::{Value, json};

use crate::compare::contrasts::Contrast;
use crate::compare::curve::{Curve, CurvePoint};
use crate::compare::sentence::sentence;
use crate::compare::{Comparison, Options, named_values};

/// Version of this layout.
const SCHEMA_VERSION: u32 = 1;

/// `{"schema_version": 1, "experiments": [...]}`
pub fn comparisons(comparisons: &[Comparison], options: &Options) -> Value {
    let experiments: Vec<Value> = comparisons.iter().map(|comparison| experiment(comparison, options)).collect();
    let notes = super::notes::notes(comparisons, options);
    json!({ "schema_version": SCHEMA_VERSION, "confidence": options.confidence, "experiments": experiments, "notes": notes })
}

fn experiment(comparison: &Comparison, options: &Options) -> Value {
    let setting = |i: usize| named_values(&comparison.by, &comparison.settings[i]);
    let candidate = |i: usize| named_values(&comparison.tuned, &comparison.candidates[i]);
    let arms = comparison.arms.iter().map(|arm| {
        json!({
            "variant": arm.variant,
            "setting": setting(arm.setting),
            "planned": arm.planned,
            "n": arm.n,
            "diverged": arm.diverged,
            "diverged_interval": arm.diverged_interval,
            "mean": arm.estimate.map(|e| e.mean),
            "interval": arm.estimate.and_then(|e| e.interval),
            "selected": arm.selected.map(candidate),
            "chosen": arm.chosen.iter().map(|(k, seeds)| json!({ "values": candidate(*k), "seeds": seeds })).collect::<Vec<_>>(),
            "edge": arm.edge,
            "us_per_step": arm.us_per_step,
        })
    });
    let contrasts = comparison.contrasts.iter().map(|contrast| {
        let mut object = tested(comparison, contrast);
        object["a"] = json!(contrast.a);
        object["b"] = json!(contrast.b);
        object["sentence"] = json!(sentence(comparison, contrast, options.confidence));
        object
    });
    let effects = comparison.effects.iter().map(|effect| {
        let mut object = tested(comparison, effect);
        object["effect"] = json!(effect.a);
        object
    });
    let times = comparison.times.iter().map(|time| {
        json!({
            "variant": time.variant,
            "setting": setting(time.setting),
            "n": time.n,
            "reached": time.reached,
            "steps": time.steps,
            "median_steps": time.median,
            "budget_steps": time.budget,
            "seconds": time.seconds,
            "selected": time.selected.map(candidate),
            "edge": time.edge,
            "not_yet_reached": time.curve.iter().map(|fall| [fall.time, fall.share]).collect::<Vec<_>>(),
        })
    });
    json!({
        "name": comparison.name,
        "metric": comparison.metric.name,
        "tuned": comparison.tuned,
        "by": comparison.by,
        "equivalence_margin": comparison.margin,
        "target_accuracy": comparison.target,
        "contrasts": contrasts.collect::<Vec<_>>(),
        "effects": effects.collect::<Vec<_>>(),
        "arms": arms.collect::<Vec<_>>(),
        "times_to_target": times.collect::<Vec<_>>(),
        "curves": comparison.curves.iter().map(|c| curve(comparison, c)).collect::<Vec<_>>(),
        "planned": comparison.planned,
        "missing": comparison.missing.iter().map(|run| json!({ "run_id": run.id, "why": run.why })).collect::<Vec<_>>(),
        "warnings": comparison.warnings,
    })
}

fn tested(comparison: &Comparison, contrast: &Contrast) -> Value {
    let mut object = json!({
        "setting": named_values(&comparison.by, &comparison.settings[contrast.setting]),
        "planned": contrast.planned,
        "n": contrast.n,
        "by_ranks": contrast.by_ranks,
        "difference": contrast.difference,
        "interval": contrast.interval,
        "p": contrast.p,
        "p_holm": contrast.p_holm,
        "p_minimum": contrast.p_minimum,
        "superiority": contrast.superiority,
        "effect_size": contrast.effect_size,
        "verdict": contrast.verdict.name(),
    });
    if let Some(found) = contrast.null {
        object["null"] = json!({
            "exchanges": found.exchanges,
            "rejected": found.rejected,
            "interval_without_0": found.excluded,
            "better_or_worse": found.alarms,
            "equivalent": found.equivalent,
        });
    }
    object
}

fn curve(comparison: &Comparison, curve: &Curve) -> Value {
    let point = |point: &CurvePoint| {
        json!({
            "values": named_values(&comparison.tuned, &comparison.candidates[point.candidate]),
            "n": point.n,
            "diverged": point.diverged,
            "diverged_interval": point.diverged_interval,
            "mean": point.mean,
        })
    };
    json!({
        "variant": curve.variant,
        "setting": named_values(&comparison.by, &comparison.settings[curve.setting]),
        "points": curve.points.iter().map(point).collect::<Vec<_>>(),
        "good": curve.good.map(|good| json!({
            "low": good.low, "high": good.high, "decades": good.decades, "reaches_the_edge": good.open,
        })),
    })
}
