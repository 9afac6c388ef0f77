//! Choosing one candidate, a learning rate say, for each seed without looking at that seed.

/// The results of one arm with every candidate, \[seed\]\[candidate\], as numbers of which more is better; candidates in
/// the order that decides ties. A diverged loss is −∞.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Number of candidates, at least 1.
    pub candidates: usize,
    /// The scores that choose the candidate.
    pub selection: Vec<f64>,
    /// What is compared.
    pub value: Vec<f64>,
}

impl Record {
    /// Number of seeds.
    pub fn seeds(&self) -> usize {
        self.value.len() / self.candidates
    }

    /// Each seed's value at the candidate chosen for it.
    pub fn read(&self, chosen: &[usize]) -> Vec<f64> {
        chosen.iter().enumerate().map(|(seed, k)| self.value[seed * self.candidates + k]).collect()
    }
}

/// For each seed the best candidate by the mean over the *other* seeds: fewest diverged, then the largest
/// mean; of equals the first. With one seed there is nothing to choose by: the first candidate.
pub fn leave_one_out(record: &Record) -> Vec<usize> {
    let mut chosen = Vec::new();
    choose(record.seeds(), record.candidates, |seed| record.row(seed), &mut chosen);
    chosen
}

/// The best candidate by the mean over all seeds, by the same rule. It is for show: no seed is read at it.
pub fn overall(record: &Record) -> usize {
    let totals = totals(record.seeds(), record.candidates, &|seed| record.row(seed));
    best(&totals, None)
}

/// The candidates that might as well have been chosen, and for which that matters: their selection is within two standard
/// errors of the best's, seed by seed, while their values differ by more than two.
///
/// All seeds make nearly the same choice. The chance in it is therefore one replicate, which no test within seeds can see.
pub fn unsettled(record: &Record) -> Vec<usize> {
    let best = overall(record);
    let is_unsettled =
        |k: &usize| record.t(&record.selection, best, *k) < 2.0 && record.t(&record.value, best, *k).abs() > 2.0;
    (0..record.candidates).filter(|k| record.seeds() > 2 && *k != best).filter(is_unsettled).collect()
}

/// The candidates whose selection is within two standard errors of the best's, seed by seed. One that equals the best with
/// every seed is left out: it does not matter which of the two is taken.
pub fn as_good(record: &Record) -> Vec<usize> {
    let best = overall(record);
    let is_as_good = |k: &usize| record.t(&record.selection, best, *k) < 2.0;
    (0..record.candidates).filter(|k| record.seeds() > 2 && *k != best).filter(is_as_good).collect()
}

impl Record {
    /// How many standard errors one candidate's values lie above another's, paired by seed.
    fn t(&self, of: &[f64], one: usize, other: usize) -> f64 {
        let n = self.seeds();
        let difference = |s: usize| of[s * self.candidates + one] - of[s * self.candidates + other];
        let differences: Vec<f64> = (0..n).map(difference).collect();
        let mean = differences.iter().sum::<f64>() / n as f64;
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        mean / (squares / (n as f64 - 1.0) / n as f64).sqrt()
    }

    /// The scores that choose, for one seed, by candidate.
    pub fn row(&self, seed: usize) -> &[f64] {
        &self.selection[seed * self.candidates..][..self.candidates]
    }
}

/// Seeds that diverged with a candidate, and the sum over the others.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    diverged: usize,
    sum: f64,
}

/// [`leave_one_out`] on rows that may be put together from several records.
pub(super) fn choose<'a>(seeds: usize, candidates: usize, row: impl Fn(usize) -> &'a [f64], chosen: &mut Vec<usize>) {
    chosen.clear();
    if candidates == 1 || seeds < 2 {
        chosen.resize(seeds, 0);
        return;
    }
    let totals = totals(seeds, candidates, &row);
    chosen.extend((0..seeds).map(|seed| best(&totals, Some(row(seed)))));
}

