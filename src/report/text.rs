//! Comparisons as text: sentences and tables for a terminal or for Markdown.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::compare::arms::{ArmEstimate, TimeToTarget};
use crate::compare::contrasts::Contrast;
use crate::compare::curve::{Curve, CurvePoint, Good};
use crate::compare::grid::shown;
use crate::compare::sentence::{number, percent, sentence, signed};
use crate::compare::{Comparison, Options, p_value};
use crate::config::file::Kind;

/// How tables look on a terminal: a line under the header, none between rows.
pub const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// For a terminal.
    Terminal,
    /// For a Markdown file.
    Markdown,
}

/// Experiments side by side: what was found, the contrasts, the arms, the curves over the tuned axes, warnings,
/// and how the numbers were made.
pub fn comparisons(comparisons: &[Comparison], options: &Options, layout: Layout) -> String {
    let page = Page { comparisons, options, layout };
    let mut parts = vec![page.headings(), page.sentences()];
    parts.extend(page.contrasts());
    parts.extend(page.effects());
    parts.extend(page.nulls());
    parts.push(page.arms());
    parts.extend(page.times());
    parts.extend(comparisons.iter().flat_map(|comparison| page.curves(comparison)));
    parts.extend(page.warnings());
    parts.push(page.notes());
    parts.join("\n\n") + "\n"
}

struct Page<'a> {
    comparisons: &'a [Comparison],
    options: &'a Options,
    layout: Layout,
}

/// The setting of a row, and its other cells.
type Row = (usize, Vec<String>);

