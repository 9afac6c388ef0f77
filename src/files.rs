//! The few ways in which files are read and written.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;

/// Reads a whole file.
///
/// # Errors
/// The system's, with the path.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
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
    let mut bytes = Vec::new();
    let reading = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    reading.with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(bytes.len() as u64 <= most, "{} is longer than {most} bytes", path.display());
    Ok(bytes)
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
    list(folder)?.into_iter().filter(unfinished).try_for_each(|name| remove(&folder.join(name)))
}

/// How the names of files begin that are being written.
const UNFINISHED: &str = ".writing-";

/// Who holds a lock.
#[derive(Debug)]
pub enum Lock {
    /// This program, until this is dropped.
    Held(File),
    /// Another one.
    Elsewhere,
    /// Nobody can: the file system has no locks.
    Unsupported,
}

/// Takes a lock, if nobody has it: of the file, whose existence says nothing. It ends with the program, however that ends.
///
/// # Errors
/// The system's, with the path.
pub fn try_lock(path: &Path) -> anyhow::Result<Lock> {
    let file = open_lock(path)?;
    outcome(file.try_lock(), file, path)
}

/// Waits for a lock until nobody else has it.
///
/// # Errors
/// The system's, with the path.
pub fn lock(path: &Path) -> anyhow::Result<Lock> {
    let file = open_lock(path)?;
    outcome(file.lock().map_err(TryLockError::Error), file, path)
}

/// Takes a lock that many may hold at once, but none beside one who has it alone by [`try_lock`].
///
/// # Errors
/// The system's, with the path.
pub fn try_lock_shared(path: &Path) -> anyhow::Result<Lock> {
    let file = open_lock(path)?;
    outcome(file.try_lock_shared(), file, path)
}

fn open_lock(path: &Path) -> anyhow::Result<File> {
    refuse_link(path)?;
    let file = File::options().create(true).write(true).truncate(false).open(path);
    file.with_context(|| format!("cannot lock {}", path.display()))
}

fn outcome(taken: Result<(), TryLockError>, file: File, path: &Path) -> anyhow::Result<Lock> {
    match taken {
        Ok(()) => Ok(Lock::Held(file)),
        Err(TryLockError::WouldBlock) => Ok(Lock::Elsewhere),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(Lock::Unsupported),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
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
