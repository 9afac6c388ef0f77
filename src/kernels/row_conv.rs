//! A convolution with few output channels, computed a row of pixels at a time.
//!
//! y[i, j, o] = Σ_{a, b, c} x[i + a, j + b, c] · w[a, b, c, o], a and b from 0 to 2, for one image x that has
//! its border of zeros.
//!
//! As a product of matrices its tiles would be one vector wide: each value of x would be loaded for one
//! multiplication, and loading would take longer than multiplying. Here a value of x is loaded once for
//! the three outputs of a row that it contributes to.

use super::conv_shape::ConvShape;
use super::simd::{self, Has, Scalar, Task, Vector};

/// One image's convolution.
#[derive(Debug)]
pub struct RowConv<'a, F> {
    /// The sizes.
    pub shape: ConvShape,
    /// x with its border, [H + 2, W + 2, C]
    pub padded: &'a [F],
    /// w [3, 3, C, O]
    pub w: &'a [F],
    /// y [H, W, O]
    pub y: &'a mut [F],
}

/// The convolution in segments of `WIDTH` pixels of a row.
struct Segments<'a, F, const WIDTH: usize>(RowConv<'a, F>);

/// Side of the kernel. The taps of a larger kernel leave too few registers for the sums.
const K: usize = 3;

/// Pixels of a segment on a processor with 32 vector registers, and with 16.
const WIDE: usize = 14;
const LESS_WIDE: usize = 10;

/// Whether this kernel can compute the convolution: the output channels fit one vector, a row is as long as a
/// segment, and w is 3 × 3.
#[inline(always)]
pub fn suits<V: Vector>(shape: ConvShape) -> bool {
    shape.output_channels <= V::LANES && shape.width >= width::<V>() && shape.kernel == K
}

const fn width<V: Vector>() -> usize {
    if V::TILE_ROWS[3] > 0 { WIDE } else { LESS_WIDE }
}

impl<F: Scalar> Task<F> for RowConv<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let s = self.shape;
        assert!(suits::<V>(s), "{s:?} does not fit into registers");
        let padded_area = (s.height + K - 1) * (s.width + K - 1);
        assert!(self.padded.len() >= padded_area * s.input_channels, "x is too short");
        assert!(self.w.len() >= K * K * s.input_channels * s.output_channels, "w is too short");
        assert!(self.y.len() >= s.area() * s.output_channels, "y is too short");
        // A condition on constants: the size that a level does not use is not compiled.
        if width::<V>() == WIDE {
            simd::call(v, Segments::<F, WIDE>(self));
        } else {
            simd::call(v, Segments::<F, LESS_WIDE>(self));
        }
    }
}

impl<F: Scalar, const WIDTH: usize> Task<F> for Segments<'_, F, WIDTH> {
    type Output = ();

    #[inline(always)]
    #[allow(unsafe_code, reason = "pointers: bounds checks would cost more than the arithmetic")]
    #[allow(clippy::needless_range_loop, reason = "with iterators the sums are not kept in registers")]
    fn run<V: Vector<Element = F>>(self, v: Has<V>) {
        let RowConv { shape, padded, w, y } = self.0;
        let (c, o, padded_width) = (shape.input_channels, shape.output_channels, shape.width + K - 1);
        for i in 0..shape.height {
            for segment in 0..shape.width.div_ceil(WIDTH) {
                // The last segment may overlap the one before it; it then computes the same values again.
                let j = (segment * WIDTH).min(shape.width - WIDTH);
                // SAFETY: `RowConv::run` has seen that the slices are long enough for the shape, and rows,
                // columns and channels stay within it.
                unsafe {
                    let channels = V::first(o);
                    let mut sums = [v.zero(); WIDTH];
                    for a in 0..K {
                        let x = padded.as_ptr().add(((i + a) * padded_width + j) * c);
                        let w = w.as_ptr().add(a * K * c * o);
                        for channel in 0..c {
                            let taps: [V; K] =
                                std::array::from_fn(|b| V::load_masked(w.add((b * c + channel) * o), channels));
                            let x = x.add(channel);
                            for p in 0..WIDTH {
                                for b in 0..K {
                                    sums[p] = v.splat(*x.add((p + b) * c)).mul_add(taps[b], sums[p]);
                                }
                            }
                        }
                    }
                    let y = y.as_mut_ptr().add((i * shape.width + j) * o);
                    for (p, sum) in sums.iter().enumerate() {
                        sum.store_masked(y.add(p * o), channels);
                    }
                }
            }
        }
    }
}
