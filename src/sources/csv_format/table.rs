//! What a table comes to.

/// A table of numbers with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of all columns, in order.
    pub header: Vec<String>,
    /// Index of the labels' column.
    pub label: usize,
    /// Features, row-major \[rows, columns − 1\].
    pub features: Vec<f64>,
    /// The different labels, as they are written.
    pub names: Vec<String>,
    /// For each row, the place of its label in `names`.
    pub labels: Vec<u16>,
}
