//! Comparisons as text: what everybody reads, every table, what the words mean.

use super::explain::explain;
use super::latex::escaped;
use super::layout::Layout;
use super::methods::{methods, what_arms_are};
use super::page::Page;
use super::{bars, full, summary, warnings};
use crate::compare::words::seeds;
use crate::compare::{Comparison, Options};

/// How much is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct View {
    /// Every table, with everything that was estimated.
    pub full: bool,
    /// What each word and number means.
    pub explain: bool,
}

/// Width of a comment in a file for LaTeX.
const COMMENT: usize = 78;

/// The verdicts, the arms, the curves over the tuned axes, warnings.
pub fn comparisons(comparisons: &[Comparison], options: &Options, layout: Layout, view: View) -> String {
    let page = Page { comparisons, options, layout };
    let mut parts = vec![summary::headings(&page)];
    parts.extend(comparisons.iter().filter_map(|one| summary::target(&page, one)).map(|said| layout.paragraph(&said)));
    parts.push(summary::verdicts(&page));
    let all: Vec<&Comparison> = comparisons.iter().collect();
    parts.extend(summary::together(&all).map(|words| layout.paragraph(&words)));
    if view.full {
        parts.extend(full::tables(&page));
    } else {
        parts.push(summary::arms(&page));
        if let [only] = comparisons {
            parts.extend(what_arms_are(&only.configuration).map(|what| layout.paragraph(&what)));
        }
        parts.extend(full::nulls(&page));
        parts.extend(comparisons.iter().filter_map(|comparison| bars::bars(&page, comparison)));
    }
    parts.extend(beside(&page, view));
    parts.join("\n\n") + "\n"
}

/// What there is to know about the tables: warnings, and what words and numbers mean.
fn beside(page: &Page, view: View) -> Vec<String> {
    let Page { comparisons, options, layout } = page;
    let mut parts: Vec<String> = warnings::warnings(page);
    if view.explain {
        parts.push(layout.titled("What the words and numbers mean", &layout.list(&explain(comparisons, options))));
        for comparison in *comparisons {
            let title = format!("{}Methods, for a paper", page.name_of(comparison));
            parts.push(layout.titled(&title, &layout.paragraph(&methods(comparison, options))));
        }
    }
    parts
}

/// The table of the arms, floating. What was found, and what there is to know of it, stands above, as comments.
pub fn for_latex(comparisons: &[Comparison], options: &Options, view: View) -> String {
    let page = Page { comparisons, options, layout: Layout::Latex };
    let caption = |comparison: &Comparison| {
        let metric = comparison.metric.name.replace('_', " ");
        let n = seeds(comparison.arms.iter().map(|arm| arm.planned).max().unwrap_or(0));
        let is_tuned = !comparison.tuned.is_empty();
        let tuned = if is_tuned { format!(", tuned over {}", comparison.tuned.join(", ")) } else { String::new() };
        let edge = comparison.arms.iter().any(|arm| arm.edge && is_tuned);
        let edge = if edge { " Edge: the best value is the first or the last that was tried." } else { "" };
        let arms = what_arms_are(&comparison.configuration).map_or_else(String::new, |what| format!(" {what}"));
        let name = &comparison.name;
        escaped(&format!("{name}: {metric}, {n}{tuned}; pairs by seed, p corrected by Holm's method.{edge}{arms}"))
    };
    // What it would take to decide is for whoever plans, not for whoever reads the paper.
    let found: Vec<String> =
        comparisons.iter().flat_map(|one| summary::said(&page, one)).map(|said| said.found).collect();
    let caption: Vec<String> = comparisons.iter().map(caption).collect();
    let (table, caption) = (summary::arms(&page), caption.join("\n"));
    let comment = Layout::Terminal(COMMENT);
    let found = comment.titled("What was found", &comment.list(&found));
    let parts: Vec<String> = [found].into_iter().chain(beside(&Page { layout: comment, ..page }, view)).collect();
    let around = parts.join("\n\n");
    let comments: String = around.lines().map(|line| format!("% {line}").trim_end().to_owned() + "\n").collect();
    // A table that is wider than the page is scaled to its width.
    let table = format!("\\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n{table}}}");
    let label = comparisons.iter().map(|comparison| comparison.name.clone()).collect::<Vec<_>>().join("-");
    format!(
        "% \\usepackage{{booktabs,graphicx}}\n%\n{comments}\\begin{{table}}\n\\centering\n{table}\n\\caption{{{caption}}}\n\\label{{tab:{label}}}\n\
         \\end{{table}}\n"
    )
}
