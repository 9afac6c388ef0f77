//! x
pub mod config;
pub mod data;
pub mod files;
pub mod kernels;
pub mod nn;
pub mod probe;
pub mod random;
pub mod train;
