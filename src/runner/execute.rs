//! One run, from its plan entry to its folder.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::events::{Event, Events};
use super::job::Job;
use super::trace;
use super::watch::Watch;
use crate::config::file::{Kind, Metric, Source, Statistics};
use crate::config::settings::Precision;
use crate::data::Dataset;
use crate::files::{self, Lock};
use crate::kernels::{self, Scalar};
use crate::nn::Network;
use crate::plan::{NUMERICS_VERSION, PlannedRun};
use crate::probe::{self, Probe};
use crate::record::layout::RunFolder;
use crate::record::metrics::Metrics;
use crate::record::resume;
use crate::record::run::{RunRecord, Status, Timing};
use crate::record::runs::RunRow;
use crate::record::tables::{self, Writer};
use crate::record::timing::TimingRow;
use crate::record::{SCHEMA_VERSION, found, leading, machine, tensors};
use crate::table::Row;
use crate::train::{self, Ending, State};

/// What came of a run.
#[derive(Debug)]
pub enum Outcome {
    /// It was trained, to its end or not; or it failed.
    Trained(Box<RunRecord>),
    /// Another program has finished it.
    AlreadyFinished,
    /// Another program is training it.
    TrainedElsewhere,
}

/// Trains a run, unless another program does, and writes its folder. Continues from where it was saved, if it was. What
/// goes wrong is written there too, as status `failed`.
///
/// # Errors
/// If not even the failure could be written.
pub fn execute(job: &Job, run: &PlannedRun, events: &dyn Events) -> anyhow::Result<Outcome> {
    train_locked(job, run, events).or_else(|error| {
        let folder = job.folder.run(&run.id);
        // A record that the system cannot read may be that of a finished run: it has not failed.
        if RunRecord::read_own(&folder).is_err_and(|error| error.chain().any(|cause| cause.is::<io::Error>())) {
            return Err(error);
        }
        // The run's folder cannot be written.
        let record = failed(job, run, &error);
        record.write_beside(&folder)?;
        Ok(Outcome::Trained(Box::new(record)))
    })
}

fn train_locked(job: &Job, run: &PlannedRun, events: &dyn Events) -> anyhow::Result<Outcome> {
    let folder = job.folder.run(&run.id);
    files::refuse_link(folder.path())?;
    files::refuse_link(&folder.snapshots())?;
    files::make_folder(folder.path())?;
    files::sync_folder(&job.folder.runs())?;
    let lock = files::try_lock(&folder.lock())?;
    match lock {
        Lock::Elsewhere => return Ok(Outcome::TrainedElsewhere),
        Lock::Unsupported => {
            let warning = "this file system has no locks: run only one `bn-exp run` here at a time";
            events.tell(Event::Warning(warning));
        }
        Lock::Held(_) => {
            files::remove_unfinished(folder.path())?;
            files::remove_unfinished(&folder.snapshots())?;
        }
    }
    // A record that cannot be read may be that of a finished run.
    RunRecord::read_own(&folder)?;
    if RunRecord::is_finished(&folder)? {
        return Ok(Outcome::AlreadyFinished);
    }
    let settings = &job.experiment.points[run.point].settings;
    events.tell(Event::Started { run, steps: settings.train.steps });
    let train = || -> anyhow::Result<RunRecord> {
        let data = job.store.load(&settings.data, run.seed)?;
        let is_single = settings.model.precision == Precision::F32;
        let lost = data.lost_in_single.iter().filter(|_| is_single);
        data.warnings.iter().chain(lost).for_each(|words| events.tell(Event::Warning(words)));
        match settings.model.precision {
            Precision::F32 => train_as::<f32>(job, run, &data, probe::list::all(settings, &data), events),
            Precision::F64 => train_as::<f64>(job, run, &data, probe::list::all(settings, &data), events),
        }
    };
    // A panic in one run must not end the others; nothing that the run leaves in memory is used again.
    let result = catch_unwind(AssertUnwindSafe(train)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(anyhow::anyhow!("the run panicked: {}", words.unwrap_or("no reason was given")))
    });
    let record = result.or_else(|error| -> anyhow::Result<RunRecord> {
        let record = failed(job, run, &error);
        files::make_folder(folder.path())?;
        files::write_atomically(&folder.log(), record.log_text().as_bytes())?;
        record.write(&folder)?;
        Ok(record)
    })?;
    drop(lock);
    Ok(Outcome::Trained(Box::new(record)))
}

