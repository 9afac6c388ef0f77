//! Single values of a data set that lie far from all others: slips of the pen, and numbers that stand for a missing value.

use super::dataset::{Dataset, Split};
use super::unusual::Spread;
use crate::config::settings::Scaling;
use crate::sources::samples::Features;

/// Most different values of a feature that are looked at as slips; where there are more, they are no slips.
const MOST: usize = 5;

/// The least different values of a feature, and the largest, each from the outermost.
#[derive(Debug, Clone, Copy)]
struct Ends {
    low: [f64; MOST + 1],
    high: [f64; MOST + 1],
}

impl Ends {
    const NONE: Self = Self { low: [f64::INFINITY; MOST + 1], high: [f64::NEG_INFINITY; MOST + 1] };

    fn take(&mut self, x: f64) {
        let put = |list: &mut [f64], is_before: fn(f64, f64) -> bool| {
            let place = list.iter().position(|other| !is_before(*other, x));
            if let Some(at) = place.filter(|at| list[*at] != x) {
                list[at..].rotate_right(1);
                list[at] = x;
            }
        };
        put(&mut self.low, |a, b| a < b);
        put(&mut self.high, |a, b| a > b);
    }

    /// The range of all values but the fewest that are farther from all others than `times` this range; and how many these are.
    fn others(&self, times: f64) -> Option<([f64; 2], usize)> {
        let far = |ends: &[f64], count: usize, least: f64| count == 0 || (ends[count - 1] - ends[count]).abs() > least;
        for strays in 1..=MOST {
            for above in 0..=strays {
                let below = strays - above;
                let (low, high) = (self.low[below], self.high[above]);
                let least = times * (high - low);
                let is_range = low.is_finite() && high.is_finite() && low < high;
                if is_range && far(&self.high, above, least) && far(&self.low, below, least) {
                    return Some(([low, high], strays));
                }
            }
        }
        None
    }
}

impl Dataset {
    /// The row of its file, from 1, that a sample of a split was.
    fn row(split: &Split, i: usize) -> usize {
        split.rows.get(i).map_or(i, |row| *row as usize) + 1
    }

    /// A value of the training split that is a hundred times as far from all other values of its feature as these are from one
    /// another; or a few such values. The mean and SD of the split, by which features are standardised, are then theirs.
    /// `feature` names a feature by its place.
    pub(super) fn stray(&self, feature: &impl Fn(usize) -> String) -> Option<String> {
        const TIMES: f64 = 100.0;
        if self.shape.area() > 1 || matches!(*self.train.features, Features::Bytes(_)) {
            return None;
        }
        let mut ends = vec![Ends::NONE; self.shape.len()];
        self.each(&self.train, |_, j, x| ends[j].take(x));
        let suspects = ends.iter().enumerate().filter_map(|(j, ends)| Some((j, ends.others(TIMES)?)));
        suspects.into_iter().find_map(|(j, ([low, high], strays))| {
            let (mut first, mut count) = (None, 0);
            self.each(&self.train, |i, at, x| {
                if at == j && !(low..=high).contains(&x) {
                    first = first.or(Some((i, x)));
                    count += 1;
                }
            });
            // One value may stand for what is missing in many samples; several in many are codes.
            let (i, stray) = first.filter(|_| strays == 1 || count <= MOST)?;
            let row = Self::row(&self.train, i);
            let more = match (count - 1, strays) {
                (0, _) => String::new(),
                (more, 1) => format!(", as in {more} more samples"),
                (1, _) => ", 1 more sample lies as far away".to_owned(),
                (more, _) => format!(", {more} more samples lie as far away"),
            };
            Some(format!(
                "{} of sample {row} of its file (training split) is {stray:?}{more}, and all others are from {low:?} to {high:?}: if \
                 it is a slip or stands for a missing value, correct it, or leave the sample or the feature out",
                feature(j)
            ))
        })
    }

