//! Fully connected map: y = xW + b, with x [N, in], W [in, out], b \[out\], y [N, out].
//!
//! **Backward.** With dy = ∂L/∂y: y_no = Σ_i x_ni W_io + b_o, so ∂L/∂W_io = Σ_n x_ni dy_no,
//! ∂L/∂b_o = Σ_n dy_no, ∂L/∂x_ni = Σ_o dy_no W_io:
//!
//! ```text
//! dW = xᵀ·dy      db = Σ_n dy_n      dx = dy·Wᵀ
//! ```
//!
//! Where it is known which inputs are 0, they are left out: they add nothing and get no gradient.

use super::input::Features;
use crate::kernels::{Scalar, gemm, sparse};

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
    pub fn forward<F: Scalar>(self, x: Features<F>, weight: &[F], y: &mut [F]) {
        let size = self.product(x.values);
        match x.nonzero {
            Some(nonzero) => sparse::product(nonzero, x.values, weight, y, size),
            None => gemm::product(x.values, weight, y, size),
        }
    }

    /// dW ← xᵀ·dy
    pub fn weight_gradient<F: Scalar>(self, x: Features<F>, dy: &[F], dweight: &mut [F]) {
        let size = self.product(x.values);
        match x.nonzero {
            Some(nonzero) => sparse::product_tn(nonzero, x.values, dy, dweight, size),
            None => gemm::product_tn(x.values, dy, dweight, size),
        }
    }

    /// dx ← dy·Wᵀ
    pub fn input_gradient<F: Scalar>(self, dy: &[F], weight: &[F], dx: &mut [F]) {
        gemm::product_nt(dy, weight, dx, (dy.len() / self.outputs, self.inputs, self.outputs));
    }
}
