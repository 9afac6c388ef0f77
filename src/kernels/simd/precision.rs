//! The two precisions, and their vectors at every level.

#[cfg(target_arch = "x86_64")]
use super::avx2::{Avx2F32, Avx2F64};
#[cfg(target_arch = "x86_64")]
use super::avx512::{Avx512F32, Avx512F64};
use super::portable::Lanes;
use super::vector::Scalar;

impl Scalar for f32 {
    type Portable = Lanes<f32, 4>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = Avx2F32;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = Avx512F32;
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
    type Avx2 = Avx2F64;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = Avx512F64;
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
