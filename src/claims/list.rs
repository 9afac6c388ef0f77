//! Every claim.

use super::claim::Claim;
use super::{
    absorption, capacity, cheaper_steps, co_adaptation, could_learn, dose_response, eq2_needed, exploding_shifting,
    faster_learning, generalises, good_start, larger_rates, omit_in_practice, pool_shift, price, repaired,
    same_functions, same_scale, stability_is_why, stale_parameters, suppression, two_functions, unpredictable,
    which_half,
};

/// Every claim, in the order in which they are shown.
pub const ALL: [&Claim; 24] = [
    &same_functions::CLAIM,
    &faster_learning::CLAIM,
    &cheaper_steps::CLAIM,
    &omit_in_practice::CLAIM,
    &generalises::CLAIM,
    &eq2_needed::CLAIM,
    &larger_rates::CLAIM,
    &exploding_shifting::CLAIM,
    &which_half::CLAIM,
    &good_start::CLAIM,
    &pool_shift::CLAIM,
    &absorption::CLAIM,
    &stale_parameters::CLAIM,
    &two_functions::CLAIM,
    &suppression::CLAIM,
    &could_learn::CLAIM,
    &capacity::CLAIM,
    &stability_is_why::CLAIM,
    &dose_response::CLAIM,
    &repaired::CLAIM,
    &unpredictable::CLAIM,
    &same_scale::CLAIM,
    &price::CLAIM,
    &co_adaptation::CLAIM,
];

/// The claim of a name.
pub fn named(id: &str) -> Option<&'static Claim> {
    ALL.into_iter().find(|claim| claim.id == id)
}
