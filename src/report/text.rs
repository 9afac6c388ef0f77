//! Comparisons as text: sentences and tables for a terminal or for Markdown.

use super::cells;
use super::layout::{Layout, Row};
use super::notes::notes;
use crate::compare::contrasts::{Contrast, Finding};
use crate::compare::curve::Curve;
use crate::compare::sentence::sentence;
use crate::compare::words::{at, value};
use crate::compare::{Comparison, Options};

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
    parts.push(layout.titled("How to read this", &page.list(notes(comparisons, options))));
    parts.join("\n\n") + "\n"
}

struct Page<'a> {
    comparisons: &'a [Comparison],
    options: &'a Options,
    layout: Layout,
}

impl<'a> Page<'a> {
    fn headings(&self) -> String {
        let heading = |comparison: &Comparison| {
            let tuned = match comparison.tuned.join(", ") {
                axes if axes.is_empty() => "no arm tuned".to_owned(),
                axes => format!("each arm tuned over {axes}"),
            };
            self.layout.heading(&format!("{}: {}, {tuned}", comparison.name, comparison.metric.name))
        };
        self.comparisons.iter().map(heading).collect::<Vec<_>>().join("\n")
    }

    fn sentences(&self) -> String {
        let mut lines = Vec::new();
        for comparison in self.comparisons {
            let name = self.name_of(comparison);
            for contrast in &comparison.contrasts {
                let said = sentence(comparison, contrast, self.options.confidence);
                lines.push(format!("{name}{}{said}", at(&contrast.found.setting)));
            }
        }
        if lines.is_empty() {
            lines.push("There is one arm, so there is nothing to compare.".to_owned());
        }
        self.list(lines)
    }

