//! `/admin`: the pages for administrators of the system and of tenants. The directory leaves out what does not exist for
//! the reader.

mod people;
mod person;

pub(super) use people::people;
pub(super) use person::person;
