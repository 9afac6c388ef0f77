//! What is unusual about a data set, in words: what its user would want to know before the first result.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

use super::dataset::{Dataset, Split, moments};
use crate::config::settings::Scaling;
use crate::sources::samples::Features;

/// The SD of values that differ by a few roundings is less than this many times the distance of neighbouring numbers.
const ROUNDINGS: f64 = 4.0;

/// A file that has each of its samples so often was doubled; where there are more, features have few values.
const MOST_COPIES: usize = 10;

/// A feature in a split, whatever it is divided by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    pub mean: f64,
    pub sd: f64,
    /// Whether it has more than one value.
    pub varies: bool,
    /// Whether it has more than one value in single precision.
    varies_in_single: bool,
}

impl Dataset {
    /// Calls `visit` with the sample, the feature and the stored value of each value of a split, in the order of memory.
    pub(super) fn each(&self, split: &Split, mut visit: impl FnMut(usize, usize, f64)) {
        let length = self.shape.len();
        let range = split.first * length..(split.first + split.len()) * length;
        let mut next = (0, 0);
        let mut pass = |x: f64| {
            let (i, j) = next;
            visit(i, j, x);
            next = if j + 1 == length { (i + 1, 0) } else { (i, j + 1) };
        };
        match &*split.features {
            Features::Bytes(values) => values[range].iter().for_each(|x| pass(f64::from(*x))),
            Features::Floats(values) => values[range].iter().for_each(|x| pass(f64::from(*x))),
            Features::Doubles(values) => values[range].iter().for_each(|x| pass(*x)),
        }
    }

    /// Every feature of a split. The mean is found from the first value on, or its own rounding would be larger than the SD.
    pub(super) fn spreads(&self, split: &Split) -> Vec<Spread> {
        let count = split.len() as f64;
        let mut found = vec![Spread::default(); self.shape.len()];
        let mut first = vec![0.0; self.shape.len()];
        self.each(split, |i, j, x| {
            if i == 0 {
                first[j] = x;
            }
            found[j].mean += (x - first[j]) / count;
            found[j].varies |= x != first[j];
            found[j].varies_in_single |= x as f32 != first[j] as f32;
        });
        self.each(split, |_, j, x| found[j].sd += (x - first[j] - found[j].mean).powi(2) / count);
        for (one, first) in found.iter_mut().zip(first) {
            (one.mean, one.sd) = (first + one.mean, one.sd.sqrt());
        }
        found
    }

    /// That the training samples are all alike, or bytes that are scaled as if they reached 255 and come nowhere near it.
    pub(super) fn faint(&self) -> Option<String> {
        const NEAR: f64 = 128.0;
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        self.each(&self.train, |_, _, x| (low, high) = (low.min(x), high.max(x)));
        if low == high {
            return Some(format!("every value of the training samples is {low}: there is nothing to learn from them"));
        }
        if !matches!(*self.train.features, Features::Bytes(_)) || high >= NEAR {
            return None;
        }
        let scaled = match self.scaling {
            Scaling::Unit => format!("divided by 255, no feature is above {:.4}", high / 255.0),
            Scaling::Binary => "every feature is 0, as all are below 128".to_owned(),
            Scaling::Standardize | Scaling::None => return None,
        };
        let remedy = "set data.scaling to standardize, or spread the values over 0 to 255";
        Some(format!("the bytes of the training samples reach {high} and not 255: {scaled}; {remedy}"))
    }

    /// That training features which are used as they are come out large: what one step changes in the first layer grows with
    /// the square of their size.
    pub(super) fn large(&self) -> Option<String> {
        const LARGE: f64 = 10.0;
        if self.scaling != Scaling::None || matches!(*self.train.features, Features::Bytes(_)) {
            return None;
        }
        let (mut squares, mut highest, count) = (0.0, 0.0_f64, (self.train.len() * self.shape.len()) as f64);
        self.each(&self.train, |_, _, x| {
            squares += x * x / count;
            highest = highest.max(x.abs());
        });
        let size = squares.sqrt();
        let remedy = "at usual learning rates training may diverge; set data.scaling to standardize, or divide them";
        (size > LARGE).then(|| {
            format!(
                "the features are used as they are, and reach {highest} (their root mean square is {size:.3}): {remedy}"
            )
        })
    }

