//! Parts of forms that the pages of groups and tenants share. Their markup is in `templates/admin/forms.html`.

use super::ends::Ends;
use super::parts::{ApiCall, Field, Search};
use gatepost_core::access::Role;

/// A text of a form, as it was entered, and what is wrong with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnteredText<'a> {
    pub value: &'a str,
    /// As a sentence.
    pub error: Option<&'a str>,
}

impl<'a> EnteredText<'a> {
    /// Nothing is wrong with it.
    pub const fn of(value: &'a str) -> Self {
        Self { value, error: None }
    }

    pub(super) const fn field(
        self,
        (id, name): (&'static str, &'static str),
        label: &'static str,
        hint: &'static str,
    ) -> Field<'a> {
        Field { id, name, kind: "text", label, hint, value: self.value, list: &[], error: self.error }
    }
}

/// A choice of one of few values.
#[derive(Clone, Debug)]
pub(super) struct Select {
    /// Unique on the page.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) options: Vec<SelectOption>,
}

#[derive(Clone, Debug)]
pub(super) struct SelectOption {
    pub(super) value: &'static str,
    pub(super) text: &'static str,
    pub(super) is_chosen: bool,
}

impl Select {
    /// The roles in a tenant, the least powerful first.
    pub(super) fn of_roles(id: &'static str, chosen: Role) -> Self {
        let option = |(role, text): (Role, &'static str)| SelectOption {
            value: role.as_str(),
            text,
            is_chosen: role == chosen,
        };
        let roles = [
            (Role::Viewer, "Viewer: may look"),
            (Role::Member, "Member: may work in it"),
            (Role::Admin, "Administrator: may also decide who else may"),
        ];
        let hint = "The application gets the role as X-User-Role.";
        Self { id, name: "role", label: "Role", hint, options: roles.map(option).into() }
    }
}

/// The form that adds somebody to a group or a tenant, and the search among those who are in it.
#[derive(Clone, Debug)]
pub(super) struct Adding<'a> {
    /// The path that the form is sent to.
    pub(super) action: String,
    /// Something is wrong with the form, or nobody is in it yet.
    pub(super) is_open: bool,
    pub(super) user: Field<'a>,
    /// `None`: there are no roles in it.
    pub(super) role: Option<Select>,
    pub(super) ends: Ends<'a>,
    pub(super) button: &'static str,
    pub(super) api: Vec<ApiCall>,
    pub(super) search: Search<'a>,
}

/// A page before something that nothing brings back: what it does in numbers, and the name to be typed.
#[derive(Clone, Debug)]
pub(super) struct Removal<'a> {
    /// The path that the form is sent to.
    pub(super) action: String,
    /// What happens, each as a sentence.
    pub(super) effects: Vec<String>,
    /// What stays, each as a sentence.
    pub(super) stays: Vec<String>,
    /// Hidden fields.
    pub(super) keeps: Vec<(&'static str, String)>,
    /// The name to be typed. `None`: it can be made again, so nothing is typed.
    pub(super) typed: Option<Field<'a>>,
    pub(super) name: &'a str,
    /// Nothing brings it back.
    pub(super) is_for_good: bool,
    /// What has to be done first, as a sentence. There is no form then.
    pub(super) first: Option<String>,
    pub(super) button: &'static str,
    /// The page to go back to.
    pub(super) back: String,
}
