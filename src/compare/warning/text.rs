//! Each kind of warning in words: what is wrong, what to do, and where it is so.

use super::{CountsAs, DivergedRuns, GuessingRuns, MeanUnder, Missing, VerdictUnder, Warning, Why};
use crate::compare::arms::Chosen;
use crate::compare::grid::{Edge, End, Values};
use crate::compare::words::{named, number, p_value, seeds, signed, value, values};
use crate::config::file::{Metric, Statistics};
use crate::stats::permutation::FEWEST;

/// Most runs or seeds that are named; the rest is counted.
const NAMED: usize = 8;

impl Warning {
    /// The warning in words.
    pub fn sentence(&self) -> String {
        together(&[self])
    }

    /// What is wrong and what to do; the same words wherever the same is wrong.
    pub fn text(&self) -> String {
        match self {
            Self::SideBySide { other, keys } => side_by_side(other, keys),
            Self::QuestionChanged { changes } => format!(
                "The question was changed after runs were finished: {}. What is chosen after a look at the results looks surer \
                 than it is, so every comparison is marked exploratory. To test it, train seeds that nobody has seen, in an \
                 experiment of another name.",
                changes.join("; ")
            ),
            Self::NotPlanned { name, reason } => format!(
                "This program does not know the configuration in the experiment.json of {name} ({reason}). So it could not \
                 check that the runs are those of this configuration."
            ),
            Self::TablesChanged { files } => format!(
                "Somebody has changed {} since bn-exp wrote {}. Numbers may be wrong: get the tables again from where \
                 they came from, or run `bn-exp collect` on the folder that holds the runs.",
                files.join(", "),
                if files.len() == 1 { "it" } else { "them" }
            ),
            Self::OneSeed => {
                "There is one seed, so no arm is tuned: the other seeds would choose. Give seeds at least 2, better 10."
                    .to_owned()
            }
            Self::SmallSplit { split, samples } => {
                let what = match *split {
                    "validation" => "by luck more than by merit an arm is read at one value or another",
                    _ => "a difference between arms may be that of a few samples",
                };
                format!("The {split} split has {samples} samples, so {what}. Set data.{split} higher, or get more data.")
            }
            Self::NoValidation => {
                "No arm is tuned, because there is no validation split to choose by. Set data.validation above 0."
                    .to_owned()
            }
            Self::Unfinished { missing, planned } => unfinished(missing, *planned),
            Self::DifferentSeeds { .. } => {
                "Arms have different seeds, and only those that both have are compared. `bn-exp run` trains the rest."
                    .to_owned()
            }
            Self::FewSeeds { seeds: n, p_minimum } => {
                let none = if *n < FEWEST { ", and there is no interval" } else { "" };
                let cannot = format!("With {} p cannot fall below {}{none}", seeds(*n), p_value(*p_minimum));
                format!("{cannot}: nothing can be decided. Add seeds.")
            }
            Self::MeanDependsOnStatistics { metric, why, .. } => {
                let metric_name = metric.name.replace('_', " ");
                format!("The mean of {metric_name} depends on which statistics the norms use. {}", what_to_do(*metric, *why))
            }
            Self::VerdictDependsOnStatistics { metric, why, .. } => {
                format!("The verdict depends on which statistics the norms use. {}", what_to_do(*metric, *why))
            }
            Self::CoarseTimes { steps, hides_margin } => {
                let margin = match hides_margin {
                    true => " That is more than the equivalence margin, so nothing is called equivalent.",
                    false => "",
                };
                format!(
                    "Times to the target are rough: evaluations are about {steps} steps apart, and arms that arrive between the same \
                     two evaluations look alike.{margin} Set log.evaluate_every smaller."
                )
            }
            Self::TimeAtEdge { .. } => {
                "The best value for the time to the target is the end of what was tried, and the time may be shorter \
                 beyond it. Widen the sweep there."
                    .to_owned()
            }
            Self::Edge { chosen, .. } if chosen.iter().flat_map(|chosen| &chosen.edges).all(|edge| edge.end == End::Only) => {
                "Only one value was tried, and the arm may do better with another. Sweep more of them.".to_owned()
            }
            Self::Edge { .. } => {
                "The best value is the end of what was tried, and the arm may do better beyond it. Widen the sweep there."
                    .to_owned()
            }
            Self::UnsettledChoice { .. } => {
                "Validation does not show which of these values is best, and the result differs between them. p and the interval \
                 are for the one that was chosen; a verdict holds for each. More seeds, or more validation samples, settle it."
                    .to_owned()
            }
            Self::NoValueGivesMean { metric, .. } => {
                format!(
                    "A mean of {} is that of no value that was tried. Each seed is read at the value that the other seeds favour: a \
                     seed that fails at the best value is read just there, and the others are read elsewhere because of it. \
                     Compare at each value (--by) before you rely on the verdict; more seeds settle it.",
                    metric.name.replace('_', " ")
                )
            }
            Self::NothingObserved { is_time, .. } => {
                let (what, cure) = if *is_time {
                    let cure = "Lower compare.target_accuracy or train longer; where they diverged, try smaller learning rates.";
                    ("diverged or never reached the target", cure)
                } else {
                    ("diverged", "Try smaller learning rates.")
                };
                format!("Every run that is compared here {what}, so nothing is compared. {cure}")
            }
            Self::ChoiceDecides { .. } => {
                "There is no verdict, because the sign of the difference depends on which of several values is chosen, \
                 and validation cannot tell them apart. More seeds, or more validation samples, settle it."
                    .to_owned()
            }
            Self::FewTestSamples { samples, .. } => format!(
                "The test split has {samples} samples, the same for every seed, and the arms differ in few of them. p and the \
                 interval are about initial weights and the order of training; other test samples might turn the difference. Get \
                 more test samples."
            ),
            Self::BelowChance { .. } => {
                "There is no verdict, because a diverged run counts as guessing, and another run that was trained to its end \
                 is worse than guessing."
                    .to_owned()
            }
            Self::OtherMargin { metric } => {
                let metric = metric.name;
                format!("The equivalence margin is for {metric}, so nothing is called equivalent here.")
            }
            Self::Untuned { is_swept, is_selected, by } => {
                let at_each = "The arms are compared at each rate. To tune over it,";
                let remedy = match (is_swept, is_selected, by) {
                    (false, ..) => "Sweep optimizer.lr and name it in compare.select".to_owned(),
                    (_, true, _) => format!("{at_each} leave out --by"),
                    (_, _, false) => format!("{at_each} name optimizer.lr in compare.select"),
                    (_, _, true) => format!("{at_each} name optimizer.lr in compare.select, and leave out --by"),
                };
                format!("The learning rate is not tuned. At one rate for all, the arm that it suits looks better. {remedy}.")
            }
            Self::Diverged { counts_as, arms, compared } => diverged(*counts_as, arms, *compared),
            Self::Guessing { arms } => {
                let arm = |arm: &GuessingRuns| format!("{} of {} of {}", arm.guessing, arm.runs, named(&arm.variant));
                format!(
                    "Runs took all their steps and ended no better than guessing: {}. They did not diverge, and learned nothing.",
                    first_named(&arms.iter().map(arm).collect::<Vec<_>>())
                )
            }
            Self::UnsteadyTimes { arms } => {
                let arm = |(arm, share): &(String, f64)| format!("{:.0} % of {}", 100.0 * share, named(arm));
                format!(
                    "Times a step are unsteady: of some arms many runs took more than 1.5 times as long as another run of the same \
                     setting ({}). Other work on the machine does that, and several jobs: do not compare these times. For times \
                     that can be compared, train on a quiet machine with --jobs 1.",
                    first_named(&arms.iter().map(arm).collect::<Vec<_>>())
                )
            }
            Self::ProgramVersions { found } => format!(
                "Runs were made by different program versions: {}. Their numbers can be compared; their times perhaps not.",
                found.join(", ")
            ),
            Self::Machines { found } => format!(
                "Times were measured on different machines: {}. A difference between arms may be one between machines. Train all runs \
                 that are compared by time on one machine, or compare steps (--metric steps_to_target).",
                found.join(", ")
            ),
            Self::InstructionLevels { found } => format!(
                "Runs were made at different instruction levels: {}. They differ by rounding and in their time a step.",
                found.join(", ")
            ),
        }
    }

