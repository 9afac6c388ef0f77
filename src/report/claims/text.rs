//! Claims as text: verdicts, the parts that they rest on, what is asked and why.

use super::ground::Ground;
use crate::claims::claim::{Claim, Kind};
use crate::claims::decide::{Beyond, Criterion, Unit, Verdict};
use crate::claims::judged::Judged;
use crate::claims::part::Part;
use crate::claims::prediction::Prediction;
use crate::compare::words::{p_value, seeds};
use crate::report::cells::dash;
use crate::report::layout::{Layout, glued};
use crate::stats::permutation::smallest_p;

/// A row a claim.
pub(in crate::report) fn verdicts(all: &[Judged], layout: Layout) -> String {
    let mut header =
        ["claim", "verdict", "figure (95 % interval)", "holds / fails if", "s"].map(str::to_owned).to_vec();
    // A page in a browser has room for the sentences.
    let has_room = layout == Layout::Html;
    if has_room {
        header.insert(1, "that …".to_owned());
    }
    let row = |judged: &Judged| {
        let first = judged.shown();
        let mut row = vec![
            glued(judged.claim.id),
            format!("{}{}", judged.verdict.words(), mark(judged)),
            first.map_or_else(dash, figure),
            first.and_then(|part| part.criterion).map_or_else(dash, |criterion| thresholds(&criterion)),
            format!("{:.0}", judged.seconds),
        ];
        if has_room {
            row[1] = glued(&row[1]);
            row.insert(1, judged.claim.sentence.to_owned());
        }
        row
    };
    layout.table(&header, &all.iter().map(row).collect::<Vec<_>>(), 1 + usize::from(has_room))
}

/// Marks a verdict that would not stand among all.
fn mark(judged: &Judged) -> &'static str {
    if judged.is_dropped { "*" } else { "" }
}

/// On which data, and with which seeds.
pub(in crate::report) fn title(ground: &Ground) -> String {
    let (first, last) = ground.seeds;
    let seeds = if ground.count == 1 { "1 seed" } else { &format!("{} seeds", ground.count) };
    format!("Claims on {}, {seeds} ({first} to {last})", ground.data)
}

/// Everything that was found.
pub fn judged(all: &[Judged], ground: &Ground, layout: Layout) -> String {
    let mut sections = vec![layout.titled(&title(ground), &verdicts(all, layout))];
    for judged in all {
        sections.extend((judged.parts.len() > 1).then(|| parts(judged, layout)));
        sections.extend((!judged.theory.is_empty()).then(|| theory(judged, layout)));
    }
    sections.extend(last_words(all, ground, layout));
    sections.join("\n\n") + "\n"
}

/// Why verdicts are what they are, what they come to, and how the table is read.
pub(in crate::report) fn last_words(all: &[Judged], ground: &Ground, layout: Layout) -> Vec<String> {
    let mut sections = Vec::new();
    let told = all.iter().filter(|judged| !judged.detail.is_empty());
    let why = |judged: &Judged| {
        let Claim { id, criterion, kind, .. } = judged.claim;
        let decides = if *kind == Kind::NotTested { String::new() } else { format!(" What decides: {criterion}.") };
        format!("`{id}`: {}.{decides}", judged.detail)
    };
    let why: Vec<String> = told.map(why).collect();
    if !why.is_empty() {
        sections.push(layout.titled("Why", &layout.list(&why)));
    }
    let sentences: Vec<String> = summary(all).iter().map(|sentence| layout.paragraph(sentence)).collect();
    sections.push(sentences.join(if layout == Layout::Markdown { "\n\n" } else { "\n" }));
    let mut notes = vec![
        "The figure is that of a part that decides: the first with the claim's verdict, or the first of all. `--explain ID` says what it is of. \
         s: seconds of computing, runs that claims share counted in each."
            .to_owned(),
        "A verdict needs the whole interval beyond a threshold, 2.5 % in either direction; beyond both thresholds it fails: the \
         difference is sure, and too small to matter. There is none if another \
         rate, which may be as good, gives another verdict, if the best rate is the end of what was tried, or if runs that do not \
         arrive in time leave it open. \
         Nothing is corrected for the number of claims."
            .to_owned(),
    ];
    if all.iter().any(|judged| judged.is_dropped) {
        // The star must not become a bullet.
        let words = "A verdict or a claim with * would not stand if the claims shown were corrected together (Benjamini and Hochberg, 5 %).";
        let n = ground.count;
        let few =
            format!(" With {} no p can be below {}, so that few can do without it.", seeds(n), p_value(smallest_p(n)));
        notes.push(words.to_owned() + if n < 8 { &few } else { "" });
    }
    for note in ground.notes.iter().chain(all.iter().flat_map(|judged| &judged.notes)) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    sections.push(layout.list(&notes));
    sections
}

