//! One run, from its plan entry to its folder.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::progress::{Bar, Progress};
use super::{Job, trace};
use crate::config::settings::Precision;
use crate::data::Dataset;
use crate::files;
use crate::kernels::{self, Scalar};
use crate::nn::Network;
use crate::plan::{NUMERICS_VERSION, PlannedRun};
use crate::probe::{self, Probe};
use crate::record::layout::RunFolder;
use crate::record::run::{Metrics, RunRecord, Status, Timing};
use crate::record::tables::{self, Writer};
use crate::record::{SCHEMA_VERSION, machine, tensors};
use crate::train::evaluate::{Curves, Score};
use crate::train::{Batch, Ending, Observer, Trained, train};

/// Trains a run and writes its folder. What goes wrong is written there too, as status `failed`.
///
/// # Errors
/// If not even the failure could be written.
pub fn execute(job: &Job, run: &PlannedRun, progress: &Progress) -> anyhow::Result<RunRecord> {
    let settings = &job.experiment.points[run.point].settings;
    let train = || -> anyhow::Result<RunRecord> {
        let data = job.store.load(&settings.data, run.seed)?;
        match settings.model.precision {
            Precision::F32 => execute_as::<f32>(job, run, &data, progress),
            Precision::F64 => execute_as::<f64>(job, run, &data, progress),
        }
    };
    // A defect in one run must not take the others with it; nothing it leaves behind is used again.
    let result = catch_unwind(AssertUnwindSafe(train)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(anyhow::anyhow!("the run panicked: {}", words.unwrap_or("no reason was given")))
    });
    result.or_else(|error| {
        let reason = format!("{error:#}");
        let folder = job.folder.run(&run.id);
        let record = RunRecord { status: Status::Failed, reason: Some(reason), ..blank(job, run) };
        files::make_folder(folder.path())?;
        files::write_atomically(&folder.log(), log_text(&record).as_bytes())?;
        record.write(&folder)?;
        Ok(record)
    })
}

fn execute_as<F: Scalar>(
    job: &Job,
    run: &PlannedRun,
    data: &Dataset,
    progress: &Progress,
) -> anyhow::Result<RunRecord> {
    let settings = &job.experiment.points[run.point].settings;
    let variant = &job.experiment.variants[run.variant];
    let folder = job.folder.run(&run.id);
    let record = blank(job, run);
    let mut network = Network::<F>::new(settings, variant, run.seed)?;
    files::make_folder(folder.path())?;
    if job.trace {
        trace::write(&folder, settings, data, &network, run.seed)?;
    }
    let mut watch = Watch {
        curves: Curves::new(&network, settings, data, run.seed),
        probes: probe::all(settings, data),
        snapshots: Snapshots { every: settings.log.snapshot_every, folder: &folder },
        bar: progress.bar(run, settings.train.steps),
        evaluating: Duration::ZERO,
        probing: Duration::ZERO,
    };
    let trained = train(&mut network, settings, data, run.seed, &mut watch, job.stop)?;
    let record = finished_record(record, &trained, &watch, network.parameter_count());
    if record.status == Status::Interrupted {
        record.write(&folder)?;
    } else {
        write_folder(&folder, &record, &watch, &network, &leading(job, run), &axes(job))?;
    }
    Ok(record)
}

/// A record with everything known before training.
fn blank(job: &Job, run: &PlannedRun) -> RunRecord {
    let point = &job.experiment.points[run.point];
    RunRecord {
        schema_version: SCHEMA_VERSION,
        run_id: run.id.clone(),
        status: Status::Missing,
        reason: None,
        diverged_at_step: None,
        steps: 0,
        epochs: 0.0,
        parameters: 0,
        metrics: Metrics::default(),
        start: None,
        variant: job.experiment.variants[run.variant].clone(),
        seed: run.seed,
        shape: point.settings.data.shape,
        classes: point.settings.data.classes,
        configuration: point.configuration.clone(),
        numerics_version: NUMERICS_VERSION,
        program_version: machine::PROGRAM_VERSION.to_owned(),
        simd: kernels::simd::level().name().to_owned(),
        timing: Timing {
            train_seconds: 0.0,
            evaluate_seconds: 0.0,
            probe_seconds: 0.0,
            peak_rss_bytes: None,
            started_at: machine::now(),
            host: machine::host(),
            threads: 1,
        },
        table_bytes: BTreeMap::new(),
    }
}

