//! Who looks at keys: an administrator in the portal, or a person among their own.

use crate::answer::{PageAnswer, Redirect};
use crate::callers::{Administrator, Person};
use crate::fault::Fault;
use actix_web::Either;
use gatepost_admin::Context;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{KeyId, rules};
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_pages::Frame;
use gatepost_pages::admin::{KeyPages, PlaceNotice, RefusedChange};
use gatepost_store::directory::changes::{Repeat, StoredAnswer};
use gatepost_store::directory::{Actor, KeyRecord, Via, Who};

use super::super::change::{FormAnswer, Impossible, Refused};

/// Who looks at keys.
pub(crate) struct KeyReader {
    person: Person,
    /// What they administer. In one's own account it may be nothing.
    pub(super) scope: Scope,
    reader: String,
    pub(super) pages: KeyPages,
}

impl From<Administrator> for KeyReader {
    fn from(administrator: Administrator) -> Self {
        let Administrator { person, scope, reader } = administrator;
        Self { person, scope, reader, pages: KeyPages::Portal }
    }
}

impl From<Person> for KeyReader {
    fn from(person: Person) -> Self {
        let own = &person.principal.standing;
        let (scope, id) = (Scope::of(own), own.person.id);
        let reader = own.person.email.as_ref().map_or_else(|| id.to_string(), ToString::to_string);
        Self { person, scope, reader, pages: KeyPages::Account }
    }
}

impl KeyReader {
    pub(super) fn id(&self) -> UserId {
        self.person.principal.standing.person.id
    }

    pub(super) fn is_own(&self) -> bool {
        self.pages == KeyPages::Account
    }

    pub(super) fn frame<'a>(&'a self, notice: Option<&'a str>) -> Frame<'a> {
        let request_id = self.person.browser.request_id;
        Frame { reader: &self.reader, scope: &self.scope, notice, request_id }
    }

    /// The tenants that the person may enter themselves.
    pub(super) fn own_tenants(&self) -> Vec<&str> {
        self.person.principal.standing.access.tenants.iter().map(|(id, _)| id.as_str()).collect()
    }

    /// The actor in audit rows.
    pub(super) fn actor(&self) -> Actor {
        let actor = self.person.browser.actor(Who::Person(self.id()));
        if self.is_own() { actor } else { Actor { via: Via::Portal, ..actor } }
    }

    /// A key that exists for the reader: among their own, those alone.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) async fn find(&self, context: &Context, id: KeyId) -> Result<KeyRecord, Fault> {
        let scope = if self.is_own() { &Scope::System } else { &self.scope };
        let found = context.stores.directory.find_key_record(scope, id).await?;
        let is_there = |key: &KeyRecord| !self.is_own() || key.owner_id == Some(self.id());
        found.filter(is_there).ok_or(Fault::NotFound)
    }

    /// A key that the page offers to change.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) async fn find_to_change(&self, context: &Context, id: KeyId) -> Result<KeyRecord, Fault> {
        let key = self.find(context, id).await?;
        if self.may_change(&key) && key.revoked_at.is_none() { Ok(key) } else { Err(Fault::NotFound) }
    }

    /// Whether the page offers to change a key. The directory decides when that is asked.
    pub(super) fn may_change(&self, key: &KeyRecord) -> bool {
        let is_theirs = key.owner_id.is_none_or(|owner| owner == self.id());
        let is_reserved = !rules::reserved(&key.limits, !key.groups.is_empty()).is_empty();
        self.scope.is_system() || (is_theirs && !is_reserved)
    }

    /// A form that is carried out once.
    ///
    /// # Errors
    /// The form is none of ours.
    pub(super) fn repeat(&self, once: Option<&str>) -> Result<Repeat, Fault> {
        let once: gatepost_core::ids::RequestId = super::super::forms::filled_in("once", once)?;
        let key = Hash::of(&[b"form", self.id().to_string().as_bytes(), once.to_string().as_bytes()]);
        Ok(Repeat { key, request: key })
    }

    /// Leads to the page of the key that a form has made, when it is sent again: its secret was shown.
    ///
    /// # Errors
    /// [`Fault`]: the directory does not answer.
    pub(super) async fn sent_before(&self, context: &Context, repeat: Repeat) -> FormAnswer {
        match context.stores.directory.find_answer(repeat).await? {
            Some(StoredAnswer::Known(id)) => {
                let id: KeyId = id.parse().map_err(|_| Fault::NotFound)?;
                Ok(Self::done(context, &self.pages.key(id), PlaceNotice::KeyShown))
            }
            _ => Ok(Self::done(context, self.pages.root(), PlaceNotice::KeyShown)),
        }
    }

    /// Leads to a page that says what was done.
    pub(super) fn done(context: &Context, path: &str, notice: PlaceNotice) -> Either<Redirect, PageAnswer> {
        let to = format!("{}{path}?done={}", context.site.config.public_url, notice.as_str());
        Either::Left(Redirect { to, cookie: None })
    }

    /// The page that says why nothing was changed.
    pub(super) fn refused(&self, back: &str, why: &Impossible) -> Either<Redirect, PageAnswer> {
        let Impossible { status, text, remedy } = why;
        let (frame, section) = (self.frame(None), self.pages.section());
        let page = RefusedChange { frame, section, status: *status, text, remedy, back };
        Either::Right(PageAnswer(page.page()))
    }

    /// The answer to a form that changed nothing, where the form itself does not say why.
    ///
    /// # Errors
    /// The fault, if it is one; `NotFound` if the key is gone.
    pub(super) fn answer(&self, back: &str, why: impl Into<Refused>) -> FormAnswer {
        Ok(self.refused(back, &why.into().impossible()?))
    }
}
