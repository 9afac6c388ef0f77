//! `bn-exp plan`: the runs without training.

use std::hint::black_box;
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table};

use super::exit::Exit;
use super::prepare::{Prepared, prepare};
use super::terminal::show;
use crate::cli::PlanArgs;
use crate::config::cost::{self, Operations};
use crate::config::json::cell;
use crate::kernels::gemm;
use crate::record::run::{RunRecord, Status};
use crate::report::layout::PLAIN;

pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<Exit> {
    let Prepared { experiment, plan, folder, jobs } = prepare(&args.experiment)?;
    let rate = multiply_adds_per_second();
    let mut table = Table::new();
    let axes = experiment.axes.iter().map(|axis| axis.path.as_str());
    let leading: Vec<&str> = ["run", "variant", "seed"].into_iter().chain(axes).collect();
    let columns = leading.len();
    table.load_style(PLAIN);
    table.set_header(leading.into_iter().chain(["state", "time", "memory", "disk"]));
    let (mut seconds_left, mut bytes, mut largest, mut finished) = (0.0, 0.0, 0.0f64, 0);
    for run in &plan {
        let point = &experiment.points[run.point];
        let record = RunRecord::read(&folder.run(&run.id))?;
        let state = record.as_ref().map_or(Status::Missing, |record| record.status);
        let seconds = match &record {
            Some(record) if state.is_finished() => {
                let t = &record.timing;
                t.train_seconds + t.evaluate_seconds + t.probe_seconds
            }
            _ => Operations::total(&point.settings) / rate,
        };
        let (memory, disk) = (cost::memory(&point.settings), cost::disk(&point.settings));
        if state.is_finished() {
            finished += 1;
        } else {
            seconds_left += seconds;
        }
        bytes += disk;
        largest = largest.max(memory);
        let leading = [run.id.clone(), experiment.variants[run.variant].name.clone(), run.seed.to_string()];
        let cells = [state.name().to_owned(), time(seconds), size(memory), size(disk)];
        table.add_row(leading.into_iter().chain(point.values.iter().map(cell)).chain(cells));
    }
    for column in table.column_iter_mut().skip(columns + 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    show(table)?;
    let left = if seconds_left > 0.0 {
        format!("about {} left", time(seconds_left / jobs as f64))
    } else {
        "nothing left".into()
    };
    show(format!(
        "{} runs, {finished} finished; {left} with --jobs {jobs}; up to {} of memory a run, {} of disk in all\n\
         times, memory and disk of unfinished runs are estimates from operation counts",
        plan.len(),
        size(largest),
        size(bytes)
    ))?;
    show(format!("results: {}", folder.path().display()))?;
    Ok(Exit::Done)
}

/// Multiply-adds a second in a middling matrix product on this machine, now.
fn multiply_adds_per_second() -> f64 {
    const SHAPE: (usize, usize, usize) = (64, 256, 128);
    let (a, b) = (vec![1.0f32; SHAPE.0 * SHAPE.1], vec![1.0f32; SHAPE.1 * SHAPE.2]);
    let mut c = vec![0.0f32; SHAPE.0 * SHAPE.2];
    let clock = Instant::now();
    let mut products = 0;
    while clock.elapsed() < Duration::from_millis(20) {
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
