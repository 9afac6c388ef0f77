//! Where the rows and columns of a matrix lie in its slice.

/// Where the i-th row or column of a matrix begins: at table\[i\]·stride, or i·stride.
#[derive(Debug, Clone, Copy)]
pub struct Offsets<'a> {
    pub(super) table: Option<&'a Table>,
    pub(super) stride: usize,
}

/// Offsets in no particular order.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) offsets: Vec<u32>,
    largest: u32,
}

impl Table {
    /// A table of these offsets.
    pub fn new(offsets: Vec<u32>) -> Self {
        let largest = offsets.iter().copied().max().unwrap_or(0);
        Self { offsets, largest }
    }

    /// How many offsets there are.
    pub fn count(&self) -> usize {
        self.offsets.len()
    }
}

impl<'a> Offsets<'a> {
    /// i·stride
    pub const fn every(stride: usize) -> Self {
        Self { table: None, stride }
    }

    /// table\[i\]·stride
    pub const fn of(table: &'a Table, stride: usize) -> Self {
        Self { table: Some(table), stride }
    }

    /// Where the i-th begins.
    #[inline(always)]
    pub fn at(self, i: usize) -> usize {
        self.table.map_or(i, |table| table.offsets[i] as usize) * self.stride
    }

    /// Whether rows or columns are neighbours.
    pub(super) fn is_contiguous(self) -> bool {
        self.table.is_none() && self.stride == 1
    }

    /// The largest of the first `count` offsets; for a table, which must have that many, the largest of all. `None` if no
    /// slice could be so long.
    pub(super) fn largest(self, count: usize) -> Option<usize> {
        let largest = self.table.map_or(count.saturating_sub(1), |table| {
            assert!(count <= table.offsets.len(), "the table of offsets is too short");
            table.largest as usize
        });
        largest.checked_mul(self.stride)
    }
}
