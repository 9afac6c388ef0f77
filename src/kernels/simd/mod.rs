//! One instruction, many numbers: kernels are written once over [`Vector`] and compiled for every
//! instruction level; which of them runs is chosen when the program starts.
//!
//! A kernel is a [`Task`], a struct of its arguments whose `run` is generic over the vector type.
//! [`run`] calls it with the vectors of the machine's best level, or of the one that the environment
//! variable `BN_EXP_SIMD` names (`avx512`, `avx2`, `portable`). Results of two levels may differ in
//! the last bits, those of one level never do.
//!
//! A value of a vector type, and [`Has`], its proof, exist only inside such a call. That is what
//! makes arithmetic on them safe: whoever holds one runs on a processor that has the instructions.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Sub};
use std::sync::OnceLock;

use super::Scalar;
pub use portable::Lanes;
#[cfg(target_arch = "x86_64")]
pub use {avx2::Avx2F32, avx2::Avx2F64, avx512::Avx512F32, avx512::Avx512F64};

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What every processor of the target has.
    Portable,
    /// x86-64 with AVX2 and FMA: 8 floats at once.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 floats at once.
    Avx512,
}

impl Level {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// As `BN_EXP_SIMD` and the tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Those this machine can run, best first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|level| level.is_available())
    }
}

/// `BN_EXP_SIMD` names a level that is unknown or not to be had here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("BN_EXP_SIMD asks for `{asked}`; this machine has {available}")]
pub struct LevelError {
    asked: String,
    available: String,
}

/// The level that `BN_EXP_SIMD` asks for, or the best.
///
/// # Errors
/// If it asks for one that is unknown or that this machine does not have.
pub fn requested() -> Result<Level, LevelError> {
    let best = Level::available().next().unwrap_or(Level::Portable);
    let Some(asked) = std::env::var_os("BN_EXP_SIMD").filter(|asked| !asked.is_empty()) else { return Ok(best) };
    Level::available().find(|level| asked == level.name()).ok_or_else(|| LevelError {
        asked: asked.to_string_lossy().into_owned(),
        available: Level::available().map(Level::name).collect::<Vec<_>>().join(", "),
    })
}

/// The level in use: found once, the same until the program ends.
///
/// # Panics
/// If `BN_EXP_SIMD` asks for what is not there; [`requested`] says so beforehand.
pub fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = tests::FORCED.get() {
        return level;
    }
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| requested().unwrap_or_else(|error| panic!("{error}")))
}

/// Asks for these bytes to be brought into the cache; does nothing where that cannot be asked.
#[allow(unsafe_code, reason = "an intrinsic that takes a pointer")]
pub fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: every x86-64 processor has it, and it reads nothing that a program can see.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

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

/// Runs a kernel at a level that is available.
#[allow(unsafe_code, reason = "calls code compiled for instructions that the level stands for")]
fn run_at<F: Scalar, T: Task<F>>(level: Level, task: T) -> T::Output {
    match level {
        // SAFETY: a level is only ever made by `requested` or a test, from those available.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::run(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::run(task) },
        // SAFETY: needs nothing.
        _ => task.run(unsafe { Has::<F::Portable>::new() }),
    }
}

/// A few numbers, all handled by one instruction.
///
/// # Safety
/// The unsafe functions make values out of nothing, so only code compiled for the level may call
/// them; pointers must be good for as many numbers as are read or written, aligned or not.
#[allow(clippy::missing_safety_doc, reason = "said once for all of them")]
#[allow(unsafe_code, reason = "constructors need the instructions; loads and stores take pointers")]
pub trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + 'static
{
    /// What it holds.
    type Element: Scalar;
    /// Some number of first lanes.
    type Mask: Copy;
    /// Double precision at the same level; [`Vector::widen`] gives [`Vector::DOUBLES`] of them.
    type Double: Vector<Element = f64, Double = Self::Double>;
    /// How many numbers.
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
    /// The lanes that are not 0, NaN among them, as bits.
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
        // SAFETY: `self` exists, so the level is there.
        let of = |x: f64| unsafe { Self::splat(Self::Element::of(x)) };
        let round = 1.5 * (1u64 << bits) as f64;
        let half = n.mul_add(of(0.5), of(round)) - of(round);
        let power = |n: Self| (n + of(round + f64::from(bias))).mantissa_to_exponent();
        self * power(half) * power(n - half)
    }
    /// Writes the places of the lowest 16 bits that are set, each plus `first`, one after the other;
    /// what stands behind them, up to 16 numbers in all, may be overwritten.
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

/// The proof that vectors V may be used here, and the safe way to make them.
#[derive(Debug)]
pub struct Has<V>(PhantomData<V>);

impl<V> Clone for Has<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Has<V> {}

#[allow(unsafe_code, reason = "the one place where slices become pointers, lengths checked")]
impl<V: Vector> Has<V> {
    /// # Safety
    /// Only within a function compiled for V's level, on a machine that has it.
    #[inline(always)]
    unsafe fn new() -> Self {
        Self(PhantomData)
    }

