//! A methods paragraph for the experiment at hand, to be adapted for a paper.

use serde_json::Value;

use crate::compare::words::{named, percent, seeds};
use crate::compare::{Comparison, Options};
use crate::config::file::{ArmName, Keep, Kind, ScaleRows, VariantEntry, VariantObject};
use crate::config::names::serde_name;
use crate::record::machine;

/// What was trained, how rates were chosen, and how arms were compared.
pub(super) fn methods(comparison: &Comparison, options: &Options) -> String {
    let configuration = &comparison.configuration;
    let sentences = [
        trained(comparison, configuration),
        optimised(configuration),
        arms(comparison, configuration),
        tuned(comparison, configuration),
        tested(comparison, options),
    ];
    sentences.join(" ")
}

/// Which networks were trained on which data.
pub(super) fn trained(comparison: &Comparison, configuration: &Value) -> String {
    let of = |path: &str| setting(configuration, path);
    let net = match configuration["model"]["kind"].as_str() {
        Some("cnn") => {
            let dense = Some(of("model.dense")).filter(|dense| !dense.is_empty() && dense != "null");
            let dense = dense.map_or_else(String::new, |dense| format!(" and {dense} hidden units"));
            format!("Convolutional networks with {} channels{dense}", of("model.channels"))
        }
        _ => format!("Multi-layer perceptrons with {} hidden units", of("model.hidden")),
    };
    let skip = if configuration["model"]["residual"] == true { ", with skip connections" } else { "" };
    let split = ["train", "validation", "test"].map(|part| format!("{} {part}", of(&format!("data.{part}"))));
    format!(
        "{net} ({}{skip}; the norm {}; initial weights {}) were trained on {} ({} samples{}) by bn-exp {} (numerics {}), in {}.",
        of("model.activation"),
        of("model.norm_position").replace('_', " the "),
        of("model.init.scheme"),
        source(configuration),
        split.join(", "),
        scaling(configuration),
        machine::PROGRAM_VERSION,
        comparison.numerics,
        match of("model.precision").as_str() {
            "f32" => "single precision",
            "f64" => "double precision",
            _ => "single or double precision",
        },
    )
}

/// The value of a setting; every value, if it was swept.
fn setting(configuration: &Value, path: &str) -> String {
    match configuration["sweep"][path].as_array() {
        Some(values) => either(values),
        None => words(path.split('.').fold(configuration, |value, key| &value[key])),
    }
}

/// `a, b or c`
fn either(values: &[Value]) -> String {
    match values {
        [] => String::new(),
        [only] => words(only),
        [first @ .., last] => {
            format!("{} or {}", first.iter().map(words).collect::<Vec<_>>().join(", "), words(last))
        }
    }
}

/// A value as a word. Equal widths of layers are counted: 3 × 100.
fn words(value: &Value) -> String {
    match value.as_array().map(Vec::as_slice) {
        Some([first, others @ ..]) if !others.is_empty() && others.iter().all(|other| other == first) => {
            format!("{} × {}", others.len() + 1, text(first))
        }
        Some(widths) => widths.iter().map(text).collect::<Vec<_>>().join("-"),
        None => text(value),
    }
}

/// The data set, or the user's own files.
fn source(configuration: &Value) -> String {
    let place = ["data.dir", "data.file"].map(|path| setting(configuration, path));
    let place = place.iter().find(|place| *place != "null");
    let labels = if configuration["data"]["random_labels"] == true { ", with random labels" } else { "" };
    match place {
        Some(place) => format!("the data in {place}{labels}"),
        None => format!("{}{labels}", setting(configuration, "data.source")),
    }
}

/// How features were scaled, and which samples are for testing, if they are drawn.
fn scaling(configuration: &Value) -> String {
    let data = &configuration["data"];
    let drawn = data["source"] == "csv" && data["test_file"].is_null();
    let drawn = if drawn { ", those for testing a fifth of the file, drawn once" } else { "" };
    let scaling = match data["scaling"].as_str() {
        Some("unit") => "; bytes divided by 255",
        Some("standardize") => "; features standardised with mean and SD of the training samples",
        Some("binary") => "; features made 0 or 1",
        _ => "",
    };
    format!("{drawn}{scaling}")
}

