//! `bn-exp claims`: the sentences of the question and of its answers, each with an experiment that decides.
//!
//! A claim ([`claim`]) is one file: its sentence, the runs it takes, its criterion, and the questions that it puts
//! ([`judging`]) to [`evidence`], which holds numbers and no verdict. [`regime`] says on which nets, [`rates`] at which
//! learning rates, [`decide`] how an interval becomes a verdict; [`suite`] trains what is missing and reads what there is.
//!
//! A new claim is one file here and one line in [`list`].

pub mod analysis;
pub mod bound;
pub mod claim;
pub mod decide;
pub mod evidence;
pub mod experiments;
pub mod figures;
pub mod judged;
pub mod judging;
pub mod list;
pub mod part;
pub mod prediction;
pub mod rates;
pub mod reading;
pub mod regime;
mod regression;
pub mod sheet;
pub mod spread;
pub mod suite;
pub mod tried;
pub mod tune;

mod absorption;
mod capacity;
pub mod cheaper_steps;
mod co_adaptation;
mod could_learn;
mod dose_response;
mod eq2_needed;
mod exploding_shifting;
mod faster_learning;
mod generalises;
mod good_start;
mod larger_rates;
mod omit_in_practice;
mod pool_shift;
mod price;
mod repaired;
mod same_functions;
mod same_scale;
mod stability_is_why;
mod stale_parameters;
mod suppression;
#[cfg(test)]
mod tests;
mod two_functions;
mod unpredictable;
mod which_half;
