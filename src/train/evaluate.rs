//! Losses and accuracies on the splits, during training and at its end.
//!
//! During training, and before the first and after the last update: all of validation, and a fixed part of the training
//! split. After the last update also the whole training split and the test split, all of it under the three kinds of
//! statistics, if the arm has them. Under batch statistics a split is read in a fixed shuffle, in batches of the training
//! size, the remainder joined to the last: statistics of a batch of a few samples would mislead.

use anyhow::Context;

use super::Observer;
use crate::config::Settings;
pub use crate::config::file::Part;
use crate::config::file::{Kind, Metric, POPULATION, Source};
use crate::data::{Dataset, Scaler, Split};
use crate::kernels::Scalar;
use crate::kernels::softmax::Outcome;
use crate::nn::{Network, Pass, Statistics, Workspace};
use crate::random::{shuffle, stream};

/// A loss and an accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Score {
    /// Mean softmax cross-entropy, in nats.
    pub loss: f64,
    /// Share classified rightly; NaN where the loss is.
    pub accuracy: f64,
}

impl Score {
    /// Its value for a metric of this kind.
    pub fn of(self, kind: Kind) -> f64 {
        if kind == Kind::Loss { self.loss } else { self.accuracy }
    }
}

/// One row of curves.csv.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurveRow {
    /// Updates done.
    pub step: usize,
    /// The same in epochs.
    pub epoch: f64,
    /// Which samples.
    pub part: Part,
    /// Under which statistics.
    pub statistics: Statistics,
    /// Loss and accuracy.
    pub score: Score,
}

/// Samples in a forward pass under running statistics, where the size does not matter.
const CHUNK: usize = 128;

/// Reads splits through a network.
#[derive(Debug)]
pub struct Evaluator<'a, F: Scalar> {
    data: &'a Dataset,
    scaler: Scaler<F>,
    capacity: usize,
    batch_size: usize,
    seed: u64,
}

impl<'a, F: Scalar> Evaluator<'a, F> {
    /// For networks like this one.
    pub fn new(network: &Network<F>, data: &'a Dataset, batch_size: usize, seed: u64) -> Self {
        let capacity = CHUNK.max(if network.uses_batch_statistics() { 2 * batch_size } else { 0 });
        Self { data, scaler: data.scaler(), capacity, batch_size, seed }
    }

    /// The split that a part means.
    pub fn split(&self, part: Part) -> &'a Split {
        match part {
            Part::Batch | Part::Train => &self.data.train,
            Part::Validation => &self.data.validation,
            Part::Test => &self.data.test,
        }
    }

    /// Scores the first so many samples of some parts. The statistics of the population are found once for all of them.
    ///
    /// # Errors
    /// If batch statistics are asked of a split too small for them.
    pub fn scores(
        &self,
        network: &Network<F>,
        parts: &[(Part, usize)],
        statistics: Statistics,
    ) -> anyhow::Result<Vec<Score>> {
        // Made anew for each look, so that it takes no memory in between.
        let mut space = network.space_for_evaluation(self.capacity);
        if statistics == Statistics::Population && network.uses_batch_statistics() {
            network.find_population(self.population(), CHUNK, &mut space)?;
        }
        let score = |(part, count): &(Part, usize)| {
            let score = self.score(network, *part, *count, statistics, &mut space);
            score.with_context(|| format!("evaluating the {} split", part.name()))
        };
        parts.iter().map(score).collect()
    }

    fn score(
        &self,
        network: &Network<F>,
        part: Part,
        count: usize,
        statistics: Statistics,
        space: &mut Workspace<F>,
    ) -> anyhow::Result<Score> {
        let split = self.split(part);
        let (order, size) = match statistics {
            Statistics::Running | Statistics::Population => ((0..count as u32).collect(), CHUNK),
            Statistics::Batch => {
                let mut order: Vec<u32> = (0..count as u32).collect();
                shuffle(&mut order, &mut stream(self.seed, &format!("evaluate/{}", part.name())));
                (order, self.batch_size)
            }
        };
        let mut all = Outcome::default();
        for batch in chunks(&order, size, statistics == Statistics::Batch) {
            space.input.write(batch.len(), |input, written| {
                self.scaler.gather(split, batch, input, self.data.shape.len(), written);
            });
            let labels: Vec<u8> = batch.iter().map(|i| split.labels[*i as usize]).collect();
            network.forward(Pass::Evaluate(statistics), space)?;
            let outcome = network.loss(space, &labels);
            all.loss_sum += outcome.loss_sum;
            all.correct += outcome.correct;
        }
        let (loss, accuracy) = all.means(count);
        Ok(Score { loss, accuracy })
    }

    /// The first training samples, which stand for the population.
    fn population(&self) -> Vec<F> {
        let samples: Vec<u32> = (0..self.data.train.len().min(POPULATION) as u32).collect();
        let length = self.data.shape.len();
        let mut input = vec![F::zero(); samples.len() * length];
        self.scaler.gather(&self.data.train, &samples, &mut input, length, &mut |_| {});
        input
    }
}

/// Cuts into chunks of `size`; with `join`, what is left over belongs to the last chunk.
fn chunks(order: &[u32], size: usize, join: bool) -> impl Iterator<Item = &[u32]> {
    let whole = if join { (order.len() / size).max(1) } else { order.len().div_ceil(size) };
    (0..whole).map(move |i| {
        let end = if i + 1 == whole { order.len() } else { (i + 1) * size };
        &order[i * size..end]
    })
}

