//! `bn-exp plan`: the runs without training.

use std::hint::black_box;
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table};

use super::exit::Exit;
use super::prepare::{Prepared, prepare};
use super::terminal::show;
use crate::cli::PlanArgs;
use crate::compare::outlook;
use crate::config::cost::{self, Operations};
use crate::config::json::cell;
use crate::kernels::gemm;
use crate::plan::PlannedRun;
use crate::record::run::{RunRecord, Status};
use crate::report::layout::PLAIN;

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
        let record = RunRecord::read(&prepared.folder.run(&run.id))?;
        let status = record.as_ref().map_or(Status::Missing, |record| record.status);
        let measured = record.filter(|_| status.is_finished()).map(|record| record.timing);
        let seconds = match measured {
            Some(timing) => timing.train_seconds + timing.evaluate_seconds + timing.probe_seconds,
            None => Operations::total(settings) / rate,
        };
        Ok(Cost { status, seconds, memory: cost::memory(settings), disk: cost::disk(settings) })
    };
    let costs = prepared.plan.iter().map(cost).collect::<anyhow::Result<Vec<_>>>()?;
    show(table(&prepared, &costs))?;
    show(summary(&costs, prepared.jobs))?;
    show(outlook::sentences(&prepared.experiment).join("\n"))?;
    show(format!("results: {}", prepared.folder.path().display()))?;
    Ok(Exit::Done)
}

fn table(prepared: &Prepared, costs: &[Cost]) -> Table {
    let experiment = &prepared.experiment;
    let axes = experiment.axes.iter().map(|axis| axis.path.as_str());
    let leading: Vec<&str> = ["run", "variant", "seed"].into_iter().chain(axes).collect();
    let columns = leading.len();
    let mut table = Table::new();
    table.load_style(PLAIN);
    table.set_header(leading.into_iter().chain(["state", "time", "memory", "disk"]));
    for (run, cost) in prepared.plan.iter().zip(costs) {
        let leading = [run.id.clone(), experiment.variants[run.variant].name.clone(), run.seed.to_string()];
        let values = experiment.points[run.point].values.iter().map(cell);
        let cells = [cost.status.name().to_owned(), time(cost.seconds), size(cost.memory), size(cost.disk)];
        table.add_row(leading.into_iter().chain(values).chain(cells));
    }
    for column in table.column_iter_mut().skip(columns + 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn summary(costs: &[Cost], jobs: usize) -> String {
    let finished = costs.iter().filter(|cost| cost.status.is_finished()).count();
    let seconds: f64 = costs.iter().filter(|cost| !cost.status.is_finished()).map(|cost| cost.seconds).sum();
    let left =
        if seconds > 0.0 { format!("about {} left", time(seconds / jobs as f64)) } else { "nothing left".into() };
    format!(
        "{} runs, {finished} finished; {left} with --jobs {jobs}; up to {} of memory a run, {} of disk in all\n\
         times, memory and disk of unfinished runs are estimates from operation counts",
        costs.len(),
        size(costs.iter().map(|cost| cost.memory).fold(0.0, f64::max)),
        size(costs.iter().map(|cost| cost.disk).sum())
    )
}

/// Multiply-adds a second in a middling matrix product on this machine, now.
fn multiply_adds_per_second() -> f64 {
    const SHAPE: (usize, usize, usize) = (64, 256, 128);
    let (a, b) = (vec![1.0f32; SHAPE.0 * SHAPE.1], vec![1.0f32; SHAPE.1 * SHAPE.2]);
    let mut c = vec![0.0f32; SHAPE.0 * SHAPE.2];
    let clock = Instant::now();
    let mut products = 0;
    // A clock may stand still.
    while clock.elapsed() < Duration::from_millis(20) && products < 10_000 {
        gemm::product(black_box(&a), black_box(&b), &mut c, SHAPE);
        products += 1;
    }
    (products * SHAPE.0 * SHAPE.1 * SHAPE.2) as f64 / clock.elapsed().as_secs_f64()
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
