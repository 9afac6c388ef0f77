//! The interval that inverts a test by exchange.
//!
//! It holds the shifts θ for which the test does not reject "the first arm is the second plus θ". Under that hypothesis a
//! seed that is kept has the difference d_i(π) − θ, and one that is exchanged has d_i(π) + θ. For flips of signs its ends
//! are means of subsets of the differences (Hartigan 1969).

use super::orbit::{FEWEST, Moments, Orbit, alpha};

impl Orbit {
    /// From the smallest to the largest shift θ that is not rejected, at each of some confidences 1 − α.
    ///
    /// For flips these are exact. For other exchanges the shifts that are kept need not be in one piece. The outermost is
    /// looked for at 512 distances to either side (128 if there are very many exchanges), each some per cent further out
    /// than the one before, and then bisected.
    ///
    /// `None` for fewer than 6 seeds, if a difference is not finite, if so few seeds cannot reject anything at this
    /// confidence, or if the confidence is not above 0.
    pub fn intervals<const N: usize>(&self, confidences: [f64; N]) -> [Option<(f64, f64)>; N] {
        if !confidences.iter().any(|confidence| self.has_interval(*confidence)) {
            return [None; N];
        }
        let (lows, highs) = match Search::new(self) {
            Search { mean, last: 0.0, .. } => ([mean; N], [mean; N]),
            search => (search.outermost(-1.0, confidences), search.outermost(1.0, confidences)),
        };
        std::array::from_fn(|i| self.has_interval(confidences[i]).then_some((lows[i], highs[i])))
    }

    /// The interval at one confidence.
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        self.intervals([confidence])[0]
    }

    fn has_interval(&self, confidence: f64) -> bool {
        let decides = (1.0 / self.moments.len() as f64..1.0).contains(&alpha(confidence));
        self.n >= FEWEST && self.moments[0].limit.is_none() && decides
    }
}

/// Where shifts are looked for: at distances from the mean that grow by the same factor from the first to the last.
struct Search<'a> {
    orbit: &'a Orbit,
    mean: f64,
    first: f64,
    /// 0 if no exchange makes a difference: then the mean is all there is.
    last: f64,
    points: usize,
}

impl<'a> Search<'a> {
    fn new(orbit: &'a Orbit) -> Self {
        let n = orbit.n as f64;
        let (data, mean) = (&orbit.moments[0], orbit.moments[0].sum / n);
        let rms = |moments: &Moments| if moments.limit.is_some() { 0.0 } else { (moments.squares / n).sqrt() };
        let largest = orbit.moments.iter().map(rms).fold(0.0, f64::max);
        let spread = (data.squares / n - mean * mean).max(0.0).sqrt();
        // A spread that is only rounding counts as none.
        let has_spread = spread > 1e-7 * mean.abs();
        let nearest = if has_spread { spread } else { largest };
        let points = match orbit.moments.len() {
            _ if orbit.is_flips => 24,
            many if many > 1 << 14 => 128,
            _ => 512,
        };
        // Beyond several times the largest difference that any exchange makes, everything is rejected.
        let last = if orbit.is_flips && !has_spread { 0.0 } else { 8.0 * n.sqrt() * largest };
        Self { orbit, mean, first: 1e-3 * nearest, last, points }
    }

    fn distance(&self, i: usize) -> f64 {
        self.first * (self.last / self.first).powf(i as f64 / (self.points - 1) as f64)
    }

    /// The outermost shift on one side that is kept, at each of some confidences.
    fn outermost<const N: usize>(&self, sign: f64, confidences: [f64; N]) -> [f64; N] {
        // From the outermost inwards, no further than any confidence asks.
        let mut p: Vec<f64> = Vec::new();
        confidences.map(|confidence| {
            let mut inwards = (0..self.points).rev().enumerate();
            let outermost = inwards.find(|(k, i)| {
                if *k == p.len() {
                    p.push(self.orbit.p(self.mean + sign * self.distance(*i)));
                }
                p[*k] > alpha(confidence)
            });
            let ends = match outermost {
                Some((_, i)) => (self.distance(i), self.distance((i + 1).min(self.points - 1))),
                None => (0.0, self.first),
            };
            self.mean + sign * self.bisected(sign, ends, alpha(confidence))
        })
    }

    /// The largest distance that is kept, between one that is and one that is not.
    fn bisected(&self, sign: f64, (mut inside, mut outside): (f64, f64), alpha: f64) -> f64 {
        for _ in 0..60 {
            let middle = f64::midpoint(inside, outside);
            if middle <= inside || middle >= outside {
                break;
            }
            if self.orbit.p(self.mean + sign * middle) > alpha { inside = middle } else { outside = middle }
        }
        inside
    }
}
