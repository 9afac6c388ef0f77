//! The report: one HTML file that needs nothing else, with the verdicts, the figures, and what was run.
//!
//! `series` reads what the runs did over training; each kind of figure has its file and makes a [`figure::Figure`] of what
//! was read and compared. `page.html` is the page, `page.js` draws the figures as they come into view. The script of plotly
//! and the figures are packed (gzip, base64) and unpacked by the browser.

pub mod claims;
mod differences;
pub mod figure;
mod landscape;
mod layers;
pub mod series;
mod target;
mod training;
mod tuning;

use std::io::Write as _;

use anyhow::Context;
use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::claims::text as in_words;
use super::layout::Layout;
use super::page::Page;
use super::{explain, methods, summary, warnings};
use crate::claims::judged::Judged;
use crate::compare::{Comparison, Loaded, Options};
use crate::record::experiment::ExperimentRecord;
use claims::Verdicts;
use figure::{Figure, Looks};
use series::Group;

/// An experiment with everything that is shown of it.
pub struct Shown {
    /// Its record.
    pub record: ExperimentRecord,
    /// Its runs.
    pub loaded: Loaded,
    /// What was found.
    pub comparison: Comparison,
    /// Its runs over training.
    pub groups: Vec<Group>,
}

/// The page.
#[derive(Template)]
#[template(path = "page.html")]
struct Html<'a> {
    title: &'a str,
    policy: String,
    style: &'static str,
    script: &'static str,
    /// plotly's script, packed.
    plotly: String,
    /// [`Data`], packed.
    data: String,
    arms: Vec<Arm<'a>>,
    experiments: Vec<Section<'a>>,
    program: String,
}

/// An arm and its look, for its check box.
struct Arm<'a> {
    name: &'a str,
    colour: &'static str,
    dashes: &'static str,
    marker: char,
}

impl<'a> Arm<'a> {
    fn of(name: &'a str, look: &figure::Look) -> Self {
        let (dashes, marker) = look.legend;
        Self { name, colour: look.colour, dashes, marker }
    }
}

/// What is said of an experiment, in HTML.
struct Section<'a> {
    name: String,
    /// Its arms, for whoever does not see the check boxes beside a figure.
    key: Vec<Arm<'a>>,
    heading: String,
    /// What was asked, of which networks and data.
    about: String,
    verdicts: String,
    arms: String,
    warnings: String,
    /// The figures that it could have had.
    not_drawn: String,
    /// What is shown when it is asked for: title and text.
    more: Vec<(&'static str, String)>,
    configuration: String,
    facts: Vec<(&'static str, String)>,
    figures: Vec<Place>,
}

/// Where a figure is drawn.
struct Place {
    /// Its number among all.
    number: usize,
    abreast: usize,
    title: String,
    caption: String,
    panels: Vec<PanelPlace>,
}

/// Where a panel is drawn, and what the controls change in it.
struct PanelPlace {
    title: String,
    height: usize,
    can_be_log: bool,
    is_over_steps: bool,
}

/// What the script draws.
#[derive(Serialize)]
struct Data {
    figures: Vec<Figure>,
}

/// The page of these verdicts and experiments.
///
/// # Errors
/// If it cannot be put together.
pub fn page(title: &str, verdicts: &[Verdicts], all: &[Shown], options: &Options) -> anyhow::Result<String> {
    let of_claims = verdicts.iter().flat_map(claims::arms);
    let mut names: Vec<&str> = Vec::new();
    for name in all.iter().flat_map(|shown| shown.loaded.variants.iter().map(String::as_str)).chain(of_claims) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let looks = Looks::of(names.iter().copied());
    let mut data = Data { figures: Vec::new() };
    let mut experiments = Vec::new();
    for verdicts in verdicts {
        experiments.push(linked(data.placed(of_verdicts(verdicts), claims::figures(verdicts, &looks))));
    }
    let together = summary::together(&all.iter().map(|shown| &shown.comparison).collect::<Vec<_>>());
    for shown in all {
        let figures = figures(shown, &looks, options);
        let mut section = section(shown, options, &figures);
        section.key = shown.loaded.variants.iter().map(|name| Arm::of(name, &looks.get(name))).collect();
        section.verdicts += &together.iter().map(|words| Layout::Html.paragraph(words)).collect::<String>();
        experiments.push(data.placed(section, figures));
    }
    let (script, plotly) = (include_str!("page.js"), plotly()?);
    let html = Html {
        title,
        policy: policy(&[script, plotly]),
        style: include_str!("page.css"),
        script,
        plotly: packed(plotly.as_bytes())?,
        data: packed(&serde_json::to_vec(&data)?)?,
        arms: names.iter().map(|name| Arm::of(name, &looks.get(name))).collect(),
        experiments,
        program: format!("bn-exp {}", crate::record::machine::PROGRAM_VERSION),
    };
    Ok(html.render()?)
}

/// Whether these bytes begin as a page of this program, of whatever version.
pub fn is_page(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(512)];
    let mark = b"<meta name=\"generator\" content=\"bn-exp ";
    start.windows(mark.len()).any(|part| part == mark)
}

