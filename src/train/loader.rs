//! Minibatches of the training split, in their seeded order.

use crate::data::batches::Batches;
use crate::data::{Dataset, Scaler};
use crate::kernels::Scalar;
use crate::nn::input::Input;
use crate::nn::{Network, NetworkError};

/// Gathers minibatches from the training split.
pub(super) struct Loader<'a, F> {
    data: &'a Dataset,
    scaler: Scaler<F>,
    batches: Batches,
    seed: u64,
    /// The labels of the minibatch that was loaded last.
    pub(super) labels: Vec<u8>,
}

impl<'a, F: Scalar> Loader<'a, F> {
    pub(super) fn new(data: &'a Dataset, batch_size: usize, seed: u64) -> Self {
        let batches = Batches::new(data.train.len(), batch_size, seed);
        Self { data, scaler: data.scaler(), batches, seed, labels: vec![0; batch_size] }
    }

    pub(super) fn load(&mut self, step: usize, to: &mut Input<F>) {
        let (split, batch) = (&self.data.train, self.batches.at(step));
        to.write(batch.len(), |input, written| {
            self.scaler.gather(split, batch, input, self.data.shape.len(), written);
        });
        self.labels.iter_mut().zip(batch).for_each(|(label, i)| *label = split.labels[*i as usize]);
    }

    /// Lets the arm set what it sets from minibatch `step` before that step, if anything.
    pub(super) fn begin(&mut self, network: &mut Network<F>, step: usize) -> Result<Vec<usize>, NetworkError> {
        if !network.is_due(step) {
            return Ok(Vec::new());
        }
        let mut input = Input::new(self.labels.len(), self.data.shape.len(), false);
        self.load(step, &mut input);
        network.begin(self.seed, step, input.features().values)
    }
}
