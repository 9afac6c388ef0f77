//! What a user may write → what the program runs.
//!
//! [`file`](mod@file) lists the keys; [`check`](mod@check) checks JSON against the schema derived from them, and [`tree`]
//! finds keys in that schema; [`resolve`] settles the defaults that depend on other keys; [`sweep`] crosses the axes,
//! [`point`] resolves each of their points; [`experiment`] puts variants, sweep and seeds together; [`cost`] estimates what
//! a run takes.

pub mod check;
pub mod cost;
pub mod experiment;
pub mod file;
pub mod json;
pub mod names;
mod numbers;
pub mod point;
pub mod problem;
pub mod recorded;
pub mod resolve;
pub mod sections;
pub mod settings;
pub mod sweep;
pub mod tree;
mod vanish;
pub mod variants;

pub use experiment::Experiment;
pub use point::Point;
pub use problem::{ConfigError, Problem, Problems, SyntaxError};
pub use settings::{DataFacts, Settings, Shape, Variant};
pub use sweep::Axis;
