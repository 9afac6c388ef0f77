//! AVX-512: registers of 512 bits, masks for what is left over.

#![allow(unsafe_code, reason = "intrinsics; a value's existence proves that the processor has them")]

use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

use super::level::Level;
use super::vector::Vector;

/// The first of two pairs of numbers in each lane of a, and of b.
///
/// # Safety
/// Needs AVX-512.
#[inline(always)]
unsafe fn pairs_low(a: __m512, b: __m512) -> __m512 {
    // SAFETY: the caller's.
    unsafe { _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))) }
}

/// The second of two pairs of numbers in each lane of a, and of b.
///
/// # Safety
/// Needs AVX-512.
#[inline(always)]
unsafe fn pairs_high(a: __m512, b: __m512) -> __m512 {
    // SAFETY: the caller's.
    unsafe { _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))) }
}

/// [`Vector::write_places`] by one instruction.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn write_places(bits: u32, first: u32, to: *mut u32) {
    // SAFETY: the caller's.
    unsafe {
        let places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let places = _mm512_add_epi32(places, _mm512_set1_epi32(first as i32));
        _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi32(bits as u16, places));
    }
}

/// 16 f32.
#[derive(Debug, Clone, Copy)]
pub struct Avx512F32(__m512);

impl Add for Avx512F32 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
}

impl Sub for Avx512F32 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
}

impl Mul for Avx512F32 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
}

impl Div for Avx512F32 {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // In halves: processors divide 8 numbers more than twice as fast as 16.
        unsafe {
            let low = _mm256_div_ps(_mm512_castps512_ps256(self.0), _mm512_castps512_ps256(other.0));
            let high = _mm256_div_ps(high_half(self.0), high_half(other.0));
            Self(_mm512_castpd_ps(_mm512_insertf64x4::<1>(
                _mm512_castps_pd(_mm512_castps256_ps512(low)),
                _mm256_castps_pd(high),
            )))
        }
    }
}

#[inline(always)]
unsafe fn high_half(x: __m512) -> __m256 {
    unsafe { _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(x))) }
}

impl Vector for Avx512F32 {
    type Element = f32;
    type Mask = u16;
    type Double = Avx512F64;
    const LANES: usize = 16;
    const DOUBLES: usize = 2;
    const LEVEL: Level = Level::Avx512;
    const TILE_ROWS: [usize; 4] = [10, 10, 8, 6];

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn first(n: usize) -> u16 {
        ((1u32 << n) - 1) as u16
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: u16) -> Self {
        Self(unsafe { _mm512_maskz_loadu_ps(mask, from) })
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        Self(unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) })
    }
    #[inline(always)]
    unsafe fn look_up(table: *const f32, bytes: *const u8) -> Self {
        Self(unsafe { _mm512_i32gather_ps::<4>(_mm512_cvtepu8_epi32(_mm_loadu_si128(bytes.cast())), table) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: u16) {
        unsafe { _mm512_mask_storeu_ps(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(self.0))) }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, step: usize, to: *mut f32, stride: usize) {
        // SAFETY: the caller's pointers are good for 16 rows.
        unsafe {
            let mut fours = [[_mm512_setzero_ps(); 4]; 4];
            for i in 0..4usize {
                let from = from.add(4 * i * step);
                let row = |k: usize| _mm512_loadu_ps(from.add(k * step));
                let (a, b, c, d) = (row(0), row(1), row(2), row(3));
                let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
                let (ab_next, cd_next) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
                let columns =
                    [pairs_low(ab, cd), pairs_high(ab, cd), pairs_low(ab_next, cd_next), pairs_high(ab_next, cd_next)];
                fours.iter_mut().zip(columns).for_each(|(q, column)| q[i] = column);
            }
            for (j, q) in fours.iter().enumerate() {
                // Lane l of q[i] holds column 4l + j of rows 4i to 4i + 3.
                let low = _mm512_shuffle_f32x4::<0x44>(q[0], q[1]);
                let low_next = _mm512_shuffle_f32x4::<0x44>(q[2], q[3]);
                let high = _mm512_shuffle_f32x4::<0xee>(q[0], q[1]);
                let high_next = _mm512_shuffle_f32x4::<0xee>(q[2], q[3]);
                _mm512_storeu_ps(to.add(j * stride), _mm512_shuffle_f32x4::<0x88>(low, low_next));
                _mm512_storeu_ps(to.add((4 + j) * stride), _mm512_shuffle_f32x4::<0xdd>(low, low_next));
                _mm512_storeu_ps(to.add((8 + j) * stride), _mm512_shuffle_f32x4::<0x88>(high, high_next));
                _mm512_storeu_ps(to.add((12 + j) * stride), _mm512_shuffle_f32x4::<0xdd>(high, high_next));
            }
        }
    }

    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn quotient(self, divisor: Self, inverse: Self) -> Self {
        // What is left of self after a first quotient is exact, and corrects it (Markstein 1990).
        let first = self * inverse;
        let left = Self(unsafe { _mm512_fnmadd_ps(first.0, divisor.0, self.0) });
        left.mul_add(inverse, first)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm512_sqrt_ps(self.0) })
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        // 14 bits from a table, twice as many by a step of Newton's: r ← r + r(1 − xr).
        Self(unsafe {
            let r = _mm512_rcp14_ps(self.0);
            _mm512_fmadd_ps(r, _mm512_fnmadd_ps(self.0, r, _mm512_set1_ps(1.0)), r)
        })
    }
    #[inline(always)]
    fn if_greater(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0), otherwise.0, then.0) })
    }
    #[inline(always)]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0), otherwise.0, then.0) })
    }
    #[inline(always)]
    fn nonzero(self) -> u32 {
        u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self.0, _mm512_setzero_ps()) })
    }
    #[inline(always)]
    unsafe fn write_places(bits: u32, first: u32, to: *mut u32) {
        // SAFETY: the caller's.
        unsafe { write_places(bits, first, to) }
    }
    #[inline(always)]
    fn times_power_of_two(self, n: Self) -> Self {
        Self(unsafe { _mm512_scalef_ps(self.0, n.0) })
    }
    #[inline(always)]
    fn mantissa_to_exponent(self) -> Self {
        Self(unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(self.0))) })
    }
    #[inline(always)]
    fn widen(self) -> [Avx512F64; 2] {
        unsafe {
            let low = _mm512_castps512_ps256(self.0);
            let high = _mm512_extractf32x8_ps::<1>(self.0);
            [Avx512F64(_mm512_cvtps_pd(low)), Avx512F64(_mm512_cvtps_pd(high))]
        }
    }
}

