//! It takes an immense number of iterations to absorb what pooling shifts.

use serde_json::json;

use super::analysis::{Analysis, Bench, Rows, each_seed};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence};
use super::figures::share_of_gap;
use super::judging::Question;
use super::part::Part;
use super::prediction::Prediction;
use super::regime::{Regime, Schedule};
use super::regression::{Problem, Treatment, steps};
use crate::record::machine;

pub const CLAIM: Claim = Claim {
    id: "absorption",
    kind: Kind::Experiment,
    sentence: "it takes immense iterations until the layers behind a pool have absorbed its shift of mean and SD",
    criterion: "share of bn's gain in time that one standardisation behind the pools closes: above ½ holds, below, or no gap, fails",
    reasoning: "If what costs the steps is absorbing the mean and SD that the pools leave, then taking them out once, at the \
        start, saves those steps: arm frozen_pool standardises behind the pools by the first minibatch, and never again. The \
        share of the gap between affine and bn that it closes is found as in larger-rates. Where there is no gap, there is \
        nothing that took immense iterations, and the claim fails.\n\
        In theory: gradient descent on a linear map of pooled features, at the best rate 2/(λmax + λmin), takes a number of \
        steps that the eigenvalues λ of its Hessian give. d features of mean μ and a bias make one eigenvalue of about \
        1 + dμ² and one as small as the inverse of that. The number is computed and run, for linear and logistic regression, \
        until the outputs are off by a thousandth of what they were: for features as pooled, centred, scaled, or both.\n\
        The verdict would be another if the whole interval lay on the other side of ½.",
    regimes: &[Regime::Cnn],
    cells: |regime| cells(regime).to_vec(),
    analysis: Some(Analysis {
        columns: &["seed", "problem", "treatment", "features", "predicted", "run"],
        comes_first: false,
        made_from: |bench| json!([machine::PROGRAM_VERSION, seeds(bench)]),
        make: |bench| each_seed(&Bench { seeds: seeds(bench), ..*bench }, &|seed| Ok(rows(seed))),
    }),
    parts,
    theory,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 3] {
    ["affine", "bn", "frozen_pool"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

/// Numbers of features.
const FEATURES: [usize; 3] = [1, 8, 64];
/// Seeds of the regressions. They are few: with more features a run is long, and seeds differ little.
const SEEDS: usize = 6;

const TREATMENTS: [(&str, Treatment); 4] = [
    ("as pooled", Treatment { centred: false, scaled: false }),
    ("centred", Treatment { centred: true, scaled: false }),
    ("scaled", Treatment { centred: false, scaled: true }),
    ("standardised", Treatment { centred: true, scaled: true }),
];
const PROBLEMS: [(&str, Problem); 2] = [("linear", Problem::Linear), ("logistic", Problem::Logistic)];

fn seeds<'a>(bench: &Bench<'a>) -> &'a [u64] {
    &bench.seeds[..bench.seeds.len().min(SEEDS)]
}

fn rows(seed: u64) -> Rows {
    let mut rows = Vec::new();
    for (problem, of) in PROBLEMS {
        for (treatment, how) in TREATMENTS {
            for features in FEATURES {
                let [predicted, run] = steps(of, how, features, seed).map(|steps| steps.to_string());
                rows.push(vec![
                    seed.to_string(),
                    problem.to_owned(),
                    treatment.to_owned(),
                    features.to_string(),
                    predicted,
                    run,
                ]);
            }
        }
    }
    rows
}

/// The features as pooled, with each number of features; the other treatments, with the largest number.
fn theory(evidence: &Evidence) -> Vec<Prediction> {
    let sheet = evidence.sheet(CLAIM.id);
    let mut all = Vec::new();
    for (problem, _) in PROBLEMS {
        for (treatment, how) in TREATMENTS {
            let is_as_pooled = !how.centred && !how.scaled;
            for features in FEATURES.into_iter().filter(|features| is_as_pooled || *features == FEATURES[2]) {
                let count = features.to_string();
                let words = [("problem", problem), ("treatment", treatment), ("features", &count[..])];
                let [predicted, run] =
                    ["predicted", "run"].map(|column| sheet.by_seed(&words, &|row| row.number(column)));
                let pairs: Vec<[f64; 2]> =
                    predicted.into_values().zip(run.into_values()).map(|(p, r)| [p, r]).collect();
                let noun = if features == 1 { "feature" } else { "features" };
                let what = format!("steps of {problem} regression, {features} {noun} {treatment}");
                all.extend(Prediction::of(&what, &pairs));
            }
        }
    }
    all
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let question = Question {
        sentence: "standardising once behind the pools closes more than half of the gap",
        regime,
        criterion: Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share },
        cells: &cells(regime),
        moved_by: [&["affine", "bn"], &["affine", "bn", "frozen_pool"]],
        decides: true,
    };
    vec![evidence.judge(&question, &|runs| share_of_gap(evidence, regime, runs, Verdict::Fails))]
}
