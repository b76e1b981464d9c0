//! The answer to a request of a tenant that has used up a quota.

use super::{Content, Gate, content, place};
use crate::message::Tone;
use crate::words;
use gatepost_core::quota::{QuotaExceeded, QuotaName};

/// The problem of draft-ietf-httpapi-ratelimit-headers-11 section 6.1 (RFC 9457).
pub(super) const PROBLEM_TYPE: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

pub(super) fn exceeded<'a>(gate: &Gate<'_>, exceeded: &QuotaExceeded) -> Content<'a> {
    let wait = words::duration(exceeded.retry_after);
    let (first, second) = match exceeded.name {
        QuotaName::Day => {
            let most = exceeded.limits.per_day.unwrap_or_default();
            (
                format!(
                    "This tenant may send {most} requests a day, and they are used up. The next day begins in {wait}, at midnight UTC."
                ),
                format!("If that is too few, ask whoever runs {} for another tier.", place(gate)),
            )
        }
        QuotaName::Minute => {
            let most = exceeded.limits.per_minute.unwrap_or_default();
            (
                format!(
                    "A key or token of this tenant may send {most} requests a minute, and this one sent more."
                ),
                format!("Send the next request in {wait}."),
            )
        }
    };
    let mut content = content(429, "quota_exceeded", Tone::Wait, "Too many requests", &[&first, &second]);
    content.headers.extend(exceeded.fields());
    content
}
