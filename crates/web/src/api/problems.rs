//! The problems that operations answer with, as the `OpenAPI` document lists them.

use crate::problem_document::ProblemCode;
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Ref, RefOr};

/// The problems of every operation.
pub(super) struct ReadProblems;
/// The problems of an operation that changes something, or that takes a body.
pub(super) struct WriteProblems;

const OF_READS: [ProblemCode; 8] = [
    ProblemCode::Invalid,
    ProblemCode::Unauthenticated,
    ProblemCode::Forbidden,
    ProblemCode::NotFound,
    ProblemCode::Erased,
    ProblemCode::TooLarge,
    ProblemCode::TooManyRequests,
    ProblemCode::Unavailable,
];
const OF_WRITES: [ProblemCode; 5] = [
    ProblemCode::BodyTimeout,
    ProblemCode::State,
    ProblemCode::Overtaken,
    ProblemCode::MediaType,
    ProblemCode::NotPossible,
];

type Responses = BTreeMap<String, RefOr<Response>>;

impl IntoResponses for ReadProblems {
    fn responses() -> Responses {
        OF_READS.into_iter().map(response).collect()
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> Responses {
        OF_READS.into_iter().chain(OF_WRITES).map(response).collect()
    }
}

fn response(code: ProblemCode) -> (String, RefOr<Response>) {
    let kind = code.kind();
    let schema = Ref::from_schema_name("ProblemDocument");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response =
        ResponseBuilder::new().description(kind.title).content("application/problem+json", content);
    (kind.status.as_str().to_owned(), response.build().into())
}