fn optimised(configuration: &Value) -> String {
    let of = |path: &str| setting(configuration, path);
    let extra = [("optimizer.momentum", "momentum"), ("optimizer.weight_decay", "weight decay")].into_iter();
    let extra = extra
        .map(|(path, words)| (of(path), words))
        .filter(|(value, _)| !["null", "0", "0.0"].contains(&value.as_str()));
    let mut extra: String = extra.map(|(value, words)| format!(", {words} {value}")).collect();
    if !["null", "0"].contains(&of("optimizer.warmup").as_str()) {
        extra += &format!(", after {} steps of warm-up", of("optimizer.warmup"));
    }
    let length = match of("train.steps").as_str() {
        "null" => format!("{} epochs", of("train.epochs")),
        steps => format!("{steps} steps"),
    };
    format!(
        "They were trained for {length} on minibatches of {} by {} ({} learning rate{}{extra}).",
        of("train.batch_size"),
        of("optimizer.kind"),
        of("optimizer.schedule"),
        // A tuned rate is described with the tuning.
        if configuration["sweep"]["optimizer.lr"].is_null() {
            format!(" {}", of("optimizer.lr"))
        } else {
            String::new()
        },
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
    let n = seeds(comparison.arms.iter().map(|arm| arm.planned).max().unwrap_or(0));
    let what = formulas(configuration);
    let what = if what.is_empty() { names.join(", ") } else { what.join("; ") };
    let moments = if ["μ", "x̂", "ε"].iter().any(|symbol| what.contains(symbol)) {
        let eps = setting(configuration, "norm.epsilon");
        let momentum = setting(configuration, "norm.momentum");
        format!(
            " Here x̂ = (x − μ)/√(σ² + ε), ε = {eps}, and where nothing else is said μ and σ² are the moments of the minibatch; \
             running statistics take a share of {momentum} of each."
        )
    } else {
        String::new()
    };
    format!(
        "The arms differ in nothing but what stands in the place of the norm: {what}.{moments} Each was trained with {n}; the \
         arms of a seed share their data, the order of the minibatches and every initial weight."
    )
}

/// What each arm is, unless there are too many to read: for whoever sees the names for the first time.
pub(super) fn what_arms_are(configuration: &Value) -> Option<String> {
    const MOST: usize = 5;
    let what = formulas(configuration);
    let standardised = match what.iter().any(|arm| arm.contains("x̂")) {
        true => ", where x̂ = (x − μ)/√(σ² + ε) is x standardised over the minibatch",
        false => "",
    };
    (1..=MOST).contains(&what.len()).then(|| format!("In the place of the norm: {}{standardised}.", what.join("; ")))
}

/// The arms of a configuration.
fn formulas(configuration: &Value) -> Vec<String> {
    configuration["variants"].as_array().into_iter().flatten().filter_map(formula).collect()
}

/// An entry of `variants`: its name, the formula of its arm, and what else it changes.
pub(super) fn formula(entry: &Value) -> Option<String> {
    let object = match serde_json::from_value(entry.clone()).ok()? {
        VariantEntry::Name(arm) => {
            VariantObject { name: serde_name(&arm), base: Some(arm), ..VariantObject::default() }
        }
        VariantEntry::Object(object) => object,
    };
    let VariantObject { name, base, bias, train_only, gamma, beta, scale_rows, every, keep, batch } = object;
    let arm = base.or_else(|| serde_json::from_value(Value::from(name.as_str())).ok())?;
    let bias = match bias.unwrap_or(arm == ArmName::None) {
        true => ", behind a bias",
        false if arm == ArmName::None => ", without a bias",
        false => "",
    };
    let mut changes = bias.to_owned();
    let mut add = |change: Option<String>| changes += &change.map_or_else(String::new, |change| format!(", {change}"));
    add(gamma.map(|gamma| format!("γ at first {gamma}")));
    add(beta.map(|beta| format!("β at first {beta}")));
    add(train_only.map(|tensors| format!("only {} trained", tensors.join(" and "))));
    add(scale_rows.map(|rows| {
        let ScaleRows { share, factor, spread } = rows;
        let spread = if spread == 1.0 { String::new() } else { format!(", each up to {spread} times more or less") };
        format!(
            "the weights into the first {} % of each layer's channels at first times {factor}{spread}",
            percent(share)
        )
    }));
    add(every.map(|every| format!("every {every} steps")));
    add(keep.map(|keep| match keep {
        Keep::Function => "while the function stays".to_owned(),
        Keep::Parameters => "while γ and β stay".to_owned(),
    }));
    add(batch.map(|batch| format!("{batch} samples a group")));
    let equation = match arm {
        ArmName::Affine => " (eq. 3)",
        ArmName::Standardize => " (eq. 1)",
        ArmName::Bn => " (eqs. 1 and 2)",
        _ => "",
    };
    Some(format!("{}, {}{equation}{changes}", named(&name), arm.formula()))
}

fn tuned(comparison: &Comparison, configuration: &Value) -> String {
    let values = |axis: &String| format!("{} ({})", quantity(axis), tried(comparison, configuration, axis));
    let list = |axes: &[&String]| axes.iter().map(|axis| values(axis)).collect::<Vec<_>>().join(" and ");
    let tuned: Vec<&String> = comparison.tuned.iter().collect();
    let swept = configuration["sweep"].as_object().into_iter().flat_map(|sweep| sweep.keys());
    let apart: Vec<&String> = swept.filter(|axis| !comparison.tuned.contains(axis)).collect();
    let apart = match &apart[..] {
        [] => String::new(),
        axes => format!(" Arms were compared apart at each value of {}.", list(axes)),
    };
    if tuned.is_empty() {
        return format!("No arm was tuned.{apart}");
    }
    format!(
        "For each arm and seed the other seeds chose {} by their mean validation result, so that no seed was taken at a value \
         for its own luck.{apart}",
        list(&tuned)
    )
}

/// The values of an axis that were tried; arms that were run apart may have had others.
fn tried(comparison: &Comparison, configuration: &Value, axis: &str) -> String {
    let mut by_arm: Vec<(&str, Vec<Value>)> = Vec::new();
    for curve in &comparison.curves {
        let values = curve.points.iter().filter_map(|point| point.values.get(axis));
        match by_arm.iter_mut().find(|(arm, _)| *arm == curve.variant) {
            Some((_, known)) => values.for_each(|value| {
                if !known.contains(value) {
                    known.push(value.clone())
                }
            }),
            None => by_arm.push((&curve.variant, values.cloned().collect())),
        }
    }
    let is_one = by_arm.iter().all(|(_, values)| by_arm.first().is_none_or(|(_, first)| first == values));
    if is_one {
        return setting(configuration, axis);
    }
    by_arm.iter().map(|(arm, values)| format!("{}: {}", named(arm), either(values))).collect::<Vec<_>>().join("; ")
}

fn tested(comparison: &Comparison, options: &Options) -> String {
    let metric = match (comparison.metric.kind.is_time(), comparison.target_accuracy) {
        (true, Some(target)) => {
            let (unit, _) = comparison.metric.name.split_once('_').unwrap_or_default();
            format!("{unit} to a validation accuracy of {target}")
        }
        _ => comparison.metric.name.replace('_', " "),
    };
    let diverged: usize = comparison.arms.iter().map(|arm| arm.diverged).sum();
    let all: usize = comparison.curves.iter().flat_map(|curve| &curve.points).map(|point| point.diverged).sum();
    let diverged = match (diverged, all) {
        (0, 0) => "No run diverged.".to_owned(),
        (0, all) => {
            format!("Of {} runs {all} diverged, none of them at a value at which an arm is read.", comparison.planned)
        }
        (n, _) => {
            let counts = match comparison.metric.kind {
                Kind::Accuracy => "guessing",
                Kind::Loss => "the worst of all",
                Kind::Steps | Kind::Seconds => "never reaching the target",
            };
            format!("Of the runs that were compared {n} diverged; such a run counts as {counts}.")
        }
    };
    let margin = comparison.equivalence_margin;
    let margin = margin
        .map_or_else(String::new, |margin| format!(" Equivalence was tested within ±{margin}, without correction."));
    let anew = if comparison.tuned.is_empty() { "" } else { ", the choice made anew each time" };
    let fixed = if comparison.has_fixed_data {
        " The data are the same for every seed, so intervals cover initialisation and order of the minibatches alone."
    } else {
        ""
    };
    let exploratory = if comparison.contrasts.iter().any(|contrast| contrast.exploratory) {
        " The comparison is exploratory: it was chosen after runs were finished."
    } else {
        ""
    };
    format!(
        "Differences in {metric}, paired by seed, were tested two-sidedly by exchanging the arms' results within seeds{anew}, and by flipping the signs of the differences; the larger p counts, corrected by Holm's \
         method, and the {} % intervals invert both tests.{margin} {diverged}{fixed}{exploratory}",
        percent(options.confidence)
    )
}

/// What an axis is in a paper.
fn quantity(axis: &str) -> &str {
    match axis {
        "optimizer.lr" => "the learning rate",
        "optimizer.momentum" => "the momentum of the optimiser",
        "optimizer.weight_decay" => "the weight decay",
        "optimizer.kind" => "the optimiser",
        "train.batch_size" => "the batch size",
        "train.steps" => "the number of steps",
        "train.epochs" => "the number of epochs",
        "model.hidden" => "the hidden layers",
        "model.channels" => "the channels of the layers",
        "model.activation" => "the activation function",
        "model.init.scheme" => "the initial weights",
        "norm.momentum" => "the share that running statistics take of a batch",
        "data.source" => "the data",
        "data.train" => "the number of training samples",
        other => other,
    }
}

/// A value as a paper names it.
fn text(value: &Value) -> String {
    let Some(word) = value.as_str() else { return value.to_string() };
    let term = match word {
        "relu" => "ReLU",
        "identity" => "no activation function",
        "he" => "by He et al.",
        "xavier" => "by Glorot and Bengio",
        "lecun" => "by LeCun et al.",
        "pytorch" => "as in PyTorch",
        "sgd" => "SGD",
        "adam" => "Adam",
        "adamw" => "AdamW",
        "mnist" => "MNIST",
        "fashion-mnist" => "Fashion-MNIST",
        "gaussians" => "classes drawn from Gaussians",
        "spirals" => "spirals",
        "teacher" => "points labelled by a random network",
        "glyphs" => "drawn glyphs",
        other => other,
    };
    term.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arm_is_given_by_its_formula_and_what_else_it_changes() {
        for (entry, words) in [
            (json!("bn"), "`bn`, y = γx̂ + β (eqs. 1 and 2)"),
            (json!("none"), "`none`, y = x, behind a bias"),
            (json!({ "name": "bare", "base": "none", "bias": false }), "`bare`, y = x, without a bias"),
            (json!({ "name": "b", "base": "affine", "bias": true }), "`b`, y = γx + β (eq. 3), behind a bias"),
            (
                json!({ "name": "bn_g0", "base": "bn", "gamma": 0.1 }),
                "`bn_g0`, y = γx̂ + β (eqs. 1 and 2), γ at first 0.1",
            ),
            (
                json!({ "name": "gb", "base": "bn", "train_only": ["gamma", "beta"] }),
                "`gb`, y = γx̂ + β (eqs. 1 and 2), only gamma and beta trained",
            ),
            (
                json!({ "name": "ghost", "batch": 8 }),
                "`ghost`, y = γx̂ + β with μ and σ² of groups of samples, 8 samples a group",
            ),
            (
                json!({ "name": "small", "base": "affine", "scale_rows": { "share": 0.5, "factor": 0.1 } }),
                "`small`, y = γx + β (eq. 3), the weights into the first 50 % of each layer's channels at first times 0.1",
            ),
        ] {
            assert_eq!(formula(&entry).as_deref(), Some(words));
        }
        assert_eq!(formula(&json!("another")), None);
    }

    #[test]
    fn a_setting_that_was_swept_is_all_its_values() {
        let configuration = json!({
            "train": { "batch_size": 32 }, "model": { "hidden": [100, 50] },
            "sweep": { "train.batch_size": [8, 64, 128], "model.depth": [[64, 64], [64, 64, 64], [9], [7, 8]] },
        });
        assert_eq!(setting(&configuration, "train.batch_size"), "8, 64 or 128");
        assert_eq!(setting(&configuration, "model.hidden"), "100-50");
        assert_eq!(setting(&configuration, "model.depth"), "2 × 64, 3 × 64, 9 or 7-8");
    }
}
