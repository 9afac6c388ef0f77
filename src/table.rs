//! What a table is, and how a float becomes a cell.

/// A table: its file and its columns after the leading ones, `run_id,variant,seed` and the axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Name of the file.
    pub file: &'static str,
    /// Columns after the leading ones.
    pub columns: &'static [&'static str],
}

/// The shortest decimal that reads back the same; empty for what is undefined or not finite.
pub fn float(x: impl Into<Option<f64>>) -> String {
    x.into().filter(|x| x.is_finite()).map(|x| format!("{x:?}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_back_the_same_and_the_undefined_is_empty() {
        for x in [0.1, 1.0, 1e-300, 123_456_789.123, f64::MIN_POSITIVE, 1.0 / 3.0] {
            assert_eq!(float(x).parse::<f64>().unwrap().to_bits(), x.to_bits());
        }
        assert_eq!([float(f64::NAN), float(f64::INFINITY), float(None)], ["", "", ""]);
    }
}
