//! Products against their definition.

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
        nonzeros: None,
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
            nonzeros: None,
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
#[should_panic(expected = "a list of nonzeros for each group of rows")]
fn too_few_lists_of_nonzeros_are_refused() {
    let nonzeros = Nonzeros { rows: 2, columns: vec![0], ranges: std::iter::once(0..1).collect() };
    let (a, b, mut c) = ([1f32; 4], [1f32], [0f32; 4]);
    simd::run(Product { nonzeros: Some(&nonzeros), ..layout((4, 1, 1), [&a, &b], &mut c, [false, false], false) });
}
