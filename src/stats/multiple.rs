//! Several tests at once.

/// Holm's step-down correction (Holm 1979): with the p in rising order, the i-th of m becomes max over j ≤ i of min(1, (m −
/// j + 1)·p_j). Rejecting what stays under α keeps the chance of any false rejection at α, however the tests depend on each
/// other. The result is in the order given; a p that is `None` stays so and does not count.
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..p.len()).filter(|i| p[*i].is_some()).collect();
    order.sort_by(|i, j| p[*i].unwrap_or(1.0).total_cmp(&p[*j].unwrap_or(1.0)));
    let mut corrected = vec![None; p.len()];
    let mut largest = 0.0f64;
    for (rank, i) in order.iter().enumerate() {
        largest = largest.max((order.len() - rank) as f64 * p[*i].unwrap_or(1.0)).min(1.0);
        corrected[*i] = Some(largest);
    }
    corrected
}

/// The corrected p of test `i` if its own p were `p_i` and the others as they are.
pub fn holm_if(p: &[Option<f64>], i: usize, p_i: f64) -> f64 {
    let mut p = p.to_vec();
    p[i] = Some(p_i);
    holm(&p)[i].unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_tested_does_not_count() {
        let close = |a: &[Option<f64>], b: &[Option<f64>]| {
            a.iter().zip(b).all(|(a, b)| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-15,
                (a, b) => a == b,
            })
        };
        let found = holm(&[Some(0.01), None, Some(0.04), Some(0.03)]);
        assert!(close(&found, &[Some(0.03), None, Some(0.06), Some(0.06)]), "{found:?}");
        assert_eq!(holm(&[Some(0.6), Some(0.9)]), [Some(1.0), Some(1.0)]);
        assert!(holm(&[]).is_empty());
        assert_eq!(holm_if(&[Some(0.01), Some(0.9), None], 1, 0.02), 0.02);
        assert_eq!(holm_if(&[Some(0.01), Some(0.9), None], 1, 0.001), 0.002);
    }
}
