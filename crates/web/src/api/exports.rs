//! Everything that is held about a person or a tenant: one object of JSON whose last member is the audit, page by page.

use super::caller::Caller;
use super::refused::Refused;
use super::reply::builder;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, StreamExt};
use gatepost_admin::Context;
use gatepost_admin::audit::Export;
use gatepost_admin::views::AuditEntry;
use gatepost_core::administration::{Denied, Matter, Scope};
use gatepost_core::error_chain::Chain;
use gatepost_store::directory::{AuditFilter, AuditRecord, DirectoryError};
use serde::Serialize;
use serde_json::json;

/// What ends the text of an object whose last member is an empty list.
const END: &[u8] = b"]}";

/// What is told beside the object's own members, and to whom.
pub(super) struct Told<F> {
    /// Who asks, and what they must still administer at each page. `None`: the person whom it is about.
    pub(super) by: Option<(Caller, Matter)>,
    pub(super) filter: AuditFilter,
    /// An entry as the reader may read it.
    pub(super) entry: F,
    /// The name under which a browser keeps it.
    pub(super) file: &'static str,
}

/// Why an export does not go on.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    #[error("the caller does not administer it any more")]
    Nobody(#[source] Denied),
    #[error("the caller's session could not be checked")]
    Session(#[source] gatepost_sign_in::Problem),
    #[error("the directory could not be read")]
    Directory(#[from] DirectoryError),
}

impl<F: Fn(&AuditRecord) -> AuditEntry + 'static> Told<F> {
    /// Answers with everything but the audit at once, so that an outage is a 503, then page by page with the audit. The last
    /// member of `data` is an empty list of the entries.
    ///
    /// # Errors
    /// The directory does not answer.
    pub(super) async fn answer(
        self,
        admin: &Context,
        context: Data<gatepost_sign_in::Context>,
        data: &impl Serialize,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Refused> {
        let mut begin = serde_json::to_vec(data).map_err(DirectoryError::unreadable)?;
        begin.truncate(begin.len() - END.len());
        let mut answer = builder(StatusCode::OK);
        answer.insert_header((CONTENT_TYPE, "application/json"));
        answer.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.file)));
        if request.method() == "HEAD" {
            return Ok(answer.finish());
        }
        let mut export = Export::new(admin, self.filter.clone());
        let scope = self.by.as_ref().map_or(&Scope::System, |(caller, _)| &caller.scope);
        let page = export.next(scope).await?;
        let (first, is_over) = (self.entries(&page, false), page.is_empty());
        // What is written from now on is not in it: after an empty page there is none.
        let rest = stream::try_unfold((export, self, is_over), move |(mut export, told, is_over)| {
            let context = context.clone();
            async move {
                if is_over {
                    return Ok(None);
                }
                let page = told.next_page(&mut export, &context).await;
                let page = page.inspect_err(
                    |why| tracing::warn!(error = %Chain(why), "an export of held data broke off"),
                )?;
                Ok::<_, BrokenOff>(
                    (!page.is_empty()).then(|| (told.entries(&page, true), (export, told, false))),
                )
            }
        });
        let begin = stream::iter([Ok(Bytes::from(begin)), Ok(first)]);
        Ok(answer.streaming(begin.chain(rest).chain(stream::iter([Ok(Bytes::from_static(END))]))))
    }

    async fn next_page(
        &self,
        export: &mut Export,
        context: &gatepost_sign_in::Context,
    ) -> Result<Vec<AuditRecord>, BrokenOff> {
        let Some((caller, matter)) = &self.by else { return Ok(export.next(&Scope::System).await?) };
        let scope = caller.scope_now(context).await.map_err(BrokenOff::Session)?;
        scope.allows(matter).map_err(BrokenOff::Nobody)?;
        Ok(export.next(&scope).await?)
    }

    fn entries(&self, page: &[AuditRecord], goes_on: bool) -> Bytes {
        let texts: Vec<String> = page.iter().map(|entry| json!((self.entry)(entry)).to_string()).collect();
        let text = texts.join(",\n");
        if goes_on { format!(",\n{text}").into() } else { text.into() }
    }
}
