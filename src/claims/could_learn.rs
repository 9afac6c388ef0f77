//! γ and β could learn to standardise.

use super::analysis::{Analysis, Bench, Replay, Rows, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence, Run};
use super::figures::mean_of;
use super::judging::{Found, Question};
use super::part::Part;
use super::prediction::Prediction;
use super::regime::{Regime, Schedule};
use super::sheet::SheetRow;
use crate::nn::Network;
use crate::nn::parameters::Tensor;
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
        In theory: γ·∂L/∂γ = w·∂L/∂w, since γ and the weights w of a channel enter as γw alone. So under gradient flow, steps \
        without end and without size, γ² − ‖w‖² of a channel stays as it is, and a channel whose weights began small has a \
        small γ·‖w‖ until both have grown. The change of γ² against that of ‖w‖² over the hidden channels then has slope 1. \
        Steps have a size: with Δγ and Δw of each step, γ² − ‖w‖² changes by Σ (Δγ)² − ‖Δw‖², exactly, and by nothing else. \
        Both predictions are shown: that of the flow, which holds as the rate goes to 0, and that with the steps' sizes.\n\
        The verdict would be another if the whole interval lay above 0.8.",
    regimes: &[Regime::Shallow, Regime::Adam],
    cells: |regime| cells(regime).to_vec(),
    reads_activations: true,
    analysis: Some(Analysis {
        columns: &[
            "seed",
            "block",
            "channel",
            "gamma_before",
            "gamma_after",
            "weights_before",
            "weights_after",
            "gamma_steps",
            "weights_steps",
        ],
        comes_first: false,
        made_from: |bench| made_from_runs(bench, &cells(Regime::Shallow)),
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts,
    theory,
    ..Claim::PLAIN
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
        // Adam is shown, and does not decide.
        decides: regime == Regime::Shallow,
    };
    vec![evidence.judge(&question, &narrowing)]
}

fn narrowing(runs: &[Vec<&Run>]) -> Found {
    mean_of(&runs[0].iter().map(|run| of_run(run)).collect::<Vec<_>>())
}

/// γ² and ‖w‖² of each hidden channel before the first step and after the last; and the sums over all steps of (Δγ)², ‖Δw‖².
fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Rows> {
    let Some(replay) = Replay::of(bench, &cells(Regime::Shallow)[0], seed)? else { return Ok(Vec::new()) };
    let square = |x: f32| f64::from(x).powi(2);
    let (mut last, mut steps): (Vec<f32>, Vec<f64>) = (Vec::new(), Vec::new());
    let (mut before, mut after, mut moved) = (Vec::new(), Vec::new(), Vec::new());
    let mut look = |step: usize, network: &Network<f32>| {
        let parameters = &network.parameters;
        if step == 0 {
            before = channels(network, &|i| square(parameters[i]));
            steps = vec![0.0; parameters.len()];
        } else {
            let moves = steps.iter_mut().zip(parameters).zip(&last);
            moves.for_each(|((sum, now), last)| *sum += (f64::from(*now) - f64::from(*last)).powi(2));
        }
        if step == Regime::Shallow.steps() {
            after = channels(network, &|i| square(parameters[i]));
            moved = channels(network, &|i| steps[i]);
        }
        last.clone_from(parameters);
    };
    if !replay.train(Regime::Shallow.steps(), &mut look, bench.stop)? {
        return Ok(Vec::new());
    }
    let row = |(i, before): (usize, &Channel)| {
        let places = [seed as usize, before.block, before.channel].map(|place| place.to_string());
        let (after, moved) = (&after[i], &moved[i]);
        let numbers = [before.gamma, after.gamma, before.weights, after.weights, moved.gamma, moved.weights];
        [&places[..], &numbers.map(|x| format!("{x:e}"))].concat()
    };
    Ok(before.iter().enumerate().map(row).collect())
}

/// A hidden channel: a sum over its γ, which is one number, and over its incoming weights.
#[derive(Debug)]
struct Channel {
    block: usize,
    channel: usize,
    gamma: f64,
    weights: f64,
}

/// The hidden channels, with the sums of `value` over the places of their parameters.
fn channels(network: &Network<f32>, value: &dyn Fn(usize) -> f64) -> Vec<Channel> {
    let of_block = |block: usize| {
        let own = |tensor: Tensor| network.index.iter().find(|p| p.block == block && p.tensor == tensor);
        let (Some(gamma), Some(weight)) = (own(Tensor::Gamma), own(Tensor::Weight)) else { return Vec::new() };
        let weights: Vec<f64> = weight.layout.export(&weight.range.clone().map(value).collect::<Vec<_>>());
        let sums = weights.chunks(weight.layout.len() / weight.layout.out).map(|row| row.iter().sum::<f64>());
        let both = gamma.range.clone().map(value).zip(sums).enumerate();
        both.map(|(channel, (gamma, weights))| Channel { block, channel, gamma, weights }).collect()
    };
    (0..network.blocks.len()).flat_map(of_block).collect()
}

fn theory(evidence: &Evidence) -> Vec<Prediction> {
    let sheet = evidence.sheet(CLAIM.id);
    let weights = |row: &SheetRow| row.number("weights_after") - row.number("weights_before");
    let gamma = |row: &SheetRow| row.number("gamma_after") - row.number("gamma_before");
    let predicted = |row: &SheetRow| weights(row) + row.number("gamma_steps") - row.number("weights_steps");
    // The least-squares slope through 0 of each seed.
    let squares = sheet.by_seed(&[], &|row| weights(row).powi(2));
    let slopes = |of: &dyn Fn(&SheetRow) -> f64| -> Vec<f64> {
        let products = sheet.by_seed(&[], &|row| of(row) * weights(row));
        products.values().zip(squares.values()).map(|(product, square)| product / square).collect()
    };
    let [measured, predicted] = [slopes(&gamma), slopes(&predicted)];
    let what = "slope of the change of γ² against that of ‖w‖²";
    let flow: Vec<[f64; 2]> = measured.iter().map(|slope| [1.0, *slope]).collect();
    let steps: Vec<[f64; 2]> =
        predicted.into_iter().zip(measured).map(|(predicted, slope)| [predicted, slope]).collect();
    let flow = Prediction::of(&format!("{what}, gradient flow"), &flow);
    flow.into_iter().chain(Prediction::of(&format!("{what}, steps of their size"), &steps)).collect()
}

/// The mean over blocks of ln(end/start), where both are the SD over channels of ln SD.
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

    #[test]
    fn the_slope_is_that_of_the_changes() {
        let columns = CLAIM.analysis.as_ref().expect("a table").columns.iter().map(|c| (*c).to_owned()).collect();
        // γ² grows by 3 and 0, ‖w‖² by 1 and 2: slope 3/5. With what is due to the steps' sizes 3 and 1 are predicted: 1.
        let row = |cells: [&str; 9]| cells.map(str::to_owned).to_vec();
        let rows = vec![
            row(["4", "0", "0", "1", "4", "5", "6", "2.5", "0.5"]),
            row(["4", "0", "1", "4", "4", "0", "2", "0", "1"]),
        ];
        let sheets = [(CLAIM.id, super::super::sheet::Sheet { columns, rows })].into();
        let found = theory(&Evidence { sheets, ..Evidence::default() });
        assert_eq!((found[0].predicted, found[1].predicted, found[0].n), (1.0, 1.0, 1));
        assert!(found.iter().all(|found| (found.measured - 0.6).abs() < 1e-12), "{found:?}");
    }
}
