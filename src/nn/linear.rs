//! Fully connected map: y = xW + b, with x [N, in], W [in, out], b \[out\], y [N, out].
//!
//! **Backward.** With dy = ∂L/∂y: y_no = Σ_i x_ni W_io + b_o, so ∂L/∂W_io = Σ_n x_ni dy_no,
//! ∂L/∂b_o = Σ_n dy_no, ∂L/∂x_ni = Σ_o dy_no W_io:
//!
//! ```text
//! dW = xᵀ·dy      db = Σ_n dy_n      dx = dy·Wᵀ
//! ```

use crate::kernels::sparse::{self, Map};
use crate::kernels::{Scalar, gemm};

/// Sizes of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// in
    pub inputs: usize,
    /// out
    pub outputs: usize,
}

impl Linear {
    fn product<F>(self, x: &[F]) -> (usize, usize, usize) {
        (x.len() / self.inputs, self.inputs, self.outputs)
    }

    /// y ← xW
    pub fn forward<F: Scalar>(self, x: &[F], weight: &[F], y: &mut [F]) {
        gemm::product(x, weight, y, self.product(x));
    }

    /// dW ← xᵀ·dy
    pub fn weight_gradient<F: Scalar>(self, x: &[F], dy: &[F], dweight: &mut [F]) {
        gemm::product_tn(x, dy, dweight, self.product(x));
    }

    /// dx ← dy·Wᵀ
    pub fn input_gradient<F: Scalar>(self, dy: &[F], weight: &[F], dx: &mut [F]) {
        gemm::product_nt(dy, weight, dx, (dy.len() / self.outputs, self.inputs, self.outputs));
    }

    /// y ← xW where x has this map of zeros
    pub fn forward_of<F: Scalar>(self, map: &Map, x: &[F], weight: &[F], y: &mut [F]) {
        sparse::product(map, x, weight, y, self.product(x));
    }

    /// dW ← xᵀ·dy where x has this map of zeros
    pub fn weight_gradient_of<F: Scalar>(self, map: &Map, x: &[F], dy: &[F], dweight: &mut [F]) {
        sparse::product_tn(map, x, dy, dweight, self.product(x));
    }
}
