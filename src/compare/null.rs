//! How often the method raises a false alarm.

use serde::Serialize;

use super::verdict::{Evidence, Level, Verdict, verdict};
use crate::random::{below, stream};
use crate::stats::exchange::{self, Effect};
use crate::stats::sample::Sample;
use crate::stats::selection::Record;

/// How often the method raises a false alarm on one contrast's own data: the arms' records are exchanged at
/// random, seed by seed, and everything is done again, save Holm's correction, which only lowers these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Null {
    /// How often the records were exchanged.
    pub exchanges: usize,
    /// How often p was below α.
    pub rejected: usize,
    /// How often the interval did not hold 0.
    pub interval_without_0: usize,
    /// How often the verdict was *better* or *worse*.
    pub better_or_worse: usize,
    /// How often it was *equivalent*.
    pub equivalent: usize,
}

/// Random exchanges of `--null`.
const EXCHANGES: usize = 2000;

/// Exchanges that each of their results is tested by: all of them up to 11 seeds, a random sample beyond that, which
/// makes p coarser but not wrong.
const TESTS: usize = 1024;

/// Exchanges the arms' records at random and does everything with the result that is done with the data: p, whether the
/// interval leaves out 0 or lies within the margin, and the verdict.
pub fn null(records: &[&Record], effect: Effect, level: &Level) -> Null {
    let mut rng = stream(0, "null");
    let mut null = Null { exchanges: EXCHANGES, rejected: 0, interval_without_0: 0, better_or_worse: 0, equivalent: 0 };
    for _ in 0..EXCHANGES {
        let is_exchanged: Vec<bool> = (0..records[0].seeds()).map(|_| below(&mut rng, 2) == 1).collect();
        let arms = exchange::exchanged(records, effect, &is_exchanged);
        let arms: Vec<&Record> = arms.iter().collect();
        let Some(tested) = exchange::test(&arms, effect, TESTS) else { continue };
        let mean = Sample::new(&tested.differences).map_or(f64::INFINITY, Sample::mean);
        let rejects = |theta: &f64| tested.rejects(*theta, level.narrower);
        let excludes = tested.rejects(0.0, level.confidence);
        let evidence = Evidence {
            p: Some(tested.p()),
            p_least: 0.0,
            interval_agrees: excludes || tested.by_ranks,
            within_margin: level
                .margin
                .is_some_and(|margin| mean.abs() < margin && [-margin, margin].iter().all(rejects)),
            direction: tested.direction(),
            range: exchange::range(&arms, effect),
            is_sound: true,
        };
        null.rejected += usize::from(evidence.p.is_some_and(|p| p < level.alpha()));
        null.interval_without_0 += usize::from(excludes);
        match verdict(&evidence, level.alpha()) {
            Verdict::Better | Verdict::Worse => null.better_or_worse += 1,
            Verdict::Equivalent => null.equivalent += 1,
            Verdict::Undecided | Verdict::TooFewSeeds => {}
        }
    }
    null
}
