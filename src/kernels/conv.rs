//! Two-dimensional convolution, stride 1, zero padding that keeps the size.
//!
//! y[n, i, j, o] = Σ_{a, b, c} x[n, i + a − p, j + b − p, c] · w[a, b, c, o], p = (k − 1)/2,
//! with x [N, H, W, C], w [k, k, C, O], y [N, H, W, O]. As in every framework this is a
//! cross-correlation: the kernel is not flipped.
//!
//! Each image is unfolded to a matrix of patches [H·W, k·k·C], so that the three directions are the
//! three products of a linear map:
//! y = P·w, dw = Σ_n Pᵀ·dy, dP = dy·wᵀ, and dx adds every dP back to where its patch came from.

use super::Scalar;
use super::gemm::{product, product_nt, product_tn};

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// H
    pub height: usize,
    /// W
    pub width: usize,
    /// C
    pub input_channels: usize,
    /// O
    pub output_channels: usize,
    /// k, odd
    pub kernel: usize,
}

impl ConvShape {
    fn area(self) -> usize {
        self.height * self.width
    }
    /// Values of one patch: k·k·C.
    pub fn patch(self) -> usize {
        self.kernel * self.kernel * self.input_channels
    }
    /// Values of one unfolded image: H·W·k·k·C.
    pub fn unfolded(self) -> usize {
        self.area() * self.patch()
    }
    /// (m, k, n) of the matrix product for one image.
    fn product(self) -> (usize, usize, usize) {
        (self.area(), self.patch(), self.output_channels)
    }
}

/// Calls `f(patches, image)` with the ranges, in values, of each in-bounds kernel row of each
/// output position: `patches` within the unfolded image, `image` within the image. One kernel row
/// is contiguous in both, because channels and columns are innermost.
fn for_each_kernel_row(s: ConvShape, mut f: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>)) {
    let (k, c, pad) = (s.kernel, s.input_channels, s.kernel / 2);
    for i in 0..s.height {
        for j in 0..s.width {
            // Columns of the kernel that fall into the image: b − pad + j within 0..W.
            let first = pad.saturating_sub(j);
            let last = k.min(s.width + pad - j);
            for a in pad.saturating_sub(i)..k.min(s.height + pad - i) {
                let patch = (((i * s.width + j) * k + a) * k + first) * c;
                let image = ((i + a - pad) * s.width + j + first - pad) * c;
                let length = (last - first) * c;
                f(patch..patch + length, image..image + length);
            }
        }
    }
}

fn unfold<F: Scalar>(image: &[F], patches: &mut [F], s: ConvShape) {
    patches.fill(F::zero());
    for_each_kernel_row(s, |to, from| patches[to].copy_from_slice(&image[from]));
}

fn fold<F: Scalar>(patches: &[F], image: &mut [F], s: ConvShape) {
    image.fill(F::zero());
    for_each_kernel_row(s, |from, to| {
        for (v, p) in image[to].iter_mut().zip(&patches[from]) {
            *v += *p;
        }
    });
}

/// y ← x ∗ w. `patches` is scratch for one unfolded image.
pub fn forward<F: Scalar>(x: &[F], w: &[F], y: &mut [F], patches: &mut [F], s: ConvShape) {
    let images = x.chunks_exact(s.area() * s.input_channels);
    for (image, out) in images.zip(y.chunks_exact_mut(s.area() * s.output_channels)) {
        unfold(image, patches, s);
        product(patches, w, out, s.product());
    }
}

/// dw ← Σ_n P_nᵀ · dy_n
pub fn weight_gradient<F: Scalar>(x: &[F], dy: &[F], dw: &mut [F], patches: &mut [F], s: ConvShape) {
    dw.fill(F::zero());
    let images = x.chunks_exact(s.area() * s.input_channels);
    for (image, dout) in images.zip(dy.chunks_exact(s.area() * s.output_channels)) {
        unfold(image, patches, s);
        product_tn(patches, dout, F::one(), dw, s.product());
    }
}

/// dx ← fold(dy · wᵀ)
pub fn input_gradient<F: Scalar>(dy: &[F], w: &[F], dx: &mut [F], patches: &mut [F], s: ConvShape) {
    let gradients = dy.chunks_exact(s.area() * s.output_channels);
    for (dout, dimage) in gradients.zip(dx.chunks_exact_mut(s.area() * s.input_channels)) {
        product_nt(dout, w, patches, s.product());
        fold(patches, dimage, s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, written out: the reference for the unfolded products.
    fn reference(x: &[f64], w: &[f64], n: usize, s: ConvShape) -> Vec<f64> {
        let (h, wd, c, o, k) = (s.height as isize, s.width as isize, s.input_channels, s.output_channels, s.kernel);
        let pad = (k / 2) as isize;
        let mut y = Vec::new();
        for image in x.chunks_exact(s.area() * c).take(n) {
            for i in 0..h {
                for j in 0..wd {
                    for oc in 0..o {
                        let mut sum = 0.0;
                        for a in 0..k {
                            for b in 0..k {
                                let (r, q) = (i + a as isize - pad, j + b as isize - pad);
                                if r < 0 || r >= h || q < 0 || q >= wd {
                                    continue;
                                }
                                for ic in 0..c {
                                    sum += image[(r * wd + q) as usize * c + ic] * w[((a * k + b) * c + ic) * o + oc];
                                }
                            }
                        }
                        y.push(sum);
                    }
                }
            }
        }
        y
    }

    #[test]
    fn unfolded_products_equal_the_definition_on_odd_sizes() {
        for (height, width, kernel) in [(1, 1, 3), (5, 7, 3), (4, 3, 5), (2, 9, 1), (1, 6, 7)] {
            let s = ConvShape { height, width, input_channels: 3, output_channels: 2, kernel };
            let x: Vec<f64> = (0..2 * height * width * 3).map(|i| ((i * 37 % 19) as f64) - 9.0).collect();
            let w: Vec<f64> = (0..s.patch() * 2).map(|i| ((i * 53 % 23) as f64) - 11.0).collect();
            let mut y = vec![0.0; 2 * height * width * 2];
            forward(&x, &w, &mut y, &mut vec![0.0; s.unfolded()], s);
            assert_eq!(y, reference(&x, &w, 2, s), "{s:?}");
        }
    }
}