    /// Which arms and values it is about, and at which setting; `None` for a warning that is not about one setting.
    fn place(&self) -> Option<(String, String)> {
        let (setting, place) = match self {
            Self::DifferentSeeds { setting, arms, only } => (setting, different_seeds(arms, only)),
            Self::TimeAtEdge { setting, variant } => (setting, named(variant)),
            Self::Edge { setting, variant, seeds, chosen } => {
                (setting, format!("{} ({})", named(variant), edges(*seeds, chosen)))
            }
            Self::UnsettledChoice { setting, variant, selected, others } => {
                (setting, format!("{} ({})", named(variant), alternatives(selected, others)))
            }
            Self::NoValueGivesMean { setting, variant, metric, mean, at } => {
                let mean_at = |(at, mean): &(Values, f64)| format!("{} at {}", number(*mean, metric.kind), values(at));
                let means = at.iter().map(mean_at).collect::<Vec<_>>().join(", ");
                (setting, format!("{} ({}, but {means})", named(variant), number(*mean, metric.kind)))
            }
            Self::MeanDependsOnStatistics { setting, variant, metric, means, .. } => {
                (setting, format!("{} ({})", named(variant), means_under(*metric, means)))
            }
            Self::VerdictDependsOnStatistics { setting, of, metric, verdicts, .. } => {
                (setting, format!("{} ({})", whose(of), verdicts_under(*metric, verdicts)))
            }
            Self::FewTestSamples { setting, of, apart, .. } => (setting, format!("{} ({apart:.1} samples)", whose(of))),
            Self::NothingObserved { setting, of, .. }
            | Self::ChoiceDecides { setting, of }
            | Self::BelowChance { setting, of } => (setting, whose(of)),
            _ => return None,
        };
        Some((place, values(setting)))
    }
}

