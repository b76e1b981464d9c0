//! Parts that the pages of the portal share. Their markup is in `templates/admin/parts.html`.

use crate::paths;
use gatepost_core::administration::Version;

/// Links of which one is chosen.
#[derive(Clone, Debug)]
pub(super) struct Filters {
    /// What they choose, for readers who do not see them.
    pub(super) label: &'static str,
    pub(super) links: Vec<FilterLink>,
}

#[derive(Clone, Debug)]
pub(super) struct FilterLink {
    pub(super) text: String,
    pub(super) link: String,
    pub(super) is_chosen: bool,
}

/// A field for words to search for.
#[derive(Clone, Debug)]
pub(super) struct Search<'a> {
    /// The path of the list.
    pub(super) action: &'a str,
    pub(super) label: &'static str,
    /// What can be searched for. Empty: nothing is said.
    pub(super) hint: &'static str,
    pub(super) q: &'a str,
    /// Filters that stay: their names and values.
    pub(super) keeps: Vec<(&'static str, String)>,
}

/// What a page says that has nothing to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Empty<'a> {
    pub(super) text: &'a str,
    /// What to do first.
    pub(super) remedy: &'a str,
}

/// The call of the API that does what the page does.
#[derive(Clone, Debug)]
pub(super) struct ApiCall {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) if_match: Option<Version>,
    pub(super) body: Option<String>,
}

impl ApiCall {
    /// Reads what is at a path below the root of the API.
    pub(super) fn get(path: &str, parameters: &[(&str, Option<&str>)]) -> Self {
        Self::of("GET", &paths::query(path, parameters))
    }

    /// Changes something at a path below the root of the API.
    pub(super) fn of(method: &'static str, path: &str) -> Self {
        Self { method, path: format!("/api/v1{path}"), if_match: None, body: None }
    }

    /// If it still has this version.
    pub(super) fn if_match(self, version: Version) -> Self {
        Self { if_match: Some(version), ..self }
    }

    /// With a JSON body.
    pub(super) fn with_body(self, body: &serde_json::Value) -> Self {
        Self { body: Some(body.to_string()), ..self }
    }
}

/// A field of a form. What was entered stays when it is wrong.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    /// Unique on the page.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// `text`, `email`, ...
    pub(super) kind: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) value: &'a str,
    /// Values that are proposed.
    pub(super) list: &'a [&'a str],
    /// What is wrong with the value, as a sentence.
    pub(super) error: Option<&'a str>,
}

impl Field<'_> {
    /// The elements that say more about it.
    pub(super) fn described(&self) -> Option<String> {
        let error = self.error.map(|_| format!("{}-error", self.id));
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.id));
        let ids: Vec<String> = error.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// A field of several lines. What was entered stays when it is wrong.
#[derive(Clone, Debug)]
pub(super) struct Area<'a> {
    /// Unique on the page.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: String,
    pub(super) value: &'a str,
    /// What is wrong with the value, as a sentence.
    pub(super) error: Option<&'a str>,
}

/// Something that is chosen or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    /// What it gives.
    pub(super) hint: &'static str,
    pub(super) is_chosen: bool,
}

/// A form that has only a button.
#[derive(Clone, Debug)]
pub(super) struct Button {
    pub(super) action: String,
    /// The names and values of its hidden fields.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) text: &'static str,
    /// What it does, where several on the page have the same text.
    pub(super) label: String,
}
