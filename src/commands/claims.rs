//! `bn-exp claims`: the sentences of the question, each with its experiment and its verdict.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Context;
use serde_json::json;

use super::exit::{Exit, UsageError};
use super::prepare::data_dir;
use super::run::stop_on_signals;
use super::terminal::{complain, show, waiting};
use crate::claims::cheaper_steps;
use crate::claims::claim::Claim;
use crate::claims::evidence::{Arm, Evidence};
use crate::claims::judged::{Judged, judge};
use crate::claims::list;
use crate::claims::rates::{self, FIRST_SEEDS, MORE_SEEDS, Rates};
use crate::claims::regime::{Data, Regime, Schedule};
use crate::claims::spread::spread;
use crate::claims::suite::{Part, Suite};
use crate::claims::tried::tuning_folder;
use crate::claims::tune::tune;
use crate::cli::ClaimsArgs;
use crate::config::problem::did_you_mean;
use crate::data::Store;
use crate::files::{self, Lock, Waiting};
use crate::plan::NUMERICS_VERSION;
use crate::record::experiment::WouldDrop;
use crate::record::machine;
use crate::report::claims::json as verdicts;
use crate::report::claims::text::{explained, listed};
use crate::report::claims::{ClaimsFormat, Ground, judged};
use crate::report::layout::Layout;
use crate::runner::progress::{Detail, Progress};
use crate::runner::{Event, Events};
use crate::sources::published_sets;

/// Seeds that decide, by default and with --quick.
const SEEDS: u64 = 24;
const QUICK_SEEDS: u64 = 6;

pub(super) fn claims(args: &ClaimsArgs) -> anyhow::Result<Exit> {
    if let Some(id) = &args.explain {
        show(explained(named(id)?, Layout::terminal()))?;
        return Ok(Exit::Done);
    }
    let chosen = args.ids.iter().map(|id| named(id)).collect::<Result<Vec<_>, _>>()?;
    if let Some(seeds) = &args.seeds {
        refuse_those_of_the_tuning(seeds)?;
    }
    // Faults in the other options are reported with --list, too: a script may list before it submits.
    if args.list {
        let is_named = |claim: &&Claim| chosen.is_empty() || chosen.iter().any(|other| other.id == claim.id);
        let named: Vec<&Claim> = list::ALL.into_iter().filter(is_named).collect();
        show(listed(&named, Layout::terminal()))?;
        return Ok(Exit::Done);
    }
    let is_named = |claim: &&Claim| chosen.iter().any(|other| other.id == claim.id);
    let is_asked = |claim: &&Claim| is_named(claim) || chosen.is_empty() && !(args.quick && is_long(claim));
    let regimes = |claim: &'static Claim| if args.full { claim.regimes.to_vec() } else { claim.regimes[..1].to_vec() };
    let claims = list::ALL.into_iter().filter(is_asked).map(|claim| (claim, regimes(claim))).collect();
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stop, &Arc::new(AtomicBool::new(false)))?;
    let store = Store::new(data_dir(&args.data_dir));
    let (data, note) = data(args, &store)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let seeds = if args.tune { FIRST_SEEDS } else { args.seeds.clone().unwrap_or(0..=seeds(args) - 1) };
    let folder = if args.tune { tuning_folder(&args.out, data.name()) } else { args.out.join(data.name()) };
    let suite = Suite {
        claims,
        data,
        store: &store,
        folder,
        seeds: seeds.collect(),
        rates: rates(data, args.quick),
        jobs: args.jobs.map_or(cores, usize::from),
        shard: args.shard,
        stop: &stop,
    };
    let done = if args.tune { tuned(&suite, args.quiet) } else { decided(&suite, args, note) };
    done.map_err(with_cure)
}

/// Whether a claim is left out with --quick: a CNN takes longer than all the rest, minibatches of 4 take many steps, and those
/// of 256 are trained for one claim alone.
fn is_long(claim: &Claim) -> bool {
    [Regime::Cnn, Regime::Batch4, Regime::Batch256].contains(&claim.regimes[0])
}

fn seeds(args: &ClaimsArgs) -> u64 {
    if args.quick { QUICK_SEEDS } else { SEEDS }
}

/// Refuses the seeds on which learning rates were chosen: those must not decide.
fn refuse_those_of_the_tuning(seeds: &RangeInclusive<u64>) -> Result<(), UsageError> {
    let [first, last] = [*FIRST_SEEDS.start(), *MORE_SEEDS.end()];
    if seeds.start() > &last || seeds.end() < &first {
        return Ok(());
    }
    Err(UsageError(format!(
        "learning rates were chosen on seeds {first} to {last}, so these decide nothing; ask for others, such as --seeds 100-123"
    )))
}

