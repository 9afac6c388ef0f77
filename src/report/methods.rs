//! A methods paragraph for the experiment at hand, to be adapted for a paper.

use serde_json::Value;

use crate::compare::words::{named, percent};
use crate::compare::{Comparison, Options};
use crate::config::file::VariantEntry;
use crate::config::names::serde_name;
use crate::record::machine;

/// What was trained, how rates were chosen, and how arms were compared.
pub(super) fn methods(comparison: &Comparison, options: &Options) -> String {
    let configuration = &comparison.configuration;
    let mut sentences =
        vec![trained(comparison, configuration), optimised(configuration), arms(comparison, configuration)];
    sentences.extend(tuned(comparison, configuration));
    sentences.push(tested(comparison, options));
    sentences.join(" ")
}

fn trained(comparison: &Comparison, configuration: &Value) -> String {
    let (data, model) = (&configuration["data"], &configuration["model"]);
    let widths = |key: &str| {
        let list = model[key].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
    };
    let net = match model["kind"].as_str() {
        Some("cnn") => {
            let dense = if widths("dense").is_empty() {
                String::new()
            } else {
                format!(" and {} hidden units", widths("dense"))
            };
            format!("Convolutional networks with {} channels{dense}", widths("channels"))
        }
        _ => format!("Multi-layer perceptrons with {} hidden units", widths("hidden")),
    };
    let skip = if model["residual"] == true { ", with skip connections" } else { "" };
    let position = text(&model["norm_position"]).replace('_', " the ");
    let init = text(&model["init"]["scheme"]);
    let split = ["train", "validation", "test"].map(|part| format!("{} {part}", text(&data[part])));
    format!(
        "{net} ({}{skip}; the norm {position}; initial weights: {init}) were trained on {} ({} samples) by bn-exp {} \
         (numerics {}), in {}.",
        text(&model["activation"]),
        source(data),
        split.join(", "),
        machine::PROGRAM_VERSION,
        comparison.numerics,
        if model["precision"] == "f64" { "double precision" } else { "single precision" },
    )
}

/// The data set, or the user's own files.
fn source(data: &Value) -> String {
    let place = ["dir", "file"].into_iter().find_map(|key| data[key].as_str());
    place.map_or_else(|| text(&data["source"]), |place| format!("the data in {place}"))
}

fn optimised(configuration: &Value) -> String {
    let (optimizer, train) = (&configuration["optimizer"], &configuration["train"]);
    let kind = match text(&optimizer["kind"]).as_str() {
        "sgd" => "SGD".to_owned(),
        "adam" => "Adam".to_owned(),
        "adamw" => "AdamW".to_owned(),
        other => other.to_owned(),
    };
    let extra = [("momentum", "momentum"), ("weight_decay", "weight decay")].into_iter();
    let extra = extra.filter(|(key, _)| optimizer[*key].as_f64().is_some_and(|x| x != 0.0));
    let extra: String = extra.map(|(key, words)| format!(", {words} {}", optimizer[key])).collect();
    let length = match (&train["steps"], &train["epochs"]) {
        (Value::Null, epochs) => format!("{} epochs", text(epochs)),
        (steps, _) => format!("{} steps", text(steps)),
    };
    let schedule = text(&optimizer["schedule"]);
    format!(
        "They were trained for {length} on minibatches of {} by {kind} ({schedule} learning rate{extra}).",
        text(&train["batch_size"])
    )
}

