//! The answer as CSV: one line for each way of each person and of each key.

use super::access::{AccessWay, Opener};
use super::access_keys::OpeningKey;
use super::csv;
use crate::access::set_by;
use gatepost_core::calendar::minute;
use gatepost_core::clock::Timestamp;

/// The names of the columns, as the first line.
pub const CSV_HEADER: &str =
    "id,email,name,last_sign_in_at,way,until,set_by,set_at,requirements,kind,last_used_at\r\n";

impl Opener {
    /// The lines of this person.
    pub fn to_csv(&self) -> String {
        let user = &self.user;
        let met = self.requirements.join(" ");
        let mut lines = String::new();
        for way in &self.ways {
            push_line(
                &mut lines,
                &[
                    user.id.clone(),
                    or_empty(user.email.as_deref()),
                    or_empty(user.name.as_deref()),
                    or_empty(user.last_sign_in_at.as_deref()),
                    way.by_text().to_owned(),
                    or_empty(way.until.as_deref()),
                    or_empty(way.set_by.as_deref()),
                    or_empty(way.set_at.as_deref()),
                    met.clone(),
                    "person".to_owned(),
                    String::new(),
                ],
            );
        }
        lines
    }
}

impl OpeningKey {
    /// The lines of this key. Its address is its owner's, its end the key's own, and whoever set it has made the key.
    pub fn to_csv(&self) -> String {
        let (key, met) = (&self.key, self.requirements.join(" "));
        let mut lines = String::new();
        for way in &self.ways {
            push_line(
                &mut lines,
                &[
                    key.id.clone(),
                    or_empty(key.owner_email.as_deref()),
                    key.name.clone(),
                    String::new(),
                    way.text.clone(),
                    or_empty(key.expires_at.as_deref()),
                    key.created_by.clone(),
                    key.created_at.clone(),
                    met.clone(),
                    "key".to_owned(),
                    or_empty(key.last_used_at.as_deref()),
                ],
            );
        }
        lines
    }
}

fn or_empty(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn push_line(lines: &mut String, cells: &[String; 11]) {
    csv::push_line(lines, cells.each_ref().map(String::as_str));
}

impl AccessWay {
    /// What lets the person in, without who decided it: the table has columns for that.
    fn by_text(&self) -> &str {
        let at = self.set_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
        let end = self.set_by.as_ref().zip(at).map(|(actor, at)| set_by(actor, minute(at)));
        end.and_then(|end| self.text.strip_suffix(&end)).unwrap_or(&self.text)
    }
}
