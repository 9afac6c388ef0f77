//! What a kernel may do with vectors, safely: make them, load and store them, add them up.

use std::marker::PhantomData;

use super::vector::Vector;

/// The proof that vectors V may be used here, and the safe way to make them.
#[derive(Debug)]
pub struct Has<V>(PhantomData<V>);

impl<V> Clone for Has<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Has<V> {}

#[allow(unsafe_code, reason = "turns slices into pointers, after checking their lengths")]
impl<V: Vector> Has<V> {
    /// # Safety
    /// Only within a function compiled for V's level, on a machine that has it.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(PhantomData)
    }

    /// The same for doubles.
    #[inline(always)]
    pub fn double(self) -> Has<V::Double> {
        Has(PhantomData)
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

    /// The first LANES of x; if x is shorter, all of it and zeros.
    #[inline(always)]
    pub fn load(self, x: &[V::Element]) -> V {
        // SAFETY: `self` proves the level; the length is checked.
        unsafe { if x.len() >= V::LANES { V::load(x.as_ptr()) } else { V::load_masked(x.as_ptr(), V::first(x.len())) } }
    }

    /// Into the first LANES of x, or as many as there are.
    #[inline(always)]
    pub fn store(self, value: V, x: &mut [V::Element]) {
        // SAFETY: the length is checked.
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
            // SAFETY: the length was checked.
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

    /// Appends the indices of the bits that are set, each plus `first`.
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
