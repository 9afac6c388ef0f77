//! Batch norm keeps activations from exploding or shifting.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Drift, Evidence, Run};
use super::figures::{differences, mean_of};
use super::judging::{Found, Question};
use super::part::Part;
use super::regime::{Regime, Schedule};
use crate::nn::stages::Site;
use crate::stats::describe::median;
use crate::stats::sample::Sample;

pub const CLAIM: Claim = Claim {
    id: "exploding-shifting",
    kind: Kind::Experiment,
    sentence: "batch norm keeps activations from exploding or shifting",
    criterion: "what the norms get, bn/affine: change of ln SD over training, and of the mean in SDs; below ½ holds, above 1 fails",
    reasoning: "Behind the norm mean and SD are fixed by construction, which decides nothing. So the input of the norms is looked \
        at: of each channel |ln(SD after training / SD before)| and |mean after − mean before|/SD before, the median over \
        channels, the mean over blocks; seed by seed the logarithm of bn's over affine's. Both arms train at the best rate of \
        affine, since a larger rate moves everything further; bn at its own rate is shown beside.\n\
        It would fail if what enters bn's norms moved more than what enters the same place in affine.",
    regimes: &[Regime::Shallow],
    cells: |regime| cells(regime).to_vec(),
    reads_activations: true,
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 3] {
    let at = |arm| Cell::at(regime, Schedule::Constant, arm, "affine");
    [Cell::own(regime, Schedule::Constant, "affine"), at("bn"), Cell::own(regime, Schedule::Constant, "bn")]
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let [affine, at_its_rate, own] = cells(regime);
    let criterion = Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(1.0), unit: Unit::Ratio };
    let asked = |sentence: &str, bn: Cell, decides, of: fn(&Drift) -> f64| {
        let cells = [bn, affine];
        let question = Question { sentence, regime, criterion, cells: &cells, moved_by: [&[], &[]], decides };
        evidence.judge(&question, &|runs| ratio(runs, of))
    };
    vec![
        asked("SDs change less in bn", at_its_rate, true, spread),
        asked("means change less in bn", at_its_rate, true, shift),
        asked("SDs change less in bn at its own rate", own, false, spread),
        asked("means change less in bn at its own rate", own, false, shift),
    ]
}

fn spread(drift: &Drift) -> f64 {
    (drift.after[1] / drift.before[1]).ln().abs()
}

fn shift(drift: &Drift) -> f64 {
    (drift.after[0] - drift.before[0]).abs() / drift.before[1]
}

/// ln of the first arm's figure over the second's.
fn ratio(runs: &[Vec<&Run>], of: fn(&Drift) -> f64) -> Found {
    let logs = |runs: &Vec<&Run>| runs.iter().map(|run| of_run(run, of).ln()).collect::<Vec<_>>();
    mean_of(&differences(&logs(&runs[0]), &logs(&runs[1])))
}

/// The median over channels, the mean over blocks.
fn of_run(run: &Run, of: fn(&Drift) -> f64) -> f64 {
    let inputs: Vec<Drift> = run.drift.iter().filter(|drift| drift.site == Site::NormInput).copied().collect();
    let blocks = inputs.chunk_by(|a, b| a.block == b.block);
    let middle = |channels: &[Drift]| {
        let values: Vec<f64> = channels.iter().map(of).collect();
        Sample::new(&values).map_or(f64::NAN, median)
    };
    let medians: Vec<f64> = blocks.map(middle).collect();
    medians.iter().sum::<f64>() / medians.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_the_mean_over_blocks_of_the_median_over_channels() {
        let channel =
            |block, sd: f64| Drift { site: Site::NormInput, block, before: [1.0, 2.0], after: [3.0, 2.0 * sd.exp()] };
        let drift = vec![channel(0, 1.0), channel(0, -2.0), channel(0, 5.0), channel(1, 4.0)];
        let run = Run { drift, ..Run::default() };
        assert!((of_run(&run, spread) - 3.0).abs() < 1e-12);
        assert!((of_run(&run, shift) - 1.0).abs() < 1e-12);
    }
}
