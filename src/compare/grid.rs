//! The runs of an experiment by setting, arm, seed and candidate. Arms are compared at each setting, and tuned over the
//! candidates.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use serde_json::{Map, Value};

use super::load::Loaded;
use super::rows::Run;

/// Values of some axes by the axes' paths.
pub type Values = Map<String, Value>;

/// A run and its place in the grid.
#[derive(Debug, Clone, Copy)]
pub struct GridRun<'a> {
    /// The run.
    pub run: &'a Run,
    /// Index of its setting.
    pub setting: usize,
    /// Index of its candidate.
    pub candidate: usize,
}

/// The end of what was tried on a tuned axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edge {
    /// Path of the axis.
    pub axis: String,
    /// The value there.
    pub value: Value,
    /// Which end it is.
    pub end: End,
}

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Nothing smaller was tried.
    Smallest,
    /// Nothing larger was tried.
    Largest,
    /// Nothing else was tried.
    Only,
}

/// The runs of an experiment by setting, arm, seed and candidate.
pub struct Grid<'a> {
    /// The experiment.
    pub loaded: &'a Loaded,
    /// Indices of the axes that each arm is tuned over.
    pub tuned: Vec<usize>,
    /// Indices of the other axes; arms are compared at each of their values.
    pub by: Vec<usize>,
    /// The settings: the combinations of values of `by`, in plan order; one without values if `by` is empty.
    pub settings: Vec<Vec<Value>>,
    /// The candidates: the combinations of values of `tuned`, smaller numbers first, other values in plan order.
    pub candidates: Vec<Vec<Value>>,
    /// The candidates of each arm, see [`Grid::candidates_of`].
    tried: HashMap<&'a str, Vec<usize>>,
    /// The runs at each setting.
    here: Vec<Vec<GridRun<'a>>>,
    places: HashMap<(usize, &'a str, u64, usize), GridRun<'a>>,
}

impl<'a> Grid<'a> {
    /// Tunes over these axes, by index, and compares at each value of the others.
    pub fn new(loaded: &'a Loaded, tuned: Vec<usize>) -> Self {
        let by: Vec<usize> = (0..loaded.axes.len()).filter(|axis| !tuned.contains(axis)).collect();
        let settings = distinct(&loaded.runs, &by);
        let mut candidates = distinct(&loaded.runs, &tuned);
        // A stable sort: values that are not numbers stay in plan order.
        candidates.sort_by(|a, b| {
            let mut orders = a.iter().zip(b).map(|(a, b)| order(a, b));
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        let index = |list: &[Vec<Value>]| -> HashMap<String, usize> {
            list.iter().enumerate().map(|(i, values)| (Value::from(values.clone()).to_string(), i)).collect()
        };
        let (setting_at, candidate_at) = (index(&settings), index(&candidates));
        let (mut here, mut places, mut tried) = (vec![Vec::new(); settings.len()], HashMap::new(), HashMap::new());
        for run in &loaded.runs {
            let (setting, candidate) = (setting_at[&key(run, &by)], candidate_at[&key(run, &tuned)]);
            let grid_run = GridRun { run, setting, candidate };
            here[setting].push(grid_run);
            tried.entry(run.entry.variant.as_str()).or_insert_with(BTreeSet::new).insert(candidate);
            places.insert((setting, run.entry.variant.as_str(), run.entry.seed, candidate), grid_run);
        }
        let most = tried.values().map(BTreeSet::len).max().unwrap_or_default();
        // Shorter lists are filled up with their last entry.
        let filled = |tried: &BTreeSet<usize>| {
            let last = tried.last().into_iter().cycle().take(most - tried.len());
            tried.iter().chain(last).copied().collect()
        };
        let tried = tried.iter().map(|(variant, tried)| (*variant, filled(tried))).collect();
        Self { loaded, tuned, by, settings, candidates, tried, here, places }
    }

    /// The candidates that an arm has, as many for each arm: arms that were tuned over other values are compared by the
    /// place of a value among their own. An arm with fewer has its last several times, which changes no choice.
    pub fn candidates_of(&self, variant: &str) -> &[usize] {
        self.tried.get(variant).map_or(&[], Vec::as_slice)
    }

    /// A run, if it is planned.
    pub fn run(&self, setting: usize, variant: &'a str, seed: u64, candidate: usize) -> Option<GridRun<'a>> {
        self.places.get(&(setting, variant, seed, candidate)).copied()
    }

    /// The runs of all arms at a setting.
    pub fn runs(&self, setting: usize) -> &[GridRun<'a>] {
        &self.here[setting]
    }

    /// The seeds planned for an arm at a setting, in rising order.
    pub fn seeds(&self, setting: usize, variant: &str) -> Vec<u64> {
        let runs = self.here[setting].iter().filter(|grid_run| grid_run.run.entry.variant == variant);
        let mut seeds: Vec<u64> = runs.map(|grid_run| grid_run.run.entry.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// The different values of the `i`-th tuned axis that an arm has, in order.
    fn values(&self, variant: &str, i: usize) -> Vec<&Value> {
        let mut values: Vec<&Value> = Vec::new();
        for candidate in self.candidates_of(variant).iter().map(|k| &self.candidates[*k]) {
            if !values.contains(&&candidate[i]) {
                values.push(&candidate[i]);
            }
        }
        values.sort_by(|a, b| order(a, b));
        values
    }

    /// The tuned axes on which a candidate has the smallest or the largest value that was tried for its arm. Only numbers
    /// have an edge.
    pub fn edges(&self, variant: &str, candidate: usize) -> Vec<Edge> {
        let edge = |i: usize| {
            let values = self.values(variant, i);
            let value = &self.candidates[candidate][i];
            let place = values.iter().position(|other| *other == value)?;
            let end = match place {
                _ if values.len() == 1 => End::Only,
                _ if place + 1 == values.len() => End::Largest,
                0 => End::Smallest,
                _ => return None,
            };
            let is_ordered = values.iter().all(|value| value.is_number());
            is_ordered.then(|| Edge { axis: self.loaded.axes[self.tuned[i]].clone(), value: value.clone(), end })
        };
        (0..self.tuned.len()).filter_map(edge).collect()
    }

    /// A candidate's values on the tuned axes.
    pub fn candidate(&self, candidate: usize) -> Values {
        self.named(&self.tuned, &self.candidates[candidate])
    }

    /// A setting's values on the other axes; empty if there are none.
    pub fn setting(&self, setting: usize) -> Values {
        self.named(&self.by, &self.settings[setting])
    }

    fn named(&self, axes: &[usize], values: &[Value]) -> Values {
        axes.iter().map(|axis| self.loaded.axes[*axis].clone()).zip(values.iter().cloned()).collect()
    }
}

fn pick(run: &Run, axes: &[usize]) -> Vec<Value> {
    axes.iter().map(|axis| run.entry.values[*axis].clone()).collect()
}

fn key(run: &Run, axes: &[usize]) -> String {
    Value::from(pick(run, axes)).to_string()
}

/// Numbers by size; whatever else is equal.
fn order(a: &Value, b: &Value) -> Ordering {
    a.as_f64().zip(b.as_f64()).map_or(Ordering::Equal, |(a, b)| a.total_cmp(&b))
}

/// The different values on some axes, in the order of their first appearance.
fn distinct(runs: &[Run], axes: &[usize]) -> Vec<Vec<Value>> {
    let mut seen = std::collections::HashSet::new();
    runs.iter().filter(|run| seen.insert(key(run, axes))).map(|run| pick(run, axes)).collect()
}
