//! The lies of a hostile provider, each with a name: the negative tests of the conformance suite and further attacks
//! (security.md 1.2 and 1.3) that concern a relying party with the code flow.
//!
//! Turn a lie on with [`crate::entra::Entra::lie`]. A test must also assert that it was told
//! ([`crate::entra::Entra::lies_told`]), because otherwise it proves nothing.

pub(crate) mod keys;
pub(crate) mod token;
pub(crate) mod wire;

use std::fmt;

/// What a relying party must do when it receives a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Refuse: no session, a clear error page (4xx, 502, or 503 for what looks like an outage), and no further request
    /// with the refused values.
    Reject,
    /// Accept: the specification allows it, so a strict client must not refuse it.
    Accept,
    /// Both are allowed, but not a crash, a 500 or a loop.
    Either,
}

/// The message that contains the lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The metadata. The lie must be set before the client first reads them.
    Discovery,
    /// The key set. The lie must be set before the client first reads it.
    Keys,
    /// The redirect from the authorization endpoint.
    Authorize,
    /// The HTTP answer of the token endpoint.
    Token,
    /// The ID token, after a code and after a refresh.
    IdToken,
    /// Only the answer to a refresh.
    Refresh,
    Userinfo,
    /// Graph's list of groups. The person must have more than 200.
    Graph,
}

/// What a lie needs besides an ordinary sign-in at the fake Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// The generic provider (`Entra::start_oidc`).
    Oidc,
    /// Entra, because the lie is about `tid` or Graph.
    Entra,
    /// A request with `max_age`.
    MaxAge,
}

macro_rules! lies {
    ($($stage:ident { $($name:ident $expect:ident $needs:ident $what:literal;)* })*) => {
        /// A lie. `Display` writes its name in kebab-case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Lie { $($(#[doc = $what] $name,)*)* }

        impl Lie {
            /// All lies, in the order of a sign-in.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// What a relying party must do.
            pub fn expected(self) -> Expect {
                match self { $($(Self::$name => Expect::$expect,)*)* }
            }

            /// The message that contains the lie.
            pub fn stage(self) -> Stage {
                match self { $($(Self::$name => Stage::$stage,)*)* }
            }

            /// What must be set up for the lie.
            pub fn needs(self) -> Needs {
                match self { $($(Self::$name => Needs::$needs,)*)* }
            }

            /// What is false, in one line.
            pub fn what(self) -> &'static str {
                match self { $($(Self::$name => $what,)*)* }
            }
        }
    };
}

