//! Numbers on slices. Nothing here knows of networks, arms or data sets.
//!
//! Feature maps are [N, H, W, C], row-major: samples, rows, columns, channels. A norm sees them as
//! a matrix of N·H·W rows by C channels, and so does a fully connected layer's output, with
//! H = W = 1; one kernel serves both. Sums over many values are kept in f64, so that f32 statistics are
//! right however large the batch is.
//!
//! Kernels are written once, over vectors, and run at the best instruction level of the machine
//! ([`simd`]). Beside each is a plain reference, in its tests, with which it is compared at every level
//! on shapes that are no multiples of anything.

pub mod activation;
pub mod conv;
pub mod exp;
pub mod gather;
pub mod gemm;
pub mod narrow;
pub mod norm;
pub mod pool;
pub mod simd;
pub mod softmax;
pub mod sparse;
pub mod tail;
pub mod update;

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, MulAssign, SubAssign};

use simd::{Lanes, Vector};

/// The two precisions of training: f32 and f64.
pub trait Scalar:
    num_traits::Float
    + ndarray::LinalgScalar
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
    + Default
    + Debug
    + Display
    + Send
    + Sync
    + 'static
{
    /// Its vectors at level `portable`.
    type Portable: Vector<Element = Self>;
    /// Its vectors at level `avx2`.
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Element = Self>;
    /// Its vectors at level `avx512`.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Element = Self>;

    /// Bits of the mantissa that are stored.
    const MANTISSA_BITS: u32;
    /// What is added to an exponent before it is stored.
    const EXPONENT_BIAS: i32;

    /// The nearest value of this precision.
    fn of(x: f64) -> Self;
    /// Exactly, in double precision.
    fn f64(self) -> f64;
    /// The bits shifted left by the width of the mantissa.
    fn mantissa_to_exponent(self) -> Self;
}

impl Scalar for f32 {
    type Portable = Lanes<f32, 4>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = simd::Avx2F32;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = simd::Avx512F32;
    const MANTISSA_BITS: u32 = f32::MANTISSA_DIGITS - 1;
    const EXPONENT_BIAS: i32 = f32::MAX_EXP - 1;

    fn of(x: f64) -> Self {
        x as f32
    }
    fn f64(self) -> f64 {
        f64::from(self)
    }
    fn mantissa_to_exponent(self) -> Self {
        f32::from_bits(self.to_bits() << Self::MANTISSA_BITS)
    }
}

impl Scalar for f64 {
    type Portable = Lanes<f64, 2>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = simd::Avx2F64;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = simd::Avx512F64;
    const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    const EXPONENT_BIAS: i32 = f64::MAX_EXP - 1;

    fn of(x: f64) -> Self {
        x
    }
    fn f64(self) -> f64 {
        self
    }
    fn mantissa_to_exponent(self) -> Self {
        f64::from_bits(self.to_bits() << Self::MANTISSA_BITS)
    }
}

/// Adds b \[C\] to every row of x [rows, C].
pub fn add_to_rows<F: Scalar>(x: &mut [F], bias: &[F]) {
    for row in x.chunks_exact_mut(bias.len()) {
        for (v, b) in row.iter_mut().zip(bias) {
            *v += *b;
        }
    }
}

/// The Euclidean norm ‖x‖, in f64.
pub fn l2_norm<F: Scalar>(x: &[F]) -> f64 {
    x.iter().map(|v| v.f64() * v.f64()).sum::<f64>().sqrt()
}
