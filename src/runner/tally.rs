//! How many runs ended in which way.

use crate::record::run::Status;

/// How the runs ended in a call that trains runs, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Finished before the call.
    pub already_finished: usize,
    /// Completed or diverged during the call.
    pub finished: usize,
    /// Of those, diverged.
    pub diverged: usize,
    /// Went wrong.
    pub failed: usize,
    /// Finished by another program meanwhile.
    pub by_others: usize,
    /// Still being trained by another program at the end of the call.
    pub elsewhere: usize,
    /// Not trained, or not to the end.
    pub left: usize,
}

impl Tally {
    /// All runs that the call was for.
    pub fn total(&self) -> usize {
        self.already_finished + self.finished + self.failed + self.by_others + self.elsewhere + self.left
    }

    /// Counts a run that was trained. An interrupted one is left.
    pub fn add(&mut self, status: Status) {
        match status {
            Status::Completed => self.finished += 1,
            Status::Diverged => {
                self.finished += 1;
                self.diverged += 1;
            }
            Status::Failed => self.failed += 1,
            Status::Interrupted | Status::Missing => {}
        }
    }
}
