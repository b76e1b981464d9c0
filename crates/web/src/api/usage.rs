//! What tenants use, and their bills.

use super::caller::Caller;
use super::list::{Filter, Filtered, Parameters};
use super::media;
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::builder;
use crate::extract::Path;
use crate::problem_document::Problem;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, VARY};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use gatepost_admin::views::{TenantBill, TenantUsage};
use gatepost_admin::{Context, SpanError, UsageSpan, UsageStep};
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_core::usage::Month;
use serde_json::json;
use utoipa::IntoParams;

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const CLOUD_EVENTS: &str = "application/cloudevents-batch+json";

/// Which days.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct UsageParameters {
    /// The first day, in UTC. Without it: the first of the month; by month, eleven months before the last one.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// The last day. Without it: today. At most 400 days.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
    /// `day`, or `month` for whole months.
    #[param(value_type = Option<String>)]
    by: Option<String>,
}

/// What is asked for. `None` only beside a flaw.
pub(super) struct Span(Option<UsageSpan>);

impl Filter for Span {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        let (from, to) = (parameters.one::<Day>("from"), parameters.one::<Day>("to"));
        let step = parameters.one::<UsageStep>("by").unwrap_or_default();
        let span = UsageSpan::new(from, to, step, Timestamp::now().day());
        if let Err(error) = span {
            let (name, detail) = match error {
                SpanError::Backwards => ("to", "It must not be before `from`."),
                SpanError::TooLong => ("from", "An answer has at most 400 days."),
            };
            parameters.flaw(name, "out_of_range", detail);
        }
        Self(span.ok())
    }
}

/// The month of a bill, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads it")]
pub(super) struct BillParameters {
    /// The month in UTC, as `2026-11`.
    #[param(value_type = String, example = "2026-11")]
    month: String,
}

/// The month of a bill. `None` only beside a flaw.
pub(super) struct BillMonth(Option<Month>);

impl Filter for BillMonth {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        if !parameters.has("month") {
            parameters.flaw("month", "missing", "Say which month, as 2026-11.");
        }
        Self(parameters.one::<Month>("month"))
    }
}

/// Says what a tenant used, by day or month in UTC.
///
/// What replicas count is there within 10 seconds. With `Accept: application/cloudevents-batch+json` days whose values are final are told as
/// events, one for each meter and tool server, whose ids are the same at each reading: what Gatepost counts an hour after the end of the
/// day, what others report 35 days and an hour after it.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/usage", tag = "tenants", params(("id" = String, Path), UsageParameters),
    responses((status = 200, content((TenantUsage = "application/json"), (String = "text/csv"),
        (Vec<serde_json::Value> = "application/cloudevents-batch+json"))), ReadProblems))]
pub(super) async fn usage(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Filtered(Span(span)): Filtered<Span>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let tenant = super::tenants::find(&caller, &admin, id).await?;
    let Some(span) = span else { return Err(Problem::invalid(Vec::new()).into()) };
    let usage = admin.read_usage(&tenant, span).await?;
    let source = admin.site.config.public_url.to_string();
    Ok(answer(&request, &[JSON, CSV, CLOUD_EVENTS], |media| match media {
        CSV => usage.to_csv(),
        CLOUD_EVENTS => usage.to_cloud_events(&source, Timestamp::now()).to_string(),
        _ => json!(usage).to_string(),
    }))
}

/// Says what a tenant owes for a month, by the prices that its tier has now.
///
/// A month before the tenant was created, after it was deleted or in the future has a `base` of 0.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/bill", tag = "tenants", params(("id" = String, Path), BillParameters),
    responses((status = 200, content((TenantBill = "application/json"), (String = "text/csv"))), ReadProblems))]
pub(super) async fn bill(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Filtered(BillMonth(month)): Filtered<BillMonth>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let tenant = super::tenants::find(&caller, &admin, id).await?;
    let Some(month) = month else { return Err(Problem::invalid(Vec::new()).into()) };
    let bill = admin.read_bill(&tenant, month).await?;
    Ok(answer(&request, &[JSON, CSV], |media| match media {
        CSV => bill.to_csv(),
        _ => json!(bill).to_string(),
    }))
}

fn answer(
    request: &HttpRequest,
    offered: &[&'static str],
    text: impl FnOnce(&str) -> String,
) -> HttpResponse {
    let media = media::choose(request, offered);
    let content_type = if media == CSV { "text/csv; charset=utf-8" } else { media };
    let mut answer = builder(StatusCode::OK);
    answer.insert_header((CONTENT_TYPE, content_type)).insert_header((VARY, "accept"));
    if request.method() == "HEAD" { answer.finish() } else { answer.body(text(media)) }
}
