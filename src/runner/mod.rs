//! Trains experiments.
//!
//! [`complete()`] takes one to its end and makes its tables: [`check`] plans it and refuses what cannot be trained,
//! [`queue`] trains what is missing, one thread a run, [`execute`] one run. All of them tell [`events`] what happens;
//! [`progress`] shows that on a terminal.

pub mod check;
pub mod complete;
pub mod events;
pub mod execute;
pub mod job;
mod pairing;
pub mod progress;
pub mod queue;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod trace;
mod watch;

pub use complete::{Done, Options, complete};
pub use events::{Event, Events};
pub use job::Job;
pub use queue::run;
pub use tally::Tally;
