//! What a claim is.

use serde::{Deserialize, Serialize};

use super::analysis::Analysis;
use super::evidence::{Cell, Evidence};
use super::part::Part;
use super::prediction::Prediction;
use super::regime::Regime;

/// What a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It follows by mathematics; its experiment shows it, and does not test it.
    Theorem,
    /// An experiment decides.
    Experiment,
    /// No experiment of this size decides; the reason is given.
    NotTested,
}

/// A sentence and what decides whether it is so.
#[derive(Debug)]
pub struct Claim {
    /// Its name on the command line.
    pub id: &'static str,
    /// What it rests on.
    pub kind: Kind,
    /// What is asserted, as a clause that follows "that".
    pub sentence: &'static str,
    /// What decides, in words.
    pub criterion: &'static str,
    /// Why this experiment tells, with its formulas, and what would have made the verdict another.
    pub reasoning: &'static str,
    /// Where it is tried; by default only in the first.
    pub regimes: &'static [Regime],
    /// The runs that it takes in a regime.
    pub cells: fn(Regime) -> Vec<Cell>,
    /// Whether it reads the runs' activations, a table that takes long to read.
    pub reads_activations: bool,
    /// What it measures beside runs.
    pub analysis: Option<Analysis>,
    /// Other claims whose analyses it reads.
    pub reads: &'static [&'static str],
    /// Judges it in a regime.
    pub parts: fn(&Evidence, Regime) -> Vec<Part>,
    /// What theory predicts of what was measured.
    pub theory: fn(&Evidence) -> Vec<Prediction>,
}

impl Claim {
    /// Defaults for what most claims leave empty.
    pub const PLAIN: Self = Self {
        id: "",
        kind: Kind::Experiment,
        sentence: "",
        criterion: "",
        reasoning: "",
        regimes: &[],
        cells: |_| Vec::new(),
        reads_activations: false,
        analysis: None,
        reads: &[],
        parts: |_, _| Vec::new(),
        theory: |_| Vec::new(),
    };
}
