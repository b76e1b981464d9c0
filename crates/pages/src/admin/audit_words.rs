//! What an entry of the audit says as a sentence: who, what they did, and to what.

use serde_json::{Map, Value};

/// The words before and after the target of a change, by its action. `{name}` stands for a member of the state after the
/// change, else of the state before it.
const DEEDS: [(&str, &str, &str); 83] = [
    ("admin.end", "noted the end of the decision about", " as an administrator of the system"),
    ("admin.grant", "made", " an administrator of the system"),
    ("admin.reset", "left it to groups and roles whether", " is an administrator of the system"),
    ("admin.revoke", "decided that", " is no administrator of the system"),
    ("audit.cut", "deleted old entries of", ""),
    ("audit.erase", "erased the texts of", ""),
    ("configuration.admin_groups", "changed the groups of administrators in the", ""),
    ("configuration.admin_roles", "changed the roles of administrators in the", ""),
    ("group.create", "created the", ""),
    ("group.delete", "deleted the", ""),
    ("group.link", "linked the", " to the group {group}"),
    ("group.rename", "renamed the", " to {name}"),
    ("group.unlink", "unlinked the", " from the group {group}"),
    ("identity.end_id_tokens", "had the provider end the sessions of", ""),
    ("key.create", "made the", ""),
    ("key.revoke", "revoked the", ""),
    ("key.rotate", "gave another secret to the", ""),
    ("key.update", "changed the", ""),
    ("managed_by.update", "changed what manages the", ""),
    ("membership.create", "added", " to the group {group}"),
    ("membership.delete", "removed", " from the group {group}"),
    ("membership.end", "noted the end of the membership of", " in the group {group}"),
    ("membership.update", "changed the membership of", " in the group {group}"),
    ("proposal.approve", "approved the tenant {tenant} that was proposed by", ""),
    ("proposal.create", "proposed the tenant {tenant} as", ""),
    ("proposal.refuse", "refused the tenant {tenant} that was proposed by", ""),
    ("provider_session.end", "ended the sessions that began at", ""),
    ("request.create", "asked for access as", ""),
    ("request.decline", "declined the request of", ""),
    ("request.grant", "granted the request of", ""),
    ("request.withdraw", "withdrew the request of", ""),
    ("session.end", "ended a session of", ""),
    ("tenant.accept_invitation", "accepted an invitation to the tenant {tenant} as", ""),
    ("tenant.add_host", "proposed the host {host} for the", ""),
    ("tenant.add_member", "made", " {role} of the tenant {tenant}"),
    ("tenant.approve_domain", "approved the domain {domain} of the provider of the", ""),
    ("tenant.approve_host", "approved the host {host} of the", ""),
    ("tenant.brand", "changed how the pages look of the", ""),
    ("tenant.create", "created the", ""),
    ("tenant.delete", "deleted the", ""),
    ("tenant.end_member", "noted the end of the membership of", " in the tenant {tenant}"),
    ("tenant.erase", "erased the", ""),
    ("tenant.invite", "invited somebody as {role} to the", ""),
    ("tenant.map", "let the", " into the tenant {tenant} as {role}"),
    ("tenant.prove_domain", "proved the domain {domain} of the provider of the", ""),
    ("tenant.prove_host", "proved the host {host} of the", ""),
    ("tenant.refuse_domain", "refused the domain {domain} of the provider of the", ""),
    ("tenant.refuse_host", "refused the host {host} of the", ""),
    ("tenant.release_addresses", "freed addresses of people of the", ""),
    ("tenant.remove_host", "removed the host {host} of the", ""),
    ("tenant.remove_member", "removed", " from the tenant {tenant}"),
    ("tenant.remove_provider", "removed the provider of the", ""),
    ("tenant.restore", "restored the", ""),
    ("tenant.resume", "resumed the", ""),
    ("tenant.set_provider", "set the provider of the", ""),
    ("tenant.suspend", "suspended the", ": {reason}"),
    ("tenant.unmap", "closed to the", " the tenant {tenant}"),
    ("tenant.update", "changed the", ""),
    ("tenant.withdraw_invitation", "withdrew an invitation to the", ""),
    ("tier.delete", "deleted the", ""),
    ("tier.set", "set the", ""),
    ("tool_rule.create", "allowed something on the", ""),
    ("tool_rule.delete", "removed a rule of the", ""),
    ("tool_server.create", "registered the", ""),
    ("tool_server.delete", "deleted the", ""),
    ("tool_server.update", "changed the", ""),
    ("user.change_address", "changed the address of", ""),
    ("user.create", "created the account of", ""),
    ("user.disable", "disabled", ""),
    ("user.enable", "enabled", ""),
    ("user.end_all_sessions", "ended all sessions of", ""),
    ("user.erase", "erased", ""),
    ("user.forget", "forgot", ", who did not sign in for long"),
    ("user.groups", "got new groups from the provider of", ""),
    ("user.identify", "added an identity to", ""),
    ("user.keep_address", "kept the address of", ""),
    ("user.lose_all_groups", "got no groups any more from the provider of", ""),
    ("user.merge", "joined an account that waited with", ""),
    ("user.refuse", "refused the sign-in of", ": {reason}"),
    ("user.release_address", "released the address of", ""),
    ("user.rename", "changed the name of", ""),
    ("user.sign_in", "signed in as", ""),
    ("user.take_address", "took the address of", ""),
];

/// The words around the target of a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) before: String,
    pub(super) after: String,
}

impl Deed {
    /// The words of an action. `None`: only a newer release knows it.
    pub(super) fn of(action: &str, states: [&Map<String, Value>; 2]) -> Option<Self> {
        let place = DEEDS.binary_search_by_key(&action, |(known, ..)| known).ok()?;
        let (_, before, after) = DEEDS[place];
        let filled = |text: &str| filled(text, states);
        // Without its member the end of a sentence says nothing; without a verb there is no sentence.
        Some(Self { before: filled(before)?, after: filled(after).unwrap_or_default() })
    }
}

fn filled(text: &str, states: [&Map<String, Value>; 2]) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((start, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}')?;
        let value = states.iter().find_map(|state| state.get(name)?.as_str())?;
        filled.push_str(start);
        filled.push_str(&value.replace('_', " "));
        rest = tail;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deed(action: &str, before: &Value, after: &Value) -> Option<(String, String)> {
        let state = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let deed = Deed::of(action, [&state(after), &state(before)]);
        deed.map(|Deed { before, after }| (before, after))
    }

    #[test]
    fn an_action_is_a_sentence_around_its_target() {
        let words = |before: &str, after: &str| Some((before.to_owned(), after.to_owned()));
        let (none, group) = (json!(null), json!({ "group": "MCP-GitHub" }));
        assert_eq!(deed("membership.create", &none, &group), words("added", " to the group MCP-GitHub"));
        assert_eq!(deed("membership.delete", &group, &none), words("removed", " from the group MCP-GitHub"));
        assert_eq!(deed("membership.delete", &none, &none), words("removed", ""));
        let refused = json!({ "reason": "address_held" });
        assert_eq!(deed("user.refuse", &none, &refused), words("refused the sign-in of", ": address held"));
        assert_eq!(deed("tenant.add_host", &none, &none), None, "the host is not known");
        assert_eq!(deed("something.new", &none, &none), None);
    }

    #[test]
    fn the_actions_are_in_order() {
        assert!(DEEDS.is_sorted_by_key(|(action, ..)| action));
    }
}
