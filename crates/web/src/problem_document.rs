//! What the API answers instead of what was asked: a problem document (RFC 9457). [`ProblemCode`] is the table of all
//! problems, from which their pages are made too.

use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The kind of a problem. Its address is `<public>/problems/<slug>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemCode {
    Invalid,
    Unauthenticated,
    Forbidden,
    CrossOrigin,
    TenantSuspended,
    NotFound,
    Erased,
    MethodNotAllowed,
    BodyTimeout,
    State,
    Running,
    Overtaken,
    TooLarge,
    MediaType,
    NotPossible,
    KeyReused,
    TooManyRequests,
    Internal,
    Unavailable,
}

/// What is said about a kind of problem.
#[derive(Clone, Copy, Debug)]
pub struct ProblemKind {
    pub code: ProblemCode,
    /// The last part of its address.
    pub slug: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    /// What its page says: what happened, and what to do.
    pub explanation: [&'static str; 2],
}

impl ProblemCode {
    /// The kind with this slug.
    pub fn find(slug: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.slug == slug).map(|kind| kind.code)
    }

    /// What is said about it.
    pub const fn kind(self) -> ProblemKind {
        KINDS[self as usize]
    }
}

/// What is said about each kind of problem, in the order of [`ProblemCode`].
const KINDS: [ProblemKind; 19] = [
    ProblemKind {
        code: ProblemCode::Invalid,
        slug: "invalid",
        status: StatusCode::BAD_REQUEST,
        title: "The request is not valid",
        explanation: [
            "The body, a parameter or a header is not what this operation takes. Nothing was changed.",
            "The list `errors` names every part that is wrong: a member of the body by its JSON pointer, a parameter or a header by its name.",
        ],
    },
    ProblemKind {
        code: ProblemCode::Unauthenticated,
        slug: "unauthenticated",
        status: StatusCode::UNAUTHORIZED,
        title: "Nobody is signed in",
        explanation: [
            "The request carries no valid session, or an API key that is worth nothing: `detail` says why.",
            "Sign in at this address with a browser, then repeat the request from a page of this host. A program sends an API key, which decides alone, whatever cookie stands beside it.",
        ],
    },
    ProblemKind {
        code: ProblemCode::Forbidden,
        slug: "forbidden",
        status: StatusCode::FORBIDDEN,
        title: "You may not do this",
        explanation: [
            "The directory does not say that you administer what the request concerns. It is asked anew at each request.",
            "Ask a system administrator to do it, or to make you an administrator. A key needs the scope of the operation, and may do no more than who made it.",
        ],
    },
    ProblemKind {
        code: ProblemCode::CrossOrigin,
        slug: "cross-origin",
        status: StatusCode::FORBIDDEN,
        title: "The request did not come from our own pages",
        explanation: [
            "With the session cookie a change, or a check that calls other servers, counts only if the browser says that a page of this host asked for it.",
            "Send the request from a page of this host. A program that is no browser sends the header Origin with the address of this host.",
        ],
    },
    ProblemKind {
        code: ProblemCode::TenantSuspended,
        slug: "tenant-suspended",
        status: StatusCode::FORBIDDEN,
        title: "The tenant is suspended",
        explanation: [
            "The API key counts, and the tenant whose key it is is suspended: nobody may enter it. Its data is kept.",
            "Ask whoever runs this site. The key counts again when the tenant is resumed.",
        ],
    },
    ProblemKind {
        code: ProblemCode::NotFound,
        slug: "not-found",
        status: StatusCode::NOT_FOUND,
        title: "There is no such thing",
        explanation: [
            "The path is not known, or the thing that it names does not exist, or it belongs to a tenant that you do not administer.",
            "Groups and people are named by their ids, which the lists show.",
        ],
    },
    ProblemKind {
        code: ProblemCode::Erased,
        slug: "erased",
        status: StatusCode::GONE,
        title: "This person was erased",
        explanation: [
            "There was a person of this id. Everything that was held about them was deleted.",
            "If they sign in again, they are a new person with another id.",
        ],
    },
    ProblemKind {
        code: ProblemCode::MethodNotAllowed,
        slug: "method-not-allowed",
        status: StatusCode::METHOD_NOT_ALLOWED,
        title: "The path does not take this method",
        explanation: ["The path is known, but not with this method.", "The header Allow lists the methods."],
    },
    ProblemKind {
        code: ProblemCode::BodyTimeout,
        slug: "body-timeout",
        status: StatusCode::REQUEST_TIMEOUT,
        title: "The body did not arrive",
        explanation: ["The body was not complete in time. Nothing was changed.", "Send the request again."],
    },
    ProblemKind {
        code: ProblemCode::State,
        slug: "state",
        status: StatusCode::CONFLICT,
        title: "Something that exists stands against it",
        explanation: [
            "The request is valid, but what the directory holds does not allow it: for example, nobody would be an administrator any more, or another person holds the address.",
            "`errors` has the reason as a code. Change what stands against it, then repeat the request.",
        ],
    },
    ProblemKind {
        code: ProblemCode::Running,
        slug: "running",
        status: StatusCode::CONFLICT,
        title: "A request with this Idempotency-Key has no answer yet",
        explanation: [
            "Another request with the same key is being answered.",
            "Wait a moment and repeat the request.",
        ],
    },
    ProblemKind {
        code: ProblemCode::Overtaken,
        slug: "overtaken",
        status: StatusCode::PRECONDITION_FAILED,
        title: "It was changed in the meantime",
        explanation: [
            "The version in If-Match is not the version of the thing now, or If-None-Match: * met a thing that exists. Nothing was changed.",
            "The header ETag has the version now. Read the thing again, then repeat the change with that version.",
        ],
    },
    ProblemKind {
        code: ProblemCode::TooLarge,
        slug: "too-large",
        status: StatusCode::PAYLOAD_TOO_LARGE,
        title: "The body is too long",
        explanation: [
            "A body has at most 64 KiB, and an operation without a body takes none.",
            "Send fewer items in one request.",
        ],
    },
    ProblemKind {
        code: ProblemCode::MediaType,
        slug: "media-type",
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        title: "The body is not JSON",
        explanation: [
            "Bodies are application/json in UTF-8. PATCH takes application/merge-patch+json too.",
            "Set the header Content-Type.",
        ],
    },
    ProblemKind {
        code: ProblemCode::NotPossible,
        slug: "not-possible",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "The request was understood, but it cannot be done",
        explanation: [
            "A value is well-formed, but this installation cannot take it: for example, a provider that is not configured, or an end in the past.",
            "`errors` has the reason as a code.",
        ],
    },
    ProblemKind {
        code: ProblemCode::KeyReused,
        slug: "key-reused",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "This Idempotency-Key belongs to another request",
        explanation: [
            "The same key was sent within 24 hours with another path or another body. Nothing was changed.",
            "Make a new key for each request. Repeat a key only with exactly the same request.",
        ],
    },
    ProblemKind {
        code: ProblemCode::TooManyRequests,
        slug: "too-many-requests",
        status: StatusCode::TOO_MANY_REQUESTS,
        title: "Too many requests",
        explanation: [
            "Each caller has 20 requests a second, and 60 at once after a pause.",
            "Wait for the seconds in Retry-After. The headers RateLimit-Policy and RateLimit say what is left.",
        ],
    },
    ProblemKind {
        code: ProblemCode::Internal,
        slug: "internal",
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Gatepost failed",
        explanation: [
            "This is an error in Gatepost.",
            "The log has the reason under the number of the request, which `instance` contains.",
        ],
    },
    ProblemKind {
        code: ProblemCode::Unavailable,
        slug: "unavailable",
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "A store does not answer",
        explanation: [
            "The directory or the session store did not answer in time. A change may have been made or not.",
            "Repeat the request after the seconds in Retry-After. A POST with an Idempotency-Key is made only once.",
        ],
    },
];

/// One part of a request that is wrong. Exactly one of `pointer`, `parameter` and `header` says where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Flaw {
    /// The place in the body (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<&'static str>,
    /// The reason, for programs.
    pub code: &'static str,
    /// The reason, for people.
    pub detail: String,
}

impl Flaw {
    /// A flaw of the body.
    pub fn at(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        let pointer = Some(pointer.into());
        Self { pointer, parameter: None, header: None, code, detail: detail.into() }
    }

    /// A flaw of a parameter.
    pub fn of_parameter(name: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        let parameter = Some(name.into());
        Self { pointer: None, parameter, header: None, code, detail: detail.into() }
    }

    /// A flaw of a header.
    pub fn of_header(name: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: None, header: Some(name), code, detail: detail.into() }
    }
}

/// A problem, before it is known which request had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: ProblemCode,
    /// What happened to this request.
    pub detail: String,
    pub errors: Vec<Flaw>,
    /// Headers of the answer.
    pub headers: Vec<(&'static str, String)>,
}

impl Problem {
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// A request with flaws.
    pub fn invalid(errors: Vec<Flaw>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.detail.clone(),
            many => format!("{} parts of the request are wrong.", many.len()),
        };
        Self { errors, ..Self::new(ProblemCode::Invalid, detail) }
    }

    /// With the reason as a code for programs. It concerns the whole request.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.errors.push(Flaw::at("", reason, self.detail.clone()));
        self
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The document that is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// The address of a page about this kind of problem.
    pub r#type: String,
    pub title: &'static str,
    pub status: u16,
    /// What happened to this request.
    pub detail: String,
    /// `urn:uuid:` and the number of the request, which log and audit have too.
    pub instance: String,
    /// Every part of the request that is wrong.
    pub errors: Vec<Flaw>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_problem_has_an_address_of_its_own() {
        let slugs: BTreeSet<&str> = KINDS.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), KINDS.len());
        for kind in KINDS {
            assert_eq!((kind.code.kind().slug, ProblemCode::find(kind.slug)), (kind.slug, Some(kind.code)));
        }
        assert_eq!(ProblemCode::find("Invalid"), None);
    }
}
