//! Checks of an experiment before anything is trained or written.

use crate::config::{ConfigError, Experiment, Problems, Variant, cost};
use crate::nn::{NetworkError, build};
use crate::plan::{PlannedRun, plan};
use crate::record::machine;

/// The runs of an experiment, in order.
///
/// # Errors
/// If two runs would be the same, or a network cannot be trained.
pub fn planned(experiment: &Experiment) -> Result<Vec<PlannedRun>, ConfigError> {
    let runs = plan(experiment)?;
    check_networks(experiment)?;
    Ok(runs)
}

/// Refuses networks that cannot be trained: too large for the machine, batches too small for the
/// arm, names of parameters that the network does not have.
fn check_networks(experiment: &Experiment) -> Result<(), ConfigError> {
    let mut problems = Problems::default();
    let available = machine::memory_bytes();
    for point in &experiment.points {
        let of_arm = |variant: &Variant| cost::memory(&point.settings, variant.arm);
        let needed = experiment.variants.iter().map(of_arm).fold(0.0, f64::max);
        if available > 0 && needed > available as f64 {
            let gib = |bytes: f64| bytes / f64::from(1 << 30);
            let message = format!(
                "one run would need about {:.1} GiB of memory; this machine has {:.1}",
                gib(needed),
                gib(available as f64)
            );
            problems.add("model", message);
            continue;
        }
        for variant in &experiment.variants {
            if let Err(error) = build::check(&point.settings, variant) {
                let path = match error {
                    NetworkError::OneValuePerChannel { .. } => "train.batch_size",
                    NetworkError::ZeroVariance { .. } => "norm.epsilon",
                    NetworkError::InfiniteVariance { .. } => "data.scaling",
                    NetworkError::UnequalGroups { .. }
                    | NetworkError::SmallGroups { .. }
                    | NetworkError::OneWeight { .. }
                    | NetworkError::NeverTrains { .. }
                    | NetworkError::SeesNothing { .. }
                    | NetworkError::GammaStays { .. }
                    | NetworkError::NoRows { .. }
                    | NetworkError::NoSkip { .. }
                    | NetworkError::UnknownParameter { .. } => "variants",
                };
                let axes = experiment.axes.iter().zip(&point.values);
                let place: Vec<String> = axes.map(|(axis, value)| format!("{} = {value}", axis.path)).collect();
                let place = if place.is_empty() { String::new() } else { format!(" at {}", place.join(", ")) };
                problems.add(path, format!("variant {}{place}: {error}", variant.name));
            }
        }
    }
    problems.into_result()
}
