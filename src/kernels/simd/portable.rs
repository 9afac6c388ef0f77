//! Plain arrays, which the compiler turns into whatever vectors the target has.

use std::array::from_fn;
use std::ops::{Add, Div, Mul, Sub};

use super::level::Level;
use super::vector::{Scalar, Vector};

/// N numbers.
#[derive(Debug, Clone, Copy)]
pub struct Lanes<F, const N: usize>([F; N]);

impl<F: Scalar, const N: usize> Lanes<F, N> {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(F, F) -> F) -> Self {
        Self(from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl<F: Scalar, const N: usize> Add for Lanes<F, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl<F: Scalar, const N: usize> Sub for Lanes<F, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl<F: Scalar, const N: usize> Mul for Lanes<F, N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl<F: Scalar, const N: usize> Div for Lanes<F, N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
}

#[allow(unsafe_code, reason = "the trait's loads and stores take pointers")]
impl<F: Scalar, const N: usize> Vector for Lanes<F, N> {
    type Element = F;
    type Mask = usize;
    type Double = Lanes<f64, 2>;
    const LANES: usize = N;
    const DOUBLES: usize = N / 2;
    const LEVEL: Level = Level::Portable;
    const TILE_ROWS: [usize; 4] = [8, 4, 0, 0];

    #[inline(always)]
    unsafe fn splat(x: F) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    unsafe fn load(from: *const F) -> Self {
        // SAFETY: the caller's pointer is good for N numbers.
        Self(unsafe { from.cast::<[F; N]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn first(n: usize) -> usize {
        n
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const F, n: usize) -> Self {
        if n == N {
            // SAFETY: the caller's pointer is good for n numbers.
            return unsafe { Self::load(from) };
        }
        // SAFETY: as above.
        Self(from_fn(|i| if i < n { unsafe { *from.add(i) } } else { F::zero() }))
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        // SAFETY: the caller's pointer is good for N bytes.
        Self(from_fn(|i| F::of(f64::from(unsafe { *from.add(i) }))))
    }
    #[inline(always)]
    unsafe fn look_up(table: *const F, bytes: *const u8) -> Self {
        // SAFETY: the caller's pointers are good for N bytes and 256 entries.
        Self(from_fn(|i| unsafe { *table.add(usize::from(*bytes.add(i))) }))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut F) {
        // SAFETY: the caller's pointer is good for N numbers.
        unsafe { to.cast::<[F; N]>().write_unaligned(self.0) };
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut F, n: usize) {
        for i in 0..n.min(N) {
            // SAFETY: the caller's pointer is good for n numbers.
            unsafe { *to.add(i) = self.0[i] };
        }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        for (i, x) in self.0.into_iter().enumerate() {
            // SAFETY: the caller's pointer is good for N bytes.
            unsafe { *to.add(i) = x.f64() as u8 };
        }
    }

    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // One instruction where the target always has it; elsewhere it would be a library call.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            Self(from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
        } else {
            self * b + c
        }
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn quotient(self, divisor: Self, _: Self) -> Self {
        self / divisor
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(from_fn(|i| self.0[i].sqrt()))
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self([F::one(); N]) / self
    }
    #[inline(always)]
    fn if_greater(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(from_fn(|i| if self.0[i] > other.0[i] { then.0[i] } else { otherwise.0[i] }))
    }
    #[inline(always)]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(from_fn(|i| if self.0[i] == other.0[i] { then.0[i] } else { otherwise.0[i] }))
    }
    #[inline(always)]
    fn nonzero(self) -> u32 {
        self.0.iter().enumerate().fold(0, |bits, (i, x)| bits | u32::from(*x != F::zero()) << i)
    }
    #[inline(always)]
    fn mantissa_to_exponent(self) -> Self {
        Self(from_fn(|i| self.0[i].mantissa_to_exponent()))
    }
    #[inline(always)]
    fn widen(self) -> [Lanes<f64, 2>; 2] {
        let part = |from: usize| Lanes(from_fn(|i| self.0[(from + i) % N].f64()));
        [part(0), part(2)]
    }
}
