//! The closed sets that metrics are labelled with: every series that can exist is named here.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
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
        /// Unused for too long.
        IdleTimeout = "idle_timeout",
        /// Too old.
        AbsoluteTimeout = "absolute_timeout",
        /// Ended by sign-out, administrator or provider.
        SessionEnded = "session_ended",
        /// The user is disabled.
        UserDisabled = "user_disabled",
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
        /// The requirement names a group or tenant that does not exist.
        UnknownRequirement = "unknown_requirement",
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
        /// More hand-overs than a person makes.
        Limited = "limited",
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
    /// How a sign-in ended, or why it goes on.
    SignInOutcome {
        /// A new session.
        Started = "started",
        /// Another tab was faster: its session is shared.
        Joined = "joined",
        /// Begun anew unseen: binding, age or another tab.
        Restarted = "restarted",
        /// Restarted too often.
        GaveUp = "gave_up",
        /// The provider refused (`access_denied`, `AADSTS...`).
        RefusedByProvider = "refused_by_provider",
        /// The provider's tokens are not what the specification asks for.
        InvalidToken = "invalid_token",
        /// The person's Entra tenant may not sign in.
        ForeignTenant = "foreign_tenant",
        /// No address that counts.
        NoEmail = "no_email",
        /// Another user holds the address.
        EmailTaken = "email_taken",
        /// The user is disabled.
        UserDisabled = "user_disabled",
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
        /// The signing keys.
        Jwks = "jwks",
        /// The token endpoint, with a code.
        Token = "token",
        /// The token endpoint, with a refresh token.
        Refresh = "refresh",
        /// Userinfo.
        Userinfo = "userinfo",
        /// Microsoft Graph.
        Graph = "graph",
    }
}

label! {
    /// What came of a call to a provider.
    CallOutcome {
        /// The expected answer.
        Ok = "ok",
        /// An error of the protocol, or another 4xx.
        Refused = "refused",
        /// 429, or 503 with `Retry-After`.
        Throttled = "throttled",
        /// 5xx.
        Failed = "failed",
        /// An answer that cannot be read, or is a lie.
        Malformed = "malformed",
        /// No answer in time.
        Timeout = "timeout",
        /// No connection.
        Unreachable = "unreachable",
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
        /// A new session.
        StartSession = "start_session",
        /// Last use, or what a refresh brought.
        ExtendSession = "extend_session",
        /// The end of one or more.
        EndSession = "end_session",
        /// A user's sessions.
        ListSessions = "list_sessions",
        /// A ticket's or code's one use.
        Burn = "burn",
        /// A lock over replicas.
        Lock = "lock",
        /// A count of hand-overs or failures.
        Count = "count",
        /// What a person may.
        FindStanding = "find_standing",
        /// What a provider asserted.
        UpsertIdentity = "upsert_identity",
        /// A change by an administrator.
        Change = "change",
        /// A list for people.
        List = "list",
        /// Whether it answers.
        Ping = "ping",
    }
}

label! {
    /// What came of a call to a store.
    StoreOutcome {
        /// Answered; nothing found is an answer.
        Ok = "ok",
        /// Answered with an error.
        Failed = "failed",
        /// No answer in time, or no connection became free.
        Timeout = "timeout",
        /// No connection.
        Unreachable = "unreachable",
    }
}

label! {
    /// What came of a refresh.
    RefreshOutcome {
        /// The groups are as the provider says now.
        Done = "done",
        /// Another replica or request was faster.
        Lost = "lost",
        /// `invalid_grant` for the newest token: the session ended.
        Ended = "ended",
        /// `invalid_grant` for an older token: nothing happened.
        Outdated = "outdated",
        /// The provider cannot be asked, or a store.
        Unavailable = "unavailable",
        /// The provider refused for a reason that is ours (client credential).
        Misconfigured = "misconfigured",
    }
}

label! {
    /// Why a session ended before its time.
    EndCause {
        /// The person signed out.
        Logout = "logout",
        /// The person or an administrator ended it in a list.
        Ended = "ended",
        /// Somebody else signed in at the same browser.
        Replaced = "replaced",
        /// The provider's front-channel.
        FrontChannel = "front_channel",
        /// The provider's back-channel.
        BackChannel = "back_channel",
        /// The provider refused to refresh it.
        RefreshRefused = "refresh_refused",
        /// The user was disabled.
        UserDisabled = "user_disabled",
    }
}
