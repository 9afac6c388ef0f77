//! Matrix products, all of them one kernel:
//!
//! C\[i, j\] ← Σ_p A\[i, p\]·B\[p, j\]  (+ C\[i, j\])       A [m, k], B [k, n], C [m, n]
//!
//! Where a row or column of A, B or C lies is given by [`Offsets`], a stride or a table, so that
//! transposes, the patches of a convolution and a selection of rows or columns are the same product
//! ([`Product`]) and nothing is unfolded or copied for their sake.
//!
//! C is computed in tiles of some rows by up to four vectors of columns, whose sums stay in
//! registers: for each p, a row of B is loaded once and multiplied by one value of each row of A.
//! Where it pays, B is copied first, a panel of up to 256 rows by the width of a tile at a time, and
//! of large matrices some rows of A too, so that both are contiguous and lie in the cache.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::simd::{self, Has, Scalar, Task, Vector};

/// Where the i-th row or column of a matrix begins: at table\[i\]·stride, or i·stride.
#[derive(Debug, Clone, Copy)]
pub struct Offsets<'a> {
    table: Option<&'a Table>,
    stride: usize,
}

/// Offsets in no particular order.
#[derive(Debug, Clone)]
pub struct Table {
    offsets: Vec<u32>,
    largest: u32,
}

impl Table {
    /// Of these offsets.
    pub fn new(offsets: Vec<u32>) -> Self {
        let largest = offsets.iter().copied().max().unwrap_or(0);
        Self { offsets, largest }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.offsets.len()
    }
}

impl<'a> Offsets<'a> {
    /// i·stride
    pub const fn every(stride: usize) -> Self {
        Self { table: None, stride }
    }

    /// table\[i\]·stride
    pub const fn of(table: &'a Table, stride: usize) -> Self {
        Self { table: Some(table), stride }
    }

    /// Where the i-th begins.
    #[inline(always)]
    pub fn at(self, i: usize) -> usize {
        self.table.map_or(i, |table| table.offsets[i] as usize) * self.stride
    }

    /// Whether rows or columns are neighbours.
    fn is_contiguous(self) -> bool {
        self.table.is_none() && self.stride == 1
    }

    /// The largest of the first `count`, which the table must have; of a table, the largest of all.
    /// `None` if no slice could be so long.
    fn largest(self, count: usize) -> Option<usize> {
        let largest = self.table.map_or(count.saturating_sub(1), |table| {
            assert!(count <= table.offsets.len(), "the table of offsets is too short");
            table.largest as usize
        });
        largest.checked_mul(self.stride)
    }
}

/// For each group of rows of A, the columns in which they are not all 0: the only ones summed over.
/// Columns of A, and rows of B, must then be evenly spaced.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    /// Rows of a group; the last may have fewer.
    pub rows: usize,
    /// The columns of all groups, in order within each.
    pub columns: Vec<u32>,
    /// Where those of each group are.
    pub ranges: Vec<Range<usize>>,
}

/// C ← AB, or C ← C + AB. Entry (i, p) of A lies at `a_rows(i) + a_columns(p)`, and so on; columns of C and,
/// unless `b_columns` says otherwise, of B are contiguous.
#[derive(Debug)]
pub struct Product<'a, F> {
    /// (m, k, n)
    pub size: (usize, usize, usize),
    /// Which columns of A count, if not all do; columns of B must then be neighbours.
    pub lists: Option<&'a Lists>,
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

/// C [m, n] ← A [m, k] · B [k, n]
pub fn product<F: Scalar>(a: &[F], b: &[F], c: &mut [F], (m, k, n): (usize, usize, usize)) {
    simd::run(Product {
        size: (m, k, n),
        lists: None,
        a,
        a_rows: Offsets::every(k),
        a_columns: Offsets::every(1),
        b,
        b_rows: Offsets::every(n),
        b_columns: 1,
        c,
        c_rows: Offsets::every(n),
        adds: false,
    });
}