/// Two arms, or one effect.
fn whose(of: &[String]) -> String {
    match of {
        [a, b] => format!("{} and {}", named(a), named(b)),
        others => others.join(", "),
    }
}

/// `optimizer.lr = 0.1 or 0.3`
fn alternatives(selected: &Values, others: &[Values]) -> String {
    let other = |other: &Values| match (other.len(), other.values().next()) {
        (1, Some(only)) => value(only),
        _ => values(other),
    };
    [values(selected)].into_iter().chain(others.iter().map(other)).collect::<Vec<_>>().join(" or ")
}

/// Warnings with the same text as one: the text, then every place.
pub fn together(alike: &[&Warning]) -> String {
    let text = alike.first().map(|warning| warning.text()).unwrap_or_default();
    let mut by_setting: Vec<(String, Vec<String>)> = Vec::new();
    for (place, at) in alike.iter().filter_map(|warning| warning.place()) {
        match by_setting.iter_mut().find(|(known, _)| *known == at) {
            Some((_, places)) => places.push(place),
            None => by_setting.push((at, vec![place])),
        }
    }
    let part = |(at, places): &(String, Vec<String>)| {
        let places = first_named(places);
        if at.is_empty() { places } else { format!("{places} at {at}") }
    };
    let parts: Vec<String> = by_setting.iter().map(part).collect();
    let rest = parts.len().saturating_sub(NAMED);
    let more = if rest > 0 { format!("; and at {rest} more settings") } else { String::new() };
    let named = parts[..parts.len() - rest].join("; ");
    if parts.is_empty() { text } else { format!("{text} This is so for {named}{more}.") }
}

fn side_by_side(other: &str, keys: &[String]) -> String {
    let why = if keys.is_empty() {
        "both have the same arm".to_owned()
    } else {
        format!("they differ in {}", first_named(keys))
    };
    format!("Not compared with {other} as one experiment: {why}.")
}

fn unfinished(missing: &[Missing], planned: usize) -> String {
    let runs = if missing.len() == 1 { "1 run has" } else { &format!("{} runs have", missing.len()) };
    let names: Vec<String> = missing.iter().map(|run| format!("{} ({})", run.run_id, run.why)).collect();
    format!(
        "{runs} no result, of {planned} planned: {}. A seed counts only where all arms have finished it at every value. \
         `bn-exp run` trains what is missing, and `bn-exp collect` brings together what several machines have trained.",
        first_named(&names)
    )
}

fn different_seeds([first, other]: &[String; 2], only: &[Vec<u64>; 2]) -> String {
    let with_seeds = [first, other].into_iter().zip(only).filter(|(_, seeds)| !seeds.is_empty());
    let parts = with_seeds.map(|(arm, seeds)| {
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        format!("{} only in {}", first_named(&seeds), named(arm))
    });
    format!("{} and {} (seeds {})", named(first), named(other), parts.collect::<Vec<_>>().join(", "))
}

/// `0.9100 under running, 0.9500 under population statistics`
fn means_under(metric: Metric, means: &[MeanUnder]) -> String {
    let mean = |under: &MeanUnder| format!("{} under {}", number(under.mean, metric.kind), under.statistics);
    means.iter().map(mean).collect::<Vec<_>>().join(", ") + " statistics"
}

