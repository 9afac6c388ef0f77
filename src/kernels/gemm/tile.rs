//! One tile of C, whose sums stay in registers.

use std::ops::Range;

use super::offsets::Offsets;
use crate::kernels::simd::{self, Has, Scalar, Task, Vector};

/// One p of the sum over p: where its column of A and its row of B begin. Together, so that one load
/// fetches both.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(8))]
pub struct Term {
    pub a_column: u32,
    pub b_row: u32,
}

/// One tile of C: `top` and `left` say where it is; `a`, `b` and `terms` what is multiplied.
#[derive(Clone, Copy)]
pub struct Tile<'a, F> {
    pub a: *const F,
    pub a_rows: Offsets<'a>,
    /// The row of C to which the first row of `a` belongs.
    pub a_top: usize,
    pub c: *mut F,
    pub c_rows: Offsets<'a>,
    pub b: *const F,
    pub terms: &'a [Term],
    pub top: usize,
    pub left: usize,
    /// Columns of the last vector; the others are full.
    pub last_columns: usize,
    /// Whether the sums go on from what C holds, so that they are the same however k is cut.
    pub continues: bool,
    pub adds: bool,
}

impl<F: Scalar> Tile<'_, F> {
    /// The tiles of these rows, `width` vectors wide.
    #[inline(always)]
    pub fn rows_of_width<V: Vector<Element = F>>(self, v: Has<V>, width: usize, rows: Range<usize>) {
        match width {
            1 => self.rows::<V, 1>(v, rows),
            2 => self.rows::<V, 2>(v, rows),
            3 => self.rows::<V, 3>(v, rows),
            _ => self.rows::<V, 4>(v, rows),
        }
    }

    /// The tiles of these rows, of equal height to within one. Sums over constant numbers of rows and
    /// vectors stay in registers: each size of tile is a function of its own.
    #[inline(always)]
    fn rows<V: Vector<Element = F>, const WIDTH: usize>(mut self, v: Has<V>, rows: Range<usize>) {
        // Conditions on constants: tiles that no level asks for are not compiled.
        let most = V::TILE_ROWS[WIDTH - 1];
        let tiles = rows.len().div_ceil(most);
        for i in 0..tiles {
            self.top = rows.start + rows.len() * i / tiles;
            match rows.start + rows.len() * (i + 1) / tiles - self.top {
                1 if most >= 1 => simd::call(v, SizedTile::<F, 1, WIDTH>(self)),
                2 if most >= 2 => simd::call(v, SizedTile::<F, 2, WIDTH>(self)),
                3 if most >= 3 => simd::call(v, SizedTile::<F, 3, WIDTH>(self)),
                4 if most >= 4 => simd::call(v, SizedTile::<F, 4, WIDTH>(self)),
                5 if most >= 5 => simd::call(v, SizedTile::<F, 5, WIDTH>(self)),
                6 if most >= 6 => simd::call(v, SizedTile::<F, 6, WIDTH>(self)),
                7 if most >= 7 => simd::call(v, SizedTile::<F, 7, WIDTH>(self)),
                8 if most >= 8 => simd::call(v, SizedTile::<F, 8, WIDTH>(self)),
                9 if most >= 9 => simd::call(v, SizedTile::<F, 9, WIDTH>(self)),
                10 if most >= 10 => simd::call(v, SizedTile::<F, 10, WIDTH>(self)),
                rows => unreachable!("no tile has {rows} rows"),
            }
        }
    }
}

/// A tile of known size.
struct SizedTile<'a, F, const ROWS: usize, const WIDTH: usize>(Tile<'a, F>);

impl<F: Scalar, const ROWS: usize, const WIDTH: usize> Task<F> for SizedTile<'_, F, ROWS, WIDTH> {
    type Output = ();

    #[inline(always)]
    #[allow(unsafe_code, reason = "pointers: bounds checks would cost more than the arithmetic")]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let Tile { a, a_rows, a_top, c, c_rows, b, terms, top, left, last_columns, continues, adds } = self.0;
        // SAFETY: `Product::check` has seen that every entry lies within its slice.
        unsafe {
            let a: [*const F; ROWS] = std::array::from_fn(|i| a.add(a_rows.at(top - a_top + i)));
            let last = V::first(last_columns);
            let c: [*mut F; ROWS] = std::array::from_fn(|i| c.add(c_rows.at(top + i) + left));
            let mut sums = [[v.zero(); WIDTH]; ROWS];
            if continues {
                for (c, sums) in c.iter().zip(&mut sums) {
                    for (j, sum) in sums.iter_mut().enumerate() {
                        let from = c.add(j * V::LANES);
                        *sum = if j + 1 < WIDTH { V::load(from) } else { V::load_masked(from, last) };
                    }
                }
            }
            for term in terms {
                let b = b.add(term.b_row as usize);
                let row: [V; WIDTH] = std::array::from_fn(|j| {
                    let from = b.add(j * V::LANES);
                    if j + 1 < WIDTH { V::load(from) } else { V::load_masked(from, last) }
                });
                for i in 0..ROWS {
                    let value = v.splat(*a[i].add(term.a_column as usize));
                    for j in 0..WIDTH {
                        sums[i][j] = value.mul_add(row[j], sums[i][j]);
                    }
                }
            }
            for (c, sums) in c.iter().zip(&sums) {
                for (j, sum) in sums.iter().enumerate() {
                    let (to, sum) = (c.add(j * V::LANES), *sum);
                    if j + 1 < WIDTH {
                        (if adds { V::load(to) + sum } else { sum }).store(to);
                    } else {
                        (if adds { V::load_masked(to, last) + sum } else { sum }).store_masked(to, last);
                    }
                }
            }
        }
    }
}
