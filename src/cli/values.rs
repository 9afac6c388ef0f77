//! What is written behind an option, as a value.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use serde_json::Value;

use crate::config::json::{self, vanished};
use crate::config::problem::Problems;
use crate::plan::Shard;
use crate::sources::published_sets;

pub(super) fn published_names() -> PossibleValuesParser {
    published_sets().into_iter().map(|set| set.name).into()
}

/// A path in which `~` is the user's home, as a shell would have it.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|given| at_home(PathBuf::from(given)))
}

pub(super) fn path_or_url(text: &str) -> Result<String, String> {
    at_home(PathBuf::from(text)).map(|path| path.into_os_string().into_string().unwrap_or_else(|_| text.to_owned()))
}

fn at_home(path: PathBuf) -> Result<PathBuf, String> {
    if path.as_os_str().is_empty() {
        return Err("it is empty; name a file or folder, such as . for this one".to_owned());
    }
    let first = path.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
    match first.filter(|first| first.starts_with('~')) {
        None => Ok(path),
        Some(home) if home == "~" => {
            let own = dirs::home_dir().ok_or("there is no home folder for ~; write the whole path")?;
            Ok(own.join(path.strip_prefix("~").unwrap_or(&path)))
        }
        Some(other) => {
            Err(format!("only a shell knows {other}; write the whole path, or ./{other} for a file of that name"))
        }
    }
}

/// `PATH=VALUE`; a value that is not JSON is taken as text.
pub(super) fn assignment(text: &str) -> Result<(String, Value), String> {
    let (path, written) = text.split_once('=').ok_or("write it as PATH=VALUE, such as optimizer.lr=0.3")?;
    let path = path.trim();
    if let (Ok(_), Some((number, _))) = (serde_json::from_str::<Value>(written), vanished(written)) {
        return Err(format!("{number} is so small that it would be read as 0"));
    }
    let mut problems = Problems::default();
    match json::parse(written, &mut problems) {
        Ok(value) if problems.is_empty() => Ok((path.to_owned(), value)),
        Ok(_) => Err(problems.into_error().0.iter().map(|problem| format!("{problem}")).collect::<Vec<_>>().join("; ")),
        Err(error) if written.trim_start().starts_with(['[', '{', '"']) => {
            let example = r#"--set 'variants=["none","bn"]'"#;
            let is_range = written
                .trim_matches(['[', ']'])
                .split_once('-')
                .is_some_and(|(first, last)| [first, last].iter().all(|number| number.trim().parse::<u64>().is_ok()));
            if is_range {
                return Err(format!(
                    "`{written}` is not JSON: write each number, as in [0,1,2]; `seeds` may also be their count"
                ));
            }
            Err(format!(
                "`{written}` is not JSON ({error}); names want quotes, and the shell wants quotes round all: {example}"
            ))
        }
        Err(_) => Ok((path.to_owned(), Value::from(written))),
    }
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parts
        .and_then(|(i, n)| Shard::new(i, n))
        .ok_or_else(|| "write it as I/N, such as 1/4, with I from 1 to N".to_owned())
}

/// Seeds from the first to the last.
pub type SeedRange = std::ops::RangeInclusive<u64>;

pub(super) fn seeds(text: &str) -> Result<SeedRange, String> {
    let words = "write it as a count, such as 24, or as the first and the last, such as 100-123";
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| words.to_owned());
    let range = match text.split_once('-') {
        None => 0..=number(text)?.checked_sub(1).ok_or("at least one seed is needed")?,
        Some((first, last)) => number(first)?..=number(last)?,
    };
    match range.end().checked_sub(*range.start()) {
        None => Err(format!("{text:?} ends before it begins; {words}")),
        Some(beyond) if beyond >= 10_000 => Err("at most 10000 seeds".to_owned()),
        Some(_) => Ok(range),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(value).map_err(|_| "must be a number of seconds, such as 30".to_owned())
}

pub(super) fn confidence(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value > 0.0 && value < 1.0 { Ok(value) } else { Err("must lie between 0 and 1, such as 0.95".to_owned()) }
}
