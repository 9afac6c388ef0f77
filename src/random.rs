//! Named random streams: the pairing of runs rests on them.
//!
//! A stream is ChaCha8 keyed by SHA-256 of (seed, purpose). Two runs with the same seed draw the
//! same numbers for the same purpose, whatever else either of them draws; no stream is ever shared
//! or advanced by anybody else. So an arm's extra parameters, a probe, another thread or an
//! interruption cannot move another purpose's numbers.

use std::fmt::{self, Arguments, Write};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// A random stream.
pub type Stream = ChaCha8Rng;

/// The stream of `purpose` under `seed`, from its beginning.
pub fn stream(seed: u64, purpose: &str) -> Stream {
    stream_of(seed, format_args!("{purpose}"))
}

/// The same for a formatted purpose, without memory for its text.
pub fn stream_of(seed: u64, purpose: Arguments) -> Stream {
    let mut hash = Sha256::new();
    hash.update(b"bn-exp stream\0");
    hash.update(seed.to_le_bytes());
    let written = Text(&mut hash).write_fmt(purpose);
    debug_assert!(written.is_ok(), "a hash takes every byte");
    Stream::from_seed(hash.finalize().into())
}

/// Text on its way into a hash.
struct Text<'a>(&'a mut Sha256);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

/// A uniform index below `bound`, by rejection from the top 32 bits: exact, and the same everywhere.
pub fn below(stream: &mut Stream, bound: usize) -> usize {
    use rand::Rng;
    debug_assert!((1..=u32::MAX as usize).contains(&bound));
    let bound = bound as u64;
    let zone = (1u64 << 32) / bound * bound;
    loop {
        let x = u64::from(stream.next_u32());
        if x < zone {
            return (x % bound) as usize;
        }
    }
}

/// Shuffles in place (Fisher–Yates).
pub fn shuffle<T>(items: &mut [T], stream: &mut Stream) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(stream, i + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_differ_by_seed_and_purpose_and_never_change() {
        let first = |seed, purpose| stream(seed, purpose).next_u64();
        assert_ne!(first(0, "a"), first(0, "b"));
        assert_ne!(first(0, "a"), first(1, "a"));
        assert_eq!(stream_of(7, format_args!("a/{}", 12)).next_u64(), first(7, "a/12"));
        // Pinned: if this number changes, so does every result ever made.
        assert_eq!(first(7, "batches"), 12_772_424_204_192_357_012);
    }

    #[test]
    fn a_shuffle_is_uniform() {
        let mut rng = stream(0, "test");
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            let mut items = [0, 1, 2];
            shuffle(&mut items, &mut rng);
            counts[items[0] * 2 + usize::from(items[1] > items[2])] += 1;
        }
        // χ² with 5 degrees of freedom is below 20.5 with probability 0.999.
        let chi2: f64 = counts.iter().map(|&n| (f64::from(n) - 1e4).powi(2) / 1e4).sum();
        assert!(chi2 < 20.5, "{counts:?}");
    }
}
