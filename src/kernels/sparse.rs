//! Products with a matrix that is 0 in many columns, such as a batch of images, dark at the border and
//! for the most part within.
//!
//! A column of zeros adds nothing to a product and gets no gradient, so a fully connected layer need
//! not touch the weights of pixels that are dark: in Y = X·W a few rows at a time, whose own columns of
//! zeros are left out, in dW = Xᵀ·dY in the whole batch. Results are the same to the last bit, for
//! terms are added in order and 0·w adds nothing. (Weights are finite: training ends where they are
//! not.)

use super::Scalar;
use super::gemm::{Offsets, Product};
use super::simd::{self, Has, Task, Vector};

/// Rows that are looked at together: as many as the widest tile of a product has.
const GROUP: usize = 6;

/// The columns of a matrix that are not 0.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// In any row, in order.
    pub all: Vec<u32>,
    /// In each group of rows, one list after the other.
    groups: Vec<u32>,
    /// Where the lists end.
    ends: Vec<usize>,
    /// A bit a column: whether it is not 0 in any row.
    seen: Vec<u32>,
}

impl Columns {
    /// With room for any matrix of up to `rows` rows by `columns` columns.
    pub fn with_capacity(rows: usize, columns: usize) -> Self {
        let groups = rows.div_ceil(GROUP);
        Self {
            all: Vec::with_capacity(columns + BITS),
            groups: Vec::with_capacity(groups * columns + BITS),
            ends: Vec::with_capacity(groups),
            seen: Vec::with_capacity(columns.div_ceil(BITS)),
        }
    }

    /// Looks through x [rows, `columns`].
    pub fn find<F: Scalar>(&mut self, x: &[F], columns: usize) {
        self.groups.clear();
        self.ends.clear();
        self.seen.clear();
        self.seen.resize(columns.div_ceil(BITS), 0);
        for rows in x.chunks(GROUP * columns) {
            simd::run(Find { rows, columns, seen: &mut self.seen, found: &mut self.groups });
            self.ends.push(self.groups.len());
        }
        self.all.clear();
        simd::run::<F, _>(Places { bits: &self.seen, to: &mut self.all });
    }
}

/// Columns whose bits are looked at together: a multiple of every level's lanes.
const BITS: usize = 16;

struct Places<'a> {
    bits: &'a [u32],
    to: &'a mut Vec<u32>,
}

impl<F: Scalar> Task<F> for Places<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        for (i, bits) in self.bits.iter().enumerate() {
            v.push_places(*bits, i * BITS, self.to);
        }
    }
}

struct Find<'a, F> {
    rows: &'a [F],
    columns: usize,
    seen: &'a mut [u32],
    found: &'a mut Vec<u32>,
}

impl<F: Scalar> Task<F> for Find<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let Self { rows, columns, seen, found } = self;
        for (i, seen) in seen.iter_mut().enumerate() {
            let end = ((i + 1) * BITS).min(columns);
            let mut bits = 0;
            for from in (i * BITS..end).step_by(V::LANES) {
                let to = (from + V::LANES).min(end);
                let any = rows.chunks_exact(columns).fold(0, |any, row| any | v.load(&row[from..to]).nonzero());
                bits |= any << (from - i * BITS);
            }
            *seen |= bits;
            v.push_places(bits, i * BITS, found);
        }
    }
}

/// Y [m, n] ← X [m, k] · W [k, n], where X's columns were found.
pub fn product<F: Scalar>(columns: &Columns, x: &[F], w: &[F], y: &mut [F], (_, k, n): (usize, usize, usize)) {
    let mut start = 0;
    for ((x, y), end) in x.chunks(GROUP * k).zip(y.chunks_mut(GROUP * n)).zip(&columns.ends) {
        let columns = &columns.groups[start..*end];
        start = *end;
        simd::run(Product {
            size: (y.len() / n, columns.len(), n),
            a: x,
            a_rows: Offsets::every(k),
            a_columns: Offsets::of(columns, 1),
            b: w,
            b_rows: Offsets::of(columns, n),
            b_columns: 1,
            c: y,
            c_rows: Offsets::every(n),
            adds: false,
        });
    }
}

/// dW [k, n] ← Xᵀ · dY for X [m, k], dY [m, n], where X's columns were found: rows of the others are 0.
pub fn product_tn<F: Scalar>(columns: &Columns, x: &[F], dy: &[F], dw: &mut [F], (m, k, n): (usize, usize, usize)) {
    let columns = &columns.all[..];
    let mut next = 0;
    for column in columns.iter().map(|column| *column as usize).chain([k]) {
        dw[next * n..column * n].fill(F::zero());
        next = column + 1;
    }
    simd::run(Product {
        size: (columns.len(), m, n),
        a: x,
        a_rows: Offsets::of(columns, 1),
        a_columns: Offsets::every(k),
        b: dy,
        b_rows: Offsets::every(n),
        b_columns: 1,
        c: dw,
        c_rows: Offsets::of(columns, n),
        adds: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::gemm;
    use crate::kernels::gemm::tests::numbers;
    use crate::kernels::simd::tests::at_each_level;

    fn check<F: Scalar>(rows: usize, columns: usize, kept: usize) {
        let size = (rows, columns, 37);
        let (mut x, w) = (numbers::<F>(rows * columns, 1), numbers::<F>(columns * 37, 2));
        let dy = numbers::<F>(rows * 37, 3);
        // Whole columns are 0, and single entries.
        let is_zero = |i: usize| i % columns * 61 % columns >= kept || i * 7 % 3 == 0;
        x.iter_mut().enumerate().filter(|(i, _)| is_zero(*i)).for_each(|(_, x)| *x = F::zero());
        at_each_level(|level| {
            let what = format!("{rows} rows, {kept} of {columns} columns at {}", level.name());
            let mut found = Columns::with_capacity(rows, columns);
            found.find(&[F::one()], 1);
            found.find(&x, columns);
            let is_used = |c: &u32| x.iter().skip(*c as usize).step_by(columns).any(|x| *x != F::zero());
            assert_eq!(found.all, (0..columns as u32).filter(is_used).collect::<Vec<_>>(), "{what}");
            let (mut sparse, mut dense) = (vec![F::nan(); rows * 37], vec![F::nan(); rows * 37]);
            product(&found, &x, &w, &mut sparse, size);
            gemm::product(&x, &w, &mut dense, size);
            assert_eq!(sparse, dense, "{what}");
            let (mut sparse, mut dense) = (vec![F::nan(); columns * 37], vec![F::nan(); columns * 37]);
            product_tn(&found, &x, &dy, &mut sparse, size);
            gemm::product_tn(&x, &dy, &mut dense, size);
            assert_eq!(sparse, dense, "{what}");
        });
    }

    #[test]
    fn columns_of_zeros_are_left_out_without_a_trace() {
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
    fn what_is_tiny_or_nan_is_not_zero() {
        at_each_level(|_| {
            let mut found = Columns::with_capacity(1, 4);
            found.find(&[0.0, f32::from_bits(1), f32::NAN, -0.0], 4);
            assert_eq!(found.all, [1, 2]);
        });
    }
}
