//! How text is laid out: titles, lists and tables that fit the terminal, or for a file of Markdown, LaTeX or HTML.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use textwrap::core::display_width;
use textwrap::{WordSplitter, WrapAlgorithm};

use super::{hypertext, latex};

/// How tables look on a terminal: a line under the header, none between rows.
const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));
/// Columns of characters where nobody says how many there are.
const USUAL: usize = 80;
/// Narrower than this nothing can be read.
const NARROWEST: usize = 40;
/// Spaces before all lines of a paragraph but the first.
const INDENT: usize = 2;
/// Spaces that a column has beside its text.
const PADDING: usize = 2;
/// Stands for a space at which no line ends.
const GLUE: char = '\u{a0}';

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// For a terminal with so many columns of characters.
    Terminal(usize),
    /// For a Markdown file.
    Markdown,
    /// For a LaTeX file: tables alone.
    Latex,
    /// For a page.
    Html,
}

/// Columns of characters on the terminal: those in `COLUMNS`, or the terminal's own; 80 where there is neither.
pub fn width() -> usize {
    let stated = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let own = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    stated.or_else(own).filter(|columns| *columns > 0).unwrap_or(USUAL).max(NARROWEST)
}

/// Text in which no line ends at a space.
pub fn glued(text: &str) -> String {
    text.replace(' ', &GLUE.to_string())
}

impl Layout {
    /// For the terminal that standard output is, or would be.
    pub fn terminal() -> Self {
        Self::Terminal(width())
    }

    /// A heading over everything that follows.
    pub fn heading(self, heading: &str) -> String {
        match self {
            Self::Markdown => format!("### {heading}"),
            Self::Html => hypertext::element("h2", heading),
            Self::Terminal(_) | Self::Latex => self.paragraph(heading),
        }
    }

    /// A title above its text or table.
    pub fn titled(self, title: &str, text: &str) -> String {
        match self {
            _ if title.is_empty() => text.to_owned(),
            Self::Markdown => format!("**{title}**\n\n{text}"),
            Self::Html => format!("{}\n{text}", hypertext::element("h3", title)),
            Self::Terminal(_) | Self::Latex => format!("{}\n{text}", self.paragraph(title)),
        }
    }

    /// One paragraph; what does not fit its first line is indented.
    pub fn paragraph(self, text: &str) -> String {
        if self == Self::Html { hypertext::element("p", text) } else { self.indented(text, "", INDENT) }
    }

    /// A paragraph behind a label, which stands alone in its column.
    pub fn labelled(self, label: &str, text: &str) -> String {
        const COLUMN: usize = 9;
        self.wrapped(text, &format!("{label:COLUMN$}"))
    }

    /// A list of paragraphs, each with a bullet.
    pub fn list(self, items: &[String]) -> String {
        if self == Self::Html {
            return hypertext::list(items);
        }
        items.iter().map(|item| self.wrapped(item, "- ")).collect::<Vec<_>>().join("\n")
    }

    /// Text behind a bullet or a label, and all of its lines to the right of that.
    fn wrapped(self, text: &str, bullet: &str) -> String {
        self.indented(text, bullet, bullet.chars().count())
    }

    fn indented(self, text: &str, bullet: &str, indent: usize) -> String {
        let width = match self {
            Self::Terminal(width) => width,
            Self::Markdown => return format!("{bullet}{}", without_tags(text)),
            Self::Latex | Self::Html => return format!("{bullet}{text}"),
        };
        let text = text.replace(" = ", "\u{a0}=\u{a0}").replace(" %", "\u{a0}%");
        let indent = " ".repeat(indent);
        let options = textwrap::Options::new(width).initial_indent(bullet).subsequent_indent(&indent);
        textwrap::fill(&text, at_spaces(options)).replace(GLUE, " ")
    }