/// Adds a remedy if runs would be dropped: a claim's experiment has no name to choose.
fn with_cure(error: anyhow::Error) -> anyhow::Error {
    if error.is::<WouldDrop>() { UsageError(format!("{error:#}\nname another --out")).into() } else { error }
}

fn named(id: &str) -> Result<&'static Claim, UsageError> {
    list::named(id).ok_or_else(|| {
        let hint = did_you_mean(id, list::ALL.iter().map(|claim| claim.id));
        let end = if hint.is_empty() { ";" } else { "" };
        UsageError(format!("there is no claim `{id}`{hint}{end} `bn-exp claims --list` lists them"))
    })
}

/// The data asked for, else MNIST if it is there; and a note on the choice. Its files are read and checked only if
/// something is to be trained.
fn data(args: &ClaimsArgs, store: &Store) -> anyhow::Result<(Data, Option<String>)> {
    let mnist = published_sets().into_iter().find(|set| set.name == Data::Mnist.name()).context("MNIST is known")?;
    let is_there = mnist.is_in(&store.folder(mnist));
    match args.data {
        Some(Data::Glyphs) => Ok((Data::Glyphs, None)),
        _ if is_there => Ok((Data::Mnist, None)),
        Some(Data::Mnist) => store.verify(mnist).map(|()| (Data::Mnist, None)).map_err(Into::into),
        None => {
            let words =
                "MNIST is not there (`bn-exp data fetch mnist` gets it), so the images are glyphs, drawn digits.";
            Ok((Data::Glyphs, Some(words.to_owned())))
        }
    }
}

/// The rates; with --quick only the best of each arm.
fn rates(data: Data, is_quick: bool) -> Rates {
    let mut rates = rates::rates(data);
    if is_quick {
        let arms = rates.0.values_mut().flat_map(BTreeMap::values_mut).flat_map(|tuned| tuned.arms.values_mut());
        arms.for_each(|chosen| chosen.as_good.clear());
    }
    rates
}

fn decided(suite: &Suite, args: &ClaimsArgs, note: Option<String>) -> anyhow::Result<Exit> {
    note.iter().for_each(|note| complain(format!("note: {note}")));
    // Before hours are spent on what could not be written.
    files::refuse_foreign(&suite.folder.join(verdicts::FILE), verdicts::is_ours)?;
    let mut evidence = Evidence { rates: suite.rates.clone(), ..Evidence::default() };
    let parts = suite.parts()?;
    let screen = Screen::new(&parts, args.quiet);
    let mut took = BTreeMap::new();
    if args.shard.is_none() {
        let Some(found) = analysed(suite, true, &mut evidence, &screen)? else { return Ok(Exit::Interrupted) };
        took.extend(found);
    }
    let Some(failed) = trained(suite, &parts, &screen)? else { return Ok(Exit::Interrupted) };
    screen.end();
    if args.shard.is_some() {
        show(
            "this shard's runs are trained; once all shards are, `bn-exp claims` without --shard prints the verdicts",
        )?;
        return Ok(if failed > 0 { Exit::Failed } else { Exit::Done });
    }
    let mut seconds: BTreeMap<Arm, f64> = BTreeMap::new();
    for (part, read) in parts.iter().zip(spread(&parts, suite.jobs, |part| suite.read(part))) {
        let (runs, took) = read?;
        evidence.runs.insert(part.arm, runs);
        seconds.insert(part.arm, took);
    }
    let Some(found) = analysed(suite, false, &mut evidence, &screen)? else { return Ok(Exit::Interrupted) };
    took.extend(found);
    let mut all = judge(&suite.claims, &evidence, suite.jobs);
    let time = |judged: &Judged| {
        let runs = suite.arms_of(judged.claim).into_iter().filter_map(|arm| seconds.get(&arm)).sum::<f64>();
        runs + took.get(judged.claim.id).copied().unwrap_or_default()
    };
    for judged in &mut all {
        judged.seconds = time(judged);
        judged.notes = notes_on(judged.claim, suite, args, &evidence, failed);
    }
    let [first, last] = [suite.seeds.first(), suite.seeds.last()].map(|seed| seed.copied().unwrap_or_default());
    let rules = json!([machine::PROGRAM_VERSION, NUMERICS_VERSION, suite.rates]);
    let mut ground = Ground {
        data: suite.data.name().to_owned(),
        seeds: (first, last),
        count: suite.seeds.len(),
        rules: files::sha256(rules.to_string().as_bytes()),
        notes: note.into_iter().collect(),
    };
    if !keep(&suite.folder, &all, &ground, &waiting(suite.stop))? {
        return Ok(Exit::Interrupted);
    }
    ground.notes.extend(left_out(args));
    show(judged(&all, &ground, args.format).trim_end())?;
    if args.format == ClaimsFormat::Table {
        let more =
            "More: `bn-exp claims --explain ID` says how a claim is tested; its runs are ordinary experiments below";
        show(format!("\n{}", Layout::terminal().paragraph(&format!("{more} {}.", suite.folder.display()))))?;
    }
    Ok(if failed > 0 { Exit::Failed } else { Exit::Done })
}

