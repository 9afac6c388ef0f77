//! AVX2 and FMA: registers of 256 bits.

#![allow(unsafe_code, reason = "intrinsics; a value's existence proves that the processor has them")]

use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

use super::level::Level;
use super::vector::Vector;

/// 8 f32.
#[derive(Debug, Clone, Copy)]
pub struct Avx2F32(__m256);

impl Add for Avx2F32 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
}

impl Sub for Avx2F32 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
}

impl Mul for Avx2F32 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
}

impl Div for Avx2F32 {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { _mm256_div_ps(self.0, other.0) })
    }
}

impl Vector for Avx2F32 {
    type Element = f32;
    type Mask = __m256i;
    type Double = Avx2F64;
    const LANES: usize = 8;
    const DOUBLES: usize = 2;
    const LEVEL: Level = Level::Avx2;
    const TILE_ROWS: [usize; 4] = [10, 6, 0, 0];

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn first(n: usize) -> __m256i {
        unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: __m256i) -> Self {
        Self(unsafe { _mm256_maskload_ps(from, mask) })
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        Self(unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) })
    }
    #[inline(always)]
    unsafe fn look_up(table: *const f32, bytes: *const u8) -> Self {
        Self(unsafe { _mm256_i32gather_ps::<4>(table, _mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes.cast()))) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: __m256i) {
        unsafe { _mm256_maskstore_ps(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        unsafe {
            let words = _mm256_cvtps_epi32(self.0);
            let halves = _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(halves, halves))
        }
    }

    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn quotient(self, divisor: Self, inverse: Self) -> Self {
        // What is left of self after a first quotient is exact, and corrects it (Markstein 1990).
        let first = self * inverse;
        let left = Self(unsafe { _mm256_fnmadd_ps(first.0, divisor.0, self.0) });
        left.mul_add(inverse, first)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm256_sqrt_ps(self.0) })
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self(unsafe { _mm256_div_ps(_mm256_set1_ps(1.0), self.0) })
    }
    #[inline(always)]
    fn if_greater(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm256_blendv_ps(otherwise.0, then.0, _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0)) })
    }
    #[inline(always)]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm256_blendv_ps(otherwise.0, then.0, _mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0)) })
    }
    #[inline(always)]
    fn nonzero(self) -> u32 {
        let mask = unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(self.0, _mm256_setzero_ps())) };
        mask as u32
    }
    #[inline(always)]
    fn mantissa_to_exponent(self) -> Self {
        Self(unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(self.0))) })
    }
    #[inline(always)]
    fn widen(self) -> [Avx2F64; 2] {
        unsafe {
            let low = _mm256_castps256_ps128(self.0);
            let high = _mm256_extractf128_ps::<1>(self.0);
            [Avx2F64(_mm256_cvtps_pd(low)), Avx2F64(_mm256_cvtps_pd(high))]
        }
    }
}

/// 4 f64.
#[derive(Debug, Clone, Copy)]
pub struct Avx2F64(__m256d);

impl Add for Avx2F64 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_pd(self.0, other.0) })
    }
}

impl Sub for Avx2F64 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_pd(self.0, other.0) })
    }
}

impl Mul for Avx2F64 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_pd(self.0, other.0) })
    }
}

impl Div for Avx2F64 {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { _mm256_div_pd(self.0, other.0) })
    }
}

impl Vector for Avx2F64 {
    type Element = f64;
    type Mask = __m256i;
    type Double = Avx2F64;
    const LANES: usize = 4;
    const DOUBLES: usize = 1;
    const LEVEL: Level = Level::Avx2;
    const TILE_ROWS: [usize; 4] = [10, 6, 0, 0];

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        Self(unsafe { _mm256_set1_pd(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        Self(unsafe { _mm256_loadu_pd(from) })
    }
    #[inline(always)]
    unsafe fn first(n: usize) -> __m256i {
        unsafe { _mm256_cmpgt_epi64(_mm256_set1_epi64x(n as i64), _mm256_setr_epi64x(0, 1, 2, 3)) }
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const f64, mask: __m256i) -> Self {
        Self(unsafe { _mm256_maskload_pd(from, mask) })
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        Self(unsafe { _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(from.cast::<i32>().read_unaligned()))) })
    }
    #[inline(always)]
    unsafe fn look_up(table: *const f64, bytes: *const u8) -> Self {
        Self(unsafe {
            _mm256_i32gather_pd::<8>(table, _mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes.cast::<i32>().read_unaligned())))
        })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm256_storeu_pd(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f64, mask: __m256i) {
        unsafe { _mm256_maskstore_pd(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        unsafe {
            let words = _mm256_cvtpd_epi32(self.0);
            let halves = _mm_packs_epi32(words, words);
            to.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(_mm_packus_epi16(halves, halves)))
        }
    }

    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm256_fmadd_pd(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn quotient(self, divisor: Self, inverse: Self) -> Self {
        // What is left of self after a first quotient is exact, and corrects it (Markstein 1990).
        let first = self * inverse;
        let left = Self(unsafe { _mm256_fnmadd_pd(first.0, divisor.0, self.0) });
        left.mul_add(inverse, first)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm256_sqrt_pd(self.0) })
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self(unsafe { _mm256_div_pd(_mm256_set1_pd(1.0), self.0) })
    }
    #[inline(always)]
    fn if_greater(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm256_blendv_pd(otherwise.0, then.0, _mm256_cmp_pd::<_CMP_GT_OQ>(self.0, other.0)) })
    }
    #[inline(always)]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm256_blendv_pd(otherwise.0, then.0, _mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, other.0)) })
    }
    #[inline(always)]
    fn nonzero(self) -> u32 {
        let mask = unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(self.0, _mm256_setzero_pd())) };
        mask as u32
    }
    #[inline(always)]
    fn mantissa_to_exponent(self) -> Self {
        Self(unsafe { _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(self.0))) })
    }
    #[inline(always)]
    fn widen(self) -> [Avx2F64; 2] {
        [self, self]
    }
}
