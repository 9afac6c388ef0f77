//! What belongs to a run and no table needs: its snapshots, trace and log, and how they are copied.

use std::path::Path;

use anyhow::ensure;

use super::layout::RunFolder;
use super::tensors;
use crate::files;

/// Removes the snapshots of a run, and its trace where `trace` says so: they are of an earlier training.
///
/// # Errors
/// The system's.
pub fn clear(run: &RunFolder, trace: bool) -> anyhow::Result<()> {
    let folder = run.snapshots();
    for name in files::list(&folder)?.into_iter().filter(|name| RunFolder::is_snapshot(name)) {
        files::remove_unless_folder(&folder.join(name))?;
    }
    if trace { files::remove_unless_folder(&run.trace()) } else { Ok(()) }
}

/// Copies what belongs to one run from one of its folders to another.
#[derive(Debug)]
pub struct Copying<'a> {
    /// From here.
    pub from: &'a RunFolder,
    /// To here.
    pub to: &'a RunFolder,
    /// Whether files that are there and whole are replaced, too.
    pub replacing: bool,
    /// Whether each file of tensors carries its digest: those of earlier programs do not.
    pub has_digests: bool,
    /// What could not be copied, and why.
    pub passed_over: &'a mut Vec<String>,
}

impl Copying<'_> {
    /// Copies the trace, if there is one.
    ///
    /// # Errors
    /// The system's, where it cannot be written.
    pub fn trace(&mut self) -> anyhow::Result<()> {
        self.tensors(&self.from.trace(), &self.to.trace())
    }

    /// Copies the snapshots.
    ///
    /// # Errors
    /// The system's, where they cannot be listed or written.
    pub fn snapshots(&mut self) -> anyhow::Result<()> {
        let (from, to) = (self.from.snapshots(), self.to.snapshots());
        if !files::is_folder(&from)? {
            return Ok(());
        }
        if let Err(error) = files::refuse_link(&from) {
            self.pass_over(&error);
            return Ok(());
        }
        files::make_folder(&to)?;
        for name in files::list(&from)?.into_iter().filter(|name| RunFolder::is_snapshot(name)) {
            self.tensors(&from.join(&name), &to.join(&name))?;
        }
        Ok(())
    }

    /// Copies the log, if there is one that can be read.
    ///
    /// # Errors
    /// The system's, where it cannot be written.
    pub fn log(&mut self) -> anyhow::Result<()> {
        let (from, to) = (self.from.log(), self.to.log());
        if !self.replacing && files::look(&to)?.is_some() {
            return Ok(());
        }
        match files::refuse_link(&from).and_then(|()| files::read_if_there(&from)) {
            Ok(Some(bytes)) => files::write_atomically(&to, &bytes),
            Ok(None) => Ok(()),
            Err(error) => {
                self.pass_over(&error);
                Ok(())
            }
        }
    }

    /// Copies a file of tensors that is whole. Of one that is damaged, or cannot be read, it is said that it was passed over:
    /// another folder may have it.
    fn tensors(&mut self, from: &Path, to: &Path) -> anyhow::Result<()> {
        let read = files::refuse_link(from).and_then(|()| files::read_if_there(from));
        let whole = read.and_then(|bytes| {
            bytes.as_deref().map(|bytes| self.check(bytes, from)).transpose()?;
            Ok(bytes)
        });
        match whole {
            Err(error) => self.pass_over(&error),
            Ok(None) => {}
            Ok(Some(bytes)) => {
                let is_there = |there: Vec<u8>| there.len() == bytes.len() && self.check(&there, to).is_ok();
                if self.replacing || !files::read_if_there(to)?.is_some_and(is_there) {
                    files::write_atomically(to, &bytes)?;
                }
            }
        }
        Ok(())
    }

    fn check(&self, bytes: &[u8], path: &Path) -> anyhow::Result<()> {
        tensors::parse(bytes, path)?;
        let lacks_digest = self.has_digests && tensors::recorded(bytes).is_none();
        ensure!(!lacks_digest, "{} is damaged: it does not carry its SHA-256", path.display());
        Ok(())
    }

    fn pass_over(&mut self, error: &anyhow::Error) {
        self.passed_over.push(format!("{error:#}; it was not copied"));
    }
}
