//! What a figure of the report is: panels of typed traces, and how an arm looks in all of them.

use std::collections::BTreeMap;

use plotly::common::{DashType, ErrorData, ErrorType, Fill, Line, Marker, MarkerSymbol, Mode, Title, Visible};
use plotly::layout::{Axis, AxisType, Shape, ShapeLayer, ShapeLine, ShapeType};
use plotly::{Layout, Scatter};
use serde::{Serialize, Serializer};

use crate::compare::grid::Values;
use crate::compare::words::values;

/// A figure: one question, answered by panels that stand side by side.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// How it is read.
    pub caption: String,
    /// Its panels.
    pub panels: Vec<Panel>,
    /// How many of them stand beside each other on paper.
    #[serde(skip)]
    pub abreast: usize,
}

/// One plot.
#[derive(Debug, Serialize)]
pub struct Panel {
    /// What it is of.
    pub title: String,
    /// Its height in pixels.
    pub height: usize,
    /// Whether the other scale of its vertical axis makes sense, too.
    pub can_be_log: bool,
    /// µs a step of each arm, if its horizontal axis counts steps and so can count seconds.
    pub us_per_step: Option<BTreeMap<String, f64>>,
    /// Lines and markers.
    pub traces: Vec<Drawn>,
    /// Axes and lines across.
    pub layout: Layout,
}

/// A trace, as plotly takes it.
#[derive(Debug, Clone)]
pub struct Drawn(pub Box<Scatter<f64, f64>>);

impl Serialize for Drawn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// How an arm looks: it can be told from the others by any of the three.
#[derive(Debug, Clone)]
pub struct Look {
    /// `#rrggbb`, clear on white and on black.
    pub colour: &'static str,
    /// Of its lines.
    pub dash: DashType,
    /// Of its points.
    pub marker: MarkerSymbol,
    /// The dashes as SVG has them, and the marker as a letter: for the legend.
    pub legend: (&'static str, char),
}

/// The look of every arm of a report.
#[derive(Debug, Clone)]
pub struct Looks(BTreeMap<String, Look>);

/// The arms that have a colour of their own wherever they are drawn.
const KNOWN: [(&str, &str); 4] =
    [("none", "#7F7F7F"), ("affine", "#D55E00"), ("standardize", "#009E73"), ("bn", "#0E83C9")];
/// The colours of all others, in turn.
const OTHERS: [&str; 12] = [
    "#CC79A7", "#B8860B", "#8C6BB1", "#A65628", "#E7298A", "#66A61E", "#1B7F8C", "#B22222", "#5C6BC0", "#8D9B00",
    "#C2185B", "#6D8B74",
];

impl Looks {
    /// The looks of these arms; an arm that is named twice counts once. The arms of the question look the same in every
    /// report; those of the others depend on their order, and take dashes and markers that are free first.
    pub fn of<'a>(arms: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for arm in arms {
            if !names.contains(&arm) {
                names.push(arm);
            }
        }
        let known = |arm: &str| KNOWN.iter().position(|(name, _)| *name == arm);
        let is_taken = |i: &usize| names.iter().any(|arm| known(arm) == Some(*i));
        let more = KNOWN.len() + 1..;
        let mut free = [KNOWN.len()].into_iter().chain((0..KNOWN.len()).filter(|i| !is_taken(i))).chain(more);
        let mut colours = OTHERS.iter().cycle();
        let mut own = |arm: &str| match known(arm) {
            Some(i) => look(KNOWN[i].1, i),
            None => look(colours.next().unwrap_or(&OTHERS[0]), free.next().unwrap_or_default()),
        };
        Self(names.iter().map(|arm| ((*arm).to_owned(), own(arm))).collect())
    }

    /// Of what no single arm is drawn for.
    pub fn of_no_arm() -> Look {
        look("#7A8590", 0)
    }

    /// The look of an arm.
    pub fn get(&self, arm: &str) -> Look {
        self.0.get(arm).cloned().unwrap_or_else(|| look(KNOWN[0].1, 0))
    }
}