impl Page<'_> {
    fn headings(&self) -> String {
        let heading = |comparison: &Comparison| {
            let start = if self.layout == Layout::Markdown { "### " } else { "" };
            let metric = comparison.metric.name;
            let tuned = match comparison.tuned.join(", ") {
                axes if axes.is_empty() => "no arm tuned".to_owned(),
                axes => format!("each arm tuned over {axes}"),
            };
            format!("{start}{}: {metric}, {tuned}", comparison.name)
        };
        self.comparisons.iter().map(heading).collect::<Vec<_>>().join("\n")
    }

    fn bullet(&self) -> &'static str {
        if self.layout == Layout::Markdown { "- " } else { "" }
    }

    fn sentences(&self) -> String {
        let mut lines = Vec::new();
        for comparison in self.comparisons {
            let name = if self.comparisons.len() > 1 { format!("{}: ", comparison.name) } else { String::new() };
            for contrast in &comparison.contrasts {
                let at = setting_name(comparison, contrast.setting);
                let said = sentence(comparison, contrast, self.options.confidence);
                lines.push(format!("{}{name}{at}{said}", self.bullet()));
            }
        }
        if lines.is_empty() {
            lines.push(format!("{}There is one arm, and nothing to hold it against.", self.bullet()));
        }
        lines.join("\n")
    }

    /// A contrast's rows of all experiments together, so that they stand side by side.
    fn contrasts(&self) -> Option<String> {
        let header = tested_header("contrast");
        let mut names: Vec<String> = Vec::new();
        for contrast in self.comparisons.iter().flat_map(|comparison| &comparison.contrasts) {
            if !names.contains(&label(contrast)) {
                names.push(label(contrast));
            }
        }
        let rows = names.iter().flat_map(|name| {
            self.comparisons.iter().flat_map(move |comparison| {
                let alike = comparison.contrasts.iter().filter(move |contrast| label(contrast) == *name);
                alike.map(move |contrast| (comparison, (contrast.setting, tested_cells(comparison, contrast))))
            })
        });
        (!names.is_empty()).then(|| self.table("", &header, rows.collect(), 1))
    }

    fn effects(&self) -> Option<String> {
        let header = tested_header("effect of");
        let rows = self.rows(
            |comparison| &comparison.effects,
            |comparison, effect| (effect.setting, tested_cells(comparison, effect)),
        );
        let title = "The two switches, eq. 1 (standardising) and γ, β, each averaged over the other";
        (!rows.is_empty()).then(|| self.table(title, &header, rows, 1))
    }

    fn nulls(&self) -> Option<String> {
        let alpha = 1.0 - self.options.confidence;
        let rejected = format!("p < {}", format!("{alpha:.6}").trim_end_matches('0'));
        let header =
            ["contrast", "exchanges", rejected.as_str(), "interval without 0", "better or worse", "equivalent"];
        let contrasts = |comparison: &Comparison| -> Vec<Contrast> {
            comparison.contrasts.iter().chain(&comparison.effects).cloned().collect()
        };
        let mut rows = Vec::new();
        for comparison in self.comparisons {
            for contrast in contrasts(comparison) {
                let Some(null) = contrast.null else { continue };
                let share = |count: usize| percent((count as f64 / null.exchanges as f64 * 1e3).round() / 1e3) + " %";
                let shares = [null.rejected, null.excluded, null.alarms, null.equivalent].map(share);
                let cells = [label(&contrast), null.exchanges.to_string()].into_iter().chain(shares).collect();
                rows.push((comparison, (contrast.setting, cells)));
            }
        }
        let title = "False alarms: how often each is found in these data after exchanging the arms' records at random";
        (!rows.is_empty()).then(|| self.table(title, &header, rows, 1))
    }

    fn arms(&self) -> String {
        let header = ["arm", "seeds", "diverged", "share", "mean", "interval", "read at", "µs a step"];
        let rows =
            self.rows(|comparison| &comparison.arms, |comparison, arm| (arm.setting, arm_cells(comparison, arm)));
        self.table("", &header, rows, 1)
    }

    fn times(&self) -> Option<String> {
        let header = ["arm", "reached", "steps", "median", "seconds", "tuned to"];
        let rows =
            self.rows(|comparison| &comparison.times, |comparison, time| (time.setting, time_cells(comparison, time)));
        let mut targets: Vec<String> =
            self.comparisons.iter().filter_map(|c| c.target).map(|t| t.to_string()).collect();
        targets.dedup();
        let title = format!("Time to a validation accuracy of {}, each arm tuned by it", targets.join(", "));
        (!rows.is_empty()).then(|| self.table(&title, &header, rows, 1))
    }

    /// One table an experiment, as each has its own candidates.
    fn curves(&self, comparison: &Comparison) -> Option<String> {
        let first = comparison.curves.first()?;
        let value = |point: &CurvePoint| shown(&comparison.candidates[point.candidate][0]);
        let values: Vec<String> = first.points.iter().map(value).collect();
        let header: Vec<&str> = ["arm"]
            .into_iter()
            .chain(comparison.tuned[1..].iter().map(String::as_str))
            .chain(values.iter().map(String::as_str))
            .chain(["", "good", "decades"])
            .collect();
        let means = comparison.curves.iter().flat_map(|curve| &curve.points).filter_map(|point| point.mean);
        let (low, high) = means.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), mean| (l.min(mean), h.max(mean)));
        let row = |curve: &Curve| {
            let others = curve.others.iter().map(shown);
            let cells = curve.points.iter().map(|point| curve_cell(point, comparison.kind));
            let line: String = curve.points.iter().map(|point| bar(point, low, high)).collect();
            let good =
                [curve.good.map_or_else(dash, |g| good_range(&g)), curve.good.map_or_else(dash, |g| decades(&g))];
            let all = [curve.variant.clone()].into_iter().chain(others).chain(cells).chain([line]).chain(good);
            (comparison, (curve.setting, all.collect::<Vec<_>>()))
        };
        let rows = comparison.curves.iter().map(row).collect();
        let metric = comparison.metric.name;
        let title = format!("{metric} over {}, all seeds", comparison.tuned[0]);
        Some(self.table(&title, &header, rows, comparison.tuned.len()))
    }

    fn warnings(&self) -> Option<String> {
        let mut lines = Vec::new();
        for comparison in self.comparisons {
            let name = if self.comparisons.len() > 1 { format!("{}: ", comparison.name) } else { String::new() };
            lines.extend(comparison.warnings.iter().map(|warning| format!("{}{name}{warning}", self.bullet())));
        }
        (!lines.is_empty()).then(|| format!("{}\n{}", self.title("Warnings"), lines.join("\n")))
    }

    fn notes(&self) -> String {
        let lines = super::notes::notes(self.comparisons, self.options);
        let lines = lines.iter().map(|note| format!("{}{note}", self.bullet()));
        format!("{}\n{}", self.title("How to read this"), lines.collect::<Vec<_>>().join("\n"))
    }

    fn title(&self, title: &str) -> String {
        if self.layout == Layout::Markdown { format!("**{title}**\n") } else { title.to_owned() }
    }

    fn rows<'c, T: 'c>(
        &'c self,
        list: impl Fn(&'c Comparison) -> &'c Vec<T>,
        row: impl Fn(&Comparison, &T) -> Row,
    ) -> Vec<(&'c Comparison, Row)> {
        let of = |comparison: &'c Comparison| {
            list(comparison).iter().map(|item| (comparison, row(comparison, item))).collect::<Vec<_>>()
        };
        self.comparisons.iter().flat_map(of).collect()
    }

    /// A table whose rows are led by their experiment, where there are several, and their setting; `words`
    /// columns after those are text, and the last if it is called so.
    fn table(&self, title: &str, header: &[&str], rows: Vec<(&Comparison, Row)>, words: usize) -> String {
        let names = self.comparisons.len() > 1;
        let mut axes: Vec<&str> = Vec::new();
        for axis in rows.iter().flat_map(|(comparison, _)| &comparison.by) {
            if !axes.contains(&axis.as_str()) {
                axes.push(axis);
            }
        }
        let mut table = Table::new();
        table.load_style(if self.layout == Layout::Markdown { ASCII_MARKDOWN } else { PLAIN });
        table.set_header(
            names.then_some("experiment").into_iter().chain(axes.iter().copied()).chain(header.iter().copied()),
        );
        for (comparison, (setting, cells)) in rows {
            let place = |axis: &&str| comparison.by.iter().position(|other| other == axis);
            let value = |axis: &&str| place(axis).map_or_else(String::new, |i| shown(&comparison.settings[setting][i]));
            let name = names.then(|| comparison.name.clone());
            table.add_row(name.into_iter().chain(axes.iter().map(value)).chain(cells));
        }
        let leading = usize::from(names) + axes.len() + words;
        for (column, name) in table
            .column_iter_mut()
            .zip(std::iter::repeat_n("", leading - words).chain(header.iter().copied()))
            .skip(leading)
        {
            if !["verdict", "read at", "tuned to", ""].contains(&name) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if title.is_empty() { table.to_string() } else { format!("{}\n{table}", self.title(title)) }
    }
}