fn arms(comparison: &Comparison, configuration: &Value) -> String {
    let mut names: Vec<String> = Vec::new();
    for arm in &comparison.arms {
        let name = named(&arm.variant);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let seeds = comparison.arms.iter().map(|arm| arm.planned).max().unwrap_or(0);
    let entries = configuration["variants"].as_array().map(Vec::as_slice).unwrap_or_default();
    let what: Vec<String> = entries.iter().filter_map(formula).collect();
    let what = if what.is_empty() { names.join(", ") } else { what.join("; ") };
    let moments = if ["μ", "x̂", "ε"].iter().any(|symbol| what.contains(symbol)) {
        let eps = &configuration["norm"]["epsilon"];
        format!(
            " Here x̂ = (x − μ)/√(σ² + ε), ε = {eps}, and where nothing else is said μ and σ² are the moments of the minibatch."
        )
    } else {
        String::new()
    };
    format!(
        "The arms differ in nothing but what stands in the place of the norm: {what}.{moments} Each was trained with {seeds} \
         seeds; the arms of a seed share their data, the order of the minibatches and every initial weight."
    )
}

/// An entry of `variants`: its name, the formula of its arm, and what else it changes.
fn formula(entry: &Value) -> Option<String> {
    let entry: VariantEntry = serde_json::from_value(entry.clone()).ok()?;
    let object = match entry {
        VariantEntry::Name(arm) => return Some(format!("{}, {}", named(&serde_name(&arm)), arm.formula())),
        VariantEntry::Object(object) => object,
    };
    let arm = object.base.or_else(|| serde_json::from_value(Value::from(object.name.as_str())).ok())?;
    let changes = serde_json::to_value(&object).ok()?;
    let changes = changes.as_object()?.iter().filter(|(key, _)| !["name", "base"].contains(&key.as_str()));
    let changes: String = changes.map(|(key, value)| format!(", {key} {}", text(value))).collect();
    Some(format!("{}, {}{changes}", named(&object.name), arm.formula()))
}

fn tuned(comparison: &Comparison, configuration: &Value) -> Option<String> {
    if comparison.tuned.is_empty() {
        return Some("No arm was tuned.".to_owned());
    }
    let values = |axis: &String| {
        let list = configuration["sweep"][axis.as_str()].as_array().map(Vec::as_slice).unwrap_or_default();
        let list: Vec<String> = list.iter().map(text).collect();
        if list.is_empty() { axis.clone() } else { format!("{axis} ({})", list.join(", ")) }
    };
    let axes: Vec<String> = comparison.tuned.iter().map(values).collect();
    Some(format!(
        "For each arm and seed the other seeds chose {} by their mean validation result, so that no seed was taken at a value \
         for its own luck.",
        axes.join(" and ")
    ))
}

fn tested(comparison: &Comparison, options: &Options) -> String {
    let metric = comparison.metric.name.replace('_', " ");
    let diverged: usize = comparison.arms.iter().map(|arm| arm.diverged).sum();
    let all: usize = comparison.curves.iter().flat_map(|curve| &curve.points).map(|point| point.diverged).sum();
    let diverged = match (diverged, all) {
        (0, 0) => "No run diverged.".to_owned(),
        (0, all) => {
            format!("Of {} runs {all} diverged, none of them at a value at which an arm is read.", comparison.planned)
        }
        (n, _) => format!(
            "Of the runs that were compared {n} diverged; such a run counts as guessing in an accuracy, as the worst in a loss."
        ),
    };
    let margin = comparison.equivalence_margin;
    let margin = margin.map_or_else(String::new, |margin| format!(" Equivalence was tested within ±{margin}."));
    let fixed = if comparison.has_fixed_data {
        " The data are the same for every seed, so intervals cover initialisation and order of the minibatches alone."
    } else {
        ""
    };
    format!(
        "Differences in {metric}, paired by seed, were tested two-sidedly by exchanging the arms' results within seeds, the \
         choice made anew each time, and by flipping the signs of the differences; the larger p counts, corrected by Holm's \
         method, and the {} % intervals invert both tests.{margin} {diverged}{fixed}",
        percent(options.confidence)
    )
}

/// A value as a word.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arm_is_given_by_its_formula_and_what_else_it_changes() {
        assert_eq!(formula(&json!("bn")).unwrap(), "`bn`, y = γx̂ + β");
        let rows = json!({ "name": "small", "base": "affine", "scale_rows": { "share": 0.5, "factor": 0.1 } });
        let words = formula(&rows).unwrap();
        assert!(words.starts_with("`small`, y = γx + β, scale_rows {\"share\":0.5,"), "{words}");
        let ghost = formula(&json!({ "name": "ghost", "batch": 8 })).unwrap();
        assert_eq!(ghost, "`ghost`, y = γx̂ + β with μ and σ² of groups of samples, batch 8");
        assert_eq!(formula(&json!("another")), None);
    }
}
