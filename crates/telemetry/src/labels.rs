//! The closed sets that metrics are labelled with: every series that can exist is named here.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

/// A closed set of label values; `index` finds a handle without hashing.
pub trait Label: Copy + fmt::Debug + 'static {
    /// All of them, in the order of `index`.
    const ALL: &'static [Self];

    /// Position in [`Label::ALL`].
    fn index(self) -> usize;

    /// The label's value.
    fn as_str(self) -> &'static str;
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$member_doc])* $member,)+
        }

        impl Label for $name {
            const ALL: &'static [Self] = &[$(Self::$member,)+];

            fn index(self) -> usize {
                self as usize
            }

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $text,)+
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                encoder.write_str(self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

label! {
    /// What `/verify` answered (DESIGN.md section 4).
    Answer {
        /// 200 with identity headers.
        Allowed = "allowed",
        /// 302 to the login.
        Login = "login",
        /// 303 within `/.gatepost/`.
        Redirect = "redirect",
        /// 401.
        Unauthorized = "unauthorized",
        /// 403.
        Forbidden = "forbidden",
        /// 400: what the proxy sent cannot be trusted.
        Malformed = "malformed",
        /// 500: the middleware's address is wrong.
        Misconfigured = "misconfigured",
        /// 503: cannot know.
        Unavailable = "unavailable",
        /// 404 below `/.gatepost/`.
        Nothing = "nothing",
    }
}

impl Answer {
    /// The answer of this status.
    pub const fn of(status: u16) -> Self {
        match status {
            200 => Self::Allowed,
            302 => Self::Login,
            303 => Self::Redirect,
            400 => Self::Malformed,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::Nothing,
            503 => Self::Unavailable,
            _ => Self::Misconfigured,
        }
    }
}

label! {
    /// Why `/verify` answered so.
    Reason {
        /// All requirements are met.
        Met = "met",
        /// No credential was sent.
        NoCredential = "no_credential",
        /// A credential that does not open, or opens nothing.
        InvalidCredential = "invalid_credential",
        /// Idle or absolute lifetime is over.
        Expired = "expired",
        /// Ended by sign-out, administrator or provider.
        SessionEnded = "session_ended",
        /// The user is disabled.
        UserDisabled = "user_disabled",
        /// The user has no address.
        NoAddress = "no_address",
        /// Step-up: signed in too long ago.
        MaxAge = "max_age",
        /// An unsafe method or a WebSocket from another origin.
        CrossOrigin = "cross_origin",
        /// In none of the groups.
        GroupMissing = "group_missing",
        /// May enter none of the tenants.
        TenantMissing = "tenant_missing",
        /// No admin.
        NotAdmin = "not_admin",
        /// The requirement cannot be read.
        MalformedRequirement = "malformed_requirement",
        /// No protected host.
        UnknownHost = "unknown_host",
        /// One of the `X-Forwarded-*` is missing, repeated or unreadable.
        ForwardedHeaders = "forwarded_headers",
        /// `Authorization` is repeated.
        RepeatedAuthorization = "repeated_authorization",
        /// A header that some application would read as one of ours.
        HeaderAlias = "header_alias",
        /// Plain http outside development.
        PlainHttp = "plain_http",
        /// The TCP peer is no trusted proxy.
        UntrustedPeer = "untrusted_peer",
        /// A ticket was taken.
        TicketTaken = "ticket_taken",
        /// A ticket that is not (or no longer) good.
        TicketRefused = "ticket_refused",
        /// A login or sign-out was asked for below `/.gatepost/`.
        Asked = "asked",
        /// The session store failed.
        SessionStore = "session_store",
        /// The directory failed.
        Directory = "directory",
        /// The groups must be asked for first, and the provider does not answer.
        RefreshPending = "refresh_pending",
        /// The 250 ms passed.
        Deadline = "deadline",
    }
}

label! {
    /// What a callback came to.
    SignInOutcome {
        /// A session, or on to one.
        Done = "done",
        /// No callback of a sign-in that began here.
        Unreadable = "unreadable",
        /// Restarted too often, or redirects went round.
        GaveUp = "gave_up",
        /// Too many failures from one address.
        Limited = "limited",
        /// The provider refused (`access_denied`, `AADSTS...`).
        RefusedByProvider = "refused_by_provider",
        /// What the provider sent does not hold.
        InvalidToken = "invalid_token",
        /// The provider ended the session meanwhile.
        EndedAtProvider = "ended_at_provider",
        /// The provider gave no newer sign-in.
        NotRecent = "not_recent",
        /// The person's Entra tenant may not sign in.
        ForeignTenant = "foreign_tenant",
        /// No address that counts.
        NoAddress = "no_address",
        /// Another user holds the address.
        AddressHeld = "address_held",
        /// The user is disabled.
        UserDisabled = "user_disabled",
        /// The groups are not known.
        GroupsUnknown = "groups_unknown",
        /// The provider cannot be asked.
        ProviderUnavailable = "provider_unavailable",
        /// A store cannot be asked.
        StoreUnavailable = "store_unavailable",
    }
}

label! {
    /// What is asked of a provider.
    ProviderEndpoint {
        /// The discovery document.
        Discovery = "discovery",
        /// `jwks_uri`.
        Keys = "keys",
        /// `token_endpoint`.
        Token = "token",
        /// `userinfo_endpoint`.
        Userinfo = "userinfo",
        /// Microsoft Graph.
        Graph = "graph",
        /// `revocation_endpoint`.
        Revocation = "revocation",
        /// `authorization_endpoint`, which only `check` calls itself.
        Authorization = "authorization",
    }
}

label! {
    /// What came of a call to a provider.
    CallOutcome {
        /// 2xx with a JSON object.
        Success = "success",
        /// 4xx.
        Refused = "refused",
        /// 429.
        Throttled = "throttled",
        /// Any other status.
        Failed = "failed",
        /// Nobody answered in time.
        Timeout = "timeout",
        /// No connection, or one that broke.
        Unreachable = "unreachable",
        /// 2xx, but no JSON object, or too large.
        Malformed = "malformed",
    }
}

label! {
    /// The two stores.
    Store {
        /// Redis, or the embedded file's sessions.
        Session = "session",
        /// Postgres, or the embedded file's directory.
        Directory = "directory",
    }
}

label! {
    /// What is asked of a store.
    StoreOperation {
        /// A session's record.
        FindSession = "find_session",
        /// A new session, or one kept with a new sign-in.
        StartSession = "start_session",
        /// The end of one.
        EndSession = "end_session",
        /// A ticket's one use.
        BurnTicket = "burn_ticket",
        /// What a person may.
        FindStanding = "find_standing",
        /// A sign-in's identity and groups.
        SignIn = "sign_in",
        /// A refresh's identity and groups.
        Refresh = "refresh",
        /// Whether it answers.
        Ping = "ping",
    }
}

label! {
    /// What came of a call to a store.
    StoreOutcome {
        /// Answered; nothing found is an answer.
        Ok = "ok",
        /// Answered with an error, or not in time.
        Failed = "failed",
    }
}

label! {
    /// What came of a refresh.
    RefreshOutcome {
        /// The groups are as the provider says now.
        Refreshed = "refreshed",
        /// The provider let the person go; the session ended.
        Ended = "ended",
        /// The provider or a store cannot be asked.
        Unreachable = "unreachable",
        /// Another replica or request was faster.
        Busy = "busy",
    }
}

label! {
    /// Why a session ended before its time.
    EndCause {
        /// The person signed out.
        SignOut = "sign_out",
        /// The person ended it on the account page.
        AccountPage = "account_page",
        /// An administrator ended it.
        Administrator = "administrator",
        /// A new one of the same person was more than one may have.
        TooMany = "too_many",
        /// Somebody else signed in at the same browser.
        Replaced = "replaced",
        /// The provider's front or back channel.
        ProviderSignOut = "provider_sign_out",
        /// The provider refused to renew it, or the renewed token was about somebody else.
        RefreshRefused = "refresh_refused",
    }
}

label! {
    /// Why a refusal is not kept for `gatepost explain --request`.
    NotKept {
        /// One person was refused too often in a minute.
        OnePerson = "one_person",
        /// More were refused than could be written.
        QueueFull = "queue_full",
        /// The middleware's query is longer than any operator writes.
        TooLong = "too_long",
    }
}
