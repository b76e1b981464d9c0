//! Who can open something, what somebody can open, and why a request passes or not.

use super::api::Api;
use super::error::ApiError;
use super::pages::PAGE;
use gatepost_admin::access::What;
use gatepost_admin::explain::{Asker, Initiator, Question};
use gatepost_admin::views::{AccessList, Openable, OpeningKeyList};
use gatepost_core::calendar::rfc3339;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_pages::explanation::{Explanation, PastRequest};
use gatepost_store::directory::Conditions;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::ops::ControlFlow;

impl Api {
    /// Reads everybody who can open it, page by page.
    pub(crate) async fn for_each_opener<E: From<ApiError>>(
        &self,
        what: &What,
        take: impl FnMut(AccessList) -> Result<(), E>,
    ) -> Result<(), E> {
        self.for_each_answer(&["access"], what, take).await
    }

    /// The same of the keys that can open it.
    pub(crate) async fn for_each_opening_key<E: From<ApiError>>(
        &self,
        what: &What,
        take: impl FnMut(OpeningKeyList) -> Result<(), E>,
    ) -> Result<(), E> {
        self.for_each_answer(&["access", "keys"], what, take).await
    }

    async fn for_each_answer<T: DeserializeOwned, E: From<ApiError>>(
        &self,
        path: &[&str],
        what: &What,
        mut take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let (name, value) = match what {
            What::Host(host) => ("host", host.to_string()),
            What::Requirement(query) => ("requirement", query.clone()),
            What::Tenant(id) => ("tenant", id.to_string()),
            What::Tool(tool) => ("tool", tool.to_string()),
        };
        let take = |page| take(page).map(ControlFlow::Continue);
        self.for_each_page(path, (&[(name, &value)], PAGE), take).await
    }

    /// What somebody can open; `None`: there is no such person.
    pub(crate) async fn find_openable(&self, user: UserId) -> Result<Option<Openable>, ApiError> {
        self.find(&["users", &user.to_string(), "access"]).await
    }

    /// Why a request that somebody might send passes or not.
    pub(crate) async fn explain(&self, question: &Question) -> Result<Explanation, ApiError> {
        self.explained(body(question)).await
    }

    /// What is known about a request that was sent.
    pub(crate) async fn explain_request(&self, id: RequestId) -> Result<PastRequest, ApiError> {
        self.explained(json!({ "request": id.to_string() })).await
    }

    async fn explained<T: DeserializeOwned>(&self, body: Value) -> Result<T, ApiError> {
        let answer = self.change(&Method::POST, &["explain"], Some(&body), Conditions::default()).await?;
        self.read(answer.body)
    }
}

/// The members of a question. A member that is `null` is as if it were absent.
fn body(question: &Question) -> Value {
    let Question { asker, url, method, requirement, initiator, at, call, .. } = question;
    let (user, key) = match asker {
        Asker::Person(user) => (Some(user.to_string()), None),
        Asker::Key(key) => (None, Some(key.to_string())),
    };
    let from = match initiator {
        Initiator::Page(origin) => Some(origin.to_string()),
        Initiator::Own | Initiator::Unnamed => None,
    };
    let mut body = json!({
        "user": user,
        "key": key,
        "url": url.to_string(),
        "method": method.as_str(),
        "requirement": requirement,
        "from": from,
        "at": at.map(rfc3339),
    });
    if let Some(call) = call {
        body[call.kind.as_str()] = call.name.as_str().into();
    }
    body
}
