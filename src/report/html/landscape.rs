//! The loss along the gradient.

use std::collections::BTreeMap;

use super::figure::{Drawn, Figure, Looks, Panel, place};
use super::series::{Group, thinned};
use super::training::by_step;
use crate::compare::grid::Values;

/// What is shown beside the range of the loss: its name, its metric in the table, and whether it wants powers of ten.
const SHOWN: [(&str, &str, bool); 4] = [
    ("change of the gradient, relative", "gradient_change_relative", true),
    ("β-smoothness, relative", "beta_smoothness_relative", true),
    ("cosine with the gradient", "gradient_cosine", false),
    ("prediction error", "prediction_error", true),
];
/// Points of a line: one alone would not be seen.
const FEWEST: usize = 2;
const MOST: usize = 200;

/// How far the loss and its gradient change along one step.
pub(super) fn landscape(groups: &[&Group], looks: &Looks, setting: &Values) -> Option<Figure> {
    let range = groups.iter().flat_map(|group| range(group, looks)).collect();
    let mut panels = vec![
        Panel::new(place("loss along the step, least to most", setting), "step", range)
            .over_steps(groups.iter().map(|group| group.time()))
            .log_y(),
    ];
    for (what, metric, is_log) in SHOWN {
        // At the distance of the step itself, where there are several.
        let tags = [format!("landscape/{metric}/1.0/value"), format!("landscape/{metric}/value")];
        let of = |group: &&Group| {
            let tag = tags.iter().find(|tag| group.figures.contains_key(*tag));
            let tag = tag.filter(|tag| group.figures[*tag].len() >= FEWEST);
            tag.map_or_else(Vec::new, |tag| by_step(group, tag, None, &looks.get(&group.variant)))
        };
        let traces = groups.iter().flat_map(of).collect();
        let panel =
            Panel::new(place(what, setting), "step", traces).over_steps(groups.iter().map(|group| group.time()));
        panels.push(if is_log { panel.log_y() } else { panel });
    }
    let caption = "From the weights along the gradient of one minibatch, ½ to 4 times as far as the step that SGD takes. First \
                   the least and the most that the loss comes to on the way, as in figure 4 of Santurkar et al. (2018); then, \
                   at the length of the step itself, how far its gradient has changed: medians over the seeds that have not diverged so \
                   far, bands from the smallest to the largest. β-smoothness is relative to L/‖g‖², so that it does not only say how \
                   large a rate is; at most 200 points of a line are drawn. The formulas are in docs/tables.md.";
    Figure::of(&place("Loss landscape", setting), caption, panels)
}

/// The smallest and the largest of the losses at all distances, each the median over seeds.
fn range(group: &Group, looks: &Looks) -> Vec<Drawn> {
    let tags: Vec<&String> = group.figures.keys().filter(|tag| tag.starts_with("landscape/loss/")).collect();
    // By the bits of a step: steps are whole and not below 0, so their order is that of their bits.
    let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for [step, loss] in tags.iter().flat_map(|tag| group.over_seeds(tag, None)[0].clone()) {
        at.entry(step.to_bits()).or_default().push(loss);
    }
    if at.len() < FEWEST {
        return Vec::new();
    }
    let edge = |of: fn(f64, f64) -> f64| -> Vec<[f64; 2]> {
        let extreme = |losses: &Vec<f64>| losses.iter().copied().reduce(of).unwrap_or(f64::NAN);
        at.iter().map(|(step, losses)| [f64::from_bits(*step), extreme(losses)]).collect()
    };
    let look = looks.get(&group.variant);
    let [low, high] = [edge(f64::min), edge(f64::max)].map(|line| thinned(&line, MOST));
    let names = ["least", "most"];
    let mut traces = Drawn::band(&group.variant, names, &look, &low, &high).to_vec();
    traces.push(Drawn::line(&group.variant, "most", &look, &high));
    traces
}
