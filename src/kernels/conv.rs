//! Two-dimensional convolution, stride 1, zero padding that keeps the size.
//!
//! y[n, i, j, o] = Σ_{a, b, c} x[n, i + a − p, j + b − p, c] · w[a, b, c, o], p = (k − 1)/2,
//! with x [N, H, W, C], w [k, k, C, O], y [N, H, W, O]. As in every framework this is a
//! cross-correlation: the kernel is not flipped.
//!
//! An image is a matrix of patches P [H·W, k·k·C], and the three directions are the three products of
//! a linear map: y = P·w, dw = Σ_n Pᵀ·dy, and dx is the convolution of dy with the kernel flipped and
//! its channels exchanged. P is never written out. Its entry (pixel, patch entry) lies in the image, padded
//! with a border of zeros, at `pixels[pixel] + patch[entry]`; a product needs to know no more.

use super::aligned::Aligned;
pub use super::conv_shape::ConvShape;
use super::gemm::{Offsets, Product, Table};
use super::row_conv::{self, RowConv};
use super::simd::{self, Has, Scalar, Task, Vector};

/// Where patches lie in a padded image.
#[derive(Debug, Clone)]
struct Patches {
    shape: ConvShape,
    /// Where the patch of each pixel begins, in pixels.
    pixels: Table,
    /// Where each value of a patch lies, in values after its beginning.
    patch: Table,
}

impl Patches {
    fn new(shape: ConvShape) -> Self {
        let padded_width = shape.width + shape.kernel - 1;
        let pixel = |i: usize| (i / shape.width * padded_width + i % shape.width) as u32;
        let (k, c) = (shape.kernel, shape.input_channels);
        let value = |i: usize| ((i / (k * c) * padded_width + i / c % k) * c + i % c) as u32;
        Self {
            shape,
            pixels: Table::new((0..shape.area()).map(pixel).collect()),
            patch: Table::new((0..shape.patch(c)).map(value).collect()),
        }
    }

    fn pixels(&self) -> Offsets<'_> {
        Offsets::of(&self.pixels, self.shape.input_channels)
    }

    fn patch(&self) -> Offsets<'_> {
        Offsets::of(&self.patch, 1)
    }

    /// Copies an image into one with a border, whose zeros stay as they are.
    fn pad<F: Scalar>(&self, image: &[F], padded: &mut [F]) {
        let (s, border) = (self.shape, self.shape.kernel / 2);
        let (row, padded_row) = (s.width * s.input_channels, (s.width + s.kernel - 1) * s.input_channels);
        for (i, from) in image.chunks_exact(row).enumerate() {
            padded[(i + border) * padded_row + border * s.input_channels..][..row].copy_from_slice(from);
        }
    }

    /// C ← the patches of the padded image times a matrix [patch, O].
    fn times<F: Scalar>(&self, padded: &[F], matrix: &[F], c: &mut [F]) {
        simd::run(Times { patches: self, padded, matrix, c });
    }
}

/// [`Patches::times`], by rows or as a product of matrices, whichever suits the level.
struct Times<'a, F> {
    patches: &'a Patches,
    padded: &'a [F],
    matrix: &'a [F],
    c: &'a mut [F],
}

impl<F: Scalar> Task<F> for Times<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let Self { patches, padded, matrix, c } = self;
        let shape = patches.shape;
        if row_conv::suits::<V>(shape) {
            return RowConv { shape, padded, w: matrix, y: c }.run(v);
        }
        let n = shape.output_channels;
        let product = Product {
            size: (patches.pixels.count(), patches.patch.count(), n),
            nonzeros: None,
            a: padded,
            a_rows: patches.pixels(),
            a_columns: patches.patch(),
            b: matrix,
            b_rows: Offsets::every(n),
            b_columns: 1,
            c,
            c_rows: Offsets::every(n),
            adds: false,
        };
        product.run(v);
    }
}

/// A convolution: its sizes, and the tables of offsets for its products.
#[derive(Debug, Clone)]
pub struct Convolution {
    /// Its sizes.
    pub shape: ConvShape,
    of_input: Patches,
    of_output: Patches,
}

/// Buffers for the products of one convolution.
#[derive(Debug)]
pub struct Scratch<F> {
    /// One padded image of the input, its border zero.
    input: Aligned<F>,
    /// One padded image of the output's gradient, its border zero.
    output: Aligned<F>,
    /// The kernel flipped, [k, k, O, C].
    flipped: Aligned<F>,
}

impl<F: Scalar> Scratch<F> {
    /// For a convolution; the buffers of gradients only if they are to be used.
    pub fn new(shape: ConvShape, with_gradients: bool) -> Self {
        let zeros = |length: usize| Aligned::filled(F::zero(), length);
        let gradient = |length: usize| zeros(if with_gradients { length } else { 0 });
        Self {
            input: zeros(shape.padded_area() * shape.input_channels),
            output: gradient(shape.padded_area() * shape.output_channels),
            flipped: gradient(shape.patch(shape.input_channels) * shape.output_channels),
        }
    }
}

impl Convolution {
    /// For these sizes.
    pub fn new(shape: ConvShape) -> Self {
        Self { shape, of_input: Patches::new(shape), of_output: Patches::new(shape.reversed()) }
    }

    /// y ← x ∗ w, for any number of images.
    pub fn forward<F: Scalar>(&self, x: &[F], w: &[F], y: &mut [F], scratch: &mut Scratch<F>) {
        let area = self.shape.area();
        let images = x.chunks_exact(area * self.shape.input_channels);
        for (image, y) in images.zip(y.chunks_exact_mut(area * self.shape.output_channels)) {
            self.of_input.pad(image, &mut scratch.input);
            self.of_input.times(&scratch.input, w, y);
        }
    }

