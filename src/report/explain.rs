//! What the words and numbers of a comparison mean.

use crate::compare::words::{percent, seeds};
use crate::compare::{Comparison, Options};

/// An entry for each word, in the order in which a reader meets them.
pub fn explain(comparisons: &[Comparison], options: &Options) -> Vec<String> {
    let any = |is: fn(&Comparison) -> bool| comparisons.iter().any(is);
    let mut entries = in_short(comparisons, options.confidence);
    entries.extend(found(options.confidence));
    if any(|c| !c.tuned.is_empty()) {
        entries.extend(TUNED.map(str::to_owned));
    }
    if any(|c| !c.effects.is_empty()) {
        entries.push(SWITCHES.to_owned());
    }
    entries.push(STATISTICS.to_owned());
    entries.extend(IN_FULL.map(str::to_owned));
    if options.null {
        entries.push(NULL.to_owned());
    }
    if any(|c| !c.times_to_target.is_empty()) {
        entries.push(TIMES.to_owned());
    }
    if any(|c| c.has_fixed_data) {
        entries.push(FIXED_DATA.to_owned());
    }
    entries
}

/// What a verdict is worth: how sure it is, on what it rests, and what it does not show.
fn in_short(comparisons: &[Comparison], confidence: f64) -> Vec<String> {
    let contrasts = comparisons.iter().flat_map(|c| &c.contrasts).map(|contrast| &contrast.found);
    let effects = comparisons.iter().flat_map(|c| &c.effects).map(|effect| &effect.found);
    let tested: Vec<usize> = contrasts.chain(effects).filter(|found| found.p.is_some()).map(|found| found.n).collect();
    let (Some(fewest), Some(most)) = (tested.iter().min(), tested.iter().max()) else { return Vec::new() };
    let seeds = if fewest == most { seeds(*most) } else { format!("{fewest} to {most} seeds") };
    let tests = if tested.len() == 1 { "1 test was".to_owned() } else { format!("{} tests were", tested.len()) };
    let is_alone = comparisons.iter().flat_map(|c| &c.contrasts).all(|contrast| contrast.found.tests < 2);
    let corrected = if is_alone {
        "each is the only one of its kind, so that no p had to be corrected"
    } else {
        "each p is corrected for the number of tests of its kind"
    };
    let level = percent((1e6 * (1.0 - confidence)).round() / 1e6);
    vec![
        format!(
            "how sure a verdict is: if the arms are the same, a verdict of one kind (see p) says better or worse in at most {level} % \
             of experiments. So one verdict may be a false alarm. Repeat it with other seeds before you rely on it."
        ),
        format!(
            "on what it rests: {seeds}. The arms of a seed are compared with each other, as they share all but the norm. {tests} \
             made; {corrected}."
        ),
        "what it does not show: what other networks, settings or data would give, nor other samples for the test; why the arms differ; that a difference is large \
         enough to matter (look at the interval); that arms are the same, where the verdict is undecided."
            .to_owned(),
    ]
}

