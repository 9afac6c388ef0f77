//! What verdicts rest on.

/// What the verdicts were found on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Name of the data.
    pub data: String,
    /// First and last seed.
    pub seeds: (u64, u64),
    /// How many there are.
    pub count: usize,
    /// SHA-256 of all that verdicts depend on beside the runs: the program, and the learning rates. Empty in older files.
    pub rules: String,
    /// What else has to be said, one sentence each.
    pub notes: Vec<String>,
}