    /// A contrast's rows of all experiments together, so that they stand side by side.
    fn contrasts(&self) -> Option<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.comparisons.iter().flat_map(|comparison| &comparison.contrasts).map(label) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut rows = Vec::new();
        for (name, comparison) in names.iter().flat_map(|name| self.comparisons.iter().map(move |c| (name, c))) {
            for contrast in comparison.contrasts.iter().filter(|contrast| label(contrast) == *name) {
                rows.push(found(comparison, name, &contrast.found));
            }
        }
        self.table("", &[&["contrast"], &cells::FOUND[..]].concat(), &rows)
    }

    fn effects(&self) -> Option<String> {
        let rows = self.rows(|comparison| {
            comparison.effects.iter().map(|effect| found(comparison, &effect.effect, &effect.found)).collect()
        });
        let title = "The two switches, eq. 1 (standardising) and γ, β, each averaged over the other";
        self.table(title, &[&["effect of"], &cells::FOUND[..]].concat(), &rows)
    }

    fn nulls(&self) -> Option<String> {
        let alpha = 1.0 - self.options.confidence;
        let rejected = format!("p < {}", format!("{alpha:.6}").trim_end_matches('0'));
        let header = ["contrast", "exchanges", &rejected, "interval without 0", "better or worse", "equivalent"];
        let rows = self.rows(|comparison| {
            let contrasts = comparison.contrasts.iter().map(|contrast| (label(contrast), &contrast.found));
            let effects = comparison.effects.iter().map(|effect| (effect.effect.clone(), &effect.found));
            let row = |(name, found): (String, &'a Finding)| {
                Some(row(comparison, &found.setting, cells::null(&name, found.null.as_ref()?)))
            };
            contrasts.chain(effects).filter_map(row).collect()
        });
        let title = "False alarms: how often each is found in these data after exchanging the arms' records at random";
        self.table(title, &header, &rows)
    }

    fn arms(&self) -> String {
        let rows = self.rows(|comparison| {
            comparison.arms.iter().map(|arm| row(comparison, &arm.setting, cells::arm(comparison, arm))).collect()
        });
        self.layout.table(self.comparisons.len() > 1, &cells::ARM, &rows, 1)
    }

    fn times(&self) -> Option<String> {
        let rows = self.rows(|comparison| {
            comparison.times_to_target.iter().map(|time| row(comparison, &time.setting, cells::time(time))).collect()
        });
        let targets = self.comparisons.iter().filter_map(|c| c.target_accuracy);
        let mut targets: Vec<String> = targets.map(|target| target.to_string()).collect();
        targets.dedup();
        let title = format!("Time to a validation accuracy of {}, each arm tuned by it", targets.join(", "));
        self.table(&title, &cells::TIME, &rows)
    }

    /// One table an experiment, as each has its own candidates.
    fn curves(&self, comparison: &'a Comparison) -> Option<String> {
        let first = comparison.curves.first()?;
        let (along, others) = comparison.tuned.split_first()?;
        let values: Vec<String> = first.points.iter().filter_map(|point| point.values.get(along).map(value)).collect();
        let header: Vec<&str> = ["arm"]
            .into_iter()
            .chain(others.iter().map(String::as_str))
            .chain(values.iter().map(String::as_str))
            .chain(["", "good", "decades"])
            .collect();
        let means = comparison.curves.iter().flat_map(|curve| &curve.points).filter_map(|point| point.mean);
        let (low, high) = means.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), mean| (l.min(mean), h.max(mean)));
        let cells = |curve: &Curve| {
            let means = curve.points.iter().map(|point| cells::point(point, comparison.metric.kind));
            let line: String = curve.points.iter().map(|point| cells::bar(point, low, high)).collect();
            let leading = [curve.variant.clone()].into_iter().chain(curve.others.values().map(value));
            leading.chain(means).chain([line]).chain(cells::good(curve.good)).collect::<Vec<_>>()
        };
        let rows: Vec<Row> =
            comparison.curves.iter().map(|curve| row(comparison, &curve.setting, cells(curve))).collect();
        let title = format!("{} over {along}, all seeds", comparison.metric.name);
        let table = self.layout.table(self.comparisons.len() > 1, &header, &rows, comparison.tuned.len());
        Some(self.layout.titled(&title, &table))
    }

    fn warnings(&self) -> Option<String> {
        let mut lines = Vec::new();
        for comparison in self.comparisons {
            let name = self.name_of(comparison);
            lines.extend(comparison.warnings.iter().map(|warning| format!("{name}{}", warning.sentence())));
        }
        (!lines.is_empty()).then(|| self.layout.titled("Warnings", &self.list(lines)))
    }

    /// `name: ` if there are several experiments.
    fn name_of(&self, comparison: &Comparison) -> String {
        if self.comparisons.len() > 1 { format!("{}: ", comparison.name) } else { String::new() }
    }

    fn list(&self, lines: Vec<String>) -> String {
        lines.iter().map(|line| format!("{}{line}", self.layout.bullet())).collect::<Vec<_>>().join("\n")
    }

    fn rows(&self, of: impl Fn(&'a Comparison) -> Vec<Row<'a>>) -> Vec<Row<'a>> {
        self.comparisons.iter().flat_map(of).collect()
    }

    /// A table under its title; none without rows.
    fn table(&self, title: &str, header: &[&str], rows: &[Row]) -> Option<String> {
        let table = || self.layout.table(self.comparisons.len() > 1, header, rows, 1);
        (!rows.is_empty()).then(|| self.layout.titled(title, &table()))
    }
}

fn row<'a>(comparison: &'a Comparison, setting: &'a crate::compare::grid::Values, cells: Vec<String>) -> Row<'a> {
    Row { experiment: &comparison.name, setting, cells }
}

fn found<'a>(comparison: &'a Comparison, name: &str, found: &'a Finding) -> Row<'a> {
    row(comparison, &found.setting, cells::found(name, found, comparison.metric.kind))
}

fn label(contrast: &Contrast) -> String {
    format!("{} − {}", contrast.a, contrast.b)
}
