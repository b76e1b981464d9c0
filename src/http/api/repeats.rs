//! `Idempotency-Key`: a POST that comes again is answered as the first time, and made only once.

use super::refused::{Refused, running};
use super::reply::Reply;
use crate::admin::Context;
use crate::http::problem_document::{Flaw, Problem, ProblemCode};
use crate::http::public::fault::Fault;
use crate::http::public::request::{browser, data, one};
use actix_web::HttpRequest;
use gatepost_core::secret::Hash;
use gatepost_store::directory::Conditions;
use gatepost_store::directory::changes::{Repeat, StoredAnswer};

const HEADER: &str = "idempotency-key";

/// The request, if it has a key and was not answered before.
///
/// # Errors
/// The first answer, or why there is none.
pub(super) async fn repeat(request: &HttpRequest, body: &[u8]) -> Result<Option<Repeat>, Fault> {
    if request.method() != "POST" || !request.headers().contains_key(HEADER) {
        return Ok(None);
    }
    let key = one(request.headers(), HEADER).filter(|key| is_key(key)).ok_or_else(malformed)?;
    let browser = browser(request);
    let caller = browser.held.as_ref().and_then(|held| held.value.as_ref()).map(|value| value.user);
    let caller = caller.map(|user| user.to_string()).unwrap_or_default();
    let uri = request.uri().to_string();
    let repeat = Repeat {
        key: Hash::of(&[b"api", caller.as_bytes(), key.as_bytes()]),
        request: Hash::of(&[uri.as_bytes(), body]),
    };
    let found = data::<Context>(request).stores.directory.find_answer(repeat).await;
    match found.map_err(Refused::from).map_err(Refused::into_fault)? {
        None => Ok(Some(repeat)),
        Some(StoredAnswer::Known(answer)) => Err(Fault::Answered(answer)),
        Some(StoredAnswer::Unknown) => Err(running().into()),
        Some(StoredAnswer::OfAnotherRequest) => {
            Err(Problem::new(ProblemCode::KeyReused, "This Idempotency-Key belongs to another request.")
                .into())
        }
    }
}

/// 1 to 128 visible characters of ASCII.
fn is_key(key: &str) -> bool {
    (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn malformed() -> Fault {
    let detail = "Idempotency-Key has 1 to 128 visible ASCII characters, and occurs once.";
    Problem::invalid(vec![Flaw::of_header("Idempotency-Key", "malformed", detail)]).into()
}

/// Keeps the answer of a change that may come again.
///
/// # Errors
/// The directory does not answer. The change was made.
pub(super) async fn kept(admin: &Context, conditions: Conditions, reply: Reply) -> Result<Reply, Refused> {
    if let Some(repeat) = conditions.repeat.filter(|_| !conditions.is_dry_run) {
        admin.stores.directory.keep_answer(repeat, &reply.to_stored()).await?;
    }
    Ok(reply)
}