fn finished_record<F: Scalar>(
    record: RunRecord,
    trained: &Trained,
    watch: &Watch<'_, F>,
    parameters: usize,
) -> RunRecord {
    let scores = watch.curves.scores;
    let (loss, accuracy) = (|s: Option<Score>| s.map(|s| s.loss), |s: Option<Score>| s.map(|s| s.accuracy));
    let best = watch.curves.best_validation();
    let mut metrics = Metrics {
        train_loss: loss(scores.train),
        train_accuracy: accuracy(scores.train),
        validation_loss: loss(scores.validation),
        validation_accuracy: accuracy(scores.validation),
        test_loss: loss(scores.test),
        test_accuracy: accuracy(scores.test),
        best_validation_accuracy: best.map(|(accuracy, _)| accuracy),
        best_validation_step: best.map(|(_, step)| step),
    };
    let losses = [metrics.train_loss, metrics.validation_loss, metrics.test_loss];
    let (status, reason, diverged_at_step) = match &trained.ending {
        Ending::Interrupted => (Status::Interrupted, None, None),
        Ending::Diverged { step, reason } => (Status::Diverged, Some(reason.clone()), Some(*step)),
        Ending::Completed if losses.iter().flatten().any(|loss| !loss.is_finite()) => {
            let reason = "a final loss is not finite".to_owned();
            (Status::Diverged, Some(reason), Some(trained.steps))
        }
        Ending::Completed => (Status::Completed, None, None),
    };
    if status != Status::Completed {
        metrics = Metrics::default();
    }
    let timing = Timing {
        train_seconds: trained.seconds,
        evaluate_seconds: watch.evaluating.as_secs_f64(),
        probe_seconds: watch.probing.as_secs_f64(),
        peak_rss_bytes: machine::peak_memory_bytes(),
        ..record.timing
    };
    let epochs = watch.curves.epochs(trained.steps);
    let steps = trained.steps;
    let start = trained.start;
    RunRecord { status, reason, diverged_at_step, steps, epochs, parameters, metrics, start, timing, ..record }
}

/// Everything that watches a run.
struct Watch<'a, F: Scalar> {
    curves: Curves<'a, F>,
    probes: Vec<Box<dyn Probe<F>>>,
    snapshots: Snapshots<'a>,
    bar: Bar,
    evaluating: Duration,
    probing: Duration,
}

impl<F: Scalar> Observer<F> for Watch<'_, F> {
    fn state(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        let clock = Instant::now();
        self.curves.state(step, network)?;
        self.evaluating += clock.elapsed();
        let clock = Instant::now();
        self.probes.iter_mut().try_for_each(|probe| probe.state(step, network))?;
        self.probing += clock.elapsed();
        self.snapshots.state(step, network)
    }

    fn batch(&mut self, batch: &Batch<F>) -> anyhow::Result<()> {
        self.curves.batch(batch)?;
        let clock = Instant::now();
        self.probes.iter_mut().try_for_each(|probe| probe.batch(batch))?;
        self.probing += clock.elapsed();
        self.bar.step(batch.step, batch.loss);
        Ok(())
    }
}

/// Saves parameters while training goes on.
struct Snapshots<'a> {
    every: usize,
    folder: &'a RunFolder,
}

impl Snapshots<'_> {
    fn state<F: Scalar>(&self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        if self.every == 0 || !step.is_multiple_of(self.every) {
            return Ok(());
        }
        let path = self.folder.snapshot(step);
        if let Some(parent) = path.parent() {
            files::make_folder(parent)?;
        }
        tensors::write(&path, &tensors::state(network, ""))
    }
}

fn axes(job: &Job) -> Vec<String> {
    job.experiment.axes.iter().map(|axis| axis.path.clone()).collect()
}

fn leading(job: &Job, run: &PlannedRun) -> Vec<String> {
    let entries = crate::plan::entries(job.experiment, std::slice::from_ref(run));
    entries.first().map(crate::record::collect::leading).unwrap_or_default()
}

/// Writes everything a run leaves; `run.json` last, so that its presence means the rest is there.
fn write_folder<F: Scalar>(
    folder: &RunFolder,
    record: &RunRecord,
    watch: &Watch<'_, F>,
    network: &Network<F>,
    leading: &[String],
    axes: &[String],
) -> anyhow::Result<()> {
    let mut curves = Writer::new(tables::CURVES, axes);
    watch.curves.rows.iter().for_each(|row| curves.row(leading, tables::curve_cells(row)));
    let mut runs = Writer::new(tables::RUNS, axes);
    runs.row(leading, tables::run_cells(record, None));
    let mut timing = Writer::new(tables::TIMING, axes);
    timing.row(leading, tables::timing_cells(record));
    let mut written = vec![(tables::RUNS, runs), (tables::CURVES, curves), (tables::TIMING, timing)];
    for probe in &watch.probes {
        let mut writer = Writer::new(probe.table(), axes);
        probe.rows(&mut |cells| writer.row(leading, cells));
        written.push((probe.table(), writer));
    }
    let mut record = record.clone();
    for (table, writer) in written {
        let bytes = writer.into_bytes();
        files::write_atomically(&folder.table(table.file), &bytes)?;
        record.table_bytes.insert(table.file.to_owned(), bytes.len() as u64);
    }
    tensors::write(&folder.checkpoint(), &tensors::state(network, ""))?;
    files::write_atomically(&folder.log(), log_text(&record).as_bytes())?;
    record.write(folder)
}

/// `run.log`: what happened, in words and without clock.
fn log_text(record: &RunRecord) -> String {
    let mut text = format!(
        "run {}\nbn-exp {}, numerics version {}, instruction level {}\n{} parameters\n",
        record.run_id, record.program_version, record.numerics_version, record.simd, record.parameters
    );
    text += &format!("{} after {} steps ({:.2} epochs)\n", record.status.name(), record.steps, record.epochs);
    if let Some(reason) = &record.reason {
        text += &format!("{reason}\n");
    }
    text
}
