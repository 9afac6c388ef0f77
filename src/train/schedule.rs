//! The learning rate at each step.
//!
//! With w warm-up steps, η_k = η(k + 1)/w for k < w; afterwards, T being all steps:
//! `constant` η; `cosine` η·½(1 + cos(π(k − w)/(T − w))) (Loshchilov & Hutter 2017, one cycle);
//! `step` η·f^⌊(k − w)/e⌋, f being `step_factor` and e `step_every`.

use crate::config::settings::{OptimizerOptions, Schedule};

/// η at step `k` of `steps`.
pub fn learning_rate(options: &OptimizerOptions, k: usize, steps: usize) -> f64 {
    let (lr, warmup) = (options.lr, options.warmup);
    if k < warmup {
        return lr * (k + 1) as f64 / warmup as f64;
    }
    let since = (k - warmup) as f64;
    match options.schedule {
        Schedule::Constant => lr,
        Schedule::Cosine => {
            let all = steps.saturating_sub(warmup).max(1) as f64;
            lr * 0.5 * (1.0 + (std::f64::consts::PI * since / all).cos())
        }
        Schedule::Step => {
            let falls = (since / options.step_every.unwrap_or(1) as f64).floor();
            lr * options.step_factor.unwrap_or(1.0).powf(falls)
        }
    }
}
