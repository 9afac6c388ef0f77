//! How files are read, written and locked: one function for each way.

mod lock;
mod presence;
mod remedy;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use presence::unless_absent;
pub use presence::{are_same, is_file, is_folder, is_real_folder, look, refuse_link};
use remedy::in_words;

pub use lock::{Lock, Waiting, lock, try_lock, try_lock_shared};

/// Reads a whole file.
///
/// # Errors
/// The system's, with the path.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    read_at_most(path, u64::MAX - 1)
}

/// Most bytes of a text that someone wrote, or of the record of one run.
pub const LONGEST_TEXT: u64 = 16 << 20;

/// Reads a whole text of at most 16 MiB, also from a pipe.
///
/// # Errors
/// The system's, with the path; if it is longer, as that of a device that never ends.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let context = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST_TEXT + 1).read_to_end(&mut bytes)).with_context(context)?;
    anyhow::ensure!(bytes.len() as u64 <= LONGEST_TEXT, "{} is longer than 16 MiB", path.display());
    String::from_utf8(bytes).with_context(|| format!("{} is not text in UTF-8; save it as UTF-8", path.display()))
}

/// Reads a whole file of at most `most` bytes.
///
/// # Errors
/// The system's, with the path; if the file is longer.
pub fn read_at_most(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let file = open(path)?;
    let size = file.metadata().with_context(context)?.len();
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size.min(most) as usize).with_context(|| format!("{} ({size} bytes)", context()))?;
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
    File::open(path).map_err(in_words).with_context(context)
}

/// Reads a whole file, if it is there.
///
/// # Errors
/// The system's, with the path; if it is a folder, a pipe or a device.
pub fn read_if_there(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    // A file that is removed in between gives an error, which is reported.
    look(path)?.map(|_| read(path)).transpose()
}

/// Refuses to overwrite a file whose content the program did not write. Returns whether there is a file.
///
/// # Errors
/// If it is somebody else's, or the system cannot read it.
pub fn refuse_foreign(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> anyhow::Result<bool> {
    let Some(bytes) = read_if_there(path)? else { return Ok(false) };
    let place = path.display();
    ensure!(
        is_ours(&bytes),
        "{place} is there, and is not what bn-exp writes, or of a later version: move it away, or name another place"
    );
    Ok(true)
}

/// Reads the record of a run, if it is there.
///
/// # Errors
/// As [`read_if_there`]; if it is longer than 16 MiB.
pub fn read_record(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    look(path)?.map(|_| read_at_most(path, LONGEST_TEXT)).transpose()
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file in hexadecimal digits, if it is there. However long it is, little of it is in memory at once.
///
/// # Errors
/// As [`read_if_there`].
pub fn sha256_of(path: &Path) -> anyhow::Result<Option<String>> {
    let Some(_) = look(path)? else { return Ok(None) };
    let (mut file, mut hash, mut piece) = (open(path)?, Sha256::new(), vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece).with_context(|| format!("cannot read {}", path.display()))?;
        if read == 0 {
            return Ok(Some(hex(&hash.finalize())));
        }
        hash.update(&piece[..read]);
    }
}

/// Bytes that are read at once of a file that is read piece by piece.
const PIECE: usize = 1 << 16;

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names of the files and folders in a folder; empty if there is no such folder. A name that is not UTF-8 is replaced by one
/// that matches no file.
///
/// # Errors
/// The system's, with the path.
pub fn list(path: &Path) -> anyhow::Result<Vec<String>> {
    Ok(entries(path)?.iter().map(|name| name.to_string_lossy().into_owned()).collect())
}

/// The same names as the system gives them.
fn entries(path: &Path) -> anyhow::Result<Vec<OsString>> {
    let names = || -> io::Result<Vec<OsString>> { fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect() };
    let names = unless_absent(names()).with_context(|| format!("cannot list {}", path.display()))?;
    Ok(names.unwrap_or_default())
}

/// Moves everything in a folder into another one. An entry whose name is taken there is called `<name>.kept`.
///
/// # Errors
/// The system's, with the path; if something is there under that name, too.
pub fn move_entries(from: &Path, to: &Path) -> anyhow::Result<()> {
    for name in entries(from)? {
        let mut there = to.join(&name);
        if there.symlink_metadata().is_ok() {
            there.as_mut_os_string().push(".kept");
        }
        rename(&from.join(&name), &there)?;
    }
    Ok(())
}

/// Whether every platform takes this as the name of a file or folder, and not as a path or a device; nor a spreadsheet as a
/// formula.
pub fn is_plain_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = |prefix: &str| stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n != "0");
    let is_reserved = ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || is_device("com") || is_device("lpt");
    let ends_badly = name.starts_with(['.', '-']) || name.ends_with('.');
    !name.is_empty() && !ends_badly && !is_reserved && name.chars().all(is_allowed)
}

