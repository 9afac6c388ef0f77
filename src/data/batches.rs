//! The order in which training sees its samples.
//!
//! Each epoch is a shuffle of the training split, cut into batches; the last partial batch is
//! dropped. Epoch e has a random stream of its own, so any step's batch is found without going
//! through those before it.

use crate::random::{shuffle, stream};

/// An endless sequence of minibatches.
#[derive(Debug)]
pub struct Batches {
    seed: u64,
    batch_size: usize,
    order: Vec<u32>,
    epoch: Option<usize>,
}

impl Batches {
    /// Batches of a training split of `samples` samples.
    pub fn new(samples: usize, batch_size: usize, seed: u64) -> Self {
        Self { seed, batch_size, order: (0..samples as u32).collect(), epoch: None }
    }

    /// Steps in an epoch.
    pub fn per_epoch(&self) -> usize {
        (self.order.len() / self.batch_size).max(1)
    }

    /// The samples of the batch at `step`.
    pub fn at(&mut self, step: usize) -> &[u32] {
        let (epoch, within) = (step / self.per_epoch(), step % self.per_epoch());
        if self.epoch != Some(epoch) {
            self.order.iter_mut().zip(0..).for_each(|(slot, i)| *slot = i);
            shuffle(&mut self.order, &mut stream(self.seed, &format!("batches/{epoch}")));
            self.epoch = Some(epoch);
        }
        &self.order[within * self.batch_size..][..self.batch_size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_visits_samples_once_and_the_next_in_another_order() {
        let mut batches = Batches::new(10, 3, 1);
        let epoch = |batches: &mut Batches, e: usize| -> Vec<u32> {
            (0..3).flat_map(|i| batches.at(3 * e + i).to_vec()).collect()
        };
        let (first, second) = (epoch(&mut batches, 0), epoch(&mut batches, 1));
        let mut sorted = first.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 9, "no sample twice, the tenth dropped");
        assert_ne!(first, second);
        assert_eq!(epoch(&mut Batches::new(10, 3, 1), 1), second, "any step is found directly");
        assert_ne!(epoch(&mut Batches::new(10, 3, 2), 0), first, "another seed, another order");
    }
}
