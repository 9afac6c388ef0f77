//! Activations and gradients by depth, and percentiles over training.

use super::figure::{Drawn, Figure, Looks, Panel, place};
use super::series::{Group, thinned};
use crate::compare::grid::Values;

/// Most panels of percentiles, where they are of more than two blocks.
const MOST_PANELS: usize = 12;
/// Most panels beside each other on paper.
const MOST_ABREAST: usize = 4;
/// Points of a line.
const MOST: usize = 200;

/// Mean and SD of what enters and leaves the norms, and gradients and updates of the weights, by depth.
pub(super) fn depth(groups: &[&Group], looks: &Looks, setting: &Values) -> [Option<Figure>; 2] {
    let activations = [
        ("SD before the norm", "norm_input/std", true),
        ("SD behind the norm", "norm_output/std", true),
        ("mean before the norm", "norm_input/mean", false),
        ("mean behind the norm", "norm_output/mean", false),
    ];
    let gradients = [
        ("norm of the weights' gradient", "weight/norm", true),
        ("‖Δw‖/‖w‖ of an update", "weight/update_ratio", true),
    ];
    let panels = |shown: &[(&str, &str, bool)], table: &str| -> Vec<Panel> {
        let panel = |(what, figure, is_log): &(&str, &str, bool)| {
            let tag = |block: usize| format!("{table}/block {block}/{figure}");
            let traces = groups.iter().flat_map(|group| start_and_end(group, looks, &tag)).collect();
            let blocks = groups.iter().map(|group| group.blocks(&tag)).max().unwrap_or(0);
            let panel = Panel::new(place(what, setting), "block", traces).over_blocks(blocks);
            if *is_log { panel.log_y() } else { panel }
        };
        shown.iter().map(panel).collect()
    };
    let caption = |what: &str| {
        format!(
            "{what} Thin lines: at the start, where arms may lie on each other. Thick lines: at the end of training. Medians over \
             the seeds that did not diverge, each arm at the values that suit it best. Block 0 is the first."
        )
    };
    [
        Figure::of(
            &place("Activations by depth", setting),
            caption("Over all channels of the probe batch, whose own statistics the norms use."),
            panels(&activations, "activations"),
        ),
        Figure::of(
            &place("Gradients by depth", setting),
            caption("Of one minibatch."),
            panels(&gradients, "gradients"),
        ),
    ]
}

fn start_and_end(group: &Group, looks: &Looks, tag: &dyn Fn(usize) -> String) -> Vec<Drawn> {
    let look = looks.get(&group.variant);
    let at = |last: bool| -> Vec<[f64; 2]> {
        let blocks = 0..group.blocks(tag);
        blocks.filter_map(|block| Some([block as f64, group.at_end(&tag(block), last)?])).collect()
    };
    let [start, end] = [at(false), at(true)];
    if end.is_empty() {
        return Vec::new();
    }
    vec![
        Drawn::thin(&group.variant, "at the start", &look, &start),
        Drawn::marked(&group.variant, "at the end", &look, &end),
    ]
}

/// The 15th, 50th and 85th percentile of what leaves each norm, by step: a panel an arm, so that no band hides another, those
/// of one block beside each other and with one vertical axis.
pub(super) fn percentiles(groups: &[&Group], looks: &Looks, setting: &Values) -> Option<Figure> {
    let tag = |block: usize, figure: &str| format!("activations/block {block}/norm_output/{figure}");
    let blocks = groups.iter().map(|group| group.blocks(&|block| tag(block, "p50"))).max().unwrap_or(0);
    let most = (MOST_PANELS / groups.len().max(1)).max(2);
    let shown: Vec<usize> = match blocks {
        _ if blocks <= most => (0..blocks).collect(),
        _ => (0..most).map(|i| i * (blocks - 1) / (most - 1)).collect(),
    };
    let in_block = |block: &usize| {
        let lines = |group: &&Group| {
            let line = |figure: &str| {
                let [middle, ..] = group.over_seeds(&tag(*block, figure), None);
                thinned(&middle, MOST)
            };
            ["p15", "p50", "p85"].map(line)
        };
        let all: Vec<[Vec<[f64; 2]>; 3]> = groups.iter().map(lines).collect();
        let heights = || all.iter().flatten().flatten().map(|point| point[1]).filter(|y| y.is_finite());
        let (low, high) = (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
        let panel = |(group, [lowest, middle, highest]): (&&Group, [Vec<[f64; 2]>; 3])| {
            let look = looks.get(&group.variant);
            let mut traces = Vec::new();
            if middle.len() >= 3 {
                traces.extend(Drawn::band(&group.variant, ["15 %", "85 %"], &look, &lowest, &highest));
                traces.push(Drawn::line(&group.variant, "50 %", &look, &middle));
            }
            Panel::new(place(&format!("{}, block {block}", group.variant), setting), "step", traces)
                .over_steps([group.time()])
                .between(low, high)
        };
        groups.iter().zip(all).map(panel).collect::<Vec<_>>()
    };
    let left_out = if blocks > shown.len() {
        format!(" Of the {blocks} blocks {} are shown.", shown.len())
    } else {
        String::new()
    };
    let mut caption = format!(
        "What leaves the norms over training, as in figure 1 of Ioffe and Szegedy (2015): the line is the 50th percentile over \
         all channels, the band reaches from the 15th to the 85th; each is the median over the seeds that have not diverged so \
         far. Panels of one block have one vertical axis. At most {MOST} points of a line are drawn.{left_out}"
    );
    let panels: Vec<Panel> = shown.iter().flat_map(in_block).collect();
    let has_panel = |i: &usize| panels.iter().skip(*i).step_by(groups.len()).any(|panel| !panel.traces.is_empty());
    let (drawn, absent): (Vec<usize>, Vec<usize>) = (0..groups.len()).partition(has_panel);
    let absent: Vec<&str> = absent.into_iter().map(|i| groups[i].variant.as_str()).collect();
    if !absent.is_empty() {
        caption += &format!(" Arms whose runs ended before the third look have no panel: {}.", absent.join(", "));
    }
    // Only panels that are there stand beside each other.
    let abreast = if drawn.len() <= MOST_ABREAST { drawn.len() } else { 2 };
    Some(Figure { abreast, ..Figure::of(&place("Percentiles behind the norm", setting), caption, panels)? })
}