/// The `i`-th look in a colour: dashes and markers go round with periods that have no common divisor.
fn look(colour: &'static str, i: usize) -> Look {
    let dashes = [
        (DashType::Solid, ""),
        (DashType::Dash, "6 4"),
        (DashType::Dot, "2 3"),
        (DashType::DashDot, "6 3 2 3"),
        (DashType::LongDash, "10 4"),
    ];
    let markers = [
        (MarkerSymbol::Circle, '●'),
        (MarkerSymbol::Square, '■'),
        (MarkerSymbol::Diamond, '◆'),
        (MarkerSymbol::TriangleUp, '▲'),
        (MarkerSymbol::Cross, '✚'),
        (MarkerSymbol::TriangleDown, '▼'),
        (MarkerSymbol::Star, '★'),
    ];
    let (dash, drawn) = dashes[i % dashes.len()].clone();
    let (marker, letter) = markers[i % markers.len()].clone();
    Look { colour, dash, marker, legend: (drawn, letter) }
}

impl Drawn {
    /// A line of an arm. `what` says what it shows.
    pub fn line(arm: &str, what: &str, look: &Look, points: &[[f64; 2]]) -> Self {
        let line = Line::new().color(look.colour).dash(look.dash.clone()).width(2.0);
        Self(trace(arm, what, points).mode(Mode::Lines).line(line))
    }

    /// The same with a marker at every point.
    pub fn marked(arm: &str, what: &str, look: &Look, points: &[[f64; 2]]) -> Self {
        let Self(line) = Self::line(arm, what, look, points);
        Self(line.mode(Mode::LinesMarkers).marker(sign(look).size(8)))
    }

    /// A point of an arm with an interval along the horizontal axis, if it has one. An end without bound is drawn as far as
    /// `shown` reaches, and is empty in the table.
    pub fn with_interval(
        arm: &str,
        what: &str,
        look: &Look,
        point: [f64; 2],
        interval: Option<(f64, f64)>,
        shown: (f64, f64),
    ) -> Self {
        let trace = trace(arm, what, &[point]).mode(Mode::Markers).marker(sign(look).size(10));
        let Some((low, high)) = interval else { return Self(trace) };
        let [below, above] = [(low, shown.0), (high, shown.1)]
            .map(|(end, shown)| round(((if end.is_finite() { end } else { shown }) - point[0]).abs()));
        let error = ErrorData::new(ErrorType::Data).symmetric(false).array(vec![above]).array_minus(vec![below]);
        let trace = trace.error_x(error.color(look.colour).thickness(2.0).width(5));
        Self(if low.is_finite() && high.is_finite() { trace } else { trace.meta(UNBOUNDED) })
    }

    /// Small, faint points, one a seed.
    pub fn dots(arm: &str, what: &str, look: &Look, points: &[[f64; 2]], seeds: &[u64]) -> Self {
        let marker = sign(look).size(5).opacity(0.45);
        Self(trace(arm, what, points).mode(Mode::Markers).marker(marker).text_array(named(seeds)))
    }

    /// A line that falls in steps, as shares do.
    pub fn stairs(arm: &str, what: &str, look: &Look, points: &[[f64; 2]]) -> Self {
        let line = Line::new().color(look.colour).dash(look.dash.clone()).width(2.0);
        Self(trace(arm, what, points).mode(Mode::Lines).line(line.shape(plotly::common::LineShape::Hv)))
    }

    /// Thin lines that are shown only when each seed is asked for; NaN lies between two of them.
    pub fn each_seed(arm: &str, look: &Look, points: &[[f64; 2]], seeds: &[u64]) -> Self {
        let line = Line::new().color(look.colour).width(0.8);
        let trace = trace(arm, EACH_SEED, points).mode(Mode::Lines).line(line).opacity(0.6).text_array(named(seeds));
        Self(trace.visible(Visible::False).connect_gaps(false))
    }

    /// A thin line with a small marker at every point.
    pub fn thin(arm: &str, what: &str, look: &Look, points: &[[f64; 2]]) -> Self {
        let line = Line::new().color(look.colour).dash(look.dash.clone()).width(0.8);
        Self(trace(arm, what, points).mode(Mode::LinesMarkers).line(line).marker(sign(look).size(4)))
    }

    /// Faint.
    pub fn faded(self) -> Self {
        Self(self.0.opacity(0.35))
    }

