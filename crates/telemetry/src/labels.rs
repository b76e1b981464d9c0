//! The label values of the metrics. All of them are listed here, so the number of series is limited.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt::{self, Write};

/// A label with a fixed set of values.
pub trait Label: Copy + fmt::Debug + 'static {
    /// All values, in the order of `index`.
    const ALL: &'static [Self];

    /// The position in [`Label::ALL`].
    fn index(self) -> usize;

    /// The value, as Prometheus sees it.
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

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                let found = Self::ALL.iter().find(|value| value.as_str() == text);
                found.copied().ok_or_else(|| D::Error::unknown_variant(&text, &[$($text,)+]))
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
    /// The kind of answer of `/verify`.
    Answer {
        /// 200 with identity headers.
        Allowed = "allowed",
        /// 302 to the sign-in.
        Login = "login",
        /// 303 from a path below `/.gatepost/`.
        Redirect = "redirect",
        /// 401: no valid credential, and no redirect is possible.
        Unauthorized = "unauthorized",
        /// 403: the request is not allowed.
        Forbidden = "forbidden",
        /// 400: the headers from the proxy are malformed.
        Malformed = "malformed",
        /// 500: the middleware's address has a mistake.
        Misconfigured = "misconfigured",
        /// 503: the decision is not possible now, for example because a store is down.
        Unavailable = "unavailable",
        /// 404: no such path below `/.gatepost/`.
        Nothing = "nothing",
        /// 429: too many requests.
        Limited = "limited",
    }
}

impl Answer {
    /// The label for an HTTP status.
    pub const fn of(status: u16) -> Self {
        match status {
            200 => Self::Allowed,
            302 => Self::Login,
            303 => Self::Redirect,
            400 | 413 => Self::Malformed,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::Nothing,
            429 => Self::Limited,
            503 => Self::Unavailable,
            _ => Self::Misconfigured,
        }
    }
}

label! {
    /// By what a request says who sends it.
    Credential {
        /// By nothing, or by nothing that can be read.
        None = "none",
        /// By the cookie of a session.
        Session = "session",
        /// By an API key.
        Key = "key",
        /// By an access token of a provider.
        Token = "token",
        /// By an API key and a word about a person.
        Word = "word",
    }
}

label! {
    /// The reason for an answer of `/verify`.
    Reason {
        /// The session is valid and the requirement is met.
        Met = "met",
        /// The request has no credential.
        NoCredential = "no_credential",
        /// The credential is malformed, or its session is unknown.
        InvalidCredential = "invalid_credential",
        /// The idle or the absolute lifetime of the session is over.
        Expired = "expired",
        /// The session was ended by sign-out, by an administrator or by the provider.
        SessionEnded = "session_ended",
        /// An administrator disabled the user.
        UserDisabled = "user_disabled",
        /// The user has no e-mail address.
        NoAddress = "no_address",
        /// The last sign-in is longer ago than `max_age` allows.
        MaxAge = "max_age",
        /// A page of another origin sent an unsafe request or opened a WebSocket.
        CrossOrigin = "cross_origin",
        /// The user is in none of the required groups.
        GroupMissing = "group_missing",
        /// The user may enter none of the required tenants.
        TenantMissing = "tenant_missing",
        TenantSuspended = "tenant_suspended",
        /// The user is not an administrator.
        NotAdmin = "not_admin",
        /// No rule allows the user what the message asks a tool server for.
        ToolForbidden = "tool",
        /// No tool server has this address.
        UnknownToolServer = "unknown_tool_server",
        /// The message for a tool server is not understood, or contradicts its headers.
        MalformedMessage = "malformed_message",
        /// The message for a tool server is too long.
        MessageTooLarge = "message_too_large",
        /// Too many messages for tool servers are read at once, or one came too slowly.
        Overloaded = "overloaded",
        /// The requirement in the middleware's address is malformed.
        MalformedRequirement = "malformed_requirement",
        /// The host is not protected.
        UnknownHost = "unknown_host",
        /// An `X-Forwarded-*` header is missing, repeated or malformed.
        ForwardedHeaders = "forwarded_headers",
        /// The request has several `Authorization` headers.
        RepeatedAuthorization = "repeated_authorization",
        /// A header is an alias of an identity header or of an `X-Forwarded-*` header.
        HeaderAlias = "header_alias",
        /// The request was sent over plain http outside development.
        PlainHttp = "plain_http",
        /// The TCP peer is not a trusted proxy.
        UntrustedPeer = "untrusted_peer",
        /// A ticket was accepted.
        TicketTaken = "ticket_taken",
        /// A ticket was refused, because it is invalid, expired or already used.
        TicketRefused = "ticket_refused",
        /// A request for sign-in or sign-out below `/.gatepost/`.
        Asked = "asked",
        /// The session store failed or was too slow.
        SessionStore = "session_store",
        /// The directory failed or was too slow.
        Directory = "directory",
        /// The session must be refreshed first, and the provider does not answer.
        RefreshPending = "refresh_pending",
        /// The deadline of 250 ms passed.
        Deadline = "deadline",
        /// What came with an API key about a person is forged, has expired or is not signed.
        InvalidWord = "invalid_word",
        /// The API key or the speaker may not act for people here.
        WordRefused = "word_refused",
        /// The keys of a speaker could not be fetched.
        SpeakerKeys = "speaker_keys",
        /// The person for whom a request was sent is unknown, disabled or not signed in.
        NobodyToActFor = "nobody_to_act_for",
        /// The API key does not count at this host.
        KeyHost = "key_host",
        /// The API key is not for requests to protected hosts.
        KeyScope = "key_scope",
        /// The API key, or an address with wrong keys, sent too many requests.
        TooMany = "too_many",
        /// A quota of the tenant is used up.
        QuotaExceeded = "quota_exceeded",
        /// The access token lacks a scope.
        TokenScope = "token_scope",
        /// The keys of an access token's provider are not known.
        ProviderKeys = "provider_keys",
    }
}

