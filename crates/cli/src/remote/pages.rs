//! Lists of the API, which come page by page.
//!
//! Guarantee: a list that does not end is refused, whoever reads it.

use super::api::{Api, Call};
use super::error::ApiError;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::ops::ControlFlow;

/// Items of a page: as many as the API gives.
pub(super) const PAGE: usize = 200;
/// The most pages of a list that are read: two million things.
const MOST_PAGES: usize = 10_000;

/// The items of a page.
#[derive(Debug, Deserialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
}

impl Api {
    /// Reads the pages of a list, one after the other, until `take` breaks or there is no next one. There is one page at
    /// least. The place of the next page is taken out of each page.
    ///
    /// # Errors
    /// [`ApiError`], and what `take` says.
    pub(super) async fn for_each_page<T: DeserializeOwned, E: From<ApiError>>(
        &self,
        path: &[&str],
        (query, limit): (&[(&str, &str)], usize),
        mut take: impl FnMut(T) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let limit = limit.to_string();
        let mut next = None::<String>;
        for _ in 0..MOST_PAGES {
            let mut asked = [query, &[("limit", &limit)]].concat();
            asked.extend(next.as_deref().map(|next| ("after", next)));
            let call = Call { query: &asked, ..Call::new(&Method::GET, path) };
            let mut page = self.send(call).await?.body;
            next = self.read(page.get_mut("next").map(Value::take).unwrap_or_default())?;
            if take(self.read(page)?)?.is_break() || next.is_none() {
                return Ok(());
            }
        }
        Err(self.too_long().into())
    }

    /// Reads a whole list.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, ApiError> {
        let mut all = Vec::new();
        let take = |page: Items<T>| {
            all.extend(page.items);
            Ok(ControlFlow::Continue(()))
        };
        self.for_each_page(path, (query, PAGE), take).await.map(|()| all)
    }
}
