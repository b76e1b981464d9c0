//! Reads how long data is kept.

use super::reader::{Read, Reader};
use super::{RetentionConfig, SessionConfig, duration};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// The database deletes nothing of the audit that is younger, whoever asks.
const SHORTEST: Duration = Duration::from_hours(30 * 24);
const LONGEST: Duration = Duration::from_hours(36_500 * 24);

pub(super) fn read(reader: &mut Reader, session: Option<&SessionConfig>) -> Read<RetentionConfig> {
    let keep = duration::read(reader, "audit.keep", SHORTEST..=LONGEST);
    let forget = reader.value("people.forget_after", "off, or 30d to 36500d", |text| match text {
        "off" => Some(None),
        text => duration::parse(text).filter(|after| (SHORTEST..=LONGEST).contains(after)).map(Some),
    });
    let (audit_keep, forget_after) = (keep?.unwrap_or(400 * DAY), forget?.flatten());
    if let (Some(after), Some(session)) = (forget_after, session)
        && after <= session.absolute_timeout
    {
        let (after, absolute) = (duration::display(after), duration::display(session.absolute_timeout));
        let name = reader.name("session.absolute_timeout");
        let why = format!("{after} is not longer than {name} ({absolute}), so it would end sessions in use");
        return Err(reader.contradiction("people.forget_after", why));
    }
    Ok(RetentionConfig { audit_keep, forget_after })
}