/// `worse (−0.2400) under running, undecided (+0.0010) under population statistics`
fn verdicts_under(metric: Metric, verdicts: &[VerdictUnder]) -> String {
    let verdict = |VerdictUnder { statistics, verdict, difference }: &VerdictUnder| {
        let difference = difference.map(|d| format!(" ({})", signed(d, metric.kind))).unwrap_or_default();
        format!("{}{difference} under {statistics}", verdict.name())
    };
    verdicts.iter().map(verdict).collect::<Vec<_>>().join(", ") + " statistics"
}

/// What to do about a result that depends on the kind of statistics.
fn what_to_do(metric: Metric, why: Why) -> String {
    if metric.kind.is_time() {
        return "The time is taken under running statistics, and these lag behind while a network learns. Change \
                norm.momentum, or do not conclude from this time."
            .to_owned();
    }
    match why {
        Why::RoughBatches => "Nothing is wrong: the running statistics have settled, as those of the population agree with them. \
                              The statistics of a single batch are rough."
            .to_owned(),
        Why::OtherData => "The running statistics have settled, but with the statistics of its own batches the test split is read \
                           far better: its samples may differ from those of training, such as in their units. Look at the data."
            .to_owned(),
        Why::NotSettled => {
            let other = metric.under(Statistics::Population).filter(|other| *other != metric).map(|other| other.name);
            let compare = other.map(|name| format!(", or compare with `--metric {name}`")).unwrap_or_default();
            format!(
                "The running statistics have not settled: with a small norm.momentum they lag behind, with a large one they follow \
                 single batches. Change it, train for more steps{compare}."
            )
        }
    }
}

fn edges(seeds: usize, chosen: &[Chosen]) -> String {
    // Candidates that differ on other axes may be at one edge.
    let mut found: Vec<(&Edge, usize)> = Vec::new();
    for (edge, read) in chosen.iter().flat_map(|chosen| chosen.edges.iter().map(|edge| (edge, chosen.seeds))) {
        match found.iter_mut().find(|(known, _)| *known == edge) {
            Some((_, all)) => *all += read,
            None => found.push((edge, read)),
        }
    }
    let said = |(edge, read): (&Edge, usize)| {
        let end = match edge.end {
            End::Only => "only value",
            End::Largest => "largest",
            End::Smallest => "smallest",
        };
        let all = if read == seeds { String::new() } else { format!(" for {read} of {seeds} seeds") };
        format!("{} = {}, the {end}{all}", edge.axis, value(&edge.value))
    };
    found.into_iter().map(said).collect::<Vec<_>>().join("; ")
}

fn diverged(counts_as: CountsAs, arms: &[DivergedRuns], compared: bool) -> String {
    let counted = match counts_as {
        CountsAs::Chance => "as guessing (chance accuracy)",
        CountsAs::WorstRank => "as the worst; arms with such runs are compared by rank, without an interval",
        CountsAs::Never => "as never reaching the target",
    };
    let arm = |arm: &DivergedRuns| format!("{} of {} of {}", arm.diverged, arm.runs, named(&arm.variant));
    let what_to_do = match compared {
        true => "Some are among those that are compared: try smaller learning rates, too.",
        false => "No diverged run is among those that are compared.",
    };
    format!(
        "Runs diverged: {}. They are results, and count {counted}. {what_to_do}",
        arms.iter().map(arm).collect::<Vec<_>>().join(", ")
    )
}

/// The first few names, and how many more there are.
fn first_named(names: &[String]) -> String {
    let first = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{first} and {} more", names.len() - NAMED) } else { first }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arms_at_one_setting_stand_together() {
        let at = |batch: u64| Values::from_iter([("train.batch_size".to_owned(), json!(batch))]);
        let edge = |variant: &str, batch| Warning::TimeAtEdge { setting: at(batch), variant: variant.to_owned() };
        let all = [edge("none", 16), edge("bn", 16), edge("bn", 64)];
        let said = together(&all.iter().collect::<Vec<_>>());
        let places = "This is so for `none`, `bn` at train.batch_size = 16; `bn` at train.batch_size = 64.";
        assert!(said.ends_with(places), "{said}");
        let many: Vec<Warning> = (1..=10)
            .flat_map(|arm| (0..9).map(move |batch| (arm, batch)))
            .map(|(arm, batch)| edge(&format!("a{arm}"), batch))
            .collect();
        let said = together(&many.iter().collect::<Vec<_>>());
        assert!(
            said.contains("`a8` and 2 more at train.batch_size = 0; ") && said.contains("; and at 1 more settings."),
            "{said}"
        );
    }
}
