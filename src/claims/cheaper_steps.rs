//! Eq. 3 has the cheaper step.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;

use super::analysis::{Analysis, Bench};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit};
use super::evidence::Evidence;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};
use crate::config::{Settings, Variant};
use crate::data::Dataset;
use crate::kernels::simd;
use crate::nn::Network;
use crate::record::machine;
use crate::train::{Ending, Observer, State, initial, train};

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "cheaper-steps",
    kind: Kind::Experiment,
    sentence: "a step of eq. 3 is cheaper than one of batch norm",
    criterion: "time of a step, bn/affine: above 1.05 holds, below fails; MLP and CNN",
    reasoning: "Both nets train in turn, a block of steps each, with nothing beside them; only the steps count: gather, forward, \
        loss, backward, update. The unit is the pair of blocks that follow each other, which a change of the machine's speed \
        meets alike: d = ln(time of bn) − ln(time of affine), 24 pairs, each with nets of its own, as it matters where numbers lie \
        in memory. Measured here, on this machine, today, with this program: the interval tells nothing of another day, and \
        another program may pay more or less for the same arithmetic.\n\
        The verdict would be another if the whole interval of the ratio lay on the other side of 1.05.",
    regimes: &[Regime::Shallow],
    cells: |_| Vec::new(),
    analysis: Some(Analysis {
        columns: &["net", "block", "affine_us", "bn_us"],
        comes_first: true,
        // No seed enters, but they are listed: answers on two sets of seeds then rest on two measurements.
        made_from: |bench| {
            json!({ "program": machine::PROGRAM_VERSION, "host": machine::host(), "simd": simd::level().name(),
                "data": bench.data.name(), "seeds": bench.seeds, "nets": nets(bench).map(Regime::name).collect::<Vec<_>>() })
        },
        make,
    }),
    parts,
    ..Claim::PLAIN
};

/// Pairs of blocks.
const BLOCKS: usize = 24;
/// Steps before a block, so that caches hold the net.
const WARM: usize = 3;
/// Shortest duration of a block.
const BLOCK: Duration = Duration::from_millis(20);

/// The nets that are measured: the MLP, the CNN, and those whose times are asked for in seconds.
fn nets(bench: &Bench) -> impl Iterator<Item = Regime> {
    let asked = bench.regimes.to_vec();
    Regime::ALL.into_iter().filter(move |r| [Regime::Shallow, Regime::Cnn].contains(r) || asked.contains(r))
}

fn make(bench: &Bench) -> anyhow::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for regime in nets(bench) {
        let (mut affine, mut bn) = (Runner::new(bench, regime, "affine")?, Runner::new(bench, regime, "bn")?);
        // Caches and clock get warm; and how long is a step?
        let warm = [affine.block(20)?, bn.block(20)?];
        let steps = (BLOCK.as_secs_f64() * 1e6 / warm[0].max(warm[1])).ceil() as usize;
        for block in 0..BLOCKS {
            // Where the numbers lie in memory makes a difference: each pair of blocks has nets of its own.
            (affine, bn) = (Runner::new(bench, regime, "affine")?, Runner::new(bench, regime, "bn")?);
            affine.block(WARM)?;
            bn.block(WARM)?;
            // Neither is always the first.
            let [a, b] = if block % 2 == 0 {
                let a = affine.block(steps)?;
                [a, bn.block(steps)?]
            } else {
                let b = bn.block(steps)?;
                [affine.block(steps)?, b]
            };
            rows.push(vec![regime.name().to_owned(), block.to_string(), format!("{a:.3}"), format!("{b:.3}")]);
        }
    }
    Ok(rows)
}

/// A net in training that is timed.
struct Runner {
    settings: Settings,
    data: std::sync::Arc<Dataset>,
    seed: u64,
    network: Network<f32>,
    state: State<f32>,
}

/// Watches nothing.
struct Nobody;
impl Observer<f32> for Nobody {}

