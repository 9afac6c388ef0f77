//! The effects of two switches, each on or off, from one unit's four outcomes.

/// What one unit, a seed, came to with (first, second) switch off or on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corners {
    /// Both off.
    pub neither: f64,
    /// Only the first on.
    pub first: f64,
    /// Only the second on.
    pub second: f64,
    /// Both on.
    pub both: f64,
}

impl Corners {
    /// What the first switch does, averaged over the second: ((first − neither) + (both − second))/2.
    pub fn first_effect(&self) -> f64 {
        f64::midpoint(self.first - self.neither, self.both - self.second)
    }

    /// What the second switch does, averaged over the first: ((second − neither) + (both − first))/2.
    pub fn second_effect(&self) -> f64 {
        f64::midpoint(self.second - self.neither, self.both - self.first)
    }

    /// What the first does more where the second is on: (both − second) − (first − neither).
    pub fn interaction(&self) -> f64 {
        (self.both - self.second) - (self.first - self.neither)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_that_add_have_no_interaction() {
        let added = Corners { neither: 1.0, first: 3.0, second: 1.5, both: 3.5 };
        assert_eq!((added.first_effect(), added.second_effect(), added.interaction()), (2.0, 0.5, 0.0));
        assert_eq!(Corners { both: 4.5, ..added }.interaction(), 1.0);
    }
}
