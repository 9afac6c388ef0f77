//! How the program ends.

use crate::compare::arrange::NotThere;
use crate::record::experiment::NoExperiment;

/// How the program ends if no error stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// Something failed; it has been said.
    Failed,
    /// What was asked for is not there; it has been said.
    WrongUsage,
    /// Asked to stop.
    Interrupted,
}

/// Wrong usage that the command line's own rules do not catch.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Whether the user named something that is not there.
pub fn is_not_there(error: &anyhow::Error) -> bool {
    error.is::<UsageError>() || error.is::<NoExperiment>() || error.is::<NotThere>()
}