    /// A value of the validation or test split that is so far from what was trained on, by the SD of its feature, that nothing
    /// can be learned for it: it would drive every logit, in single precision beyond its range. And whether the feature varies in
    /// training: if not, there is no SD to measure by. `feature` names a feature by its place.
    pub(super) fn outlier(&self, feature: &impl Fn(usize) -> String) -> Option<(String, bool)> {
        const FARTHEST: f64 = 1e6;
        if self.scaling != Scaling::Standardize || self.moments.len() != self.shape.len() {
            return None;
        }
        for (split, name) in [(&self.validation, "validation"), (&self.test, "test")] {
            let mut far = None;
            self.each(split, |i, j, x| {
                let (mean, sd) = self.moments[j];
                if far.is_none() && (x - mean).abs() > FARTHEST * sd {
                    far = Some((i, j, x));
                }
            });
            if let Some((i, j, x)) = far {
                let row = Self::row(split, i);
                let Spread { mean, sd, varies, .. } = self.spreads(&self.train)[j];
                let words = format!(
                    "{} of sample {row} of its file ({name} split) is {x:e}, and the training samples have {mean:.4e} there, with \
                     an SD of {sd:.1e}; correct it, or leave the sample or the feature out",
                    feature(j)
                );
                return Some((words, varies));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::unusual::tests::{named, pairs};
    use super::*;

    #[test]
    fn a_value_that_no_training_can_have_prepared_for_is_named_with_its_row() {
        let of = |x: f64, y: f64| {
            pairs(Features::Doubles(vec![1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 2.0, 0.0, x, y]), 3, Scaling::Standardize)
                .outlier(&named)
        };
        assert_eq!(of(2.5, 7.0), None);
        assert_eq!(of(8e5, 9e5), None);
        let (slip, varies) = of(1e12, 0.0).unwrap();
        assert!(varies);
        assert!(
            slip.starts_with(
                "feature 1 of sample 2 of its file (test split) is 1e12, and the training samples have 2.0000e0 there"
            ),
            "{slip}"
        );
        let (rare, varies) = of(2.0, -1e30).unwrap();
        assert!(rare.starts_with("feature 2 of sample 2 of its file (test split) is -1e30") && !varies, "{rare}");
    }

    #[test]
    fn a_test_value_far_from_training_values_that_differ_by_roundings_is_named() {
        let rounded = vec![1.0, 0.3, 2.0, 0.1 + 0.2, 3.0, 0.3, 4.0, 0.5];
        let data = pairs(Features::Doubles(rounded), 3, Scaling::Standardize);
        assert!(data.outlier(&named).unwrap().0.starts_with("feature 2 of sample 1 of its file (test split) is 5e-1"));
    }

    #[test]
    fn a_training_value_far_from_all_others_is_named_and_heavy_tails_are_not() {
        let of = |second: &[f64]| {
            let values = second.iter().enumerate().flat_map(|(i, x)| [i as f64, *x]).collect();
            pairs(Features::Doubles(values), second.len(), Scaling::Standardize).stray(&named)
        };
        let slip = of(&[0.5, 1.0, 1000.0, 0.1, -1.0]).unwrap();
        assert!(slip.starts_with("feature 2 of sample 3 of its file (training split) is 1000.0, and all"), "{slip}");
        assert!(slip.contains("others are from -1.0 to 1.0"), "{slip}");
        let missing = of(&[0.5, -999.0, 1.0, -999.0, -1.0]).unwrap();
        assert!(missing.contains("sample 2") && missing.contains("is -999.0, as in 1 more samples"), "{missing}");
        let slips = of(&[4.8, 520.0, 5.0, 5.2, 487.0, -99.0, 5.1]).unwrap();
        assert!(slips.contains("sample 2") && slips.contains("is 520.0, 2 more samples lie as far away"), "{slips}");
        assert!(slips.contains("all others are from 4.8 to 5.2"), "{slips}");
        // Codes that many samples have.
        let codes = |i: usize| [1.0, 2.0, 901.0, 902.0][i % 4];
        assert_eq!(of(&(0..40).map(codes).collect::<Vec<_>>()), None);
        // A constant, two values, tails, a rare count.
        for values in [
            vec![3.0; 5],
            vec![0.0, 0.0, 1e9, 0.0, 1e9],
            vec![1.0, 10.0, 100.0, 1000.0, 1e4],
            vec![0.0, 0.0, 1.0, 0.0, 50.0],
        ] {
            assert_eq!(of(&values), None, "{values:?}");
        }
    }
}
