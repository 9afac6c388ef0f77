//! Which arm wins, by how much, how surely: from an experiment's tables to estimates.
//!
//! [`load`] reads the tables, [`contrasts`] makes estimates of them, [`verdict`] says them in words.

pub mod contrasts;
pub mod load;
pub mod verdict;

pub use contrasts::{Comparison, compare};
pub use load::Loaded;