    /// A table. Its first `leading` columns say what a row is of. On a terminal cells are wrapped at spaces; columns that
    /// do not fit beside each other even then follow below, led by the same columns.
    pub fn table(self, header: &[String], rows: &[Vec<String>], leading: usize) -> String {
        let all: Vec<usize> = (0..header.len()).collect();
        let is_numeric = |i: usize| i >= leading && rows.iter().all(|row| is_number(&row[i]));
        match self {
            Self::Latex => return latex::tabular(header, rows, is_numeric),
            Self::Html => return hypertext::table(header, rows, is_numeric),
            Self::Terminal(_) | Self::Markdown => {}
        }
        let Self::Terminal(width) = self else {
            // What Markdown would take for the end of a cell, or for HTML.
            let plain = |cell: &String| without_tags(cell).replace('|', "\\|");
            let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(plain).collect()).collect();
            return drawn(header, &rows, &all, leading, ASCII_MARKDOWN);
        };
        let columns: Vec<Column> = all.iter().map(|i| Column::of(header, rows, *i, width)).collect();
        let blocks = blocks(&columns, leading, width);
        let block = |block: &Vec<usize>| {
            let widths = fitted(&block.iter().map(|i| columns[*i]).collect::<Vec<_>>(), width);
            let wrap = |cells: &[String]| -> Vec<String> {
                let mut cells = cells.to_vec();
                block.iter().zip(&widths).for_each(|(i, width)| cells[*i] = wrap_cell(&cells[*i], *width));
                cells
            };
            let rows: Vec<Vec<String>> = rows.iter().map(|row| wrap(row)).collect();
            drawn(&wrap(header), &rows, block, leading, PLAIN)
        };
        blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
    }
}

/// Text in which Markdown finds no HTML.
fn without_tags(text: &str) -> String {
    let is_tag = |part: &str| part.starts_with(|c: char| c.is_alphabetic() || "/!?".contains(c));
    let mut parts = text.split('<');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + if is_tag(part) { "&lt;" } else { "<" } + part)
}

/// The width of a column.
#[derive(Debug, Clone, Copy)]
struct Column {
    /// Of its longest word.
    least: usize,
    /// Of its longest cell.
    cells: usize,
    /// Of its longest cell, or of its header in one line.
    whole: usize,
}

impl Column {
    fn of(header: &[String], rows: &[Vec<String>], i: usize, width: usize) -> Self {
        let longest = |text: &str| text.split(' ').map(display_width).max().unwrap_or(0);
        let words = rows.iter().map(|row| longest(&row[i])).max().unwrap_or(0).max(longest(&header[i]));
        let cells = rows.iter().map(|row| display_width(&row[i])).max().unwrap_or(0);
        // A word that is longer than the line is broken.
        let least = words.min(width - PADDING);
        let cells = cells.max(least);
        Self { least, cells, whole: cells.max(display_width(&header[i])) }
    }
}

/// Columns that fit beside each other, by their indices; each block begins with the leading ones.
fn blocks(columns: &[Column], leading: usize, width: usize) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = vec![(0..leading).collect()];
    for i in leading..columns.len() {
        let last = blocks.last().map_or(&[][..], Vec::as_slice);
        let taken: usize = last.iter().chain([&i]).map(|i| columns[*i].least + PADDING).sum();
        if taken > width && last.len() > leading {
            blocks.push((0..leading).collect());
        }
        if let Some(last) = blocks.last_mut() {
            last.push(i);
        }
    }
    blocks
}

/// Widths that fit: headers are wrapped first; then the widest column that can be narrowed gives way. Where the longest words
/// do not fit beside each other, as of many axes and long names, they are broken.
fn fitted(columns: &[Column], width: usize) -> Vec<usize> {
    let is_too_wide = |widths: &[usize]| widths.iter().map(|width| width + PADDING).sum::<usize>() > width;
    let mut widths: Vec<usize> = columns.iter().map(|column| column.whole).collect();
    if is_too_wide(&widths) {
        widths = columns.iter().map(|column| column.cells).collect();
    }
    while is_too_wide(&widths) {
        let widest = |least: &dyn Fn(usize) -> usize| {
            (0..columns.len()).filter(|i| widths[*i] > least(*i)).max_by_key(|i| widths[*i])
        };
        let Some(widest) = widest(&|i| columns[i].least).or_else(|| widest(&|_| 1)) else { break };
        widths[widest] -= 1;
    }
    widths
}

fn wrap_cell(text: &str, width: usize) -> String {
    textwrap::wrap(text, at_spaces(textwrap::Options::new(width.max(1))).break_words(true)).join("\n")
}

