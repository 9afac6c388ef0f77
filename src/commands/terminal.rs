//! What commands print, and how they wait.

use std::cell::Cell;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;

use crate::printable::escaped;
use crate::record::collect::Update;
use crate::runner::progress;

/// Prints results on standard output. A reader that has gone away, as `head` does, has seen enough: the exit status tells
/// the rest.
///
/// # Errors
/// The system's.
pub(super) fn show(text: impl Display) -> anyhow::Result<()> {
    show_as_it_is(format!("{}\n", escaped(&text.to_string())).as_bytes())
}

/// The same for text that has control characters on purpose, such as a script.
///
/// # Errors
/// The system's.
pub(super) fn show_as_it_is(bytes: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(()),
    }
}

/// Says something on standard error; the program goes on even if the reader has gone away.
pub(super) fn complain(text: impl Display) {
    drop(writeln!(std::io::stderr(), "{}", escaped(&text.to_string())));
}

/// Says which finished runs turned out to be damaged or lost.
pub(super) fn warn_of_damage(update: &Update) {
    if let [first, others @ ..] = &update.lost[..] {
        let runs = if others.is_empty() {
            format!("run {first}")
        } else {
            format!("{} runs, such as {first},", others.len() + 1)
        };
        complain(format!(
            "warning: the tables hold {runs} finished, but runs/ holds no whole record of it. The tables stay as they are. Put runs/ back, or \
             let `bn-exp run` train again what is missing"
        ));
    }
    update.damaged.iter().for_each(|(id, reason)| complain(progress::damage(id, reason)));
}

/// Waits for a lock that another program holds, says so after a second, and gives up when asked to stop.
pub(super) fn waiting(stop: &AtomicBool) -> impl Fn(Duration) -> bool {
    let is_said = Cell::new(false);
    move |waited| {
        if waited >= Duration::from_secs(1) && !is_said.replace(true) {
            complain(progress::WAITING);
        }
        !stop.load(Ordering::Relaxed)
    }
}

/// Never set: for commands that Ctrl-C ends at once.
pub(super) static NEVER: AtomicBool = AtomicBool::new(false);
