//! The program: parse, dispatch, print the error chain, exit status.

use std::borrow::Cow;
use std::io::{self, Write};
use std::process::ExitCode;

use bn_exp::cli::Cli;
use bn_exp::commands::{self, Exit, is_not_there};
use bn_exp::config::{ConfigError, SyntaxError};
use bn_exp::printable::escaped;
use bn_exp::record::collect::Stopped;
use bn_exp::record::experiment::WouldDrop;
use clap::Parser;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(error),
    };
    match commands::dispatch(cli) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(1),
        Ok(Exit::WrongUsage) => ExitCode::from(2),
        Ok(Exit::Interrupted) => ExitCode::from(130),
        Err(error) => {
            // If even standard error has gone away, the exit status still tells.
            drop(writeln!(io::stderr(), "error: {}", escaped(&format!("{error:#}"))));
            if error.is::<Stopped>() {
                return ExitCode::from(130);
            }
            ExitCode::from(if is_wrong_usage(&error) { 2 } else { 1 })
        }
    }
}

/// Prints what is wrong with the command line, and what may have been meant; or the help that was asked for.
fn refused(mut error: clap::Error) -> ExitCode {
    // clap says how to pass an unknown option as a value, which nobody means.
    if error.kind() == clap::error::ErrorKind::UnknownArgument {
        error.remove(clap::error::ContextKind::Suggested);
    }
    let text = error.render().to_string();
    match escaped(&text) {
        Cow::Borrowed(_) => drop(error.print()),
        // The message repeats what was typed, which has control characters.
        Cow::Owned(harmless) => drop(io::stderr().write_all(harmless.as_bytes())),
    }
    let command = std::env::args_os().nth(1).unwrap_or_default();
    if let Some(hint) = commands::meant(&error, &command.to_string_lossy()) {
        drop(writeln!(io::stderr(), "\n{}", escaped(&hint)));
    }
    ExitCode::from(error.exit_code() as u8)
}

/// Whether the user asked for something impossible, and nothing went wrong.
fn is_wrong_usage(error: &anyhow::Error) -> bool {
    error.is::<ConfigError>() || error.is::<SyntaxError>() || error.is::<WouldDrop>() || is_not_there(error)
}
