//! Copies of A and B whose values lie in the order in which tiles read them.
//!
//! B is copied a panel at a time: for each p, as many columns as a tile is wide. Some rows of A are copied tile by
//! tile: for each p, as many values as a tile is high. Neither copy is set to zero first: in small products
//! that would take longer than the product.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::product::Product;
use super::tile::Term;
use crate::kernels::simd::{Has, Scalar, Vector};

/// Rows of B, and columns of A, that are taken at once.
pub const DEPTH: usize = 256;
/// The same in large products, whose C would otherwise be read and written too often.
pub const LARGE_DEPTH: usize = 1024;
/// The same where A is packed too.
pub const PACKED_A_DEPTH: usize = 256;

/// A panel of B, as wide as the widest tile, 64 f32 or 32 f64; and the terms that go with its rows.
#[repr(align(64))]
pub struct PackedB<const DEPTH: usize> {
    pub values: MaybeUninit<[[u64; 32]; DEPTH]>,
    pub terms: [Term; DEPTH],
}

impl<const DEPTH: usize> PackedB<DEPTH> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { values: MaybeUninit::uninit(), terms: [Term::default(); DEPTH] }
    }
}

/// Some rows of A, transposed.
#[repr(align(64))]
pub struct PackedA(pub MaybeUninit<[[u64; PACKED_ROWS / 2]; PACKED_A_DEPTH]>);

/// Rows of A that are packed at once, in f32; in f64, half as many. A multiple of every level's tile.
const PACKED_ROWS: usize = 480;

/// Rows of A that are packed at once.
pub fn packed_rows<F>() -> usize {
    PACKED_ROWS * size_of::<f32>() / size_of::<F>()
}

impl<F: Scalar> Product<'_, F> {
    /// Copies these rows of A, which are neighbours, at `terms`: tile by tile of `height` rows, in each
    /// column by column.
    #[inline(always)]
    #[allow(unsafe_code, reason = "the copy is written through a pointer, having no values yet")]
    pub(super) fn pack_a<V: Vector<Element = F>>(
        &self,
        _: Has<V>,
        to: *mut F,
        rows: Range<usize>,
        height: usize,
        terms: &[Term],
    ) {
        assert!(rows.len().next_multiple_of(height) <= packed_rows::<F>() && terms.len() <= PACKED_A_DEPTH);
        let mut to = to;
        for top in rows.clone().step_by(height) {
            let count = height.min(rows.end - top);
            // SAFETY: `PackedA` has room for so many rows and columns; `check` has seen that the last row
            // and column lie within A.
            unsafe {
                for term in terms {
                    let from = self.a.as_ptr().add(top + term.a_column as usize);
                    for i in (0..count).step_by(V::LANES) {
                        let rest = V::first(V::LANES.min(count - i));
                        V::load_masked(from.add(i), rest).store_masked(to.add(i), rest);
                    }
                    to = to.add(height);
                }
            }
        }
    }

    /// Copies rows and columns of B into a panel whose rows are `stride` numbers apart, columns
    /// filled up with zeros.
    #[inline(always)]
    #[allow(unsafe_code, reason = "the panel is written through a pointer, having no values yet")]
    pub(super) fn pack_b<V: Vector<Element = F>>(
        &self,
        v: Has<V>,
        to: *mut F,
        rows: Range<usize>,
        columns: Range<usize>,
        stride: usize,
    ) {
        debug_assert!(rows.len() <= LARGE_DEPTH && stride * size_of::<F>() <= 256);
        // SAFETY: `PackedB` has room for DEPTH rows of 256 bytes, and there are no more; `check` has seen
        // that the last row and column lie within B.
        unsafe {
            if self.b_columns == 1 {
                self.copy_rows_of_b(v, to, rows, columns, stride);
            } else {
                self.copy_columns_of_b(v, to, rows, columns, stride);
            }
        }
    }

    /// [`Product::pack_b`] where columns of B are neighbours.
    ///
    /// # Safety
    /// `to` must be good for `rows.len()` rows of `stride` numbers; the rows and columns must lie within B.
    #[inline(always)]
    #[allow(unsafe_code, reason = "reads and writes through pointers that the caller vouches for")]
    unsafe fn copy_rows_of_b<V: Vector<Element = F>>(
        &self,
        _: Has<V>,
        mut to: *mut F,
        rows: Range<usize>,
        columns: Range<usize>,
        stride: usize,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let last = V::first(columns.len() + V::LANES - stride);
            let mut from = self.b.as_ptr().wrapping_add(rows.start * self.b_rows.stride + columns.start);
            for _ in rows {
                for j in (0..stride - V::LANES).step_by(V::LANES) {
                    V::load(from.add(j)).store(to.add(j));
                }
                let j = stride - V::LANES;
                V::load_masked(from.add(j), last).store(to.add(j));
                from = from.wrapping_add(self.b_rows.stride);
                to = to.wrapping_add(stride);
            }
        }
    }

    /// [`Product::pack_b`] where they are not.
    ///
    /// # Safety
    /// As for [`Product::copy_rows_of_b`].
    #[inline(always)]
    #[allow(unsafe_code, reason = "reads and writes through pointers that the caller vouches for")]
    unsafe fn copy_columns_of_b<V: Vector<Element = F>>(
        &self,
        _: Has<V>,
        to: *mut F,
        rows: Range<usize>,
        columns: Range<usize>,
        stride: usize,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let from = self.b.as_ptr().wrapping_add(columns.start * self.b_columns);
            let depth = rows.len();
            // Whole squares at a time where the rows of B are neighbours, as those of a transpose are.
            let (square_rows, square_columns) = if self.b_rows.is_contiguous() {
                (depth / V::LANES * V::LANES, columns.len() / V::LANES * V::LANES)
            } else {
                (0, 0)
            };
            for p in (0..square_rows).step_by(V::LANES) {
                for j in (0..square_columns).step_by(V::LANES) {
                    let from = from.add(j * self.b_columns + rows.start + p);
                    V::transpose(from, self.b_columns, to.add(p * stride + j), stride);
                }
            }
            for p in 0..depth {
                let (from, to) = (from.add(self.b_rows.at(rows.start + p)), to.add(p * stride));
                for j in if p < square_rows { square_columns } else { 0 }..columns.len() {
                    to.add(j).write(*from.add(j * self.b_columns));
                }
                for j in columns.len()..stride {
                    to.add(j).write(F::zero());
                }
            }
        }
    }
}