    /// dw ← Σ_n P_nᵀ · dy_n, or added to dw
    pub fn weight_gradient<F: Scalar>(&self, x: &[F], dy: &[F], adds: bool, dw: &mut [F], scratch: &mut Scratch<F>) {
        let (area, n) = (self.shape.area(), self.shape.output_channels);
        let images = x.chunks_exact(area * self.shape.input_channels);
        for (i, (image, dy)) in images.zip(dy.chunks_exact(area * n)).enumerate() {
            self.of_input.pad(image, &mut scratch.input);
            simd::run(Product {
                size: (self.of_input.patch.count(), area, n),
                nonzeros: None,
                a: &scratch.input,
                a_rows: self.of_input.patch(),
                a_columns: self.of_input.pixels(),
                b: dy,
                b_rows: Offsets::every(n),
                b_columns: 1,
                c: dw,
                c_rows: Offsets::every(n),
                adds: adds || i > 0,
            });
        }
    }

    /// Flips the kernel for [`Convolution::input_gradient`]; once is enough for any number of images.
    pub fn flip<F: Scalar>(&self, w: &[F], scratch: &mut Scratch<F>) {
        let (c, o) = (self.shape.input_channels, self.shape.output_channels);
        let places = w.chunks_exact(c * o).rev();
        for (from, to) in places.zip(scratch.flipped.chunks_exact_mut(c * o)) {
            for (i, from) in from.chunks_exact(o).enumerate() {
                from.iter().enumerate().for_each(|(j, w)| to[j * c + i] = *w);
            }
        }
    }

    /// dx ← dy ∗ the kernel that was flipped
    pub fn input_gradient<F: Scalar>(&self, dy: &[F], dx: &mut [F], scratch: &mut Scratch<F>) {
        let area = self.shape.area();
        let images = dy.chunks_exact(area * self.shape.output_channels);
        for (image, dx) in images.zip(dx.chunks_exact_mut(area * self.shape.input_channels)) {
            self.of_output.pad(image, &mut scratch.output);
            self.of_output.times(&scratch.output, &scratch.flipped, dx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, at_each_level, numbers};

    /// Calls `f(x, w, y)` with the index of each term of the sum that the definition writes out.
    fn for_each_term(n: usize, s: ConvShape, mut f: impl FnMut(usize, usize, usize)) {
        let (h, wd, c, o, k) = (s.height, s.width, s.input_channels, s.output_channels, s.kernel);
        let border = k / 2;
        for (image, i, j) in (0..n).flat_map(|n| (0..h).flat_map(move |i| (0..wd).map(move |j| (n, i, j)))) {
            for (a, b) in (0..k).flat_map(|a| (0..k).map(move |b| (a, b))) {
                let (row, column) = ((i + a).wrapping_sub(border), (j + b).wrapping_sub(border));
                if row >= h || column >= wd {
                    continue;
                }
                for (ic, oc) in (0..c).flat_map(|ic| (0..o).map(move |oc| (ic, oc))) {
                    let x = ((image * h + row) * wd + column) * c + ic;
                    f(x, ((a * k + b) * c + ic) * o + oc, ((image * h + i) * wd + j) * o + oc);
                }
            }
        }
    }

    fn check<F: Scalar>(n: usize, shape: ConvShape) {
        let (area, c, o) = (shape.area(), shape.input_channels, shape.output_channels);
        let x = numbers::<F>(n * area * c, 1);
        let w = numbers::<F>(shape.patch(c) * o, 2);
        let dy = numbers::<F>(n * area * o, 3);
        let (mut y, mut dw, mut dx) = (vec![0.0; dy.len()], vec![0.0; w.len()], vec![0.0; x.len()]);
        for_each_term(n, shape, |ix, iw, iy| {
            y[iy] += x[ix].f64() * w[iw].f64();
            dw[iw] += x[ix].f64() * dy[iy].f64();
            dx[ix] += dy[iy].f64() * w[iw].f64();
        });
        let convolution = Convolution::new(shape);
        // As many roundings as there are terms, at most.
        let terms = shape.patch(c.max(o)) as f64;
        at_each_level(|level| {
            let what = format!("{n} × {shape:?} at {}", level.name());
            let mut scratch = Scratch::new(shape, true);
            let zeros = |n: usize| vec![F::nan(); n];
            let (mut found_y, mut found_dw, mut found_dx) = (zeros(y.len()), zeros(w.len()), zeros(x.len()));
            convolution.forward(&x, &w, &mut found_y, &mut scratch);
            assert_close(&found_y, &y, 4.0 + terms, &what);
            convolution.weight_gradient(&x, &dy, false, &mut found_dw, &mut scratch);
            assert_close(&found_dw, &dw, 4.0 + (n * area) as f64, &what);
            convolution.flip(&w, &mut scratch);
            convolution.input_gradient(&dy, &mut found_dx, &mut scratch);
            assert_close(&found_dx, &dx, 4.0 + terms, &what);
        });
    }

    #[test]
    fn all_three_directions_equal_the_definition() {
        let sizes = [(1, 1, 3), (5, 7, 3), (4, 3, 5), (2, 9, 1), (1, 6, 7), (8, 8, 5), (14, 14, 3)];
        // Rows of one segment, of some, and of some that overlap, in few channels.
        let wide = [(3, 10, 3), (2, 14, 5), (1, 15, 3), (2, 28, 3), (2, 33, 5)];
        for (height, width, kernel) in sizes.into_iter().chain(wide) {
            for (input_channels, output_channels) in [(1, 1), (3, 2), (1, 16), (16, 32), (5, 33), (8, 8), (17, 7)] {
                let shape = ConvShape { height, width, input_channels, output_channels, kernel };
                check::<f32>(2, shape);
                check::<f64>(2, shape);
            }
        }
    }
}