/// `optimizer.lr = 0.1: `, or nothing where there is one setting.
fn setting_name(comparison: &Comparison, setting: usize) -> String {
    let values = comparison.by.iter().zip(&comparison.settings[setting]);
    let named: Vec<_> = values.map(|(axis, value)| format!("{axis} = {}", shown(value))).collect();
    if named.is_empty() { String::new() } else { named.join(", ") + ": " }
}

fn label(contrast: &Contrast) -> String {
    contrast.b.as_ref().map_or_else(|| contrast.a.clone(), |b| format!("{} − {b}", contrast.a))
}

fn tested_header(of: &'static str) -> [&'static str; 10] {
    [of, "seeds", "difference", "interval", "p", "least", "corrected", "better in", "effect size", "verdict"]
}

fn tested_cells(comparison: &Comparison, contrast: &Contrast) -> Vec<String> {
    let seeds = of_planned(contrast.n, contrast.planned);
    let by_ranks = || if contrast.by_ranks { "by ranks".to_owned() } else { dash() };
    let two_places = |x: f64| format!("{x:.2}").replace('-', "−");
    vec![
        label(contrast),
        seeds,
        contrast.difference.map_or_else(by_ranks, |d| signed(d, comparison.kind)),
        interval(contrast.interval, comparison.kind),
        contrast.p.map_or_else(dash, p_value),
        contrast.p_minimum.map_or_else(dash, p_value),
        contrast.p_holm.map_or_else(dash, p_value),
        contrast.superiority.map_or_else(dash, |share| format!("{:.0} %", share * 100.0)),
        contrast.effect_size.map_or_else(dash, two_places),
        if contrast.p.is_some() { contrast.verdict.name().to_owned() } else { dash() },
    ]
}