lies! {
    Discovery {
        DiscoveryIssuerMismatch Reject Nothing "`issuer` has INVALID appended";
        DiscoveryIssuerMissing Reject Nothing "no `issuer`";
        DiscoveryRedirect Reject Nothing "302 to the same document on another host";
        DiscoveryHtml Reject Nothing "200 with an HTML page";
        DiscoveryEmpty Reject Nothing "200 with nothing";
        DiscoveryHuge Reject Nothing "valid JSON of 100 MB";
        DiscoveryEndless Reject Nothing "a body that never ends";
        DiscoveryGzipBomb Reject Nothing "gzip, 200 MB unpacked";
        DiscoverySlow Reject Nothing "one byte a second";
        DiscoveryReset Reject Nothing "the connection breaks in mid-body";
        DiscoveryServerError Reject Nothing "500";
        DiscoveryBom Either Nothing "JSON with a byte order mark";
        DiscoveryPlainHttp Reject Nothing "the token endpoint is plain http on a host that is not loopback";
        DiscoveryExtras Accept Nothing "unknown fields of every type";
    }
    Keys {
        KeysEmpty Reject Nothing "`keys` is an empty list";
        KeysHtml Reject Nothing "200 with an HTML page";
        KeysHuge Reject Nothing "valid JSON of 100 MB";
        KeysEndless Reject Nothing "a body that never ends";
        KeysGzipBomb Reject Nothing "gzip, 200 MB unpacked";
        KeysSlow Reject Nothing "one byte a second";
        KeysReset Reject Nothing "the connection breaks in mid-body";
        KeysRedirect Reject Nothing "302 to the attacker's keys on another host";
        KeysServerError Reject Nothing "500";
        KeysStrangers Accept Nothing "unknown, malformed and encryption keys around the right one (RFC 7517 section 5)";
    }
    Authorize {
        ResponseIssWrong Reject Oidc "`iss` of the response has 1 appended (RFC 9207)";
        ResponseIssMissing Reject Oidc "no `iss` though the metadata promises it";
        ResponseIssTwice Reject Oidc "`iss` twice";
        ResponseCodeTwice Reject Nothing "`code` twice";
        ResponseCodeMissing Reject Nothing "neither `code` nor `error`";
        ResponseStateTwice Reject Nothing "`state` twice";
        ResponseStateMissing Reject Nothing "no `state`";
        ResponseStateChanged Reject Nothing "`state` has a letter appended";
        ResponseErrorAndCode Reject Nothing "`code` and `error` together";
    }
    Token {
        TokenRedirect Reject Nothing "307 to another host, which would resend the secret";
        TokenServerError Reject Nothing "500";
        TokenHtml Reject Nothing "200 with an HTML page";
        TokenEmpty Reject Nothing "200 with nothing";
        TokenReset Reject Nothing "the connection breaks in mid-body";
        TokenSlow Reject Nothing "one byte a second";
        TokenEndless Reject Nothing "a body that never ends";
        TokenHuge Reject Nothing "valid JSON of 100 MB";
        TokenGzipBomb Reject Nothing "gzip, 200 MB unpacked";
        TokenBom Either Nothing "JSON with a byte order mark";
        TokenExpiresInString Accept Nothing "`expires_in` is a string";
        TokenExpiresInMissing Accept Nothing "no `expires_in`";
        TokenWithoutIdToken Reject Nothing "no `id_token`";
        TokenErrorWith200 Reject Nothing "an error body with status 200";
    }
    IdToken {
        NonceWrong Reject Nothing "`nonce` has 1 appended";
        NonceMissing Reject Nothing "no `nonce`";
        IssWrong Reject Nothing "`iss` has 1 appended";
        IssMissing Reject Nothing "no `iss`";
        IssTrailingSlash Reject Nothing "`iss` has a slash appended";
        AudWrong Reject Nothing "`aud` has 1 appended";
        AudMissing Reject Nothing "no `aud`";
        AudEmpty Reject Nothing "`aud` is an empty list";
        AudExtra Reject Nothing "`aud` is us and somebody else";
        AudListOfUs Accept Nothing "`aud` is a list with us only";
        AzpWrong Reject Nothing "`azp` is somebody else";
        AzpUs Accept Nothing "`azp` is us";
        SubMissing Reject Nothing "no `sub`";
        SubEmpty Reject Nothing "`sub` is empty";
        SubTooLong Reject Nothing "`sub` has 256 characters";
        SubNumber Reject Nothing "`sub` is a number";
        IatMissing Reject Nothing "no `iat`";
        IatFuture Reject Nothing "`iat` is an hour ahead";
        IatTooOld Reject Nothing "`iat` is two days ago, `exp` ahead";
        ExpPast Reject Nothing "`exp` is an hour ago";
        ExpMissing Reject Nothing "no `exp`";
        ExpAbsurd Reject Nothing "`exp` is 1e300";
        ExpFraction Either Nothing "`exp` is an hour ahead and a half second (RFC 7519 times may have a fraction)";
        ExpNegative Reject Nothing "`exp` is -1";
        ExpString Reject Nothing "`exp` is a string";
        NbfFuture Reject Nothing "`nbf` is an hour ahead";
        AlgNone Reject Nothing "`alg` is none, no signature";
        AlgNoneCapital Reject Nothing "`alg` is None, no signature";
        AlgNoneUpper Reject Nothing "`alg` is NONE, no signature";
        AlgNoneMixed Reject Nothing "`alg` is nOnE, no signature";
        AlgNoneSigned Reject Nothing "`alg` is none, with a signature";
        AlgMissing Reject Nothing "no `alg`, a good signature";
        AlgUnknown Reject Nothing "`alg` is RS257, a good signature";
        Hs256ClientSecret Reject Nothing "HS256 with the client secret";
        Hs256PublicPem Reject Nothing "HS256 with the public key's PEM as secret";
        Hs256PublicDer Reject Nothing "HS256 with the public key's DER as secret";
        SignatureBroken Reject Nothing "one bit of the signature is wrong";
        SignatureEmpty Reject Nothing "RS256 without a signature";
        SignatureOfAnother Reject Nothing "a known `kid`, signed by the attacker's key";
        Es256Broken Reject Oidc "ES256 by the published key, one bit of the signature wrong";
        KidUnknown Reject Nothing "a `kid` that is never published";
        KidIsPath Reject Nothing "`kid` is a path with SQL behind it";
        KidAbsentSeveralKeys Reject Nothing "no `kid`, several RSA keys are published";
        KidAbsentOneSuitable Accept Nothing "no `kid`, one RSA signing key among other kinds; set before the client reads the keys";
        KidOfEncryptionKey Reject Nothing "signed by a published key whose `use` is enc";
        Rsa1024 Reject Nothing "signed by a published RSA key of 1024 bits";
        JkuHeader Reject Nothing "`jku` points to the attacker's keys, and he signs";
        X5uHeader Reject Nothing "`x5u` points to the attacker's certificate, and he signs";
        JwkHeader Reject Nothing "`jwk` is the attacker's key, and he signs";
        X5cHeader Reject Nothing "`x5c` is the attacker's certificate, and he signs";
        CritUnknown Reject Nothing "`crit` names an extension that nobody knows";
        B64False Reject Nothing "`b64` is false and critical (RFC 7797)";
        TwoSegments Reject Nothing "the signature and its dot are missing";
        FourSegments Reject Nothing "a fourth segment";
        FiveSegments Reject Nothing "five segments, as a JWE has";
        PayloadPadded Reject Nothing "the payload's base64 has padding, and is signed so";
        PayloadWhitespace Reject Nothing "a line feed within the payload's base64, and is signed so";
        PayloadArray Reject Nothing "the payload is a list of claims";
        DuplicateClaim Reject Nothing "`aud` twice: somebody else's, then ours";
        TypAccessToken Reject Nothing "`typ` is at+jwt";
        TypLogoutToken Reject Nothing "`typ` is logout+jwt";
        TypAbsent Accept Nothing "no `typ`";
        LogoutTokenAsIdToken Reject Nothing "a logout token of the same provider";
        OtherTenant Reject Entra "another tenant's `tid` and `iss`, signed by the same keys";
        OtherTid Reject Entra "another tenant's `tid` beside our `iss`";
        TidMissing Reject Entra "no `tid`";
        TidPlaceholder Reject Entra "`tid` and `iss` hold the literal {tenantid}";
        KeyIssuerOther Reject Entra "signed by a published key whose `issuer` is another tenant's";
        AtHashWrong Reject Nothing "`at_hash` of another access token";
        AtHashRight Accept Nothing "a right `at_hash`, which Entra never sends from here";
        AuthTimeMissing Reject MaxAge "no `auth_time` though `max_age` was asked";
        AuthTimeOld Reject MaxAge "`auth_time` a day older than `max_age` allows";
        EmailSeveralAts Reject Nothing "the addresses have two @ (GHSA-c5c4-8r6x-56w3)";
        EmailCrLf Reject Nothing "the addresses carry a header after CR LF";
        EmailNotAscii Reject Nothing "the addresses have a Cyrillic letter that looks Latin";
        NameControl Accept Nothing "the name has control characters and a bidi override";
        ClaimSourcesElsewhere Accept Entra "`_claim_sources` points to the attacker; groups are Graph's";
    }
    Refresh {
        RefreshIssOther Reject Nothing "the refreshed ID token has another `iss`";
        RefreshSubOther Reject Nothing "the refreshed ID token has another `sub`, and another `oid`";
        RefreshAudOther Reject Nothing "the refreshed ID token has another `aud`";
    }
    Userinfo {
        UserinfoSubDifferent Reject Nothing "the ID token has no address, userinfo has one for a `sub` with invalid appended";
        UserinfoSubMissing Reject Nothing "the ID token has no address, userinfo has one without `sub`";
        UserinfoArray Reject Nothing "the ID token has no address, userinfo answers a list of claims";
        UserinfoFillsIn Accept Nothing "the ID token has no address, userinfo has it";
    }
    Graph {
        GraphNextLinkElsewhere Reject Entra "the next page is on the attacker's host, where the token would leak";
        GraphPagesEndless Reject Entra "the next page is always this one";
        GraphHtml Reject Entra "200 with an HTML page";
        GraphReset Reject Entra "the connection breaks in mid-body";
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&kebab_case(&format!("{self:?}")))
    }
}

/// Converts `AlgNone` to `alg-none`. Digits stay with the preceding letters.
pub(crate) fn kebab_case(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_lie_has_a_name_of_its_own() {
        let names: BTreeSet<String> = Lie::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), Lie::ALL.len());
        assert!(names.contains("hs256-client-secret") && names.contains("kid-absent-one-suitable"));
    }
}
