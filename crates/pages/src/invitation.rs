//! The page to which the link of an invitation leads: what was offered to whom, and a button that accepts it.

use super::brand::Brand;
use super::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use super::page::Page;
use super::paths;
use gatepost_core::access::Role;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::RequestId;
use gatepost_core::invitation::InvitationSecret;

/// What there is to say about an invitation to somebody who is signed in.
#[derive(Clone, Copy, Debug)]
pub enum Invitation<'a> {
    /// 200: it is theirs.
    Offered {
        /// The name of the tenant, or its id.
        tenant: &'a str,
        role: Role,
        email: &'a EmailAddress,
        secret: &'a InvitationSecret,
        brand: Option<Brand<'a>>,
    },
    /// 403: it is for another address, of which this is what they may read.
    ForSomebodyElse {
        masked: &'a str,
        /// The sealed value of a sign-in that ends at this page.
        to: &'a str,
    },
    /// 410: it was used, withdrawn or replaced, or it is too old.
    Over,
    /// 409: the tenant is suspended.
    Suspended,
    /// 409: the tenant has as many members as it may have.
    Full,
}

/// What an application does with the role, in words.
const fn may(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer: you may look",
        Role::Member => "member: you may work in it",
        Role::Admin => "administrator: you may also decide who else may",
    }
}

impl Invitation<'_> {
    /// Renders the page.
    pub fn page(&self, request_id: RequestId) -> Page {
        let told = |status: u16, heading: &str, paragraphs: [&str; 2]| {
            let tone = if status == 409 { Tone::Wait } else { Tone::Stop };
            let message = Message {
                chrome: Chrome::public(heading, tone, request_id),
                paragraphs: paragraphs.map(str::to_owned).into(),
                facts: Vec::new(),
                actions: vec![
                    Action::new(ActionKind::Link, "Your account", paths::ACCOUNT.to_owned()).quiet(),
                ],
            };
            (status, message)
        };
        let (status, message) = match *self {
            Self::Offered { tenant, role, email, secret, brand } => (
                200,
                Message {
                    chrome: Chrome::public("You are invited", Tone::Calm, request_id).branded(brand),
                    paragraphs: vec![format!(
                        "You can become a member of {tenant}. Nothing changes until you accept."
                    )],
                    facts: vec![
                        Fact::new("Tenant", tenant),
                        Fact::new("As", may(role)),
                        Fact::new("Your address", email.as_str()),
                    ],
                    actions: vec![
                        Action::new(ActionKind::Post, "Accept the invitation", paths::invitation(secret)),
                        Action::new(ActionKind::Link, "Not now", paths::ACCOUNT.to_owned()).quiet(),
                    ],
                },
            ),
            Self::ForSomebodyElse { masked, to } => (403, for_somebody_else(masked, to, request_id)),
            Self::Over => told(
                410,
                "This invitation counts no more",
                [
                    "It was accepted or withdrawn, or it is older than seven days.",
                    "If you accepted it, open the application. Otherwise ask whoever invited you for another one.",
                ],
            ),
            Self::Suspended => told(
                409,
                "Nobody can join just now",
                [
                    "The tenant is suspended. Your invitation stays.",
                    "Ask whoever invited you, and open the link again later.",
                ],
            ),
            Self::Full => told(
                409,
                "There is no room just now",
                [
                    "The tenant has as many members as it may have. Your invitation stays.",
                    "Ask whoever invited you, and open the link again later.",
                ],
            ),
        };
        Page::public(status, render(&message), &[])
    }
}

fn for_somebody_else(masked: &str, to: &str, request_id: RequestId) -> Message {
    let (prompt, select) = paths::SELECT_ACCOUNT;
    let other = paths::login(&[(paths::TO, Some(to)), (prompt, Some(select))]);
    Message {
        chrome: Chrome::public("This invitation is for another address", Tone::Stop, request_id),
        paragraphs: vec![
            format!("It is for {masked}, and you are signed in with another address."),
            "Sign in with that address, or ask whoever invited you to invite the one that you use."
                .to_owned(),
        ],
        facts: Vec::new(),
        actions: vec![
            Action::new(ActionKind::Link, "Use another account", other),
            Action::new(ActionKind::Link, "Your account", paths::ACCOUNT.to_owned()).quiet(),
        ],
    }
}
