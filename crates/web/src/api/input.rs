//! What operations take from a request: ids of the path, the body, the conditions of a write. Each names all of its flaws
//! at once.

use super::json;
use super::members::Members;
use super::repeats::{self, Terms};
use crate::body;
use crate::fault::Fault;
use crate::problem_document::{Flaw, Problem, ProblemCode};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest};
use gatepost_core::administration::Version;
use gatepost_core::identity::ExternalGroup;
use gatepost_store::directory::Conditions;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::str::FromStr;
use url::form_urlencoded;

/// The two ids of a path.
pub(super) struct Ids<A, B>(pub(super) A, pub(super) B);

impl<A: FromStr, B: FromStr> FromRequest for Ids<A, B> {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(ids(request).ok_or(Fault::NotFound))
    }
}

/// No id needs percent-encoding.
fn ids<A: FromStr, B: FromStr>(request: &HttpRequest) -> Option<Ids<A, B>> {
    let mut segments = request.match_info().iter().filter(|_| !request.path().contains('%'));
    let (first, second) = (segments.next()?.1.parse().ok()?, segments.next()?.1.parse().ok()?);
    Some(Ids(first, second))
}

/// A body that an operation takes.
pub(super) trait Body: Sized {
    /// The most bytes that it may have.
    const MOST_BYTES: usize = 64 * 1024;

    /// Takes its members. `None`: they have flaws, which are noted.
    fn read(members: &mut Members<'_>) -> Option<Self>;
}

/// The body of a request.
pub(super) struct Json<T>(pub(super) T);

impl<T: Body> FromRequest for Json<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { read_body(&request).await.map(Self) })
    }
}

/// The body of a POST, and its terms.
pub(super) struct Post<T>(pub(super) Terms, pub(super) T);

impl<T: Body> FromRequest for Post<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Write(conditions) = Write::read(&request)?;
            demand_json(&request)?;
            let text = body::read(&request, T::MOST_BYTES).await?;
            let read = parse(&text)?;
            let repeat = repeats::repeat(&request, &text).await?;
            Ok(Self(Terms { conditions, repeat }, read))
        })
    }
}

/// The terms of a POST without a body.
pub(super) struct PostEmpty(pub(super) Terms);

impl FromRequest for PostEmpty {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Write(conditions) = Write::read(&request)?;
            let repeat = repeats::repeat(&request, b"").await?;
            Ok(Self(Terms { conditions, repeat }))
        })
    }
}

async fn read_body<T: Body>(request: &HttpRequest) -> Result<T, Fault> {
    demand_json(request)?;
    parse(&body::read(request, T::MOST_BYTES).await?)
}

fn parse<T: Body>(text: &[u8]) -> Result<T, Fault> {
    let value = json::parse(text).map_err(Problem::invalid)?;
    let mut flaws = Vec::new();
    let read = Members::read(value, "", &mut flaws, T::read);
    read.ok_or_else(|| Problem::invalid(flaws).into())
}

fn demand_json(request: &HttpRequest) -> Result<(), Problem> {
    let accepted: &[&'static str] = if request.method() == "PATCH" {
        &["application/json", "application/merge-patch+json"]
    } else {
        &["application/json"]
    };
    demand_type(request, accepted)
}

/// Whether the body has one of these types and no content coding.
pub(super) fn demand_type(request: &HttpRequest, accepted: &[&'static str]) -> Result<(), Problem> {
    let headers = request.headers();
    let mut types = headers.get_all(CONTENT_TYPE);
    let sent = types.next().and_then(|value| value.to_str().ok()).filter(|_| types.next().is_none());
    let essence =
        sent.and_then(|sent| sent.split(';').next()).map(|essence| essence.trim().to_ascii_lowercase());
    if essence.is_some_and(|essence| accepted.contains(&&*essence)) && !headers.contains_key(CONTENT_ENCODING)
    {
        return Ok(());
    }
    let [first, others @ ..] = accepted else { return Ok(()) };
    // A patch is JSON too: what it is called says nothing more.
    let types = if request.method() == "PATCH" {
        (*first).to_owned()
    } else {
        [&[*first], others].concat().join(", ")
    };
    let detail = format!("The body must be {}, without Content-Encoding.", types.replace(", ", " or "));
    let header = if request.method() == "PATCH" { "accept-patch" } else { "accept-post" };
    Err(Problem::new(ProblemCode::MediaType, detail).with(header, types))
}

/// The conditions of a write: `If-Match`, `If-None-Match: *` and `dry_run`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write(pub(super) Conditions);

impl FromRequest for Write {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request).map_err(Fault::from))
    }
}

impl Write {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut flaws = Vec::new();
        let conditions = conditions(request, request.query_string(), &mut flaws);
        if flaws.is_empty() { Ok(Self(conditions)) } else { Err(Problem::invalid(flaws)) }
    }
}

/// The conditions of a write that names a link in its query.
pub(super) struct WriteLink(pub(super) Conditions, pub(super) ExternalGroup);

