//! Flips of the signs of paired differences, and their ranks.

pub use super::orbit::{ALL, EXACT, FEWEST, Orbit, smallest_p};
use super::orbit::{Moments, exchanges};
use super::sample::Sample;

/// The exchanges of paired differences: their signs are flipped. `most` as for [`Orbit::new`].
pub fn sign_flips(differences: Sample, most: usize) -> Orbit {
    let n = differences.len();
    let (total, squares) = (differences.iter().sum::<f64>(), differences.iter().map(|d| d * d).sum());
    let moments = exchanges(n, most, |flips| {
        let of_word =
            |(word, d): (&u64, &[f64])| -> f64 { d.iter().enumerate().map(|(i, d)| d * (word >> i & 1) as f64).sum() };
        let flipped: f64 = flips.iter().zip(differences.chunks(64)).map(of_word).sum();
        let count: u32 = flips.iter().map(|word| word.count_ones()).sum();
        let signs = n as f64 - 2.0 * f64::from(count);
        Moments { signs, sum: total - 2.0 * flipped, signed: total, squares, limit: None }
    });
    Orbit { n, moments, is_flips: true }
}

/// Signed ranks of differences, 1 for the smallest |d|, ties sharing their mean rank, zeros 0.
/// Infinite differences rank highest, so that a divergence counts as the worst there is.
pub fn signed_ranks(differences: &[f64]) -> Vec<f64> {
    let mut sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let rank = |d: f64| {
        let below = sizes.partition_point(|size| *size < d.abs());
        let equal = sizes.partition_point(|size| *size <= d.abs()) - below;
        if d == 0.0 { 0.0 } else { d.signum() * (below as f64 + (equal as f64 + 1.0) / 2.0) }
    };
    differences.iter().map(|d| rank(*d)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flips(differences: &[f64], most: usize) -> Orbit {
        sign_flips(Sample::new(differences).unwrap(), most)
    }

    /// The same by way of exchanges, which differences may be infinite after.
    fn as_exchanges(d: &[f64], most: usize) -> Orbit {
        Orbit::new(d.len(), most, |is, out| (0..d.len()).for_each(|i| out[i] = if is[i] { -d[i] } else { d[i] }))
    }

    fn p(differences: &[f64]) -> f64 {
        flips(differences, ALL).p(0.0)
    }

    fn interval(differences: &[f64], confidence: f64) -> Option<(f64, f64)> {
        flips(differences, ALL).interval(confidence)
    }

    #[test]
    fn the_interval_holds_exactly_what_the_test_does_not_reject() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15, 0.35];
        for confidence in [0.9, 0.95, 0.97] {
            let (low, high) = interval(&d, confidence).unwrap();
            let p = |theta: f64| p(&d.map(|x| x - theta));
            assert_eq!(p(0.1), flips(&d, ALL).p(0.1));
            for inside in [low + 1e-9, f64::midpoint(low, high), high - 1e-9] {
                assert!(p(inside) > 1.0 - confidence, "{inside} {}", p(inside));
            }
            for outside in [low - 1e-9, high + 1e-9] {
                assert!(p(outside) <= 1.0 - confidence, "{outside} {}", p(outside));
            }
        }
        assert_eq!(interval(&d[..5], 0.95), None);
        assert_eq!(interval(&[2.0; 6], 0.95), Some((2.0, 2.0)));
        assert_eq!(interval(&d, 0.999), None, "8 pairs reject nothing at 0.001");
        assert_eq!(interval(&d, -0.2), None);
    }

    #[test]
    fn its_ends_are_means_of_subsets() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15];
        let mean = |subset: u32| {
            let chosen = (0..7).filter(|i| subset >> i & 1 == 1).map(|i| d[i]).sum::<f64>();
            chosen / f64::from(subset.count_ones())
        };
        let mut means: Vec<f64> = (1..1u32 << 7).map(mean).collect();
        means.sort_by(f64::total_cmp);
        // 0.025 of 2⁷ is 3.2: the third from either end.
        let (low, high) = interval(&d, 0.95).unwrap();
        assert!((low - means[2]).abs() < 1e-9 && (high - means[means.len() - 3]).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn flips_are_the_exchanges_of_differences() {
        for n in [1, 7, 30, 70] {
            let d: Vec<f64> = (0..n).map(|i| ((i * 37 + 5) % 17) as f64 / 17.0 - 0.3).collect();
            let (flips, exchanges) = (flips(&d, 512), as_exchanges(&d, 512));
            for theta in [0.0, 0.1, -0.4] {
                assert_eq!(flips.p(theta), exchanges.p(theta), "n = {n}, θ = {theta}");
            }
        }
    }

    #[test]
    fn infinite_differences_count_like_any_that_grow_without_bound() {
        let with = |large: f64| {
            let d = [0.3, large, -0.1, 0.2, -large, large, 0.4];
            Orbit::new(7, ALL, |exchanged, out| {
                let sign = |i: usize| if exchanged[i] { -1.0 } else { 1.0 };
                // Large only where the first seed has been exchanged.
                (0..7).for_each(|i| out[i] = sign(i) * if exchanged[0] { d[i] } else { d[i].clamp(-0.5, 0.5) });
            })
        };
        let (huge, infinite) = (with(1e12), with(f64::INFINITY));
        assert_eq!(huge.p(0.0), infinite.p(0.0));
        let ((l, h), (low, high)) = (huge.interval(0.9).unwrap(), infinite.interval(0.9).unwrap());
        assert!((l - low).abs() < 1e-6 && (h - high).abs() < 1e-6);
        let d = [0.3, f64::INFINITY, -0.1, 0.2, 0.5, 0.7, 0.4];
        assert_eq!(as_exchanges(&d, ALL).interval(0.9), None);
    }

    #[test]
    fn all_of_one_sign_gives_the_smallest_p() {
        for n in 1..=8 {
            let d: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(p(&d), smallest_p(n as usize));
        }
        assert_eq!(p(&[0.0; 6]), 1.0);
        assert_eq!(
            as_exchanges(&[f64::INFINITY, 1.0, 2.0], ALL).p(0.0),
            1.0,
            "one that is infinite decides by its sign alone"
        );
    }

    #[test]
    fn fewer_exchanges_than_all_are_a_sample_of_them() {
        let d: Vec<f64> = (0..14).map(|i| f64::from(i % 5) - 1.3).collect();
        let (all, sampled) = (flips(&d, ALL), flips(&d, 4096));
        assert_eq!((all.exchanges(), sampled.exchanges()), (8192, 4096));
        assert!((all.p(0.0) - sampled.p(0.0)).abs() < 0.03, "{} {}", all.p(0.0), sampled.p(0.0));
    }

    #[test]
    fn many_differences_are_sampled_and_agree_with_the_normal_approximation() {
        // Σ±d is nearly normal with variance Σd²: p of a mean 2 standard errors off is 0.0455.
        let n = 70;
        let spread: Vec<f64> = (0..n).map(|i| f64::from(i % 7) - 3.0).collect();
        let se = spread.iter().map(|d| d * d).sum::<f64>().sqrt() / f64::from(n);
        let shifted: Vec<f64> = spread.iter().map(|d| d + 2.0 * se).collect();
        let se = shifted.iter().map(|d| d * d).sum::<f64>().sqrt() / f64::from(n);
        assert!((p(&shifted) - 0.0455).abs() < 0.01, "{}", p(&shifted));
        let (low, high) = interval(&shifted, 0.95).unwrap();
        let mean = shifted.iter().sum::<f64>() / f64::from(n);
        assert!((low - (mean - 1.96 * se)).abs() < 0.1 * se && (high - (mean + 1.96 * se)).abs() < 0.1 * se);
        assert_eq!(p(&[1.0; 30]), smallest_p(30));
    }

    #[test]
    fn ranks_put_divergence_last_and_share_ties() {
        assert_eq!(signed_ranks(&[0.2, f64::INFINITY, -0.2, 0.0]), [2.5, 4.0, -2.5, 0.0]);
    }
}