/// Lines end at spaces alone: not within a word, nor at a hyphen, which names may have.
fn at_spaces(options: textwrap::Options) -> textwrap::Options {
    let options = options.word_separator(textwrap::WordSeparator::AsciiSpace);
    options.word_splitter(WordSplitter::NoHyphenation).wrap_algorithm(WrapAlgorithm::FirstFit).break_words(false)
}

/// Some columns of a table. Numbers are aligned to the right.
fn drawn(header: &[String], rows: &[Vec<String>], columns: &[usize], leading: usize, style: TableStyle) -> String {
    let mut table = Table::new();
    table.load_style(style);
    table.set_header(columns.iter().map(|i| &header[*i]));
    for row in rows {
        table.add_row(columns.iter().map(|i| &row[*i]));
    }
    for (column, i) in table.column_iter_mut().zip(columns) {
        if *i >= leading && rows.iter().all(|row| is_number(&row[*i])) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.replace(GLUE, " ").trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Whether a cell begins like a number, or holds none.
fn is_number(cell: &str) -> bool {
    let first = cell.trim_start_matches(['+', '−', '≥', '(', ' ']).chars().next();
    cell.is_empty() || cell == "–" || first.is_some_and(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn markdown_finds_no_html_in_a_sentence() {
        assert_eq!(Layout::Markdown.paragraph("at <img src=x> p < 0.05"), "at &lt;img src=x> p < 0.05");
        assert_eq!(Layout::Markdown.list(&["</b>".to_owned()]), "- &lt;/b>");
    }

    #[test]
    fn a_table_fits_and_no_word_of_it_is_broken() {
        let header = cells(&["arm", "difference from affine", "p", "verdict", "of the runs diverged"]);
        let rows = [cells(&["standardize", "+0.0189 (0.0143 to 0.0245)", "0.031", "undecided", "0 of 8"])];
        for width in 40..120 {
            let text = Layout::Terminal(width).table(&header, &rows, 1);
            let longest = text.lines().map(display_width).max();
            assert!(longest <= Some(width), "{width}: {longest:?}\n{text}");
            for word in header.iter().chain(&rows[0]).flat_map(|cell| cell.split(' ')) {
                assert!(text.split_whitespace().any(|found| found == word), "{word} at {width}:\n{text}");
            }
            assert!(text.matches("standardize").count() <= 2, "{width}:\n{text}");
        }
        assert_eq!(Layout::Terminal(120).table(&header, &rows, 1).lines().count(), 3);
    }

    #[test]
    fn leading_columns_that_are_wider_than_the_line_are_broken_and_lose_no_letter() {
        let axes = ["model.norm_position", "optimizer.weight_decay", "train.diverged_above", "norm.momentum"];
        let name = "an_arm_of_a_long_name_that_says_in_full_what_it_is_and_what_it_is_not";
        let header = [&cells(&axes)[..], &cells(&["arm", "difference", "p"])].concat();
        let values = ["after_activation", "0.0001", "1000.0", "0.1"];
        let rows = [[&cells(&values)[..], &cells(&[name, "+0.0189 (0.0143 to 0.0245)", "0.031"])].concat()];
        for width in 40..130 {
            let text = Layout::Terminal(width).table(&header, &rows, 5);
            assert!(text.lines().all(|line| display_width(line) <= width), "{width}:\n{text}");
            let letters = |text: &str| text.chars().filter(|c| *c == '_').count();
            let written = letters(&header.concat()) + letters(&rows[0].concat());
            assert!(letters(&text) >= written, "{width}:\n{text}");
        }
    }

    #[test]
    fn a_cell_stays_a_cell_in_markdown() {
        let table = Layout::Markdown.table(&cells(&["dir", "if"]), &[cells(&["a|b<script>", "< 1 / > 2"])], 1);
        assert!(table.contains(r"a\|b&lt;script>") && table.contains("< 1 / > 2"), "{table}");
    }

    #[test]
    fn a_paragraph_wraps_at_spaces_but_not_within_a_number_and_its_sign() {
        let text = "`offset-inputs` is as it is, with p = 0.031 and a 95 % interval of its own";
        for width in 40..80 {
            let wrapped = Layout::Terminal(width).paragraph(text);
            assert!(wrapped.lines().all(|line| display_width(line) <= width), "{wrapped}");
            assert!(wrapped.contains("p = 0.031") && wrapped.contains("95 %"), "{wrapped}");
            assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>().join(" "), text);
        }
    }
}
