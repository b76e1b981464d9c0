//! What exactly would let somebody in: the changes, as few as there must be, and nothing more.

use gatepost_core::administration::Scope;
use gatepost_core::decision::{self, Missing};
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::requirement::Requirement;
use gatepost_pages::explanation::{GrantFacts, RemedyFacts};
use gatepost_store::directory::access::{Candidate, Named, Relevant};
use gatepost_store::directory::{Directory, DirectoryError};

/// What would let a person in: one choice of each step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remedy {
    pub steps: Vec<Step>,
    /// What keeps the person out whatever is granted.
    pub obstacles: Vec<Obstacle>,
}

/// Something that is missing. One of the choices is enough, the best one comes first. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub choices: Vec<Grant>,
}

/// A change that gives a person something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Adds the person to a group, which is created if it does not exist.
    Group { name: GroupName, is_new: bool, makes_admin: bool },
    /// Adds the person to a tenant.
    Tenant(TenantId),
    /// Makes the person an administrator of the system.
    Admin,
}

/// Why a person does not get in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An administrator disabled the person.
    Disabled,
    /// An administrator released the person's address.
    NoAddress,
    /// None of the tenants that are required exists.
    UnknownTenants(Vec<TenantId>),
    /// The provider of this tenant identifies the person, and the requirement is not about that tenant.
    Confined(TenantId),
}

/// What a person lacks to meet a requirement. `None`: nothing, or the person does not exist.
pub async fn find_remedy(
    directory: &Directory,
    user: UserId,
    requirement: &Requirement,
) -> Result<Option<Remedy>, DirectoryError> {
    // Which groups make administrators matters for each of them.
    let named = Named { admins: true, ..Named::by([requirement]) };
    let relevant = directory.find_relevant(&named).await?;
    let candidate = directory.find_candidate(&Scope::System, &relevant, user).await?;
    Ok(candidate.and_then(|candidate| Remedy::of(requirement, &candidate, &relevant)))
}

impl Remedy {
    fn of(requirement: &Requirement, candidate: &Candidate, relevant: &Relevant) -> Option<Self> {
        let standing = &candidate.standing;
        let mut remedy = Self::default();
        if standing.is_disabled {
            remedy.obstacles.push(Obstacle::Disabled);
        }
        if standing.person.email.is_none() {
            remedy.obstacles.push(Obstacle::NoAddress);
        }
        if let Some(missing) = decision::missing(requirement, &standing.access) {
            remedy.add(missing, relevant, candidate.decision == Some(false));
        }
        (remedy != Self::default()).then_some(remedy)
    }

    /// A group may open the tenant too, and may make an administrator, who enters every tenant. It is proposed last if it
    /// gives more than is missing.
    fn add(&mut self, missing: Missing, relevant: &Relevant, is_denied_admin: bool) {
        // Tools are judged by what a message asks for, which no question about access names.
        let Missing { mut groups, tenants, mut admin, tool: _, key: _, suspended: _, confined_to } = missing;
        self.obstacles.extend(confined_to.map(Obstacle::Confined));
        let (known, unknown): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|id| relevant.has_tenant(id));
        let makes_admin = |name: &GroupName| !is_denied_admin && relevant.makes_admins(name);
        let opens = |name: &GroupName| relevant.tenants_of(name).iter().any(|(id, _)| known.contains(id));
        let is_too_much = |name: &GroupName| !admin && makes_admin(name);
        groups.sort_by_key(|name| {
            let is_enough = (admin && makes_admin(name)) || opens(name);
            (is_too_much(name), !relevant.has_group(name), !is_enough)
        });
        let mut is_opened = admin;
        if let Some(first) = groups.first() {
            is_opened |= opens(first) || makes_admin(first);
            admin &= !makes_admin(first);
            let grant = |name: &GroupName| Grant::Group {
                is_new: !relevant.has_group(name),
                makes_admin: makes_admin(name),
                name: name.clone(),
            };
            self.steps.push(Step { choices: groups.iter().map(grant).collect() });
        }
        if known.is_empty() && !unknown.is_empty() {
            self.obstacles.push(Obstacle::UnknownTenants(unknown));
        } else if !known.is_empty() && !is_opened {
            self.steps.push(Step { choices: known.into_iter().map(Grant::Tenant).collect() });
        }
        if admin {
            self.steps.push(Step { choices: vec![Grant::Admin] });
        }
    }

    /// The same for an explanation. `user` is the person's address or id.
    pub fn facts(&self, user: &str) -> RemedyFacts {
        let choice = |grant: &Grant| grant.facts(user);
        let choices = |step: &Step| step.choices.iter().map(choice).collect();
        RemedyFacts {
            steps: self.steps.iter().map(choices).collect(),
            obstacles: self.obstacles.iter().map(|obstacle| obstacle.text(user)).collect(),
        }
    }
}

impl Grant {
    /// The value of a form field for it.
    pub fn key(&self) -> String {
        match self {
            Self::Group { name, .. } => format!("group:{name}"),
            Self::Tenant(id) => format!("tenant:{id}"),
            Self::Admin => "admin".to_owned(),
        }
    }

    fn facts(&self, user: &str) -> GrantFacts {
        let user = quoted(user);
        let (kind, name, command) = match self {
            Self::Group { name, .. } => {
                let command = format!("gatepost group add {} {user}", quoted(name.as_str()));
                ("group", Some(name.to_string()), command)
            }
            Self::Tenant(id) => {
                ("tenant", Some(id.to_string()), format!("gatepost tenant add-member {id} {user}"))
            }
            Self::Admin => ("admin", None, format!("gatepost admin grant {user}")),
        };
        let is_new = matches!(self, Self::Group { is_new: true, .. });
        let makes_admin = matches!(self, Self::Group { makes_admin: true, .. } | Self::Admin);
        GrantFacts { kind: kind.into(), name, is_new, makes_admin, command }
    }
}

impl Obstacle {
    /// What to do about it, as a sentence.
    pub fn text(&self, user: &str) -> String {
        match self {
            Self::Disabled => format!(
                "An administrator disabled the person. To undo that: gatepost user enable {}",
                quoted(user)
            ),
            Self::NoAddress => {
                "The person has no address, because an administrator released it. The next sign-in brings one."
                    .to_owned()
            }
            Self::Confined(tenant) => format!(
                "The provider of tenant {tenant} identifies the person, which opens nothing outside of that tenant. \
                 Somebody whom a provider of the configuration identifies may have more."
            ),
            Self::UnknownTenants(tenants) => {
                let ids: Vec<_> = tenants.iter().map(TenantId::as_str).collect();
                let first = ids.first().copied().unwrap_or_default();
                format!(
                    "There is no tenant {} here. To create it: gatepost tenant create {first}",
                    ids.join(" or ")
                )
            }
        }
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '/' | '+');
    if word.chars().all(is_plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_a_shell() {
        for (word, written) in [
            ("MCP-GitHub", "MCP-GitHub"),
            ("entra:role:Boss", "entra:role:Boss"),
            ("All people", "'All people'"),
            ("it's", "'it'\\''s'"),
            ("$(reboot)", "'$(reboot)'"),
        ] {
            assert_eq!(quoted(word), written);
        }
    }
}
