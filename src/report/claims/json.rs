//! Verdicts as JSON, for programs and for the report, and read again.

use std::collections::{BTreeMap, HashSet};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::ground::Ground;
use crate::claims::claim::Kind;
use crate::claims::decide::{Criterion, Verdict};
use crate::claims::judged::{Judged, mark_dropped};
use crate::claims::list;
use crate::claims::part;
use crate::claims::prediction::Prediction;
use crate::files;

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

#[derive(Clone, Serialize, Deserialize)]
struct Answer {
    schema_version: u32,
    data: String,
    seeds: Seeds,
    /// What verdicts depend on beside the runs.
    #[serde(default)]
    rules_sha256: String,
    claims: Vec<Claim>,
    notes: Vec<String>,
    /// SHA-256 of all above, as JSON without spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Answer {
    fn digest(&self) -> String {
        let all = Self { sha256: None, ..self.clone() };
        files::sha256(serde_json::to_string(&all).expect("nothing in it but numbers, words and lists").as_bytes())
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Seeds {
    first: u64,
    last: u64,
    count: usize,
}

#[derive(Clone, Serialize, Deserialize)]
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
    #[serde(default)]
    notes: Vec<String>,
    parts: Vec<Part>,
    /// How many of the parts decide: those of the first regime.
    decided_by: usize,
    theory: Vec<Theory>,
}

/// An interval; an end without bound is null.
type Ends = [Option<f64>; 2];

#[derive(Clone, Serialize, Deserialize)]
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

#[derive(Clone, Serialize, Deserialize)]
struct Along {
    line: String,
    x: f64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Theory {
    what: String,
    predicted: f64,
    measured: f64,
    standard_error: Option<f64>,
    difference_in_standard_errors: Option<f64>,
    n: usize,
}

/// The claims of `new`, and those others of `text`, which [`written`] wrote earlier: in the order of the list, and marked as
/// claims that stand together.
///
/// # Errors
/// Why the earlier ones cannot be kept: they were found with other seeds or by other rules, or were changed since.
pub fn merged(text: &str, new: &[Judged], ground: &Ground) -> anyhow::Result<Vec<Judged>> {
    let (mut all, found) = read(text)?;
    all.retain(|judged| !new.iter().any(|other| other.claim.id == judged.claim.id));
    let is_same = (&found.data, found.seeds, found.count) == (&ground.data, ground.seeds, ground.count);
    anyhow::ensure!(all.is_empty() || is_same, "they were found with other seeds");
    let is_same = found.rules == ground.rules;
    anyhow::ensure!(
        all.is_empty() || is_same,
        "they were found with other learning rates (as with or without --quick), or by another version"
    );
    all.extend_from_slice(new);
    all.sort_by_key(|judged| list::ALL.iter().position(|claim| claim.id == judged.claim.id));
    mark_dropped(&mut all);
    Ok(all)
}

/// Everything that was found.
pub fn written(all: &[Judged], ground: &Ground) -> String {
    let (first, last) = ground.seeds;
    let mut answer = Answer {
        schema_version: SCHEMA_VERSION,
        data: ground.data.clone(),
        seeds: Seeds { first, last, count: ground.count },
        rules_sha256: ground.rules.clone(),
        claims: all.iter().map(Claim::of).collect(),
        notes: ground.notes.clone(),
        sha256: None,
    };
    answer.sha256 = Some(answer.digest());
    let text = serde_json::to_string_pretty(&answer).expect("nothing in it but numbers, words and lists");
    text + "\n"
}

/// What [`written`] wrote.
///
/// # Errors
/// If it is something else, or of a version that this program does not know; if it was changed since, or contradicts itself.
pub fn read(text: &str) -> anyhow::Result<(Vec<Judged>, Ground)> {
    let answer: Answer =
        serde_json::from_str(text).context("it does not hold verdicts of `bn-exp claims` of this version")?;
    let version = answer.schema_version;
    anyhow::ensure!(version == SCHEMA_VERSION, "verdicts of schema version {version} are not known here");
    let is_as_written = answer.sha256.as_ref().is_none_or(|sha256| *sha256 == answer.digest());
    anyhow::ensure!(
        is_as_written,
        "somebody changed it since bn-exp wrote it; the `bn-exp claims` that wrote it makes it anew"
    );
    let Answer { data, seeds: Seeds { first, last, count }, rules_sha256: rules, claims, notes, .. } = answer;
    let mut seen = HashSet::new();
    if let Some(twice) = claims.iter().find(|claim| !seen.insert(&claim.id)) {
        anyhow::bail!("claim `{}` is in it twice", twice.id);
    }
    let all = claims.iter().cloned().map(Claim::judged).collect::<anyhow::Result<Vec<_>>>()?;
    for (judged, written) in all.iter().zip(&claims) {
        judged.check().map_err(anyhow::Error::msg)?;
        let shown = judged.shown();
        let is_shown = written.estimate == shown.and_then(|part| part.estimate)
            && written.interval == shown.and_then(|part| part.interval).map(ends);
        anyhow::ensure!(is_shown, "claim `{}` has another figure than its part", written.id);
    }
    Ok((all, Ground { data, seeds: (first, last), count, rules, notes }))
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
            notes: judged.notes.clone(),
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
            notes: self.notes,
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
            verdict: Verdict::Holds,
            detail: "d".to_owned(),
            parts: vec![part],
            theory: vec![theory],
            decided_by: 1,
            seconds: 2.5,
            is_dropped: true,
            notes: vec!["m".to_owned()],
        };
        let (data, rules) = ("glyphs".to_owned(), "r".to_owned());
        let ground = Ground { data, seeds: (3, 9), count: 7, rules, notes: vec!["n".to_owned()] };
        let text = written(std::slice::from_ref(&judged), &ground);
        let (all, again) = read(&text).expect("it reads what it wrote");
        let shown = |judged: &Judged| {
            let Judged { claim, verdict, detail, parts, theory, decided_by, seconds, is_dropped, notes } = judged;
            format!(
                "{} {verdict:?} {detail} {parts:?} {theory:?} {decided_by} {seconds} {is_dropped} {notes:?}",
                claim.id
            )
        };
        assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), [shown(&judged)]);
        assert_eq!(format!("{again:?}"), format!("{ground:?}"));
        let kept_by = |all: &[Judged], ground: &Ground| merged(&text, all, ground).map(|kept| kept.len()).ok();
        assert_eq!((kept_by(&[], &ground), kept_by(&all, &ground)), (Some(1), Some(1)));
        // Verdicts by other rules, as those at one rate an arm, do not belong among these.
        let others = [Ground { count: 8, ..ground.clone() }, Ground { rules: "s".to_owned(), ..ground }];
        assert_eq!(others.map(|ground| kept_by(&[], &ground)), [None, None]);
        assert!(read(&text.replace("\"schema_version\": 1", "\"schema_version\": 2")).is_err());
        let mut unknown: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        (unknown["sha256"], unknown["claims"][0]["id"]) = (serde_json::Value::Null, "no-such-claim".into());
        let unknown = read(&unknown.to_string()).expect_err("it is unknown").to_string();
        assert!(unknown.contains("no-such-claim"), "{unknown}");
    }

    /// Whether a claim would stand among all that are shown does not depend on how many calls found them.
    #[test]
    fn claims_of_two_calls_are_marked_as_those_of_one() {
        let text = include_str!("../../../results/published/claims-1/claims.json");
        let (all, ground) = read(text).expect("it is read");
        let marks = |all: &[Judged]| all.iter().map(|judged| (judged.claim.id, judged.is_dropped)).collect::<Vec<_>>();
        let expected = marks(&all);
        for first in [1, all.len() / 2, all.len() - 1] {
            let [mut one, mut other] = [all[..first].to_vec(), all[first..].to_vec()];
            [&mut one, &mut other].into_iter().for_each(|part| mark_dropped(part));
            let both = merged(&written(&one, &ground), &other, &ground).expect("they belong together");
            assert_eq!(marks(&both), expected, "{first}");
        }
        // Apart they would be marked otherwise, or this shows nothing.
        let differ = (1..all.len()).any(|first| {
            let [mut one, mut other] = [all[..first].to_vec(), all[first..].to_vec()];
            [&mut one, &mut other].into_iter().for_each(|part| mark_dropped(part));
            marks(&[one, other].concat()) != expected
        });
        assert!(differ, "{expected:?}");
    }

    /// The file is read by people, and an edit is an easy thing.
    #[test]
    fn verdicts_that_were_changed_or_contradict_themselves_are_refused() {
        let text = include_str!("../../../results/published/claims-1/claims.json");
        let said = |text: &str| format!("{:#}", read(text).map(drop).expect_err("it is refused"));
        assert!(read(text).is_ok());
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let claims = value["claims"].as_array().expect("claims");
        let at = |verdict: &str| {
            let is_it =
                |claim: &serde_json::Value| claim["verdict"] == verdict && claim["parts"][0]["verdict"] == verdict;
            claims.iter().position(|claim| is_it(claim) && claim["estimate"].is_number()).expect("a claim")
        };
        let fails = at("fails");
        let edited = |path: &str, to: serde_json::Value| {
            let mut value = value.clone();
            *value.pointer_mut(&format!("/claims/{fails}{path}")).expect(path) = to;
            value.to_string()
        };
        for (path, to, words) in [
            ("/verdict", "holds".into(), "but its parts come to"),
            ("/parts/0/verdict", "holds".into(), "does not show that it holds"),
            ("/parts/0/estimate", 1e3.into(), "is not in the interval"),
            ("/estimate", 1e3.into(), "has another figure than its part"),
            ("/parts/0/p", 3.0.into(), "p is 3"),
            ("/decided_by", 9.into(), "9 deciding parts"),
            ("/seconds", (-1.0).into(), "-1 s"),
        ] {
            let said = said(&edited(path, to));
            assert!(said.contains(words), "{path}: {said}");
        }
        let mut twice = value.clone();
        twice["claims"].as_array_mut().expect("claims").push(claims[fails].clone());
        assert!(said(&twice.to_string()).contains("is in it twice"));
        // What this program writes carries a digest, which finds any other change; spaces are none.
        let (all, ground) = read(text).expect("it is read");
        let sealed: serde_json::Value = serde_json::from_str(&written(&all, &ground)).expect("JSON");
        assert!(read(&sealed.to_string()).is_ok());
        let mut other = sealed.clone();
        other["claims"][fails]["parts"][0]["n"] = 60.into();
        assert!(said(&other.to_string()).contains("somebody changed it"));
    }
}
