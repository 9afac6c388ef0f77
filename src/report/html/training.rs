//! Losses and accuracies over training, each arm at its best candidate.

use super::figure::{Drawn, Figure, Look, Looks, Panel, place};
use super::series::{BySteps, Group, thinned};
use crate::compare::grid::Values;

/// Points of a line over all seeds, and of each seed's own: more are not seen.
const MOST: usize = 400;
const MOST_OF_A_SEED: usize = 150;

/// Of curves.csv: what is drawn, its tag, what a diverged run counts as in the median, and whether it wants powers of ten.
const SHOWN: [(&str, &str, f64, bool); 5] = [
    ("training loss", "loss/train", f64::INFINITY, true),
    ("validation loss", "loss/validation", f64::INFINITY, true),
    ("training accuracy", "accuracy/train", f64::NEG_INFINITY, false),
    ("validation accuracy", "accuracy/validation", f64::NEG_INFINITY, false),
    ("loss of minibatches", "loss/batch", f64::INFINITY, true),
];

/// The tag of a group's rows: minibatches are under batch statistics where an arm has them, all else under running ones.
fn tag_of(group: &Group, begins: &str) -> String {
    let batch = format!("{begins}/batch_stats");
    let is_batch = begins.ends_with("/batch") && group.figures.contains_key(&batch);
    if is_batch { batch } else { format!("{begins}/running_stats") }
}

/// Losses and accuracies at a setting; minibatches only where nothing else was evaluated.
pub(super) fn training(groups: &[&Group], looks: &Looks, setting: &Values) -> Option<Figure> {
    let mut panels: Vec<Panel> = Vec::new();
    let mut is_thinned = false;
    for (what, begins, worst, is_log) in SHOWN {
        let points = |group: &&Group| group.figures.get(&tag_of(group, begins)).map_or(0, BySteps::len);
        // With evaluations at the start and the end alone, there is no curve to see.
        if groups.iter().all(|group| points(group) <= 2) || begins.ends_with("/batch") && !panels.is_empty() {
            continue;
        }
        let of = |group: &&Group| by_step(group, &tag_of(group, begins), Some(worst), &looks.get(&group.variant));
        is_thinned |= groups.iter().any(|group| points(group) > MOST_OF_A_SEED);
        let times = groups.iter().map(|group| group.time());
        let traces = groups.iter().flat_map(of).collect();
        let panel = Panel::new(place(what, setting), "step", traces).over_steps(times);
        panels.push(if is_log { panel.log_y() } else { panel.both_scales() });
    }
    let mut caption =
        "Each arm at the values that suit it best: the line is the median over seeds, the band reaches from the \
                       smallest to the largest."
            .to_owned();
    let diverged: Vec<String> = groups
        .iter()
        .filter(|group| !group.diverged.is_empty())
        .map(|group| format!("{} {} of {}", group.variant, group.diverged.len(), group.seeds.len()))
        .collect();
    if !diverged.is_empty() {
        caption += &format!(
            " Diverged: {}; such a run counts as the worst in the median from where its line ends, and leaves the band.",
            diverged.join(", ")
        );
    }
    if is_thinned {
        caption += &format!(
            " Lines have at most {MOST} points, those of single seeds {MOST_OF_A_SEED}, evenly chosen; curves.csv has all."
        );
    }
    Figure::of(&place("Training", setting), caption, panels)
}

/// An arm's band, its median, and its seeds.
pub(super) fn by_step(group: &Group, tag: &str, worst: Option<f64>, look: &Look) -> Vec<Drawn> {
    if !group.figures.contains_key(tag) {
        return Vec::new();
    }
    let [middle, low, high] = group.over_seeds(tag, worst).map(|line| thinned(&line, MOST));
    let arm = &group.variant;
    let mut traces = Vec::new();
    if group.seeds.len() > 1 {
        traces.extend(Drawn::band(arm, ["smallest", "largest"], look, &low, &high));
        let (points, seeds) = group.each_seed(tag, MOST_OF_A_SEED);
        traces.push(Drawn::each_seed(arm, look, &points, &seeds));
    }
    traces.push(Drawn::line(arm, "median", look, &middle));
    traces
}
