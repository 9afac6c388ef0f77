//! The gain of batch norm is that it allows larger learning rates (Bjorck et al. 2018).

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence};
use super::figures::share_of_gap;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "larger-rates",
    kind: Kind::Experiment,
    sentence: "batch norm's gain is that it allows larger learning rates",
    criterion: "share of its gain in time that bn keeps at the best rate of affine: below ½ holds, above fails",
    reasoning: "If the gain were all in the larger rate, bn at the rate of affine would be as slow as affine. With times to the \
        target T, seed by seed D(c) = (1 − c)·ln T(affine) + c·ln T(bn) − ln T(bn at the rate of affine); the share is the c \
        for which D lies about 0, and its interval every c that a sign-flip test of D does not reject. First a gate: bn has \
        to be faster than affine at all. Rates are tried a quarter of a decade apart; where both arms have the same best \
        rate, or the tuning seeds cannot tell that they have not, it cannot be told: bn at its own rate would then be bn at the \
        rate of affine.\n\
        The verdict would be another if the whole interval lay on the other side of ½.",
    regimes: &[Regime::Shallow, Regime::Sigmoid, Regime::Deep10, Regime::Res20, Regime::Offset, Regime::Cnn],
    cells: |regime| cells(regime).to_vec(),
    parts: |evidence, regime| vec![part(evidence, regime)],
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 3] {
    let own = |arm| Cell::own(regime, Schedule::Constant, arm);
    [own("affine"), own("bn"), Cell::at(regime, Schedule::Constant, "bn", "affine")]
}

fn part(evidence: &Evidence, regime: Regime) -> Part {
    let question = Question {
        sentence: "at the rate of affine bn loses most of its gain",
        regime,
        criterion: Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(0.5), unit: Unit::Share },
        cells: &cells(regime),
        moved_by: [&["affine", "bn"], &["affine", "bn"]],
        decides: true,
    };
    evidence.judge(&question, &|runs| {
        // Then the third arm is the second.
        if runs[0][0].rate == runs[1][0].rate {
            let why = "both arms have the same best rate, so it cannot be told".to_owned();
            return Err((Verdict::Inconclusive, why));
        }
        share_of_gap(evidence, regime, runs, Verdict::Inconclusive)
    })
}
