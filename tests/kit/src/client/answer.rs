//! The answer to one request, and all answers of one navigation.

use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The address of the request.
    pub url: Url,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. Bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Answer {
    /// The first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header that are text.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// The absolute target of a redirect; `None` for any other answer.
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
    /// If the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| {
            panic!("{} answered {} with no JSON ({error}): {}", self.url, self.status, self.body)
        })
    }

    /// The request that the echo application received, parsed from the body.
    ///
    /// # Panics
    /// If the answer is not from the echo application.
    pub fn echoed(&self) -> crate::echo::Received {
        serde_json::from_str(&self.body).unwrap_or_else(|error| {
            panic!("{} answered {}, not the application ({error}): {}", self.url, self.status, self.body)
        })
    }
}

/// All answers of a navigation. The last one is not a redirect.
#[derive(Debug, Clone)]
pub struct Trip {
    /// The answers in order; never empty.
    pub hops: Vec<Answer>,
}

impl Trip {
    /// The last answer.
    ///
    /// # Panics
    /// Never: there is at least one answer.
    pub fn end(&self) -> &Answer {
        self.hops.last().expect("a trip has a hop")
    }

    /// The first answer from an address whose path begins with `prefix`.
    pub fn hop(&self, path: &str) -> Option<&Answer> {
        self.hops.iter().find(|answer| answer.url.path().starts_with(path))
    }

    /// Lists statuses and addresses without queries, one per line, for messages.
    pub fn describe(&self) -> String {
        let line = |answer: &Answer| {
            let mut url = answer.url.clone();
            url.set_query(None);
            format!("{} {url}", answer.status)
        };
        self.hops.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