impl Data {
    /// The section with these figures, which are added to the others.
    fn placed<'a>(&mut self, mut section: Section<'a>, figures: Vec<Figure>) -> Section<'a> {
        for figure in figures {
            let place = |panel: &figure::Panel| PanelPlace {
                title: panel.title.clone(),
                height: panel.height,
                can_be_log: panel.can_be_log,
                is_over_steps: panel.us_per_step.as_ref().is_some_and(|times| !times.is_empty()),
            };
            let panels = figure.panels.iter().map(place).collect();
            let (title, caption) = (figure.title.clone(), figure.caption.clone());
            let (number, abreast) = (self.figures.len(), figure.abreast);
            section.figures.push(Place { number, abreast, title, caption, panels });
            self.figures.push(figure);
        }
        section
    }
}

/// All figures of an experiment, in the order in which they are read.
fn figures(shown: &Shown, looks: &Looks, options: &Options) -> Vec<Figure> {
    let Shown { loaded, comparison, groups, .. } = shown;
    let mut found = vec![
        differences::differences(comparison, looks, options.confidence),
        differences::switches(comparison, looks, loaded.corners.as_ref()),
    ];
    found.extend(tuning::tuning(comparison, looks));
    found.push(target::target(comparison, looks, loaded.arrivals.widest_gap));
    for setting in differences::settings(comparison) {
        let here: Vec<&Group> = groups.iter().filter(|group| group.setting == *setting).collect();
        found.push(training::training(&here, looks, setting));
        found.push(layers::percentiles(&here, looks, setting));
        found.extend(layers::depth(&here, looks, setting));
        found.push(landscape::landscape(&here, looks, setting));
    }
    found.into_iter().flatten().collect()
}

/// The figures that an experiment may lack, each with the key that it needs.
const WANTING: [(&str, &str, &str); 5] = [
    ("Time to the target", "compare", "target_accuracy"),
    ("Percentiles behind the norm", "log", "activations_every"),
    ("Activations by depth", "log", "activations_every"),
    ("Gradients by depth", "log", "gradients_every"),
    ("Loss landscape", "log", "landscape_every"),
];

/// Says which of them are not drawn, and why.
fn not_drawn(figures: &[Figure], configuration: &Value) -> String {
    let is_drawn = |title: &str| figures.iter().any(|figure| figure.title.starts_with(title));
    let why = |section: &str, key: &str| match &configuration[section][key] {
        Value::Null => format!("<code>{section}.{key}</code> is not set"),
        value if *value == 0 => format!("<code>{section}.{key}</code> is 0"),
        _ => format!(
            "the tables have too few rows for it: runs ended early, or the interval <code>{section}.{key}</code> is too large"
        ),
    };
    let absent = WANTING.iter().filter(|(title, ..)| !is_drawn(title));
    let absent: Vec<String> = absent.map(|(title, section, key)| format!("{title} ({})", why(section, key))).collect();
    if absent.is_empty() { String::new() } else { format!("<p>Not drawn: {}.</p>", absent.join("; ")) }
}

fn section<'a>(shown: &Shown, options: &Options, figures: &[Figure]) -> Section<'a> {
    let Shown { record, comparison, .. } = shown;
    let layout = Layout::Html;
    let page = Page { comparisons: std::slice::from_ref(comparison), options, layout };
    let what = methods::what_arms_are(&comparison.configuration);
    let description = record.configuration["description"].as_str().unwrap_or_default();
    Section {
        name: shown.loaded.name.clone(),
        key: Vec::new(),
        heading: summary::headings(&page),
        about: layout.paragraph(description)
            + &layout.paragraph(&methods::trained(comparison, &comparison.configuration)),
        verdicts: summary::verdicts(&page),
        arms: summary::arms(&page) + &what.map_or_else(String::new, |what| layout.paragraph(&what)),
        warnings: warnings::warnings(&page).concat(),
        not_drawn: not_drawn(figures, &record.configuration),
        more: vec![
            ("What the words and numbers mean", layout.list(&explain::explain(page.comparisons, options))),
            ("Methods, for a paper", layout.paragraph(&methods::methods(comparison, options))),
        ],
        configuration: format!("{:#}", record.configuration),
        facts: facts(shown),
        figures: Vec::new(),
    }
}

