//! What a test can set up in advance: keys, failures, lies, and sign-outs that start at the provider.

use super::backchannel::{self, LogoutToken};
use super::world::{ActiveLie, Scripted};
use super::{Entra, errors, logout};
use crate::lies::Lie;

/// Keys, scripted answers, lies.
impl Entra {
    /// Signs with a new key from now on. The previous key stays published.
    pub fn rotate_keys(&self) {
        self.shared.world().keys.rotate(false);
    }

    /// Signs with a new key from now on, and only publishes that one, as in an emergency rollover.
    pub fn replace_keys(&self) {
        self.shared.world().keys.rotate(true);
    }

    /// Makes each fetch return another subset of the keys, and every fourth none.
    pub fn flap_keys(&self, on: bool) {
        self.shared.world().keys.flap(on);
    }

    /// Makes refresh tokens valid only once. A second use revokes the whole family.
    pub fn rotate_strictly(&self, on: bool) {
        self.shared.world().rotates_strictly = on;
    }

    /// Refuses the next valid authorization request by redirect, for example with `("access_denied", "AADSTS65004:
    /// ...")`.
    pub fn next_authorize_error(&self, error: &str, description: &str) {
        self.shared.world().authorize_errors.push_back((error.to_owned(), description.to_owned()));
    }

    /// Answers the next `times` token requests with this, without redeeming anything.
    pub fn fail_token(&self, status: u16, body: &str, times: usize) {
        let scripted = Scripted { status, body: body.to_owned(), retry_after: None };
        self.shared.world().token_answers.extend(std::iter::repeat_n(scripted, times));
    }

    /// The next token request is throttled, with this `Retry-After`.
    pub fn throttle_token(&self, retry_after: &str) {
        let (body, retry_after) = ("{}".to_owned(), Some(retry_after.to_owned()));
        self.shared.world().token_answers.push_back(Scripted { status: 429, body, retry_after });
    }

    /// Like [`Self::fail_token`], with Entra's body: `fail_token_as(503, "temporarily_unavailable", "AADSTS90033: ...",
    /// 1)`.
    pub fn fail_token_as(&self, status: u16, error: &str, description: &str, times: usize) {
        let now = self.shared.world().now();
        self.fail_token(status, &errors::body(error, description, now).to_string(), times);
    }

    /// Throttles the next `times` Graph calls. `retry_after` is in seconds and may have a fraction (`2.128`), as in
    /// Graph.
    pub fn graph_throttle(&self, times: usize, retry_after: &str) {
        let body = r#"{"error":{"code":"TooManyRequests","message":"Too many requests"}}"#.to_owned();
        let scripted = Scripted { status: 429, body, retry_after: Some(retry_after.to_owned()) };
        self.shared.world().graph_answers.extend(std::iter::repeat_n(scripted, times));
    }

    /// Makes the next `times` Graph calls fail.
    pub fn graph_fail(&self, status: u16, times: usize) {
        let body = r#"{"error":{"code":"UnknownError","message":"scripted"}}"#.to_owned();
        let scripted = Scripted { status, body, retry_after: None };
        self.shared.world().graph_answers.extend(std::iter::repeat_n(scripted, times));
    }

    /// Tells this lie on every occasion until it is changed.
    pub fn lie(&self, lie: Option<Lie>) {
        let mut world = self.shared.world();
        world.active_lie = lie.map(|lie| ActiveLie { lie, once: false });
        world.last_lie = lie;
    }

    /// Tells this lie only on the next occasion.
    pub fn lie_once(&self, lie: Lie) {
        let mut world = self.shared.world();
        world.active_lie = Some(ActiveLie { lie, once: true });
        world.last_lie = Some(lie);
    }

    /// How often a lie has been told.
    pub fn lies_told(&self) -> usize {
        self.shared.world().lies_told
    }
}

/// Sign-outs that start at the provider.
impl Entra {
    /// The address that the iframe loads at sign-out: the registered address with `sid`, and with `iss` except for
    /// Entra.
    pub fn frontchannel_logout_url(&self, sid: &str) -> Option<String> {
        logout::frontchannel_address(&self.shared.world(), sid)
    }

    /// Builds a signed logout token.
    pub fn build_logout_token(&self, token: &LogoutToken) -> String {
        backchannel::build(&mut self.shared.world(), token)
    }

    /// POSTs a logout token together with a form field that must be ignored.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send_backchannel_logout(
        &self,
        url: &str,
        token: &LogoutToken,
    ) -> reqwest::Result<reqwest::Response> {
        crate::client::install_crypto();
        let form =
            [("logout_token", self.build_logout_token(token)), ("unknown", "to be ignored".to_owned())];
        reqwest::Client::new().post(url).form(&form).send().await
    }
}
