//! Matrix products, all of them one kernel:
//!
//! C\[i, j\] ← Σ_p A\[i, p\]·B\[p, j\]  (+ C\[i, j\])       A [m, k], B [k, n], C [m, n]
//!
//! Where a row or column of A, B or C lies is given by [`Offsets`], a stride or a table. So transposes, the
//! patches of a convolution and a selection of rows or columns are the same product ([`Product`]), and
//! nothing is copied to bring them into another shape.
//!
//! **The tile** (`tile.rs`) is where the multiplications are, and nearly all of the time. A processor can
//! multiply more often than it can load. So C is computed in tiles of r rows by w vectors of columns whose
//! sums stay in registers: for each p a tile loads w vectors of row p of B and one value of each of its r rows
//! of A, and multiplies r·w times. The largest tile is the one whose sums still fit the registers
//! (`Vector::TILE_ROWS`).
//!
//! **Packing** (`pack.rs`). All tiles of the same columns read the same part of B, a panel: k short pieces of long rows. It
//! is copied so that its values are neighbours, in the order in which tiles read them. The copy takes as long as a row or
//! two of tiles, so B is packed only if more tiles read it. For large matrices A is packed too, if a tile would otherwise
//! read columns that lie far apart.
//!
//! **Blocks** (`blocks.rs`). A panel has to stay in the cache while tiles read it. So the sum over p is cut into
//! blocks, and a later block goes on from the sums that an earlier one wrote to C. Terms are added in
//! order of p, so where it is cut changes no bit (unless C is added to: then each block is).
//!
//! Goto & van de Geijn, Anatomy of high-performance matrix multiplication (2008), explains the scheme.

mod blocks;
mod offsets;
mod pack;
mod product;
#[cfg(test)]
mod tests;
mod tile;

use super::simd::{self, Scalar};
pub use offsets::{Offsets, Table};
pub use product::{Nonzeros, Product};

/// C [m, n] ← A [m, k] · B [k, n]
pub fn product<F: Scalar>(a: &[F], b: &[F], c: &mut [F], (m, k, n): (usize, usize, usize)) {
    simd::run(Product {
        size: (m, k, n),
        nonzeros: None,
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
        nonzeros: None,
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
        nonzeros: None,
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
