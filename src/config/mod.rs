//! What a user may write → what the program runs.
//!
//! [`file`](mod@file) lists the keys; [`check`](mod@check) holds JSON against the schema derived from them; [`resolve`]
//! settles the defaults that depend on other keys; [`experiment`] crosses variants, sweep and seeds.

pub mod arm;
pub mod check;
pub mod experiment;
pub mod file;
pub mod json;
mod names;
pub mod problem;
pub mod resolve;
pub mod settings;
pub mod variants;

pub use experiment::{Axis, Experiment, Point};
pub use problem::{ConfigError, Problem, Problems};
pub use settings::{DataFacts, Settings, Shape, Variant};

/// The text is no JSON.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not JSON: {0}")]
pub struct SyntaxError(pub String);
