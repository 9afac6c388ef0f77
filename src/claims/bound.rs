//! What figures of times tell if runs are cut off before they reach the target.

/// How the figure would change with longer runs, if some are cut off before they arrive.
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
    /// The bound of a share, given which times are cut off: those of eq. 3, of bn, and of the arm whose share it is.
    ///
    /// The share is (A − X)/(A − B), with A, B and X the logarithms of these times. For an arm between the two it rises
    /// with A and with B, and falls with X. Outside it stays outside: above 1 it falls with A, but not below 1; below 0 it
    /// falls with B, and stays below 0. So it is a bound for every threshold between 0 and 1.
    pub const fn of([affine, bn, arm]: [bool; 3]) -> Self {
        Self::of_ratio([affine || bn, arm])
    }

    /// The bound of a ratio, given whether its upper and its lower time are cut off.
    pub const fn of_ratio([upper, lower]: [bool; 2]) -> Self {
        match (upper, lower) {
            (false, false) => Self::Exact,
            (true, false) => Self::Lower,
            (false, true) => Self::Upper,
            (true, true) => Self::Neither,
        }
    }

    /// Whether it may be larger with longer runs.
    pub const fn may_be_larger(self) -> bool {
        matches!(self, Self::Lower | Self::Neither)
    }

    /// Whether it may be smaller with longer runs.
    pub const fn may_be_smaller(self) -> bool {
        matches!(self, Self::Upper | Self::Neither)
    }

    /// What a share with this bound cannot show, in words.
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
        // Faster than bn, or slower than affine: the share moves the other way, but stays outside 0 to 1.
        for later in [0.1, 1.0, 10.0] {
            assert!(share([3.0 + later, 0.0, -1.0]) > 1.0 && share([3.0, later.min(2.9), 4.0]) < 0.0);
        }
        assert_eq!(Bound::of([true, true, false]), Bound::Lower);
        assert_eq!(Bound::of([true, false, true]), Bound::Neither);
        assert_eq!(Bound::of([false; 3]), Bound::Exact);
    }
}
