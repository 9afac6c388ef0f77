//! Claims and what came of them: tables for people, JSON for programs.

use serde_json::{Value, json};

use super::cells::dash;
use super::layout::{Layout, glued};
use crate::claims::claim::{Claim, Kind};
use crate::claims::decide::{Beyond, Criterion, Unit, Verdict};
use crate::claims::judged::Judged;
use crate::claims::judging::Part;
use crate::claims::list;
use crate::claims::prediction::Prediction;

/// How verdicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClaimsFormat {
    /// For a terminal.
    Table,
    /// For a Markdown file.
    Markdown,
    /// For programs.
    Json,
}

/// What the verdicts were found on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Name of the data.
    pub data: String,
    /// First and last seed.
    pub seeds: (u64, u64),
    /// How many there are.
    pub count: usize,
    /// What else has to be said, one sentence each.
    pub notes: Vec<String>,
}

/// Verdicts in a format.
pub fn judged(all: &[Judged], ground: &Ground, format: ClaimsFormat) -> String {
    match format {
        ClaimsFormat::Table => text(all, ground, Layout::terminal()),
        ClaimsFormat::Markdown => text(all, ground, Layout::Markdown),
        ClaimsFormat::Json => format!("{:#}\n", in_json(all, ground)),
    }
}

fn text(all: &[Judged], ground: &Ground, layout: Layout) -> String {
    let header = ["claim", "verdict", "figure (95 % interval)", "holds / fails if", "s"].map(str::to_owned);
    let row = |judged: &Judged| {
        let mark = if judged.is_dropped { "*" } else { "" };
        let first = judged.parts.first();
        vec![
            glued(judged.claim.id),
            format!("{}{mark}", judged.verdict.words()),
            first.map_or_else(dash, figure),
            first.and_then(|part| part.criterion).map_or_else(dash, |criterion| thresholds(&criterion)),
            format!("{:.0}", judged.seconds),
        ]
    };
    let (first, last) = ground.seeds;
    let title = format!("Claims on {}, {} seeds ({first} to {last})", ground.data, ground.count);
    let mut sections = vec![layout.titled(&title, &layout.table(&header, &all.iter().map(row).collect::<Vec<_>>(), 1))];
    for judged in all {
        sections.extend((judged.parts.len() > 1).then(|| parts(judged, layout)));
        sections.extend((!judged.theory.is_empty()).then(|| theory(judged, layout)));
    }
    let told = all.iter().filter(|judged| !judged.detail.is_empty());
    let why: Vec<String> = told.map(|judged| format!("`{}`: {}.", judged.claim.id, judged.detail)).collect();
    if !why.is_empty() {
        sections.push(layout.titled("Why", &layout.list(&why)));
    }
    let sentences: Vec<String> = summary(all).iter().map(|sentence| layout.paragraph(sentence)).collect();
    sections.push(sentences.join(if layout == Layout::Markdown { "\n\n" } else { "\n" }));
    let mut notes = vec![
        "The figure is that of the first part; `--explain ID` says what it is of. s: seconds of computing, runs that claims \
         share counted in each."
            .to_owned(),
        "A verdict is the interval's alone: 2.5 % in either direction. Nothing is corrected for the number of claims."
            .to_owned(),
    ];
    if all.iter().any(|judged| judged.is_dropped) {
        // The star is no bullet.
        let words = "A verdict with * would not stand if the claims shown were corrected together (Benjamini and Hochberg, 5 %).";
        notes.push(words.to_owned());
    }
    notes.extend(ground.notes.iter().cloned());
    sections.push(layout.list(&notes));
    sections.join("\n\n") + "\n"
}

/// The parts of a claim, regime by regime.
fn parts(judged: &Judged, layout: Layout) -> String {
    let header = ["regime", "part", "verdict", "figure (95 % interval)", "n"].map(str::to_owned);
    let row = |part: &Part| {
        let beside = if part.decides { "" } else { "beside: " };
        vec![
            part.regime.clone(),
            format!("{beside}{}", part.sentence),
            part.verdict.words().to_owned(),
            figure(part),
            if part.n == 0 { dash() } else { part.n.to_string() },
        ]
    };
    let title = format!("{}: {}", judged.claim.id, judged.claim.criterion);
    layout.titled(&title, &layout.table(&header, &judged.parts.iter().map(row).collect::<Vec<_>>(), 1))
}

/// What formulas predict, beside what was measured.
fn theory(judged: &Judged, layout: Layout) -> String {
    let header = ["figure", "predicted", "measured", "SE", "off by", "n"].map(str::to_owned);
    let row = |found: &Prediction| {
        vec![
            found.what.clone(),
            significant(found.predicted),
            significant(found.measured),
            found.standard_error.map_or_else(dash, significant),
            found.difference().map_or_else(dash, |errors| format!("{errors:+.1} SE").replace('-', "−")),
            found.n.to_string(),
        ]
    };
    let title = format!("{}: theory beside measurement", judged.claim.id);
    layout.titled(&title, &layout.table(&header, &judged.theory.iter().map(row).collect::<Vec<_>>(), 1))
}

/// A number in four digits.
fn significant(x: f64) -> String {
    let text = match x.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{x:.1e}"),
        size if size >= 1000.0 => format!("{x:.0}"),
        size => format!("{x:.*}", (3.0 - size.log10().floor()).max(0.0) as usize),
    };
    text.replace('-', "−")
}

/// What would make a claim hold, and what fail.
fn thresholds(criterion: &Criterion) -> String {
    let number = |x: f64| if x != 0.0 && x.abs() < 1e-3 { format!("{x:e}") } else { format!("{x}") };
    let side = |beyond: Beyond| match beyond {
        Beyond::Above(threshold) => format!(">\u{a0}{}", number(threshold)),
        Beyond::Below(threshold) => format!("<\u{a0}{}", number(threshold)),
    };
    format!("{} / {}", side(criterion.holds), side(criterion.fails)).replace('-', "−")
}

