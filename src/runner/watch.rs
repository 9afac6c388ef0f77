//! What watches a run: its rows so far, probes, snapshots, and when it is saved.

use std::time::{Duration, Instant};

use super::events::{Event, Events};
use super::job::Job;
use crate::config::settings::Every;
use crate::data::Dataset;
use crate::kernels::Scalar;
use crate::nn::Network;
use crate::plan::PlannedRun;
use crate::probe::Probe;
use crate::record::beside;
use crate::record::layout::RunFolder;
use crate::record::machine;
use crate::record::resume::{self, Watched};
use crate::record::tables::{self, Rows};
use crate::record::tensors;
use crate::table::{Row, Table};
use crate::train::evaluate::{CurveRow, Curves};
use crate::train::{Batch, Observer, State};

/// Shortest time between two events of one run; training should not wait for whoever shows them.
const PACE: Duration = Duration::from_millis(100);

/// Everything that watches a run.
pub(super) struct Watch<'a, F: Scalar> {
    run: &'a PlannedRun,
    events: &'a dyn Events,
    folder: &'a RunFolder,
    /// The rows of each table so far.
    pub(super) rows: Vec<Rows>,
    pub(super) curves: Curves<'a, F>,
    probes: Vec<Box<dyn Probe<F>>>,
    snapshots: Snapshots<'a>,
    /// When it was last told how far the run is.
    told: Instant,
    pub(super) evaluating: Duration,
    pub(super) probing: Duration,
    pub(super) started_at: String,
    /// Steps of the whole run.
    steps: usize,
    save_every: Duration,
    /// Whether the run's trace has just been written.
    has_trace: bool,
    /// When it was last saved.
    saved: Instant,
}

impl<'a, F: Scalar> Watch<'a, F> {
    pub(super) fn new(
        job: &'a Job<'_>,
        run: &'a PlannedRun,
        folder: &'a RunFolder,
        network: &Network<F>,
        data: &'a Dataset,
        probes: Vec<Box<dyn Probe<F>>>,
        events: &'a dyn Events,
    ) -> Self {
        let settings = &job.experiment.points[run.point].settings;
        Self {
            run,
            events,
            folder,
            rows: tables::filled().map(Rows::new).collect(),
            curves: Curves::new(network, settings, data, run.seed),
            probes,
            snapshots: Snapshots { every: &settings.log.snapshot_every, folder },
            told: Instant::now(),
            evaluating: Duration::ZERO,
            probing: Duration::ZERO,
            started_at: machine::now(),
            steps: settings.train.steps,
            save_every: job.resume_every,
            has_trace: job.trace,
            saved: Instant::now(),
        }
    }

    /// Restores everything as it was when the run was saved, if it was saved.
    ///
    /// # Errors
    /// Those of [`resume::read`] and [`resume::Saved::restore`].
    pub(super) fn continue_saved(&mut self, network: &mut Network<F>, state: &mut State<F>) -> anyhow::Result<()> {
        let saved = resume::read(self.folder, &self.run.id)?;
        let lost = saved.as_ref().map(|saved| saved.lost_snapshot(self.folder)).transpose()?.flatten();
        if let Some(reason) = &lost {
            self.events.tell(Event::Warning(&format!("{reason}; run {} begins anew", self.run.id)));
        }
        let Some(saved) = saved.filter(|_| lost.is_none()) else {
            // What is there is of an earlier training, which may have rounded otherwise.
            return beside::clear(self.folder, !self.has_trace);
        };
        saved.restore(network, state, self.steps)?;
        let Watched { best_validation, evaluating, probing, started_at } = saved.watched();
        self.curves.best_validation = best_validation;
        (self.evaluating, self.probing, self.started_at) = (evaluating, probing, started_at);
        self.rows.iter_mut().try_for_each(|rows| {
            *rows = saved.rows(rows.table)?;
            Ok(())
        })
    }

    /// Takes the new rows from the curves and the probes. Where two probes fill one table, the order of its rows depends on
    /// when this is called: after each update, and not when the run happens to be saved.
    pub(super) fn flush(&mut self) {
        let Self { rows, curves, probes, .. } = self;
        let mut push = |table: Table, cells: &[String]| {
            let rows = rows.iter_mut().find(|rows| rows.table.file == table.file);
            rows.unwrap_or_else(|| panic!("probe::list::TABLES lacks {}", table.file)).push(cells);
        };
        curves.rows.drain(..).for_each(|row| push(CurveRow::TABLE, &row.cells()));
        probes.iter_mut().for_each(|probe| probe.take_rows(&mut push));
    }

    pub(super) fn save(&mut self, state: &State<F>, network: &Network<F>) -> anyhow::Result<()> {
        let watched = Watched {
            best_validation: self.curves.best_validation,
            evaluating: self.evaluating,
            probing: self.probing,
            started_at: self.started_at.clone(),
        };
        resume::save(self.folder, &self.run.id, network, state, &watched, &self.rows)?;
        self.saved = Instant::now();
        Ok(())
    }
}

impl<F: Scalar> Observer<F> for Watch<'_, F> {
    fn state(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        let clock = Instant::now();
        self.curves.state(step, network)?;
        self.evaluating += clock.elapsed();
        let clock = Instant::now();
        self.probes.iter_mut().try_for_each(|probe| probe.state(step, network))?;
        self.probing += clock.elapsed();
        self.flush();
        self.snapshots.state(step, network)
    }

    fn batch(&mut self, batch: &Batch<F>) -> anyhow::Result<()> {
        self.curves.batch(batch)?;
        let clock = Instant::now();
        self.probes.iter_mut().try_for_each(|probe| probe.batch(batch))?;
        self.probing += clock.elapsed();
        if self.told.elapsed() >= PACE {
            self.told = Instant::now();
            self.events.tell(Event::Step { run: self.run, step: batch.step, loss: batch.loss });
        }
        Ok(())
    }

    fn updated(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        let clock = Instant::now();
        self.probes.iter_mut().try_for_each(|probe| probe.updated(step, network))?;
        self.probing += clock.elapsed();
        Ok(())
    }

    fn between(&mut self, state: &State<F>, network: &Network<F>) -> anyhow::Result<()> {
        // After the last update there is nothing left to continue.
        let is_due = state.step < self.steps && self.saved.elapsed() >= self.save_every;
        if is_due { self.save(state, network) } else { Ok(()) }
    }
}

/// Saves parameters while training goes on.
struct Snapshots<'a> {
    every: &'a Every,
    folder: &'a RunFolder,
}

impl Snapshots<'_> {
    fn state<F: Scalar>(&self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        if !self.every.is_due(step) {
            return Ok(());
        }
        tensors::write(&self.folder.snapshot(step), &tensors::state(network, ""))
    }
}
