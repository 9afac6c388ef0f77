//! Tables for LaTeX, with the rules of the package booktabs.

/// A table whose cells are text. Columns of numbers are aligned to the right.
pub(super) fn tabular(header: &[String], rows: &[Vec<String>], is_number: impl Fn(usize) -> bool) -> String {
    let line = |cells: &[String]| cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" & ") + r" \\";
    let columns: String = (0..header.len()).map(|i| if is_number(i) { 'r' } else { 'l' }).collect();
    let begin = format!("\\begin{{tabular}}{{@{{}}{columns}@{{}}}}");
    let mut lines = vec![begin, r"\toprule".to_owned(), line(header), r"\midrule".to_owned()];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.extend([r"\bottomrule", r"\end{tabular}"].map(str::to_owned));
    lines.join("\n")
}

/// Text that LaTeX sets as it stands, with any engine.
pub(super) fn escaped(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    let mut is_open = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A letter and its hat.
            c if chars.next_if_eq(&'\u{302}').is_some() => found.push_str(&format!(r"$\hat{{{c}}}$")),
            'Ŵ' => found.push_str(r"$\hat{W}$"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => found.extend(['\\', c]),
            '\\' => found.push_str(r"\textbackslash{}"),
            '~' => found.push_str(r"\textasciitilde{}"),
            '^' => found.push_str(r"\textasciicircum{}"),
            '<' | '>' => found.extend(['$', c, '$']),
            '−' => found.push_str("$-$"),
            '≥' => found.push_str(r"$\geq$"),
            '≤' => found.push_str(r"$\leq$"),
            '×' => found.push_str(r"$\times$"),
            '±' => found.push_str(r"$\pm$"),
            '∞' => found.push_str(r"$\infty$"),
            'γ' => found.push_str(r"$\gamma$"),
            'β' => found.push_str(r"$\beta$"),
            'µ' | 'μ' => found.push_str(r"$\mu$"),
            'σ' => found.push_str(r"$\sigma$"),
            'ε' => found.push_str(r"$\varepsilon$"),
            '√' => found.push_str(r"$\surd$"),
            '²' => found.push_str("$^2$"),
            '–' => found.push_str("--"),
            '\u{a0}' => found.push('~'),
            // Names stand in `…`.
            '`' => {
                found.push_str(if is_open { "}" } else { r"\texttt{" });
                is_open = !is_open;
            }
            c => found.push(c),
        }
    }
    if is_open {
        found.push('}');
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_for_latex_is_written_out() {
        assert_eq!(escaped("50 % of a_b & c"), r"50 \% of a\_b \& c");
        assert_eq!(escaped("−0.1 µs, `γ_0`"), r"$-$0.1 $\mu$s, \texttt{$\gamma$\_0}");
        assert_eq!(escaped("γx̂, √σ²"), r"$\gamma$$\hat{x}$, $\surd$$\sigma$$^2$");
        assert_eq!(escaped(r"\input{x}"), r"\textbackslash{}input\{x\}");
    }
}