/// A figure with its interval, in its unit.
fn figure(part: &Part) -> String {
    let (Some(estimate), Some(criterion)) = (part.estimate, part.criterion) else { return dash() };
    let number = |x: f64| match criterion.unit {
        _ if x.is_infinite() => if x > 0.0 { "∞" } else { "−∞" }.to_owned(),
        Unit::Ratio => format!("{x:.3}"),
        Unit::Share => format!("{x:.2}").replace('-', "−"),
        Unit::Accuracy => format!("{x:+.4}").replace('-', "−"),
        Unit::Number if x.abs() < 1e-3 && x != 0.0 => format!("{x:.1e}").replace('-', "−"),
        Unit::Number => format!("{x:.3}").replace('-', "−"),
    };
    match part.interval {
        None => number(estimate),
        Some((low, high)) => {
            format!("{} {}", number(estimate), glued(&format!("({} to {})", number(low), number(high))))
        }
    }
}

/// Three sentences put together from the verdicts.
fn summary(all: &[Judged]) -> [String; 3] {
    let that = |verdicts: &[Verdict]| {
        let meant = all.iter().filter(|judged| verdicts.contains(&judged.verdict));
        let clauses: Vec<String> =
            meant.map(|judged| format!("that {} (`{}`)", judged.claim.sentence, judged.claim.id)).collect();
        if clauses.is_empty() { "nothing".to_owned() } else { clauses.join("; ") }
    };
    [
        format!("What holds: {}.", that(&[Verdict::Holds])),
        format!("What fails: {}.", that(&[Verdict::Fails])),
        format!(
            "What holds in part: {}. What stays open: {}.",
            that(&[Verdict::HoldsInPart]),
            that(&[Verdict::Inconclusive, Verdict::NotTested])
        ),
    ]
}

fn in_json(all: &[Judged], ground: &Ground) -> Value {
    let (first, last) = ground.seeds;
    json!({
        "schema_version": 1,
        "data": ground.data,
        "seeds": { "first": first, "last": last, "count": ground.count },
        "claims": all.iter().map(of_claim).collect::<Vec<_>>(),
        "notes": ground.notes,
    })
}

fn of_claim(judged: &Judged) -> Value {
    let first = judged.parts.first();
    json!({
        "id": judged.claim.id,
        "kind": judged.claim.kind,
        "sentence": judged.claim.sentence,
        "verdict": judged.verdict,
        "detail": judged.detail,
        "estimate": first.and_then(|part| part.estimate),
        "interval": first.and_then(|part| part.interval).map(finite),
        "criterion": judged.claim.criterion,
        "seconds": judged.seconds,
        "dropped_by_benjamini_hochberg": judged.is_dropped,
        "parts": judged.parts.iter().map(of_part).collect::<Vec<_>>(),
        "theory": judged.theory.iter().map(of_prediction).collect::<Vec<_>>(),
    })
}

fn of_part(part: &Part) -> Value {
    let side = |beyond: Beyond| match beyond {
        Beyond::Above(threshold) => json!({ "above": threshold }),
        Beyond::Below(threshold) => json!({ "below": threshold }),
    };
    let criterion = |Criterion { holds, fails, unit }: Criterion| json!({ "holds": side(holds), "fails": side(fails), "unit": unit });
    json!({
        "sentence": part.sentence,
        "regime": part.regime,
        "verdict": part.verdict,
        "detail": part.detail,
        "estimate": part.estimate,
        "interval": part.interval.map(finite),
        "threshold": part.criterion.map(|criterion| criterion.holds.threshold()),
        "criterion": part.criterion.map(criterion),
        "p": part.p,
        "n": part.n,
        "decides": part.decides,
    })
}

fn of_prediction(found: &Prediction) -> Value {
    json!({
        "what": found.what,
        "predicted": found.predicted,
        "measured": found.measured,
        "standard_error": found.standard_error,
        "difference_in_standard_errors": found.difference(),
        "n": found.n,
    })
}

/// An interval in JSON: an end without bound is null.
fn finite((low, high): (f64, f64)) -> [Option<f64>; 2] {
    [low, high].map(|end| Some(end).filter(|end| end.is_finite()))
}

/// Every claim and what decides it.
pub fn listed(layout: Layout) -> String {
    let header = ["claim", "sentence", "what decides"].map(str::to_owned);
    let row = |claim: &&Claim| vec![glued(claim.id), claim.sentence.to_owned(), claim.criterion.to_owned()];
    layout.table(&header, &list::ALL.iter().map(row).collect::<Vec<_>>(), 1)
}

/// How a claim is tested.
pub fn explained(claim: &Claim, layout: Layout) -> String {
    let kind = match claim.kind {
        Kind::Theorem => "A theorem: its experiment shows it, and does not test it.",
        Kind::Experiment => "An experiment decides.",
        Kind::NotTested => "No experiment of this size decides.",
    };
    let regimes: Vec<&str> = claim.regimes.iter().map(|regime| regime.name()).collect();
    let where_tried = match &regimes[..] {
        [only] => format!("Regime: {only}."),
        [first, others @ ..] => format!("Regimes: {first}; with --full also {}.", others.join(", ")),
        [] => String::new(),
    };
    let mut paragraphs = vec![
        format!("`{}`: {}.", claim.id, claim.sentence),
        kind.to_owned(),
        format!("What decides: {}.", claim.criterion),
        where_tried,
    ];
    paragraphs.extend(claim.reasoning.split('\n').map(str::to_owned));
    paragraphs.iter().map(|text| layout.paragraph(text)).collect::<Vec<_>>().join("\n\n")
}
