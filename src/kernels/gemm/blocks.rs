//! The loops around the tiles.
//!
//! From the outside in: groups of rows of A with the same nonzeros (all rows, if every column counts);
//! blocks of the sum over p; parts of the rows, if A is packed; panels of the columns of B; tiles.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::offsets::Offsets;
use super::pack::{DEPTH, LARGE_DEPTH, PACKED_A_DEPTH, PackedA, PackedB, packed_rows};
use super::product::{Nonzeros, Product};
use super::tile::{Term, Tile};
use crate::kernels::simd::{self, Has, Scalar, Task, Vector};

impl<F: Scalar> Task<F> for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        self.check();
        let (m, _, n) = self.size;
        // Frames of their own, so that small products do not touch so much memory.
        if self.nonzeros.is_none() && m >= 128 && n >= 256 {
            simd::call(v, Large(self));
        } else {
            let mut panel = PackedB::<DEPTH>::new();
            let (b, terms) = (panel.values.as_mut_ptr().cast(), &mut panel.terms[..]);
            self.blocks(v, Buffers { b, terms, a: None });
        }
    }
}

/// A product that reads every row of A and B for many tiles.
struct Large<'a, F>(Product<'a, F>);

impl<F: Scalar> Task<F> for Large<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let mut panel = PackedB::<LARGE_DEPTH>::new();
        let (b, terms) = (panel.values.as_mut_ptr().cast(), &mut panel.terms[..]);
        // Columns of A that lie a power of two apart would drive each other out of the cache.
        if self.0.a_rows.is_contiguous() {
            let mut packed = PackedA(MaybeUninit::uninit());
            let a = Some(packed.0.as_mut_ptr().cast());
            self.0.blocks(v, Buffers { b, terms: &mut terms[..PACKED_A_DEPTH], a });
        } else {
            self.0.blocks(v, Buffers { b, terms, a: None });
        }
    }
}

/// Where packed values and terms are written.
struct Buffers<'a, F> {
    /// A [`PackedB`].
    b: *mut F,
    /// As many as it has rows.
    terms: &'a mut [Term],
    /// A [`PackedA`], if A is packed.
    a: Option<*mut F>,
}

/// How the columns of B and C are cut into panels.
#[derive(Clone, Copy)]
struct Panels {
    /// Vectors of all columns.
    vectors: usize,
    /// How many panels; their widths are equal to within one vector.
    count: usize,
    /// Rows of the widest tile.
    height: usize,
    /// Whether they are packed.
    is_packed: bool,
}

/// A part of the product: some rows, and some of the p that are summed over.
struct Block {
    rows: Range<usize>,
    /// Columns of A and rows of B or, with nonzeros, places in their list.
    depth: Range<usize>,
    /// Whether C holds sums of earlier blocks that are to be continued.
    continues: bool,
}

