//! Reads who may ask for access.

use super::RequestsConfig;
use super::reader::{Read, Reader};

pub(super) fn read(reader: &mut Reader) -> Read<RequestsConfig> {
    Ok(RequestsConfig { anybody: reader.flag("requests.anybody")?.unwrap_or(false) })
}
