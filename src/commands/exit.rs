//! How the program ends.

/// How the program ends if no error stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// Something failed; it has been said.
    Failed,
    /// Asked to stop.
    Interrupted,
}

/// Wrong usage that the command line's own rules do not catch.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);
