//! Probes look at a network while it trains, and change nothing: they recompute what they look at
//! on a workspace of their own, so that training's arithmetic never depends on being observed.
//!
//! A new probe is one file here that implements [`Probe`], a line in [`TABLES`] and one in [`all`].

pub mod activations;
pub mod gradients;

use std::fmt::Debug;

use crate::config::Settings;
use crate::data::Dataset;
use crate::kernels::Scalar;
use crate::table::Table;
use crate::train::Observer;

/// An observer that makes a table.
pub trait Probe<F: Scalar>: Observer<F> + Debug {
    /// The table.
    fn table(&self) -> Table;

    /// Hands the cells of each row since the last call, in order, to `write`. Not between a batch and its update.
    fn take_rows(&mut self, write: &mut dyn FnMut(&[String]));
}

/// The tables that probes make.
pub const TABLES: [Table; 2] = [activations::TABLE, gradients::TABLE];

/// Every probe.
pub fn all<F: Scalar>(settings: &Settings, data: &Dataset) -> Vec<Box<dyn Probe<F>>> {
    vec![Box::new(activations::ActivationProbe::new(settings, data)), Box::new(gradients::GradientProbe::new(settings))]
}

/// Whether a probe that looks every so many steps looks at `step`; also at the last; 0 is never.
fn looks_at(step: usize, every: usize, last: usize) -> bool {
    every > 0 && (step.is_multiple_of(every) || step == last)
}
