//! Statistics: slices in, estimates out, no files and no clock.
//!
//! The unit is the seed: one value, or one paired difference, a seed.

pub mod describe;
pub mod permutation;