/// Trains all parts, and counts the runs that failed; `None` if it was interrupted.
fn trained(suite: &Suite, parts: &[Part], screen: &Screen) -> anyhow::Result<Option<usize>> {
    let mut failed = 0;
    // Where nothing is to be trained, only tables are looked at.
    let (open, whole): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.missing > 0);
    let looked_at = spread(&whole, suite.jobs, |part| suite.train(part, screen));
    let trained = open.into_iter().map(|part| {
        screen.begin(part);
        suite.train(part, screen)
    });
    for done in looked_at.into_iter().chain(trained) {
        let done = done?;
        failed += done.tally.failed;
        if done.is_interrupted {
            show(screen.continues())?;
            return Ok(None);
        }
        done.tables?;
    }
    Ok(Some(failed))
}

/// What has to be known beside the verdict on a claim.
fn notes_on(claim: &Claim, suite: &Suite, args: &ClaimsArgs, evidence: &Evidence, failed: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if args.quick {
        let words = "With --quick there are few seeds and one rate an arm: what is inconclusive may not be with more.";
        notes.push(words.to_owned());
    }
    if claim.id == cheaper_steps::CLAIM.id && cheaper_steps::is_unsteady(evidence) {
        let table = suite.folder.join("cheaper-steps.csv");
        notes.push(format!(
            "The machine was busy while steps were timed, and what rests on seconds says little. To time them again, remove {} \
             while nothing else runs, and call this again.",
            table.display()
        ));
    }
    if failed > 0 {
        notes.push(format!("{failed} runs failed; the next `bn-exp claims` tries them again."));
    }
    notes
}

/// The claims that --quick leaves out, in words.
fn left_out(args: &ClaimsArgs) -> Option<String> {
    let is_left_out = |claim: &&Claim| args.quick && args.ids.is_empty() && is_long(claim);
    let names: Vec<String> = list::ALL.into_iter().filter(is_left_out).map(|claim| format!("`{}`", claim.id)).collect();
    (!names.is_empty()).then(|| format!("Left out with --quick: {}.", names.join(", ")))
}

/// Writes the verdicts. Keeps those on other claims that another call found with these seeds and by these rules. Returns false
/// if it was stopped while it waited for another call.
fn keep(folder: &Path, all: &[Judged], ground: &Ground, waiting: Waiting) -> anyhow::Result<bool> {
    let path = folder.join(verdicts::FILE);
    // A claim without experiment has made no folder.
    files::make_folder(folder)?;
    let lock = files::lock(&folder.join(".claims.lock"), waiting)?;
    if let Lock::Elsewhere = lock {
        return Ok(false);
    }
    let mut both = all.to_vec();
    if let Some(text) = files::read_if_there(&path)? {
        match verdicts::merged(&String::from_utf8_lossy(&text), all, ground) {
            Ok(merged) => both = merged,
            // Hours may have gone into them.
            Err(error) => {
                let aside = free_name(&path)?;
                files::rename(&path, &aside)?;
                let (path, aside) = (path.display(), aside.display());
                complain(format!(
                    "note: the verdicts in {path} do not belong to these: {error:#}. They are in {aside} now"
                ));
            }
        }
    }
    files::write_atomically(&path, verdicts::written(&both, ground).as_bytes())?;
    Ok(true)
}

/// A name beside a file for what is put aside: `claims.json.kept`, or with a number where there is one.
fn free_name(path: &Path) -> anyhow::Result<PathBuf> {
    for number in 1.. {
        let mut name = path.to_owned();
        name.as_mut_os_string().push(if number == 1 { ".kept".to_owned() } else { format!(".kept-{number}") });
        if files::look(&name)?.is_none() {
            return Ok(name);
        }
    }
    unreachable!("some number is free")
}