/// C [k, n] ← Aᵀ · B for A [m, k], B [m, n]
pub fn product_tn<F: Scalar>(a: &[F], b: &[F], c: &mut [F], (m, k, n): (usize, usize, usize)) {
    simd::run(Product {
        size: (k, m, n),
        lists: None,
        a,
        a_rows: Offsets::every(1),
        a_columns: Offsets::every(k),
        b,
        b_rows: Offsets::every(n),
        b_columns: 1,
        c,
        c_rows: Offsets::every(n),
        adds: false,
    });
}

/// C [m, k] ← A · Bᵀ for A [m, n], B [k, n]
pub fn product_nt<F: Scalar>(a: &[F], b: &[F], c: &mut [F], (m, k, n): (usize, usize, usize)) {
    simd::run(Product {
        size: (m, n, k),
        lists: None,
        a,
        a_rows: Offsets::every(n),
        a_columns: Offsets::every(1),
        b,
        b_rows: Offsets::every(1),
        b_columns: n,
        c,
        c_rows: Offsets::every(k),
        adds: false,
    });
}

/// Columns of A, and rows of B, that are handled at once.
const DEPTH: usize = 256;
/// The same in large products, whose C would otherwise be read and written too often.
const LARGE_DEPTH: usize = 1024;
/// The same where A is copied too.
const STRIP_DEPTH: usize = 256;

/// Where a column of A and a row of B begin; together, so that one load fetches both.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(8))]
struct Place {
    a_column: u32,
    b_row: u32,
}

/// Room for a panel of B as wide as the widest tile, 64 f32 or 32 f64, and for the places that go with
/// it. Not set to zero first: that would cost small products more than the work.
#[repr(align(64))]
struct Panel<const DEPTH: usize> {
    values: MaybeUninit<[[u64; 32]; DEPTH]>,
    places: [Place; DEPTH],
}

impl<const DEPTH: usize> Panel<DEPTH> {
    #[inline(always)]
    fn new() -> Self {
        Self { values: MaybeUninit::uninit(), places: [Place::default(); DEPTH] }
    }
}

/// Room for some rows of A, transposed.
#[repr(align(64))]
struct Strip(MaybeUninit<[[u64; STRIP_ROWS / 2]; STRIP_DEPTH]>);

/// f32 in a row of a strip; of f64, half as many. A multiple of every level's tile.
const STRIP_ROWS: usize = 480;

fn strip_rows<F>() -> usize {
    STRIP_ROWS * size_of::<f32>() / size_of::<F>()
}

/// Where panels and strips are made.
struct Room<'a, F> {
    panel: *mut F,
    /// As many as the panel has rows.
    places: &'a mut [Place],
    /// A [`Strip`].
    strip: Option<*mut F>,
}

impl<F: Scalar> Product<'_, F> {
    /// Panics if any entry would lie outside its slice: the tiles rely on it.
    fn check(&self) {
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
        if let Some(lists) = self.lists {
            assert!(self.b_columns == 1, "with lists, columns of B must be neighbours");
            assert_eq!(lists.ranges.len(), m.div_ceil(lists.rows), "there must be a list for each group of rows");
        }
        if k > 0 {
            let (a, b) = ([self.a_rows.largest(m), self.a_columns.largest(k)], self.b_rows.largest(k));
            assert!(fits(a, self.a.len()), "A reaches beyond its slice");
            assert!(fits([b, (n - 1).checked_mul(self.b_columns)], self.b.len()), "B reaches beyond its slice");
            let is_even = self.b_rows.table.is_none() && (self.lists.is_none() || self.a_columns.table.is_none());
            assert!(is_even, "only A has tables, and for its columns only if there are no lists");
            assert!(self.a.len().max(self.b.len()) <= u32::MAX as usize, "offsets are kept in 32 bits");
        }
    }
}

impl<F: Scalar> Task<F> for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        self.check();
        let (m, _, n) = self.size;
        // Frames of their own, so that small products do not touch so much memory.
        if self.lists.is_none() && m >= 128 && n >= 256 {
            simd::call(v, Large(self));
        } else {
            let mut panel = Panel::<DEPTH>::new();
            let (values, places) = (panel.values.as_mut_ptr().cast(), &mut panel.places[..]);
            self.blocks(v, Room { panel: values, places, strip: None });
        }
    }
}

