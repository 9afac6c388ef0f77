//! How to read a comparison: what is said under every one of them.

use crate::compare::words::percent;
use crate::compare::{Comparison, Options};

/// How the numbers were made.
pub fn notes(comparisons: &[Comparison], options: &Options) -> Vec<String> {
    let any = |is: fn(&Comparison) -> bool| comparisons.iter().any(is);
    let mut notes = Vec::new();
    if any(|c| !c.tuned.is_empty()) {
        notes.push(
            "Tuned: each seed is read at the value that the other seeds' validation results favour. \"edge\": this value \
             is the smallest or the largest tried."
                .to_owned(),
        );
    }
    notes.push(format!(
        "p: the larger p of two tests. One exchanges the arms' results seed by seed and tunes the arms again; the other \
         flips the signs of the differences. \"corrected\": by Holm's method, for the number of tests of its kind: the first \
         contrast, the other contrasts, the effects of switches. {} % \
         intervals: of a difference, all values that these tests do not reject; of a mean, the inverted sign-flip test, or \
         from 21 seeds the BCa bootstrap. There is none for fewer than 6 seeds.",
        percent(options.confidence)
    ));
    notes.push(format!(
        "Least: the smallest p that this number of seeds can give. Share: of the seeds, those that diverge where they are \
         read; its {} % interval.",
        percent(options.confidence)
    ));
    notes.push(
        "Better in: the share of seeds in which the first arm is better, ties half. Effect size: the mean difference \
         over the SD of the differences."
            .to_owned(),
    );
    if any(|c| !c.curves.is_empty()) {
        notes.push(
            "Good: the values around an arm's best at which its mean stays within 0.01 of accuracy, or a tenth of a loss \
             or a time. ≥: they reach the end of what was tried."
                .to_owned(),
        );
    }
    if any(|c| !c.times_to_target.is_empty()) {
        notes.push(
            "Steps and seconds: restricted means. A run that diverges, or never reaches the target, counts at the common \
             budget. Seconds are steps times the arm's own time a step, measured for each seed."
                .to_owned(),
        );
    }
    if any(|c| c.has_fixed_data) {
        notes.push(
            "The data and its split are the same for every seed: intervals cover initialisation and order, not the \
             sampling of the data."
                .to_owned(),
        );
    }
    notes
}
