//! One file a subcommand: glue between the parts, and what is printed.

mod collect;
mod compare;
mod data;
mod exit;
mod plan;
mod prepare;
mod run;
mod schema;
mod terminal;

pub use exit::{Exit, UsageError};

use crate::cli::{Cli, Command};

/// Does what was asked.
///
/// # Errors
/// What went wrong, with its causes.
pub fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Collect(args) => collect::collect(&args),
        Command::Data(args) => data::data(&args),
        Command::Schema => schema::schema(),
    }
}
