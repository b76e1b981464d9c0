//! The header debugger, `/debug/headers`, for admins: on the public host what `/verify` would answer to somebody's
//! request and why ([`explained`]), on a protected host what an application gets of one's own ([`live`]).

mod explained;
mod header_diagnosis;
mod live;

pub(super) use explained::explained;
pub(super) use live::live_headers;
