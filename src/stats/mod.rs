//! Statistics: slices in, estimates out, no files and no clock.
//!
//! The unit is the seed: one value, or one paired difference, a seed.

pub mod bootstrap;
pub mod describe;
pub mod effect;
pub mod equivalence;
pub mod exchange;
pub mod factorial;
pub mod inversion;
pub mod multiple;
pub mod orbit;
pub mod permutation;
pub mod proportion;
pub mod sample;
pub mod seeds;
pub mod selection;
pub mod share;
pub mod survival;
