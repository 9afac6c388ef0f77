//! Convolutional map: y = x ∗ W + b, stride 1, zero padding p = (k − 1)/2 that keeps the size, with
//! x [N, H, W, C], W [k, k, C, O], b \[O\], y [N, H, W, O].
//!
//! **Backward.** Each output reads one patch, y_nijo = Σ_abc x_{n, i+a−p, j+b−p, c} W_abco + b_o, so
//!
//! ```text
//! dW_abco = Σ_nij x_{n, i+a−p, j+b−p, c} dy_nijo      db_o = Σ_nij dy_nijo
//! dx_nrsc = Σ_abo dy_{n, r−a+p, s−b+p, o} W_abco      (terms outside the image are absent)
//! ```

pub use crate::kernels::conv::{ConvShape, Convolution as Conv, Scratch};
