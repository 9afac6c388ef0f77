//! `bn-exp`: what does standardising add to a learnable scale and shift?
//!
//! Batch normalisation first standardises, x̂ = (x − μ)/√(σ² + ε) (eq. 1), then maps, y = γx̂ + β
//! (eq. 2). Would y = γx + β (eq. 3) not do? This crate trains small networks in arms that differ in
//! nothing else, and compares them, paired by seed.
//!
//! # The way of the data
//!
//! ```text
//! sources → config → plan → data → nn → train → probe → record → runner → compare → claims → report → commands
//! ```
//!
//! | module | what happens there |
//! |---|---|
//! | [`sources`] | one file a data source: its keys, what is known beforehand, how samples are made or read |
//! | [`config`] | JSON a user may write → [`config::Experiment`], checked and complete |
//! | [`plan`] | an experiment → its runs and their ids: a pure function |
//! | [`data`] | a source's samples → [`data::Dataset`], split, scaled, in a seeded order; downloads |
//! | [`nn`] | networks as blocks a = pool(φ(norm(Wu))); the arms in [`nn::norm`]; forward and backward |
//! | [`train`] | the loop, the optimisers, the evaluations |
//! | [`probe`] | activation and gradient statistics, the loss along the gradient, recomputed beside training |
//! | [`record`] | an experiment's folder: every path, every table, atomic writes; a network from a run's folder |
//! | [`runner`] | [`runner::complete()`] trains what is missing, one thread a run, and tells what happens |
//! | [`compare`] | tables → every arm tuned → contrasts, intervals, verdicts |
//! | [`claims`] | the sentences of the question, each with its experiment and its criterion |
//! | [`report`] | what people read |
//! | [`commands`] | one file a subcommand: glue |
//!
//! A module imports only from those before it, or from the leaves: [`kernels`] (numbers on slices),
//! [`stats`] (slices in, estimates out), [`random`] (named random streams), [`files`] (reading and
//! atomic writing), [`table`] (columns and cells). [`cli`] holds the command line's types. A test scans the imports and holds this.
//!
//! # What the results rest on
//!
//! - **Pairing.** Every random number comes from a stream named by seed and purpose ([`random`]), so
//!   runs with the same seed share data, batches and every weight of the same shape.
//! - **Observers.** [`train::train`] is bare; evaluations and probes watch it through
//!   [`train::Observer`] on workspaces of their own and change nothing.
//! - **Identity.** A run's id is a hash of everything that decides its numbers ([`plan`]); its folder
//!   counts as finished once `run.json`, written last, is there.
//! - **One parameter slice.** A network's parameters, their gradients and the optimiser's state are
//!   slices of one layout ([`nn::parameters`]), so an update is one loop and a checkpoint one list.

pub mod claims;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod config;
pub mod data;
pub mod files;
pub mod kernels;
pub mod nn;
pub mod plan;
pub mod printable;
pub mod probe;
pub mod random;
pub mod record;
pub mod report;
pub mod runner;
pub mod sources;
pub mod stats;
pub mod table;
pub mod train;