    /// Not named in a legend.
    pub fn unnamed(self) -> Self {
        Self(self.0.show_legend(false))
    }

    /// The two edges of a band and what is between them.
    pub fn band(arm: &str, names: [&str; 2], look: &Look, low: &[[f64; 2]], high: &[[f64; 2]]) -> [Self; 2] {
        let edge = |what: &str, points: &[[f64; 2]]| {
            trace(arm, what, points).mode(Mode::Lines).line(Line::new().color(look.colour).width(0.5)).meta(BAND)
        };
        let filled = edge(names[1], high).fill(Fill::ToNextY).fill_color(format!("{}26", look.colour));
        [Self(edge(names[0], low)), Self(filled)]
    }
}

/// Height of a panel, if nothing else is said, in pixels.
const HEIGHT: usize = 320;
/// Most values on an axis that are all named.
const MOST_TICKS: usize = 9;
/// Name of the traces that are hidden at first.
const EACH_SEED: &str = "each seed";

/// Marks a trace whose interval lacks an end.
const UNBOUNDED: &str = "unbounded";

/// Marks a trace that is an edge of a band: with many arms the page draws no bands.
const BAND: &str = "band";

fn trace(arm: &str, what: &str, points: &[[f64; 2]]) -> Box<Scatter<f64, f64>> {
    let along = |i: usize, digits: usize| points.iter().map(|point| rounded(point[i], digits)).collect();
    // Steps are whole, and may be many.
    Scatter::new(along(0, 12), along(1, 6)).name(what).legend_group(arm)
}

fn named(seeds: &[u64]) -> Vec<String> {
    seeds.iter().map(|seed| format!("seed {seed}")).collect()
}

fn sign(look: &Look) -> Marker {
    Marker::new().color(look.colour).symbol(look.marker.clone())
}

/// To six significant digits: a figure shows no more, and a file need not hold more. NaN, a gap, is written as null.
fn round(x: f64) -> f64 {
    rounded(x, 6)
}

fn rounded(x: f64, digits: usize) -> f64 {
    format!("{x:.*e}", digits - 1).parse().unwrap_or(f64::NAN)
}

impl Panel {
    /// With linear axes; the title says what the vertical one shows.
    pub fn new(title: impl Into<String>, x: &str, traces: Vec<Drawn>) -> Self {
        let layout = Layout::new().x_axis(Axis::new().title(Title::with_text(x)));
        Self { title: title.into(), height: HEIGHT, can_be_log: false, us_per_step: None, traces, layout }
    }

    /// With these values on the horizontal axis, in powers of ten if all of them can be.
    pub fn log_x(self, x: &str, values: &[f64]) -> Self {
        let axis = Axis::new().title(Title::with_text(x));
        let axis = if values.iter().all(|x| *x > 0.0) { axis.type_(AxisType::Log) } else { axis };
        // As many as can be read beside each other.
        let mut ticks = values.to_vec();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        let axis = if ticks.len() > MOST_TICKS { axis } else { axis.tick_values(ticks) };
        Self { layout: self.layout.x_axis(axis), ..self }
    }

    /// With a vertical axis in powers of ten.
    pub fn log_y(self) -> Self {
        let axis = Axis::new().type_(AxisType::Log);
        Self { can_be_log: true, layout: self.layout.y_axis(axis), ..self }
    }

    /// With words in place of numbers on the vertical axis, the first on top.
    pub fn rows(self, names: &[String]) -> Self {
        let ticks = (0..names.len()).map(|i| -(i as f64)).collect();
        let (bottom, top) = (0.5 - names.len() as f64, 0.5);
        let names: Vec<String> = names.iter().map(|name| wrapped(name, LABEL)).collect();
        // All rows are as high as the highest needs.
        let lines = names.iter().map(|name| name.lines().count()).fold(2, usize::max) * names.len();
        let axis = Axis::new().tick_values(ticks).tick_text(names).range(vec![bottom, top]).zero_line(false);
        Self { height: 90 + 18 * lines, layout: self.layout.y_axis(axis.auto_margin(true)), ..self }
    }

    /// With words in place of numbers on the horizontal axis.
    pub fn columns(self, x: &str, names: &[&str]) -> Self {
        let ticks = (0..names.len()).map(|i| i as f64).collect();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let axis = Axis::new().title(Title::with_text(x)).tick_values(ticks).tick_text(names);
        Self { layout: self.layout.x_axis(axis), ..self }
    }

