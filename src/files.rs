//! How files are read, written and locked: one function for each way.

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

/// Reads a whole file of at most `most` bytes.
///
/// # Errors
/// The system's, with the path; if the file is longer.
pub fn read_at_most(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let file = open(path)?;
    let size = file.metadata().with_context(context)?.len();
    let mut bytes = Vec::with_capacity(size.min(most) as usize);
    file.take(most + 1).read_to_end(&mut bytes).with_context(context)?;
    anyhow::ensure!(bytes.len() as u64 <= most, "{} is longer than {most} bytes", path.display());
    Ok(bytes)
}

/// Opens a file to be read piece by piece.
///
/// # Errors
/// The system's, with the path; if it is a folder, a pipe or a device.
pub fn open(path: &Path) -> anyhow::Result<File> {
    let context = || format!("cannot read {}", path.display());
    // Reading a pipe would wait for ever, reading a device never end.
    let metadata = fs::metadata(path).with_context(context)?;
    anyhow::ensure!(metadata.is_file(), "{}: it is not a file", context());
    File::open(path).with_context(context)
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names of the files and folders in a folder; none if there is no such folder.
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

/// Whether every platform takes this as the name of a file or folder, and not as a path or a device.
pub fn is_plain_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = |prefix: &str| stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n != "0");
    let is_reserved = ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || is_device("com") || is_device("lpt");
    let has_dot_at_end = name.starts_with('.') || name.ends_with('.');
    !name.is_empty() && !has_dot_at_end && !is_reserved && name.chars().all(is_allowed)
}

/// Refuses a link: what is written at its path would be written elsewhere.
///
/// # Errors
/// If there is a link.
pub fn refuse_link(path: &Path) -> anyhow::Result<()> {
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    anyhow::ensure!(!is_link, "{} is a link; results are written in their own folder only", path.display());
    Ok(())
}

/// Makes a folder and those above it, unless they exist.
///
/// # Errors
/// The system's, with the path.
pub fn make_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Removes a file, if it exists.
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

/// Removes files that a killed program left half-written in a folder.
///
/// # Errors
/// The system's, with the path.
pub fn remove_unfinished(folder: &Path) -> anyhow::Result<()> {
    let unfinished = |name: &String| name.starts_with(UNFINISHED);
    list(folder)?.into_iter().filter(unfinished).try_for_each(|name| remove_all(&folder.join(name)))
}

/// Start of the names of files that are being written and of folders that are being removed.
const UNFINISHED: &str = ".writing-";

/// Removes a folder with everything in it. At every moment the whole folder exists under its name, or nothing.
///
/// # Errors
/// The system's, with the path.
pub fn remove_folder(path: &Path) -> anyhow::Result<()> {
    let aside = path.with_file_name(format!("{UNFINISHED}removed"));
    remove_all(&aside)?;
    fs::rename(path, &aside).with_context(|| format!("cannot remove {}", path.display()))?;
    remove_all(&aside)
}

/// Removes a file, a link, or a folder with everything in it, if it exists.
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
    let is_other = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    anyhow::ensure!(!is_other, "cannot lock {}: it is not a file", path.display());
    // On a network file system a shared lock needs a file open for reading, an exclusive one a file open for writing.
    let file = File::options().create(true).read(true).write(true).truncate(false).open(path);
    file.with_context(|| format!("cannot lock {}", path.display()))
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

/// Writes a file: into a temporary one beside it, which is synced to disk and then renamed. At every moment there is the
/// old file or the whole new one.
///
/// # Errors
/// The system's, with the path.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically_by(path, |file| file.write_all(bytes).with_context(|| format!("cannot write {}", path.display())))
}

/// Like [`write_atomically`], for what does not fit into memory: `write` gets the open file.
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

/// Syncs the names in a folder to disk: files that were renamed into it survive a loss of power.
///
/// # Errors
/// The system's, with the path.
pub fn sync_folder(path: &Path) -> anyhow::Result<()> {
    // Other systems cannot open a folder, and have a renaming on disk when it returns.
    if cfg!(unix) {
        let synced = File::open(path).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("cannot sync {}", path.display()))?;
    }
    Ok(())
}

/// Temporary files are private by default; results get the permissions of the user's umask.
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
