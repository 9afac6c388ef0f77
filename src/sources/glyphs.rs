//! An image task with no download: the ten digits, drawn as strokes and varied at random.
//!
//! Each digit is a fixed set of polylines and arcs in the unit square (x to the right, y down). One image:
//!
//! 1. every control point is moved by N(0, 0.025²) per coordinate (arcs: centre, radii, and ends in turns);
//! 2. q = 20 A (p − ½) + shift + 14 maps the unit square to pixels, A = rotation · shear · scale, with rotation ±20°,
//!    shear ±0.25, scale 0.75 to 1.1 per axis, shift ±3 px per axis, all uniform;
//! 3. a pixel at distance d from the nearest stroke has brightness 255 · clamp(r + ½ − d, 0, 1), the stroke's radius r
//!    being uniform from 1 to 2.2 px;
//! 4. plus N(0, (255 · noise)²) per pixel, rounded and clamped to 0…255.

use std::f64::consts::TAU;

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::DataFacts;
use super::samples::{Features, Samples};
use super::traits::{Generated, Sampler};
use crate::random::{Stream, below};

/// Width and height of an image in pixels.
const SIDE: usize = 28;
/// Number of digits.
const CLASSES: usize = 10;

/// 28×28 drawn digits with random shift, rotation, stroke and noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Glyphs {
    /// Noise SD in units of the full brightness.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub noise: f64,
}

impl Default for Glyphs {
    fn default() -> Self {
        Self { noise: 0.2 }
    }
}

impl Generated for Glyphs {
    fn facts(&self) -> DataFacts {
        DataFacts::drawings(SIDE, SIDE, CLASSES)
    }

    fn sampler(&self, _task: &mut Stream) -> Box<Sampler> {
        let noise = self.noise;
        Box::new(move |count, rng| {
            let (mut pixels, mut labels) = (Vec::with_capacity(count * SIDE * SIDE), Vec::with_capacity(count));
            for _ in 0..count {
                let digit = below(rng, CLASSES) as u8;
                pixels.extend_from_slice(&draw(digit, noise, rng));
                labels.push(digit);
            }
            Samples { features: Features::Bytes(pixels), labels }
        })
    }
}

/// Side of the unit square in pixels, before scaling.
const GLYPH: f64 = 20.0;
const JITTER: f64 = 0.025;
const MAX_SHIFT: f64 = 3.0;
const MAX_ROTATION: f64 = TAU / 18.0;
const MAX_SHEAR: f64 = 0.25;
const SCALE: (f64, f64) = (0.75, 1.1);
const RADIUS: (f64, f64) = (1.0, 2.2);
/// Segments a full turn of an arc is drawn with.
const SEGMENTS_PER_TURN: f64 = 24.0;

type Point = [f64; 2];

