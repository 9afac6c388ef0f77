//! `bn-exp compare`: which arm wins, by how much, how surely.

use super::{Exit, complain, show};
use crate::cli::CompareArgs;
use crate::compare::{self, Loaded};
use crate::config::file::Metric;
use crate::record::collect;
use crate::record::layout::ExperimentFolder;
use crate::report::text::{self, Format};

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (i, path) in args.paths.iter().enumerate() {
        if i > 0 {
            show("")?;
        }
        let folder = ExperimentFolder::at(path);
        if let Err(error) = print(&folder, args.metric, args.baseline.as_deref(), args.confidence, args.format) {
            if error.is::<std::io::Error>() {
                return Err(error);
            }
            complain(format!("error: {error:#}"));
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

/// Compares one experiment, making its tables current first where its runs are at hand.
pub(super) fn print(
    folder: &ExperimentFolder,
    metric: Option<Metric>,
    baseline: Option<&str>,
    confidence: f64,
    format: Format,
) -> anyhow::Result<()> {
    if folder.runs().is_dir() {
        collect::collect(folder)?;
    }
    let loaded = Loaded::read(folder, metric)?;
    let comparison = compare::compare(&loaded, baseline, confidence)?;
    show(text::comparison(&loaded, &comparison, confidence, format).trim_end())
}
