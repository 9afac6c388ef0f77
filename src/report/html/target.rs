//! When runs reach the target.

use super::differences::settings;
use super::figure::{Drawn, Figure, Looks, Panel, place};
use crate::compare::Comparison;
use crate::compare::arms::TimeToTarget;

/// The share of seeds that has not reached it, by step (Kaplan and Meier); none without a target. `gap` is the most steps
/// between the evaluation that reaches it and the one before.
pub(super) fn target(comparison: &Comparison, looks: &Looks, gap: Option<usize>) -> Option<Figure> {
    let accuracy = comparison.target_accuracy?;
    let what = "share of seeds that has not arrived";
    let panel = |setting: &&crate::compare::grid::Values| {
        let here = comparison.times_to_target.iter().filter(|time| time.setting == **setting && time.n > 0);
        let line = |time: &TimeToTarget| {
            let mut points = vec![[0.0, 1.0]];
            points.extend(time.not_yet_reached.iter().map(|fall| [fall.time, fall.share]));
            let last = points.last().map_or(1.0, |point| point[1]);
            points.push([time.budget_steps, last]);
            Drawn::stairs(&time.variant, "not yet", &looks.get(&time.variant), &points)
        };
        let arms = comparison.arms.iter().filter(|arm| arm.setting == **setting);
        let times = arms.map(|arm| (arm.variant.as_str(), arm.us_per_step));
        Panel::new(place(what, setting), "step", here.map(line).collect()).of_shares().over_steps(times)
    };
    let mut caption = format!(
        "Kaplan–Meier curves of the time to a validation accuracy of {accuracy}, each arm tuned by that time. A line that ends \
         above 0: so many of the seeds never got there within the budget, where the line ends."
    );
    if let Some(steps) = gap {
        caption += &format!(" A step down may be up to {steps} steps late: runs are looked at from time to time.");
    }
    Figure::of("Time to the target", caption, settings(comparison).iter().map(panel).collect())
}
