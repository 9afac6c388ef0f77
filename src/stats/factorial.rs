//! The effects of two switches, each on or off, from the four arms that they make, in the order
//! neither, only the first on, only the second on, both.
//!
//! The exchange that tests an effect of a switch swaps on and off at both settings of the other. The interaction has the
//! first switch's exchange, which turns its sign, too.

use super::exchange::Effect;

/// What the first switch does, averaged over the second: ((first − neither) + (both − second))/2.
pub const FIRST: Effect = Effect { weights: &[-0.5, 0.5, -0.5, 0.5], partner: &[1, 0, 3, 2] };

/// What the second switch does, averaged over the first: ((second − neither) + (both − first))/2.
pub const SECOND: Effect = Effect { weights: &[-0.5, -0.5, 0.5, 0.5], partner: &[2, 3, 0, 1] };

/// How much more the first does if the second is on: (both − second) − (first − neither).
pub const INTERACTION: Effect = Effect { weights: &[1.0, -1.0, -1.0, 1.0], partner: &[1, 0, 3, 2] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_turns_every_weight_into_its_negative() {
        for effect in [FIRST, SECOND, INTERACTION, crate::stats::exchange::DIFFERENCE] {
            for (j, partner) in effect.partner.iter().enumerate() {
                assert_eq!((effect.weights[*partner], effect.partner[*partner]), (-effect.weights[j], j));
            }
        }
    }

    #[test]
    fn effects_that_add_have_no_interaction() {
        let of = |effect: Effect, arms: [f64; 4]| effect.weights.iter().zip(arms).map(|(w, x)| w * x).sum::<f64>();
        let added = [1.0, 3.0, 1.5, 3.5];
        assert_eq!([of(FIRST, added), of(SECOND, added), of(INTERACTION, added)], [2.0, 0.5, 0.0]);
        assert_eq!(of(INTERACTION, [1.0, 3.0, 1.5, 4.5]), 1.0);
    }
}
