//! Every claim gets made-up data under which it holds, fails, and stays open.

use std::collections::BTreeMap;

use super::claim::{Claim, Kind};
use super::decide::Verdict;
use super::evidence::{Cell, Drift, Evidence, Rate, Run};
use super::judged::judge;
use super::list;
use super::rates::{Chosen, Tuned};
use super::sheet::Sheet;
use crate::nn::stages::Site;
use crate::runner::{Event, Events};

/// Hears nothing.
pub struct Nobody;

impl Events for Nobody {
    fn tell(&self, _: Event) {}
}

const SEEDS: u64 = 12;
const TARGET: f64 = 0.9;

/// What the runs of a cell come to, on average, and how they scatter.
#[derive(Debug, Clone, Copy)]
struct Planted {
    /// Steps to the target.
    time: f64,
    /// Test accuracy.
    accuracy: f64,
    /// |Δ ln SD| and |Δ mean|/SD of the norms' inputs.
    drift: f64,
    /// Scatter of ln time and ln drift; accuracies have a hundredth of it.
    scatter: f64,
}

const USUAL: Planted = Planted { time: 300.0, accuracy: 0.97, drift: 1.0, scatter: 0.02 };

/// A number about 0, another for each seed and cell.
fn noise(seed: u64, cell: &Cell) -> f64 {
    let word = format!("{}{:?}{seed}", cell.arm.name, cell.rate);
    let hash = word.bytes().fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)) % 1_000_003);
    (hash.wrapping_mul(2_654_435_761) % 1000) as f64 / 500.0 - 1.0
}

fn run(seed: u64, cell: &Cell, rate: f64, planted: Planted) -> Run {
    let e = planted.scatter * noise(seed, cell);
    let reached = (planted.time * e.exp()).round().max(5.0) as usize;
    let mut validation = vec![(0, 0.1)];
    validation.extend((0..5).map(|i| (reached + i - 4, 1.0)));
    let size = planted.drift * e.exp();
    let entering = Drift { site: Site::NormInput, block: 0, before: [0.0, 1.0], after: [size, size.exp()] };
    // Two channels whose ln SDs are 2 apart at the start, and 2·drift at the end.
    let leaving = |sign: f64| Drift {
        site: Site::NormOutput,
        block: 0,
        before: [0.0, sign.exp()],
        after: [0.0, (sign * size).exp()],
    };
    Run {
        seed,
        rate,
        budget: cell.arm.regime.steps(),
        diverged: false,
        validation,
        learning: Vec::new(),
        test_accuracy: Some(planted.accuracy + 0.01 * e),
        validation_accuracy: Some(planted.accuracy),
        train_accuracy: Some(planted.accuracy + 0.01 * e),
        drift: vec![entering, leaving(-1.0), leaving(1.0)],
    }
}

/// Evidence for a claim in which each cell comes to what `planted` says.
fn evidence(claim: &Claim, planted: &dyn Fn(&Cell) -> Planted) -> Evidence {
    let mut evidence = Evidence::default();
    for regime in &claim.regimes[..1] {
        let cells = (claim.cells)(*regime);
        // Each arm has a rate of its own.
        for (i, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.rate == Rate::Own) {
            let best = 0.1 * (i + 1) as f64;
            let chosen = Chosen { best, as_good: Vec::new(), tried: [1e-3, 10.0] };
            let schedules = evidence.rates.0.entry(cell.arm.regime).or_default();
            let tuned = schedules
                .entry(cell.arm.schedule)
                .or_insert_with(|| Tuned { target: Some(TARGET), arms: BTreeMap::new() });
            tuned.arms.insert(cell.arm.name.to_owned(), chosen);
        }
        for cell in &cells {
            let rate = cell.rates(&evidence.rates)[0];
            let runs = (0..SEEDS).map(|seed| run(seed, cell, rate, planted(cell))).collect();
            evidence.runs.entry(cell.arm).or_default().insert(rate.to_bits(), runs);
        }
    }
    evidence
}

fn sheet(columns: &[&str], rows: Vec<Vec<String>>) -> Sheet {
    Sheet { columns: columns.iter().map(|column| (*column).to_owned()).collect(), rows }
}

