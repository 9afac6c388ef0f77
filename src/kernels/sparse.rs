//! Products with a matrix that has many zeros, such as a batch of images: most of their pixels are dark.
//!
//! A term 0·w adds nothing, so a fully connected layer can leave out the weights of dark pixels. For
//! Y = X·W samples are taken in groups of six; a pixel is left out if it is 0 in all six. For dW = Xᵀ·dY
//! six neighbouring pixels are a group; a sample is left out if all six are 0 in it. The other terms are added in
//! the usual order, so results are the same to the last bit, but for the sign of a sum that is 0. (This
//! needs finite weights: training ends where they are not.)

use std::marker::PhantomData;

use super::gemm::{Nonzeros, Offsets, Product};
use super::simd::{self, Has, Scalar, Task, Vector};

/// Samples, or neighbouring features, of a group: as many as the widest tile of a product has rows.
const GROUP: usize = 6;
/// Features whose bits are kept in one word: a multiple of the group and of every vector.
const WORD: usize = 48;

/// Which entries of a matrix [samples, features] are not 0.
#[derive(Debug, Clone, Default)]
pub struct Map {
    /// A bit for each entry, [samples, words].
    bits: Vec<u64>,
    /// Scratch: the groups of one word that are not 0, six samples a block.
    blocks: Vec<u64>,
    of_samples: Nonzeros,
    of_features: Nonzeros,
}

impl Map {
    /// With room for any matrix of up to `samples` by `features`.
    pub fn with_capacity(samples: usize, features: usize) -> Self {
        let words = features.div_ceil(WORD);
        let lists = |groups: usize, columns: usize| Nonzeros {
            rows: GROUP,
            columns: Vec::with_capacity(columns),
            ranges: Vec::with_capacity(groups),
        };
        Self {
            bits: Vec::with_capacity(samples * words),
            blocks: Vec::with_capacity(samples.div_ceil(GROUP)),
            // 16 more, because they are written 16 at a time.
            of_samples: lists(samples.div_ceil(GROUP), samples.div_ceil(GROUP) * features + 16),
            of_features: lists(features.div_ceil(GROUP), features.div_ceil(GROUP) * samples + 16),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bits.clear();
    }

    /// Adds the next row of x. This is faster while the row is in the cache.
    pub fn add_row<F: Scalar>(&mut self, row: &[F]) {
        simd::run(Look { row, bits: &mut self.bits });
    }

    /// Completes the map of x [samples, `features`], whose rows were added one by one since [`Map::clear`].
    pub fn complete<F: Scalar>(&mut self, x: &[F], features: usize) {
        debug_assert!(self.is_of(x, features), "the rows that were added are not those of x");
        simd::run(List::<F> { features, map: self, of: PhantomData });
    }
}

impl Map {
    /// Whether the bits are those of x.
    fn is_of<F: Scalar>(&self, x: &[F], features: usize) -> bool {
        let words = x.chunks_exact(features).flat_map(|row| row.chunks(WORD));
        let bit = |word: &[F]| word.iter().enumerate().fold(0, |bits, (i, v)| bits | u64::from(*v != F::zero()) << i);
        self.bits.iter().copied().eq(words.map(bit))
    }
}

struct Look<'a, F> {
    row: &'a [F],
    bits: &'a mut Vec<u64>,
}

impl<F: Scalar> Task<F> for Look<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let (words, rest) = self.row.as_chunks::<WORD>();
        self.bits.extend(words.iter().map(|word| word_of(v, word)));
        if !rest.is_empty() {
            self.bits.push(word_of(v, rest));
        }
    }
}

struct List<'a, F> {
    features: usize,
    map: &'a mut Map,
    of: PhantomData<F>,
}

impl<F: Scalar> Task<F> for List<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let Map { bits, blocks, of_samples, of_features, .. } = self.map;
        let words = self.features.div_ceil(WORD);
        list_features_of_samples(v, bits, words, of_samples);
        list_samples_of_features(v, bits, words, self.features, blocks, of_features);
    }
}

/// A bit for each number that is not 0.
#[inline(always)]
fn word_of<V: Vector>(v: Has<V>, x: &[V::Element]) -> u64 {
    let vectors = x.chunks(V::LANES).enumerate();
    vectors.fold(0, |bits, (i, x)| bits | u64::from(v.load(x).nonzero()) << (i * V::LANES))
}

/// For each group of samples, the features that are not 0 in at least one of them.
#[inline(always)]
fn list_features_of_samples<V: Vector>(v: Has<V>, bits: &[u64], words: usize, lists: &mut Nonzeros) {
    lists.columns.clear();
    lists.ranges.clear();
    for rows in bits.chunks(GROUP * words) {
        let start = lists.columns.len();
        for word in 0..words {
            let any = rows.iter().skip(word).step_by(words).fold(0, |any, bits| any | bits);
            for part in (0..WORD).step_by(16) {
                v.push_places((any >> part) as u16, word * WORD + part, &mut lists.columns);
            }
        }
        lists.ranges.push(start..lists.columns.len());
    }
}

