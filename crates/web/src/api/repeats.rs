//! `Idempotency-Key`: a POST that comes again is answered as the first time, and made only once.

use super::caller::{Caller, RepeatsOf};
use super::refused::{Refused, running};
use super::reply::Reply;
use crate::fault::Fault;
use crate::problem_document::{Flaw, Problem, ProblemCode};
use crate::request::{data, one};
use actix_web::{HttpMessage, HttpRequest};
use gatepost_admin::Context;
use gatepost_core::secret::Hash;
use gatepost_store::directory::changes::{Once, Repeat, StoredAnswer};
use gatepost_store::directory::{Applicable, Conditions, Done};

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
    let caller = match request.extensions().get::<RepeatsOf>() {
        Some(RepeatsOf(caller)) => caller.clone(),
        None => return Err(Fault::CallerNotChecked),
    };
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

/// Under which terms a POST makes a change.
pub(super) struct Terms {
    pub(super) conditions: Conditions,
    /// The request may come again: it is made once. `None`: it is made each time.
    pub(super) repeat: Option<Repeat>,
}

impl Terms {
    /// Makes a change and answers. An answer that may be asked for again is stored in the transaction of the change.
    ///
    /// # Errors
    /// Those of the change.
    pub(super) async fn carry_out<C: Applicable>(
        self,
        by: (&Context, &Caller),
        change: &C,
        answer: impl Fn(&Done<C::Outcome>, Conditions) -> Reply + Send + Sync,
    ) -> Result<Reply, Refused> {
        self.carry_out_keeping(by, change, &answer, &answer).await
    }

    /// As [`Self::carry_out`], for an answer that is to be given once: what is stored is `kept`.
    ///
    /// # Errors
    /// Those of the change.
    pub(super) async fn carry_out_keeping<C: Applicable>(
        self,
        (admin, caller): (&Context, &Caller),
        change: &C,
        answer: impl Fn(&Done<C::Outcome>, Conditions) -> Reply + Send + Sync,
        kept: impl Fn(&Done<C::Outcome>, Conditions) -> Reply + Send + Sync,
    ) -> Result<Reply, Refused> {
        let Self { conditions, repeat } = self;
        let actor = caller.actor();
        let done = match repeat {
            Some(repeat) => {
                let answer = |done: &Done<C::Outcome>| kept(done, conditions).to_stored();
                admin.carry_out(&Once { change, repeat, answer }, conditions, &actor).await?
            }
            None => admin.carry_out(change, conditions, &actor).await?,
        };
        Ok(answer(&done, conditions))
    }
}
