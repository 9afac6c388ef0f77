//! Convolutional map: y = x ∗ W + b, stride 1, zero padding p = (k − 1)/2 that keeps the size, with
//! x [N, H, W, C], W [k, k, C, O], b \[O\], y [N, H, W, O].
//!
//! **Backward.** Each output reads one patch, y_nijo = Σ_abc x_{n, i+a−p, j+b−p, c} W_abco + b_o, so
//!
//! ```text
//! dW_abco = Σ_nij x_{n, i+a−p, j+b−p, c} dy_nijo      db_o = Σ_nij dy_nijo
//! dx_nrsc = Σ_abo dy_{n, r−a+p, s−b+p, o} W_abco      (terms outside the image are absent)
//! ```

use crate::kernels::conv::{self, ConvShape};
use crate::kernels::{self, Scalar};

/// Sizes of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv(pub ConvShape);

impl Conv {
    /// y ← x ∗ W; `scratch` holds one unfolded image.
    pub fn forward<F: Scalar>(self, x: &[F], weight: &[F], y: &mut [F], scratch: &mut [F]) {
        conv::forward(x, weight, y, scratch, self.0);
    }

    /// dW
    pub fn weight_gradient<F: Scalar>(self, x: &[F], dy: &[F], dweight: &mut [F], scratch: &mut [F]) {
        conv::weight_gradient(x, dy, dweight, scratch, self.0);
    }

    /// dx
    pub fn input_gradient<F: Scalar>(self, dy: &[F], weight: &[F], dx: &mut [F], scratch: &mut [F]) {
        kernels::conv::input_gradient(dy, weight, dx, scratch, self.0);
    }
}