/// The parts of a claim, regime by regime.
pub(in crate::report) fn parts(judged: &Judged, layout: Layout) -> String {
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
    let table = layout.table(&header, &judged.parts.iter().map(row).collect::<Vec<_>>(), 1);
    let mut diverged: Vec<String> = Vec::new();
    for part in &judged.parts {
        let words = |(arm, count): &(String, usize)| format!("{arm} {count} of {} in {}", part.n, part.regime);
        let new: Vec<String> = part.diverged.iter().map(words).filter(|words| !diverged.contains(words)).collect();
        diverged.extend(new);
    }
    if diverged.is_empty() {
        return layout.titled(&title, &table);
    }
    let below = layout.paragraph(&format!("Diverged: {}.", diverged.join("; ")));
    layout.titled(&title, &format!("{table}\n\n{below}"))
}

/// What formulas predict, beside what was measured.
pub(in crate::report) fn theory(judged: &Judged, layout: Layout) -> String {
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
pub(in crate::report) fn thresholds(criterion: &Criterion) -> String {
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
        Unit::Ratio => format!("{x:.3}"),
        Unit::Share => format!("{x:.2}").replace('-', "−"),
        Unit::Accuracy => format!("{x:+.4}").replace('-', "−"),
        Unit::Number if x.abs() < 1e-3 && x != 0.0 => format!("{x:.1e}").replace('-', "−"),
        Unit::Number => format!("{x:.3}").replace('-', "−"),
    };
    let interval = match part.interval {
        None => return number(estimate),
        Some((low, high)) if low.is_finite() && high.is_finite() => format!("({} to {})", number(low), number(high)),
        Some((low, _)) if low.is_finite() => format!("(above {})", number(low)),
        Some((_, high)) if high.is_finite() => format!("(below {})", number(high)),
        Some(_) => "(no bound)".to_owned(),
    };
    format!("{} {}", number(estimate), glued(&interval))
}

/// What the verdicts come to, a sentence for each that there is.
fn summary(all: &[Judged]) -> Vec<String> {
    let said = |(begins, verdicts): (&str, &[Verdict])| {
        let meant = all.iter().filter(|judged| verdicts.contains(&judged.verdict));
        let clauses: Vec<String> = meant
            .map(|judged| {
                let place =
                    judged.claim.regimes.first().map_or_else(String::new, |regime| format!(", in {}", regime.name()));
                format!("that {} (`{}`{}{place})", judged.claim.sentence, judged.claim.id, mark(judged))
            })
            .collect();
        (!clauses.is_empty()).then(|| format!("{begins}: {}.", clauses.join("; ")))
    };
    let kinds: [(&str, &[Verdict]); 4] = [
        ("What holds", &[Verdict::Holds]),
        ("What fails", &[Verdict::Fails]),
        ("What holds in part", &[Verdict::HoldsInPart]),
        ("What stays open", &[Verdict::Inconclusive, Verdict::NotTested]),
    ];
    kinds.into_iter().filter_map(said).collect()
}

/// Claims and what decides each.
pub fn listed(claims: &[&Claim], layout: Layout) -> String {
    let header = ["claim", "sentence", "what decides"].map(str::to_owned);
    let row = |claim: &&Claim| vec![glued(claim.id), claim.sentence.to_owned(), claim.criterion.to_owned()];
    layout.table(&header, &claims.iter().map(row).collect::<Vec<_>>(), 1)
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
    let takes_runs = claim.regimes.iter().any(|regime| !(claim.cells)(*regime).is_empty());
    if takes_runs && claim.analysis.is_none() {
        let open = "Three things leave it open, whatever the interval. A rate that may be the best gives another verdict, or is the \
            end of what was tried and a better one could change the verdict. An arm diverges with more than half of its seeds. Or \
            runs do not arrive in time: such times may show that one arm is faster, but not that both are alike \
            (docs/statistics.md).";
        paragraphs.push(open.to_owned());
    }
    paragraphs.iter().map(|text| layout.paragraph(text)).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::list;

    #[test]
    fn runs_that_diverged_are_counted_once_for_each_arm_and_regime() {
        let part = |regime: &str, diverged: &[(&str, usize)]| Part {
            sentence: "it is so".to_owned(),
            regime: regime.to_owned(),
            verdict: Verdict::Inconclusive,
            detail: String::new(),
            estimate: None,
            interval: None,
            criterion: None,
            p: None,
            n: 24,
            decides: true,
            arms: Vec::new(),
            diverged: diverged.iter().map(|(arm, count)| ((*arm).to_owned(), *count)).collect(),
            along: None,
        };
        let judged = |parts: Vec<Part>| Judged {
            claim: list::ALL[0],
            verdict: Verdict::Inconclusive,
            detail: String::new(),
            decided_by: parts.len(),
            parts,
            theory: Vec::new(),
            seconds: 0.0,
            is_dropped: false,
            notes: Vec::new(),
        };
        let said = |parts| super::parts(&judged(parts), Layout::Terminal(200));
        let both =
            said(vec![part("cnn", &[("affine", 2)]), part("cnn", &[("affine", 2), ("bn", 1)]), part("adam", &[])]);
        assert!(both.ends_with("Diverged: affine 2 of 24 in cnn; bn 1 of 24 in cnn."), "{both}");
        assert!(!said(vec![part("cnn", &[])]).contains("Diverged"));
    }
}