/// Step times with this ratio, bn over affine.
fn costs(ratio: f64, scatter: f64) -> Sheet {
    let row = |net: &str, block: usize| {
        let e = if block.is_multiple_of(2) { scatter } else { -scatter };
        vec![net.to_owned(), block.to_string(), "100".to_owned(), format!("{}", 100.0 * ratio * f64::exp(e))]
    };
    let nets = ["shallow", "cnn"];
    sheet(&["net", "block", "affine_us", "bn_us"], nets.iter().flat_map(|net| (0..24).map(|b| row(net, b))).collect())
}

fn folds(folded: f64, two_batches: f64) -> Sheet {
    let words = |kind: &str, net: &str, precision: &str, relative: f64| {
        [kind, net, "3", precision, "noise", &format!("{relative:e}")].map(str::to_owned).to_vec()
    };
    let columns = ["kind", "net", "depth", "precision", "inputs", "relative"];
    sheet(
        &columns,
        vec![
            words("folded", "trained", "f64", folded),
            words("folded", "trained", "f32", folded),
            words("two batches", "bn", "f64", two_batches),
            words("two batches", "affine", "f64", 0.0),
        ],
    )
}

/// Evidence under which a claim should hold, fail and stay open.
fn worlds(claim: &Claim) -> [Evidence; 3] {
    let is = |cell: &Cell, name: &str| cell.arm.name == name;
    let by = |planted: &dyn Fn(&Cell) -> Planted| evidence(claim, planted);
    // One arm comes to `special`, all others to the usual.
    let arm = |name: &str, special: Planted| by(&|cell| if is(cell, name) { special } else { USUAL });
    let wide = |planted: Planted| Planted { scatter: 2.0, ..planted };
    let with = |id: &'static str, planted: Sheet| {
        let mut evidence = by(&|_| USUAL);
        evidence.sheets.insert(id, planted);
        evidence
    };
    let accuracy = |name: &str| {
        let better = Planted { accuracy: 0.98, ..USUAL };
        [arm(name, better), arm(name, USUAL), arm(name, wide(USUAL))]
    };
    let fast = Planted { time: 50.0, ..USUAL };
    // An arm that is as fast as bn, as slow as affine, or about half way.
    let closes = |name: &str| {
        let with = |special: Planted| {
            by(&move |cell| match cell.arm.name {
                "bn" => fast,
                other if other == name => special,
                _ => USUAL,
            })
        };
        [with(fast), with(USUAL), with(wide(Planted { time: 122.0, ..USUAL }))]
    };
    match claim.id {
        "same-functions" => [with(claim.id, folds(1e-15, 1e-15)), with(claim.id, folds(0.1, 0.1)), by(&|_| USUAL)],
        "cheaper-steps" => [1.2, 1.0, 1.05].map(|r| with(claim.id, costs(r, if r == 1.05 { 0.1 } else { 0.01 }))),
        "faster-learning" => {
            let times = [100.0, 300.0, 240.0].map(|time| Planted { time, ..USUAL });
            let [fast, same, between] = times;
            let mut all = [
                arm("bn", fast),
                arm("bn", same),
                by(&|cell| if is(cell, "bn") { wide(between) } else { wide(USUAL) }),
            ];
            all.iter_mut().for_each(|evidence| drop(evidence.sheets.insert("cheaper-steps", costs(1.0, 0.01))));
            all
        }
        "omit-in-practice" | "eq2-needed" => accuracy("bn"),
        "generalises" => {
            let worlds = [(0.98, 0.02), (0.97, 0.02), (0.975, 2.0)];
            worlds.map(|(bn, scatter)| {
                let mut evidence = by(&|_| USUAL);
                let curves = evidence.runs.iter().flat_map(|(arm, by_rate)| {
                    let cell = Cell { arm: *arm, rate: Rate::Own };
                    let mean = if is(&cell, "bn") { bn } else { 0.97 };
                    let rows = move |run: &Run| {
                        let accuracy = mean + 0.01 * scatter * noise(run.seed, &cell);
                        let [rate, seed] = [run.rate.to_string(), run.seed.to_string()];
                        // The training loss goes from 2.3 to 0.1.
                        [("0", "2.3", "0.1".to_owned()), ("1500", "0.1", accuracy.to_string())].map(
                            |(step, loss, accuracy)| {
                                [cell.arm.name, &rate, &seed, step, loss, &accuracy].map(str::to_owned).to_vec()
                            },
                        )
                    };
                    by_rate.values().flatten().flat_map(rows).collect::<Vec<_>>()
                });
                let columns = ["arm", "rate", "seed", "step", "train_loss", "validation_accuracy"];
                let planted = sheet(&columns, curves.collect());
                evidence.sheets.insert(claim.id, planted);
                evidence
            })
        }
        "larger-rates" => {
            let at_its_rate = |special: Planted| {
                by(&move |cell| match (cell.arm.name, cell.rate) {
                    ("bn", Rate::Own) => fast,
                    ("bn", _) => special,
                    _ => USUAL,
                })
            };
            [at_its_rate(USUAL), at_its_rate(fast), at_its_rate(wide(Planted { time: 122.0, ..USUAL }))]
        }
        "exploding-shifting" => {
            let drifts = |drift: f64| Planted { drift, ..USUAL };
            [arm("bn", drifts(0.1)), arm("bn", drifts(3.0)), arm("bn", wide(drifts(0.7)))]
        }
        "which-half" => {
            let halves = |scale: Planted, center: Planted| {
                by(&move |cell| match cell.arm.name {
                    "scale" => scale,
                    "center" => center,
                    "bn" => fast,
                    _ => USUAL,
                })
            };
            [halves(USUAL, fast), halves(fast, USUAL), halves(wide(USUAL), wide(USUAL))]
        }
        "could-learn" => {
            let to = |drift: f64| arm("affine_spread", Planted { drift, ..USUAL });
            [to(0.2), to(1.0), arm("affine_spread", wide(Planted { drift: 0.6, ..USUAL }))]
        }
        "two-functions" => {
            let ghosts = |planted: Planted| by(&move |cell| if is(cell, "bn") { fast } else { planted });
            [ghosts(USUAL), ghosts(fast), ghosts(wide(Planted { time: 62.0, ..USUAL }))]
        }
        "stale-parameters" => [-0.1, 0.1, 0.0].map(|d| {
            let scatter = if d == 0.0 { 0.2 } else { 0.01 };
            let row = |seed: usize| {
                let e = if seed.is_multiple_of(2) { scatter } else { -scatter };
                vec![seed.to_string(), "50".into(), "10".into(), "2048".into(), (d + e).to_string(), "0".into()]
            };
            let columns = ["seed", "t", "k", "samples", "ln_old", "ln_renewed"];
            with(claim.id, sheet(&columns, (0..12).map(row).collect()))
        }),
        "pool-shift" => [1.0, 0.0, 0.5].map(|mean| {
            let row = |seed: usize, i: usize| {
                // Of nine channels four or five are off.
                let mean = if mean == 0.5 { ((seed + i) % 2) as f64 } else { mean };
                let words = [&seed.to_string(), "bn", "pooled", "0", &i.to_string(), &mean.to_string(), "1"];
                words.map(str::to_owned).to_vec()
            };
            let seeded = |seed: usize| (0..9).map(|i| row(seed, i)).collect::<Vec<_>>();
            let columns = ["seed", "arm", "site", "block", "channel", "mean", "std"];
            with(claim.id, sheet(&columns, (0..12).flat_map(seeded).collect()))
        }),
        "same-scale" => [0.5, 1.2, 0.9].map(|ratio: f64| {
            let scatter = if ratio == 0.9 { 0.5 } else { 0.01 };
            let rows = |seed: usize| {
                let e = if seed.is_multiple_of(2) { scatter } else { -scatter };
                let row = move |arm: &str, channel: usize, spread: f64| {
                    let rms = (channel as f64 * spread).exp();
                    [&seed.to_string(), arm, "0", &channel.to_string(), &rms.to_string(), "1"]
                        .map(str::to_owned)
                        .to_vec()
                };
                let both = move |c: usize| [row("bn", c, ratio * f64::exp(e)), row("affine", c, 1.0)];
                (0..5).flat_map(both).collect::<Vec<_>>()
            };
            let columns = ["seed", "arm", "block", "channel", "rms", "is_active"];
            with(claim.id, sheet(&columns, (0..12).flat_map(rows).collect()))
        }),
        "capacity" => {
            let nets = |small: Planted| {
                by(&move |cell| match cell.arm.name {
                    "affine_50" => Planted { accuracy: 0.5, ..USUAL },
                    "affine_small" => small,
                    _ => Planted { accuracy: 0.9, ..USUAL },
                })
            };
            let half = Planted { accuracy: 0.7, scatter: 10.0, ..USUAL };
            [nets(Planted { accuracy: 0.5, ..USUAL }), nets(Planted { accuracy: 0.9, ..USUAL }), nets(half)]
        }
        "suppression" => [0.1, 0.5, 0.33].map(|share: f64| {
            let scatter = if share == 0.33 { 0.3 } else { 0.01 };
            let row = |seed: usize| {
                let small = 1.0 + share + if seed.is_multiple_of(2) { scatter } else { -scatter };
                let numbers = [1.0, small, 2.0 - share].map(|x| x.to_string());
                [vec![seed.to_string(), "1500".to_owned()], numbers.to_vec()].concat()
            };
            let mut planted = by(&|cell| match (cell.arm.name, share) {
                ("affine_small", 0.1) => Planted { accuracy: 0.95, ..USUAL },
                _ => USUAL,
            });
            let columns = ["seed", "step", "loss", "without_small", "without_rest"];
            planted.sheets.insert(claim.id, sheet(&columns, (0..12).map(row).collect()));
            planted
        }),
        "unpredictable" => [2.0, 0.8, 1.1].map(|ratio: f64| {
            let scatter = if ratio == 1.1 { 0.5 } else { 0.01 };
            let rows = |seed: usize| {
                let e = if seed.is_multiple_of(2) { scatter } else { -scatter };
                let row = move |arm: &str, error: f64| {
                    [&seed.to_string(), arm, "0", "1.1", &error.to_string()].map(str::to_owned).to_vec()
                };
                [row("affine", ratio * f64::exp(e)), row("bn", 1.0)]
            };
            let columns = ["seed", "arm", "step", "loss", "prediction_error"];
            with(claim.id, sheet(&columns, (0..12).flat_map(rows).collect()))
        }),
        "absorption" => closes("frozen_pool"),
        "good-start" => closes("affine_init"),
        "repaired" => closes("weight_std"),
        "stability-is-why" => {
            let [all, none, open] = closes("noisy");
            [none, all, open]
        }
        "dose-response" => {
            let between = Planted { time: 255.0, scatter: 0.4, ..USUAL };
            [arm("refresh_10", fast), arm("refresh_10", USUAL), arm("refresh_10", between)]
        }
        "price" => {
            let worse = Planted { accuracy: 0.95, ..USUAL };
            [arm("bn", worse), arm("bn", USUAL), arm("bn", wide(Planted { accuracy: 0.965, ..USUAL }))]
        }
        other => panic!("{other} has no made-up data here"),
    }
}