/// A product that reads every row of A and B for many tiles.
struct Large<'a, F>(Product<'a, F>);

impl<F: Scalar> Task<F> for Large<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let mut panel = Panel::<LARGE_DEPTH>::new();
        let (values, places) = (panel.values.as_mut_ptr().cast(), &mut panel.places[..]);
        // Columns of A that lie a power of two apart would drive each other out of the cache.
        if self.0.a_rows.is_contiguous() {
            let mut strip = Strip(MaybeUninit::uninit());
            let strip = Some(strip.0.as_mut_ptr().cast());
            self.0.blocks(v, Room { panel: values, places: &mut places[..STRIP_DEPTH], strip });
        } else {
            self.0.blocks(v, Room { panel: values, places, strip: None });
        }
    }
}

impl<F: Scalar> Product<'_, F> {
    /// The tiles, block by block of columns of A.
    #[inline(always)]
    fn blocks<V: Vector<Element = F>>(self, v: Has<V>, room: Room<F>) {
        let (m, _, n) = self.size;
        if m == 0 || n == 0 {
            return;
        }
        let Room { panel, places, strip } = room;
        let vectors = n.div_ceil(V::LANES);
        let widest = V::TILE_ROWS.iter().filter(|rows| **rows > 0).count();
        let panels = vectors.div_ceil(widest);
        let height = V::TILE_ROWS[widest - 1];
        // A copy costs as much as a row or two of tiles; it pays if many tiles read it, or wide rows of
        // B would bring more into the cache than is used.
        let is_large = m > 24 && (m >= 128 || n > 128);
        let is_panel = panels == 1 && n == vectors * V::LANES && self.b_rows.stride == n;
        let is_packed = self.b_columns != 1 || self.lists.is_none() && is_large && !is_panel;
        for group in 0..self.lists.map_or(1, |lists| lists.ranges.len()) {
            let (rows, list, k) = group_of(self.lists, self.size, group);
            let blocks = k.div_ceil(places.len()).max(1);
            let parts = if strip.is_some() { rows.len().div_ceil(strip_rows::<F>()) } else { 1 };
            for (block, part) in (0..blocks).flat_map(|block| (0..parts).map(move |part| (block, part))) {
                let (first, last) = (k * block / blocks, k * (block + 1) / blocks);
                let part = rows.start + rows.len() * part / parts..rows.start + rows.len() * (part + 1) / parts;
                let places = &mut places[..last - first];
                match list {
                    Some(list) => self.list_places(&list[first..last], places),
                    None => self.all_places(first, places),
                }
                if let Some(strip) = strip {
                    self.pack_rows(v, strip, part.clone(), height, places);
                    places.iter_mut().enumerate().for_each(|(p, place)| place.a_column = (p * height) as u32);
                }
                for j in 0..panels {
                    // Panels of equal width, to within one vector.
                    let (from, to) = (vectors * j / panels, vectors * (j + 1) / panels);
                    let width = to - from;
                    let columns = from * V::LANES..n.min(to * V::LANES);
                    let b = if is_packed {
                        let stride = width * V::LANES;
                        self.pack(v, panel, first..last, columns.clone(), stride);
                        places.iter_mut().enumerate().for_each(|(p, place)| place.b_row = (p * stride) as u32);
                        panel.cast_const()
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
                        places,
                        top: 0,
                        left: columns.start,
                        last_columns: columns.end - (to - 1) * V::LANES,
                        continues: block > 0 && !self.adds,
                        adds: self.adds,
                    };
                    let Some(strip) = strip else {
                        tile.rows_of_width(v, width, part.clone());
                        continue;
                    };
                    for (i, top) in part.clone().step_by(height).enumerate() {
                        let a = strip.cast_const().wrapping_add(i * height * places.len());
                        let tile = Tile { a, a_rows: Offsets::every(1), a_top: top, ..tile };
                        tile.rows_of_width(v, width, top..part.end.min(top + height));
                    }
                }
            }
        }
    }
}

