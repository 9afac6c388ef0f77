//! Errors of the system that a user can do something about.

use std::io;

/// The most open files that a system lets a program have: EMFILE.
#[cfg(unix)]
const TOO_MANY_FILES: i32 = 24;
#[cfg(not(unix))]
const TOO_MANY_FILES: i32 = 4;

/// An error of the system with a remedy, if there is one.
pub fn in_words(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(TOO_MANY_FILES) {
        return io::Error::other("too many files are open; allow more (ulimit -n 4096), or run fewer at once (--jobs)");
    }
    error
}
