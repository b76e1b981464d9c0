//! Usage that others report, as CloudEvents 1.0 in structured mode: one event, or a batch.

use super::caller::Caller;
use super::input::{Write, demand_type};
use super::json;
use super::problems::WriteProblems;
use super::refused::Refused;
use super::reply::Reply;
use crate::body;
use crate::fault::Fault;
use crate::problem_document::{Flaw, Problem};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use gatepost_admin::Context;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_core::usage::{UsageEvent, read_event};
use gatepost_store::directory::DirectoryError;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::pin::Pin;
use utoipa::ToSchema;

/// Events of a batch.
const MOST: usize = 1_000;
/// Bytes of a body.
const MOST_BYTES: usize = 1024 * 1024;
/// The form of the body decides where only JSON is said.
const TYPES: [&str; 3] =
    ["application/cloudevents+json", "application/cloudevents-batch+json", "application/json"];

/// An event of CloudEvents 1.0. Other attributes are allowed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it; `read_event` reads the members")]
pub(super) struct UsageEventBody {
    #[schema(example = "1.0")]
    specversion: String,
    /// With `source` it says which event this is: it counts once in 35 days.
    #[schema(min_length = 1, max_length = 256)]
    id: String,
    #[schema(min_length = 1, max_length = 256, example = "/workflows")]
    source: String,
    /// The meter. Those that Gatepost counts itself are refused.
    #[schema(example = "workflow_runs", pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    r#type: String,
    /// The id of the tenant.
    #[schema(example = "acme")]
    subject: String,
    /// To which day it is added, in UTC: at most 35 days in the past. Absent: today.
    #[schema(format = DateTime)]
    time: Option<String>,
    data: UsageEventData,
}

/// How much was used. Other members are allowed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it")]
pub(super) struct UsageEventData {
    #[schema(minimum = 0, maximum = 1_000_000_000_000_u64)]
    value: u64,
}

/// What became of the events.
#[derive(Serialize, ToSchema)]
pub(super) struct CountedEvents {
    /// So many were added.
    added: u64,
    /// So many were added before, and change nothing.
    repeated: u64,
}

/// The events of a body, as far as they can be read, each with its place, and what is wrong with the others.
pub(super) struct Events {
    read: Vec<(String, UsageEvent)>,
    flaws: Vec<Flaw>,
}

impl FromRequest for Events {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            demand_type(&request, &TYPES)?;
            let text = body::read(&request, MOST_BYTES).await?;
            let body = json::parse(&text).map_err(Problem::invalid)?;
            Ok(Self::of(body, Timestamp::now())?)
        })
    }
}

impl Events {
    fn of(body: Value, now: Timestamp) -> Result<Self, Problem> {
        let events = match body {
            Value::Array(events) if events.len() > MOST => {
                let detail = format!("A batch has at most {MOST} events.");
                return Err(Problem::invalid(vec![Flaw::at("", "too_many", detail)]));
            }
            Value::Array(events) => {
                events.into_iter().enumerate().map(|(number, event)| (format!("/{number}"), event)).collect()
            }
            event => vec![(String::new(), event)],
        };
        let mut found = Self { read: Vec::new(), flaws: Vec::new() };
        for (place, event) in events {
            match read_event(&event, now) {
                Ok(event) => found.read.push((place, event)),
                Err(flaws) => found.flaws.extend(
                    flaws.iter().map(|flaw| Flaw::at(format!("{place}{}", flaw.at), flaw.code, flaw.detail)),
                ),
            }
        }
        Ok(found)
    }

    /// Notes the events about tenants for which nobody reports, or that the caller does not administer: nobody learns which of both.
    fn demand_tenants(&mut self, scope: &Scope, known: &BTreeSet<TenantId>) {
        for (place, event) in &self.read {
            let is_own = scope.allows(&Matter::Tenant(event.tenant.clone())).is_ok();
            if !is_own || !known.contains(&event.tenant) {
                let detail = format!("There is no tenant {}.", event.tenant);
                self.flaws.push(Flaw::at(format!("{place}/subject"), "unknown", detail));
            }
        }
    }
}

