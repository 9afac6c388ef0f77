//! A number and a vector of numbers, as traits. Each names the other: a precision has a vector type at
//! every level, and a vector has a precision.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Sub, SubAssign};

use super::level::Level;

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

/// A few numbers, on which one instruction works at once.
///
/// # Safety
/// The unsafe functions use the level's instructions, so only code compiled for the level may call them.
/// Pointers must be valid for as many numbers as are read or written; they need not be aligned.
#[allow(clippy::missing_safety_doc, reason = "said once for all of them")]
#[allow(unsafe_code, reason = "constructors need the instructions; loads and stores take pointers")]
pub trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + 'static
{
    /// The numbers in it.
    type Element: Scalar;
    /// Which lanes take part: the first so many.
    type Mask: Copy;
    /// Double precision at the same level; [`Vector::widen`] gives [`Vector::DOUBLES`] of them.
    type Double: Vector<Element = f64, Double = Self::Double>;
    /// How many numbers it holds.
    const LANES: usize;
    /// How many vectors of doubles hold as many numbers: 2 for f32, 1 for f64.
    const DOUBLES: usize;
    /// The level it belongs to.
    const LEVEL: Level;
    /// Rows of a matrix product's tile, for tiles 1, 2, 3 and 4 vectors wide (0: not so wide), such
    /// that the sums, a row of B and one value of A fit the registers.
    const TILE_ROWS: [usize; 4];

    /// All equal.
    unsafe fn splat(x: Self::Element) -> Self;
    /// From memory.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// The first `n ≤ LANES` lanes.
    unsafe fn first(n: usize) -> Self::Mask;
    /// The masked lanes from memory, the rest 0; nothing is read for them.
    unsafe fn load_masked(from: *const Self::Element, mask: Self::Mask) -> Self;
    /// LANES bytes as numbers 0 to 255.
    unsafe fn load_bytes(from: *const u8) -> Self;
    /// table\[byte\] for LANES bytes; the table has 256 entries.
    unsafe fn look_up(table: *const Self::Element, bytes: *const u8) -> Self;
    /// To memory.
    unsafe fn store(self, to: *mut Self::Element);
    /// The masked lanes to memory.
    unsafe fn store_masked(self, to: *mut Self::Element, mask: Self::Mask);
    /// Numbers from 0 to 255 as LANES bytes.
    unsafe fn store_bytes(self, to: *mut u8);

    /// Copies LANES rows of LANES numbers, `step` apart, to rows `stride` apart, exchanging rows and
    /// columns.
    #[inline(always)]
    unsafe fn transpose(from: *const Self::Element, step: usize, to: *mut Self::Element, stride: usize) {
        for i in 0..Self::LANES {
            for j in 0..Self::LANES {
                // SAFETY: the caller's pointers are good for the rows.
                unsafe { to.add(j * stride + i).write(*from.add(i * step + j)) };
            }
        }
    }

    /// self · b + c, rounded once where the level has such an instruction.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// The larger; `other` if either is NaN.
    fn max(self, other: Self) -> Self;
    /// The smaller; `other` if either is NaN.
    fn min(self, other: Self) -> Self;
    /// self/divisor, correctly rounded, for self from 0 to 255, given 1/divisor.
    fn quotient(self, divisor: Self, inverse: Self) -> Self;
    /// √
    fn sqrt(self) -> Self;
    /// 1/self for numbers from 1 to 3, to a unit in the last place; a division where nothing is faster.
    fn reciprocal(self) -> Self;
    /// Where self > other, `then`, elsewhere `otherwise`.
    fn if_greater(self, other: Self, then: Self, otherwise: Self) -> Self;
    /// Where self = other, `then`, elsewhere `otherwise`.
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self;
    /// A bit for each lane, set if it is not 0 (NaN is not 0).
    fn nonzero(self) -> u32;
    /// The bits shifted left by the width of the mantissa: the low bits become sign and exponent.
    fn mantissa_to_exponent(self) -> Self;
    /// self · 2ⁿ for integers n, for results from 0 to ∞ and of either sign.
    #[inline(always)]
    fn times_power_of_two(self, n: Self) -> Self {
        // Two factors, each of which has a normal exponent, lead down to the least and up to ∞. Adding
        // 1.5·2^bits leaves no room for a fraction: the sum is rounded to an integer, whose low bits
        // are the exponent once the bias is added as well.
        let (bits, bias) = (Self::Element::MANTISSA_BITS, Self::Element::EXPONENT_BIAS);
        // SAFETY: `self` exists, so the processor has the level.
        let of = |x: f64| unsafe { Self::splat(Self::Element::of(x)) };
        let round = 1.5 * (1u64 << bits) as f64;
        let half = n.mul_add(of(0.5), of(round)) - of(round);
        let power = |n: Self| (n + of(round + f64::from(bias))).mantissa_to_exponent();
        self * power(half) * power(n - half)
    }
    /// Writes the index of each set bit among the lowest 16, plus `first`, one after the other. `to` must be valid for 16
    /// numbers, however many bits are set.
    #[inline(always)]
    unsafe fn write_places(mut bits: u32, first: u32, mut to: *mut u32) {
        while bits != 0 {
            // SAFETY: the caller's pointer is good for 16 numbers, and there are no more bits.
            unsafe {
                to.write(first + bits.trailing_zeros());
                to = to.add(1);
            }
            bits &= bits - 1;
        }
    }
    /// In double precision, in order; where `DOUBLES` is 1, the second repeats the first.
    fn widen(self) -> [Self::Double; 2];
}
