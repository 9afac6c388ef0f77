//! Verdicts as JSON, for programs and for the report, and read again.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::ground::Ground;
use crate::claims::claim::Kind;
use crate::claims::decide::{Criterion, Verdict};
use crate::claims::judged::Judged;
use crate::claims::list;
use crate::claims::part;
use crate::claims::prediction::Prediction;

/// Name of the file that `claims` leaves beside its experiments.
pub const FILE: &str = "claims.json";
/// Whether these bytes are verdicts, of this layout or an earlier one.
pub fn is_ours(bytes: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let is_known = value["schema_version"].as_u64().is_some_and(|version| version <= u64::from(SCHEMA_VERSION));
    is_known && value["claims"].is_array() && value["seeds"].is_object()
}

/// Version of this layout.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Answer {
    schema_version: u32,
    data: String,
    seeds: Seeds,
    claims: Vec<Claim>,
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Seeds {
    first: u64,
    last: u64,
    count: usize,
}

#[derive(Serialize, Deserialize)]
struct Claim {
    id: String,
    kind: Kind,
    sentence: String,
    verdict: Verdict,
    detail: String,
    estimate: Option<f64>,
    interval: Option<Ends>,
    criterion: String,
    seconds: f64,
    dropped_by_benjamini_hochberg: bool,
    parts: Vec<Part>,
    /// How many of the parts decide: those of the first regime.
    decided_by: usize,
    theory: Vec<Theory>,
}

/// An interval; an end without bound is null.
type Ends = [Option<f64>; 2];

#[derive(Serialize, Deserialize)]
struct Part {
    sentence: String,
    regime: String,
    verdict: Verdict,
    detail: String,
    estimate: Option<f64>,
    interval: Option<Ends>,
    threshold: Option<f64>,
    criterion: Option<Criterion>,
    p: Option<f64>,
    n: usize,
    decides: bool,
    arms: Vec<String>,
    #[serde(default)]
    diverged: BTreeMap<String, usize>,
    along: Option<Along>,
}

#[derive(Serialize, Deserialize)]
struct Along {
    line: String,
    x: f64,
}

#[derive(Serialize, Deserialize)]
struct Theory {
    what: String,
    predicted: f64,
    measured: f64,
    standard_error: Option<f64>,
    difference_in_standard_errors: Option<f64>,
    n: usize,
}

/// The claims of `text`, which [`written`] wrote earlier, that are not among `all`, if they were found with the same seeds.
pub fn kept(text: &str, all: &[Judged], ground: &Ground) -> Vec<Judged> {
    let Ok((earlier, found)) = read(text) else { return Vec::new() };
    let is_same = (&found.data, found.seeds, found.count) == (&ground.data, ground.seeds, ground.count);
    let is_new = |judged: &Judged| all.iter().any(|other| other.claim.id == judged.claim.id);
    earlier.into_iter().filter(|judged| is_same && !is_new(judged)).collect()
}

/// Everything that was found.
pub fn written(all: &[Judged], ground: &Ground) -> String {
    let (first, last) = ground.seeds;
    let answer = Answer {
        schema_version: SCHEMA_VERSION,
        data: ground.data.clone(),
        seeds: Seeds { first, last, count: ground.count },
        claims: all.iter().map(Claim::of).collect(),
        notes: ground.notes.clone(),
    };
    let text = serde_json::to_string_pretty(&answer).expect("nothing in it but numbers, words and lists");
    text + "\n"
}

/// What [`written`] wrote.
///
/// # Errors
/// If it is something else, or of a version that this program does not know.
pub fn read(text: &str) -> anyhow::Result<(Vec<Judged>, Ground)> {
    let answer: Answer =
        serde_json::from_str(text).context("it does not hold verdicts of `bn-exp claims` of this version")?;
    let Answer { schema_version, data, seeds: Seeds { first, last, count }, claims, notes } = answer;
    anyhow::ensure!(schema_version == SCHEMA_VERSION, "verdicts of schema version {schema_version} are not known here");
    let all = claims.into_iter().map(Claim::judged).collect::<anyhow::Result<Vec<_>>>()?;
    Ok((all, Ground { data, seeds: (first, last), count, notes }))
}

impl Claim {
    fn of(judged: &Judged) -> Self {
        let first = judged.shown();
        Self {
            id: judged.claim.id.to_owned(),
            kind: judged.claim.kind,
            sentence: judged.claim.sentence.to_owned(),
            verdict: judged.verdict,
            detail: judged.detail.clone(),
            estimate: first.and_then(|part| part.estimate),
            interval: first.and_then(|part| part.interval).map(ends),
            criterion: judged.claim.criterion.to_owned(),
            seconds: judged.seconds,
            dropped_by_benjamini_hochberg: judged.is_dropped,
            parts: judged.parts.iter().map(Part::of).collect(),
            decided_by: judged.decided_by,
            theory: judged.theory.iter().map(Theory::of).collect(),
        }
    }

