//! `bn-exp plan`: what will be trained, without training.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::prepare::{Prepared, prepare, with_cure};
use super::terminal::{complain, show};
use crate::cli::PlanArgs;
use crate::compare::checks::small_splits;
use crate::compare::outlook;
use crate::config::Experiment;
use crate::config::cost::{self, Operations};
use crate::config::json::cell;
use crate::config::settings::Arm;
use crate::kernels::gemm;
use crate::plan::{PlannedRun, entries};
use crate::record::collect;
use crate::record::experiment::{ExperimentRecord, check_keeps};
use crate::record::machine;
use crate::record::run::{RunRecord, Status};
use crate::report::layout::Layout;

/// Seconds of a step apart from its multiplications: most of the step for a tiny network.
const LEAST_STEP: f64 = 2e-6;

/// What a run took, or is expected to take.
struct Cost {
    status: Status,
    seconds: f64,
    memory: f64,
    disk: f64,
}

pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<Exit> {
    let prepared = prepare(&args.experiment)?;
    let rate = multiply_adds_per_second();
    let cost = |run: &PlannedRun| -> anyhow::Result<Cost> {
        let settings = &prepared.experiment.points[run.point].settings;
        let arm = prepared.experiment.variants[run.variant].arm;
        let record = RunRecord::read(&prepared.folder.run(&run.id))?;
        let status = record.as_ref().map_or(Status::Missing, |record| record.status);
        let measured = record.filter(|_| status.is_finished()).map(|record| record.timing);
        let steps = settings.train.steps as f64;
        let seconds = match measured {
            Some(timing) => timing.train_seconds + timing.evaluate_seconds + timing.probe_seconds,
            None => Operations::total(settings) / rate + LEAST_STEP * steps,
        };
        Ok(Cost { status, seconds, memory: cost::memory(settings, arm), disk: cost::disk(settings) })
    };
    let costs = prepared.plan.iter().map(cost).collect::<anyhow::Result<Vec<_>>>()?;
    let Prepared { experiment, plan, folder, .. } = &prepared;
    let record = ExperimentRecord::new(experiment, entries(experiment, plan));
    let ended = RunRecord::ended(folder)?;
    let finished = ended.finished.into_iter().chain(collect::held(folder)?).collect();
    if let Err(refusal) = check_keeps(folder, &record, [&finished, &ended.begun]) {
        complain(format!("note: `bn-exp run` will refuse this: {:#}", with_cure(refusal)));
    }
    if args.runs {
        show(table(&prepared, &costs))?;
    } else {
        show(summary(&prepared, &costs))?;
    }
    Ok(Exit::Done)
}

