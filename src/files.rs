//! The few ways in which files are read and written.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// Reads a whole file.
///
/// # Errors
/// The system's, with the path.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    read_at_most(path, u64::MAX - 1)
}

/// Reads a whole file of text.
///
/// # Errors
/// The system's, with the path.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a whole file that can be no longer than `most` bytes.
///
/// # Errors
/// The system's, with the path, and a longer file.
pub fn read_at_most(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    // A pipe would be waited for, a device read for ever.
    let metadata = fs::metadata(path).with_context(context)?;
    anyhow::ensure!(metadata.is_file(), "{}: it is no file", context());
    let mut bytes = Vec::with_capacity(metadata.len().min(most) as usize);
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).with_context(context)?;
    anyhow::ensure!(bytes.len() as u64 <= most, "{} is longer than {most} bytes", path.display());
    Ok(bytes)
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names of what is in a folder; none if there is no such folder.
///
/// # Errors
/// The system's, with the path.
pub fn list(path: &Path) -> anyhow::Result<Vec<String>> {
    let names = || -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    match names() {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        names => names.with_context(|| format!("cannot list {}", path.display())),
    }
}

/// Whether a name is good for a file or folder on every platform, and for nothing but that: no path, no device.
pub fn is_plain_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = |prefix: &str| stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n != "0");
    let is_reserved = ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || is_device("com") || is_device("lpt");
    let has_dot_at_end = name.starts_with('.') || name.ends_with('.');
    !name.is_empty() && !has_dot_at_end && !is_reserved && name.chars().all(is_allowed)
}

/// Sees to it that what is written at a path is written there: a link would lead elsewhere.
///
/// # Errors
/// If there is a link.
pub fn refuse_link(path: &Path) -> anyhow::Result<()> {
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    anyhow::ensure!(!is_link, "{} is a link; results are written in their own folder only", path.display());
    Ok(())
}

/// Makes a folder and those above it; one that is there already is fine.
///
/// # Errors
/// The system's, with the path.
pub fn make_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// The system's, with the path.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes what a program that was killed left half-written in a folder.
///
/// # Errors
/// The system's, with the path.
pub fn remove_unfinished(folder: &Path) -> anyhow::Result<()> {
    let unfinished = |name: &String| name.starts_with(UNFINISHED);
    list(folder)?.into_iter().filter(unfinished).try_for_each(|name| remove_all(&folder.join(name)))
}

/// How the names of files begin that are being written, or of folders that are being removed.
const UNFINISHED: &str = ".writing-";

/// Removes a folder with everything in it, so that at every moment it is there as a whole or not at all.
///
/// # Errors
/// The system's, with the path.
pub fn remove_folder(path: &Path) -> anyhow::Result<()> {
    let aside = path.with_file_name(format!("{UNFINISHED}removed"));
    remove_all(&aside)?;
    fs::rename(path, &aside).with_context(|| format!("cannot remove {}", path.display()))?;
    remove_all(&aside)
}

/// A file, a link, or a folder with what is in it; one that is not there is fine.
fn remove_all(path: &Path) -> anyhow::Result<()> {
    let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    if !is_folder {
        return remove(path);
    }
    fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Who holds a lock.
#[derive(Debug)]
pub enum Lock {
    /// This program, until this is dropped.
    Held(File),
    /// Another one.
    Elsewhere,
    /// Nobody can: the file system has no locks, or does not answer for them.
    Unsupported,
}

/// Takes a lock, if nobody has it: of the file, whose existence says nothing. It ends with the program, however that ends.
///
/// # Errors
/// If the file cannot be opened.
pub fn try_lock(path: &Path) -> anyhow::Result<Lock> {
    let file = open_lock(path)?;
    Ok(outcome(|| file.try_lock()).unwrap_or_else(|| Lock::Held(file)))
}

/// Takes a lock that many may hold at once, but none beside one who has it alone by [`try_lock`].
///
/// # Errors
/// If the file cannot be opened.
pub fn try_lock_shared(path: &Path) -> anyhow::Result<Lock> {
    let file = open_lock(path)?;
    Ok(outcome(|| file.try_lock_shared()).unwrap_or_else(|| Lock::Held(file)))
}

/// Told ten times a second for how long a lock has been waited for; says whether to go on waiting.
pub type Waiting<'a> = &'a dyn Fn(Duration) -> bool;

/// Waits for a lock until nobody else has it. [`Lock::Elsewhere`] if the waiting was given up.
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
    let is_other = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    anyhow::ensure!(!is_other, "cannot lock {}: it is no file", path.display());
    // Over a network a shared lock needs a file that can be read, a lock alone one that can be written.
    let file = File::options().create(true).read(true).write(true).truncate(false).open(path);
    file.with_context(|| format!("cannot lock {}", path.display()))
}

/// Why a lock was not taken; none if it was. Network file systems answer in many ways that they have no locks.
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

/// Writes a file so that at every moment there is either the old one or the whole new one: into a
/// temporary file beside it, to disk, then renamed.
///
/// # Errors
/// The system's, with the path.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically_by(path, |file| file.write_all(bytes).with_context(|| format!("cannot write {}", path.display())))
}

/// The same for what is too large to be held in memory: `write` is given the file.
///
/// # Errors
/// Those of `write`, and the system's, with the path.
pub fn write_atomically_by(path: &Path, write: impl FnOnce(&mut File) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = readable(tempfile::Builder::new().prefix(UNFINISHED)).tempfile_in(folder);
    let mut file = file.with_context(context)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

/// Sees to it that the names in a folder are on disk: files renamed into it before are there after the power was gone.
///
/// # Errors
/// The system's, with the path.
pub fn sync_folder(path: &Path) -> anyhow::Result<()> {
    // Elsewhere a folder cannot be opened, and renaming is on disk when it returns.
    if cfg!(unix) {
        let synced = File::open(path).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("cannot sync {}", path.display()))?;
    }
    Ok(())
}

/// Temporary files are private; results are like any other file, readable as the user's umask has it.
#[cfg(unix)]
fn readable<'b>(builder: &'b mut tempfile::Builder<'static, 'static>) -> &'b mut tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable<'b>(builder: &'b mut tempfile::Builder<'static, 'static>) -> &'b mut tempfile::Builder<'static, 'static> {
    builder
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_lock_that_cannot_be_had_is_no_reason_to_stop() {
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

    #[test]
    fn names_of_files_are_nothing_else() {
        for name in ["bn", "a.b", "-x", "A_1", "none-s0-0123456789"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in
            ["", ".", "..", ".a", "a.", "a/b", "a\\b", "c:", "nul", "COM1", "com1.txt", "a b", "é", "a\0", "a\n"]
        {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
