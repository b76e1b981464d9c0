//! `/logos/`: the pictures of tenants. Anybody may ask, so only those that pages show are looked for, a few at a time, and what
//! was asked for last is kept.

use super::answer;
use super::extract::Path;
use super::fault::Fault;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue};
use actix_web::{HttpResponse, web};
use gatepost_core::branding::LogoName;
use gatepost_pages::Asset;
use gatepost_runtime::authn::LoadError;
use gatepost_sign_in::{Browser, Context};
use hyper::body::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Pictures that are kept, at most 64 KiB each.
const KEPT: usize = 32;
/// Pictures that are read from the directory at once.
const AT_ONCE: usize = 2;
/// How long a request waits until it may read.
const PATIENCE: Duration = Duration::from_secs(1);
/// A picture that is opened by itself is a document: it loads nothing and runs nothing.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// The pictures that were asked for last, the newest at the end.
#[derive(Debug)]
pub(super) struct Logos {
    kept: Mutex<VecDeque<(LogoName, Bytes)>>,
    permits: Semaphore,
}

impl Default for Logos {
    fn default() -> Self {
        Self { kept: Mutex::default(), permits: Semaphore::new(AT_ONCE) }
    }
}

impl Logos {
    fn find_kept(&self, name: LogoName) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(own, _)| *own == name).map(|(_, bytes)| bytes.clone())
    }

    fn keep(&self, name: LogoName, bytes: Bytes) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(own, _)| *own != name);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((name, bytes));
    }

    async fn find(&self, context: &Context, name: LogoName) -> Result<Option<Bytes>, Fault> {
        if let Some(kept) = self.find_kept(name) {
            return Ok(Some(kept));
        }
        let Ok(Ok(_permit)) = timeout(PATIENCE, self.permits.acquire()).await else {
            return Err(LoadError::Deadline.into());
        };
        // Another request may have read it meanwhile.
        if let Some(kept) = self.find_kept(name) {
            return Ok(Some(kept));
        }
        let read = context.stores.directory.find_logo(name).await?.map(Bytes::from);
        if let Some(bytes) = &read {
            self.keep(name, bytes.clone());
        }
        Ok(read)
    }
}

/// Answers with a picture that the pages of a tenant show.
///
/// # Errors
/// `NotFound`; the directory does not answer.
pub(super) async fn show(
    _: Rc<Browser>,
    context: web::Data<Context>,
    logos: web::Data<Logos>,
    Path(name): Path<LogoName>,
) -> Result<HttpResponse, Fault> {
    if !context.hosts.shows_logo(name).await? {
        return Err(Fault::NotFound);
    }
    let bytes = logos.find(&context, name).await?.ok_or(Fault::NotFound)?;
    let mut answer = answer::text(name.kind.media_type(), bytes, Asset::CACHE_CONTROL);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    Ok(answer)
}
