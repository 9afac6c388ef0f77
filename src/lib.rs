//! x
pub mod cli;
pub mod commands;
pub mod compare;
pub mod config;
pub mod data;
pub mod files;
pub mod kernels;
pub mod nn;
pub mod plan;
pub mod probe;
pub mod random;
pub mod record;
pub mod report;
pub mod runner;
pub mod stats;
pub mod train;
