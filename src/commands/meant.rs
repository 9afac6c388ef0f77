//! What an invalid command line may have meant.

use std::path::Path;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::compare::{RESULTS, held, listed};
use super::report::claims_in;
use super::shipped;
use crate::cli::Cli;
use crate::config::check::schema;
use crate::config::problem::{ending_in, nearest};
use crate::config::sections::SECTIONS;
use crate::config::tree::known_paths;

/// What a wrong call of `command` may have meant; `None` if nothing comes to mind.
pub fn meant(error: &clap::Error, command: &str) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let takes_keys = ["run", "plan"].contains(&command);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = word(ContextKind::InvalidSubcommand)?;
            if shipped::text(name).is_some() || name.ends_with(".json") {
                return Some(format!("`bn-exp run {name}` trains it"));
            }
            // clap has found the others.
            let cli = Cli::command();
            let nearest = nearest(name, cli.get_subcommands().map(clap::Command::get_name))?;
            error.get(ContextKind::SuggestedSubcommand).is_none().then(|| format!("did you mean `bn-exp {nearest}`?"))
        }
        ErrorKind::UnknownArgument if takes_keys => {
            let schema = schema();
            let paths: Vec<String> = SECTIONS.iter().flat_map(|section| known_paths(&schema, section)).collect();
            let known = paths.iter().map(String::as_str).chain(["seeds", "variants"]);
            let hint = ending_in(word(ContextKind::InvalidArg)?.trim_start_matches('-'), known)?;
            Some(format!("what a configuration says is changed by --set KEY=VALUE{hint}"))
        }
        ErrorKind::MissingRequiredArgument if takes_keys => {
            let all = "`bn-exp init --list` lists those that come with the program";
            Some(format!("name a configuration, such as `bn-exp {command} quickstart`; {all}"))
        }
        ErrorKind::MissingRequiredArgument if ["compare", "report"].contains(&command) => Some(to_be_named(command)),
        _ => None,
    }
}

/// What `command` may be given, for whoever names nothing: what is in the folder where results usually are.
fn to_be_named(command: &str) -> String {
    let mut here = held(Path::new(RESULTS));
    if command == "report" {
        let claims = claims_in(&Path::new(RESULTS).join("claims"));
        here.extend(claims.iter().map(|data| format!("claims/{data}")));
    }
    match &here[..] {
        [] => "name the folder of an experiment; there is none in results, and `bn-exp run quickstart` makes one"
            .to_owned(),
        [first, ..] => {
            let names = listed(&here);
            format!("results holds {names}; name one, such as `bn-exp {command} {RESULTS}/{first}`")
        }
    }
}
