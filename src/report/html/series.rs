//! What an experiment's tables say of its runs over training, at each arm's best candidate.

use std::collections::BTreeMap;

use crate::compare::arms::ArmEstimate;
use crate::compare::grid::Values;
use crate::compare::rows::Run;
use crate::compare::{Comparison, Loaded};
use crate::record::layout::ExperimentFolder;
use crate::record::run::Status;
use crate::report::tagged;

/// A figure of each seed by step: steps in rising order, for each the seeds that have it.
pub type BySteps = BTreeMap<u64, Vec<(u64, f64)>>;

/// An arm at a setting, at the candidate that its seeds favour.
#[derive(Debug)]
pub struct Group {
    /// The arm.
    pub variant: String,
    /// The setting.
    pub setting: Values,
    /// Whether its runs are known: an arm that is tuned, and of which no seed is complete, has no best candidate.
    is_placed: bool,
    /// Median µs a training step, as in the table of the arms.
    time: Option<f64>,
    /// Its seeds.
    pub seeds: Vec<u64>,
    /// Of those, the ones that diverged.
    pub diverged: Vec<u64>,
    /// Figures by their tags, see [`tagged`].
    pub figures: BTreeMap<String, BySteps>,
}

/// Reads what is drawn of an experiment's runs, arm by arm in the order of the comparison. They may be in several folders.
///
/// # Errors
/// If a table is damaged.
pub fn read(folders: &[ExperimentFolder], loaded: &Loaded, comparison: &Comparison) -> anyhow::Result<Vec<Group>> {
    let is_placed = |arm: &ArmEstimate| comparison.tuned.is_empty() || arm.selected.is_some();
    let mut groups: Vec<Group> = comparison.arms.iter().map(|arm| Group::of(arm, is_placed(arm))).collect();
    let places: Vec<BTreeMap<&str, &serde_json::Value>> = comparison.arms.iter().map(place).collect();
    let mut tables = Vec::new();
    for folder in folders {
        tables.extend(tagged::tables(folder)?);
    }
    for run in &loaded.runs {
        let axes: BTreeMap<&str, _> = loaded.axes.iter().map(String::as_str).zip(&run.entry.values).collect();
        let is_its = |i: &usize| {
            groups[*i].is_placed
                && groups[*i].variant == run.entry.variant
                && places[*i].iter().all(|(axis, value)| axes[axis] == *value)
        };
        let group = (0..groups.len()).find(is_its);
        if let Some(i) = group {
            groups[i].begin(run);
        }
        for table in &mut tables {
            while let Some(row) = table.next_of(&run.entry.id)? {
                let Some(i) = group else { continue };
                for (tag, x) in row.figures.into_iter().filter(|(tag, _)| is_drawn(tag)) {
                    let steps = groups[i].figures.entry(tag).or_default();
                    steps.entry(row.step).or_default().push((run.entry.seed, x));
                }
            }
        }
    }
    tables.iter().try_for_each(|table| table.at_its_end())?;
    Ok(groups)
}

/// Values of the axes at which an arm is shown.
fn place(arm: &ArmEstimate) -> BTreeMap<&str, &serde_json::Value> {
    arm.setting.iter().chain(arm.selected.iter().flatten()).map(|(axis, value)| (axis.as_str(), value)).collect()
}

/// Single minibatches are many, and shown only where nothing else is.
fn is_drawn(tag: &str) -> bool {
    let is_of_weights = || tag.ends_with("/weight/norm") || tag.ends_with("/weight/update_ratio");
    let is_of_norms = || {
        ["/norm_input/", "/norm_output/"].iter().any(|site| tag.contains(site))
            && ["/mean", "/std", "/p15", "/p50", "/p85"].iter().any(|figure| tag.ends_with(figure))
    };
    match tag.split('/').next() {
        Some("gradients") => is_of_weights(),
        Some("activations") => is_of_norms(),
        _ => true,
    }
}

impl Group {
    fn of(arm: &ArmEstimate, is_placed: bool) -> Self {
        Self {
            variant: arm.variant.clone(),
            setting: arm.setting.clone(),
            is_placed,
            time: arm.us_per_step,
            seeds: Vec::new(),
            diverged: Vec::new(),
            figures: BTreeMap::new(),
        }
    }

    fn begin(&mut self, run: &Run) {
        if run.status.is_finished() {
            self.seeds.push(run.entry.seed);
        }
        if run.status == Status::Diverged {
            self.diverged.push(run.entry.seed);
        }
    }

