//! The answer as CSV (RFC 4180): one line for each way of each person.
//!
//! Guarantee: a cell that others chose is no formula for a spreadsheet. One that could be begins with an apostrophe.

use super::Question;
use super::openers::Opener;
use gatepost_core::calendar::rfc3339;

/// The names of the columns, as the first line.
pub const CSV_HEADER: &str = "id,email,name,last_sign_in_at,way,until,set_by,set_at,requirements\r\n";

impl Opener {
    /// The lines of this person.
    pub fn to_csv(&self, question: &Question) -> String {
        let user = &self.user;
        let met = self.meets.iter().map(|place| question.requirements[*place].query.as_str());
        let met = met.collect::<Vec<_>>().join(" ");
        let mut lines = String::new();
        for way in &self.ways {
            let set_by = way.set_by.as_ref();
            let cells = [
                user.id.to_string(),
                user.email.as_ref().map(ToString::to_string).unwrap_or_default(),
                user.name.clone().unwrap_or_default(),
                user.last_sign_in_at.map(rfc3339).unwrap_or_default(),
                way.by_text(),
                way.until.map(rfc3339).unwrap_or_default(),
                set_by.map(|set| set.actor.clone()).unwrap_or_default(),
                set_by.map(|set| rfc3339(set.at)).unwrap_or_default(),
                met.clone(),
            ];
            lines.push_str(&cells.map(|cell| escaped(&cell)).join(","));
            lines.push_str("\r\n");
        }
        lines
    }
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
