//! The claims: their verdicts, and the figures that these rest on.

use serde_json::Value;

use super::figure::{Drawn, Figure, Look, Looks, Panel};
use crate::claims::decide::{Criterion, Unit};
use crate::claims::experiments::{change_in_words, entry};
use crate::claims::judged::Judged;
use crate::claims::part::Part;
use crate::claims::regime::Regime;
use crate::claims::tried::Tried;
use crate::report::claims::Ground;
use crate::report::claims::text::thresholds;
use crate::report::methods;
use crate::stats::describe::median;
use crate::stats::sample::Sample;

/// Verdicts, and what they were found on.
pub struct Verdicts {
    /// The claims.
    pub all: Vec<Judged>,
    /// The data and the seeds.
    pub ground: Ground,
    /// What the search for learning rates found, where it is there.
    pub tried: Vec<Tried>,
}

/// The arms that are drawn, with repetitions: those whose shares are, and those whose rates were searched for.
pub(super) fn arms(verdicts: &Verdicts) -> impl Iterator<Item = &str> {
    let shares = verdicts.all.iter().flat_map(|judged| &judged.parts).filter_map(share).map(|(arm, _)| arm);
    shares.chain(verdicts.tried.iter().map(|tried| tried.arm.name))
}

/// The networks that the claims were tried in, and the arms that they name, a sentence each.
pub(super) fn glossary(all: &[Judged]) -> Vec<String> {
    let once = |names: &mut dyn Iterator<Item = &String>| {
        let mut found: Vec<String> = Vec::new();
        names.for_each(|name| {
            if !found.contains(name) {
                found.push(name.clone())
            }
        });
        found
    };
    let parts = || all.iter().flat_map(|judged| &judged.parts);
    let (regimes, arms) = (once(&mut parts().map(|part| &part.regime)), once(&mut parts().flat_map(|part| &part.arms)));
    let known = regimes.iter().filter_map(|name| serde_json::from_value::<Regime>(Value::from(name.as_str())).ok());
    let networks = known.map(|regime| format!("{}: {}", regime.name(), regime.about()));
    let arm = |name: &String| Some(methods::formula(&entry(name))? + change_in_words(name));
    if regimes.is_empty() {
        return Vec::new();
    }
    let standardised = "Here x̂ = (x − μ)/√(σ² + ε) is x standardised over the minibatch.".to_owned();
    networks.chain(arms.iter().filter_map(arm)).chain([standardised]).collect()
}

/// Figures of all claims together, then one of each.
pub(super) fn figures(Verdicts { all, tried, .. }: &Verdicts, looks: &Looks) -> Vec<Figure> {
    let general = [shares(all, looks), along(all), over_rates(tried, looks)];
    general.into_iter().flatten().chain(all.iter().filter_map(parts)).collect()
}

/// How the figures of the claims are read, and which are not there.
pub(super) fn notes(Verdicts { all, tried, .. }: &Verdicts) -> Vec<String> {
    let has_figure = |judged: &Judged| judged.parts.iter().any(|part| part.estimate.is_some());
    let without = all.iter().filter(|judged| !has_figure(judged));
    let names: Vec<String> =
        without.map(|judged| format!("`{}` ({})", judged.claim.id, judged.verdict.words())).collect();
    let mut said = Vec::new();
    if all.iter().any(has_figure) {
        said.push(
            "In the figure of a claim each part stands with its 95 % interval. A part holds if all of its interval is beyond the \
             green dashes, and fails if all is beyond the pink ones; above the panel stands which side of them is beyond, > or <. \
             Grey dashes are both at once. What is faint has no verdict."
                .to_owned(),
        );
    }
    if !names.is_empty() {
        said.push(format!("Without a figure, as nothing could be estimated: {}.", names.join(", ")));
    }
    if tried.is_empty() {
        said.push("At which learning rates each arm learns is drawn here once `bn-exp claims --tune` has tried them with the same `--data` and `--out`.".to_owned());
    }
    said
}

/// The arm whose share of bn's gain a part is about, and its estimate.
fn share(part: &Part) -> Option<(&str, f64)> {
    let is_share = part.criterion.is_some_and(|criterion| criterion.unit == Unit::Share);
    let is_of_bn = part.arms.get(1).is_some_and(|arm| arm == "bn");
    Some((part.arms.last().filter(|_| is_share && is_of_bn)?, part.estimate.filter(|_| part.interval.is_some())?))
}

