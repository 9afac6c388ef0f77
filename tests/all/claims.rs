//! `bn-exp claims`: how sure its verdicts are, by simulation; and the command as its users have it.

use bn_exp::claims::decide::{Beyond, Criterion, Unit, Verdict};
use bn_exp::claims::evidence::{Evidence, Run};
use bn_exp::claims::figures::share_of_gap;
use bn_exp::claims::rates::Tuned;
use bn_exp::claims::regime::{Regime, Schedule};
use bn_exp::random::stream;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

use crate::common::{Lab, number};

const SEEDS: usize = 24;
/// How often each world is simulated, if REPETITIONS does not say otherwise: 1,000 gave the numbers in docs/statistics.md.
const REPETITIONS: usize = 200;
const TARGET: f64 = 0.9;

/// Times of affine, bn and a third arm: ln T = level + what the seed shares + what is the run's own.
struct World {
    /// ln T of affine less ln T of bn.
    gap: f64,
    /// The share of it that the third arm closes.
    closes: f64,
    /// SD of a run's own ln T.
    own: f64,
    /// Steps after which nobody is watched any more.
    budget: f64,
}

impl World {
    fn times(&self, normal: &mut impl FnMut() -> f64) -> [Vec<f64>; 3] {
        let mut all = [(); 3].map(|()| Vec::new());
        for _ in 0..SEEDS {
            let shared = 0.1 * normal();
            let levels = [self.gap, 0.0, self.gap * (1.0 - self.closes)];
            for (times, level) in all.iter_mut().zip(levels) {
                times.push((100.0f64.ln() + level + shared + self.own * normal()).exp().min(self.budget));
            }
        }
        all
    }

    /// Shares of repetitions in which the gate is passed, and in which there is said to be no gap; of those that passed, in
    /// which the claim that more than half is closed holds, in which it fails, and in which the interval covers the truth.
    fn simulated(&self, name: &str) -> [f64; 5] {
        let mut rng = stream(0, name);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let criterion = Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share };
        let stated = std::env::var("REPETITIONS").ok().map(|text| text.parse().expect("a number of repetitions"));
        let repetitions = stated.unwrap_or(REPETITIONS);
        let (mut passed, mut without, mut counts) = (0usize, 0usize, [0usize; 3]);
        for _ in 0..repetitions {
            let times = self.times(&mut normal);
            let runs = times.map(|times| times.iter().map(|time| run(*time, self.budget)).collect::<Vec<_>>());
            let runs = runs.each_ref().map(|runs| runs.iter().collect::<Vec<_>>());
            let figure = match share_of_gap(&evidence(), Regime::Shallow, &runs, Verdict::Fails) {
                Ok(figure) => figure,
                Err((verdict, _)) => {
                    without += usize::from(verdict == Verdict::Fails);
                    continue;
                }
            };
            passed += 1;
            let verdict = criterion.verdict(&figure);
            counts[0] += usize::from(verdict == Verdict::Holds);
            counts[1] += usize::from(verdict == Verdict::Fails);
            let is_left_out =
                [Beyond::Above(self.closes), Beyond::Below(self.closes)].iter().any(|side| figure.is(*side));
            counts[2] += usize::from(!is_left_out);
        }
        let of = |count: usize| count as f64 / passed.max(1) as f64;
        let [gate, none] = [passed, without].map(|count| count as f64 / repetitions as f64);
        [gate, none, of(counts[0]), of(counts[1]), of(counts[2])]
    }
}

fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    let tuned = Tuned { target: Some(TARGET), ..Tuned::default() };
    evidence.rates.0.entry(Regime::Shallow).or_default().insert(Schedule::Constant, tuned);
    evidence
}

/// A run that reaches the target at this time, or, at the budget, never.
fn run(time: f64, budget: f64) -> Run {
    let (time, budget) = (time.round().max(5.0) as usize, budget as usize);
    let reached = if time < budget { (0..5).map(|i| (time + i - 4, 1.0)).collect() } else { Vec::new() };
    Run { budget, validation: reached, ..Run::default() }
}