enum Stroke {
    Line(&'static [Point]),
    /// centre + radii · (cos, sin) of the angle, from one angle to another, in turns: 0 is to the right, ¼ down.
    Arc {
        centre: Point,
        radii: Point,
        turns: (f64, f64),
    },
}

const fn arc(centre: Point, radii: Point, from: f64, to: f64) -> Stroke {
    Stroke::Arc { centre, radii, turns: (from, to) }
}

use Stroke::Line;

const STROKES: [&[Stroke]; CLASSES] = [
    &[arc([0.5, 0.5], [0.3, 0.46], 0.0, 1.0)],
    &[Line(&[[0.32, 0.22], [0.53, 0.05], [0.53, 0.95]])],
    &[arc([0.5, 0.31], [0.28, 0.26], 0.5, 1.08), Line(&[[0.74, 0.43], [0.22, 0.94], [0.82, 0.94]])],
    &[arc([0.46, 0.27], [0.29, 0.22], 0.58, 1.25), arc([0.46, 0.71], [0.32, 0.23], 0.75, 1.42)],
    &[Line(&[[0.62, 0.05], [0.18, 0.64], [0.85, 0.64]]), Line(&[[0.65, 0.36], [0.65, 0.96]])],
    &[Line(&[[0.77, 0.06], [0.3, 0.06], [0.26, 0.45]]), arc([0.46, 0.66], [0.3, 0.28], 0.62, 1.4)],
    &[arc([0.5, 0.68], [0.27, 0.26], 0.0, 1.0), arc([0.75, 0.68], [0.52, 0.64], 0.5, 0.73)],
    &[Line(&[[0.2, 0.06], [0.8, 0.06], [0.42, 0.96]])],
    &[arc([0.5, 0.27], [0.23, 0.21], 0.0, 1.0), arc([0.5, 0.71], [0.29, 0.24], 0.0, 1.0)],
    &[arc([0.5, 0.32], [0.27, 0.26], 0.0, 1.0), arc([0.25, 0.32], [0.52, 0.64], 0.0, 0.23)],
];

/// Draws one image of `digit` (0 to 9): brightness, row-major \[28, 28\], 0 = background.
///
/// `noise` is the SD of the pixel noise in units of the full brightness; at 0 the background is exactly 0. The number
/// of draws from `rng` does not depend on `noise`: the same generator state gives the same strokes at every level.
///
/// # Panics
///
/// If `digit` is over 9.
fn draw<R: Rng + ?Sized>(digit: u8, noise: f64, rng: &mut R) -> [u8; SIDE * SIDE] {
    let place = Placement::new(rng);
    let radius = rng.random_range(RADIUS.0..RADIUS.1);
    let mut squared = [f64::INFINITY; SIDE * SIDE];
    for stroke in STROKES[usize::from(digit)] {
        let mut last = None;
        trace(stroke, rng, |point| {
            let point = place.to_pixels(point);
            if let Some(last) = last.replace(point) {
                near_segment(last, point, radius + 0.5, &mut squared);
            }
        });
    }
    squared.map(|squared| {
        let brightness = (radius + 0.5 - squared.sqrt()).clamp(0.0, 1.0);
        let noise = noise * rng.sample::<f64, _>(StandardNormal);
        // the conversion saturates: it is the clamp
        (255.0 * (brightness + noise)).round() as u8
    })
}

/// The map from the unit square to pixels.
struct Placement {
    matrix: [Point; 2],
    centre: Point,
}

impl Placement {
    fn new<R: Rng + ?Sized>(rng: &mut R) -> Self {
        let mut within = |limit: f64| rng.random_range(-limit..limit);
        let half = SIDE as f64 / 2.0;
        let centre = [half + within(MAX_SHIFT), half + within(MAX_SHIFT)];
        let (sin, cos) = within(MAX_ROTATION).sin_cos();
        let shear = within(MAX_SHEAR);
        let [x, y] = [(); 2].map(|()| GLYPH * rng.random_range(SCALE.0..SCALE.1));
        // [cos −sin; sin cos] · [1 shear; 0 1] · diag(x, y)
        let matrix = [[cos * x, (cos * shear - sin) * y], [sin * x, (sin * shear + cos) * y]];
        Self { matrix, centre }
    }