    /// The same for doubles.
    #[inline(always)]
    pub fn double(self) -> Has<V::Double> {
        Has(PhantomData)
    }

    /// Runs another kernel as a function of its own at this level, so that large kernels stay apart.
    #[inline(always)]
    pub fn call<T: Task<V::Element>>(self, task: T) -> T::Output {
        run_at(V::LEVEL, task)
    }

    /// All equal.
    #[inline(always)]
    pub fn splat(self, x: V::Element) -> V {
        // SAFETY: `self` proves the level.
        unsafe { V::splat(x) }
    }

    /// All 0.
    #[inline(always)]
    pub fn zero(self) -> V {
        self.splat(V::Element::default())
    }

    /// The first LANES of x, or all and zeros where there are fewer.
    #[inline(always)]
    pub fn load(self, x: &[V::Element]) -> V {
        // SAFETY: `self` proves the level; the length is looked at.
        unsafe { if x.len() >= V::LANES { V::load(x.as_ptr()) } else { V::load_masked(x.as_ptr(), V::first(x.len())) } }
    }

    /// Into the first LANES of x, or as many as there are.
    #[inline(always)]
    pub fn store(self, value: V, x: &mut [V::Element]) {
        // SAFETY: the length is looked at.
        unsafe {
            if x.len() >= V::LANES {
                value.store(x.as_mut_ptr());
            } else {
                value.store_masked(x.as_mut_ptr(), V::first(x.len()));
            }
        }
    }

    /// As [`Has::load`], from bytes.
    #[inline(always)]
    pub fn load_bytes(self, bytes: &[u8]) -> V {
        self.with_bytes(bytes, |from| {
            // SAFETY: `self` proves the level, `with_bytes` the length.
            unsafe { V::load_bytes(from) }
        })
    }

    /// table\[byte\] for the first LANES bytes.
    #[inline(always)]
    pub fn look_up(self, table: &[V::Element; 256], bytes: &[u8]) -> V {
        self.with_bytes(bytes, |from| {
            // SAFETY: `self` proves the level, `with_bytes` the length; a byte indexes 256 entries.
            unsafe { V::look_up(table.as_ptr(), from) }
        })
    }

    /// As [`Has::store`], numbers from 0 to 255 as bytes.
    #[inline(always)]
    pub fn store_bytes(self, value: V, bytes: &mut [u8]) {
        if bytes.len() >= V::LANES {
            // SAFETY: the length was looked at.
            unsafe { value.store_bytes(bytes.as_mut_ptr()) };
        } else {
            let mut whole = [0; 16];
            // SAFETY: no level has more than 16 lanes.
            unsafe { value.store_bytes(whole.as_mut_ptr()) };
            bytes.copy_from_slice(&whole[..bytes.len()]);
        }
    }

    /// Calls `f` with a pointer to LANES bytes that begin with these.
    #[inline(always)]
    fn with_bytes(self, bytes: &[u8], f: impl FnOnce(*const u8) -> V) -> V {
        if bytes.len() >= V::LANES {
            return f(bytes.as_ptr());
        }
        let mut whole = [0; 16];
        whole[..bytes.len()].copy_from_slice(bytes);
        f(whole.as_ptr())
    }

    /// Appends the places of the bits that are set, each plus `first`.
    #[inline(always)]
    pub fn push_places(self, bits: u16, first: usize, to: &mut Vec<u32>) {
        to.reserve(16);
        let (length, count) = (to.len(), bits.count_ones() as usize);
        // SAFETY: there is room for 16 more, and `count` of them are written.
        unsafe {
            V::write_places(u32::from(bits), first as u32, to.as_mut_ptr().add(length));
            to.set_len(length + count);
        }
    }

    /// Sums in double precision plus a vector's numbers.
    #[inline(always)]
    pub fn add_widened(self, sums: [V::Double; 2], value: V) -> [V::Double; 2] {
        let value = value.widen();
        if V::DOUBLES == 2 { [sums[0] + value[0], sums[1] + value[1]] } else { [sums[0] + value[0], sums[1]] }
    }

    /// Adds a vector's numbers, widened, to as many sums in memory.
    #[inline(always)]
    pub fn add_to_sums(self, [low, high]: [V::Double; 2], sums: &mut [f64]) {
        let d = self.double();
        let lanes = V::Double::LANES;
        let (first, second) = sums.split_at_mut(lanes.min(sums.len()));
        d.store(d.load(first) + low, first);
        if V::DOUBLES == 2 && !second.is_empty() {
            d.store(d.load(second) + high, second);
        }
    }
}

#[cfg(test)]
/// Shared with the tests of other kernels.
pub mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// The level of [`at_each_level`].
        pub static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
    }

    /// Calls `f` once at every level that this machine has; kernels within it run at that level.
    pub fn at_each_level(f: impl Fn(Level)) {
        for level in Level::available() {
            FORCED.set(Some(level));
            f(level);
        }
        FORCED.set(None);
    }

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

    #[test]
    fn portable_is_always_there() {
        assert!(Level::available().any(|level| level == Level::Portable));
    }
}
