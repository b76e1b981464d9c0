//! The page where a person chooses a provider: one link for each.

use super::brand::Brand;
use super::message::{Chrome, Tone, render};
use super::page::Page;
use super::paths;
use super::style::Sheet;
use askama::Template;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ProviderId, RequestId};

/// A provider that a person can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub id: ProviderId,
    /// The name that people see.
    pub label: String,
}

/// 200: the person chooses a provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderChoice<'a> {
    /// The providers, in the order of the page.
    pub providers: &'a [Offer],
    /// The sealed value that came with `/login`, passed on unchanged.
    pub to: Option<&'a str>,
    /// The host where the sign-in ends, if it is a protected one.
    pub host: Option<&'a HostName>,
    /// The provider must ask which account to use.
    pub other_account: bool,
    /// Of the tenant whose host it is.
    pub brand: Option<Brand<'a>>,
    /// The id of the request in the log.
    pub request_id: RequestId,
}

#[derive(Template)]
#[template(path = "choice.html")]
struct View<'a> {
    chrome: Chrome,
    host: Option<&'a HostName>,
    links: Vec<Link<'a>>,
}

struct Link<'a> {
    href: String,
    label: &'a str,
}

impl ProviderChoice<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (prompt, select) = paths::SELECT_ACCOUNT;
        let prompt = (prompt, self.other_account.then_some(select));
        let links = self.providers.iter().map(|provider| Link {
            href: paths::login(&[
                (paths::TO, self.to),
                (paths::PROVIDER, Some(provider.id.as_str())),
                prompt,
            ]),
            label: &provider.label,
        });
        let chrome = Chrome::public("How do you sign in?", Tone::Calm, self.request_id).branded(self.brand);
        Page::public(200, render(&View { chrome, host: self.host, links: links.collect() }), &[])
    }
}