impl FromRequest for WriteLink {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut flaws = Vec::new();
        let (links, others): (Vec<_>, Vec<_>) =
            form_urlencoded::parse(request.query_string().as_bytes()).partition(|(name, _)| name == "link");
        let others = form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
        let conditions = conditions(request, &others, &mut flaws);
        let link = match links.as_slice() {
            [(_, link)] => link.parse::<ExternalGroup>().map_err(|error| ("malformed", format!("{error}."))),
            [] => Err(("missing", "It must be there.".to_owned())),
            _ => Err(("repeated", "The parameter occurs more than once.".to_owned())),
        };
        ready(match link {
            Ok(link) if flaws.is_empty() => Ok(Self(conditions, link)),
            link => {
                flaws.extend(link.err().map(|(code, detail)| Flaw::of_parameter("link", code, detail)));
                Err(Problem::invalid(flaws).into())
            }
        })
    }
}

fn conditions(request: &HttpRequest, query: &str, flaws: &mut Vec<Flaw>) -> Conditions {
    Conditions {
        if_version: if_match(request.headers(), flaws),
        must_be_new: if_none_match(request, flaws),
        is_dry_run: dry_run(query, flaws),
    }
}

/// The version in quotes. `*` asks for nothing: what is not there cannot be changed.
fn if_match(headers: &HeaderMap, flaws: &mut Vec<Flaw>) -> Option<Version> {
    let mut values = headers.get_all(IF_MATCH);
    let text = values.next()?.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default().trim();
    if text == "*" {
        return None;
    }
    let version = version_of(text);
    if version.is_none() {
        flaws.push(Flaw::of_header(
            "If-Match",
            "malformed",
            "If-Match takes one strong version in quotes, as ETag shows it: \"v7\".",
        ));
    }
    version
}

/// The version of a strong entity tag.
fn version_of(tag: &str) -> Option<Version> {
    let text = tag.strip_prefix("\"v")?.strip_suffix('"')?;
    text.starts_with(|first: char| first.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn if_none_match(request: &HttpRequest, flaws: &mut Vec<Flaw>) -> bool {
    let values: Vec<_> = request.headers().get_all(IF_NONE_MATCH).collect();
    match values.as_slice() {
        [] => false,
        [one] if one.as_bytes() == b"*" && request.method() == "PUT" => true,
        _ => {
            let detail = "A write takes If-None-Match only as *, and only with PUT.";
            flaws.push(Flaw::of_header("If-None-Match", "malformed", detail));
            false
        }
    }
}

fn dry_run(query: &str, flaws: &mut Vec<Flaw>) -> bool {
    let mut dry_run = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let flaw = match (&*name, &*value) {
            ("dry_run", _) if dry_run.is_some() => Some(("repeated", "The parameter occurs twice.")),
            ("dry_run", "true" | "false") => {
                dry_run = Some(value == "true");
                None
            }
            ("dry_run", _) => Some(("malformed", "It must be true or false.")),
            _ => Some(("unknown", "The operation has no such parameter.")),
        };
        flaws.extend(flaw.map(|(code, detail)| Flaw::of_parameter(name, code, detail)));
    }
    dry_run.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn conditions(request: TestRequest) -> Result<Conditions, Vec<&'static str>> {
        let read = Write::read(&request.to_http_request());
        let codes = |problem: Problem| problem.errors.iter().map(|flaw| flaw.code).collect();
        read.map(|Write(conditions)| conditions).map_err(codes)
    }

    #[test]
    fn a_write_has_the_conditions_that_its_headers_name() {
        let put = || TestRequest::put().uri("/");
        let sent = conditions(put().insert_header(("if-match", "\"v7\""))).expect("a version");
        assert_eq!(sent.if_version, Some(Version::from_number(7)));
        assert_eq!(conditions(put().insert_header(("if-match", "*"))).expect("any").if_version, None);
        assert!(conditions(put().insert_header(("if-none-match", "*"))).expect("new").must_be_new);
        assert!(conditions(TestRequest::put().uri("/?dry_run=true")).expect("dry").is_dry_run);
        for tag in [
            "v7",
            "W/\"v7\"",
            "\"7\"",
            "\"v\"",
            "\"vv7\"",
            "\"v+7\"",
            "\"v7\", \"v8\"",
            "",
            "\"v99999999999999999999\"",
        ] {
            assert_eq!(conditions(put().insert_header(("if-match", tag))).expect_err(tag), ["malformed"]);
        }
        for (uri, codes) in [
            ("/?dry_run=1", vec!["malformed"]),
            ("/?dry_run=true&dry_run=true", vec!["repeated"]),
            ("/?dryrun=true&x", vec!["unknown", "unknown"]),
        ] {
            assert_eq!(conditions(TestRequest::put().uri(uri)).expect_err(uri), codes);
        }
        let post = TestRequest::post().uri("/").insert_header(("if-none-match", "*"));
        assert_eq!(conditions(post).expect_err("a POST creates"), ["malformed"]);
    }
}