    /// Its name, and median µs a training step.
    pub fn time(&self) -> (&str, Option<f64>) {
        (&self.variant, self.time)
    }

    /// Median, smallest and largest over seeds at every step. After its last row, a run that diverged counts as `worst` in
    /// the median, if there is a worst, and is left out of the other two.
    pub fn over_seeds(&self, tag: &str, worst: Option<f64>) -> [Vec<[f64; 2]>; 3] {
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        for (step, values) in self.figures.get(tag).into_iter().flatten() {
            let ended = self.diverged.iter().filter(|seed| values.iter().all(|(other, _)| other != *seed));
            let own = values.iter().map(|(_, x)| *x);
            let all: Vec<f64> = own.clone().chain(ended.filter_map(|_| worst)).collect();
            let bounds = [own.clone().fold(f64::INFINITY, f64::min), own.fold(f64::NEG_INFINITY, f64::max)];
            let [middle, low, high] = [median(all), bounds[0], bounds[1]];
            let finite = |x: f64| if x.is_finite() { x } else { f64::NAN };
            found.iter_mut().zip([middle, low, high]).for_each(|(list, x)| list.push([*step as f64, finite(x)]));
        }
        found
    }

    /// The figure of each seed in turn, at most `most` points each, with a gap between seeds; and the seed of each point.
    pub fn each_seed(&self, tag: &str, most: usize) -> (Vec<[f64; 2]>, Vec<u64>) {
        let Some(steps) = self.figures.get(tag) else { return Default::default() };
        let own = |seed: &u64| {
            let mut line: Vec<[f64; 2]> = steps
                .iter()
                .filter_map(|(step, values)| values.iter().find(|(s, _)| s == seed).map(|(_, x)| [*step as f64, *x]))
                .collect();
            line = thinned(&line, most);
            line.push([f64::NAN, f64::NAN]);
            line.into_iter().map(|point| (point, *seed)).collect::<Vec<_>>()
        };
        self.seeds.iter().flat_map(own).unzip()
    }

    /// The median of a figure at its first or at its last step, over the seeds that did not diverge.
    pub fn at_end(&self, tag: &str, last: bool) -> Option<f64> {
        let steps = self.figures.get(tag)?;
        let values = if last { steps.values().next_back() } else { steps.values().next() }?;
        let whole = values.iter().filter(|(seed, _)| !self.diverged.contains(seed));
        Some(median(whole.map(|(_, x)| *x).collect())).filter(|x| x.is_finite())
    }

    /// For how many blocks a tag with `block N` in it exists.
    pub fn blocks(&self, tag: &dyn Fn(usize) -> String) -> usize {
        (0..).take_while(|block| self.figures.contains_key(&tag(*block))).count()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => f64::NAN,
        _ if n % 2 == 1 => values[n / 2],
        _ => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// At most so many of the points, evenly chosen, the first and the last among them.
pub fn thinned(points: &[[f64; 2]], most: usize) -> Vec<[f64; 2]> {
    let n = points.len();
    if n <= most {
        return points.to_vec();
    }
    (0..most).map(|i| points[i * (n - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        let figure = BTreeMap::from([(0, vec![(1, 2.0), (2, 4.0), (3, 9.0)]), (10, vec![(1, 1.0), (2, 3.0)])]);
        Group {
            variant: "bn".to_owned(),
            setting: Values::new(),
            is_placed: true,
            time: Some(2.0),
            seeds: vec![1, 2, 3],
            diverged: vec![3],
            figures: BTreeMap::from([("loss".to_owned(), figure)]),
        }
    }

    #[test]
    fn a_run_that_diverged_counts_as_the_worst_where_its_rows_have_ended_and_leaves_the_band() {
        let of = |worst| group().over_seeds("loss", worst);
        assert_eq!(
            of(Some(f64::INFINITY)),
            [[[0.0, 4.0], [10.0, 3.0]], [[0.0, 2.0], [10.0, 1.0]], [[0.0, 9.0], [10.0, 3.0]]]
        );
        // The worst accuracy is the smallest; for a figure without a worst, the run no longer counts.
        assert_eq!(of(Some(f64::NEG_INFINITY))[0], [[0.0, 4.0], [10.0, 1.0]]);
        assert_eq!(of(None)[0], [[0.0, 4.0], [10.0, 2.0]]);
    }

    #[test]
    fn by_depth_a_run_that_diverged_is_left_out() {
        let group = group();
        assert_eq!((group.at_end("loss", false), group.at_end("loss", true)), (Some(3.0), Some(2.0)));
        assert_eq!(group.at_end("none", true), None);
    }
}
