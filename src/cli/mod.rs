//! The command line: types, nothing else. What is written behind an option becomes a value in `values`.

mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::claims::regime::Data as ClaimData;
use crate::config::file::Metric;
use crate::plan::Shard;
use crate::report::Format;
use crate::report::claims::ClaimsFormat;
pub use values::SeedRange;
use values::{assignment, confidence, path, path_or_url, published_names, seconds, seeds, shard};

/// Trains small networks with and without batch normalisation, and compares them.
#[derive(Debug, Parser)]
#[command(name = "bn-exp", version)]
pub struct Cli {
    /// What to do; a greeting if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train every run of an experiment that is missing, write the tables, compare the arms.
    Run(RunArgs),
    /// Say which arm is better, by how much, and how certain that is.
    Compare(CompareArgs),
    /// Say what will be trained, without training: runs by state, expected time, memory and disk.
    Plan(PlanArgs),
    /// Write a shipped configuration, and schema.json beside it, to start from.
    Init(InitArgs),
    /// Put the sentences of the question to the test: train what each claim takes, and print the verdicts.
    Claims(ClaimsArgs),
    /// Merge shards or copies of one experiment and make its tables.
    Collect(CollectArgs),
    /// Fold the norms of a trained network away, and show that it still computes the same.
    Fold(FoldArgs),
    /// Write an experiment for TensorBoard: scalars, histograms, hyperparameters, and curves over seeds.
    Export(ExportArgs),
    /// Write one HTML file with the verdicts and the figures, to be opened in a browser.
    Report(ReportArgs),
    /// Data sets: where they are, download, check.
    Data(DataArgs),
    /// Print the JSON Schema of configurations.
    Schema,
    /// Print the script by which a shell completes the command line.
    Completions(CompletionsArgs),
    /// Write a manual page for each command.
    Man(ManArgs),
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The experiments' folders; that of claims, such as results/claims/mnist.
    #[arg(required = true, value_name = "PATH", value_parser = path())]
    pub paths: Vec<PathBuf>,
    /// The file to be written [default: report.html in the experiment's folder; here, if there are several].
    #[arg(long, short, visible_alias = "out", value_name = "FILE", value_parser = path())]
    pub output: Option<PathBuf>,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The experiment's folder.
    #[arg(value_name = "PATH", value_parser = path())]
    pub path: PathBuf,
    /// What for.
    #[arg(long, value_enum, default_value = "tensorboard")]
    pub format: Viewer,
    /// Folder of all exports; the experiment gets a sub-folder by its name.
    #[arg(long, short, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,
}

/// What an experiment is exported for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Viewer {
    /// Event files that TensorBoard reads.
    Tensorboard,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell: bash reads `source <(bn-exp completions bash)`.
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for the pages.
    #[arg(value_name = "DIR", value_parser = path())]
    pub dir: PathBuf,
}

/// A configuration and where its experiment lives.
#[derive(Debug, Args)]
pub struct ExperimentArgs {
    /// The configuration: a JSON file, or the name of one that ships with the program, such as quickstart.
    #[arg(value_name = "CONFIG", required_unless_present = "config", value_parser = path())]
    pub given: Option<PathBuf>,
    /// The same as an option.
    #[arg(long, value_name = "FILE", conflicts_with = "given", value_parser = path())]
    pub config: Option<PathBuf>,
    /// Change one value: a dotted path and a JSON value, such as optimizer.lr=0.3. Repeatable.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<(String, Value)>,
    /// Folder of all results; the experiment gets a sub-folder by its name.
    #[arg(long, short, value_name = "DIR", default_value = "results", value_parser = path())]
    pub out: PathBuf,
    /// Where the data sets are.
    #[command(flatten)]
    pub data: DataDir,
    /// Runs at once, each on one thread [default: the number of cores].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub jobs: Option<u16>,
}

impl ExperimentArgs {
    /// The configuration, however it was given.
    pub fn config(&self) -> &Path {
        self.given.as_deref().or(self.config.as_deref()).unwrap_or(Path::new(""))
    }
}

/// Where the data sets are.
#[derive(Debug, Args)]
pub struct DataDir {
    /// Folder of the data sets, one sub-folder each [default: bn-exp in the user's cache folder].
    #[arg(long, value_name = "DIR", env = "BN_EXP_DATA_DIR", value_parser = path())]
    pub data_dir: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The experiment.
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// Write trace.safetensors for every run, with which it can be replayed elsewhere.
    #[arg(long)]
    pub trace: bool,
    /// Train only every N-th run of the plan, from the I-th, and leave the tables to `collect`.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// How often an unfinished run is saved, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub resume_every: Duration,
    /// Discard this experiment's earlier results first.
    #[arg(long, conflicts_with = "shard")]
    pub fresh: bool,
    /// Do not ask before discarding.
    #[arg(long, requires = "fresh")]
    pub yes: bool,
    /// How to say what happens: in words, or a line of JSON an event on standard output, without the comparison.
    #[arg(long, value_enum, default_value = "text")]
    pub format: RunFormat,
    /// Show no progress, only failures and what comes out.
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show a line for every finished run, bars or not.
    #[arg(long, short)]
    pub verbose: bool,
}