#[test]
fn shares_of_a_gap_are_covered_and_wrong_verdicts_are_rare() {
    let usual = World { gap: 0.7, closes: 1.0, own: 0.15, budget: 1e5 };
    let worlds = [
        ("a complete closer", World { closes: 1.0, ..usual }),
        ("a closer of 0.8", World { closes: 0.8, ..usual }),
        ("a half closer", World { closes: 0.5, ..usual }),
        ("no closer", World { closes: 0.0, ..usual }),
        ("no gap", World { gap: 0.0, ..usual }),
        ("no gap, wide", World { gap: 0.0, own: 1.0, ..usual }),
        // A third of affine's seeds never arrive.
        ("no closer, affine censored", World { closes: 0.0, budget: 210.0, ..usual }),
        // A third of every arm's.
        ("no gap, all censored", World { gap: 0.0, budget: 108.0, ..usual }),
        // A third of bn's and nearly all of affine's: within the budget the two are nearly alike.
        ("a closer of 0.8, all censored", World { closes: 0.8, budget: 108.0, ..usual }),
    ];
    for (name, world) in worlds {
        let [passed, none, holds, fails, covered] = world.simulated(name);
        println!("{name}: gate passed {passed}, no gap {none}, holds {holds}, fails {fails}, covered {covered}");
        let is_censored = world.budget < 1e4;
        if world.gap == 0.0 {
            let is_seen = !is_censored && world.own < 1.0;
            assert!(passed < 0.06 && if is_seen { none > 0.9 } else { none < 0.06 }, "{name}: {passed} {none}");
            continue;
        }
        assert!(none == 0.0, "{name}");
        assert!(passed > 0.99, "{name}");
        assert!(is_censored || (0.9..0.99).contains(&covered), "{name}: {covered}");
        match world.closes {
            _ if is_censored => assert!(holds == 0.0 && fails == 0.0, "{name}"),
            1.0 => assert!(holds > 0.99 && fails == 0.0, "{name}"),
            0.8 => assert!(holds > 0.8 && fails == 0.0, "{name}"),
            0.5 => assert!(holds < 0.07 && fails < 0.07, "{name}"),
            _ => assert!(holds == 0.0 && fails > 0.99, "{name}"),
        }
    }
}

