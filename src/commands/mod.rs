//! One file a subcommand: glue between the parts, and what is printed.

mod claims;
mod collect;
mod compare;
mod completions;
mod data;
mod exit;
mod export;
mod fold;
mod init;
mod lines;
mod meant;
mod plan;
mod prepare;
mod report;
mod run;
mod schema;
mod shipped;
mod terminal;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;

pub use exit::{Exit, UsageError, is_not_there};
pub use meant::meant;

use crate::cli::{Cli, Command};
use crate::kernels::simd;

/// What the program says to somebody who names no command.
const GREETING: &str = "\
Trains small networks with batch normalisation, and with y = γx + β in its
place, and says what the difference is, how sure that is, and why it arises.

  bn-exp run quickstart               trains 120 small networks and compares
                                      three arms, in well under a minute
  bn-exp claims --quick               puts the sentences of the question to the
                                      test, in about a minute
  bn-exp report results/quickstart    draws the figures, in one file for the
                                      browser

bn-exp help lists every command, and bn-exp help COMMAND its options.";

/// Does what was asked.
///
/// # Errors
/// What went wrong, with its causes.
pub fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    outlive_file_limits()?;
    simd::requested().map_err(|error| UsageError(error.to_string()))?;
    let Some(command) = cli.command else {
        terminal::show(GREETING)?;
        return Ok(Exit::Done);
    };
    if !matches!(command, Command::Run(_) | Command::Claims(_)) {
        quit_on_signals()?;
    }
    match command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Init(args) => init::init(&args),
        Command::Claims(args) => claims::claims(&args),
        Command::Collect(args) => collect::collect(&args),
        Command::Fold(args) => fold::fold(&args),
        Command::Export(args) => export::export(&args),
        Command::Report(args) => report::report(&args),
        Command::Data(args) => data::data(&args),
        Command::Schema => schema::schema(),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
    }
}

/// Ctrl-C and SIGTERM end every command but `run` and `claims` at once: what they write is whole at every moment.
fn quit_on_signals() -> anyhow::Result<()> {
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let always = Arc::new(AtomicBool::new(true));
        let listening = signal_hook::flag::register_conditional_shutdown(signal, 130, always);
        listening.context("cannot listen for signals")?;
    }
    Ok(())
}

/// Exceeding the system's file-size limit is then an error of the write, and does not end the program.
fn outlive_file_limits() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let ignored = Arc::new(AtomicBool::new(false));
        let listening = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, ignored);
        listening.context("cannot listen for signals")?;
    }
    Ok(())
}
