//! Names whose zone has to prove that they are a tenant's: hosts, and domains of addresses. Their markup is in
//! `templates/admin/proofs.html`.

use super::parts::Button;
use crate::paths;
use crate::words::Moment;
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::tenant_host::HostState;

/// A name that a tenant has, or wants.
#[derive(Clone, Debug)]
pub struct ProofEntry<'a> {
    pub name: &'a str,
    pub state: HostState,
    /// The name and the text of the TXT record that proves it. `None`: nothing has to be proved.
    pub record: Option<(String, String)>,
    pub proved_at: Option<Timestamp>,
    /// Of what its forms change.
    pub version: Version,
}

/// Why the name of an entry was not decided about.
#[derive(Clone, Copy, Debug)]
pub struct WrongProof<'a> {
    pub name: &'a str,
    /// As a sentence.
    pub error: &'a str,
    /// Of the answer.
    pub status: u16,
}

/// What the entries of a page are, and who reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProofsOf<'a> {
    /// The name of the field with the name of an entry.
    pub(super) field: &'static str,
    /// The path below which forms decide.
    pub(super) action: &'a str,
    /// What one can do with a name that counts, as a sentence.
    pub(super) counts: &'static str,
    pub(super) wrong: Option<WrongProof<'a>>,
    /// The reader may say yes and no without a proof.
    pub(super) may_decide: bool,
    /// Each has a page that asks before it is taken away.
    pub(super) has_removal: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ProofView<'a> {
    pub(super) name: &'a str,
    pub(super) state: HostState,
    /// The class of the tag of its state.
    pub(super) class: &'static str,
    pub(super) says: &'static str,
    pub(super) record: Option<(&'a str, &'a str)>,
    /// The reader may have it count without the record.
    pub(super) needs_no_record: bool,
    pub(super) proved_at: Option<Moment>,
    pub(super) error: Option<&'a str>,
    pub(super) confirm: Option<Button>,
    pub(super) decide: Vec<Button>,
    /// The page that asks before it is taken away. `None`: a form says what there is.
    pub(super) remove: Option<String>,
}

impl<'a> ProofEntry<'a> {
    pub(super) fn view(&'a self, of: ProofsOf<'a>) -> ProofView<'a> {
        let (class, says) = match self.state {
            HostState::Proposed => (
                "soon",
                "It counts once its zone has this TXT record and \u{201c}Look for the record\u{201d} finds it.",
            ),
            HostState::Active => ("", of.counts),
            HostState::Refused => {
                ("wrong", "An administrator of the system refused it. No record changes that.")
            }
        };
        let button = |verb: &str, text| Button {
            action: format!("{}/{verb}", of.action),
            fields: vec![
                (of.field, self.name.to_owned()),
                ("shown", self.state.to_string()),
                ("version", self.version.to_string()),
            ],
            text,
            label: format!("{text}: {}", self.name),
        };
        let is_proposed = self.state == HostState::Proposed;
        let approve = (of.may_decide && self.state != HostState::Active)
            .then(|| button("approve", "Approve without the record"));
        let refuse = (of.may_decide && self.state != HostState::Refused).then(|| button("refuse", "Refuse"));
        ProofView {
            name: self.name,
            state: self.state,
            class,
            says,
            record: self.record.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
            needs_no_record: approve.is_some(),
            proved_at: self.proved_at.map(Moment),
            error: of.wrong.filter(|wrong| wrong.name == self.name).map(|wrong| wrong.error),
            confirm: is_proposed.then(|| button("confirm", "Look for the record")),
            decide: approve.into_iter().chain(refuse).collect(),
            remove: of
                .has_removal
                .then(|| paths::query(&format!("{}/remove", of.action), &[(of.field, Some(self.name))])),
        }
    }
}
