//! The loss along the gradient.

use super::figure::{Drawn, Figure, Looks, Panel, place};
use super::series::{Group, thinned};
use super::training::by_step;
use crate::compare::grid::Values;

/// What is shown beside the range of the loss: its name, its metric in the table, and whether it wants powers of ten.
const SHOWN: [(&str, &str, bool); 4] = [
    ("change of the gradient, relative", "gradient_change_relative", true),
    ("β-smoothness", "beta_smoothness", true),
    ("cosine with the gradient", "gradient_cosine", false),
    ("prediction error", "prediction_error", true),
];
/// Points of a line.
const MOST: usize = 200;

/// How far the loss and its gradient change along one step.
pub(super) fn landscape(groups: &[&Group], looks: &Looks, setting: &Values) -> Option<Figure> {
    let range = groups.iter().flat_map(|group| range(group, looks)).collect();
    let mut panels =
        vec![Panel::new(place("loss along the step, least to most", setting), "step", range).over_steps().log_y()];
    for (what, metric, is_log) in SHOWN {
        // At the distance of the step itself, where there are several.
        let tags = [format!("landscape/{metric}/1.0/value"), format!("landscape/{metric}/value")];
        let of = |group: &&Group| {
            let tag = tags.iter().find(|tag| group.figures.contains_key(*tag));
            tag.map_or_else(Vec::new, |tag| by_step(group, tag, f64::NAN, &looks.get(&group.variant)))
        };
        let traces = groups.iter().flat_map(of).collect();
        let panel = Panel::new(place(what, setting), "step", traces).over_steps();
        panels.push(if is_log { panel.log_y() } else { panel });
    }
    let caption = "From the weights along the gradient of one minibatch, ½ to 4 times as far as the step that SGD takes. First \
                   the least and the most that the loss comes to on the way, as in figure 4 of Santurkar et al. (2018); then, \
                   at the length of the step itself, how far its gradient has changed. The formulas are in docs/tables.md.";
    Figure::of("Loss landscape", caption, panels)
}

/// The smallest and the largest of the losses at all distances, each the median over seeds.
fn range(group: &Group, looks: &Looks) -> Vec<Drawn> {
    let tags: Vec<&String> = group.figures.keys().filter(|tag| tag.starts_with("landscape/loss/")).collect();
    let lines: Vec<Vec<[f64; 2]>> = tags.iter().map(|tag| group.over_seeds(tag, f64::NAN)[0].clone()).collect();
    let Some(first) = lines.first() else { return Vec::new() };
    let edge = |of: fn(f64, f64) -> f64| -> Vec<[f64; 2]> {
        let at = |i: usize| lines.iter().filter_map(|line| line.get(i)).map(|point| point[1]).reduce(of);
        first.iter().enumerate().map(|(i, [step, _])| [*step, at(i).unwrap_or(f64::NAN)]).collect()
    };
    let look = looks.get(&group.variant);
    let [low, high] = [edge(f64::min), edge(f64::max)].map(|line| thinned(&line, MOST));
    let names = ["least", "most"];
    let mut traces = Drawn::band(&group.variant, names, &look, &low, &high).to_vec();
    traces.push(Drawn::line(&group.variant, "most", &look, &high));
    traces
}