/// How `run` says what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RunFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Arguments of `fold`.
#[derive(Debug, Args)]
pub struct FoldArgs {
    /// A run's folder: results/NAME/runs/RUN_ID.
    #[arg(value_name = "RUN_DIR", value_parser = path())]
    pub run: PathBuf,
    /// Where to write the folded network [default: folded.safetensors in the run's folder].
    #[arg(long, short, value_name = "FILE", value_parser = path())]
    pub out: Option<PathBuf>,
    /// Where the data sets are.
    #[command(flatten)]
    pub data: DataDir,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The experiment.
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// List every run with its state, expected time, memory and disk.
    #[arg(long)]
    pub runs: bool,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The shipped configuration.
    #[arg(default_value = "quickstart")]
    pub name: String,
    /// List the shipped configurations instead.
    #[arg(long)]
    pub list: bool,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders of experiments; several are shown side by side.
    #[arg(required = true, value_name = "PATH", value_parser = path())]
    pub paths: Vec<PathBuf>,
    /// Compare by this metric [default: the configuration's].
    #[arg(long, value_name = "NAME")]
    pub metric: Option<Metric>,
    /// The arm that the others are compared with [default: affine, or the first].
    #[arg(long, value_name = "VARIANT")]
    pub baseline: Option<String>,
    /// Compare at each value of this axis of the sweep rather than tune over it. Repeatable.
    #[arg(long, value_name = "AXIS")]
    pub by: Vec<String>,
    /// Confidence of the intervals, 1 − α; verdicts are at α.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = confidence)]
    pub confidence: f64,
    /// Measure the false alarms of the method: exchange the arms' results at random, 2,000 times, and compare again.
    #[arg(long)]
    pub null: bool,
    /// Print every table, with everything that was estimated.
    #[arg(long)]
    pub full: bool,
    /// Say what each word and number means.
    #[arg(long)]
    pub explain: bool,
    /// How the comparison is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Arguments of `claims`.
#[derive(Debug, Args)]
pub struct ClaimsArgs {
    /// The claims [default: all].
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// List the claims, or those named, and what decides each.
    #[arg(long, conflicts_with_all = ["explain", "tune"])]
    pub list: bool,
    /// Say how a claim is tested, why so, and what would have made the verdict another.
    #[arg(long, value_name = "ID", conflicts_with_all = ["ids", "tune", "format"])]
    pub explain: Option<String>,
    /// In about a minute: 6 seeds, one rate an arm, without the four claims that take longest.
    #[arg(long, conflicts_with_all = ["full", "tune"])]
    pub quick: bool,
    /// In all regimes, and not in the first of each claim alone.
    #[arg(long)]
    pub full: bool,
    /// The seeds that decide: a count, or the first and the last.
    #[arg(long, value_name = "N|A-B", value_parser = seeds, conflicts_with = "tune")]
    pub seeds: Option<SeedRange>,
    /// The images [default: mnist if it is there, else glyphs].
    #[arg(long, value_enum)]
    pub data: Option<ClaimData>,
    /// Folder of all claims' experiments.
    #[arg(long, short, value_name = "DIR", default_value = "results/claims", value_parser = path())]
    pub out: PathBuf,
    /// Where the data sets are.
    #[command(flatten)]
    pub data_dir: DataDir,
    /// Runs at once, each on one thread [default: the number of cores].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub jobs: Option<u16>,
    /// Train only every N-th run of each experiment, from the I-th, and judge nothing.
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "tune")]
    pub shard: Option<Shard>,
    /// Choose learning rates and targets anew, on seeds kept apart, and print the file that holds them.
    #[arg(long)]
    pub tune: bool,
    /// How the verdicts are written.
    #[arg(long, value_enum, default_value_t = ClaimsFormat::Table)]
    pub format: ClaimsFormat,
    /// Show no progress, only failures and what comes out.
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Folders of the experiment's shards or copies.
    #[arg(required = true, value_name = "PATH", value_parser = path())]
    pub paths: Vec<PathBuf>,
    /// Folder of all results; the experiment gets a sub-folder by its name.
    #[arg(long, short, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,
}

/// Arguments of `data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// The commands on data sets.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// List the data sets and where they are.
    List {
        /// Where the data sets are.
        #[command(flatten)]
        dir: DataDir,
    },
    /// Download or copy a published data set, and check it against its published SHA-256.
    Fetch {
        /// The data set.
        #[arg(value_parser = published_names())]
        name: String,
        /// A local folder or a URL with the four files, instead of the public mirrors.
        #[arg(long, value_name = "URL_OR_DIR", value_parser = path_or_url)]
        from: Option<String>,
        /// Where the data sets are.
        #[command(flatten)]
        dir: DataDir,
    },
    /// Read a data set and check it against its published SHA-256.
    Verify {
        /// The data set [default: all that are present].
        name: Option<String>,
        /// Where the data sets are.
        #[command(flatten)]
        dir: DataDir,
    },
}