/// What is said of the claims: the table, what it comes to, and the parts of each.
fn of_verdicts<'a>(verdicts: &Verdicts) -> Section<'a> {
    let (Verdicts { all, ground, .. }, layout) = (verdicts, Layout::Html);
    let details = |judged: &Judged| {
        let parts = (!judged.parts.is_empty()).then(|| in_words::parts(judged, layout));
        let theory = (!judged.theory.is_empty()).then(|| in_words::theory(judged, layout));
        [parts, theory].into_iter().flatten().collect::<String>()
    };
    let glossary = claims::glossary(all);
    let glossary = if glossary.is_empty() { "Nothing was trained.".to_owned() } else { layout.list(&glossary) };
    Section {
        name: format!("claims on {}", ground.data),
        key: Vec::new(),
        heading: layout.heading(&in_words::title(ground)),
        about: String::new(),
        verdicts: String::new(),
        arms: in_words::verdicts(all, layout),
        warnings: in_words::last_words(all, ground, layout)
            .into_iter()
            .chain(claims::notes(verdicts).iter().map(|said| layout.paragraph(said)))
            .collect(),
        not_drawn: String::new(),
        more: vec![
            ("What the networks and the arms are", glossary),
            ("Every part of every claim, and theory beside measurement", all.iter().map(details).collect()),
        ],
        configuration: String::new(),
        facts: Vec::new(),
        figures: Vec::new(),
    }
}

/// The section in which each claim of the table leads to its figure, as the page is long.
fn linked(mut section: Section) -> Section {
    for figure in &section.figures {
        if let Some((claim, _)) = figure.title.split_once(": ") {
            let link = format!("><a href=\"#figure-{}\">{claim}</a></td>", figure.number);
            section.arms = section.arms.replacen(&format!(">{claim}</td>"), &link, 1);
        }
    }
    section
}

/// Versions and machines.
fn facts(shown: &Shown) -> Vec<(&'static str, String)> {
    let Shown { record, loaded, .. } = shown;
    let mut versions: Vec<&str> = Vec::new();
    let mut levels: Vec<&str> = Vec::new();
    for timing in loaded.runs.iter().filter_map(|run| run.timing.as_ref()) {
        for (list, word) in [(&mut versions, &timing.program_version), (&mut levels, &timing.simd)] {
            if !word.is_empty() && !list.contains(&word.as_str()) {
                list.push(word);
            }
        }
    }
    let mut facts = vec![
        ("planned by", format!("bn-exp {} on {}", record.program_version, record.host)),
        ("machine", record.machine.clone()),
        ("runs", loaded.runs.len().to_string()),
        ("numerics", loaded.numerics.clone()),
        ("trained by", versions.join(", ")),
        ("instruction level", levels.join(", ")),
        ("git revision", record.git_revision.clone().unwrap_or_default()),
        ("data, SHA-256", record.data_sha256.join(", ")),
    ];
    facts.retain(|(_, fact)| !fact.is_empty());
    facts
}

/// plotly's script, the first that the crate holds.
fn plotly() -> anyhow::Result<&'static str> {
    static SOURCES: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let sources = SOURCES.get_or_init(plotly::Plot::offline_js_sources);
    let (_, first) = sources.split_once('>').context("plotly's script has no beginning")?;
    first.split_once("</script>").map(|(script, _)| script).context("plotly's script has no end")
}

/// Bytes that the browser unpacks.
fn packed(bytes: &[u8]) -> anyhow::Result<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(7));
    encoder.write_all(bytes)?;
    Ok(BASE64_STANDARD.encode(encoder.finish()?))
}

/// What the page may do: run these scripts, which are known by their digests, and nothing from elsewhere.
fn policy(scripts: &[&str]) -> String {
    let digest = |script: &&str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script.as_bytes())));
    let scripts: Vec<String> = scripts.iter().map(digest).collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        scripts.join(" ")
    )
}