/// Records batch losses and evaluations.
#[derive(Debug)]
pub struct Curves<'a, F: Scalar> {
    evaluator: Evaluator<'a, F>,
    settings: &'a Settings,
    steps_per_epoch: f64,
    /// Whether the network uses batch statistics; if not, there is one kind of evaluation only.
    is_batch: bool,
    /// The rows so far, in the order they came about.
    pub rows: Vec<CurveRow>,
    /// Highest validation accuracy under running statistics, and the first step that had it.
    pub best_validation: Option<(f64, usize)>,
    /// The scores after the last update, on all of each split that has samples.
    at_end: Vec<(Part, Statistics, Score)>,
}

impl<'a, F: Scalar> Curves<'a, F> {
    /// For networks like this one.
    pub fn new(network: &Network<F>, settings: &'a Settings, data: &'a Dataset, seed: u64) -> Self {
        let batch_size = settings.train.batch_size;
        Self {
            evaluator: Evaluator::new(network, data, batch_size, seed),
            settings,
            steps_per_epoch: (data.train.len() / batch_size).max(1) as f64,
            is_batch: network.uses_batch_statistics(),
            rows: Vec::new(),
            best_validation: None,
            at_end: Vec::new(),
        }
    }

    /// Steps in epochs.
    pub fn epochs(&self, step: usize) -> f64 {
        step as f64 / self.steps_per_epoch
    }

    /// The run's score by one of the metrics of its end.
    pub fn score_of(&self, metric: Metric) -> Option<f64> {
        match metric.source {
            Source::End(part, statistics) => {
                // An arm without batch statistics scores the same under each kind.
                let statistics = if self.is_batch { statistics } else { Statistics::Running };
                let is_meant = |(other, under, _): &&(Part, Statistics, Score)| (*other, *under) == (part, statistics);
                self.at_end.iter().find(is_meant).map(|(.., score)| score.of(metric.kind))
            }
            // Only the accuracy of the best evaluation is kept.
            Source::Best => {
                self.best_validation.map(|(accuracy, _)| accuracy).filter(|_| metric.kind == Kind::Accuracy)
            }
            Source::Target => None,
        }
    }

    fn push(&mut self, step: usize, part: Part, statistics: Statistics, score: Score) {
        let epoch = self.epochs(step);
        let is_validation = part == Part::Validation && statistics == Statistics::Running;
        let is_known = is_validation && !score.accuracy.is_nan();
        if is_known && self.best_validation.is_none_or(|(best, _)| score.accuracy > best) {
            self.best_validation = Some((score.accuracy, step));
        }
        self.rows.push(CurveRow { step, epoch, part, statistics, score });
    }

    /// Scores those of the parts that have samples.
    fn score(
        &mut self,
        step: usize,
        network: &Network<F>,
        parts: &[(Part, usize)],
        statistics: Statistics,
    ) -> anyhow::Result<()> {
        let parts: Vec<(Part, usize)> = parts.iter().copied().filter(|(_, count)| *count > 0).collect();
        let scores = self.evaluator.scores(network, &parts, statistics)?;
        for ((part, _), score) in parts.into_iter().zip(scores) {
            self.push(step, part, statistics, score);
            if step == self.settings.train.steps {
                self.at_end.push((part, statistics, score));
            }
        }
        Ok(())
    }
}

impl<F: Scalar> Observer<F> for Curves<'_, F> {
    fn state(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        use Statistics::{Batch, Running};
        let is_last = step == self.settings.train.steps;
        if !is_last && step > 0 && !self.settings.log.evaluate_every.is_due(step) {
            return Ok(());
        }
        let all = |curves: &Self, part: Part| curves.evaluator.split(part).len();
        let (validation, test) = (all(self, Part::Validation), all(self, Part::Test));
        let train = self.settings.log.train_final;
        if is_last {
            for statistics in Statistics::ALL.into_iter().take(if self.is_batch { 3 } else { 1 }) {
                let parts = [(Part::Train, train), (Part::Validation, validation), (Part::Test, test)];
                self.score(step, network, &parts, statistics)?;
            }
        } else {
            let parts = [(Part::Train, self.settings.log.train_eval), (Part::Validation, validation)];
            self.score(step, network, &parts, Running)?;
            if self.is_batch {
                self.score(step, network, &parts[1..], Batch)?;
            }
        }
        Ok(())
    }

    fn batch(&mut self, batch: &super::Batch<F>) -> anyhow::Result<()> {
        if self.settings.log.batch_every.is_due(batch.step) || batch.diverged {
            let score = Score { loss: batch.loss, accuracy: batch.accuracy };
            let statistics = if self.is_batch { Statistics::Batch } else { Statistics::Running };
            self.push(batch.step, Part::Batch, statistics, score);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_joins_the_last_batch_only_where_statistics_need_it() {
        let order: Vec<u32> = (0..10).collect();
        let sizes = |size, join| chunks(&order, size, join).map(<[u32]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(4, true), [4, 6]);
        assert_eq!(sizes(4, false), [4, 4, 2]);
        assert_eq!(sizes(64, true), [10]);
        assert_eq!(sizes(5, true), [5, 5]);
    }
}
