//! Text as HTML.

use askama::filters::{Escaper, Html};

/// Text in which nothing is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    // Writing to a string cannot fail.
    let _ = Html.write_escaped_str(&mut escaped, text);
    escaped
}

/// An element with this text in it; what stands between backticks is code. No line ends beside an equals sign, nor before %.
pub(super) fn element(name: &str, text: &str) -> String {
    let text = text.replace(" = ", "\u{a0}=\u{a0}").replace(" %", "\u{a0}%");
    let pieces: Vec<String> = escaped(&text).split('`').map(str::to_owned).collect();
    let is_paired = pieces.len() % 2 == 1;
    let mut inner = pieces[0].clone();
    for (i, piece) in pieces.iter().enumerate().skip(1) {
        match (is_paired, i % 2) {
            (false, _) => inner += &format!("`{piece}"),
            (true, 1) => inner += &format!("<code>{piece}</code>"),
            _ => inner += piece,
        }
    }
    format!("<{name}>{inner}</{name}>")
}

/// A list of these texts.
pub(super) fn list(items: &[String]) -> String {
    let items: String = items.iter().map(|item| element("li", item)).collect();
    format!("<ul>{items}</ul>")
}

/// A table; numbers are aligned to the right. Each cell says its column, for narrow windows, where a row is a block of lines.
pub(super) fn table(header: &[String], rows: &[Vec<String>], is_number: impl Fn(usize) -> bool) -> String {
    let cell = |kind: &str, i: usize, text: &str| {
        let class = if is_number(i) { " class=\"number\"" } else { "" };
        let column = if kind == "td" { format!(" data-column=\"{}\"", escaped(&header[i])) } else { String::new() };
        format!("<{kind}{class}{column}>{}</{kind}>", escaped(text))
    };
    let line = |kind: &str, cells: &[String]| {
        let cells: String = cells.iter().enumerate().map(|(i, text)| cell(kind, i, text)).collect();
        format!("<tr>{cells}</tr>")
    };
    let body: String = rows.iter().map(|cells| line("td", cells)).collect();
    format!("<table class=\"rows\"><thead>{}</thead><tbody>{body}</tbody></table>", line("th", header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_given_is_markup() {
        let rows = [vec!["<script>alert('1')</script>".to_owned(), "0.5".to_owned()]];
        let html = table(&["a&b".to_owned(), "\"n\"".to_owned()], &rows, |i| i == 1);
        assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script") && !html.contains("a&b"), "{html}");
        assert!(html.contains("<td class=\"number\" data-column=\"&#34;n&#34;\">0.5</td>"), "{html}");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        assert_eq!(element("p", "`bn` < `x`"), "<p><code>bn</code> &#60; <code>x</code></p>");
        assert_eq!(element("p", "a lone ` stays"), "<p>a lone ` stays</p>");
    }
}