/// Every run on a line. Its name says arm and seed.
fn table(prepared: &Prepared, costs: &[Cost]) -> String {
    let experiment = &prepared.experiment;
    let axes = experiment.axes.iter().map(|axis| axis.path.as_str());
    let leading: Vec<&str> = ["run"].into_iter().chain(axes).collect();
    let header: Vec<String> =
        leading.iter().copied().chain(["state", "time", "memory", "disk"]).map(str::to_owned).collect();
    let row = |(run, cost): (&PlannedRun, &Cost)| {
        let values = experiment.points[run.point].values.iter().map(cell);
        let cells = [cost.status.name().to_owned(), time(cost.seconds), size(cost.memory), size(cost.disk)];
        [run.id.clone()].into_iter().chain(values).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = prepared.plan.iter().zip(costs).map(row).collect();
    Layout::terminal().table(&header, &rows, 1)
}

/// The whole experiment on a few lines.
fn summary(prepared: &Prepared, costs: &[Cost]) -> String {
    let seeds = outlook::sentences(&prepared.experiment);
    let seeds = seeds.into_iter().enumerate().map(|(i, text)| (if i == 0 { "seeds" } else { "" }, text));
    let lines = [
        ("runs", runs(prepared, costs)),
        ("time", left(prepared, costs)),
        ("memory", memory(prepared, costs)),
        ("disk", disk(prepared, costs)),
    ];
    let layout = Layout::terminal();
    let line = |(name, text): (&str, String)| layout.labelled(name, &text);
    let Experiment { configuration, compare, .. } = &prepared.experiment;
    let few = small_splits(configuration, !compare.select.is_empty(), compare.metric);
    let few = few.enumerate().map(|(i, split)| (if i == 0 { "samples" } else { "" }, split.text()));
    let lines: Vec<String> = lines.into_iter().chain(seeds).chain(few).map(line).collect();
    // A path on a line of its own, for programs to find.
    let results = format!("results  {}", prepared.folder.path().display());
    let name = layout.heading(&prepared.experiment.name);
    let note = "Time, memory and disk are estimates from operation counts; the time also from how fast this machine multiplies just now. Other work on it makes it longer. --runs lists the runs.";
    format!("{name}\n\n{}\n{results}\n\n{}", lines.join("\n"), layout.paragraph(note))
}

/// `120 runs (3 arms × 5 settings × 8 seeds): 100 completed, 20 missing`
fn runs(prepared: &Prepared, costs: &[Cost]) -> String {
    let experiment = &prepared.experiment;
    let count = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let axes = [
        count(experiment.variants.len(), "arm"),
        count(experiment.points.len(), "setting"),
        count(experiment.seeds.len(), "seed"),
    ];
    let mut states: Vec<(Status, usize)> = Vec::new();
    for cost in costs {
        match states.iter_mut().find(|(status, _)| *status == cost.status) {
            Some((_, number)) => *number += 1,
            None => states.push((cost.status, 1)),
        }
    }
    let states: Vec<String> = states.iter().map(|(status, number)| format!("{number} {}", status.name())).collect();
    format!("{} ({}): {}", count(costs.len(), "run"), axes.join(" × "), states.join(", "))
}

fn left(prepared: &Prepared, costs: &[Cost]) -> String {
    let open = || costs.iter().filter(|cost| !cost.status.is_finished()).map(|cost| cost.seconds);
    if costs.iter().all(|cost| cost.status.is_finished()) {
        return "nothing left to train".to_owned();
    }
    // A run is trained by one thread: it takes no less than the longest.
    let longest = open().fold(0.0, f64::max);
    let seconds = (open().sum::<f64>() / prepared.jobs as f64).max(longest);
    format!("about {} with --jobs {}", time(seconds), prepared.jobs)
}

fn memory(prepared: &Prepared, costs: &[Cost]) -> String {
    let points = &prepared.experiment.points;
    let settings: Vec<_> = points.iter().map(|point| &point.settings).collect();
    let seeds = prepared.experiment.seeds.len();
    let open = costs.iter().filter(|cost| !cost.status.is_finished()).count();
    let at_once = prepared.jobs.min(if open == 0 { costs.len() } else { open });
    let arms: Vec<Arm> = prepared.experiment.variants.iter().map(|variant| variant.arm).collect();
    let bytes = cost::program_memory(&settings, &arms, seeds, at_once);
    format!("about {} with --jobs {}", size(bytes), prepared.jobs)
}

fn disk(prepared: &Prepared, costs: &[Cost]) -> String {
    let sum = |costs: &mut dyn Iterator<Item = &Cost>| costs.map(|cost| cost.disk).sum::<f64>();
    let all = format!("about {} in all", size(sum(&mut costs.iter())));
    let left = sum(&mut costs.iter().filter(|cost| !cost.status.is_finished()));
    match machine::free_disk_bytes(prepared.folder.path()).map(|free| free as f64) {
        Some(free) if free < left => format!("{all}: more than the {} that are free there", size(free)),
        _ => all,
    }
}

/// Multiply-adds a second in a middling matrix product on this machine, now. It is the median of many, so that occasional
/// interruptions do not count.
fn multiply_adds_per_second() -> f64 {
    const SHAPE: (usize, usize, usize) = (64, 256, 128);
    let (a, b) = (vec![1.0f32; SHAPE.0 * SHAPE.1], vec![1.0f32; SHAPE.1 * SHAPE.2]);
    let mut c = vec![0.0f32; SHAPE.0 * SHAPE.2];
    let clock = Instant::now();
    let mut times = Vec::new();
    // The clock may stand still, or other programs may get all the time.
    while times.len() < 100 || clock.elapsed() < Duration::from_millis(60) && times.len() < 30_000 {
        let begun = Instant::now();
        gemm::product(black_box(&a), black_box(&b), &mut c, SHAPE);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    (SHAPE.0 * SHAPE.1 * SHAPE.2) as f64 / times[times.len() / 2].as_secs_f64()
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "1 s".to_owned(),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn size(bytes: f64) -> String {
    match bytes {
        b if b < 1e6 => format!("{:.0} kB", b / 1e3),
        b if b < 1e9 => format!("{:.0} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}
