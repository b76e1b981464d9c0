//! Requests for access: a person makes and withdraws them, and administrators decide them.

use super::{Change, RequestEvent};
use gatepost_core::access_request::{Remark, Wanted};
use gatepost_core::administration::Matter;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{AccessRequestId, UserId};

/// Asks for access, one request for each thing. A thing for which the person has an open request is skipped. The outcome
/// is the new requests. Unchanged: there are open requests for all of it.
///
/// Errors: `UnknownGroup`, `UnknownTenant`, `AccessHeld`, `TooManyRequests`.
#[derive(Clone, Debug)]
pub struct RequestAccess {
    pub user: UserId,
    pub wanted: Vec<Wanted>,
    /// What the person writes to the administrators.
    pub note: Option<Remark>,
}

impl Change for RequestAccess {
    type Outcome = Vec<AccessRequestId>;
    const NAME: &'static str = "RequestAccess";

    fn matter(&self) -> Matter {
        Matter::Person(self.user)
    }

    fn request_event(&self, ids: &Self::Outcome) -> Option<RequestEvent> {
        Some(RequestEvent::Made(ids.clone()))
    }
}

/// Withdraws a person's own request.
///
/// Errors: `UnknownRequest` (also for a request of somebody else), `RequestDecided`.
#[derive(Clone, Debug)]
pub struct WithdrawRequest {
    pub user: UserId,
    pub id: AccessRequestId,
}

impl Change for WithdrawRequest {
    type Outcome = ();
    const NAME: &'static str = "WithdrawRequest";

    fn matter(&self) -> Matter {
        Matter::Person(self.user)
    }
}

/// Gives a person what they asked for, until a time. Access that they have longer already stays as it is. The outcome is
/// the person.
///
/// Errors: `UnknownRequest`, `RequestDecided`, `EndsInThePast`.
#[derive(Clone, Debug)]
pub struct GrantRequest {
    pub id: AccessRequestId,
    /// What the request asks for, as it was shown to who decides. A request for something else is unknown here, because
    /// this says who may decide.
    pub wanted: Wanted,
    /// The membership counts until this second.
    pub until: Timestamp,
}

impl Change for GrantRequest {
    type Outcome = UserId;
    const NAME: &'static str = "GrantRequest";

    fn matter(&self) -> Matter {
        self.wanted.matter()
    }

    fn request_event(&self, _: &Self::Outcome) -> Option<RequestEvent> {
        Some(RequestEvent::Decided(self.id))
    }
}

/// Declines a request, with a word to the person. The outcome is the person.
///
/// Errors: `UnknownRequest`, `RequestDecided`.
#[derive(Clone, Debug)]
pub struct DeclineRequest {
    pub id: AccessRequestId,
    /// As in [`GrantRequest`].
    pub wanted: Wanted,
    pub answer: Remark,
}

impl Change for DeclineRequest {
    type Outcome = UserId;
    const NAME: &'static str = "DeclineRequest";

    fn matter(&self) -> Matter {
        self.wanted.matter()
    }

    fn request_event(&self, _: &Self::Outcome) -> Option<RequestEvent> {
        Some(RequestEvent::Decided(self.id))
    }
}
