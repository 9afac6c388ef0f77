//! Batch normalisation with noise on its output. After γ and β every value is multiplied by a random factor and moved by a
//! random shift, so that the next layer sees less steady distributions than without any norm (Santurkar et al. 2018,
//! section 2.1). If `bn` gains by stable moments, this arm should not gain.
//!
//! At each training step, for channel c and sample n, shared over positions:
//!
//! ```text
//! μ'_c ~ U(−½, ½)              σ'_c ~ U(1, 1.25)
//! b_nc ~ U(μ'_c − 0.1, μ'_c + 0.1)      f_nc ~ N(σ'_c, SD 0.1)
//! y' = f_nc·y + b_nc
//! ```
//!
//! The draws follow from the run's seed, the block and the step: stream `noise/<block>/<step>`, first μ' and σ' of every
//! channel in turn, then b and f of every sample and channel in turn.
//!
//! **Backward.** dy = f_nc·dy'. **Evaluation** leaves the noise out.

use rand_distr::{Distribution, StandardNormal, StandardUniform};

use super::elementwise::{Draws, Elementwise};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;
use crate::random::{Stream, stream_of};

/// SD of the factors, and half the width of the shifts, about their channel's.
const SPREAD: f64 = 0.1;

/// A factor and a shift for each sample and channel.
#[derive(Debug)]
pub struct Noisy {
    /// Index of the block.
    pub block: usize,
    /// C
    pub channels: usize,
}

fn uniform(rng: &mut Stream) -> f64 {
    StandardUniform.sample(rng)
}

impl Noisy {
    /// Calls `take` with shift and factor of every sample and channel in turn. `of_channels` [2·C] holds μ' and σ'.
    fn draw<F: Scalar>(
        &self,
        seed: u64,
        step: usize,
        samples: usize,
        of_channels: &mut [F],
        mut take: impl FnMut(usize, F, F),
    ) {
        let mut rng = stream_of(seed, format_args!("noise/{}/{step}", self.block));
        for pair in of_channels.chunks_exact_mut(2) {
            pair[0] = F::of(uniform(&mut rng) - 0.5);
            pair[1] = F::of(1.0 + 0.25 * uniform(&mut rng));
        }
        for n in 0..samples {
            for (c, pair) in of_channels.chunks_exact(2).enumerate() {
                let shift = pair[0].f64() + SPREAD * (2.0 * uniform(&mut rng) - 1.0);
                let z: f64 = StandardNormal.sample(&mut rng);
                take(n * self.channels + c, F::of(shift), F::of(pair[1].f64() + SPREAD * z));
            }
        }
    }
}

impl<F: Scalar> Elementwise<F> for Noisy {
    /// μ' and σ', then shift and factor of each sample and channel.
    fn kept(&self, samples: usize) -> usize {
        2 * self.channels * (1 + samples)
    }

    fn forward(&self, pass: Pass, samples: usize, x: &[F], y: &mut [F], kept: &mut [F]) {
        let Pass::Train { seed, step } = pass else { return y.copy_from_slice(x) };
        let (of_channels, kept) = kept.split_at_mut(2 * self.channels);
        let (shifts, factors) = kept[..2 * samples * self.channels].split_at_mut(samples * self.channels);
        self.draw(seed, step, samples, of_channels, |i, shift, factor| (shifts[i], factors[i]) = (shift, factor));
        let length = x.len() / samples;
        let noise = shifts.chunks_exact(self.channels).zip(factors.chunks_exact(self.channels));
        for ((x, y), (shifts, factors)) in x.chunks_exact(length).zip(y.chunks_exact_mut(length)).zip(noise) {
            for (x, y) in x.chunks_exact(self.channels).zip(y.chunks_exact_mut(self.channels)) {
                let noise = shifts.iter().zip(factors);
                y.iter_mut().zip(x).zip(noise).for_each(|((y, x), (shift, factor))| *y = *x * *factor + *shift);
            }
        }
    }

    fn backward(&self, pass: Pass, samples: usize, d: &mut [F], kept: &[F]) {
        if let Pass::Evaluate(_) = pass {
            return;
        }
        let factors = &kept[self.channels * (2 + samples)..2 * self.channels * (1 + samples)];
        let length = d.len() / samples;
        for (d, factors) in d.chunks_exact_mut(length).zip(factors.chunks_exact(self.channels)) {
            for d in d.chunks_exact_mut(self.channels) {
                d.iter_mut().zip(factors).for_each(|(d, factor)| *d *= *factor);
            }
        }
    }

    fn draws(&self, seed: u64, step: usize, samples: usize) -> Draws<F> {
        let mut draws = ["shift", "factor"].map(|name| (name, vec![F::zero(); samples * self.channels]));
        let mut of_channels = vec![F::zero(); 2 * self.channels];
        self.draw(seed, step, samples, &mut of_channels, |i, shift, factor| {
            (draws[0].1[i], draws[1].1[i]) = (shift, factor);
        });
        draws.into()
    }
}
