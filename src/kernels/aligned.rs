//! Values that begin where a cache line begins.
//!
//! A vector register of 64 bytes is read from one cache line or from two, depending on where its first byte lies. The
//! allocator promises an alignment of 16 bytes only. So at times every read of a large buffer touches two lines, and the
//! time of a step depends on what else was allocated.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line.
const LINE: usize = 64;

/// A slice of fixed length whose first value begins a cache line.
#[derive(Debug)]
pub struct Aligned<T> {
    /// The slice, with room before it; never grown, as its memory may not move.
    room: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Clone> Aligned<T> {
    /// `length` copies of `value`.
    pub fn filled(value: T, length: usize) -> Self {
        let spare = if length == 0 { 0 } else { LINE / size_of::<T>() };
        let room = vec![value; length + spare];
        // `align_offset` may decline to answer; the slice then begins at the first value.
        let start = Some(room.as_ptr().align_offset(LINE)).filter(|start| *start <= spare).unwrap_or(0);
        Self { room, start, length }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.room[self.start..][..self.length]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.room[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins_a_line<T>(values: &[T]) -> bool {
        values.as_ptr().addr().is_multiple_of(LINE)
    }

    #[test]
    fn every_length_begins_a_line() {
        // Odd lengths vary where the allocator puts the next one.
        let mut kept = Vec::new();
        for length in 1..200 {
            let mut values = Aligned::filled(0.0_f32, length);
            values.iter_mut().enumerate().for_each(|(i, value)| *value = i as f32);
            kept.push((values, Aligned::filled(1_u8, length)));
        }
        for (length, (values, bytes)) in (1..).zip(&kept) {
            assert!(begins_a_line(values) && begins_a_line(bytes), "{length}");
            assert!(values.iter().copied().eq((0..length).map(|i| i as f32)), "{length}");
            assert_eq!(**bytes, vec![1; length]);
        }
        assert!(Aligned::filled(0.0_f64, 0).is_empty());
    }
}
