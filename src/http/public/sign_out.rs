//! Signing out here, and being told by a provider that somebody signed out there.

use super::{Visit, unique_pairs};
use crate::http::pages;
use crate::http::respond::{self, Answer};
use crate::login::{Problem, end};
use crate::session::values::SignOutTicket;
use crate::telemetry::Chain;
use hyper::StatusCode;

impl Visit<'_> {
    /// Whoever comes with a ticket clicked on a protected host's own page; without one a link may be anybody's.
    pub(super) async fn logout(&self) -> Answer {
        let query = self.parameters();
        let ticket = query.get("t").and_then(|sealed| end::open_ticket(self.state, sealed));
        if ticket.is_some() || self.is_own_page() {
            return self.finish_logout(ticket.as_ref()).await;
        }
        let live = match self.visitor.live(self.state).await {
            Ok(live) => live,
            Err(error) => return self.problem(&Problem::Unavailable(error), None),
        };
        let email = live.as_ref().and_then(|principal| principal.standing.person.email.as_ref());
        let targets = self.state.sign_out_targets();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        respond::page(pages::confirm_sign_out(email, &targets, self.visitor.request_id), self.is_head())
    }

    pub(super) async fn finish_logout(&self, ticket: Option<&SignOutTicket>) -> Answer {
        if self.is_head() {
            return respond::empty(StatusCode::OK);
        }
        let result = end::sign_out(self.state, &self.visitor, ticket).await;
        self.step(result, None)
    }

    pub(super) fn logged_out(&self) -> Answer {
        let query = self.parameters();
        let provider = query.get("provider").and_then(|id| id.parse().ok());
        let label = provider
            .and_then(|id| self.state.providers.find(&id))
            .map(|provider| provider.label().to_owned());
        respond::page(pages::signed_out(label.as_deref(), self.visitor.request_id), self.is_head())
    }

    pub(super) async fn front_channel_logout(&self) -> Answer {
        let query = self.parameters();
        let sid = query.get("sid").map(String::as_str).filter(|sid| !sid.is_empty() && sid.len() <= 256);
        if let Some(sid) = sid.filter(|_| !self.is_head()) {
            let issuer = query.get("iss").map(String::as_str);
            if let Err(error) = end::front_channel(self.state, &self.visitor, sid, issuer).await {
                return self.problem(&Problem::Unavailable(error), None);
            }
        }
        // The provider shows this in a frame; nothing here can be clicked.
        respond::text(StatusCode::OK, "text/plain; charset=utf-8", String::new())
    }

    pub(super) async fn back_channel_logout(&self) -> Answer {
        let mut form = unique_pairs(&self.body);
        let Some(token) = form.remove("logout_token") else { return respond::empty(StatusCode::BAD_REQUEST) };
        match end::back_channel(self.state, &self.visitor, &token).await {
            Ok(()) => respond::empty(StatusCode::OK),
            Err(error @ (end::BackChannelError::Refused(_) | end::BackChannelError::Replayed)) => {
                tracing::warn!(request.id = %self.visitor.request_id, error = %Chain(&error), "refused a logout token");
                respond::empty(StatusCode::BAD_REQUEST)
            }
            Err(error @ end::BackChannelError::KeysUnavailable(_)) => {
                tracing::warn!(request.id = %self.visitor.request_id, error = %Chain(&error), "a logout token must come again");
                self.page(self.unavailable())
            }
            Err(end::BackChannelError::Unavailable(error)) => {
                self.problem(&Problem::Unavailable(error), None)
            }
        }
    }
}
