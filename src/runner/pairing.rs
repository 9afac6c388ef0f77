//! Checks, during training, what the comparison rests on: at step 0 `none` and `affine` are the same
//! function, so runs of one seed must begin with the same loss and the same weight gradients.

use std::collections::HashMap;

use crate::record::run::RunRecord;
use crate::train::Start;

/// Largest relative difference that rounding explains.
const TOLERANCE: f64 = 1e-4;

/// The first minibatches seen so far, by sweep point and seed.
#[derive(Debug, Default)]
pub struct Pairs(HashMap<(usize, u64), (String, Start)>);

impl Pairs {
    /// Compares a run with the other arm's, if that was seen before. Returns words that say how they differ.
    pub fn check(&mut self, point: usize, run: &RunRecord) -> Option<String> {
        let is_plain = run.variant.starts_as_identity() && run.variant.train_only.is_none();
        let start = run.start.filter(|_| is_plain)?;
        let (other, first) = self.0.entry((point, run.seed)).or_insert_with(|| (run.run_id.clone(), start));
        (!agree(*first, start)).then(|| {
            format!(
                "{other} and {} are not paired: at step 0 their losses are {} and {}, their weight gradients {} and {}",
                run.run_id, first.loss, start.loss, first.weight_gradient, start.weight_gradient
            )
        })
    }
}

fn agree(a: Start, b: Start) -> bool {
    let close = |a: f64, b: f64| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
    close(a.loss, b.loss) && close(a.weight_gradient, b.weight_gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_agrees_and_another_function_does_not() {
        let start = Start { loss: 2.3, weight_gradient: 1.5 };
        assert!(agree(start, Start { loss: 2.3 * (1.0 + 1e-6), ..start }));
        assert!(!agree(start, Start { loss: 2.31, ..start }));
        assert!(!agree(start, Start { weight_gradient: 1.6, ..start }));
    }
}
