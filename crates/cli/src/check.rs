//! `gatepost check`: prints the findings, for people or for programs.

use super::console::Console;
use super::environment::{Environment, NotText};
use super::program::Program;
use super::report::plain;
use super::{CommandError, check_mcp, check_store};
use anstyle::{AnsiColor, Style};
use clap::Args;
use gatepost_check::{self as check, Finding, Order, Severity};
use gatepost_config::Config;
use gatepost_store::directory::Conditions;
use serde_json::{Value, json};
use std::io::{ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `gatepost check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Traefik's files: static and dynamic configuration in YAML or TOML, Compose files with labels
    #[arg(long, value_name = "FILE", num_args = 1..)]
    traefik: Vec<PathBuf>,
    /// Ask the addresses of all tool servers, too, with an API key that is made for it and revoked
    #[arg(long)]
    mcp: bool,
    /// Where the proxy is, if the names of the tool servers' hosts lead elsewhere from here
    #[arg(long, value_name = "ADDRESS", requires = "mcp")]
    proxy: Option<IpAddr>,
    /// Check only the database of the directory, and each entry of its audit, as after a restore
    #[arg(long, conflicts_with_all = ["traefik", "mcp"])]
    store: bool,
    /// Print JSON for programs: field names do not change
    #[arg(long)]
    json: bool,
}

/// Runs the check and prints the findings; fails if one of them is an error.
pub(super) async fn run(
    program: Program,
    config_file: Option<PathBuf>,
    environment: Result<&Environment, &NotText>,
    args: Check,
) -> Result<ExitCode, CommandError> {
    let opened = if args.mcp { Some(open(program, config_file.as_deref(), environment).await) } else { None };
    let environment = environment
        .map(|environment| environment.variables().collect())
        .map_err(|NotText(name)| name.clone());
    let order = Order { config_file, environment, traefik: args.traefik };
    let mut findings = if args.store { check_store::run(&order).await } else { check::run(&order).await };
    match opened {
        Some(Ok(console)) => {
            let config = &console.here()?.site.config;
            let traefik = check::traefik::inspect(&order.traefik, Some(config));
            findings.extend(Box::pin(check_mcp::run(&console, &traefik.requirements, args.proxy)).await?);
        }
        // What is wrong is among the findings, or else it is the result.
        Some(Err(error)) if count(&findings, Severity::Error) == 0 => return Err(error),
        None | Some(Err(_)) => {}
    }
    // The worst findings last, next to the terminal's cursor; within one severity in the order of the parts.
    findings.sort_by_key(Finding::severity);
    let text = if args.json { format!("{:#}\n", to_json(&findings)) } else { to_text(&findings) };
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(CommandError::Output(error)),
        _ => {}
    }
    let has_errors = count(&findings, Severity::Error) > 0;
    Ok(if has_errors { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn open(
    program: Program,
    config_file: Option<&Path>,
    environment: Result<&Environment, &NotText>,
) -> Result<Console, CommandError> {
    let environment = environment.map_err(Clone::clone)?;
    let config = Config::load(config_file, environment.variables())?;
    Console::open(program, config, environment.actor(), Conditions::default()).await
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity() == severity).count()
}

fn to_json(findings: &[Finding]) -> Value {
    json!({
        "errors": count(findings, Severity::Error),
        "warnings": count(findings, Severity::Warning),
        "hints": count(findings, Severity::Hint),
        "findings": findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
    })
}

const fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Ok => AnsiColor::Green,
        Severity::Hint => AnsiColor::Cyan,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Error => AnsiColor::Red,
    };
    color.on_default().bold()
}

fn to_text(findings: &[Finding]) -> String {
    let paragraphs: String = findings.iter().map(paragraph).collect();
    let counted = |severity, word: &str| {
        let number = count(findings, severity);
        format!("{number} {word}{}", if number == 1 { "" } else { "s" })
    };
    let numbers = [
        counted(Severity::Error, "error"),
        counted(Severity::Warning, "warning"),
        counted(Severity::Hint, "hint"),
    ];
    format!("{paragraphs}{}.\n", numbers.join(", "))
}

fn paragraph(finding: &Finding) -> String {
    let severity = finding.severity();
    let (bold, word) = (style(severity), severity.as_str());
    let (code, place, found) = (finding.code(), plain(&finding.place.to_string()), plain(&finding.found));
    match finding.advice() {
        None => format!("{bold}{word:<8}{bold:#} {code}: {found} ({place})\n"),
        Some((risk, fix)) => format!(
            "{bold}{word:<8}{bold:#} {code}: {found}\n  at:    {place}\n  risk:  {risk}\n  fix:   {fix}\n\n"
        ),
    }
}