    /// A feature that is standardised, and whose values differ by no more than roundings do: these become as large as any other
    /// feature, or are lost. `feature` names a feature by its place.
    pub(super) fn constant(&self, feature: &impl Fn(usize) -> String) -> Option<String> {
        if self.scaling != Scaling::Standardize || self.shape.area() > 1 {
            return None;
        }
        let is_single = matches!(*self.train.features, Features::Floats(_));
        let spacing = if is_single { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let is_rounding = |one: &Spread| one.varies && one.sd <= ROUNDINGS * spacing * one.mean.abs();
        let j = self.spreads(&self.train).iter().position(is_rounding)?;
        let remedy = "delete it; or, if its values mean something, multiply it or subtract what they share";
        Some(format!("{} varies by no more than roundings do; {remedy}", feature(j)))
    }

    /// What single precision loses of training features that are used as they are: values that are too small, or that are one
    /// number though they differ. `feature` names a feature by its place.
    pub(super) fn lost_in_single(&self, feature: &impl Fn(usize) -> String) -> Option<String> {
        if self.scaling == Scaling::Standardize || matches!(*self.train.features, Features::Bytes(_)) {
            return None;
        }
        let remedy = "set data.scaling to standardize, or model.precision to f64";
        let mut lost = None;
        self.each(&self.train, |_, _, x| {
            if lost.is_none() && x != 0.0 && (x as f32).abs() < f32::MIN_POSITIVE {
                lost = Some(format!("the value {x:?} is 0 in single precision, or loses digits; {remedy}"));
            }
        });
        if lost.is_some() || matches!(*self.train.features, Features::Floats(_)) {
            return lost;
        }
        let spreads = self.spreads(&self.train);
        let j = spreads.iter().position(|one| one.varies && !one.varies_in_single)?;
        let numbers = format!("mean {:e}, SD {:.2}", spreads[j].mean, spreads[j].sd);
        Some(format!(
            "{} has one value in single precision, though its values differ ({numbers}); {remedy}",
            feature(j)
        ))
    }

    /// That most features of the test split are of another size than those of the training split: another unit, it seems.
    /// `feature` names a feature by its place.
    pub(super) fn shifted(&self, feature: &impl Fn(usize) -> String) -> Option<String> {
        const FEWEST: usize = 20;
        const FAR: f64 = 3.0;
        if self.test.len() < FEWEST {
            return None;
        }
        // All pixels share one mean and one SD. A rare feature may have one value in a split.
        let pairs: Vec<[(f64, f64); 2]> = if self.shape.area() > 1 {
            vec![[&self.train, &self.test].map(|split| moments(split, self.shape)[0])]
        } else {
            let [training, test] = [&self.train, &self.test].map(|split| self.spreads(split));
            let is_measured = |(a, b): &(Spread, Spread)| a.varies && b.varies;
            training
                .into_iter()
                .zip(test)
                .map(|pair| if is_measured(&pair) { pair } else { Default::default() })
                .map(|(a, b)| [(a.mean, a.sd), (b.mean, b.sd)])
                .collect()
        };
        let is_far = |[(mean, sd), (test_mean, test_sd)]: &[(f64, f64); 2]| {
            (test_mean - mean).abs() > FAR * sd || *test_sd > FAR * sd || *test_sd < sd / FAR
        };
        let measured = pairs.iter().filter(|[(_, sd), _]| *sd > 0.0).count();
        let far: Vec<usize> = (0..pairs.len()).filter(|j| is_far(&pairs[*j])).collect();
        let j = *far.first().filter(|_| 2 * far.len() > measured)?;
        let [training, test] = pairs[j];
        let said = |(mean, sd): (f64, f64)| format!("mean {mean:.3}, SD {sd:.3}");
        let whose = if self.shape.area() > 1 { "pixels".to_owned() } else { feature(j) };
        Some(format!(
            "the test samples are of another size than the training samples ({whose}: {} in training, {} in testing); are both \
             files in the same units?",
            said(training),
            said(test)
        ))
    }

    /// That half of the samples of a split, or more, have the very values of training samples: then it measures what was
    /// learned by heart.
    pub(super) fn repeated(&self) -> Option<String> {
        let known: HashSet<u64> = self.hashes(&self.train).collect();
        let (distinct, all) = (known.len(), self.train.len());
        if MOST_COPIES * distinct < all || 10 * distinct < 9 * all && self.is_coarse(distinct) {
            return None;
        }
        let share = |split: &Split| self.hashes(split).filter(|hash| known.contains(hash)).count();
        let mut found = [("test", &self.test), ("validation", &self.validation)].into_iter().filter_map(|(name, split)| {
            let (count, all) = (share(split), split.len());
            (count > 0 && 2 * count >= all).then(|| {
                format!(
                    "{count} of the {all} {name} samples have the same values as samples of the training split: their accuracy says \
                     little of unseen samples"
                )
            })
        });
        found.next()
    }

    /// Whether training samples are alike by chance, as their features have few values: fewer combinations than there are pairs
    /// of distinct samples.
    fn is_coarse(&self, distinct: usize) -> bool {
        const LOOKED_AT: usize = 1000;
        let mut values: Vec<HashSet<u64>> = vec![HashSet::new(); self.shape.len()];
        self.each(&self.train, |i, j, x| {
            if i < LOOKED_AT {
                values[j].insert(x.to_bits());
            }
        });
        let combinations: f64 = values.iter().map(|values| (values.len() as f64).ln()).sum();
        combinations < ((distinct * distinct) as f64 / 2.0).ln()
    }

    /// A hash of the values of each sample of a split, as they are stored.
    fn hashes<'a>(&self, split: &'a Split) -> impl Iterator<Item = u64> + use<'a> {
        let length = self.shape.len();
        (split.first..split.first + split.len()).map(move |i| {
            let (place, mut hash) = (i * length..(i + 1) * length, DefaultHasher::new());
            match &*split.features {
                Features::Bytes(values) => hash.write(&values[place]),
                Features::Floats(values) => values[place].iter().for_each(|x| hash.write_u32(x.to_bits())),
                Features::Doubles(values) => values[place].iter().for_each(|x| hash.write_u64(x.to_bits())),
            }
            hash.finish()
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::settings::Shape;

    /// A data set of two features, so many of its samples for training and the others for testing.
    pub fn pairs(features: Features, train: usize, scaling: Scaling) -> Dataset {
        let (count, features) = (features.count() / 2, Arc::new(features));
        let split =
            |first: usize, n: usize| Split { features: features.clone(), first, labels: vec![0; n], rows: Vec::new() };
        let splits = [split(0, train), split(0, 0), split(train, count - train)];
        Dataset::new(Shape::vector(2), 2, splits, scaling)
    }

    pub fn named(j: usize) -> String {
        format!("feature {}", j + 1)
    }

    #[test]
    fn what_single_precision_loses_is_named() {
        let lost = |values: &[f64]| pairs(Features::Doubles(values.to_vec()), 2, Scaling::None).lost_in_single(&named);
        assert!(lost(&[1.0, 1e-60, 2.0, 0.0]).unwrap().contains("1e-60 is 0 in single precision"));
        assert_eq!(lost(&[1.0, 1e-30, 2.0, 0.0]), None);
        assert_eq!(lost(&[1.0, 5.0, 2.0, 5.0]), None, "constant");
        assert_eq!(lost(&[1.0, 1e7, 2.0, 1e7 + 1.0]), None, "whole numbers that single precision has");
        // A clock's seconds: neighbours in single precision are 128 apart.
        let clock = lost(&[1.0, 1.7e9, 2.0, 1.7e9 + 1.0]).unwrap();
        assert!(
            clock.starts_with(
                "feature 2 has one value in single precision, though its values differ (mean 1.7000000005e9"
            ),
            "{clock}"
        );
        let small = Features::Floats(vec![1.0, 1e-40, 2.0, 0.0]);
        assert!(pairs(small, 2, Scaling::None).lost_in_single(&named).unwrap().contains("e-41 is 0 in single"));
        let standardised = Features::Doubles(vec![1.0, 1.7e9, 2.0, 1.7e9 + 1.0]);
        assert_eq!(pairs(standardised, 2, Scaling::Standardize).lost_in_single(&named), None);
    }

    #[test]
    fn a_feature_that_is_constant_but_for_roundings_is_named() {
        let said =
            |values: [f64; 4]| pairs(Features::Doubles(values.to_vec()), 2, Scaling::Standardize).constant(&named);
        assert!(said([1.0, 0.3, 2.0, 0.1 + 0.2]).unwrap().starts_with("feature 2 varies by no more than roundings do"));
        assert!(said([1.0, 5.0, 2.0, 5.0 * (1.0 + 1e-15)]).is_some());
        for values in
            [[1.0, 1e-60, 2.0, 3e-60], [1.0, 5.0, 2.0, 5.0], [0.0, 1.0, 2.0, 3.0], [1.0, 5.0, 2.0, 5.0 + 1e-13]]
        {
            assert_eq!(said(values), None, "{values:?}");
        }
        // However many there are: a mean that is summed up from 0 is off by more than they differ.
        let many = (0..20_000).flat_map(|i| [f64::from(i), if i % 3 == 0 { 0.1 + 0.2 } else { 0.3 }]).collect();
        assert!(pairs(Features::Doubles(many), 20_000, Scaling::Standardize).constant(&named).is_some());
        // Their squares are 0.
        assert!(said([1.0, 1e-300, 2.0, 3e-300]).is_some());
        let single = Features::Floats(vec![1.0, 0.3, 2.0, f32::from_bits(0.3f32.to_bits() + 1)]);
        assert!(pairs(single, 2, Scaling::Standardize).constant(&named).is_some());
    }

    /// Columns that stand for words: 0 but for few samples, and in a small split 0 altogether.
    #[test]
    fn rare_features_and_few_values_are_no_reason_to_warn() {
        let is_seen = |i: i32, at: i32| f64::from(i32::from(i % 50 == at && i < 2000));
        let rare: Vec<f64> = (0..2100).flat_map(|i| [is_seen(i, 7), is_seen(i, 9)]).collect();
        let data = pairs(Features::Doubles(rare), 2000, Scaling::Standardize);
        assert_eq!((data.shifted(&named), data.repeated(), data.constant(&named)), (None, None, None));
    }

    #[test]
    fn a_file_that_has_each_sample_several_times_is_named() {
        let value = |i: i32| f64::from(i * i % 997) + 0.5;
        for copies in [2, 5] {
            // In a shuffled order, so that copies are on both sides.
            let rows = (0..100 * copies).map(|i| (i * 7) % 100);
            let values = rows.flat_map(|i| [value(i), value(i + 100)]).collect();
            let data = pairs(Features::Doubles(values), 80 * copies as usize, Scaling::Standardize);
            assert!(data.repeated().is_some_and(|said| said.contains("test samples have the same values")), "{copies}");
        }
    }

    #[test]
    fn bytes_that_do_not_come_near_255_and_floats_that_do_are_named() {
        let of = |values: Vec<u8>, scaling| pairs(Features::Bytes(values), 2, scaling).faint();
        let said = |values: Vec<u8>, scaling| of(values, scaling).unwrap_or_default();
        assert!(
            said(vec![0, 15, 3, 1], Scaling::Unit)
                .contains("reach 15 and not 255: divided by 255, no feature is above 0.0588")
        );
        assert!(said(vec![0, 1, 1, 0], Scaling::Binary).contains("every feature is 0"));
        assert!(said(vec![3, 3, 3, 3], Scaling::Standardize).contains("every value of the training samples is 3"));
        for (values, scaling) in [(vec![0, 200, 3, 1], Scaling::Unit), (vec![0, 15, 3, 1], Scaling::Standardize)] {
            assert_eq!(of(values, scaling), None);
        }
        let measured = Features::Doubles(vec![0.0, 0.5, 1.0, 0.1]);
        assert_eq!(pairs(measured.clone(), 2, Scaling::None).large(), None);
        let raw = Features::Floats(vec![0.0, 255.0, 3.0, 1.0]);
        let said = pairs(raw.clone(), 2, Scaling::None).large().unwrap();
        assert!(said.contains("reach 255 (their root mean square is 127.5"), "{said}");
        assert_eq!(pairs(raw, 2, Scaling::Standardize).large(), None);
        assert_eq!(pairs(measured, 2, Scaling::None).faint(), None);
    }
}