#[test]
fn claims_are_listed_and_explained_and_a_slip_is_answered_with_the_nearest() {
    let lab = Lab::new();
    lab.call(&["claims", "--list"]).expect(0).says(&["faster-learning", "cheaper-steps", "what decides"]);
    // Those named alone; and what is wrong with a call is told without training anything.
    let one = lab.call(&["claims", "price", "--list", "--quick"]).expect(0).says(&["price", "what decides"]);
    assert!(!one.stdout.contains("faster-learning"), "{}", one.stdout);
    let twice = lab.call(&["claims", "price", "--list", "price"]).expect(0);
    assert_eq!(twice.stdout, lab.call(&["claims", "price", "--list"]).stdout, "named twice, listed once");
    lab.call(&["claims", "prize", "--list"]).expect(2).complains(&["did you mean `price`?"]);
    lab.call(&["claims", "--list", "--seeds", "1000-1003"]).expect(2).complains(&["decide nothing"]);
    let narrow = lab.command().args(["claims", "--list"]).env("COLUMNS", "80").output().expect("it starts");
    let narrow = String::from_utf8(narrow.stdout).expect("text");
    assert!(narrow.lines().count() > 40 && narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    lab.call(&["claims", "--explain", "larger-rates"]).expect(0).says(&["ln T(affine)", "would be another"]);
    let slip = lab.call(&["claims", "faster-lerning"]);
    assert_eq!(slip.code, Some(2));
    slip.complains(&["there is no claim `faster-lerning`; did you mean `faster-learning`? `bn-exp claims --list`"]);
    // The beginning of a name is enough to know it by.
    lab.call(&["claims", "--explain", "pool"]).complains(&["did you mean `pool-shift`?"]);
    for seeds in ["9-3", "0", "a", "1-99999"] {
        assert_eq!(lab.call(&["claims", "--seeds", seeds]).code, Some(2), "{seeds}");
    }
    for seeds in ["1000-1005", "990-1000", "1023-1030"] {
        let refused = lab.call(&["claims", "--seeds", seeds, "capacity", "--quick", "--data", "glyphs"]);
        assert_eq!(refused.code, Some(2), "{seeds}");
        refused.complains(&["learning rates were chosen on seeds 1000 to 1023"]);
    }
    let missing = lab.call(&["claims", "--data", "mnist", "--data-dir", "nowhere"]);
    assert_ne!(missing.code, Some(0));
    missing.complains(&["bn-exp data fetch mnist"]);
}

/// Verdicts in JSON.
fn verdicts(lab: &Lab, more: &[&str]) -> Value {
    let args = ["claims", "capacity", "--quick", "--data", "glyphs", "--out", "out", "--format", "json"];
    let outcome = lab.call(&[&args[..], more].concat()).expect(0);
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

/// Training accuracy of each seed in the table of an arm.
fn accuracies(lab: &Lab, arm: &str) -> Vec<(u64, f64)> {
    let table = lab.table(format!("out/glyphs/memorise/{arm}/runs.csv"));
    let seeds = table.column("seed").into_iter().map(|seed| seed.parse().expect("a seed"));
    let scores = table.column("train_accuracy_population").into_iter().map(number);
    seeds.zip(scores).collect()
}

#[test]
fn a_claim_is_trained_once_and_reads_fewer_seeds_of_what_there_is() {
    let lab = Lab::new();
    lab.call(&["claims", "co-adaptation", "--quick", "--data", "glyphs", "--out", "out", "--seeds", "7"]).expect(0);
    let all = verdicts(&lab, &["--seeds", "7"]);
    let claim = &all["claims"][0];
    // What another call with these seeds found is kept, and what one with others found is not.
    let kept = || {
        let kept = lab.json("out/glyphs/claims.json")["claims"].as_array().expect("claims").clone();
        kept.iter().map(|claim| claim["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (all["claims"].as_array().map(Vec::len), kept()),
        (Some(1), vec!["capacity".to_owned(), "co-adaptation".to_owned()])
    );
    assert_eq!((all["schema_version"].as_u64(), all["data"].as_str()), (Some(1), Some("glyphs")));
    for key in ["id", "kind", "verdict", "detail", "estimate", "interval", "criterion", "seconds", "parts"] {
        assert!(!claim[key].is_null(), "{key}: {claim}");
    }
    // A call that ends while another one writes waits for it, and keeps what it wrote.
    let path = lab.path("out/glyphs/claims.json");
    let both = std::fs::read(&path).expect("it is there");
    std::fs::remove_file(&path).expect("removed");
    let lock = std::fs::File::create(lab.path("out/glyphs/.claims.lock")).expect("a file");
    lock.lock().expect("locked");
    std::thread::scope(|scope| {
        let call = scope.spawn(|| verdicts(&lab, &["--seeds", "7"]));
        std::thread::sleep(std::time::Duration::from_secs(2));
        assert!(!path.exists() && !call.is_finished(), "it does not wait");
        std::fs::write(&path, &both).expect("written");
        drop(lock);
        call.join().expect("it ends");
    });
    assert_eq!(kept().len(), 2);
    let part = &claim["parts"][0];
    assert_eq!((part["n"].as_u64(), part["regime"].as_str()), (Some(7), Some("memorise")));
    assert!(["holds", "fails", "holds_in_part", "inconclusive"].iter().any(|word| claim["verdict"] == *word));
    // The estimate is what the tables say.
    let estimate = |seeds: std::ops::Range<u64>| {
        let of = |arm: &str| {
            accuracies(&lab, arm).into_iter().filter(|(seed, _)| seeds.contains(seed)).map(|(_, a)| a).sum::<f64>()
        };
        (of("affine") - of("affine_small")) / (of("affine") - of("affine_50"))
    };
    assert_eq!(accuracies(&lab, "affine").len(), 7);
    assert!((claim["estimate"].as_f64().unwrap() - estimate(0..7)).abs() < 1e-9);
    // Nothing to do, and fewer seeds: nothing is trained, nothing is dropped.
    let runs = || lab.text("out/glyphs/memorise/affine/runs.csv");
    let before = runs();
    assert_eq!(verdicts(&lab, &["--seeds", "7"])["claims"][0]["estimate"], claim["estimate"]);
    let fewer = verdicts(&lab, &["--seeds", "1-6"]);
    assert_eq!(fewer["claims"][0]["parts"][0]["n"], 6);
    assert_eq!(kept(), ["capacity"]);
    // Without --quick a verdict has to hold at more rates: one that was found with it does not stand beside it.
    let other = ["claims", "co-adaptation", "--data", "glyphs", "--out", "out", "--seeds", "1-6"];
    lab.call(&other).expect(0).complains(&["claims.json do not belong", "other learning rates", "claims.json.kept"]);
    assert_eq!(kept(), ["co-adaptation"]);
    let aside = lab.json("out/glyphs/claims.json.kept");
    assert!(aside["claims"].as_array().expect("claims").iter().any(|claim| claim["id"] == "capacity"), "{aside}");
    verdicts(&lab, &["--seeds", "1-6"]);
    // With six seeds the gate may stay closed, and then there is no estimate.
    let of_six = fewer["claims"][0]["estimate"].as_f64();
    assert!(of_six.is_none_or(|share| (share - estimate(1..7)).abs() < 1e-9), "{of_six:?}");
    assert_ne!(of_six, claim["estimate"].as_f64());
    assert_eq!(runs(), before);
    // The report says what the networks and the arms are.
    lab.call(&["report", "out/glyphs"]).expect(0);
    let page = lab.text("out/glyphs/report.html");
    for words in [
        "memorise: <code>shallow</code> on 1,000 images",
        "<code>affine_50</code>, y\u{a0}=\u{a0}γx + β (eq. 3), in layers",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // An ordinary experiment, which compare reads.
    lab.call(&["compare", "out/glyphs/memorise/affine", "out/glyphs/memorise/affine_50"])
        .expect(0)
        .says(&["affine_50"]);
    // The verdicts of a later program are not written over.
    let text = lab.text("out/glyphs/claims.json");
    let later = text.replacen("\"schema_version\": 1", "\"schema_version\": 2", 1);
    assert_ne!(later, text);
    std::fs::write(lab.path("out/glyphs/claims.json"), &later).expect("written");
    let again = ["claims", "co-adaptation", "--data", "glyphs", "--out", "out", "--seeds", "7"];
    lab.call(&again).expect(1).complains(&["out/glyphs/claims.json"]);
    assert_eq!(lab.text("out/glyphs/claims.json"), later);
    std::fs::write(lab.path("out/glyphs/claims.json"), text).expect("written");
    // Where the record is lost no run is dropped, and what is advised is what `claims` can do.
    std::fs::remove_file(lab.path("out/glyphs/memorise/affine/experiment.json")).expect("removed");
    let fewer = ["claims", "capacity", "--data", "glyphs", "--out", "out", "--seeds", "1-6"];
    let refused = lab.call(&fewer).expect(2).complains(&["memorise/affine holds runs", "lost", "--out"]);
    assert!(!refused.stderr.contains("--fresh") && !refused.stderr.contains("--set"), "{}", refused.stderr);
    assert_eq!(runs(), before);
}