    fn judged(self) -> anyhow::Result<Judged> {
        Ok(Judged {
            claim: list::named(&self.id).with_context(|| format!("this program knows no claim `{}`", self.id))?,
            verdict: self.verdict,
            detail: self.detail,
            parts: self.parts.into_iter().map(Part::part).collect(),
            theory: self.theory.into_iter().map(Theory::prediction).collect(),
            decided_by: self.decided_by,
            seconds: self.seconds,
            is_dropped: self.dropped_by_benjamini_hochberg,
        })
    }
}

impl Part {
    fn of(part: &part::Part) -> Self {
        Self {
            sentence: part.sentence.clone(),
            regime: part.regime.clone(),
            verdict: part.verdict,
            detail: part.detail.clone(),
            estimate: part.estimate,
            interval: part.interval.map(ends),
            threshold: part.criterion.map(|criterion| criterion.holds.threshold()),
            criterion: part.criterion,
            p: part.p,
            n: part.n,
            decides: part.decides,
            arms: part.arms.clone(),
            diverged: part.diverged.iter().cloned().collect(),
            along: part.along.clone().map(|(line, x)| Along { line, x }),
        }
    }

    fn part(self) -> part::Part {
        let bounds = |[low, high]: Ends| (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
        part::Part {
            sentence: self.sentence,
            regime: self.regime,
            verdict: self.verdict,
            detail: self.detail,
            estimate: self.estimate,
            interval: self.interval.map(bounds),
            criterion: self.criterion,
            p: self.p,
            n: self.n,
            decides: self.decides,
            arms: self.arms,
            diverged: self.diverged.into_iter().collect(),
            along: self.along.map(|Along { line, x }| (line, x)),
        }
    }
}

impl Theory {
    fn of(found: &Prediction) -> Self {
        Self {
            what: found.what.clone(),
            predicted: found.predicted,
            measured: found.measured,
            standard_error: found.standard_error,
            difference_in_standard_errors: found.difference(),
            n: found.n,
        }
    }

    fn prediction(self) -> Prediction {
        let Self { what, predicted, measured, standard_error, n, .. } = self;
        Prediction { what, predicted, measured, standard_error, n }
    }
}

fn ends((low, high): (f64, f64)) -> Ends {
    [low, high].map(|end| Some(end).filter(|end| end.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::decide::{Beyond, Unit};

    #[test]
    fn verdicts_are_read_as_they_were_written() {
        let part = part::Part {
            sentence: "it is so".to_owned(),
            regime: "shallow".to_owned(),
            verdict: Verdict::Holds,
            detail: "why".to_owned(),
            estimate: Some(0.1),
            interval: Some((f64::NEG_INFINITY, 0.25)),
            criterion: Some(Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(0.8), unit: Unit::Share }),
            p: Some(0.01),
            n: 24,
            decides: true,
            arms: vec!["affine".to_owned(), "bn".to_owned()],
            diverged: vec![("affine".to_owned(), 2)],
            along: Some(("64 samples".to_owned(), 10.0)),
        };
        let theory =
            Prediction { what: "it".to_owned(), predicted: 1.0, measured: 1.5, standard_error: Some(0.5), n: 3 };
        let judged = Judged {
            claim: list::ALL[0],
            verdict: Verdict::HoldsInPart,
            detail: "d".to_owned(),
            parts: vec![part],
            theory: vec![theory],
            decided_by: 1,
            seconds: 2.5,
            is_dropped: true,
        };
        let ground = Ground { data: "glyphs".to_owned(), seeds: (3, 9), count: 7, notes: vec!["n".to_owned()] };
        let text = written(std::slice::from_ref(&judged), &ground);
        let (all, again) = read(&text).expect("it reads what it wrote");
        let shown = |judged: &Judged| {
            let Judged { claim, verdict, detail, parts, theory, decided_by, seconds, is_dropped } = judged;
            format!("{} {verdict:?} {detail} {parts:?} {theory:?} {decided_by} {seconds} {is_dropped}", claim.id)
        };
        assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), [shown(&judged)]);
        assert_eq!(format!("{again:?}"), format!("{ground:?}"));
        assert_eq!(kept(&text, &[], &ground).len(), 1);
        assert!(kept(&text, &all, &ground).is_empty());
        assert!(kept(&text, &[], &Ground { count: 8, ..ground }).is_empty());
        assert!(read(&text.replace("\"schema_version\": 1", "\"schema_version\": 2")).is_err());
        let unknown = read(&text.replace(list::ALL[0].id, "no-such-claim")).expect_err("it is unknown").to_string();
        assert!(unknown.contains("no-such-claim"), "{unknown}");
    }
}