/// The share of bn's gain that each arm keeps, regime by regime.
fn shares(all: &[Judged], looks: &Looks) -> Option<Figure> {
    let panel = |regime: &Regime| {
        let mut found: Vec<(&str, &Part)> = Vec::new();
        for part in all.iter().flat_map(|judged| &judged.parts).filter(|part| part.regime == regime.name()) {
            // Two claims may ask for the same share.
            if let Some((arm, _)) = share(part).filter(|(arm, _)| found.iter().all(|(known, _)| known != arm)) {
                found.push((arm, part));
            }
        }
        let names: Vec<String> = found.iter().map(|(arm, _)| (*arm).to_owned()).collect();
        let ends = ends(found.iter().map(|(_, part)| *part), &[0.0, 1.0]);
        let row = |(i, (arm, part)): (usize, &(&str, &Part))| point(arm, arm, &looks.get(arm), part, i, ends);
        let traces = found.iter().enumerate().map(row).collect();
        Panel::new(regime.name(), "share", traces).rows(&names).lines_at(&[0.0, 1.0])
    };
    let caption = "Between the dashed lines: at 0 an arm is as slow as affine, at 1 as fast as bn. Each with its 95 % interval; one \
                   without bound ends with what is drawn. Faint: no verdict; where neither an arm nor affine arrives within the budget, \
                   both count as arriving at its end, and a 0 says no more than that. A regime is left out where bn gains nothing to \
                   share.";
    Figure::of("How much of bn's gain in time each arm keeps", caption, Regime::ALL.iter().map(panel).collect())
}

/// Figures that stand along an axis: a panel a claim.
fn along(all: &[Judged]) -> Option<Figure> {
    let panel = |judged: &Judged| {
        let mut lines: Vec<(&str, Vec<(f64, &Part)>)> = Vec::new();
        for part in &judged.parts {
            let Some((line, x)) = &part.along else { continue };
            match lines.iter_mut().find(|(known, _)| known == line) {
                Some((_, points)) => points.push((*x, part)),
                None => lines.push((line, vec![(*x, part)])),
            }
        }
        // All lines are of bn: their colours tell them apart, as its own could not.
        let own = Looks::of(lines.iter().map(|(line, _)| *line));
        let mut traces = Vec::new();
        for (line, mut points) in lines {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let at = |of: &dyn Fn(&Part) -> Option<f64>| -> Vec<[f64; 2]> {
                points.iter().filter_map(|(x, part)| Some([*x, of(part)?])).collect()
            };
            let (low, high) = (at(&|part| Some(part.interval?.0)), at(&|part| Some(part.interval?.1)));
            traces.extend(
                Drawn::band(
                    "",
                    [&format!("{line}, 95 % from"), &format!("{line}, 95 % to")],
                    &own.get(line),
                    &low,
                    &high,
                )
                .map(Drawn::unnamed),
            );
            traces.push(Drawn::marked("", line, &own.get(line), &at(&|part| part.estimate)));
        }
        let steps: Vec<f64> = judged.parts.iter().filter_map(|part| part.along.as_ref().map(|(_, x)| *x)).collect();
        Panel::new(judged.claim.id, "", traces).log_x("steps", &steps).with_legend()
    };
    let caption = "ln L(old) − ln L(renewed): above 0 renewing the statistics lowers the loss, below 0 it raises it. By how many \
                   steps the statistics are old, and from how many samples the new ones are.";
    Figure::of("What renewing the statistics is worth", caption, all.iter().map(panel).collect())
}

/// Accuracy at every learning rate that was tried: a panel a regime.
fn over_rates(tried: &[Tried], looks: &Looks) -> Option<Figure> {
    let mut regimes: Vec<Regime> = tried.iter().map(|tried| tried.arm.regime).collect();
    regimes.dedup();
    let panel = |regime: Regime| {
        let here: Vec<&Tried> = tried.iter().filter(|tried| tried.arm.regime == regime).collect();
        let rates: Vec<f64> = here.iter().flat_map(|tried| tried.by_rate.iter().map(|(rate, _)| *rate)).collect();
        Panel::new(
            format!("{}, validation accuracy", regime.name()),
            "",
            here.into_iter().flat_map(|tried| over_rate(tried, looks)).collect(),
        )
        .log_x("learning rate", &rates)
    };
    let caption = "The runs by which the rates were chosen, at a constant rate. The line is the median over the seeds that were run \
                   at a rate, the band reaches from the smallest to the largest. A run that diverged counts as guessing.";
    Figure::of("At which learning rates each arm learns", caption, regimes.into_iter().map(panel).collect())
}

fn over_rate(tried: &Tried, looks: &Looks) -> Vec<Drawn> {
    let (arm, look) = (tried.arm.name, looks.get(tried.arm.name));
    let line = |of: &dyn Fn(&[f64]) -> f64| -> Vec<[f64; 2]> {
        tried.by_rate.iter().map(|(rate, scores)| [*rate, of(scores)]).collect()
    };
    let edge = |end: fn(f64, f64) -> f64| line(&|scores| scores.iter().copied().fold(f64::NAN, end));
    let middle = line(&|scores| Sample::new(scores).map_or(f64::NAN, median));
    let mut traces = Vec::from(Drawn::band(arm, ["smallest", "largest"], &look, &edge(f64::min), &edge(f64::max)));
    traces.push(Drawn::marked(arm, "median", &look, &middle));
    traces
}