#[test]
fn every_claim_turns_with_its_data_and_stays_open_where_they_decide_nothing() {
    for claim in list::ALL.into_iter().filter(|claim| claim.kind != Kind::NotTested) {
        let found = worlds(claim).map(|evidence| {
            let judged = judge(&[(claim, claim.regimes[..1].to_vec())], &evidence, 2).remove(0);
            (judged.verdict, judged.detail)
        });
        let verdicts = [0, 1, 2].map(|i| found[i].0);
        assert_eq!(verdicts, [Verdict::Holds, Verdict::Fails, Verdict::Inconclusive], "{}: {found:?}", claim.id);
        assert!(!found[2].1.is_empty(), "{}: what is open says why", claim.id);
    }
}

#[test]
fn without_any_runs_nothing_is_decided() {
    for claim in list::ALL {
        let judged = judge(&[(claim, claim.regimes[..1].to_vec())], &Evidence::default(), 1).remove(0);
        let is_tested = claim.kind != Kind::NotTested;
        let expected = if is_tested { Verdict::Inconclusive } else { Verdict::NotTested };
        assert_eq!(judged.verdict, expected, "{}", claim.id);
        assert!(!judged.detail.is_empty(), "{}", claim.id);
    }
}

/// Names are unique, and every word that people read is there.
#[test]
fn the_list_is_sound() {
    let mut seen = Vec::new();
    for claim in list::ALL {
        assert!(!seen.contains(&claim.id), "{}", claim.id);
        seen.push(claim.id);
        assert!(!claim.sentence.ends_with('.') && !claim.criterion.ends_with('.') && claim.reasoning.ends_with('.'));
        assert!(list::named(claim.id).is_some() && !claim.regimes.is_empty());
        assert!(
            claim.reads.iter().all(|id| list::named(id).is_some_and(|other| other.analysis.is_some())),
            "{}",
            claim.id
        );
    }
}

