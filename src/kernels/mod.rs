//! Numbers on slices. Nothing here knows of networks, arms or data sets.
//!
//! Feature maps are [N, H, W, C], row-major: samples, rows, columns, channels. A norm sees them as
//! a matrix of N·H·W rows by C channels, and so does a fully connected layer's output, with
//! H = W = 1; one kernel serves both. Sums over many values are kept in f64, so that f32 statistics are
//! right for a batch of any size.
//!
//! Kernels are written once, over vectors, and run at the best instruction level of the machine
//! ([`simd`]). The tests of each kernel hold a plain reference. They compare the two at every level, also on
//! shapes that do not fill whole vectors and tiles.

pub mod activation;
mod aligned;
pub mod conv;
mod conv_shape;
pub mod exp;
pub mod fused_pool;
pub mod gather;
pub mod gemm;
pub mod norm;
pub mod pool;
pub mod row_conv;
pub mod simd;
mod slices;
pub mod softmax;
pub mod sparse;
#[cfg(test)]
pub(crate) mod testing;
pub mod update;

pub use aligned::Aligned;
pub use simd::Scalar;
pub use slices::{add_to_rows, l2_norm};
