//! The audit: entries, as a list and as a stream, and the heads.

use super::api::{Api, Call};
use super::error::ApiError;
use super::lines::Lines;
use super::pages::{Items, PAGE};
use gatepost_admin::views::{AuditEntry, AuditHead};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::AuditFilter;
use reqwest::Method;
use std::ops::ControlFlow;
use std::time::Duration;

impl Api {
    /// The newest entries that match, at most so many.
    pub(crate) async fn list_audit(
        &self,
        filter: &AuditFilter,
        most: usize,
    ) -> Result<Vec<AuditEntry>, ApiError> {
        let query = parameters(filter);
        // The API begins at a second, and a cursor in it.
        let is_meant = |entry: &AuditEntry| {
            filter.before.is_none_or(|before| entry.cursor().is_some_and(|cursor| cursor.is_after(before)))
        };
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut found = Vec::new();
        let take = |page: Items<AuditEntry>| {
            found.extend(page.items.into_iter().filter(is_meant));
            let is_enough = found.len() >= most;
            Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        self.for_each_page::<_, ApiError>(&["audit"], (&query, PAGE.min(most)), take).await?;
        found.truncate(most);
        Ok(found)
    }

    /// Takes all entries that match, newest first, one after the other.
    pub(crate) async fn export_audit<E: From<ApiError>>(
        &self,
        filter: &AuditFilter,
        mut take: impl FnMut(AuditEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        let query = parameters(filter);
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let call = Call { query: &query, ..Call::new(&Method::GET, &["audit", "export"]) };
        let mut lines = Lines::of(self, call).await?;
        while let Some(line) = lines.next().await? {
            take(self.parse(&line)?)?;
        }
        Ok(())
    }

    /// The heads of the hours from this time on.
    pub(crate) async fn list_audit_heads(
        &self,
        since: Option<Timestamp>,
    ) -> Result<Vec<AuditHead>, ApiError> {
        let since = since.map(rfc3339);
        let query: Vec<(&str, &str)> = since.iter().map(|since| ("since", since.as_str())).collect();
        self.list(&["audit", "heads"], &query).await
    }
}

fn parameters(filter: &AuditFilter) -> Vec<(&'static str, String)> {
    let AuditFilter {
        targets, user, actor, key, actions, tenant, request_id, via, since, until, before, ..
    } = filter;
    let last = before.map(|before| before.at().plus(Duration::from_secs(1)));
    let until = until.iter().copied().chain(last).min();
    let one = [
        ("user", user.map(|user| user.to_string())),
        ("actor", actor.as_ref().map(ToString::to_string)),
        ("key", key.map(|key| key.to_string())),
        ("tenant", tenant.as_ref().map(ToString::to_string)),
        ("request", request_id.map(|id| id.to_string())),
        ("via", via.map(|via| via.as_str().to_owned())),
        ("since", since.map(rfc3339)),
        ("until", until.map(rfc3339)),
    ];
    let mut all: Vec<_> = one.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    all.extend(targets.iter().map(|target| ("target", target.clone())));
    all.extend(actions.iter().map(|action| ("action", action.clone())));
    all
}