#[test]
fn with_one_best_rate_for_both_it_cannot_be_told_whether_the_rate_is_the_gain() {
    let claim = list::named("larger-rates").expect("a claim");
    let (regime, schedule) = (claim.regimes[0], super::regime::Schedule::Constant);
    let judged = |evidence: &Evidence| judge(&[(claim, vec![regime])], evidence, 1).remove(0);
    let [holds, mut evidence, ..] = worlds(claim);
    assert_eq!([judged(&holds).verdict, judged(&evidence).verdict], [Verdict::Holds, Verdict::Fails]);
    let chosen = |evidence: &Evidence, arm: &str| evidence.rates.chosen(regime, schedule, arm).expect("a rate").clone();
    let affine = chosen(&evidence, "affine");
    let choose = |evidence: &mut Evidence, of_bn: Chosen| {
        let tuned = evidence.rates.0.get_mut(&regime).unwrap().get_mut(&schedule).unwrap();
        tuned.arms.insert("bn".to_owned(), of_bn);
    };
    // The rate of affine may be bn's best: there bn would be compared with itself.
    let of_bn = Chosen { as_good: vec![affine.best], ..chosen(&evidence, "bn") };
    choose(&mut evidence, of_bn);
    let perhaps = judged(&evidence);
    assert_eq!(perhaps.verdict, Verdict::Inconclusive);
    assert!(perhaps.detail.contains("fails at the rates chosen, inconclusive with"), "{}", perhaps.detail);
    choose(&mut evidence, affine);
    let same = judged(&evidence);
    assert_eq!(same.verdict, Verdict::Inconclusive);
    assert!(same.detail.contains("same best rate"), "{}", same.detail);
}