/// For each group of features, the samples in which at least one of them is not 0.
#[inline(always)]
fn list_samples_of_features<V: Vector>(
    v: Has<V>,
    bits: &[u64],
    words: usize,
    features: usize,
    blocks: &mut Vec<u64>,
    lists: &mut Nonzeros,
) {
    // Bits 0, 6, 12 …: one for each group.
    const FIRSTS: u64 = (1 << WORD) / ((1 << GROUP) - 1);
    lists.columns.clear();
    lists.ranges.clear();
    for word in 0..words {
        // Bit 6g + s of a block: whether sample s of its six has anything in group g.
        blocks.clear();
        for rows in bits.chunks(GROUP * words) {
            let row = |sample: usize| rows.get(sample * words + word).copied().unwrap_or(0);
            blocks.push((0..GROUP).fold(0, |block, sample| {
                // Each bit or-ed with the five above it.
                let two = row(sample) | row(sample) >> 1;
                let any = two | two >> 2 | two >> 4;
                block | (any & FIRSTS) << sample
            }));
        }
        for group in 0..(features.div_ceil(GROUP) - lists.ranges.len()).min(WORD / GROUP) {
            let start = lists.columns.len();
            for (i, block) in blocks.iter().enumerate() {
                let samples = (block >> (group * GROUP)) as u16 & ((1 << GROUP) - 1);
                v.push_places(samples, i * GROUP, &mut lists.columns);
            }
            lists.ranges.push(start..lists.columns.len());
        }
    }
}

/// Y [m, n] ← X [m, k] · W [k, n], where X has this map.
pub fn product<F: Scalar>(map: &Map, x: &[F], w: &[F], y: &mut [F], (m, k, n): (usize, usize, usize)) {
    simd::run(Product {
        size: (m, k, n),
        nonzeros: Some(&map.of_samples),
        a: x,
        a_rows: Offsets::every(k),
        a_columns: Offsets::every(1),
        b: w,
        b_rows: Offsets::every(n),
        b_columns: 1,
        c: y,
        c_rows: Offsets::every(n),
        adds: false,
    });
}

/// dW [k, n] ← Xᵀ · dY for X [m, k], dY [m, n], where X has this map.
pub fn product_tn<F: Scalar>(map: &Map, x: &[F], dy: &[F], dw: &mut [F], (m, k, n): (usize, usize, usize)) {
    simd::run(Product {
        size: (k, m, n),
        nonzeros: Some(&map.of_features),
        a: x,
        a_rows: Offsets::every(1),
        a_columns: Offsets::every(k),
        b: dy,
        b_rows: Offsets::every(n),
        b_columns: 1,
        c: dw,
        c_rows: Offsets::every(n),
        adds: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::gemm;
    use crate::kernels::testing::{at_each_level, numbers};

    fn fill<F: Scalar>(map: &mut Map, x: &[F], features: usize) {
        map.clear();
        x.chunks_exact(features).for_each(|row| map.add_row(row));
        map.complete(x, features);
    }

    fn check<F: Scalar>(rows: usize, columns: usize, kept: usize) {
        let size = (rows, columns, 37);
        let (mut x, w) = (numbers::<F>(rows * columns, 1), numbers::<F>(columns * 37, 2));
        let dy = numbers::<F>(rows * 37, 3);
        // Whole columns are 0, and single entries.
        let is_zero = |i: usize| i % columns * 61 % columns >= kept || (i * 7).is_multiple_of(3);
        x.iter_mut().enumerate().filter(|(i, _)| is_zero(*i)).for_each(|(_, x)| *x = F::zero());
        at_each_level(|level| {
            let what = format!("{rows} rows, {kept} of {columns} columns at {}", level.name());
            let mut map = Map::with_capacity(rows, columns);
            fill(&mut map, &[F::one()], 1);
            fill(&mut map, &x, columns);
            let (mut sparse, mut dense) = (vec![F::nan(); rows * 37], vec![F::nan(); rows * 37]);
            product(&map, &x, &w, &mut sparse, size);
            gemm::product(&x, &w, &mut dense, size);
            assert_eq!(sparse, dense, "{what}");
            let (mut sparse, mut dense) = (vec![F::nan(); columns * 37], vec![F::nan(); columns * 37]);
            product_tn(&map, &x, &dy, &mut sparse, size);
            gemm::product_tn(&x, &dy, &mut dense, size);
            assert_eq!(sparse, dense, "{what}");
        });
    }

    #[test]
    fn zeros_are_left_out_without_a_trace() {
        for rows in [1, 5, 6, 13, 60] {
            for columns in [1, 3, 16, 90, 700] {
                for kept in [0, 1, columns / 2, columns] {
                    check::<f32>(rows, columns, kept);
                    check::<f64>(rows, columns, kept);
                }
            }
        }
    }

    #[test]
    fn lists_name_what_is_not_zero() {
        // 7 samples of 14 features: groups of 6 and 1 samples, and of 6, 6 and 2 features.
        let mut x = [0.0; 7 * 14];
        for (sample, feature, value) in [(0, 3, 1.0), (5, 3, -2.0), (5, 13, f32::from_bits(1)), (6, 12, f32::NAN)] {
            x[sample * 14 + feature] = value;
        }
        x[8] = -0.0;
        at_each_level(|level| {
            let mut map = Map::with_capacity(7, 14);
            fill(&mut map, &x, 14);
            let all = |lists: &Nonzeros| {
                lists.ranges.iter().map(|range| lists.columns[range.clone()].to_vec()).collect::<Vec<_>>()
            };
            assert_eq!(all(&map.of_samples), [vec![3, 13], vec![12]], "{}", level.name());
            assert_eq!(all(&map.of_features), [vec![0, 5], vec![], vec![5, 6]], "{}", level.name());
        });
    }
}