impl Runner {
    fn new(bench: &Bench, regime: Regime, arm: &'static str) -> anyhow::Result<Self> {
        // The rate is so small that nothing changes: the cost of a step must not depend on how far training is.
        let (settings, variant): (Settings, Variant) = bench.settings(regime, Schedule::Constant, arm, 1e-6)?;
        let seed = 0;
        let data = bench.store.load(&settings.data, seed)?;
        let network = initial(&settings, &variant, &data, seed)?;
        let state = State::new(&settings, &network);
        Ok(Self { settings, data, seed, network, state })
    }

    /// Trains so many steps more; µs a step.
    fn block(&mut self, steps: usize) -> anyhow::Result<f64> {
        let before = self.state.spent;
        self.settings.train.steps = self.state.step + steps;
        let Self { network, state, settings, data, seed, .. } = self;
        let ending = train(network, state, settings, data, *seed, &mut Nobody, &AtomicBool::new(false))?;
        anyhow::ensure!(ending == Ending::Completed, "a net that is timed did not train: {ending:?}");
        Ok((self.state.spent - before).as_secs_f64() * 1e6 / steps as f64)
    }
}

/// ln(step time of bn / step time of affine), for each pair of blocks.
pub fn log_cost_ratios(evidence: &Evidence, regime: Regime) -> Vec<f64> {
    let Some(sheet) = evidence.sheets.get(CLAIM.id) else { return Vec::new() };
    let words = [("net", regime.name())];
    sheet.rows_where(&words).map(|row| (row.number("bn_us") / row.number("affine_us")).ln()).collect()
}

/// Whether the machine was so busy while the steps were timed that the ratios say little: in some net a quarter of the blocks of
/// an arm took more than 1.5 times as long as its fastest.
pub fn is_unsteady(evidence: &Evidence) -> bool {
    let Some(sheet) = evidence.sheets.get(CLAIM.id) else { return false };
    let is_held_up = |net: &str, column: &str| {
        let words = [("net", net)];
        let times: Vec<f64> = sheet.rows_where(&words).map(|row| row.number(column)).collect();
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        4 * times.iter().filter(|time| **time > 1.5 * least).count() >= times.len().max(1)
    };
    let nets: std::collections::BTreeSet<String> =
        sheet.rows_where(&[]).map(|row| row.word("net").to_owned()).collect();
    nets.iter().any(|net| ["affine_us", "bn_us"].iter().any(|column| is_held_up(net, column)))
}

fn parts(evidence: &Evidence, _: Regime) -> Vec<Part> {
    let criterion = Criterion { holds: Beyond::Above(1.05), fails: Beyond::Below(1.05), unit: Unit::Ratio };
    let of = |(sentence, regime): (&str, Regime)| {
        let question = Question { sentence, regime, criterion, cells: &[], moved_by: [&[], &[]], decides: true };
        question.answered(Figure::mean(&log_cost_ratios(evidence, regime)))
    };
    [("in the MLP", Regime::Shallow), ("in the CNN", Regime::Cnn)].map(of).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::sheet::Sheet;

    #[test]
    fn steps_that_were_timed_beside_other_work_are_told() {
        let columns = ["net", "block", "affine_us", "bn_us"].map(str::to_owned).to_vec();
        let row = |(block, bn): (usize, &f64)| {
            ["shallow", &block.to_string(), "100", &bn.to_string()].map(str::to_owned).to_vec()
        };
        let is_unsteady = |bn: [f64; 4]| {
            let sheet = Sheet { columns: columns.clone(), rows: bn.iter().enumerate().map(row).collect() };
            let mut evidence = Evidence::default();
            evidence.sheets.insert(CLAIM.id, sheet);
            super::is_unsteady(&evidence)
        };
        assert!(!is_unsteady([100.0, 110.0, 104.0, 149.0]));
        assert!(is_unsteady([100.0, 110.0, 104.0, 151.0]));
        assert!(!super::is_unsteady(&Evidence::default()));
    }
}
