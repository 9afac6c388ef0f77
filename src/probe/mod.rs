//! Probes look at a network while it trains, and change nothing: they recompute what they look at
//! on a workspace of their own, so that training's arithmetic never depends on being observed.
//!
//! A new probe is one file here that implements [`Probe`] and two lines in [`list`]. It may fill any table.

pub mod activations;
pub mod gradients;
pub mod list;

use std::fmt::Debug;

use crate::kernels::Scalar;
use crate::table::Table;
use crate::train::Observer;

/// An observer that fills tables.
pub trait Probe<F: Scalar>: Observer<F> + Debug {
    /// Hands each row since the last call to `write`, in order: its table, and its cells. Called after each update, not
    /// between a batch and its update.
    fn take_rows(&mut self, write: &mut dyn FnMut(Table, &[String]));
}

/// Whether a probe that looks every so many steps looks at `step`; also at the last; 0 is never.
fn looks_at(step: usize, every: usize, last: usize) -> bool {
    every > 0 && (step.is_multiple_of(every) || step == last)
}