fn totals<'a>(seeds: usize, candidates: usize, row: &impl Fn(usize) -> &'a [f64]) -> Vec<Total> {
    let mut totals = vec![Total::default(); candidates];
    for seed in 0..seeds {
        for (total, value) in totals.iter_mut().zip(row(seed)) {
            if value.is_finite() { total.sum += value } else { total.diverged += 1 }
        }
    }
    totals
}

/// The best of the totals, less one seed's own row.
fn best(totals: &[Total], own: Option<&[f64]>) -> usize {
    let others = |k: usize| {
        let Total { diverged, sum } = totals[k];
        match own.map_or(0.0, |own| own[k]) {
            value if value.is_finite() => (diverged, sum - value),
            _ => (diverged - 1, sum),
        }
    };
    let (mut choice, (mut least, mut largest)) = (0, others(0));
    for k in 1..totals.len() {
        let (diverged, sum) = others(k);
        // Sums that differ by rounding only are equal.
        let is_larger = sum > largest + 1e-12 * sum.abs().max(largest.abs());
        if diverged < least || diverged == least && is_larger {
            (choice, least, largest) = (k, diverged, sum);
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(candidates: usize, selection: &[f64]) -> Record {
        Record { candidates, selection: selection.to_vec(), value: selection.to_vec() }
    }

    #[test]
    fn a_seed_is_read_at_the_rate_that_the_others_prefer() {
        // The last seed alone prefers the second rate, so strongly that the first two follow it; for itself
        // it is read at the first.
        let record = record(2, &[0.9, 0.8, 0.9, 0.8, 0.1, 0.9]);
        assert_eq!(leave_one_out(&record), [1, 1, 0]);
        assert_eq!(record.read(&[1, 1, 0]), [0.8, 0.8, 0.1]);
        assert_eq!(overall(&record), 1);
    }

    #[test]
    fn ties_take_the_first_and_divergence_counts_before_the_mean() {
        assert_eq!(leave_one_out(&record(2, &[0.3, 0.3, 0.1, 0.1])), [0, 0]);
        let inf = f64::NEG_INFINITY;
        assert_eq!(leave_one_out(&record(2, &[-0.1, -5.0, inf, -5.0, -0.1, -5.0])), [1, 0, 1]);
        assert_eq!(leave_one_out(&record(3, &[inf, inf, inf])), [0]);
        assert_eq!(leave_one_out(&record(2, &[])), [0usize; 0]);
    }

    #[test]
    fn candidates_are_as_good_within_two_standard_errors_and_not_where_they_are_equal() {
        // The second is 0.1 below on average, with much scatter; the third far below; the last equal to the first.
        let rows = [[1.0, 1.2, 0.1, 1.0], [1.1, 0.8, 0.2, 1.1], [0.9, 0.9, 0.0, 0.9], [1.0, 0.7, 0.1, 1.0]];
        let record = Record { candidates: 4, selection: rows.concat(), value: rows.concat() };
        assert_eq!((overall(&record), as_good(&record)), (0, vec![1]));
    }

    #[test]
    fn a_choice_that_chance_made_and_that_matters_is_unsettled() {
        let selection = [0.9, 0.8, 0.1, 0.7, 0.8, 0.2, 0.8, 0.9, 0.1, 0.9, 0.7, 0.2];
        let value = [0.5, 0.3, 0.1, 0.6, 0.4, 0.1, 0.5, 0.31, 0.1, 0.6, 0.42, 0.2];
        let record = Record { candidates: 3, selection: selection.to_vec(), value: value.to_vec() };
        assert_eq!(unsettled(&record), [1]);
        let alike = Record { value: vec![0.5; 12], ..record };
        assert_eq!(unsettled(&alike), [0usize; 0]);
    }

    #[test]
    fn sums_that_differ_by_rounding_are_ties() {
        // 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in their last bit.
        let record = record(2, &[0.3, 0.1, 0.2, 0.2, 0.1, 0.3, 9.0, 9.0]);
        assert_eq!(leave_one_out(&record)[3], 0);
    }
}
