//! What is at a path. It counts as absent only if the system says so; any other error is reported.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use anyhow::Context;

use super::remedy::in_words;

/// What is at a path, links followed; `None` only if the system says that nothing is there. Any other answer does not prove
/// that a file is absent, and is an error.
///
/// # Errors
/// The system's, with the path.
pub fn look(path: &Path) -> anyhow::Result<Option<Metadata>> {
    unless_absent(fs::metadata(path)).with_context(|| format!("cannot read {}", path.display()))
}

/// Whether there is a file.
///
/// # Errors
/// As [`look`].
pub fn is_file(path: &Path) -> anyhow::Result<bool> {
    Ok(look(path)?.is_some_and(|metadata| metadata.is_file()))
}

/// Whether there is a folder.
///
/// # Errors
/// As [`look`].
pub fn is_folder(path: &Path) -> anyhow::Result<bool> {
    Ok(look(path)?.is_some_and(|metadata| metadata.is_dir()))
}

/// Whether there is a folder, and not a link to one.
///
/// # Errors
/// As [`look`].
pub fn is_real_folder(path: &Path) -> anyhow::Result<bool> {
    let found = unless_absent(path.symlink_metadata()).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(found.is_some_and(|metadata| metadata.is_dir()))
}

/// `None` where nothing is there. A path through a file leads nowhere.
pub(super) fn unless_absent<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        answer => answer.map(Some).map_err(in_words),
    }
}

/// Whether two paths lead to one place. A path to nothing leads to no place.
///
/// # Errors
/// The system's, with the path.
pub fn are_same(a: &Path, b: &Path) -> anyhow::Result<bool> {
    let place =
        |path: &Path| unless_absent(path.canonicalize()).with_context(|| format!("cannot read {}", path.display()));
    let (a, b) = (place(a)?, place(b)?);
    Ok(a.is_some() && a == b)
}

/// Refuses a link: what is written at its path would be written elsewhere.
///
/// # Errors
/// If there is a link.
pub fn refuse_link(path: &Path) -> anyhow::Result<()> {
    let found = unless_absent(path.symlink_metadata()).with_context(|| format!("cannot read {}", path.display()))?;
    let is_link = found.is_some_and(|metadata| metadata.is_symlink());
    anyhow::ensure!(!is_link, "{} is a link; results are written in their own folder only", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_system_says_is_absent_is_absent() {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory] {
            assert!(matches!(unless_absent::<()>(Err(kind.into())), Ok(None)));
        }
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::Interrupted, io::ErrorKind::Other] {
            assert!(unless_absent::<()>(Err(kind.into())).is_err(), "{kind}");
        }
    }
}