/// Every figure of a claim, with its thresholds.
fn parts(judged: &Judged) -> Option<Figure> {
    let drawn: Vec<&Part> =
        judged.parts.iter().filter(|part| part.estimate.is_some() && (part.along.is_none() || part.decides)).collect();
    // The network that decides has panels of its own: elsewhere figures may be much larger or smaller.
    let is_first = |part: &Part| judged.parts.first().is_some_and(|first| first.regime == part.regime);
    let mut groups: Vec<(Criterion, bool)> = Vec::new();
    for (criterion, is_first) in drawn.iter().filter_map(|part| Some((part.criterion?, is_first(part)))) {
        if !groups.contains(&(criterion, is_first)) {
            groups.push((criterion, is_first));
        }
    }
    let has_others = groups.iter().any(|(_, is_first)| !is_first);
    let look = Looks::of_no_arm();
    let panel = |(criterion, decides): &(Criterion, bool)| {
        let is_here = |part: &&&Part| part.criterion == Some(*criterion) && is_first(part) == *decides;
        let here: Vec<&&Part> = drawn.iter().filter(is_here).collect();
        let beside = |part: &Part| if part.decides { "" } else { "beside: " };
        let name = |part: &&&Part| format!("{}: {}{}", part.regime, beside(part), part.sentence);
        let names: Vec<String> = here.iter().map(name).collect();
        let [holds, fails] = [criterion.holds, criterion.fails].map(|side| side.threshold());
        let ends = ends(here.iter().map(|part| **part), &[holds, fails]);
        let row = |(i, part): (usize, &&&Part)| point("", &name(part), &look, part, i, ends);
        let traces: Vec<Drawn> = here.iter().enumerate().map(row).collect();
        let lines = if holds == fails { vec![(holds, EITHER)] } else { vec![(holds, HOLDS), (fails, FAILS)] };
        let place = match (has_others, decides) {
            (false, _) => "",
            (true, true) => "where it is decided, ",
            (true, false) => "elsewhere, ",
        };
        let title = format!("{place}holds / fails if {}", thresholds(criterion));
        // Rounding errors differ from real differences by many powers of ten.
        let (low, high) = ends;
        let is_log = criterion.unit == Unit::Ratio || (criterion.unit == Unit::Number && high > 1e3 * low);
        Panel::new(title, "", traces).rows(&names).reaching(unit(criterion.unit), ends, is_log).lines_in(&lines)
    };
    let mut words = format!("{}. What decides: {}.", capital(judged.verdict.words()), judged.claim.criterion);
    let unknown = judged.parts.iter().filter(|part| part.estimate.is_none() && part.criterion.is_some());
    let unknown: Vec<String> = unknown.map(|part| format!("{}: {}", part.regime, part.sentence)).collect();
    if !unknown.is_empty() {
        words += &format!(" Not drawn, as nothing could be estimated: {}.", unknown.join("; "));
    }
    Figure::of(&format!("{}: {}", judged.claim.id, judged.claim.sentence), words, groups.iter().map(panel).collect())
}

/// The smallest and the largest of the estimates, of the ends that intervals have, and of the thresholds.
fn ends<'a>(parts: impl Iterator<Item = &'a Part>, thresholds: &[f64]) -> (f64, f64) {
    let of = |part: &Part| [part.estimate, part.interval.map(|(low, _)| low), part.interval.map(|(_, high)| high)];
    let all = parts.flat_map(of).flatten().chain(thresholds.iter().copied()).filter(|x| x.is_finite());
    all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// A part's figure with its interval, in the i-th row. An end without bound is drawn to the end of what is shown.
fn point(arm: &str, name: &str, look: &Look, part: &Part, i: usize, shown: (f64, f64)) -> Drawn {
    let x = part.estimate.unwrap_or(f64::NAN);
    let drawn = Drawn::with_interval(arm, name, look, [x, -(i as f64)], part.interval, shown);
    if part.verdict.is_decided() { drawn } else { drawn.faded() }
}

/// Colours of thresholds: beyond them a part holds; fails; or holds on one side and fails on the other.
const HOLDS: &str = "#009E73";
const FAILS: &str = "#CC79A7";
const EITHER: &str = "#777777";

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => "ratio",
        Unit::Accuracy => "difference in accuracy",
        Unit::Share => "share",
        Unit::Number => "",
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
