//! A command's result, for people and for programs.
//!
//! Guarantee: names that others chose (people, groups, browsers) cannot control the terminal.

use super::error::CommandError;
use anstyle::AnsiColor;
use comfy_table::{Table, presets};
pub(super) use gatepost_core::calendar::{minute, rfc3339};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// The result, printed on stdout.
#[derive(Debug)]
pub(super) struct Report {
    text: String,
    has_colors: bool,
    json: Value,
    /// Printed alone on standard output, and the text on standard error.
    secret: Option<String>,
    /// The command did what it should, and what it found is bad.
    is_bad: bool,
}

impl Report {
    pub(super) fn new(text: impl Into<String>, json: impl Serialize) -> Self {
        Self { text: text.into(), has_colors: false, json: to_json(json), secret: None, is_bad: false }
    }

    /// Text with colours; names that others chose must have gone through [`plain`].
    pub(super) const fn colored(text: String, json: Value) -> Self {
        Self { text, has_colors: true, json, secret: None, is_bad: false }
    }

    /// A secret, which a script takes from standard output. What is said about it goes to standard error.
    pub(super) fn secret(self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self }
    }

    /// Makes the exit code 1, if what was found is bad.
    pub(super) fn bad_if(self, is_bad: bool) -> Self {
        Self { is_bad, ..self }
    }

    /// The exit code of the command.
    pub(super) fn exit_code(&self) -> ExitCode {
        if self.is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// A list as a table, or `none` if it is empty.
    pub(super) fn list<const N: usize>(
        header: [&str; N],
        rows: Vec<[String; N]>,
        none: &str,
        json: impl Serialize,
    ) -> Self {
        if rows.is_empty() { Self::new(none, json) } else { Self::new(table(Some(header), rows), json) }
    }

    /// Says that nothing was changed. Its text says what would be.
    pub(super) fn of_dry_run(mut self) -> Self {
        if let Some(change) = self.json.as_object_mut().filter(|json| json.contains_key("changed")) {
            change.insert("dry_run".to_owned(), true.into());
            self.text.push_str("\nThis was a dry run: nothing has been changed.");
        }
        self
    }

    /// Adds a line for people.
    pub(super) fn followed_by(mut self, line: &str) -> Self {
        self.text = format!("{}\n\n{line}", self.text);
        self
    }

    pub(super) fn print(&self, as_json: bool) -> io::Result<()> {
        if let Some(secret) = self.secret.as_ref().filter(|_| !as_json) {
            writeln!(anstream::stdout(), "{secret}")?;
            return writeln!(anstream::stderr(), "{}", plain(&self.text));
        }
        let text = match (as_json, self.has_colors) {
            (true, _) => escaped(&format!("{:#}", self.json)),
            (false, true) => self.text.trim_end().to_owned(),
            (false, false) => plain(&self.text),
        };
        match writeln!(anstream::stdout(), "{text}") {
            // The reader has closed the pipe: `gatepost user list | head`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}

/// Prints a part of a result that is too large to be held in memory. It is for programs.
pub(super) fn print_part(text: &str) -> io::Result<()> {
    let text: Vec<_> = text.split("\r\n").map(plain).collect();
    match anstream::stdout().write_all(text.join("\r\n").as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints one line of JSON on standard output. A reader that has closed the pipe is an error, because it ends a stream.
pub(super) fn print_line(item: impl Serialize) -> Result<(), CommandError> {
    writeln!(anstream::stdout(), "{}", escaped(&to_json(item).to_string())).map_err(CommandError::Output)
}

/// What is printed can be written as JSON: names of members are texts.
fn to_json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Prints on standard error why a command failed, and a hint.
pub(super) fn print_error(error: &str, hint: Option<&str>) {
    let (bad, good) = (AnsiColor::Red.on_default().bold(), AnsiColor::Cyan.on_default());
    let mut text = format!("{bad}gatepost:{bad:#} {}\n", plain(error));
    if let Some(hint) = hint {
        let _ = writeln!(text, "{good}hint:{good:#} {}", plain(hint));
    }
    // If standard error is closed, there is nobody to tell.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Columns without lines, readable for people, `grep` and `cut`.
pub(super) fn table<const N: usize>(header: Option<[&str; N]>, rows: Vec<[String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    if let Some(header) = header {
        table.set_header(header);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Whether a terminal would obey it: control characters but the end of a line, and bidirectional controls.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Replaces what a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// JSON with the same meaning, in which what a terminal would obey is escaped (RFC 8259, 7). All of it is in the basic plane.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// As [`minute`], of a time as programs read it.
pub(super) fn minute_of(at: &str) -> String {
    at.parse().map_or_else(|_| at.to_owned(), minute)
}

/// As [`minute_of`], or a dash.
pub(super) fn minute_or_dash(at: Option<&String>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| minute_of(at))
}

/// A text, or a dash.
pub(super) fn text_or_dash(text: Option<&String>) -> String {
    text.map_or_else(|| "-".to_owned(), Clone::clone)
}

pub(super) fn lines(values: &[String]) -> String {
    if values.is_empty() { "-".to_owned() } else { values.join("\n") }
}
