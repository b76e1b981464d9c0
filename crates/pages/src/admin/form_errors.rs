//! What is wrong with a form, by field.

use std::collections::BTreeMap;

/// What is wrong with a form: sentences by the name of the field. The empty name is the whole form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors(BTreeMap<&'static str, String>);

impl FormErrors {
    /// Notes what is wrong with a field.
    pub fn add(&mut self, field: &'static str, sentence: &str) {
        let text = self.0.entry(field).or_default();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(sentence);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }
}