/// Makes a folder and those above it, unless they exist.
///
/// # Errors
/// The system's, with the path.
pub fn make_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Checks that a folder can be listed, and that files can be written in it.
///
/// # Errors
/// The system's, with the path.
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    entries(path)?;
    // An error of this would name a file that nobody asked for.
    let file = tempfile::tempfile_in(path).map_err(|error| io::Error::from(error.kind()));
    file.map(drop).with_context(|| format!("cannot write to {}", path.display()))
}

/// Removes a file, if it exists.
///
/// # Errors
/// The system's, with the path.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    unless_absent(fs::remove_file(path)).with_context(|| format!("cannot remove {}", path.display())).map(drop)
}

/// Removes files that a killed program left half-written in a folder.
///
/// # Errors
/// The system's, with the path.
pub fn remove_unfinished(folder: &Path) -> anyhow::Result<()> {
    list(folder)?
        .into_iter()
        .filter(|name| is_unfinished(name))
        .try_for_each(|name| remove_unless_folder(&folder.join(name)))
}

/// Whether a killed program left half-written files in a folder, or one is writing them.
///
/// # Errors
/// The system's, with the path.
pub fn has_unfinished(folder: &Path) -> anyhow::Result<bool> {
    Ok(list(folder)?.iter().any(|name| is_unfinished(name)))
}

/// Removes a file or a link, if there is one.
///
/// # Errors
/// The system's, with the path.
pub fn remove_unless_folder(path: &Path) -> anyhow::Result<()> {
    if is_real_folder(path)? { Ok(()) } else { remove(path) }
}

/// Removes a folder if nothing is in it.
///
/// # Errors
/// The system's, with the path.
pub fn remove_empty_folder(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => unless_absent(removed).with_context(|| format!("cannot remove {}", path.display())).map(drop),
    }
}

/// Moves a file or folder to where nothing is.
///
/// # Errors
/// The system's, with the path; if something is there.
pub fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot move {} to {}", from.display(), to.display());
    anyhow::ensure!(look(to)?.is_none(), "{}: something is there", context());
    fs::rename(from, to).with_context(context)
}

/// Start of the names of files that are being written.
const UNFINISHED: &str = ".writing-";
/// Letters and digits, drawn at random, that make such a name whole.
const DRAWN: usize = 6;

/// Whether a file of this name is one that the program is writing, or was killed while it wrote it.
pub fn is_unfinished(name: &str) -> bool {
    let is_drawn = |rest: &str| rest.len() == DRAWN && rest.chars().all(|c| c.is_ascii_alphanumeric());
    name.strip_prefix(UNFINISHED).is_some_and(is_drawn)
}

/// Writes a file: into a temporary one beside it, which is synced to disk and then renamed. At every moment there is the
/// old file or the whole new one.
///
/// # Errors
/// The system's, with the path.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = Unfinished::begin(path)?;
    file.write(bytes)?;
    file.finish()
}

/// A file that is being written piece by piece, as by [`write_atomically`]. Dropped, it leaves the old file.
#[derive(Debug)]
pub struct Unfinished {
    file: NamedTempFile,
    path: PathBuf,
}

impl Unfinished {
    /// The file that will be at this path.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        // The system's words would name a file that nobody asked for.
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            bail!("cannot write {}: there is no folder {}", path.display(), folder.display());
        }
        // Made here, it has the permissions of the user's umask, and an error does not tell the drawn name.
        let file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .rand_bytes(DRAWN)
            .make_in(folder, |path| File::create_new(path));
        let file = file.map_err(in_words).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Adds to the file.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        // The temporary file's own error would name it.
        self.file.as_file_mut().write_all(bytes).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Puts the whole file in its place.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn finish(self) -> anyhow::Result<()> {
        let context = || format!("cannot write {}", self.path.display());
        self.file.as_file().sync_all().with_context(context)?;
        self.file.persist(&self.path).map_err(|failed| failed.error).with_context(context)?;
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_nothing_else() {
        for name in ["bn", "a.b", "x-", "A_1", "none-s0-0123456789"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in
            ["", ".", "..", "-x", ".a", "a.", "a/b", "a\\b", "c:", "nul", "COM1", "com1.txt", "a b", "é", "a\0", "a\n"]
        {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