    fn to_pixels(&self, [x, y]: Point) -> Point {
        let (x, y) = (x - 0.5, y - 0.5);
        [0, 1].map(|axis| self.matrix[axis][0] * x + self.matrix[axis][1] * y + self.centre[axis])
    }
}

/// Calls `visit` with the corners of a stroke, in order, its control points jittered.
fn trace<R: Rng + ?Sized>(stroke: &Stroke, rng: &mut R, mut visit: impl FnMut(Point)) {
    let mut jitter = |x: f64| x + JITTER * rng.sample::<f64, _>(StandardNormal);
    match stroke {
        Stroke::Line(points) => points.iter().for_each(|point| visit(point.map(&mut jitter))),
        Stroke::Arc { centre, radii, turns: (from, to) } => {
            let (centre, radii) = (centre.map(&mut jitter), radii.map(&mut jitter));
            let (from, to) = (jitter(*from), jitter(*to));
            let segments = ((to - from).abs() * SEGMENTS_PER_TURN).ceil().max(1.0);
            for i in 0..=segments as usize {
                let angle = TAU * (from + (to - from) * i as f64 / segments);
                visit([centre[0] + radii[0] * angle.cos(), centre[1] + radii[1] * angle.sin()]);
            }
        }
    }
}

/// Lowers the squared distances \[28, 28\] of the pixels within `reach` of the segment from `a` to `b`.
fn near_segment(a: Point, b: Point, reach: f64, squared: &mut [f64; SIDE * SIDE]) {
    // pixel i covers i to i + 1, so its centre is at i + ½
    let span = |axis: usize| {
        let first = (a[axis].min(b[axis]) - reach - 0.5).ceil().max(0.0) as usize;
        let end = (a[axis].max(b[axis]) + reach + 0.5).floor().clamp(0.0, SIDE as f64) as usize;
        first..end
    };
    let along = [b[0] - a[0], b[1] - a[1]];
    let inverse = 1.0 / (along[0] * along[0] + along[1] * along[1]).max(f64::MIN_POSITIVE);
    for row in span(1) {
        for column in span(0) {
            let to = [column as f64 + 0.5 - a[0], row as f64 + 0.5 - a[1]];
            let t = ((to[0] * along[0] + to[1] * along[1]) * inverse).clamp(0.0, 1.0);
            let off = [to[0] - t * along[0], to[1] - t * along[1]];
            let pixel = &mut squared[row * SIDE + column];
            *pixel = pixel.min(off[0] * off[0] + off[1] * off[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn images(count: usize, noise: f64, seed: u64) -> Vec<(usize, [u8; 784])> {
        let mut rng = rng(seed);
        (0..count).map(|i| (i % CLASSES, draw((i % CLASSES) as u8, noise, &mut rng))).collect()
    }

    #[test]
    fn the_same_generator_draws_the_same_images() {
        assert_eq!(images(50, 0.2, 1), images(50, 0.2, 1));
        assert_ne!(images(50, 0.2, 1), images(50, 0.2, 2));
    }

    #[test]
    fn without_noise_the_background_is_zero_and_the_stroke_is_full() {
        for (digit, image) in images(1000, 0.0, 3) {
            let background = image.iter().filter(|&&pixel| pixel == 0).count();
            let full = image.iter().filter(|&&pixel| pixel == 255).count();
            assert!(background > 392 && full > 10, "{digit}: {background} of 784 are background, {full} full");
        }
    }

    #[test]
    fn noise_leaves_the_strokes_where_they_are_and_has_its_size() {
        let (mut a, mut b) = (rng(4), rng(4));
        let (mut sum, mut n) = (0.0, 0.0);
        for digit in (0..10).cycle().take(200) {
            let (clean, noisy) = (draw(digit, 0.0, &mut a), draw(digit, 0.2, &mut b));
            for (_, &pixel) in clean.iter().zip(&noisy).filter(|(clean, _)| **clean == 0) {
                sum += f64::from(pixel);
                n += 1.0;
            }
        }
        // E max(0, z) = 1/√(2π)
        let expected = 0.2 * 255.0 / TAU.sqrt();
        assert!((sum / n - expected).abs() < 0.5, "{} instead of {expected}", sum / n);
    }

    #[test]
    fn the_digits_differ() {
        let mut templates = [[0.0; 784]; CLASSES];
        for (digit, image) in images(2000, 0.0, 5) {
            templates[digit].iter_mut().zip(image).for_each(|(sum, pixel)| *sum += f64::from(pixel) / 200.0);
        }
        let nearest = |image: &[u8; 784]| {
            let distance = |k: &usize| -> f64 {
                templates[*k].iter().zip(image).map(|(mean, &pixel)| (mean - f64::from(pixel)).powi(2)).sum()
            };
            (0..CLASSES).min_by(|a, b| distance(a).total_cmp(&distance(b)))
        };
        let mut right = [0; CLASSES];
        for (digit, image) in images(1000, 0.0, 6) {
            right[digit] += usize::from(nearest(&image) == Some(digit));
        }
        assert!(right.iter().all(|&right| right > 25), "right of 100 per digit: {right:?}");
        assert!(right.iter().sum::<usize>() > 550, "right of 100 per digit: {right:?}");
    }
}
