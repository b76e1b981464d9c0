//! What a scripted browser got for one request, and the hops of one navigation.

use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

/// One answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked for.
    pub url: Url,
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body; bytes that are no UTF-8 are replaced.
    pub body: String,
}

impl Answer {
    /// First value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every value of a header that is text.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// Where a redirect leads, resolved; none for other answers.
    pub fn location(&self) -> Option<Url> {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
            .then(|| self.url.join(self.header("location")?).ok())?
    }

    /// The `Set-Cookie` line for `name`.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        lines.into_iter().find(|line| line.split('=').next() == Some(name))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| {
            panic!("{} answered {} with no JSON ({error}): {}", self.url, self.status, self.body)
        })
    }

    /// The body as what the echo application received.
    ///
    /// # Panics
    /// When the answer is not the application's.
    pub fn echoed(&self) -> crate::echo::Received {
        serde_json::from_str(&self.body).unwrap_or_else(|error| {
            panic!("{} answered {}, not the application ({error}): {}", self.url, self.status, self.body)
        })
    }
}

/// A navigation: every answer on the way, the last one without a redirect.
#[derive(Debug, Clone)]
pub struct Trip {
    /// The answers in order; never empty.
    pub hops: Vec<Answer>,
}

impl Trip {
    /// Where the navigation ended.
    ///
    /// # Panics
    /// Never: a trip has a hop.
    pub fn end(&self) -> &Answer {
        self.hops.last().expect("a trip has a hop")
    }

    /// The first hop to an address whose path begins so.
    pub fn hop(&self, path: &str) -> Option<&Answer> {
        self.hops.iter().find(|answer| answer.url.path().starts_with(path))
    }

    /// Statuses and addresses without queries, one per line: for messages.
    pub fn describe(&self) -> String {
        let line = |answer: &Answer| {
            let mut url = answer.url.clone();
            url.set_query(None);
            format!("{} {url}", answer.status)
        };
        self.hops.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