    /// With a horizontal axis that reaches a little beyond these ends, in powers of ten if that is asked for and can be.
    pub fn reaching(self, x: &str, (low, high): (f64, f64), in_powers: bool) -> Self {
        let axis = Axis::new().title(Title::with_text(x));
        let is_log = in_powers && low > 0.0;
        let [low, high] = [low, high].map(|end| if is_log { end.log10() } else { end });
        let room = 0.06 * (high - low);
        let axis = if is_log { axis.type_(AxisType::Log) } else { axis };
        Self { layout: self.layout.x_axis(axis.range(vec![low - room, high + room])), ..self }
    }

    /// With upright lines at these places.
    pub fn lines_at(self, places: &[f64]) -> Self {
        self.lines_in(&places.iter().map(|x| (*x, "#777777")).collect::<Vec<_>>())
    }

    /// With upright lines at these places, each in its colour.
    pub fn lines_in(mut self, places: &[(f64, &'static str)]) -> Self {
        for (x, colour) in places {
            let line = ShapeLine::new().color(*colour).width(1.6).dash(DashType::Dash);
            let shape = Shape::new().shape_type(ShapeType::Line).x_ref("x").y_ref("paper").layer(ShapeLayer::Above);
            self.layout.add_shape(shape.x0(*x).x1(*x).y0(0.0).y1(1.0).line(line));
        }
        self
    }

    /// Its vertical axis makes sense in powers of ten, too.
    pub fn both_scales(self) -> Self {
        Self { can_be_log: true, ..self }
    }

    /// Says which line is which, where colours do not stand for arms.
    pub fn with_legend(self) -> Self {
        Self { layout: self.layout.show_legend(true), ..self }
    }

    /// Its horizontal axis counts so many blocks.
    pub fn over_blocks(self, blocks: usize) -> Self {
        let apart = blocks.div_ceil(MOST_TICKS).max(1) as f64;
        let axis = Axis::new().title(Title::with_text("block")).tick0(0.0).dtick(apart);
        Self { layout: self.layout.x_axis(axis), ..self }
    }

    /// Its vertical axis shows a share.
    pub fn of_shares(self) -> Self {
        Self { layout: self.layout.y_axis(Axis::new().range(vec![-0.02, 1.05])), ..self }
    }

    /// Its vertical axis reaches a little beyond these ends.
    pub fn between(self, low: f64, high: f64) -> Self {
        if !(low.is_finite() && high > low) {
            return self;
        }
        let room = 0.04 * (high - low);
        Self { layout: self.layout.y_axis(Axis::new().range(vec![low - room, high + room])), ..self }
    }

    /// Its horizontal axis counts steps, which take an arm so many µs.
    pub fn over_steps<'a>(self, times: impl IntoIterator<Item = (&'a str, Option<f64>)>) -> Self {
        // One axis has one unit: all arms have a time, or none is used.
        let times: Option<BTreeMap<String, f64>> =
            times.into_iter().map(|(arm, us)| Some((arm.to_owned(), us?))).collect();
        Self { us_per_step: times.filter(|times| !times.is_empty()), ..self }
    }
}

impl Figure {
    /// A figure of these panels; `None` without any trace.
    pub fn of(title: &str, caption: impl Into<String>, panels: Vec<Panel>) -> Option<Self> {
        let panels: Vec<Panel> = panels.into_iter().filter(|panel| !panel.traces.is_empty()).collect();
        (!panels.is_empty()).then(|| Self { title: title.to_owned(), caption: caption.into(), panels, abreast: 2 })
    }
}

/// In lines of so many characters at most, where words allow.
fn wrapped(text: &str, width: usize) -> String {
    textwrap::wrap(text, width).join("\n")
}

/// Characters in a line of a row's name.
const LABEL: usize = 26;

/// `what`, and at which setting.
pub(super) fn place(what: &str, at: &Values) -> String {
    match (what.is_empty(), at.is_empty()) {
        (_, true) => what.to_owned(),
        (true, false) => values(at),
        (false, false) => format!("{what}, {}", values(at)),
    }
}
