//! γ and β could learn to standardise.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence, Run};
use super::figures::mean_of;
use super::judging::{Found, Part, Question};
use super::regime::{Regime, Schedule};
use crate::nn::stages::Site;

pub const CLAIM: Claim = Claim {
    id: "could-learn",
    kind: Kind::Experiment,
    sentence: "γ and β of eq. 3 learn to bring features of unequal scale to one scale",
    criterion: "spread over channels of ln SD behind eq. 3, end/start: below ½ holds, above 0.8 fails",
    reasoning: "That eq. 3 can represent it is a theorem: γ = 1/σ, β = −μ/σ. Whether it learns it is another question. Before \
        the first step the incoming weights of each channel of arm affine are multiplied by eᵘ, u uniform between ± ln 10, so \
        that the SDs of the channels differ. The figure is the SD over channels of ln SD(γx + β), at the end over at the \
        start, the mean over blocks of its logarithm. SGD decides; with --full \
        Adam is tried as well, whose steps do not depend on the size of a gradient.\n\
        In theory: under gradient flow γ² − ‖w‖² of a channel is constant, so a channel whose weights began small has a small \
        γ·‖w‖ until both have grown.\n\
        The verdict would be another if the whole interval lay above 0.8.",
    regimes: &[Regime::Shallow, Regime::Adam],
    cells: |regime| cells(regime).to_vec(),
    reads_activations: true,
    analysis: None,
    reads: &[],
    parts,
};

fn cells(regime: Regime) -> [Cell; 1] {
    [Cell::own(regime, Schedule::Constant, "affine_spread")]
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let question = Question {
        sentence: "the scales come together",
        regime,
        criterion: Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(0.8), unit: Unit::Ratio },
        cells: &cells(regime),
        moved_by: [&[], &[]],
        // Adam is shown beside.
        decides: regime == Regime::Shallow,
    };
    vec![evidence.judge(&question, &narrowing)]
}

fn narrowing(runs: &[Vec<&Run>]) -> Found {
    mean_of(&runs[0].iter().map(|run| of_run(run)).collect::<Vec<_>>())
}

/// The mean over blocks of ln(SD over channels of ln SD, at the end, over the same at the start).
fn of_run(run: &Run) -> f64 {
    let outputs: Vec<_> = run.drift.iter().filter(|drift| drift.site == Site::NormOutput).copied().collect();
    let blocks = outputs.chunk_by(|a, b| a.block == b.block);
    let narrowed = blocks.map(|channels| {
        let spread = |sd: &dyn Fn(&super::evidence::Drift) -> f64| sd_of(&channels.iter().map(sd).collect::<Vec<_>>());
        (spread(&|drift| drift.after[1].ln()) / spread(&|drift| drift.before[1].ln())).ln()
    });
    let narrowed: Vec<f64> = narrowed.collect();
    narrowed.iter().sum::<f64>() / narrowed.len() as f64
}

fn sd_of(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Drift;
    use super::*;

    #[test]
    fn scales_that_come_half_as_close_are_a_ratio_of_one_half() {
        let channel = |before: f64, after: f64| Drift {
            site: Site::NormOutput,
            block: 0,
            before: [0.0, before.exp()],
            after: [0.0, after.exp()],
        };
        let other = Drift { site: Site::NormInput, ..channel(9.0, 0.0) };
        let run = Run { drift: vec![channel(-1.0, 1.5), channel(1.0, 2.5), other], ..Run::default() };
        assert!((of_run(&run) - 0.5f64.ln()).abs() < 1e-12);
    }
}