/// Adds what others have counted to the usage of tenants: all events, or none if one of them is wrong.
///
/// An event that was added in the last 35 days, by its `source` and `id`, changes nothing. Administrators and keys of a tenant report for
/// the tenant, and hide no event that the platform reports. What they report is limited, and more is answered 409: 100 meters of a tenant in
/// a month (`too_many_meters`), and 100,000 new events of a tenant a day in UTC (`too_many_events`).
#[utoipa::path(post, path = "/api/v1/usage/events", tag = "tenants",
    request_body(content((UsageEventBody = "application/cloudevents+json"), (Vec<UsageEventBody> = "application/cloudevents-batch+json"))),
    responses((status = 200, body = CountedEvents), WriteProblems))]
pub(super) async fn add(
    caller: Caller,
    admin: Data<Context>,
    Write(conditions): Write,
    mut events: Events,
) -> Result<Reply, Refused> {
    let directory = &admin.stores.directory;
    let named = events.read.iter().map(|(_, event)| event.tenant.clone()).collect();
    let is_platform = caller.scope.allows(&Matter::Platform).is_ok();
    let known = directory.find_reportable_tenants(&named, is_platform).await?;
    events.demand_tenants(&caller.scope, &known);
    let Events { read, flaws } = events;
    // There is nothing here that has a version.
    if conditions.if_version.is_some() {
        return Err(DirectoryError::Overtaken(None).into());
    }
    if !flaws.is_empty() {
        return Err(Problem::invalid(flaws).into());
    }
    let read: Vec<UsageEvent> = read.into_iter().map(|(_, event)| event).collect();
    let done = directory.add_usage_events(is_platform, &read, conditions.is_dry_run).await?;
    Ok(Reply::noted(conditions, CountedEvents { added: done.added, repeated: done.repeated }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(id: &str, tenant: &str) -> Value {
        json!({
            "specversion": "1.0", "id": id, "source": "/x", "type": "runs", "subject": tenant, "data": { "value": 1 },
        })
    }

    fn flaws(events: &Events) -> Vec<(&str, &str)> {
        events.flaws.iter().filter_map(|flaw| Some((flaw.pointer.as_deref()?, flaw.code))).collect()
    }

    #[test]
    fn each_flaw_of_a_batch_has_its_place() {
        let batch = json!([event("1", "a"), {}, event("2", "b"), event("", "c"), event("3", "gone")]);
        let mut events = Events::of(batch, Timestamp::now()).expect("events");
        let own: BTreeSet<TenantId> = ["a", "c"].iter().map(|id| id.parse().expect("an id")).collect();
        let mut present = own.clone();
        present.insert("b".parse().expect("an id"));
        events.demand_tenants(&Scope::Tenants(own), &present);
        let want = [
            ("/1/specversion", "missing"),
            ("/1/id", "missing"),
            ("/1/source", "missing"),
            ("/1/type", "missing"),
            ("/1/subject", "missing"),
            ("/1/data/value", "missing"),
            ("/3/id", "malformed"),
            ("/2/subject", "unknown"),
            ("/4/subject", "unknown"),
        ];
        assert_eq!(flaws(&events), want);
    }

    #[test]
    fn one_event_needs_no_list_and_a_list_is_not_too_long() {
        let one = Events::of(event("", "a"), Timestamp::now()).expect("events");
        assert_eq!(flaws(&one), [("/id", "malformed")]);
        let most: Vec<Value> = (0..MOST).map(|id| event(&id.to_string(), "a")).collect();
        assert!(
            Events::of(most.clone().into(), Timestamp::now()).is_ok_and(|events| events.flaws.is_empty())
        );
        let more = [most, vec![event("more", "a")]].concat();
        assert!(Events::of(more.into(), Timestamp::now()).is_err());
    }
}
