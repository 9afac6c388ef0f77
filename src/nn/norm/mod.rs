//! What stands where a norm could stand: the arms.
//!
//! An arm is a composition of parts ([`arms::Parts`]): how to standardise (eq. 1), whether a learnable scale
//! and shift follow (eq. 2), and, for some, what comes after these and what the weights are made of.
//! Eqs. 1 and 2 act on a matrix x of rows by C channels. Every arm, whatever its statistics, is then one
//! map per group of rows and channel,
//!
//! ```text
//! x̂ = (x − m)·s          m = μ, s = 1/√(σ² + ε), or what the arm puts in their place
//! y = γ·x̂ + β
//! ```
//!
//! and its gradients, with D₁ = Σ dy and D₂ = Σ dy·(x − m) over the group's rows, are
//!
//! ```text
//! dβ = Σ_groups D₁        dγ = Σ_groups s·D₂        dx = p·dy + q·(x − m) + r
//! ```
//!
//! where p, q, r say how the gradient passes through m and s, and differ from arm to arm. So an arm is the file that
//! supplies (m, s) forward and (p, q, r) backward, [`standardize::Standardize`]; the passes over memory are shared
//! ([`layer`]). If m and s depend on x, a convolution's forward pass has to see the whole group before it can go on: those
//! arms take longer.
//!
//! [`plain`] is batch normalisation written out for a reader, and the reference for the rest.

pub mod affine_init;
pub mod arms;
pub mod batch;
pub mod cache;
pub mod center;
pub mod detached;
pub mod elementwise;
pub mod frozen;
pub mod ghost;
pub mod layer;
pub mod layer_norm;
pub mod moments;
pub mod noisy;
pub mod off;
pub mod plain;
pub mod refresh;
pub mod reparametrise;
pub mod scale;
pub mod standardize;
pub mod weight_std;

pub use arms::{Parts, Place, parts};
pub use cache::NormCache;
pub use layer::Norm;
pub use moments::Moments;
pub use standardize::TooFewValues;