/// Three claims decided at p = 0.0005, 0.0005 and 0.04: of four that are tested, the last needs 0.05·3/4 = 0.0375.
#[test]
fn a_verdict_that_would_not_stand_among_all_is_marked() {
    let claim = |id: &str| list::named(id).expect("a claim");
    let ids = ["omit-in-practice", "eq2-needed", "price", "generalises"];
    let claims: Vec<_> = ids.map(|id| (claim(id), claim(id).regimes[..1].to_vec())).to_vec();
    let mut evidence = Evidence::default();
    for id in &ids[..3] {
        let [_, fails, _] = worlds(claim(id));
        for (regime, schedules) in fails.rates.0 {
            evidence.rates.0.entry(regime).or_default().extend(schedules);
        }
        evidence.runs.extend(fails.runs);
    }
    let all = judge(&claims, &evidence, 2);
    let marked = |all: &[super::judged::Judged]| all.iter().map(|judged| judged.is_dropped).collect::<Vec<_>>();
    assert!(!marked(&all).contains(&true), "{all:?}");
    // With six seeds none has a p below 2/64 = 0.031, and of four tests k such stand if that is at most k·0.0125.
    for runs in evidence.runs.values_mut().flat_map(BTreeMap::values_mut) {
        runs.truncate(6);
    }
    let few = judge(&claims, &evidence, 2);
    let decided: Vec<bool> = few.iter().map(|judged| judged.verdict.is_decided()).collect();
    let largest = few.iter().filter(|j| j.verdict.is_decided()).count() as f64 * 0.05 / 4.0;
    assert!(decided.contains(&true));
    assert_eq!(marked(&few), decided.iter().map(|is| *is && 2.0 / 64.0 > largest).collect::<Vec<_>>());
}