/// 8 f64.
#[derive(Debug, Clone, Copy)]
pub struct Avx512F64(__m512d);

impl Add for Avx512F64 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_pd(self.0, other.0) })
    }
}

impl Sub for Avx512F64 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_pd(self.0, other.0) })
    }
}

impl Mul for Avx512F64 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_pd(self.0, other.0) })
    }
}

impl Div for Avx512F64 {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { _mm512_div_pd(self.0, other.0) })
    }
}

impl Vector for Avx512F64 {
    type Element = f64;
    type Mask = u8;
    type Double = Avx512F64;
    const LANES: usize = 8;
    const DOUBLES: usize = 1;
    const LEVEL: Level = Level::Avx512;
    const TILE_ROWS: [usize; 4] = [10, 10, 8, 6];

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        Self(unsafe { _mm512_set1_pd(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        Self(unsafe { _mm512_loadu_pd(from) })
    }
    #[inline(always)]
    unsafe fn first(n: usize) -> u8 {
        ((1u32 << n) - 1) as u8
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const f64, mask: u8) -> Self {
        Self(unsafe { _mm512_maskz_loadu_pd(mask, from) })
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        Self(unsafe { _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) })
    }
    #[inline(always)]
    unsafe fn look_up(table: *const f64, bytes: *const u8) -> Self {
        Self(unsafe { _mm512_i32gather_pd::<8>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes.cast())), table) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm512_storeu_pd(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f64, mask: u8) {
        unsafe { _mm512_mask_storeu_pd(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        unsafe { _mm_storel_epi64(to.cast(), _mm256_cvtepi32_epi8(_mm512_cvtpd_epi32(self.0))) }
    }

    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fmadd_pd(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn quotient(self, divisor: Self, inverse: Self) -> Self {
        // What is left of self after a first quotient is exact, and corrects it (Markstein 1990).
        let first = self * inverse;
        let left = Self(unsafe { _mm512_fnmadd_pd(first.0, divisor.0, self.0) });
        left.mul_add(inverse, first)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm512_sqrt_pd(self.0) })
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self(unsafe { _mm512_div_pd(_mm512_set1_pd(1.0), self.0) })
    }
    #[inline(always)]
    fn if_greater(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(self.0, other.0), otherwise.0, then.0) })
    }
    #[inline(always)]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, other.0), otherwise.0, then.0) })
    }
    #[inline(always)]
    fn nonzero(self) -> u32 {
        u32::from(unsafe { _mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(self.0, _mm512_setzero_pd()) })
    }
    #[inline(always)]
    unsafe fn write_places(bits: u32, first: u32, to: *mut u32) {
        // SAFETY: the caller's.
        unsafe { write_places(bits, first, to) }
    }
    #[inline(always)]
    fn times_power_of_two(self, n: Self) -> Self {
        Self(unsafe { _mm512_scalef_pd(self.0, n.0) })
    }
    #[inline(always)]
    fn mantissa_to_exponent(self) -> Self {
        Self(unsafe { _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(self.0))) })
    }
    #[inline(always)]
    fn widen(self) -> [Avx512F64; 2] {
        [self, self]
    }
}