label! {
    /// The outcome of a request to the callback.
    SignInOutcome {
        /// The sign-in succeeded, or the browser already had a session.
        Done = "done",
        /// The request does not belong to a sign-in that Gatepost started.
        Unreadable = "unreadable",
        /// The sign-in was restarted too often, or the redirects formed a loop.
        GaveUp = "gave_up",
        /// Too many sign-ins from one address failed.
        Limited = "limited",
        /// The provider returned an error (`access_denied`, `AADSTS...`).
        RefusedByProvider = "refused_by_provider",
        /// The provider's answer or ID token is invalid.
        InvalidToken = "invalid_token",
        /// The provider ended the session during the sign-in.
        EndedAtProvider = "ended_at_provider",
        /// A newer sign-in was required, and the provider returned an old one.
        NotRecent = "not_recent",
        /// The person's Entra tenant is not allowed.
        ForeignTenant = "foreign_tenant",
        /// The provider gave no address that may be used.
        NoAddress = "no_address",
        /// Another user has the address.
        AddressHeld = "address_held",
        /// An administrator disabled the user.
        UserDisabled = "user_disabled",
        /// The person's groups could not be read.
        GroupsUnknown = "groups_unknown",
        /// The provider is unreachable or failed.
        ProviderUnavailable = "provider_unavailable",
        /// A store is unreachable or failed.
        StoreUnavailable = "store_unavailable",
    }
}

label! {
    /// The endpoint of a provider that was called.
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
        /// `authorization_endpoint`, which Gatepost itself only calls in `gatepost check`.
        Authorization = "authorization",
    }
}

label! {
    /// The outcome of a call to a provider.
    CallOutcome {
        /// 2xx with a JSON object.
        Success = "success",
        /// 4xx, except 429.
        Refused = "refused",
        /// 429.
        Throttled = "throttled",
        /// Any other status.
        Failed = "failed",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection could not be opened, or it broke.
        Unreachable = "unreachable",
        /// 2xx, but the body is not a JSON object, or is too large.
        Malformed = "malformed",
    }
}

label! {
    /// One of the two stores.
    Store {
        /// Redis, or the embedded file's sessions.
        Session = "session",
        /// Postgres, or the embedded file's directory.
        Directory = "directory",
    }
}

label! {
    /// The operation that a store is asked for.
    StoreOperation {
        /// Read a session's record.
        FindSession = "find_session",
        /// Store a new session, or update a session after a new sign-in.
        StartSession = "start_session",
        /// End a session.
        EndSession = "end_session",
        /// Mark a ticket as used.
        ConsumeTicket = "burn_ticket",
        /// Read what the directory knows about a session and its person.
        FindStanding = "find_standing",
        /// Read what the directory knows about the holder of an access token.
        FindTokenHolder = "find_token_holder",
        /// Read what the directory knows about an API key.
        FindKey = "find_key",
        /// Store the identity and groups of a sign-in.
        SignIn = "sign_in",
        /// Store the identity and groups of a refresh.
        Refresh = "refresh",
        /// Draw units of a tenant's quota.
        DrawQuota = "draw_quota",
        /// Test whether the store answers.
        Ping = "ping",
    }
}

label! {
    /// The outcome of a call to a store.
    StoreOutcome {
        /// The store answered. Finding nothing is also an answer.
        Ok = "ok",
        /// The store returned an error, or did not answer in time.
        Failed = "failed",
    }
}

label! {
    /// The outcome of a refresh.
    RefreshOutcome {
        /// The identity and groups are up to date.
        Refreshed = "refreshed",
        /// The provider refused, and the session was ended.
        Ended = "ended",
        /// The provider or a store is unreachable.
        Unreachable = "unreachable",
        /// Another replica or request is refreshing the same session.
        Busy = "busy",
    }
}

label! {
    /// Why a session ended before its lifetime was over.
    EndCause {
        /// The person signed out.
        SignOut = "sign_out",
        /// The person ended it on the account page.
        AccountPage = "account_page",
        /// An administrator ended it.
        Administrator = "administrator",
        /// The person had too many sessions after a new sign-in.
        TooMany = "too_many",
        /// Another person signed in with the same browser.
        Replaced = "replaced",
        /// Front-channel or back-channel logout by the provider.
        ProviderSignOut = "provider_sign_out",
        /// The provider refused the refresh, or returned a token of another person.
        RefreshRefused = "refresh_refused",
    }
}

label! {
    /// Why a refusal is not stored for `gatepost explain --request`.
    NotKept {
        /// The person was already refused too often in the last minute.
        OnePerson = "one_person",
        /// The program was already refused too often in the last hour, by itself or for the same person.
        OneProgram = "one_program",
        /// The queue was full, because refusals were added faster than they could be written.
        QueueFull = "queue_full",
        /// The query of the middleware's address is too long.
        TooLong = "too_long",
    }
}
