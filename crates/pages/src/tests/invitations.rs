//! Invitations to a tenant: the page of a link, and the portal's list.

use super::admin::frame;
use super::samples::{NOW, PLANTED, Sample, email, request_id};
use crate::admin::{EnteredText, InvitationEntry, TenantInvitations};
use crate::*;
use gatepost_core::access::Role;
use gatepost_core::ids::InvitationId;
use gatepost_core::invitation::InvitationSecret;
use std::time::Duration;

fn public(name: &str, invitation: Invitation<'_>) -> Sample {
    Sample { name: name.to_owned(), page: invitation.page(request_id()) }
}

fn offered(name: &str, tenant: &str, role: Role) -> Sample {
    let (email, secret) = (email("alice@example.com"), InvitationSecret::generate());
    public(name, Invitation::Offered { tenant, role, email: &email, secret: &secret, brand: None })
}

/// The pages of a link.
pub fn link_samples() -> Vec<Sample> {
    let [masked, to] = ["a\u{2026}@example.com", "c2VhbGVk"];
    vec![
        offered("public-invitation-admin", "ACME Corporation", Role::Admin),
        offered("public-invitation-viewer", "acme", Role::Viewer),
        offered("public-hostile-invitation", PLANTED, Role::Member),
        public("public-invitation-other", Invitation::ForSomebodyElse { masked, to }),
        public("public-invitation-over", Invitation::Over),
        public("public-invitation-suspended", Invitation::Suspended),
        public("public-invitation-full", Invitation::Full),
    ]
}

fn listed(name: &str, count: usize, entered: EnteredText<'_>, made: Option<&str>) -> Sample {
    let address = email("alice@example.com");
    let entry = InvitationEntry {
        id: InvitationId::generate(),
        email: &address,
        role: Role::Viewer,
        expires_at: NOW.plus(Duration::from_hours(7 * 24)),
    };
    let id = "acme".parse().expect("a tenant");
    let page = TenantInvitations {
        frame: frame("alice@example.com", None),
        id: &id,
        name: Some(entered.value).filter(|name| !name.is_empty()),
        invitations: &vec![entry; count],
        email: entered,
        role: Role::Member,
        is_new: made.is_some(),
        made: made.map(|link| (&address, link)),
    };
    Sample { name: format!("admin-invitations-{name}"), page: page.page() }
}

/// The list of the portal: empty, full, with a link, and with what an attacker would plant.
pub fn list_samples() -> Vec<Sample> {
    let wrong = EnteredText { value: PLANTED, error: Some("It is not an e-mail address.") };
    let link = format!("https://auth.example.com/invitations/{}", "0".repeat(64));
    vec![
        listed("empty", 0, EnteredText::of(""), None),
        listed("many", 50, EnteredText::of(""), None),
        listed("made", 1, EnteredText::of(""), Some(&link)),
        listed("hostile", 1, wrong, None),
    ]
}

#[test]
fn who_is_somebody_else_does_not_read_who_was_invited_or_where() {
    let masked = "a\u{2026}@example.com";
    let page = Invitation::ForSomebodyElse { masked, to: "c2VhbGVk" }.page(request_id());
    assert_eq!(page.status, 403);
    assert!(page.body.contains(masked) && !page.body.contains("<form"), "{}", page.body);
    assert!(page.body.contains("/login?to=c2VhbGVk&#38;prompt=select_account"), "{}", page.body);
}
