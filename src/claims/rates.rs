//! Learning rates and targets, chosen on seeds that are kept apart from those that decide.
//!
//! `rates.json` holds them for each data set, regime and schedule. `bn-exp claims --tune` makes them ([`super::tune`]) and
//! prints the file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::regime::{Data, Regime, Schedule};

/// The seeds on which rates are looked for, and targets fixed.
pub const FIRST_SEEDS: std::ops::RangeInclusive<u64> = 1000..=1005;
/// More seeds, for the rates that the first cannot tell from the best.
pub const MORE_SEEDS: std::ops::RangeInclusive<u64> = 1006..=1023;

/// What was chosen for each arm in one regime, under one schedule, and the target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// Validation accuracy to be reached; only with a constant rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// The arms.
    pub arms: BTreeMap<String, Chosen>,
}

/// The rate of an arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The best of all that were tried.
    pub best: f64,
    /// Those that the tuning seeds together cannot tell from it (2 standard errors).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub as_good: Vec<f64>,
    /// The smallest and the largest that were tried.
    pub tried: [f64; 2],
}

impl Chosen {
    /// The best, and those that may be.
    pub fn all(&self) -> impl Iterator<Item = f64> {
        [self.best].into_iter().chain(self.as_good.iter().copied())
    }

    /// Whether a rate that may be the best was the smallest or the largest tried: a better one may lie beyond.
    pub fn is_edge(&self) -> bool {
        self.all().any(|rate| self.tried.contains(&rate))
    }
}

/// What was chosen, by regime and schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates(pub BTreeMap<Regime, BTreeMap<Schedule, Tuned>>);

impl Rates {
    /// What was chosen in a regime, if anything was.
    pub fn tuned(&self, regime: Regime, schedule: Schedule) -> Option<&Tuned> {
        self.0.get(&regime)?.get(&schedule)
    }

    /// The rate of an arm, if one was chosen.
    pub fn chosen(&self, regime: Regime, schedule: Schedule, arm: &str) -> Option<&Chosen> {
        self.tuned(regime, schedule)?.arms.get(arm)
    }
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
pub struct RatesFile {
    /// How to make it anew.
    pub made_by: String,
    /// By the name of the data.
    pub data: BTreeMap<String, Rates>,
}

static FILE: LazyLock<RatesFile> = LazyLock::new(|| {
    let read = serde_json::from_str(include_str!("rates.json"));
    read.expect("the file that ships with the program is read by a test")
});

/// The rates for these data.
pub fn rates(data: Data) -> Rates {
    FILE.data.get(data.name()).cloned().unwrap_or_default()
}

/// The file as it ships.
pub fn file() -> &'static RatesFile {
    &FILE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_ships_is_sound() {
        for (name, rates) in &file().data {
            assert!(["mnist", "glyphs"].contains(&name.as_str()));
            for (regime, schedules) in &rates.0 {
                for (schedule, tuned) in schedules {
                    let place = format!("{name} {regime:?} {schedule:?}");
                    let is_timed = *schedule == Schedule::Constant && !regime.is_about_memory();
                    assert_eq!(tuned.target.is_some(), is_timed, "{place}");
                    assert!(tuned.target.is_none_or(|target| (0.1..1.0).contains(&target)), "{place}");
                    for (arm, Chosen { best, as_good, tried: [low, high] }) in &tuned.arms {
                        assert!(low <= best && best <= high && *low > 0.0, "{place} {arm}");
                        assert!(
                            as_good.iter().all(|rate| rate != best && low <= rate && rate <= high),
                            "{place} {arm}"
                        );
                    }
                }
            }
        }
    }
}
