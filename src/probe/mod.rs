//! Probes look at a network while it trains, and change nothing: they recompute what they look at
//! on a workspace of their own, so that training's arithmetic never depends on being observed.
//!
//! A new probe is one file here that implements [`Probe`] and two lines in [`list`]. It may fill any table.

pub mod activations;
pub mod gradients;
pub mod landscape;
pub mod list;

use std::fmt::Debug;

use crate::config::settings::Every;
use crate::kernels::Scalar;
use crate::table::Table;
use crate::train::Observer;

/// An observer that fills tables.
pub trait Probe<F: Scalar>: Observer<F> + Debug {
    /// Hands each row since the last call to `write`, in order: its table, and its cells. Called after each update, not
    /// between a batch and its update.
    fn take_rows(&mut self, write: &mut dyn FnMut(Table, &[String]));
}

/// Whether a probe looks at `step`: unless it never does, also at the first and at the last.
fn looks_at(step: usize, every: &Every, last: usize) -> bool {
    !every.is_never() && (step == 0 || step == last || every.is_due(step))
}
