//! Single values of a data set that lie far from all others: slips of the pen, and numbers that stand for a missing value.

use super::dataset::{Dataset, Split};
use super::unusual::Spread;
use crate::config::settings::Scaling;
use crate::sources::samples::Features;

/// The least values of a feature and the largest, each with the one next to it.
#[derive(Debug, Clone, Copy)]
struct Ends {
    low: [f64; 2],
    high: [f64; 2],
}

impl Ends {
    const NONE: Self = Self { low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };

    fn take(&mut self, x: f64) {
        let [least, next] = self.low;
        if x < least {
            self.low = [x, least];
        } else if x > least && x < next {
            self.low[1] = x;
        }
        let [most, next] = self.high;
        if x > most {
            self.high = [x, most];
        } else if x < most && x > next {
            self.high[1] = x;
        }
    }

    /// The value that is farther from all others than `times` the range of these, and this range.
    fn stray(&self, times: f64) -> Option<(f64, [f64; 2])> {
        let Self { low: [least, above], high: [most, below] } = *self;
        let is_far = |gap: f64, [low, high]: [f64; 2]| high > low && gap > times * (high - low);
        let others = [([most, below], [least, below]), ([least, above], [above, most])];
        let far = others.into_iter().find(|([x, next], others)| is_far((x - next).abs(), *others));
        far.map(|([x, _], others)| (x, others))
    }
}

impl Dataset {
    /// The row of its file, from 1, that a sample of a split was.
    fn row(split: &Split, i: usize) -> usize {
        split.rows.get(i).map_or(i, |row| *row as usize) + 1
    }

    /// A value of the training split that is a hundred times as far from all other values of its feature as these are from one
    /// another. The mean and SD of the split, by which features are standardised, are then that value's. `feature` names a
    /// feature by its place.
    pub(super) fn stray(&self, feature: &impl Fn(usize) -> String) -> Option<String> {
        const TIMES: f64 = 100.0;
        if self.shape.area() > 1 || matches!(*self.train.features, Features::Bytes(_)) {
            return None;
        }
        let mut ends = vec![Ends::NONE; self.shape.len()];
        self.each(&self.train, |_, j, x| ends[j].take(x));
        let (j, (stray, [low, high])) = ends.iter().enumerate().find_map(|(j, ends)| Some((j, ends.stray(TIMES)?)))?;
        let (mut first, mut count) = (None, 0);
        self.each(&self.train, |i, at, x| {
            if at == j && x == stray {
                first = first.or(Some(i));
                count += 1;
            }
        });
        let row = Self::row(&self.train, first?);
        let more = if count > 1 { format!(", as in {} more samples", count - 1) } else { String::new() };
        Some(format!(
            "{} of sample {row} of its file (training split) is {stray:?}{more}, and all others are from {low:?} to {high:?}: if it is \
             a slip or stands for a missing value, correct it, or leave the sample or the feature out",
            feature(j)
        ))
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
