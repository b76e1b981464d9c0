//! CSV (RFC 4180).
//!
//! Guarantee: a cell that others chose is no formula for a spreadsheet. One that could be begins with an apostrophe.

/// A line of these cells.
pub(super) fn line<const N: usize>(cells: [&str; N]) -> String {
    let mut line = String::new();
    push_line(&mut line, cells);
    line
}

/// Adds a line.
pub(super) fn push_line<const N: usize>(lines: &mut String, cells: [&str; N]) {
    lines.push_str(&cells.map(escaped).join(","));
    lines.push_str("\r\n");
}

fn escaped(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    let needs_quotes = text.contains([',', '"', '\r', '\n']);
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_cell_and_never_a_formula() {
        for (cell, written) in [
            ("", ""),
            ("Alice", "Alice"),
            ("Smith, Alice", "\"Smith, Alice\""),
            ("a \"b\"\nc", "\"a \"\"b\"\"\nc\""),
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\t=1", "'\t=1"),
            ("=a,b", "\"'=a,b\""),
        ] {
            assert_eq!(escaped(cell), written, "{cell:?}");
        }
    }
}
