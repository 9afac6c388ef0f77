//! Text from files and paths, made harmless for whoever shows it.

use std::borrow::Cow;

/// The text with every control character written out, as `\u001b`, every character that turns the direction of writing, and
/// every one that nobody sees: a terminal would obey the first, and two names may differ in the last alone. Lines stay lines.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_command(c) {
            harmless += &format!("\\u{:04x}", u32::from(c));
        } else {
            harmless.push(c);
        }
    }
    Cow::Owned(harmless)
}

/// Whether text may stand in a table and in a line of a terminal: it has no control character, not even a new line, no
/// character that turns the direction of writing, and none that nobody sees.
pub fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || is_command(c))
}

fn is_command(c: char) -> bool {
    let turns = matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    // Zero-width and filling characters, soft hyphens, tags. Joiners stay: Persian and Hindi are written with them.
    let is_unseen = matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    turns || is_unseen || (c.is_control() && c != '\n' && c != '\t')
}

/// Whether a spreadsheet would take a cell with this text for a formula: some also by a wide `＝`, `＋`, `－` or `＠`. Quotes do
/// not keep it from that.
pub fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

/// Text as a cell of a table, without control characters; text that would be taken for a formula is put after `name`.
pub fn cell(name: &str, text: &str) -> String {
    let text = escaped(text);
    if is_formula(&text) { format!("{name}: {text}") } else { text.into_owned() }
}

/// Whether a cell in these lines of CSV is text that would be taken for a formula, or has a character that a terminal obeys.
pub fn has_formula(lines: &[u8]) -> bool {
    let is_byte = |byte: &u8| (*byte < b' ' && *byte != b'\n') || *byte == 0x7f;
    let has_other = || str::from_utf8(lines).is_ok_and(|text| text.contains(self::is_command));
    if lines.iter().any(is_byte) || (!lines.is_ascii() && has_other()) {
        return true;
    }
    // Numbers may begin with a minus. Cells are parsed only if one begins like a formula and is no such number.
    let may_be = |cell: &[u8]| match cell.strip_prefix(b"\"").unwrap_or(cell) {
        [b'=' | b'+' | b'@', ..] => true,
        number @ [b'-', ..] => !is_number(number),
        cell => cell.first().is_some_and(|byte| *byte >= 0x80),
    };
    lines.split(|byte| matches!(byte, b',' | b'\n')).any(may_be) && has_formula_in_a_cell(lines)
}

fn is_number(cell: &[u8]) -> bool {
    str::from_utf8(cell).is_ok_and(|cell| cell.parse::<f64>().is_ok())
}

fn has_formula_in_a_cell(lines: &[u8]) -> bool {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(lines);
    let is_text = |cell: &[u8]| {
        let begins_so = is_formula(&String::from_utf8_lossy(cell));
        begins_so && (cell.starts_with(b"+") || !is_number(cell))
    };
    reader.byte_records().any(|row| row.is_ok_and(|row| row.iter().any(is_text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_a_terminal_are_written_out_and_lines_stay_lines() {
        assert_eq!(escaped("a\u{1b}[31mb\nc\u{9b}\r\u{7f}\u{202e}é"), "a\\u001b[31mb\nc\\u009b\\u000d\\u007f\\u202eé");
        assert!(matches!(escaped("µs\tand\n"), Cow::Borrowed(_)));
        assert_eq!(escaped("a\u{200b}b\u{feff}\u{ad}\u{e0041}"), "a\\u200bb\\ufeff\\u00ad\\ue0041");
        // Some languages are not written without these.
        assert!(is_plain("\u{645}\u{6cc}\u{200c}\u{62e}") && is_plain("\u{915}\u{94d}\u{200d}"));
    }

    #[test]
    fn no_cell_begins_as_a_formula() {
        for text in ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "\u{ff1d}1+1", "\u{ff0b}x", "\u{ff0d}x", "\u{ff20}x"] {
            assert!(is_formula(text) && !is_formula(&cell("host", text)), "{text:?}");
        }
        assert_eq!(cell("host", "a-b"), "a-b");
        for lines in [
            &b"id,1,=x\n"[..],
            b"id,@x\n",
            b"id,-x\n",
            b"id,\"=x\"\n",
            b"id,+1\n",
            b"id,-2+3+cmd|' /C calc'!A0,1\n",
            b"id,1\n=cmd(),1\n",
            b"id,\t=1+1\n",
            b"id,\"\t=1+1\"\n",
            b"id,\"\n=cmd()\"\n",
            b"id,\x1b[31m\n",
            b"id,\"-1+1\"\n",
            b"id,-1-1\n",
            "id,\u{9b}31m\n".as_bytes(),
            "id,\u{202e}\n".as_bytes(),
            "id,\u{feff}=cmd()\n".as_bytes(),
            "id,\u{ff1d}cmd()\n".as_bytes(),
            "id,\"\u{ff20}x\"\n".as_bytes(),
        ] {
            assert!(has_formula(lines), "{lines:?}");
        }
        assert!(!has_formula(b"id,-1.5,2e-7,,\"[1,-2]\"\nid,a-b,a=b\n"));
        assert!(!has_formula("id,\u{e9}t\u{e9},a\u{ff1d}b\n".as_bytes()));
    }
}