impl<F: Scalar> Product<'_, F> {
    /// All tiles.
    #[inline(always)]
    fn blocks<V: Vector<Element = F>>(mut self, v: Has<V>, mut to: Buffers<F>) {
        let (m, _, n) = self.size;
        if m == 0 || n == 0 {
            return;
        }
        let panels = self.panels(v);
        for group in 0..self.nonzeros.map_or(1, |nonzeros| nonzeros.ranges.len()) {
            let (rows, list, k) = group_of(self.nonzeros, self.size, group);
            let blocks = k.div_ceil(to.terms.len()).max(1);
            let parts = if to.a.is_some() { rows.len().div_ceil(packed_rows::<F>()) } else { 1 };
            for (i, part) in (0..blocks).flat_map(|i| (0..parts).map(move |part| (i, part))) {
                let (first, last) = (k * i / blocks, k * (i + 1) / blocks);
                let rows = rows.start + rows.len() * part / parts..rows.start + rows.len() * (part + 1) / parts;
                let terms = &mut to.terms[..last - first];
                match list {
                    Some(list) => self.terms_of(&list[first..last], terms),
                    None => self.all_terms(first, terms),
                }
                if let Some(a) = to.a {
                    self.pack_a(v, a, rows.clone(), panels.height, terms);
                    terms.iter_mut().enumerate().for_each(|(p, term)| term.a_column = (p * panels.height) as u32);
                }
                let block = Block { rows, depth: first..last, continues: i > 0 && !self.adds };
                for j in 0..panels.count {
                    self.panel(v, panels, j, &block, &mut to);
                }
            }
        }
    }

    #[inline(always)]
    fn panels<V: Vector<Element = F>>(&self, _: Has<V>) -> Panels {
        let (m, _, n) = self.size;
        let vectors = n.div_ceil(V::LANES);
        let widest = V::TILE_ROWS.iter().filter(|rows| **rows > 0).count();
        let count = vectors.div_ceil(widest);
        // A copy costs as much as a row or two of tiles; it pays if many tiles read it, or wide rows of
        // B would bring more into the cache than is used.
        let is_large = m > 24 && (m >= 128 || n > 128);
        let is_panel = count == 1 && n == vectors * V::LANES && self.b_rows.stride == n;
        let is_packed = self.b_columns != 1 || self.nonzeros.is_none() && is_large && !is_panel;
        Panels { vectors, count, height: V::TILE_ROWS[widest - 1], is_packed }
    }

    /// The tiles of a block in the j-th panel.
    #[inline(always)]
    fn panel<V: Vector<Element = F>>(
        &mut self,
        v: Has<V>,
        panels: Panels,
        j: usize,
        block: &Block,
        to: &mut Buffers<F>,
    ) {
        let terms = &mut to.terms[..block.depth.end - block.depth.start];
        let (from, last) = (panels.vectors * j / panels.count, panels.vectors * (j + 1) / panels.count);
        let width = last - from;
        let columns = from * V::LANES..self.size.2.min(last * V::LANES);
        let b = if panels.is_packed {
            let stride = width * V::LANES;
            self.pack_b(v, to.b, block.depth.clone(), columns.clone(), stride);
            terms.iter_mut().enumerate().for_each(|(p, term)| term.b_row = (p * stride) as u32);
            to.b.cast_const()
        } else {
            self.b.as_ptr().wrapping_add(columns.start)
        };
        let tile = Tile {
            a: self.a.as_ptr(),
            a_rows: self.a_rows,
            a_top: 0,
            c: self.c.as_mut_ptr(),
            c_rows: self.c_rows,
            b,
            terms,
            top: 0,
            left: columns.start,
            last_columns: columns.end - (last - 1) * V::LANES,
            continues: block.continues,
            adds: self.adds,
        };
        let Some(a) = to.a else { return tile.rows_of_width(v, width, block.rows.clone()) };
        for (i, top) in block.rows.clone().step_by(panels.height).enumerate() {
            let a = a.cast_const().wrapping_add(i * panels.height * terms.len());
            let tile = Tile { a, a_rows: Offsets::every(1), a_top: top, ..tile };
            tile.rows_of_width(v, width, top..block.rows.end.min(top + panels.height));
        }
    }

    /// The terms of as many columns from `first` on.
    #[inline(always)]
    fn all_terms(&self, first: usize, terms: &mut [Term]) {
        match self.a_columns.table {
            Some(table) => {
                let offsets = &table.offsets[first..first + terms.len()];
                let stride = self.a_columns.stride as u32;
                terms.iter_mut().zip(offsets).for_each(|(term, at)| term.a_column = *at * stride);
            }
            None => {
                let offsets = (first..).map(|p| (p * self.a_columns.stride) as u32);
                terms.iter_mut().zip(offsets).for_each(|(term, at)| term.a_column = at);
            }
        }
        let offsets = (first..).map(|p| (p * self.b_rows.stride) as u32);
        terms.iter_mut().zip(offsets).for_each(|(term, at)| term.b_row = at);
    }

    /// The terms of these columns.
    #[inline(always)]
    fn terms_of(&self, columns: &[u32], terms: &mut [Term]) {
        let (a, b) = (self.a_columns.stride as u32, self.b_rows.stride as u32);
        let mut largest = 0;
        for (term, p) in terms.iter_mut().zip(columns) {
            largest = largest.max(*p);
            *term = Term { a_column: p * a, b_row: p * b };
        }
        assert!(largest < self.size.1 as u32, "a list names a column that A does not have");
    }
}

/// The rows of a group, and the columns of A that count there: their list, if there is one, and number.
fn group_of(
    nonzeros: Option<&Nonzeros>,
    (m, k, _): (usize, usize, usize),
    group: usize,
) -> (Range<usize>, Option<&[u32]>, usize) {
    match nonzeros {
        None => (0..m, None, k),
        Some(nonzeros) => {
            let list = &nonzeros.columns[nonzeros.ranges[group].clone()];
            (group * nonzeros.rows..m.min((group + 1) * nonzeros.rows), Some(list), list.len())
        }
    }
}
