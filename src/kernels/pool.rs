//! 2×2 pooling with stride 2 on [N, H, W, C]; an odd last row or column is dropped.

use super::simd::Scalar;

/// Height, width and channels of a pool's input.
pub type Hwc = (usize, usize, usize);

/// Calls `f(output, corners)` for every output position: the offset of its C output values, and the
/// offsets of the C values of its four inputs, in row, column order.
fn for_each_window(samples: usize, (h, w, c): Hwc, mut f: impl FnMut(usize, [usize; 4])) {
    let (oh, ow) = (h / 2, w / 2);
    for n in 0..samples {
        for i in 0..oh {
            for j in 0..ow {
                let corner = ((n * h + 2 * i) * w + 2 * j) * c;
                f(((n * oh + i) * ow + j) * c, [corner, corner + c, corner + w * c, corner + (w + 1) * c]);
            }
        }
    }
}

/// y ← the largest of four; `winner` keeps which, 0 to 3. Of equal ones the first wins; NaN wins.
pub fn max<F: Scalar>(x: &[F], y: &mut [F], winner: &mut [u8], samples: usize, shape: Hwc) {
    for_each_window(samples, shape, |out, corners| {
        for c in 0..shape.2 {
            let (mut best, mut which) = (x[corners[0] + c], 0);
            for (i, corner) in corners.iter().enumerate().skip(1) {
                let v = x[corner + c];
                if v > best || v.is_nan() {
                    (best, which) = (v, i as u8);
                }
            }
            y[out + c] = best;
            winner[out + c] = which;
        }
    });
}

/// dx ← dy at the winners, 0 elsewhere
pub fn max_backward<F: Scalar>(dy: &[F], winner: &[u8], dx: &mut [F], samples: usize, shape: Hwc) {
    dx[..samples * shape.0 * shape.1 * shape.2].fill(F::zero());
    for_each_window(samples, shape, |out, corners| {
        for c in 0..shape.2 {
            dx[corners[usize::from(winner[out + c])] + c] = dy[out + c];
        }
    });
}

/// y ← the mean of four
pub fn average<F: Scalar>(x: &[F], y: &mut [F], samples: usize, shape: Hwc) {
    let quarter = F::of(0.25);
    for_each_window(samples, shape, |out, corners| {
        for c in 0..shape.2 {
            y[out + c] = corners.iter().map(|corner| x[corner + c]).sum::<F>() * quarter;
        }
    });
}

/// dx ← dy / 4 at each of four, 0 in a dropped row or column
pub fn average_backward<F: Scalar>(dy: &[F], dx: &mut [F], samples: usize, shape: Hwc) {
    dx[..samples * shape.0 * shape.1 * shape.2].fill(F::zero());
    let quarter = F::of(0.25);
    for_each_window(samples, shape, |out, corners| {
        for c in 0..shape.2 {
            corners.iter().for_each(|corner| dx[corner + c] = dy[out + c] * quarter);
        }
    });
}
