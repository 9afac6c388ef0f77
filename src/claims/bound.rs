//! What figures of times say where runs are cut off before they arrive.

/// What a figure says of the one with longer runs, where some are cut off before they arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// All arrive.
    Exact,
    /// It may be larger: with more steps the far end of the gap would be further off, or the near end nearer by.
    Lower,
    /// It may be smaller: the arm would be slower still.
    Upper,
    /// It may be either.
    Neither,
}

impl Bound {
    /// Of times that are cut off in eq. 3, in bn, and in the arm whose share it is.
    ///
    /// The share is (A − X)/(A − B), with A, B and X the logarithms of these times. For an arm between the two it rises with A
    /// and with B, and falls with X. Beyond it stays beyond: above 1 it falls with A, never below 1, and below 0 it falls with
    /// B, never above 0. So it is a bound wherever a threshold between 0 and 1 is.
    pub const fn of([affine, bn, arm]: [bool; 3]) -> Self {
        Self::of_ratio([affine || bn, arm])
    }

    /// Of the times of a ratio, its upper first, that are cut off.
    pub const fn of_ratio([upper, lower]: [bool; 2]) -> Self {
        match (upper, lower) {
            (false, false) => Self::Exact,
            (true, false) => Self::Lower,
            (false, true) => Self::Upper,
            (true, true) => Self::Neither,
        }
    }

    /// Whether with longer runs it may be larger.
    pub const fn may_be_larger(self) -> bool {
        matches!(self, Self::Lower | Self::Neither)
    }

    /// Whether with longer runs it may be smaller.
    pub const fn may_be_smaller(self) -> bool {
        matches!(self, Self::Upper | Self::Neither)
    }

    /// What it keeps a share from showing.
    pub const fn of_share(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::Lower => ", the share is a lower bound, which cannot show that it is small",
            Self::Upper => ", the share is an upper bound, which cannot show that it is large",
            Self::Neither => ", the share is no bound on either side",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time that is cut off is moved up, and the share has to move as its bound says, wherever between the two the arm stands.
    #[test]
    fn a_bound_is_on_the_side_to_which_later_arrivals_would_move_the_share() {
        let share = |[a, b, x]: [f64; 3]| (a - x) / (a - b);
        for x in [0.5, 1.5, 2.5] {
            let times = [3.0, 0.0, x];
            for cut in 0..3 {
                let mut later = times;
                later[cut] += 0.1;
                let bound = Bound::of(std::array::from_fn(|i| i == cut));
                let is_up = share(later) > share(times);
                assert_eq!(bound, if is_up { Bound::Lower } else { Bound::Upper }, "{x} {cut}");
            }
        }
        // Beyond bn, and slower than affine: it moves the other way, and does not come between.
        for later in [0.1, 1.0, 10.0] {
            assert!(share([3.0 + later, 0.0, -1.0]) > 1.0 && share([3.0, later.min(2.9), 4.0]) < 0.0);
        }
        assert_eq!(Bound::of([true, true, false]), Bound::Lower);
        assert_eq!(Bound::of([true, false, true]), Bound::Neither);
        assert_eq!(Bound::of([false; 3]), Bound::Exact);
    }
}
