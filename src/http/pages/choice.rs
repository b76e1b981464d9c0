//! Which provider: one link each.

use super::message::{Chrome, Tone, render};
use super::page::Page;
use super::paths;
use super::style::Sheet;
use askama::Template;
use gatepost_config::ProviderConfig;
use gatepost_core::host::HostName;
use gatepost_core::ids::RequestId;

/// 200: the person chooses.
#[derive(Clone, Copy, Debug)]
pub struct ProviderChoice<'a> {
    /// In this order.
    pub providers: &'a [ProviderConfig],
    /// The sealed value that came with `/login`, passed on as it is.
    pub to: Option<&'a str>,
    /// Where the sign-in ends, if on a protected host.
    pub host: Option<&'a HostName>,
    /// The provider shall ask which account.
    pub other_account: bool,
    /// Finds the log line.
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
    /// The page.
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
        let chrome = Chrome::public("How do you sign in?", Tone::Calm, self.request_id);
        Page::public(200, render(&View { chrome, host: self.host, links: links.collect() }), &[])
    }
}
