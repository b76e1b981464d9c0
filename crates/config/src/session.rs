//! Reads the lifetimes of sessions and the settings of `/verify`.

use super::reader::{Read, Reader, Separator};
use super::{SessionConfig, VerifyConfig, duration};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The longest lifetime of a cookie in browsers (draft-ietf-httpbis-rfc6265bis section 5.5).
const LONGEST_COOKIE: Duration = Duration::from_hours(400 * 24);

/// Groups that cannot be read again stay valid for this time, so a refresh must happen at least as often.
const LONGEST_REFRESH: Duration = DAY;

/// The default number of sessions of one person, more than the browsers and devices that one person uses.
const MAX_PER_PERSON: usize = 50;

pub(super) fn read(reader: &mut Reader) -> Read<SessionConfig> {
    let absolute = duration::read(reader, "session.absolute_timeout", SECOND..=LONGEST_COOKIE);
    let idle = duration::read(reader, "session.idle_timeout", SECOND..=LONGEST_COOKIE);
    let refresh = duration::read(reader, "session.refresh_interval", SECOND..=LONGEST_REFRESH);
    let persistent = reader.flag("session.persistent");
    let most = reader.value("session.max_per_person", "1 to 1000", |text| {
        text.parse().ok().filter(|most| (1..=1_000).contains(most))
    });
    let absolute_timeout = absolute?.unwrap_or(12 * HOUR);
    let idle_timeout = idle?.unwrap_or_else(|| HOUR.min(absolute_timeout));
    if idle_timeout > absolute_timeout {
        let (idle, absolute) = (duration::display(idle_timeout), duration::display(absolute_timeout));
        let name = reader.name("session.absolute_timeout");
        let why = format!("{idle} is longer than {name} ({absolute}), so it would never end a session");
        return Err(reader.contradiction("session.idle_timeout", why));
    }
    Ok(SessionConfig {
        idle_timeout,
        absolute_timeout,
        refresh_interval: refresh?.unwrap_or(Duration::from_mins(15)),
        persistent: persistent?.unwrap_or(true),
        max_per_person: most?.unwrap_or(MAX_PER_PERSON),
    })
}

pub(super) fn read_verify(reader: &mut Reader) -> Read<VerifyConfig> {
    let stale = duration::read(reader, "verify.stale_if_error", Duration::ZERO..=Duration::from_mins(10));
    let limit = reader.value("verify.groups_header_limit", "256 to 16384 (bytes)", |text| {
        text.parse().ok().filter(|limit| (256..=16_384).contains(limit))
    });
    let filter =
        reader.list("verify.groups_header_filter", "beginnings of group names", Separator::Comma, |text| {
            (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
        });
    let memory = reader.value("verify.cache_memory", "0 to 65536 (MiB)", |text| {
        text.parse::<u64>().ok().filter(|mebibytes| *mebibytes <= 65_536)
    });
    let default = VerifyConfig::default();
    Ok(VerifyConfig {
        cache_memory: memory?.map_or(default.cache_memory, |mebibytes| mebibytes << 20),
        stale_if_error: stale?.unwrap_or(default.stale_if_error),
        groups_header_limit: limit?.unwrap_or(default.groups_header_limit),
        groups_header_filter: filter?.unwrap_or(default.groups_header_filter),
    })
}
