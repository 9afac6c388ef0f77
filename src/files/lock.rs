//! How files are locked.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::presence::{look, refuse_link};
use super::remedy::in_words;

/// Who holds a lock.
#[derive(Debug)]
pub enum Lock {
    /// This program, until the value is dropped.
    Held(File),
    /// Another program.
    Elsewhere,
    /// Nobody: the file system has no locks, or does not answer.
    Unsupported,
}

/// Takes the lock of a file, unless another program holds it. The system releases it when the program ends, even when it
/// is killed; that the file exists does not mean that anyone holds its lock.
///
/// # Errors
/// If the file cannot be opened.
pub fn try_lock(path: &Path) -> anyhow::Result<Lock> {
    let file = open_lock(path)?;
    Ok(outcome(|| file.try_lock()).unwrap_or_else(|| Lock::Held(file)))
}

/// Takes a shared lock: many programs may hold it at once, but none while one holds it by [`try_lock`].
///
/// # Errors
/// If the file cannot be opened.
pub fn try_lock_shared(path: &Path) -> anyhow::Result<Lock> {
    let file = open_lock(path)?;
    Ok(outcome(|| file.try_lock_shared()).unwrap_or_else(|| Lock::Held(file)))
}

/// Called ten times a second with the time waited for a lock so far. Returns whether to go on waiting.
pub type Waiting<'a> = &'a dyn Fn(Duration) -> bool;

/// Takes a lock, and waits while another program holds it. Returns [`Lock::Elsewhere`] if `waiting` gives up.
///
/// # Errors
/// If the file cannot be opened.
pub fn lock(path: &Path, waiting: Waiting) -> anyhow::Result<Lock> {
    let began = Instant::now();
    loop {
        match try_lock(path)? {
            Lock::Elsewhere if waiting(began.elapsed()) => thread::sleep(Duration::from_millis(100)),
            lock => return Ok(lock),
        }
    }
}

fn open_lock(path: &Path) -> anyhow::Result<File> {
    refuse_link(path)?;
    let is_other = look(path)?.is_some_and(|metadata| !metadata.is_file());
    anyhow::ensure!(!is_other, "cannot lock {}: it is not a file", path.display());
    // On a network file system a shared lock needs a file open for reading, an exclusive one a file open for writing.
    let file = File::options().create(true).read(true).write(true).truncate(false).open(path);
    file.map_err(in_words).with_context(|| format!("cannot lock {}", path.display()))
}

/// Why a lock was not taken; `None` if it was. Network file systems say by many errors that they have no locks.
fn outcome(take: impl Fn() -> Result<(), TryLockError>) -> Option<Lock> {
    loop {
        match take() {
            Ok(()) => return None,
            Err(TryLockError::WouldBlock) => return Some(Lock::Elsewhere),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(_)) => return Some(Lock::Unsupported),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_file_system_without_locks_is_no_reason_to_stop() {
        let error = |kind: io::ErrorKind| Err(TryLockError::Error(kind.into()));
        for kind in [io::ErrorKind::Unsupported, io::ErrorKind::Other, io::ErrorKind::PermissionDenied] {
            assert!(matches!(outcome(|| error(kind)), Some(Lock::Unsupported)), "{kind:?}");
        }
        assert!(matches!(outcome(|| Err(TryLockError::WouldBlock)), Some(Lock::Elsewhere)));
        let calls = Cell::new(0);
        let interrupted_twice = || {
            calls.set(calls.get() + 1);
            if calls.get() < 3 { error(io::ErrorKind::Interrupted) } else { Ok(()) }
        };
        assert!(outcome(interrupted_twice).is_none());
        assert_eq!(calls.get(), 3);
    }
}
