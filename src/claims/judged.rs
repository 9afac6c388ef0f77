//! Claims judged.

use super::claim::{Claim, Kind};
use super::decide::Verdict;
use super::evidence::Evidence;
use super::part::{Part, combined};
use super::prediction::Prediction;
use super::regime::Regime;
use super::spread::spread;

/// A claim with what came of it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The claim.
    pub claim: &'static Claim,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Why, if that is not plain.
    pub detail: String,
    /// What was found, part by part.
    pub parts: Vec<Part>,
    /// What theory predicts, and what was measured.
    pub theory: Vec<Prediction>,
    /// How many of the parts belong to the first regime, which decides.
    pub decided_by: usize,
    /// Seconds of computing that it rests on; runs that claims share are counted in each.
    pub seconds: f64,
    /// Whether the Benjamini–Hochberg procedure over all experimental claims would drop it.
    pub is_dropped: bool,
    /// What else has to be known of it, a sentence each.
    pub notes: Vec<String>,
}

impl Judged {
    /// The part whose figure stands for the claim: the first of those that decide with the claim's own verdict, else the first.
    pub fn shown(&self) -> Option<&Part> {
        let mut deciding = self.parts[..self.decided_by.min(self.parts.len())].iter();
        deciding.find(|part| part.decides && part.verdict == self.verdict).or(self.parts.first())
    }
}

/// Judges each claim in its regimes, by `threads` threads.
pub fn judge(claims: &[(&'static Claim, Vec<Regime>)], evidence: &Evidence, threads: usize) -> Vec<Judged> {
    let judged = |(claim, regimes): &(&'static Claim, Vec<Regime>)| {
        let of = |regimes: &[Regime]| regimes.iter().flat_map(|regime| (claim.parts)(evidence, *regime)).collect();
        let (main, elsewhere): (Vec<Part>, Vec<Part>) = (of(&regimes[..1]), of(&regimes[1..]));
        let (verdict, detail) = combined(&main, &elsewhere);
        let detail = if claim.kind == Kind::NotTested { claim.criterion.to_owned() } else { detail };
        let decided_by = main.len();
        Judged {
            claim,
            verdict,
            detail,
            parts: [main, elsewhere].concat(),
            theory: (claim.theory)(evidence),
            decided_by,
            seconds: 0.0,
            is_dropped: false,
            notes: Vec::new(),
        }
    };
    let mut all = spread(claims, threads, judged);
    mark_dropped(&mut all);
    all
}

impl Judged {
    /// Whether its verdict is the one that its parts come to, and theirs what their intervals show; else what is not.
    ///
    /// # Errors
    /// What contradicts what, in words.
    pub fn check(&self) -> Result<(), String> {
        let Self { claim, verdict, parts, decided_by, seconds, .. } = self;
        if *decided_by > parts.len() || seconds.is_nan() || *seconds < 0.0 {
            return Err(format!(
                "claim `{}` has {decided_by} deciding parts of {}, and {seconds} s",
                claim.id,
                parts.len()
            ));
        }
        for part in parts {
            part.check().map_err(|why| format!("claim `{}`, part {:?}: {why}", claim.id, part.sentence))?;
        }
        let (main, elsewhere) = parts.split_at(*decided_by);
        let (expected, _) = combined(main, elsewhere);
        if *verdict != expected {
            let (told, parts) = (verdict.words(), expected.words());
            return Err(format!("claim `{}` has the verdict {told:?}, but its parts come to {parts:?}", claim.id));
        }
        Ok(())
    }
}

/// Benjamini & Hochberg 1995 at 0.05, for m experimental claims. Sort the p of those decided in rising order; the first k
/// stand, where k is the largest with p_k ≤ 0.05·k/m.
pub fn mark_dropped(all: &mut [Judged]) {
    let is_tested = |judged: &Judged| judged.claim.kind == Kind::Experiment;
    // A claim is as uncertain as the least certain of the parts that decide it.
    let p = |judged: &Judged| {
        let parts = judged.parts[..judged.decided_by].iter().filter(|part| part.decides);
        parts.map(|part| part.p).collect::<Option<Vec<f64>>>().map(|p| p.into_iter().fold(0.0, f64::max))
    };
    let mut sorted: Vec<f64> = all.iter().filter(|j| is_tested(j) && j.verdict.is_decided()).filter_map(p).collect();
    sorted.sort_by(f64::total_cmp);
    let tests = all.iter().filter(|judged| is_tested(judged)).count() as f64;
    let stands = sorted.iter().enumerate().filter(|(i, p)| **p <= 0.05 * (*i as f64 + 1.0) / tests);
    let largest = stands.map(|(_, p)| *p).fold(-1.0, f64::max);
    for judged in all.iter_mut() {
        let p = p(judged);
        judged.is_dropped = is_tested(judged) && judged.verdict.is_decided() && p.is_some_and(|p| p > largest);
    }
}