/// The words of the verdicts and of the table of arms.
fn found(confidence: f64) -> Vec<String> {
    let share = percent(confidence);
    let alpha = (1e6 * (1.0 - confidence)).round() / 1e6;
    let level = percent(alpha);
    vec![
        "arm: one of the networks that are compared. Arms differ in what stands in the place of the norm, and in nothing \
         else."
            .to_owned(),
        "seed: one repetition, with random numbers of its own. All arms of a seed share their data, the order of the \
         batches, and their initial weights."
            .to_owned(),
        "mean: the mean over the seeds.".to_owned(),
        "difference: the arm's mean less the baseline's. The verdict says which sign is better: more accuracy, less loss, \
         less time."
            .to_owned(),
        format!(
            "{share} % interval: the differences that the data do not rule out. If there were many experiments like \
             this, the true difference would lie in the interval in {share} % of them; in fewer, if the arms want different \
             rates and few validation samples choose them (docs/statistics.md has simulations). With fewer than 6 seeds, or \
             where losses diverged, there is none. It is not corrected for the number of tests, and p is: it may leave out 0 \
             where the verdict is undecided."
        ),
        format!(
            "p: how probable a difference at least this large is, if the two arms were the same. The program swaps the two \
             arms' results within seeds, in every possible way, and chooses the values again each time; a second test turns \
             the signs of the differences. The larger p of the two counts. It is then corrected, by Holm's method, for the \
             number of tests of its kind. There are three kinds: the primary contrast (`bn` against `affine`, unless \
             compare.primary names another arm) at each setting, the other contrasts, and the effects of switches; those of all \
             experiments that are compared together count together. Each kind is \
             held to {level} % of false alarms (better or worse where nothing is), so all three together to three times that at most."
        ),
        format!(
            "better, worse: p is below {alpha}, and 0 lies outside the interval. If validation leaves open which value suits an \
             arm best, the difference has the same sign at each of these values."
        ),
        format!(
            "equivalent: the difference is shown to be smaller than compare.equivalence_margin. This is not corrected for the \
             number of tests: where arms differ by just that much, each comparison calls them equivalent in {level} % of \
             experiments."
        ),
        "undecided: neither is shown. The arms may be the same, or more seeds may tell them apart. How many would is \
         estimated: if the true difference, and the spread of single seeds, are as seen here, so many seeds find it nine \
         times in ten. The difference of few seeds is rough, and so is this number: it is also given for the ends of the interval."
            .to_owned(),
        format!("too few seeds: with so few seeds no result, however clear, can bring the corrected p below {alpha}."),
        "exploratory: the arms, the metric or the level of confidence are not those of the configuration, or the configuration's question was \
         changed after runs were finished. What is chosen after a look at \
         the results looks surer than it is."
            .to_owned(),
        "diverged: runs whose loss grew beyond all bounds, among the runs that the mean is of. They are results: each \
         counts as guessing in an accuracy, as the worst in a loss, as never arriving in a time."
            .to_owned(),
        "µs a step: microseconds that a training step takes, the median over the runs. It is left out where runs train for less \
         than a fiftieth of a second; it says little of those shorter than a tenth, and where several jobs or other work held \
         them up."
            .to_owned(),
    ]
}

const TUNED: [&str; 3] = [
    "tuned: each arm is taken at the value that suits it best on validation data. For each seed the other seeds choose, so \
     that no seed is taken at a value for its own luck.",
    "best: the value that all seeds together favour. 6 of 8: so many seeds are taken at it, and the others at the values \
     that were chosen for them; the mean is over all of them. edge: a seed is taken at the smallest or the largest value that \
     was tried, so the arm may do better beyond it; edge 1.0: some seeds are, at 1.0.",
    "bars: the mean over all seeds at each value that was tried, in the order of the values, from the worst mean of all \
     arms to the best.",
];

const SWITCHES: &str = "switches: eq. 1 is standardising; γ and β are the learned scale and shift. The effect of a switch is \
                        what switching it on changes, averaged over the other switch off and on. The interaction is what \
                        switching on both changes beyond that.";

const STATISTICS: &str = "running, batch, population statistics: the means and variances by which a trained norm standardises. \
                          Running ones were kept during training; batch ones are of the minibatch at hand; population ones \
                          are found anew from a sample of the training split. Results are under running statistics, unless \
                          the metric's name ends in one of the other two words.";

/// The words of the other tables.
const IN_FULL: [&str; 6] = [
    "p, p corrected (with --full): before and after the correction for the number of comparisons. smallest p possible: \
     what the clearest result would give with so many seeds.",
    "better in (with --full): the share of seeds in which the first arm is better; a tie counts half.",
    "effect size (with --full): the mean of the differences over their standard deviation.",
    "interval of diverged (with --full): how often runs may diverge, as far as these data tell.",
    "values used (with --full): the values at which seeds were taken, and in brackets how many seeds.",
    "works at, width (with --full): the range of values around an arm's best where its mean stays within 0.01 of \
     accuracy, or a tenth of a loss or a time, and the largest over the smallest of them. or more: the range reaches the end of \
     what was tried.",
];

const NULL: &str = "false alarms (with --null): in an exchange the two arms' results are swapped in some of the seeds, drawn at \
                    random, so that there is no difference to find; then all is tuned and tested again. The table says in \
                    which share of the exchanges something is found all the same. At a confidence of 95 %, p < 0.05 should be found in 5 % \
                    of them or less.";

const TIMES: &str = "steps and seconds to the target (with --full): the time of the first evaluation that reaches it. A run \
                     that never does, or diverges, counts with the whole length of training. Seconds are steps times \
                     the arm's own time a step.";

const FIXED_DATA: &str = "The data and their split are the same for every seed. The intervals therefore cover initial \
                          weights and order of the batches, and not the choice of the data.";