/// The analyses; `None`, said on the terminal, if asked to stop.
fn analysed(
    suite: &Suite,
    first: bool,
    evidence: &mut Evidence,
    screen: &Screen,
) -> anyhow::Result<Option<BTreeMap<&'static str, f64>>> {
    let found = suite.analyse(first, evidence, &|text| screen.say(text));
    if suite.stop.load(Ordering::Relaxed) {
        show(screen.continues())?;
        return Ok(None);
    }
    found.map(Some)
}

/// Chooses rates and targets for the arms of the claims asked for, and prints the file.
fn tuned(suite: &Suite, is_quiet: bool) -> anyhow::Result<Exit> {
    let mut wanted: BTreeMap<(Regime, Schedule), Vec<&'static str>> = BTreeMap::new();
    for (claim, regimes) in &suite.claims {
        for cell in regimes.iter().flat_map(|regime| (claim.cells)(*regime)) {
            let arms = wanted.entry((cell.arm.regime, cell.arm.schedule)).or_default();
            if !arms.contains(&cell.arm.name) {
                arms.push(cell.arm.name);
            }
        }
    }
    let mut rates = suite.rates.clone();
    let screen = Progress::new(if is_quiet { Detail::Quiet } else { Detail::Normal });
    for ((regime, schedule), arms) in wanted {
        complain(format!("tuning in regime {}, {} rate", regime.name(), schedule.name()));
        let Some(found) = tune(suite, regime, schedule, &arms, &screen)? else { return Ok(Exit::Interrupted) };
        let tuned = rates.0.entry(regime).or_default().entry(schedule).or_default();
        tuned.target = found.target;
        tuned.arms.extend(found.arms);
    }
    let mut data = rates::file().data.clone();
    data.insert(suite.data.name().to_owned(), rates);
    let file = rates::RatesFile { made_by: rates::file().made_by.clone(), data };
    show(serde_json::to_string_pretty(&file)?)?;
    Ok(Exit::Done)
}

/// How far everything is: a line an experiment, with the time left; bars below it on a terminal.
struct Screen {
    progress: Progress,
    is_quiet: bool,
    begun: Instant,
    /// Experiments and runs that are to be trained, and what all of them cost.
    parts: usize,
    runs: usize,
    total: f64,
    shown: Mutex<Shown>,
}

/// What has been trained so far.
#[derive(Default)]
struct Shown {
    /// The experiment that is being trained, from 1.
    place: usize,
    /// What one of its runs costs.
    cost: f64,
    runs: usize,
    done: f64,
}

impl Screen {
    fn new(parts: &[Part], is_quiet: bool) -> Self {
        let detail = if is_quiet || !std::io::stderr().is_terminal() { Detail::Quiet } else { Detail::Normal };
        Self {
            progress: Progress::new(detail),
            is_quiet,
            begun: Instant::now(),
            parts: parts.iter().filter(|part| part.missing > 0).count(),
            runs: parts.iter().map(|part| part.missing).sum(),
            total: parts.iter().map(|part| part.cost * part.missing as f64).sum(),
            shown: Mutex::default(),
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, text: &str) {
        if !self.is_quiet {
            complain(text);
        }
    }

    fn begin(&self, part: &Part) {
        let mut shown = self.shown();
        (shown.place, shown.cost) = (shown.place + 1, part.cost);
        let Arm { regime, schedule, name } = part.arm;
        let runs = if part.missing == 1 { "1 run".to_owned() } else { format!("{} runs", part.missing) };
        let left = if shown.done > 0.0 { format!("; about {} left", self.left(shown.done)) } else { String::new() };
        let (place, parts, regime, schedule) = (shown.place, self.parts, regime.name(), schedule.name());
        self.say(&format!("[{place}/{parts}] {regime}, {schedule} rate, {name}: {runs}{left}"));
    }

    /// The time left, in words, if what is left takes as long as what is done.
    fn left(&self, done: f64) -> String {
        let seconds = self.begun.elapsed().as_secs_f64() * (self.total - done) / done;
        if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) }
    }

    fn end(&self) {
        let runs = self.shown().runs;
        if runs > 0 {
            let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
            self.say(&format!("{runs} trained in {:.0} s", self.begun.elapsed().as_secs_f64()));
        }
    }

    fn continues(&self) -> String {
        format!("interrupted: {} of {} runs are done; the same command continues", self.shown().runs, self.runs)
    }
}

impl Events for Screen {
    fn tell(&self, event: Event) {
        if let Event::Ended { record: Ok(record), .. } = &event
            && record.status.is_finished()
        {
            let mut shown = self.shown();
            (shown.runs, shown.done) = (shown.runs + 1, shown.done + shown.cost);
        }
        self.progress.tell(event);
    }
}
