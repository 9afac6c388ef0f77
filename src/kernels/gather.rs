//! Reads the bytes of a batch's samples and converts them to numbers.

use super::simd::{self, Has, Scalar, Task, Vector};

/// How many rows ahead bytes are fetched into the cache. The samples of a batch lie anywhere in a data set
/// that is larger than any cache.
const AHEAD: usize = 64;

/// The number that a byte stands for.
#[derive(Debug, Clone)]
pub enum Bytes<F> {
    /// byte/divisor, correctly rounded.
    Quotient(F),
    /// table\[byte\]
    Table(Box<[F; 256]>),
}

/// Row i of out ← the numbers that the bytes of row `rows[i]` stand for; a row has `length` bytes.
/// Each row is passed to `written` while it is in the cache.
pub fn gather_rows<F: Scalar>(
    values: &Bytes<F>,
    bytes: &[u8],
    rows: &[u32],
    length: usize,
    out: &mut [F],
    written: &mut dyn FnMut(&[F]),
) {
    let row = |i: u32| &bytes[i as usize * length..][..length];
    rows.iter().take(AHEAD).for_each(|i| prefetch(row(*i)));
    for (i, out) in out.chunks_exact_mut(length).take(rows.len()).enumerate() {
        if let Some(next) = rows.get(i + AHEAD) {
            prefetch(row(*next));
        }
        match values {
            Bytes::Quotient(divisor) => simd::run(Divide { divisor: *divisor, bytes: row(rows[i]), out: &mut *out }),
            Bytes::Table(table) => simd::run(LookUp { table, bytes: row(rows[i]), out: &mut *out }),
        }
        written(out);
    }
}

/// Asks for these bytes to be brought into the cache; does nothing where there is no such instruction.
#[allow(unsafe_code, reason = "an intrinsic that takes a pointer")]
fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: every x86-64 processor has it, and it reads nothing that a program can see.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

struct Divide<'a, F> {
    divisor: F,
    bytes: &'a [u8],
    out: &'a mut [F],
}

impl<F: Scalar> Task<F> for Divide<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let (divisor, inverse) = (v.splat(self.divisor), v.splat(F::one() / self.divisor));
        for (bytes, out) in self.bytes.chunks(V::LANES).zip(self.out.chunks_mut(V::LANES)) {
            v.store(v.load_bytes(bytes).quotient(divisor, inverse), out);
        }
    }
}

/// Most pixels of an image are dark: where 16 bytes are all 0, nothing is looked up.
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
    use crate::kernels::testing::at_each_level;

    fn check<F: Scalar>(values: &Bytes<F>, value: impl Fn(u8) -> F) {
        for length in [1, 5, 16, 47, 256, 784] {
            // Long dark stretches, as in images, and every byte there is.
            let of = |i: usize| if i % 700 < 400 { 0 } else { (i * 41 % 256) as u8 };
            let bytes: Vec<u8> = (0..9 * length).map(of).collect();
            let rows = [8, 0, 3, 3, 1, 7, 2];
            let expected: Vec<F> =
                rows.iter().flat_map(|i| &bytes[*i as usize * length..][..length]).map(|b| value(*b)).collect();
            at_each_level(|level| {
                let mut out = vec![F::nan(); rows.len() * length];
                let mut shown = Vec::new();
                gather_rows(values, &bytes, &rows, length, &mut out, &mut |row| shown.extend_from_slice(row));
                assert_eq!(shown, expected);
                assert_eq!(out, expected, "{length} at {}", level.name());
            });
        }
    }

    fn check_both<F: Scalar>() {
        let table: [F; 256] = std::array::from_fn(|i| F::of(i as f64 * 0.37 - 5.0));
        check(&Bytes::Table(Box::new(table)), |byte| table[usize::from(byte)]);
        // To the last bit: 255 as images have it, and every other divisor a byte could have.
        for divisor in 1..=255 {
            check(&Bytes::Quotient(F::of(f64::from(divisor))), |byte| F::of(f64::from(byte) / f64::from(divisor)));
        }
    }

    #[test]
    fn bytes_become_what_they_stand_for() {
        check_both::<f32>();
        check_both::<f64>();
    }
}
