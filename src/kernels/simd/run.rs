//! Kernels as values, and running them at a level.

use super::has::Has;
use super::level::{Level, level};
use super::vector::{Scalar, Vector};

/// A kernel with its arguments.
pub trait Task<F: Scalar> {
    /// What it returns.
    type Output;

    /// The work. Must be `#[inline(always)]`, to be compiled for the level it is called from.
    fn run<V: Vector<Element = F>>(self, v: Has<V>) -> Self::Output;
}

/// Runs a kernel at the level in use.
pub fn run<F: Scalar, T: Task<F>>(task: T) -> T::Output {
    run_at(level(), task)
}

/// Runs a kernel from within another, at the same level, as a function of its own: so the compiler
/// keeps large kernels apart.
#[inline(always)]
pub fn call<V: Vector, T: Task<V::Element>>(_: Has<V>, task: T) -> T::Output {
    run_at(V::LEVEL, task)
}

/// Runs a kernel at a level that is available.
#[allow(unsafe_code, reason = "calls code compiled for instructions that the level stands for")]
fn run_at<F: Scalar, T: Task<F>>(level: Level, task: T) -> T::Output {
    match level {
        // SAFETY: a level is only ever made by `requested` or a test, from those available.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { run_avx512(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { run_avx2(task) },
        // SAFETY: needs nothing.
        _ => task.run(unsafe { Has::<F::Portable>::new() }),
    }
}

/// Runs a kernel compiled for AVX2 and FMA.
///
/// # Safety
/// The processor must have them: [`Level::is_available`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[allow(unsafe_code, reason = "the proof of the level is made here")]
unsafe fn run_avx2<F: Scalar, T: Task<F>>(task: T) -> T::Output {
    // SAFETY: this function is compiled for the level, and the caller vouches for the processor.
    task.run(unsafe { Has::<F::Avx2>::new() })
}

/// Runs a kernel compiled for AVX-512.
///
/// # Safety
/// The processor must have it: [`Level::is_available`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
#[allow(unsafe_code, reason = "the proof of the level is made here")]
unsafe fn run_avx512<F: Scalar, T: Task<F>>(task: T) -> T::Output {
    // SAFETY: this function is compiled for the level, and the caller vouches for the processor.
    task.run(unsafe { Has::<F::Avx512>::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::at_each_level;

    struct Operations<'a, F> {
        a: &'a [F],
        b: &'a [F],
        out: &'a mut Vec<Vec<Vec<F>>>,
    }

    impl<F: Scalar> Task<F> for Operations<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run<V: Vector<Element = F>>(self, v: Has<V>) {
            for (a, b) in self.a.chunks(V::LANES).zip(self.b.chunks(V::LANES)) {
                self.out.push(operations(v, a, b));
            }
        }
    }

    #[inline(always)]
    fn operations<V: Vector>(v: Has<V>, a: &[V::Element], b: &[V::Element]) -> Vec<Vec<V::Element>> {
        let n = a.len();
        let (a, b, one) = (v.load(a), v.load(b), v.splat(V::Element::of(1.0)));
        let results = [
            a + b,
            a - b,
            a * b,
            a / b,
            a.mul_add(b, one),
            a.max(b),
            a.min(b),
            (a * a).sqrt(),
            a.if_greater(b, one, b),
            a.if_equal(b, one, b),
        ];
        let stored = results.map(|result| {
            let mut to = vec![V::Element::of(0.0); n];
            v.store(result, &mut to);
            to
        });
        stored.to_vec()
    }

    fn operations_agree<F: Scalar>() {
        let nan = F::nan();
        let a: Vec<F> = [1.5, -2.0, 3.0, 0.0, 7.0, -0.5, 2.0, 9.0].map(F::of).to_vec();
        let b: Vec<F> = [2.0, -2.0, 0.5, 4.0, 0.0, -0.25, 2.0, -3.0].map(F::of).to_vec();
        for n in 1..=8 {
            let (a, mut b) = (&a[..n], b[..n].to_vec());
            b[n - 1] = if n == 8 { nan } else { b[n - 1] };
            let mut expected: Vec<Vec<F>> = Vec::new();
            let of = |f: &dyn Fn(F, F) -> F| a.iter().zip(&b).map(|(x, y)| f(*x, *y)).collect();
            expected.push(of(&|x, y| x + y));
            expected.push(of(&|x, y| x - y));
            expected.push(of(&|x, y| x * y));
            expected.push(of(&|x, y| x / y));
            expected.push(of(&|x, y| x * y + F::one()));
            expected.push(of(&|x, y| if x > y { x } else { y }));
            expected.push(of(&|x, y| if x < y { x } else { y }));
            expected.push(of(&|x, _| x.abs()));
            expected.push(of(&|x, y| if x > y { F::one() } else { y }));
            expected.push(of(&|x, y| if x == y { F::one() } else { y }));
            at_each_level(|level| {
                let mut parts = Vec::new();
                run(Operations { a, b: &b, out: &mut parts });
                let found: Vec<Vec<F>> =
                    (0..expected.len()).map(|i| parts.iter().flat_map(|part| part[i].clone()).collect()).collect();
                assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{} of {n}", level.name());
            });
        }
    }

    #[test]
    fn every_operation_does_at_each_level_what_it_says() {
        operations_agree::<f32>();
        operations_agree::<f64>();
    }

    struct Bytes<'a, F> {
        bytes: &'a [u8],
        table: &'a [F; 256],
        out: [&'a mut [F]; 2],
        back: &'a mut [u8],
    }

    impl<F: Scalar> Task<F> for Bytes<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run<V: Vector<Element = F>>(self, v: Has<V>) {
            let [plain, looked_up] = self.out;
            for (i, bytes) in self.bytes.chunks(V::LANES).enumerate() {
                let range = i * V::LANES..i * V::LANES + bytes.len();
                let x = v.load_bytes(bytes);
                v.store(x, &mut plain[range.clone()]);
                v.store(v.look_up(self.table, bytes), &mut looked_up[range.clone()]);
                v.store_bytes(x, &mut self.back[range]);
            }
        }
    }

    fn bytes_agree<F: Scalar>() {
        let table: [F; 256] = std::array::from_fn(|i| F::of(i as f64 * 0.37 - 5.0));
        for n in [1, 3, 8, 16, 17, 300] {
            let bytes: Vec<u8> = (0..n).map(|i| (i * 41 % 256) as u8).collect();
            at_each_level(|level| {
                let (mut plain, mut looked_up, mut back) = (vec![F::zero(); n], vec![F::zero(); n], vec![0; n]);
                let out = [&mut plain[..], &mut looked_up[..]];
                run(Bytes { bytes: &bytes, table: &table, out, back: &mut back });
                assert_eq!(back, bytes, "{}", level.name());
                for (i, byte) in bytes.iter().enumerate() {
                    assert_eq!(plain[i], F::of(f64::from(*byte)));
                    assert_eq!(looked_up[i], table[usize::from(*byte)]);
                }
            });
        }
    }

    #[test]
    fn bytes_are_read_looked_up_and_written() {
        bytes_agree::<f32>();
        bytes_agree::<f64>();
    }
}
