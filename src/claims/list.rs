//! Every claim.

use super::claim::Claim;
use super::{
    cheaper_steps, eq2_needed, exploding_shifting, faster_learning, generalises, larger_rates, omit_in_practice,
    same_functions,
};

/// Every claim, in the order in which they are shown.
pub const ALL: [&Claim; 8] = [
    &same_functions::CLAIM,
    &faster_learning::CLAIM,
    &cheaper_steps::CLAIM,
    &omit_in_practice::CLAIM,
    &generalises::CLAIM,
    &eq2_needed::CLAIM,
    &larger_rates::CLAIM,
    &exploding_shifting::CLAIM,
];

/// The claim of a name.
pub fn named(id: &str) -> Option<&'static Claim> {
    ALL.into_iter().find(|claim| claim.id == id)
}
