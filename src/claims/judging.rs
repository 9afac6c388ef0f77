//! Questions put to the evidence, and their answers.

use super::decide::{Criterion, Decision, Figure, Verdict, decide};
use super::evidence::{Cell, Evidence, Rate, Run};
use super::part::Part;
use super::rates::Chosen;
use super::regime::Regime;

/// A part of a claim, put to the data.
#[derive(Debug)]
pub struct Question<'a> {
    /// What is asserted.
    pub sentence: &'a str,
    /// Where it is tried.
    pub regime: Regime,
    /// What decides.
    pub criterion: Criterion,
    /// The runs it takes.
    pub cells: &'a [Cell],
    /// Arms for which a better rate would lower the figure, and arms for which it would raise it.
    pub moved_by: [&'a [&'a str]; 2],
    /// Whether the claim's verdict depends on it; if not, it is only shown.
    pub decides: bool,
}

/// A rate for each arm that is run at its own.
type Choice = Vec<(&'static str, f64)>;

/// A figure; or, if there is none, the verdict and why.
pub type Found = Result<Figure, (Verdict, String)>;

impl Evidence {
    /// Puts a question to the runs, at every choice of rates that the tuning seeds cannot tell from the best: the verdict has
    /// to be the same at all of them. `figure` gets the runs of each cell, of the same seeds in the same order.
    pub fn judge(&self, question: &Question, figure: &dyn Fn(&[Vec<&Run>]) -> Found) -> Part {
        let found = |choice: &Choice| {
            let runs = self.complete(question.cells, choice);
            let n = runs.first().map_or(0, Vec::len);
            let none = || Err((Verdict::Inconclusive, self.why_none(question)));
            let found = match mostly_diverged(question.cells, &runs) {
                _ if n == 0 => none(),
                Some(why) => Err((Verdict::Inconclusive, why)),
                None => figure(&runs),
            };
            (found, n)
        };
        let choices = self.choices(question.cells);
        let Some((first, others)) = choices.split_first() else {
            return question.part_without(Verdict::Inconclusive, self.why_none(question), 0);
        };
        let part = match found(first) {
            (Ok(figure), n) => question.part(decide(&figure, &question.criterion), n),
            (Err((verdict, why)), n) => question.part_without(verdict, why, n),
        };
        let part = self.guarded(part, question);
        let part = Part { diverged: diverged(question.cells, &self.complete(question.cells, first)), ..part };
        if !part.verdict.is_decided() {
            return part;
        }
        let verdict = |choice: &Choice| match found(choice).0 {
            Ok(figure) => question.criterion.verdict(&figure),
            Err((verdict, _)) => verdict,
        };
        let Some((choice, other)) = others.iter().map(|c| (c, verdict(c))).find(|(_, v)| *v != part.verdict) else {
            return part;
        };
        let rates: Vec<String> = choice.iter().map(|(arm, rate)| format!("{arm} at {rate}")).collect();
        let detail = format!(
            "{} at the rates chosen, {} with {}, which the tuning seeds cannot tell from them",
            part.verdict.words(),
            other.words(),
            rates.join(", ")
        );
        Part { verdict: Verdict::Inconclusive, detail, p: None, ..part }
    }

    /// Every combination of rates, the best ones first.
    fn choices(&self, cells: &[Cell]) -> Vec<Choice> {
        let mut choosers: Vec<Cell> = Vec::new();
        for cell in cells {
            if !choosers.iter().any(|known| known.chooser() == cell.chooser()) {
                choosers.push(*cell);
            }
        }
        let mut all = vec![Vec::new()];
        for cell in choosers {
            let rates = cell.rates(&self.rates);
            let with = |choice: &Choice| {
                let extended = |rate: &f64| [choice.clone(), vec![(cell.chooser(), *rate)]].concat();
                rates.iter().map(extended).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
        }
        all
    }

    /// The runs of each cell, for the seeds that all cells have.
    fn complete(&self, cells: &[Cell], choice: &[(&'static str, f64)]) -> Vec<Vec<&Run>> {
        let of = |cell: &Cell| -> Vec<&Run> {
            let rate = choice.iter().find(|(arm, _)| *arm == cell.chooser()).map(|(_, rate)| rate.to_bits());
            let runs = rate.and_then(|rate| self.runs.get(&cell.arm)?.get(&rate));
            runs.into_iter().flatten().collect()
        };
        let all: Vec<Vec<&Run>> = cells.iter().map(of).collect();
        let in_all = |seed: u64| all.iter().all(|runs| runs.iter().any(|run| run.seed == seed));
        let mut complete = all.clone();
        for runs in &mut complete {
            runs.retain(|run| in_all(run.seed));
            runs.sort_by_key(|run| run.seed);
        }
        complete
    }

    /// If an arm's best rate may lie beyond the rates that were tried, and a better rate could overturn the verdict, there is
    /// no verdict.
    fn guarded(&self, part: Part, question: &Question) -> Part {
        let passed = match part.verdict {
            Verdict::Inconclusive | Verdict::NotTested => return part,
            Verdict::Holds => Some(question.criterion.holds.threshold()),
            Verdict::Fails => Some(question.criterion.fails.threshold()),
            Verdict::HoldsInPart => None,
        };
        let [lowering, raising] = question.moved_by;
        let overturning = match part.estimate.zip(passed) {
            Some((estimate, threshold)) if estimate > threshold => lowering.to_vec(),
            Some(_) => raising.to_vec(),
            // Between two thresholds, or decided without a figure (no gap): a change either way could overturn the verdict.
            None => [lowering, raising].concat(),
        };
        let is_at_an_edge = |name: &&&str| {
            let arm = question.cells.iter().find(|cell| cell.arm.name == **name).map(|cell| cell.arm);
            arm.and_then(|arm| self.rates.chosen(arm.regime, arm.schedule, arm.name)).is_some_and(Chosen::is_edge)
        };
        match overturning.iter().find(is_at_an_edge) {
            None => part,
            Some(arm) => Part {
                verdict: Verdict::Inconclusive,
                detail: format!(
                    "a rate of {arm} that may be its best is the end of what was tried, and a better one could change this"
                ),
                p: None,
                ..part
            },
        }
    }

    fn why_none(&self, question: &Question) -> String {
        let untuned = question.cells.iter().find(|cell| cell.rates(&self.rates).is_empty());
        match untuned {
            Some(cell) => format!("no rate was chosen for {}; `bn-exp claims --tune` does", cell.chooser()),
            None => "no seed has all the runs that it takes".to_owned(),
        }
    }
}

/// Runs that diverged, by arm.
fn diverged(cells: &[Cell], runs: &[Vec<&Run>]) -> Vec<(String, usize)> {
    let count = |runs: &Vec<&Run>| runs.iter().filter(|run| run.diverged).count();
    let found = cells.iter().zip(runs).map(|(cell, runs)| (cell.label(), count(runs)));
    found.filter(|(_, count)| *count > 0).collect()
}

/// Why nothing is decided, if most runs of an arm diverge at what should be its own best rate.
fn mostly_diverged(cells: &[Cell], runs: &[Vec<&Run>]) -> Option<String> {
    let own = cells.iter().zip(runs).filter(|(cell, _)| cell.rate == Rate::Own);
    let mut counted = own.map(|(cell, runs)| (cell, runs.iter().filter(|run| run.diverged).count(), runs.len()));
    let (cell, count, all) = counted.find(|(_, count, all)| 2 * count > *all)?;
    Some(format!("{} diverged with {count} of {all} seeds at its best rate", cell.arm.name))
}

impl Question<'_> {
    fn part(&self, decision: Decision, n: usize) -> Part {
        let Decision { verdict, detail, estimate, interval, p } = decision;
        Part { verdict, detail, estimate: Some(estimate), interval, p, ..self.part_without(verdict, String::new(), n) }
    }

    /// A part without a figure.
    pub fn part_without(&self, verdict: Verdict, detail: String, n: usize) -> Part {
        Part {
            sentence: self.sentence.to_owned(),
            regime: self.regime.name().to_owned(),
            verdict,
            detail,
            estimate: None,
            interval: None,
            criterion: Some(self.criterion),
            p: None,
            n,
            decides: self.decides,
            arms: self.cells.iter().map(Cell::label).collect(),
            diverged: Vec::new(),
            along: None,
        }
    }

    /// A part decided by a figure that does not come from runs.
    pub fn answered(&self, figure: Option<Figure>) -> Part {
        match figure {
            Some(figure) => self.part(decide(&figure, &self.criterion), figure.n()),
            None => self.part_without(Verdict::Inconclusive, "there is nothing to judge by".to_owned(), 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::decide::{Beyond, Unit};
    use super::super::evidence::Arm;
    use super::super::rates::{Rates, Tuned};
    use super::super::regime::Schedule;
    use super::*;

    fn run(seed: u64, accuracies: &[f64]) -> Run {
        let validation = accuracies.iter().enumerate().map(|(i, a)| (10 * (i + 1), *a)).collect();
        Run { seed, budget: 100, validation, ..Run::default() }
    }

    fn chosen(best: f64, as_good: &[f64]) -> Chosen {
        Chosen { best, as_good: as_good.to_vec(), tried: [0.01, 10.0] }
    }

    /// Runs of two arms that reach the target after so many evaluations, at each of their rates.
    fn evidence(arms: &[(&'static str, Chosen, &[usize])]) -> Evidence {
        let mut evidence = Evidence::default();
        let mut tuned = Tuned { target: Some(0.9), arms: BTreeMap::new() };
        for (name, chosen, evaluations) in arms {
            let runs = chosen.all().zip(*evaluations).map(|(rate, evaluations)| {
                let curve = |seed: u64| -> Vec<f64> {
                    (0..100).map(|i| f64::from(u8::from(i >= evaluations + seed as usize % 2))).collect()
                };
                (rate.to_bits(), (0..8).map(|seed| run(seed, &curve(seed))).collect())
            });
            let arm = Arm { regime: Regime::Shallow, schedule: Schedule::Constant, name };
            evidence.runs.insert(arm, runs.collect());
            tuned.arms.insert((*name).to_owned(), chosen.clone());
        }
        evidence.rates.0.entry(Regime::Shallow).or_default().insert(Schedule::Constant, tuned);
        evidence
    }

    const FASTER: Criterion = Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.25), unit: Unit::Ratio };
    const OWN: [Cell; 2] = [
        Cell::own(Regime::Shallow, Schedule::Constant, "affine"),
        Cell::own(Regime::Shallow, Schedule::Constant, "bn"),
    ];

    fn asked(evidence: &Evidence) -> Part {
        ask(evidence, FASTER, &OWN, &ratio)
    }

    /// ln(T of the first cell / T of the second).
    fn ratio(runs: &[Vec<&Run>]) -> Found {
        let times = |runs: &Vec<&Run>| runs.iter().map(|run| run.log_time(0.9)).collect::<Vec<_>>();
        let [slow, fast] = [times(&runs[0]), times(&runs[1])];
        let differences: Vec<f64> = slow.iter().zip(&fast).map(|(a, b)| a - b).collect();
        Ok(Figure::mean(&differences).unwrap())
    }

    fn ask(evidence: &Evidence, criterion: Criterion, cells: &[Cell], figure: &dyn Fn(&[Vec<&Run>]) -> Found) -> Part {
        let moved_by: [&[&str]; 2] = [&["affine"], &["bn"]];
        let question =
            Question { sentence: "bn is faster", regime: Regime::Shallow, criterion, cells, moved_by, decides: true };
        evidence.judge(&question, figure)
    }

    #[test]
    fn a_verdict_has_to_be_the_same_at_every_rate_that_may_be_the_best() {
        let plain = evidence(&[("affine", chosen(0.1, &[]), &[60]), ("bn", chosen(1.0, &[]), &[20])]);
        assert_eq!(asked(&plain).verdict, Verdict::Holds);
        let steady = evidence(&[("affine", chosen(0.1, &[0.2]), &[60, 50]), ("bn", chosen(1.0, &[]), &[20])]);
        assert_eq!(asked(&steady).verdict, Verdict::Holds);
        let torn = asked(&evidence(&[("affine", chosen(0.1, &[0.2]), &[60, 20]), ("bn", chosen(1.0, &[]), &[20])]));
        assert_eq!(torn.verdict, Verdict::Inconclusive);
        assert!(torn.detail.contains("holds at the rates chosen, fails with affine at 0.2"), "{}", torn.detail);
    }

    #[test]
    fn an_edge_blocks_what_a_better_rate_could_overturn_and_nothing_else() {
        let edge = |best| Chosen { best, as_good: Vec::new(), tried: [0.1, 1.0] };
        let slow = evidence(&[("affine", edge(0.1), &[60]), ("bn", edge(0.5), &[20])]);
        assert_eq!(asked(&slow).verdict, Verdict::Inconclusive);
        assert!(asked(&slow).detail.contains("a rate of affine that may be its best is the end of what was tried"));
        // The same if the end is only as good as the best.
        let as_good = Chosen { as_good: vec![0.1], ..edge(0.2) };
        let open = evidence(&[("affine", as_good, &[60, 60]), ("bn", edge(0.5), &[20])]);
        assert_eq!(asked(&open).verdict, Verdict::Inconclusive);
        // Between the thresholds a better rate either way could overturn it. Here 60 : 20 evaluations lie between.
        let part = |best: f64| {
            let evidence = evidence(&[("affine", edge(0.5), &[60]), ("bn", edge(best), &[20])]);
            ask(&evidence, Criterion { holds: Beyond::Above(100.0), ..FASTER }, &OWN, &ratio)
        };
        assert_eq!([part(0.5), part(1.0)].map(|part| part.verdict), [Verdict::HoldsInPart, Verdict::Inconclusive]);
        // The same if there is a verdict without a figure.
        let none = |best: f64| {
            let evidence = evidence(&[("affine", edge(0.5), &[20]), ("bn", edge(best), &[20])]);
            ask(&evidence, FASTER, &OWN, &|_| Err((Verdict::Fails, "no gap".to_owned()))).verdict
        };
        assert_eq!([none(0.5), none(0.1)], [Verdict::Fails, Verdict::Inconclusive]);
        // A better rate of bn would only add to this.
        let fast = evidence(&[("affine", edge(0.5), &[60]), ("bn", edge(1.0), &[20])]);
        assert_eq!(asked(&fast).verdict, Verdict::Holds);
    }

    #[test]
    fn nothing_is_decided_where_an_arm_diverges_more_often_than_not_at_its_own_best_rate() {
        let mut evidence = evidence(&[("affine", chosen(0.1, &[]), &[60]), ("bn", chosen(0.1, &[]), &[20])]);
        let affine = Arm { regime: Regime::Shallow, schedule: Schedule::Constant, name: "affine" };
        let mut diverge = |count: usize| {
            let runs = evidence.runs.get_mut(&affine).unwrap().get_mut(&0.1f64.to_bits()).unwrap();
            runs.iter_mut().enumerate().for_each(|(i, run)| run.diverged = i < count);
            asked(&evidence)
        };
        assert_eq!((diverge(0).verdict, diverge(0).diverged), (Verdict::Holds, Vec::new()));
        assert_eq!((diverge(4).estimate.is_some(), diverge(4).diverged), (true, vec![("affine".to_owned(), 4)]));
        let most = diverge(5);
        assert_eq!(
            (most.verdict, most.estimate, most.diverged),
            (Verdict::Inconclusive, None, vec![("affine".to_owned(), 5)])
        );
        assert!(most.detail.contains("affine diverged with 5 of 8 seeds"), "{}", most.detail);
        // A claim may be about bn diverging at another arm's rate.
        let arms = [("affine", chosen(0.1, &[]), &[20][..]), ("bn", chosen(0.2, &[0.1]), &[60, 60])];
        let mut evidence = self::evidence(&arms);
        let bn = Arm { name: "bn", ..affine };
        let runs = evidence.runs.get_mut(&bn).unwrap().get_mut(&0.1f64.to_bits()).unwrap();
        runs.iter_mut().for_each(|run| run.diverged = true);
        let constant = Schedule::Constant;
        let cells =
            [Cell::own(Regime::Shallow, constant, "affine"), Cell::at(Regime::Shallow, constant, "bn", "affine")];
        let found = ask(&evidence, FASTER, &cells, &ratio);
        assert_eq!((found.estimate.is_some(), found.diverged), (true, vec![("bn at affine's rate".to_owned(), 8)]));
    }

    #[test]
    fn seeds_count_that_all_arms_have_and_what_was_never_tuned_is_said() {
        let mut one = evidence(&[("affine", chosen(0.1, &[]), &[60]), ("bn", chosen(1.0, &[]), &[20])]);
        let arm = Arm { regime: Regime::Shallow, schedule: Schedule::Constant, name: "bn" };
        one.runs.get_mut(&arm).unwrap().get_mut(&1.0f64.to_bits()).unwrap().retain(|run| run.seed != 3);
        assert_eq!(asked(&one).n, 7);
        one.runs.clear();
        assert_eq!(asked(&one).detail, "no seed has all the runs that it takes");
        one.rates = Rates::default();
        assert!(asked(&one).detail.contains("no rate was chosen for affine"));
    }
}
