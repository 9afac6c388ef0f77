//! Tables of analyses, in memory.

use std::collections::BTreeMap;

/// A table of an analysis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// The rows in which some columns hold these words.
    pub fn rows_where<'a>(&'a self, words: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = SheetRow<'a>> {
        let rows = self.rows.iter().map(|cells| SheetRow { sheet: self, cells });
        rows.filter(move |row| words.iter().all(|(column, word)| row.word(column) == *word))
    }

    /// For each seed, the mean of a figure over the rows in which some columns hold these words.
    pub fn by_seed(&self, words: &[(&str, &str)], of: &dyn Fn(&SheetRow) -> f64) -> BTreeMap<u64, f64> {
        let mut found: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for row in self.rows_where(words) {
            found.entry(row.number("seed") as u64).or_default().push(of(&row));
        }
        found.into_iter().map(|(seed, values)| (seed, values.iter().sum::<f64>() / values.len() as f64)).collect()
    }
}

/// A row of an analysis.
#[derive(Debug, Clone, Copy)]
pub struct SheetRow<'a> {
    sheet: &'a Sheet,
    cells: &'a [String],
}

impl SheetRow<'_> {
    /// The text in a column; empty if there is none.
    pub fn word(&self, column: &str) -> &str {
        let at = self.sheet.columns.iter().position(|known| known == column);
        at.and_then(|at| self.cells.get(at)).map_or("", String::as_str)
    }

    /// The number in a column; NaN if there is none.
    pub fn number(&self, column: &str) -> f64 {
        self.word(column).parse().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_mean_over_a_seeds_own_rows() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let columns = row(["seed", "arm", "x"]);
        let rows = vec![row(["7", "bn", "1"]), row(["2", "bn", "5"]), row(["7", "bn", "4"]), row(["7", "affine", "9"])];
        let sheet = Sheet { columns, rows };
        let found = sheet.by_seed(&[("arm", "bn")], &|row| row.number("x"));
        assert_eq!(found, BTreeMap::from([(2, 5.0), (7, 2.5)]));
        assert!(sheet.rows[0].len() == 3 && sheet.by_seed(&[], &|row| row.number("y"))[&2].is_nan());
    }
}
