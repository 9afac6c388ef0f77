//! Every table of a comparison: all that was estimated.

use super::bars::{bar, range};
use super::cells;
use super::page::{Page, Row};
use crate::compare::Comparison;
use crate::compare::arms::{ArmEstimate, TimeToTarget};
use crate::compare::contrasts::{Contrast, Finding};
use crate::compare::curve::Curve;
use crate::compare::words::value;

/// The tables, in the order in which they are read.
pub(super) fn tables(page: &Page) -> Vec<String> {
    let curves = page.comparisons.iter().map(|comparison| curves(page, comparison));
    let tables = [contrasts(page), effects(page), nulls(page), arms(page), times(page)];
    tables.into_iter().chain(curves).flatten().collect()
}

/// A contrast's rows of all experiments together, so that they stand side by side.
fn contrasts(page: &Page) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for name in page.comparisons.iter().flat_map(|comparison| &comparison.contrasts).map(label) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut rows = Vec::new();
    for (name, comparison) in names.iter().flat_map(|name| page.comparisons.iter().map(move |c| (name, c))) {
        for contrast in comparison.contrasts.iter().filter(|contrast| label(contrast) == *name) {
            rows.push(found(comparison, name, &contrast.found));
        }
    }
    page.titled("", &[&["contrast"], &cells::FOUND[..]].concat(), &rows)
}

fn effects(page: &Page) -> Option<String> {
    let rows = page.rows(|comparison| {
        comparison.effects.iter().map(|effect| found(comparison, &effect.effect, &effect.found)).collect()
    });
    let title = "The two switches, eq. 1 (standardising) and γ, β, each averaged over the other";
    page.titled(title, &[&["effect of"], &cells::FOUND[..]].concat(), &rows)
}

/// How often the method finds something where there is nothing; none unless it was asked for.
pub(super) fn nulls(page: &Page) -> Option<String> {
    let alpha = 1.0 - page.options.confidence;
    let rejected = format!("p < {}", format!("{alpha:.6}").trim_end_matches('0'));
    let header = ["contrast", "exchanges", &rejected, "interval without 0", "better or worse", "equivalent"];
    let rows = page.rows(|comparison| {
        let contrasts = comparison.contrasts.iter().map(|contrast| (label(contrast), &contrast.found));
        let effects = comparison.effects.iter().map(|effect| (effect.effect.clone(), &effect.found));
        let row = |(name, found): (String, &Finding)| {
            let cells = cells::null(&name, found.null.as_ref()?);
            Some(Row { comparison, setting: found.setting.clone(), cells })
        };
        contrasts.chain(effects).filter_map(row).collect()
    });
    let title = "False alarms: how often each is found in these data after exchanging the arms' records at random";
    page.titled(title, &header, &rows)
}

fn arms(page: &Page) -> Option<String> {
    let rows = page.rows(|comparison| {
        let row =
            |arm: &ArmEstimate| Row { comparison, setting: arm.setting.clone(), cells: cells::arm(comparison, arm) };
        comparison.arms.iter().map(row).collect()
    });
    page.titled("", &cells::ARM, &rows)
}

fn times(page: &Page) -> Option<String> {
    let rows = page.rows(|comparison| {
        let row = |time: &TimeToTarget| Row { comparison, setting: time.setting.clone(), cells: cells::time(time) };
        comparison.times_to_target.iter().map(row).collect()
    });
    let targets = page.comparisons.iter().filter_map(|c| c.target_accuracy);
    let mut targets: Vec<String> = targets.map(|target| target.to_string()).collect();
    targets.dedup();
    let title = format!("Time to a validation accuracy of {}, each arm tuned by it", targets.join(", "));
    page.titled(&title, &cells::TIME, &rows)
}

/// One table an experiment, as each has its own candidates.
fn curves(page: &Page, comparison: &Comparison) -> Option<String> {
    let first = comparison.curves.first()?;
    let (along, others) = comparison.tuned.split_first()?;
    let values: Vec<String> = first.points.iter().filter_map(|point| point.values.get(along).map(value)).collect();
    let header: Vec<&str> = ["arm"]
        .into_iter()
        .chain(others.iter().map(String::as_str))
        .chain(values.iter().map(String::as_str))
        .chain(["", "works at", "width"])
        .collect();
    let (low, high) = range(comparison);
    let cells = |curve: &Curve| {
        let means = curve.points.iter().map(|point| cells::point(point, comparison.metric.kind));
        let line: String = curve.points.iter().map(|point| bar(point, low, high)).collect();
        let leading = [curve.variant.clone()].into_iter().chain(curve.others.values().map(value));
        leading.chain(means).chain([line]).chain(cells::good(curve.good)).collect::<Vec<_>>()
    };
    let row = |curve: &Curve| Row { comparison, setting: curve.setting.clone(), cells: cells(curve) };
    let rows: Vec<Row> = comparison.curves.iter().map(row).collect();
    let header: Vec<String> = header.into_iter().map(str::to_owned).collect();
    let table = page.table(&header, &rows, comparison.tuned.len());
    Some(page.layout.titled(&format!("{} over {along}, all seeds", comparison.metric.name), &table))
}

fn found<'a>(comparison: &'a Comparison, name: &str, found: &Finding) -> Row<'a> {
    Row { comparison, setting: found.setting.clone(), cells: cells::found(name, found, comparison.metric.kind) }
}

fn label(contrast: &Contrast) -> String {
    format!("{} − {}", contrast.a, contrast.b)
}
