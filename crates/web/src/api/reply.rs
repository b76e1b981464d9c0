//! What operations answer: JSON with the version of the thing, or nothing.

use crate::request::data;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Responder};
use gatepost_admin::views;
use gatepost_core::administration::Version;
use gatepost_sign_in::Context;
use gatepost_store::directory::{Conditions, Done};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where the API is.
pub(super) const ROOT: &str = "/api/v1";

/// A complete answer, except for what depends on the request.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    version: Option<Version>,
    /// A path below [`ROOT`].
    location: Option<String>,
    link: Option<String>,
    /// The answer to an earlier request.
    is_replay: bool,
    body: Option<Value>,
}

impl Reply {
    fn new(status: StatusCode, body: Option<Value>) -> Self {
        Self { status, version: None, location: None, link: None, is_replay: false, body }
    }

    /// A thing.
    pub(super) fn ok(body: impl Serialize) -> Self {
        Self::new(StatusCode::OK, Some(json!(body)))
    }

    /// With the version of the thing.
    pub(super) fn version(self, version: impl Into<Option<Version>>) -> Self {
        Self { version: version.into(), ..self }
    }

    /// With a `Link` to the next page.
    pub(super) fn next(self, link: Option<String>) -> Self {
        Self { link, ..self }
    }

    /// What a change did. `created` is the path of the thing: whether it is new shows in its version.
    pub(super) fn changed<T>(
        done: &Done<T>,
        conditions: Conditions,
        body: impl Serialize,
        created: Option<String>,
    ) -> Self {
        let is_new = done.changed && !conditions.is_dry_run && done.version == Some(FIRST);
        let location = created.filter(|_| is_new);
        let status = if location.is_some() { StatusCode::CREATED } else { StatusCode::OK };
        Self { location, ..Self::new(status, Some(noted(body, conditions))).version(done.version) }
    }

    /// What a change did that has no version.
    pub(super) fn noted(conditions: Conditions, body: impl Serialize) -> Self {
        Self::new(StatusCode::OK, Some(noted(body, conditions)))
    }

    /// Something is gone. A dry run says what would be.
    pub(super) fn removed(conditions: Conditions, body: impl Serialize) -> Self {
        if conditions.is_dry_run {
            Self::new(StatusCode::OK, Some(noted(body, conditions)))
        } else {
            Self::new(StatusCode::NO_CONTENT, None)
        }
    }
}

/// An answer that is kept.
#[derive(Serialize, Deserialize)]
struct Stored {
    status: u16,
    version: Option<i64>,
    location: Option<String>,
    body: Option<Value>,
}

impl Reply {
    /// The text that is kept of it.
    pub(super) fn to_stored(&self) -> String {
        let Self { status, version, location, body, .. } = self;
        let stored = Stored {
            status: status.as_u16(),
            version: version.map(Version::number),
            location: location.clone(),
            body: body.clone(),
        };
        json!(stored).to_string()
    }

    /// The answer that was kept.
    pub(super) fn from_stored(text: &str) -> Option<Self> {
        let Stored { status, version, location, body } = serde_json::from_str(text).ok()?;
        let status = StatusCode::from_u16(status).ok()?;
        let version = version.map(Version::from_number);
        Some(Self { location, is_replay: true, ..Self::new(status, body).version(version) })
    }
}

/// The version of what has just been created.
const FIRST: Version = Version::from_number(1);

/// A dry run says in its answer that it is one.
fn noted(body: impl Serialize, conditions: Conditions) -> Value {
    let mut body = json!(body);
    if conditions.is_dry_run {
        body["dry_run"] = json!(true);
    }
    body
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let tag = self.version.map(|version| format!("\"{version}\""));
        let is_known = matches!(request.method().as_str(), "GET" | "HEAD")
            && tag.as_deref().is_some_and(|tag| is_among(request, tag));
        let status = if is_known { StatusCode::NOT_MODIFIED } else { self.status };
        let mut answer = builder(status);
        if let Some(tag) = tag {
            answer.insert_header((ETAG, tag));
        }
        let root = format!("{}{ROOT}", data::<Context>(request).site.config.public_url);
        if let Some(location) = self.location {
            answer.insert_header((LOCATION, format!("{root}{location}")));
        }
        if self.is_replay {
            answer.insert_header(("idempotency-replayed", "true"));
        }
        if let Some(link) = self.link {
            answer.insert_header(("link", link));
        }
        match self.body.filter(|_| !is_known) {
            None => answer.finish(),
            Some(_) if request.method() == "HEAD" => answer.insert_header((CONTENT_TYPE, JSON)).finish(),
            Some(body) => answer.insert_header((CONTENT_TYPE, JSON)).body(body.to_string()),
        }
    }
}

const JSON: &str = "application/json";

/// An answer that nobody keeps.
pub(super) fn builder(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((CACHE_CONTROL, "no-store")).insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    answer
}

/// Whether `If-None-Match` has the version; weak ones count here (RFC 9110 section 13.1.2).
fn is_among(request: &HttpRequest, tag: &str) -> bool {
    let values = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|sent| sent == "*" || sent.strip_prefix("W/").unwrap_or(sent) == tag)
}

impl From<&gatepost_store::directory::UserRecord> for Reply {
    fn from(user: &gatepost_store::directory::UserRecord) -> Self {
        Self::ok(views::UserDetails::from(user)).version(user.summary.version)
    }
}
