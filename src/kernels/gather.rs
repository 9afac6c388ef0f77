//! From stored bytes to a batch.

use super::Scalar;
use super::simd::{self, Has, Task, Vector};

/// Rows of bytes that are fetched into the cache ahead of the one in hand: a batch's samples lie
/// anywhere in a data set that no cache holds.
const AHEAD: usize = 64;

/// Row i of out ← table\[bytes\] for the bytes of row `rows[i]`; a row has `length` of them.
pub fn look_up_rows<F: Scalar>(table: &[F; 256], bytes: &[u8], rows: &[u32], length: usize, out: &mut [F]) {
    let row = |i: u32| &bytes[i as usize * length..][..length];
    rows.iter().take(AHEAD).for_each(|i| simd::prefetch(row(*i)));
    for (i, out) in out.chunks_exact_mut(length).take(rows.len()).enumerate() {
        if let Some(next) = rows.get(i + AHEAD) {
            simd::prefetch(row(*next));
        }
        simd::run(LookUp { table, bytes: row(rows[i]), out });
    }
}

/// Images are dark for the most part: where 16 bytes are all 0 nothing is looked up.
struct LookUp<'a, F> {
    table: &'a [F; 256],
    bytes: &'a [u8],
    out: &'a mut [F],
}

impl<F: Scalar> Task<F> for LookUp<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let dark = v.splat(self.table[0]);
        let ((bytes, bytes_left), (out, out_left)) = (self.bytes.as_chunks::<16>(), self.out.as_chunks_mut::<16>());
        for (bytes, out) in bytes.iter().zip(out) {
            let is_dark = u128::from_ne_bytes(*bytes) == 0;
            for (bytes, out) in bytes.chunks_exact(V::LANES).zip(out.chunks_exact_mut(V::LANES)) {
                v.store(if is_dark { dark } else { v.look_up(self.table, bytes) }, out);
            }
        }
        for (byte, out) in bytes_left.iter().zip(out_left) {
            *out = self.table[usize::from(*byte)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::tests::at_each_level;

    #[test]
    fn bytes_become_what_the_table_says() {
        let table: [f32; 256] = std::array::from_fn(|i| i as f32 * 0.37 - 5.0);
        for length in [1, 5, 16, 47, 784] {
            // Long dark stretches, as in images.
            let bytes: Vec<u8> = (0..9 * length).map(|i| if i % 70 < 40 { 0 } else { (i * 41 % 256) as u8 }).collect();
            let rows = [8, 0, 3, 3, 1, 7, 2];
            let expected: Vec<f32> = rows
                .iter()
                .flat_map(|i| &bytes[*i as usize * length..][..length])
                .map(|b| table[usize::from(*b)])
                .collect();
            at_each_level(|level| {
                let mut out = vec![f32::NAN; rows.len() * length];
                look_up_rows(&table, &bytes, &rows, length, &mut out);
                assert_eq!(out, expected, "{length} at {}", level.name());
            });
        }
    }
}
