//! `bn-exp completions` and `bn-exp man`: what shells and `man` want to know of the command line.

use std::path::Path;

use clap::CommandFactory;
use clap::builder::PossibleValuesParser;

use super::exit::Exit;
use super::terminal::{show, show_as_it_is};
use crate::claims::list;
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::files;

/// Prints the script by which a shell completes the command line.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let claims = || PossibleValuesParser::new(list::ALL.iter().map(|claim| claim.id));
    let mut command = Cli::command().mut_subcommand("claims", |command| {
        command.mut_arg("ids", |arg| arg.value_parser(claims())).mut_arg("explain", |arg| arg.value_parser(claims()))
    });
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "bn-exp", &mut script);
    // The script for bash calls the commands of a program with a hyphen by one name, and asks for them by another.
    let script = String::from_utf8(script)?.replace("bn__subcmd__exp", "bn__exp");
    show_as_it_is(script.as_bytes())?;
    Ok(Exit::Done)
}

/// Writes a manual page for the program and one for each command.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    files::make_folder(&args.dir)?;
    let mut whole = Cli::command();
    whole.build();
    let mut names = vec!["bn-exp.1".to_owned()];
    page(&whole, &args.dir.join("bn-exp.1"))?;
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        let file = format!("bn-exp-{}.1", command.get_name());
        page(command, &args.dir.join(&file))?;
        names.push(file);
    }
    show(format!(
        "written to {}: {}\nread one: man {}",
        args.dir.display(),
        names.join(", "),
        args.dir.join("bn-exp.1").display()
    ))?;
    Ok(Exit::Done)
}

fn page(command: &clap::Command, path: &Path) -> anyhow::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    let is_page = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(".TH bn-exp");
    files::refuse_foreign(path, is_page)?;
    files::write_atomically(path, &page)
}
