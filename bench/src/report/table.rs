//! Formats the tables for a terminal and for docs/performance.md.

use super::{Goal, Report, Row};
use crate::measure::Outcome;
use crate::stats::Spread;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table, TableStyle};
use std::fmt::Write as _;

const HEADERS: [&str; 10] = [
    "contestant",
    "answers/s",
    "CPU us",
    "CPU spread",
    "CPU ratio",
    "rate ratio",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "load busy",
];

/// Formats the report for a terminal.
pub fn text(report: &Report) -> String {
    written(report, |title| format!("\n== {title}\n"), NOTHING)
}

/// Formats the report for docs/performance.md.
pub fn markdown(report: &Report) -> String {
    written(report, |title| format!("\n### {title}\n\n"), ASCII_MARKDOWN)
}

fn written(report: &Report, heading: impl Fn(&str) -> String, preset: TableStyle) -> String {
    let mut text = format!("{}\n", report.machine);
    for row in &report.rows {
        let _ = writeln!(text, "{}{}", heading(&row.title), row_table(row, preset));
    }
    if !report.facts.is_empty() {
        let _ = writeln!(text, "{}{}", heading("Single figures"), facts(report, preset));
    }
    if report.figures().next().is_some() {
        let _ = writeln!(text, "{}{}", heading("What it must reach"), figures(report, preset));
    }
    for failure in &report.failed {
        let _ = writeln!(text, "\nNOT MEASURED: {}: {}", failure.title, failure.why);
    }
    text
}

fn table(preset: TableStyle, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(preset).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn row_table(row: &Row, preset: TableStyle) -> String {
    let mut table = table(preset, &HEADERS);
    for (at, outcome) in row.outcomes.iter().enumerate() {
        let cpu = outcome.of(|sample| sample.cpu[0]);
        let micros = |figure: Spread| format!("{:.0}", figure.median);
        table.add_row([
            outcome.name.clone(),
            format!("{:.0}", outcome.of(|sample| sample.per_second).median),
            format!("{:.2}{}", cpu.median, others(outcome)),
            format!("{:.2} to {:.2}", cpu.min, cpu.max),
            median(row.cpu_ratio(at)),
            median(row.rate_ratio(at)),
            micros(outcome.of(|sample| sample.p50)),
            micros(outcome.of(|sample| sample.p99)),
            micros(outcome.of(|sample| sample.p999)),
            format!("{:.0} %", outcome.of(|sample| sample.load).median * 100.0),
        ]);
    }
    trimmed(&table)
}

fn median(ratio: Option<Spread>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{:.2}", ratio.median))
}

/// The CPU time of the other processes of a server.
fn others(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (at, name) in outcome.processes.iter().enumerate().skip(1) {
        let _ = write!(text, " + {:.1} {name}", outcome.of(|sample| sample.cpu[at]).median);
    }
    text
}

fn facts(report: &Report, preset: TableStyle) -> String {
    let mut table = table(preset, &["figure", "median", "spread", "unit", "note"]);
    for fact in &report.facts {
        let value = fact.value;
        let spread = if value.min < value.max {
            format!("{} to {}", number(value.min), number(value.max))
        } else {
            String::new()
        };
        table.add_row([fact.title.as_str(), &number(value.median), &spread, fact.unit, &fact.note]);
    }
    if let Some(note) = table.column_mut(4) {
        note.set_cell_alignment(CellAlignment::Left);
    }
    trimmed(&table)
}

fn figures(report: &Report, preset: TableStyle) -> String {
    let mut table = table(preset, &["figure", "must", "aim", "measured", "unit", "reached"]);
    for (fact, goal) in report.figures() {
        let Goal { figure, must, aim } = goal;
        let measured = fact.value.median;
        let reached = goal.reached(measured).as_str();
        table.add_row([*figure, &number(*must), &number(*aim), &number(measured), fact.unit, reached]);
    }
    trimmed(&table)
}

/// Formats a number with three significant digits.
fn number(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
