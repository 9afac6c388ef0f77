//! The arguments of a product, and the check that they fit their slices.

use std::ops::Range;

use super::offsets::Offsets;
use crate::kernels::simd::Scalar;

/// For each group of rows of A, the columns in which at least one of its rows is not 0: the only columns
/// that are summed over. Columns of A, and rows of B, must then be evenly spaced.
#[derive(Debug, Clone, Default)]
pub struct Nonzeros {
    /// Rows of a group; the last may have fewer.
    pub rows: usize,
    /// The columns of all groups, in order within each.
    pub columns: Vec<u32>,
    /// The range of `columns` that belongs to each group.
    pub ranges: Vec<Range<usize>>,
}

/// C ← AB, or C ← C + AB. Entry (i, p) of A lies at `a_rows(i) + a_columns(p)`, and so on; columns of C and,
/// unless `b_columns` says otherwise, of B are contiguous.
#[derive(Debug)]
pub struct Product<'a, F> {
    /// (m, k, n)
    pub size: (usize, usize, usize),
    /// The columns of A that count, if not all do; columns of B must then be neighbours.
    pub nonzeros: Option<&'a Nonzeros>,
    /// A
    pub a: &'a [F],
    /// Its m rows.
    pub a_rows: Offsets<'a>,
    /// Its k columns.
    pub a_columns: Offsets<'a>,
    /// B
    pub b: &'a [F],
    /// Its k rows.
    pub b_rows: Offsets<'a>,
    /// The distance of its columns.
    pub b_columns: usize,
    /// C
    pub c: &'a mut [F],
    /// Its m rows.
    pub c_rows: Offsets<'a>,
    /// Whether C is added to; otherwise it is overwritten, whatever it holds.
    pub adds: bool,
}

impl<F: Scalar> Product<'_, F> {
    /// Panics if any entry would lie outside its slice: packing and tiles rely on it.
    pub(super) fn check(&self) {
        let (m, k, n) = self.size;
        if m == 0 || n == 0 {
            return;
        }
        // Sums that overflow are longer than any slice.
        let fits = |parts: [Option<usize>; 2], length: usize| {
            let [first, second] = parts;
            first.and_then(|first| first.checked_add(second?)).is_some_and(|last| last < length)
        };
        assert!(fits([self.c_rows.largest(m), Some(n - 1)], self.c.len()), "C reaches beyond its slice");
        if let Some(nonzeros) = self.nonzeros {
            assert!(self.b_columns == 1, "with lists of nonzeros, columns of B must be neighbours");
            let groups = m.div_ceil(nonzeros.rows);
            assert_eq!(nonzeros.ranges.len(), groups, "there must be a list of nonzeros for each group of rows");
        }
        if k > 0 {
            let (a, b) = ([self.a_rows.largest(m), self.a_columns.largest(k)], self.b_rows.largest(k));
            assert!(fits(a, self.a.len()), "A reaches beyond its slice");
            assert!(fits([b, (n - 1).checked_mul(self.b_columns)], self.b.len()), "B reaches beyond its slice");
            let is_even = self.b_rows.table.is_none() && (self.nonzeros.is_none() || self.a_columns.table.is_none());
            assert!(is_even, "only A has tables, and for its columns only if all of them count");
            assert!(self.a.len().max(self.b.len()) <= u32::MAX as usize, "offsets are kept in 32 bits");
        }
    }
}