fn arm_cells(comparison: &Comparison, arm: &ArmEstimate) -> Vec<String> {
    let share = |(low, high): (f64, f64)| format!("{:.0} to {:.0} %", low * 100.0, high * 100.0);
    let one = |(candidate, seeds): &(usize, usize)| {
        let name = candidate_name(comparison, *candidate);
        if arm.chosen.len() > 1 { format!("{name} ({seeds})") } else { name }
    };
    let mut read_at = arm.chosen.iter().map(one).collect::<Vec<_>>().join(", ");
    if arm.edge {
        read_at += ", edge";
    }
    vec![
        arm.variant.clone(),
        of_planned(arm.n, arm.planned),
        arm.diverged.to_string(),
        arm.diverged_interval.map_or_else(dash, share),
        arm.estimate.map_or_else(dash, |e| number(e.mean, comparison.kind)),
        interval(arm.estimate.and_then(|e| e.interval), comparison.kind),
        if comparison.tuned.is_empty() || arm.n == 0 { dash() } else { read_at },
        arm.us_per_step.map_or_else(dash, |us| if us < 10.0 { format!("{us:.1}") } else { format!("{us:.0}") }),
    ]
}

fn time_cells(comparison: &Comparison, time: &TimeToTarget) -> Vec<String> {
    vec![
        time.variant.clone(),
        format!("{} of {}", time.reached, time.n),
        time.steps.map_or_else(dash, |steps| number(steps, Kind::Steps)),
        time.median.map_or_else(dash, |steps| number(steps, Kind::Steps)),
        time.seconds.map_or_else(dash, |seconds| number(seconds, Kind::Seconds)),
        time.selected.map_or_else(dash, |candidate| {
            candidate_name(comparison, candidate) + if time.edge { ", edge" } else { "" }
        }),
    ]
}

fn candidate_name(comparison: &Comparison, candidate: usize) -> String {
    comparison.candidates[candidate].iter().map(shown).collect::<Vec<_>>().join(" × ")
}

fn curve_cell(point: &CurvePoint, kind: Kind) -> String {
    let mean = point.mean.map(|mean| number(mean, kind));
    match (mean, point.diverged) {
        (Some(mean), 0) => mean,
        (Some(mean), diverged) => format!("{mean} ({diverged} div.)"),
        (None, 0) => dash(),
        (None, diverged) => format!("{diverged} of {} div.", point.n),
    }
}

/// One character of a sparkline, from the smallest mean in the table to the largest; × where a loss diverged.
fn bar(point: &CurvePoint, low: f64, high: f64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match point.mean {
        Some(mean) if high > low => BARS[((mean - low) / (high - low) * 7.0).round() as usize],
        Some(_) => BARS[3],
        None if point.diverged > 0 => '×',
        None => ' ',
    }
}

fn good_range(good: &Good) -> String {
    if good.low == good.high { good.low.to_string() } else { format!("{} to {}", good.low, good.high) }
}

fn decades(good: &Good) -> String {
    let Some(decades) = good.decades else { return dash() };
    format!("{}{decades:.1}", if good.open { "≥ " } else { "" })
}

fn of_planned(n: usize, planned: usize) -> String {
    if n == planned { n.to_string() } else { format!("{n} of {planned}") }
}

fn interval(interval: Option<(f64, f64)>, kind: Kind) -> String {
    interval.map_or_else(dash, |(low, high)| format!("{} to {}", number(low, kind), number(high, kind)))
}

fn dash() -> String {
    "–".to_owned()
}