/// Trains a run in one precision, watched by these probes, and writes its folder.
pub(super) fn train_as<F: Scalar>(
    job: &Job,
    run: &PlannedRun,
    data: &Dataset,
    probes: Vec<Box<dyn Probe<F>>>,
    events: &dyn Events,
) -> anyhow::Result<RunRecord> {
    let settings = &job.experiment.points[run.point].settings;
    let variant = &job.experiment.variants[run.variant];
    let folder = job.folder.run(&run.id);
    let mut record = blank(job, run);
    let mut network = train::initial::<F>(settings, variant, data, run.seed)?;
    let mut state = State::new(settings, &network);
    if job.trace {
        trace::write(&folder, settings, data, &network, run.seed)?;
    }
    if !settings.log.snapshot_every.is_never() {
        // Made once: if it vanishes later the run fails, rather than go on without the earlier snapshots.
        files::make_folder(&folder.snapshots())?;
    }
    let mut watch = Watch::new(job, run, &folder, &network, data, probes, events);
    watch.continue_saved(&mut network, &mut state).inspect_err(|error| {
        // The next attempt begins anew, unless the saved run may be whole: the file could not be read now, or a later program
        // wrote it.
        if !error.chain().any(|cause| cause.is::<io::Error>() || cause.is::<resume::Later>()) {
            drop(resume::remove(&folder));
        }
    })?;
    record.timing.started_at.clone_from(&watch.started_at);
    let ending = train::train(&mut network, &mut state, settings, data, run.seed, &mut watch, job.stop)?;
    if ending == Ending::Interrupted && state.step > 0 {
        watch.save(&state, &network)?;
    }
    watch.flush();
    let record = finished_record(record, &ending, &state, &watch, network.parameters.len());
    if record.status == Status::Interrupted {
        record.write(&folder)?;
    } else {
        write_folder(&folder, &record, &watch, &network, &leading(job, run), &axes(job))?;
        // The run is finished even if its saved state cannot be removed; the next call tries again.
        drop(resume::remove(&folder));
    }
    Ok(record)
}

fn failed(job: &Job, run: &PlannedRun, error: &anyhow::Error) -> RunRecord {
    blank(job, run).failed(format!("{error:#}"))
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
        table_sha256: BTreeMap::new(),
        checkpoint_sha256: None,
        checkpoint_bytes: None,
        snapshot_bytes: BTreeMap::new(),
        record_sha256: None,
    }
}

fn finished_record<F: Scalar>(
    record: RunRecord,
    ending: &Ending,
    state: &State<F>,
    watch: &Watch<'_, F>,
    parameters: usize,
) -> RunRecord {
    let best_step = watch.curves.best_validation.map(|(_, step)| step);
    let mut metrics = Metrics::new(|metric| watch.curves.score_of(metric), best_step);
    let is_running_loss =
        |metric: Metric| metric.kind == Kind::Loss && matches!(metric.source, Source::End(_, Statistics::Running));
    let is_finite =
        metrics.iter().filter(|(metric, _)| is_running_loss(*metric)).all(|(_, loss)| loss.is_none_or(f64::is_finite));
    let (status, reason, diverged_at_step) = match ending {
        Ending::Interrupted => (Status::Interrupted, None, None),
        Ending::Diverged { step, reason } => (Status::Diverged, Some(reason.clone()), Some(*step)),
        Ending::Completed if !is_finite => {
            let reason = "a final loss is not finite".to_owned();
            (Status::Diverged, Some(reason), Some(state.step))
        }
        Ending::Completed => (Status::Completed, None, None),
    };
    if status != Status::Completed {
        metrics = Metrics::default();
    }
    let timing = Timing {
        train_seconds: state.spent.as_secs_f64(),
        evaluate_seconds: watch.evaluating.as_secs_f64(),
        probe_seconds: watch.probing.as_secs_f64(),
        peak_rss_bytes: machine::peak_memory_bytes(),
        ..record.timing
    };
    let (steps, start) = (state.step, state.start);
    let epochs = watch.curves.epochs(steps);
    RunRecord { status, reason, diverged_at_step, steps, epochs, parameters, metrics, start, timing, ..record }
}

fn axes(job: &Job) -> Vec<String> {
    job.experiment.axes.iter().map(|axis| axis.path.clone()).collect()
}

fn leading(job: &Job, run: &PlannedRun) -> Vec<String> {
    let entries = crate::plan::entries(job.experiment, std::slice::from_ref(run));
    entries.first().map(leading::cells).unwrap_or_default()
}

/// Writes everything that a run leaves. `run.json` is the last: where it is, the rest is.
fn write_folder<F: Scalar>(
    folder: &RunFolder,
    record: &RunRecord,
    watch: &Watch<'_, F>,
    network: &Network<F>,
    leading: &[String],
    axes: &[String],
) -> anyhow::Result<()> {
    let mut runs = Writer::new(tables::RUNS, axes);
    runs.row(leading, RunRow::of(record, None).cells());
    let mut timing = Writer::new(tables::TIMING, axes);
    timing.row(leading, TimingRow::of(record).cells());
    let single = [(tables::RUNS, runs), (tables::TIMING, timing)];
    let single = single.into_iter().map(|(table, writer)| (table, writer.into_bytes()));
    let written = single.chain(watch.rows.iter().map(|rows| (rows.table, rows.whole(leading, axes))));
    let mut record = record.clone();
    for (table, bytes) in written {
        files::write_atomically(&folder.table(table.file), &bytes)?;
        record.table_bytes.insert(table.file.to_owned(), bytes.len() as u64);
        record.table_sha256.insert(table.file.to_owned(), files::sha256(&bytes));
    }
    let checkpoint = tensors::serialize(&tensors::state(network, ""))?;
    files::write_atomically(&folder.checkpoint(), &checkpoint)?;
    record.checkpoint_sha256 = Some(files::sha256(&checkpoint));
    record.checkpoint_bytes = Some(checkpoint.len() as u64);
    record.snapshot_bytes = found::snapshot_bytes(folder)?;
    files::write_atomically(&folder.log(), record.log_text().as_bytes())?;
    // The record must not be on disk before the files that it tells of.
    files::sync_folder(folder.path())?;
    record.write(folder)
}