/// The rows of a group, and the columns of A that count there: their list, if there is one, and number.
fn group_of(
    lists: Option<&Lists>,
    (m, k, _): (usize, usize, usize),
    group: usize,
) -> (Range<usize>, Option<&[u32]>, usize) {
    match lists {
        None => (0..m, None, k),
        Some(lists) => {
            let list = &lists.columns[lists.ranges[group].clone()];
            (group * lists.rows..m.min((group + 1) * lists.rows), Some(list), list.len())
        }
    }
}

impl<F: Scalar> Product<'_, F> {
    /// The places of as many columns from `first` on.
    #[inline(always)]
    fn all_places(&self, first: usize, places: &mut [Place]) {
        match self.a_columns.table {
            Some(table) => {
                let offsets = &table.offsets[first..first + places.len()];
                places
                    .iter_mut()
                    .zip(offsets)
                    .for_each(|(place, at)| place.a_column = *at * self.a_columns.stride as u32);
            }
            None => {
                let offsets = (first..).map(|p| (p * self.a_columns.stride) as u32);
                places.iter_mut().zip(offsets).for_each(|(place, at)| place.a_column = at);
            }
        }
        let offsets = (first..).map(|p| (p * self.b_rows.stride) as u32);
        places.iter_mut().zip(offsets).for_each(|(place, at)| place.b_row = at);
    }

    /// The places of these columns.
    #[inline(always)]
    fn list_places(&self, columns: &[u32], places: &mut [Place]) {
        let (a, b) = (self.a_columns.stride as u32, self.b_rows.stride as u32);
        let mut largest = 0;
        for (place, p) in places.iter_mut().zip(columns) {
            largest = largest.max(*p);
            *place = Place { a_column: p * a, b_row: p * b };
        }
        assert!(largest < self.size.1 as u32, "a list names a column that A does not have");
    }

    /// Copies these rows of A, which are neighbours, at `places`: tile by tile of `height` rows, in each
    /// column by column.
    #[inline(always)]
    #[allow(unsafe_code, reason = "the strip is written through a pointer, having no values yet")]
    fn pack_rows<V: Vector<Element = F>>(
        &self,
        _: Has<V>,
        to: *mut F,
        rows: Range<usize>,
        height: usize,
        places: &[Place],
    ) {
        assert!(rows.len().next_multiple_of(height) <= strip_rows::<F>() && places.len() <= STRIP_DEPTH);
        let mut to = to;
        for top in rows.clone().step_by(height) {
            let count = height.min(rows.end - top);
            // SAFETY: the strip has room for so many rows and columns; `check` has seen that the last row
            // and column lie within A.
            unsafe {
                for place in places {
                    let from = self.a.as_ptr().add(top + place.a_column as usize);
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
    fn pack<V: Vector<Element = F>>(
        &self,
        _: Has<V>,
        to: *mut F,
        rows: Range<usize>,
        columns: Range<usize>,
        stride: usize,
    ) {
        debug_assert!(rows.len() <= LARGE_DEPTH && stride * size_of::<F>() <= 256);
        // SAFETY: the panel has room for DEPTH rows of WIDTH numbers, and there are no more; `check` has
        // seen that the last row and column lie within B.
        unsafe {
            if self.b_columns == 1 {
                let last = V::first(columns.len() + V::LANES - stride);
                let mut from = self.b.as_ptr().wrapping_add(rows.start * self.b_rows.stride + columns.start);
                let mut to = to;
                for _ in rows {
                    for j in (0..stride - V::LANES).step_by(V::LANES) {
                        V::load(from.add(j)).store(to.add(j));
                    }
                    let j = stride - V::LANES;
                    V::load_masked(from.add(j), last).store(to.add(j));
                    from = from.wrapping_add(self.b_rows.stride);
                    to = to.wrapping_add(stride);
                }
            } else {
                let from = self.b.as_ptr().wrapping_add(columns.start * self.b_columns);
                let depth = rows.len();
                // Whole squares at a time where the rows of B are neighbours, as those of a transpose are.
                let are_neighbours = self.b_rows.is_contiguous();
                let (square_rows, square_columns) = if are_neighbours {
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
}

/// One tile of C: `top` and `left` say where, `b` and `places` where the rows of B and columns of A
/// are that it needs.
#[derive(Clone, Copy)]
struct Tile<'a, F> {
    a: *const F,
    a_rows: Offsets<'a>,
    /// The row of C to which the first of these belongs.
    a_top: usize,
    c: *mut F,
    c_rows: Offsets<'a>,
    b: *const F,
    places: &'a [Place],
    top: usize,
    left: usize,
    last_columns: usize,
    /// Whether the sums go on from what C holds, so that they are the same however k is cut.
    continues: bool,
    adds: bool,
}

/// A tile of known size.
struct SizedTile<'a, F, const ROWS: usize, const WIDTH: usize>(Tile<'a, F>);

impl<F: Scalar> Tile<'_, F> {
    #[inline(always)]
    fn rows_of_width<V: Vector<Element = F>>(self, v: Has<V>, width: usize, rows: Range<usize>) {
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

impl<F: Scalar, const ROWS: usize, const WIDTH: usize> Task<F> for SizedTile<'_, F, ROWS, WIDTH> {
    type Output = ();

    #[inline(always)]
    #[allow(unsafe_code, reason = "pointers: bounds checks would cost more than the arithmetic")]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let Tile { a, a_rows, a_top, c, c_rows, b, places, top, left, last_columns, continues, adds } = self.0;
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
            for place in places {
                let b = b.add(place.b_row as usize);
                let row: [V; WIDTH] = std::array::from_fn(|j| {
                    let from = b.add(j * V::LANES);
                    if j + 1 < WIDTH { V::load(from) } else { V::load_masked(from, last) }
                });
                for i in 0..ROWS {
                    let value = v.splat(*a[i].add(place.a_column as usize));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, at_each_level, numbers};

    /// The definition, in f64, entry by entry.
    fn reference<F: Scalar>(p: &Product<F>) -> Vec<f64> {
        let (m, k, n) = p.size;
        let mut c: Vec<f64> = p.c.iter().map(|x| x.f64()).collect();
        for i in 0..m {
            for j in 0..n {
                let a = |q: usize| p.a[p.a_rows.at(i) + p.a_columns.at(q)].f64();
                let b = |q: usize| p.b[p.b_rows.at(q) + j * p.b_columns].f64();
                let sum: f64 = (0..k).map(|q| a(q) * b(q)).sum();
                let c = &mut c[p.c_rows.at(i) + j];
                *c = if p.adds { *c } else { 0.0 } + sum;
            }
        }
        c
    }

    /// A product of plain or transposed matrices.
    fn layout<'a, F: Scalar>(
        size: (usize, usize, usize),
        [a, b]: [&'a [F]; 2],
        c: &'a mut [F],
        [a_transposed, b_transposed]: [bool; 2],
        adds: bool,
    ) -> Product<'a, F> {
        let (m, k, n) = size;
        let (row, column) = if a_transposed { (1, m) } else { (k, 1) };
        Product {
            size,
            lists: None,
            a,
            a_rows: Offsets::every(row),
            a_columns: Offsets::every(column),
            b,
            b_rows: Offsets::every(if b_transposed { 1 } else { n }),
            b_columns: if b_transposed { k } else { 1 },
            c,
            c_rows: Offsets::every(n),
            adds,
        }
    }

    fn check<F: Scalar>(size: (usize, usize, usize), seed: u64) {
        let (m, k, n) = size;
        let (a, b, c) = (numbers::<F>(m * k, seed), numbers::<F>(k * n, seed + 1), numbers::<F>(m * n, seed + 2));
        for (transposed, adds) in
            [([false, false], false), ([true, false], true), ([false, true], false), ([true, true], true)]
        {
            let expected = reference(&layout(size, [&a, &b], &mut c.clone(), transposed, adds));
            at_each_level(|level| {
                let mut c = c.clone();
                simd::run(layout(size, [&a, &b], &mut c, transposed, adds));
                let what = format!("{size:?} at {}, transposed {transposed:?}", level.name());
                assert_close(&c, &expected, 4.0 + k as f64, &what);
            });
        }
    }

    #[test]
    fn products_of_all_shapes_agree_with_the_definition_at_every_level() {
        let mut seed = 0;
        for m in [1, 2, 5, 7, 10, 13, 33] {
            for k in [0, 1, 3, 16, 31] {
                for n in [1, 4, 15, 16, 17, 48, 65, 100] {
                    seed += 3;
                    check::<f32>((m, k, n), seed);
                    check::<f64>((m, k, n), seed);
                }
            }
        }
        for size in [(60, 784, 100), (37, 300, 130), (3, 1000, 5), (129, 1030, 256), (485, 259, 261)] {
            check::<f32>(size, 7);
            check::<f64>(size, 8);
        }
    }

    #[test]
    fn tables_select_rows_and_columns() {
        // C's rows 4, 0, 7 ← A's columns 4, 0, 7, transposed, times B; of A's rows 1, 2, 5 take part.
        fn selection<'a>([a, b]: [&'a [f32]; 2], c: &'a mut [f32], tables: [&'a Table; 2]) -> Product<'a, f32> {
            let [selected, rows] = tables;
            Product {
                size: (3, 3, 20),
                lists: None,
                a,
                a_rows: Offsets::of(selected, 1),
                a_columns: Offsets::of(rows, 9),
                b,
                b_rows: Offsets::every(20),
                b_columns: 1,
                c,
                c_rows: Offsets::of(selected, 20),
                adds: false,
            }
        }
        let tables = [&Table::new(vec![4, 0, 7]), &Table::new(vec![1, 2, 5])];
        let (a, b) = (numbers::<f32>(6 * 9, 1), numbers::<f32>(3 * 20, 2));
        let expected = reference(&selection([&a, &b], &mut [9.0; 9 * 20], tables));
        at_each_level(|level| {
            let mut c = [9.0; 9 * 20];
            simd::run(selection([&a, &b], &mut c, tables));
            // What was not selected stays as it was.
            assert_eq!(c[20..40], [9.0; 20]);
            let selected = [0, 4, 7].map(|row| row * 20..(row + 1) * 20);
            for rows in selected {
                assert_close(&c[rows.clone()], &expected[rows], 8.0, level.name());
            }
        });
    }

    #[test]
    fn nan_in_c_is_overwritten_and_nan_in_a_is_kept() {
        at_each_level(|_| {
            let mut c = [f32::NAN; 2];
            product(&[1.0, 2.0], &[3.0, 4.0, 5.0, 6.0], &mut c, (1, 2, 2));
            assert_eq!(c, [13.0, 16.0]);
            product(&[f32::NAN, 2.0], &[0.0, 4.0, 5.0, 6.0], &mut c, (1, 2, 2));
            assert!(c.iter().all(|x| x.is_nan()));
        });
    }

    #[test]
    #[should_panic(expected = "B reaches beyond its slice")]
    fn a_product_beyond_its_slices_is_refused() {
        product(&[1.0; 4], &[1.0; 3], &mut [0.0; 4], (2, 2, 2));
    }

    #[test]
    #[should_panic(expected = "A reaches beyond its slice")]
    fn sizes_that_overflow_are_beyond_every_slice() {
        product(&[1f32; 2], &[1f32; 2], &mut [0f32; 9], (3, usize::MAX / 3 + 1, 3));
    }

    #[test]
    fn a_product_without_rows_reads_nothing() {
        product_nt(&[], &[1f32], &mut [], (0, 64, 64));
    }

    #[test]
    #[should_panic(expected = "a list for each group of rows")]
    fn too_few_lists_are_refused() {
        let lists = Lists { rows: 2, columns: vec![0], ranges: std::iter::once(0..1).collect() };
        let (a, b, mut c) = ([1f32; 4], [1f32], [0f32; 4]);
        simd::run(Product { lists: Some(&lists), ..layout((4, 1, 1), [&a, &b], &mut c, [false, false], false) });
    }
}
