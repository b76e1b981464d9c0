//! The header debugger on a protected host: which headers arrived, and what to change in Traefik.

use super::header_report::{Header, HeaderProblem, Part, Report, Severity, Source, describe_redacted};
use super::message::{Chrome, Tone, render};
use super::page::{Format, Page};
use super::style::{STYLE, Sheet};
use super::words::shorten;
use askama::Template;
use gatepost_core::access::Person;
use gatepost_core::email::EmailAddress;
use gatepost_core::header_names::canonical;
use gatepost_core::host::Origin;
use gatepost_core::ids::RequestId;
use serde_json::json;

/// The groups of headers, in the order of the page.
const SOURCES: [(Source, &str); 3] = [
    (Source::Gatepost, "From Gatepost"),
    (Source::Proxy, "From Traefik"),
    (Source::Client, "From the browser, or added on the way"),
];
/// A longer value is collapsed.
const SHOWN_AT_ONCE: usize = 120;

/// 200: the headers of the request itself.
#[derive(Clone, Copy, Debug)]
pub struct LiveHeaders<'a> {
    /// The protected host.
    pub origin: &'a Origin,
    /// The person who sent the request.
    pub person: &'a Person,
    /// The headers and the problems found in them.
    pub report: &'a Report,
    /// The id of the request in the log.
    pub request_id: RequestId,
}

#[derive(Template)]
#[template(path = "headers.html")]
struct View<'a> {
    chrome: Chrome,
    email: &'a str,
    faults: Vec<FaultView>,
    sources: Vec<SourceView<'a>>,
}

/// The headers from one source.
struct SourceView<'a> {
    title: &'static str,
    headers: Vec<HeaderView<'a>>,
}

struct FaultView {
    header: String,
    weight: Severity,
    found: String,
    mend: String,
}

struct HeaderView<'a> {
    name: &'a str,
    is_faulty: bool,
    parts: Vec<PartView<'a>>,
}

struct PartView<'a> {
    code: Option<&'a str>,
    /// The beginning of a long value, which is collapsed.
    beginning: Option<String>,
    note: Option<String>,
}

impl LiveHeaders<'_> {
    /// Renders the page.
    pub fn page(&self, format: Format) -> Page {
        let page = match format {
            Format::Html => Page::gate(200, self.html(), (&STYLE.csp_hash, &[])),
            Format::Json => Page::json(200, &self.json()),
        };
        // Applications share the origin: no page of them may load this one, or keep a window to it.
        let same_origin = || "same-origin".to_owned();
        page.with("Cross-Origin-Resource-Policy", same_origin())
            .with("Cross-Origin-Opener-Policy", same_origin())
    }

    fn email(&self) -> &str {
        self.person.email.as_ref().map_or("", EmailAddress::as_str)
    }

    fn html(&self) -> String {
        let is_wrong = self.report.problems.iter().any(|fault| fault.severity() == Severity::Wrong);
        render(&View {
            chrome: Chrome {
                sheet: Sheet::inline(),
                portal: None,
                brand: None,
                place: Some(self.origin.host().to_string()),
                tone: if is_wrong { Tone::Stop } else { Tone::Calm },
                heading: "What an application gets here".to_owned(),
                request_id: self.request_id,
            },
            email: self.email(),
            faults: self.report.problems.iter().map(fault).collect(),
            sources: SOURCES.map(|(source, title)| self.from(source, title)).into(),
        })
    }

    fn from(&self, source: Source, title: &'static str) -> SourceView<'_> {
        let headers = self.report.headers.iter().filter(|header| header.source == source);
        SourceView { title, headers: headers.map(header).collect() }
    }

    fn json(&self) -> serde_json::Value {
        let findings = self.report.problems.iter().map(fault).map(|fault| {
            json!({
                "header": fault.header,
                "weight": fault.weight.as_str(),
                "found": fault.found,
                "mend": fault.mend,
            })
        });
        let headers = self.report.headers.iter().map(|header| {
            json!({ "name": header.name, "value": header.parts.iter().map(words).collect::<Vec<_>>() })
        });
        json!({
            "host": self.origin.host().to_string(),
            "person": self.email(),
            "findings": findings.collect::<Vec<_>>(),
            "headers": headers.collect::<Vec<_>>(),
            "request_id": self.request_id.to_string(),
        })
    }
}

fn fault(fault: &HeaderProblem) -> FaultView {
    FaultView {
        header: canonical(fault.header()),
        weight: fault.severity(),
        found: fault.found(),
        mend: fault.fix(),
    }
}

fn header(header: &Header) -> HeaderView<'_> {
    let parts = header.parts.iter().map(part).collect();
    HeaderView { name: &header.name, is_faulty: header.has_problem, parts }
}

fn part(part: &Part) -> PartView<'_> {
    let (code, note) = match part {
        Part::Plain(text) if text.is_empty() => (None, Some("empty".to_owned())),
        Part::Plain(text) => (Some(text.as_str()), None),
        Part::Redacted { name, length } => (name.as_deref(), Some(describe_redacted(*length))),
    };
    let beginning =
        code.map(|text| shorten(text, SHOWN_AT_ONCE)).filter(|short| Some(short.as_str()) != code);
    PartView { code, beginning, note }
}

fn words(part: &Part) -> String {
    match part {
        Part::Plain(text) => text.clone(),
        Part::Redacted { name: Some(name), length } => format!("{name}: {}", describe_redacted(*length)),
        Part::Redacted { name: None, length } => describe_redacted(*length),
    }
}
