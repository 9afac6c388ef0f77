//! What the tests of several kernels share.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardUniform};

use super::simd::level::FORCED;
use super::simd::{Level, Scalar};

/// Calls `f` once at every level that this machine has; kernels within it run at that level.
pub fn at_each_level(f: impl Fn(Level)) {
    for level in Level::available() {
        FORCED.set(Some(level));
        f(level);
    }
    FORCED.set(None);
}

/// Numbers of no pattern between −1 and 1.
pub fn numbers<F: Scalar>(n: usize, seed: u64) -> Vec<F> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let uniform = |rng: &mut _| -> f64 { StandardUniform.sample(rng) };
    (0..n).map(|_| F::of(2.0 * uniform(&mut rng) - 1.0)).collect()
}

/// Asserts that values are those expected, to `tolerance` roundings of a number near 1.
pub fn assert_close<F: Scalar>(found: &[F], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let close = (f.f64() - e).abs() <= tolerance * F::epsilon().f64() * e.abs().max(1.0);
        assert!(close, "{what}: entry {i} is {f}, expected {e}");
    }
}
