//! γ and β could learn to standardise.

use super::analysis::{Analysis, Bench, Replay, Rows, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence, Run};
use super::figures::mean_of;
use super::judging::{Found, Part, Question};
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
        Steps of rate η take η²(‖∂L/∂w‖² − (∂L/∂γ)²) from γ² − ‖w‖², so the slope that is measured says how far the rate is \
        from a flow.\n\
        The verdict would be another if the whole interval lay above 0.8.",
    regimes: &[Regime::Shallow, Regime::Adam],
    cells: |regime| cells(regime).to_vec(),
    reads_activations: true,
    analysis: Some(Analysis {
        columns: &["seed", "block", "channel", "gamma_before", "gamma_after", "weights_before", "weights_after"],
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
        // Adam is shown beside.
        decides: regime == Regime::Shallow,
    };
    vec![evidence.judge(&question, &narrowing)]
}

fn narrowing(runs: &[Vec<&Run>]) -> Found {
    mean_of(&runs[0].iter().map(|run| of_run(run)).collect::<Vec<_>>())
}

/// What γ and ‖w‖² of each hidden channel are before the first step and after the last.
fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Rows> {
    let Some(replay) = Replay::of(bench, &cells(Regime::Shallow)[0], seed)? else { return Ok(Vec::new()) };
    let steps = Regime::Shallow.steps();
    let mut ends = Vec::new();
    let mut look = |step: usize, network: &Network<f32>| {
        if step == 0 || step == steps {
            ends.push(scales(network));
        }
    };
    if !replay.train(steps, &mut look, bench.stop)? {
        return Ok(Vec::new());
    }
    let pairs = ends[0].iter().zip(&ends[1]);
    let row = |((block, channel, [gamma, weights]), (_, _, after)): (&Scale, &Scale)| {
        let places = [seed as usize, *block, *channel].map(|place| place.to_string());
        let numbers = [*gamma, after[0], *weights, after[1]].map(|x| format!("{x:e}"));
        [&places[..], &numbers[..]].concat()
    };
    Ok(pairs.map(row).collect())
}

/// Block, channel, and γ and ‖w‖² of it.
type Scale = (usize, usize, [f64; 2]);

fn scales(network: &Network<f32>) -> Vec<Scale> {
    let of_block = |block: usize| {
        let own = |tensor: Tensor| network.index.iter().find(|p| p.block == block && p.tensor == tensor);
        let (Some(gamma), Some(weight)) = (own(Tensor::Gamma), own(Tensor::Weight)) else { return Vec::new() };
        let weights = weight.layout.export(&network.parameters[weight.range.clone()]);
        let rows = weights.chunks(weight.layout.len() / weight.layout.out);
        let norms = rows.map(|row| row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>());
        let gammas = network.parameters[gamma.range.clone()].iter().map(|x| f64::from(*x));
        gammas.zip(norms).enumerate().map(|(channel, (gamma, norm))| (block, channel, [gamma, norm])).collect()
    };
    (0..network.blocks.len()).flat_map(of_block).collect()
}

fn theory(evidence: &Evidence) -> Vec<Prediction> {
    let sheet = evidence.sheet(CLAIM.id);
    let moves = |row: &SheetRow| {
        let gamma = row.number("gamma_after").powi(2) - row.number("gamma_before").powi(2);
        [gamma, row.number("weights_after") - row.number("weights_before")]
    };
    let products = sheet.by_seed(&[], &|row| moves(row)[0] * moves(row)[1]);
    let squares = sheet.by_seed(&[], &|row| moves(row)[1].powi(2));
    let slopes: Vec<[f64; 2]> = products.values().zip(squares.values()).map(|(p, s)| [1.0, p / s]).collect();
    let what = "slope of the change of γ² against that of ‖w‖², gradient flow";
    Prediction::of(what, &slopes).into_iter().collect()
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

    #[test]
    fn the_slope_is_that_of_the_changes() {
        let columns = CLAIM.analysis.as_ref().expect("a table").columns.iter().map(|c| (*c).to_owned()).collect();
        // γ² grows by 3 and 0, ‖w‖² by 1 and 2: slope 3/5.
        let row = |cells: [&str; 7]| cells.map(str::to_owned).to_vec();
        let rows = vec![row(["4", "0", "0", "1", "2", "5", "6"]), row(["4", "0", "1", "-2", "2", "0", "2"])];
        let sheets = [(CLAIM.id, super::super::sheet::Sheet { columns, rows })].into();
        let found = theory(&Evidence { sheets, ..Evidence::default() });
        assert_eq!((found[0].predicted, found[0].n), (1.0, 1));
        assert!((found[0].measured - 0.6).abs() < 1e-12, "{found:?}");
    }
}
