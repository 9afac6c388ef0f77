//! Other parameters adapt to the suppressed state.

use super::claim::{Claim, Kind};
use super::regime::Regime;

pub const CLAIM: Claim = Claim {
    id: "co-adaptation",
    kind: Kind::NotTested,
    sentence: "while features are suppressed, other parameters adapt to that state",
    criterion: "no experiment of this size tells it from a control that has simply learnt more; the nearest figure is the harm \
        in suppression",
    reasoning: "One would let a net train while half of its features are small, then set them to their scale, and see whether it \
        recovers later than a net that never had small features. But at that moment the second net has learnt more, with all of \
        its features: being behind looks just like having adapted. Stopping both at the same loss does not help, since they \
        then differ in the steps that they have had.",
    regimes: &[Regime::Shallow],
    cells: |_| Vec::new(),
    parts: |_, _| Vec::new(),
    ..Claim::PLAIN
};
