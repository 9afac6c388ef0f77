//! The program: parse, dispatch, print the error chain, exit status.

use std::io::{self, Write};
use std::process::ExitCode;

use bn_exp::cli::Cli;
use bn_exp::commands::{self, Exit, UsageError};
use bn_exp::config::{ConfigError, SyntaxError};
use bn_exp::printable::escaped;
use bn_exp::record::collect::Stopped;
use bn_exp::record::experiment::WouldDrop;
use clap::Parser;

fn main() -> ExitCode {
    match commands::dispatch(Cli::parse()) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(1),
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

/// Whether the user asked for something that cannot be, rather than something having gone wrong.
fn is_wrong_usage(error: &anyhow::Error) -> bool {
    error.is::<ConfigError>() || error.is::<SyntaxError>() || error.is::<UsageError>() || error.is::<WouldDrop>()
}
