//! The steps about groups, tenants and admins.

use crate::explain::facts::{Facts, RequiredRecords};
use gatepost_admin::access::source_of;
use gatepost_core::decision::Missing;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::requirement::Requirement;
use gatepost_pages::explanation::{AdminFacts, GroupFacts, GroupsFacts, TenantFacts, TenantsFacts};
use gatepost_store::directory::GroupLink;

impl Facts {
    pub(super) fn groups(
        &self,
        requirement: &Requirement,
        required_records: &RequiredRecords,
        missing: &Missing,
    ) -> GroupsFacts {
        let own = &self.standing.access.groups;
        let required = requirement.groups.iter();
        GroupsFacts {
            required: required.clone().map(|name| self.group(name, required_records)).collect(),
            is_met: missing.groups.is_empty(),
            others: own
                .iter()
                .filter(|name| !requirement.groups.contains(name))
                .map(|name| self.group(name, required_records))
                .collect(),
        }
    }

    fn group(&self, name: &GroupName, required_records: &RequiredRecords) -> GroupFacts {
        let is_member = self.standing.access.groups.contains(name);
        let record = required_records.groups.get(name);
        let memberships = self.memberships.iter().filter(|membership| membership.group == *name);
        let links = record.map(|record| record.links.iter().map(external_id).collect()).unwrap_or_default();
        let namesakes = self.namesakes(name).map(external_id).collect();
        GroupFacts {
            name: name.clone(),
            is_member,
            sources: memberships.map(|membership| source_of(&membership.source)).collect(),
            exists: is_member || record.is_some(),
            links: if is_member { Vec::new() } else { links },
            namesakes: if is_member { Vec::new() } else { namesakes },
        }
    }

    pub(super) fn tenants(
        &self,
        requirement: &Requirement,
        required_records: &RequiredRecords,
        missing: &Missing,
    ) -> TenantsFacts {
        let tenant = |id: &TenantId| self.tenant(id, required_records);
        TenantsFacts {
            required: requirement.all_tenants().map(tenant).collect(),
            is_met: missing.tenants.is_empty(),
            opened: self.standing.access.tenants.iter().map(|(id, role)| (id.clone(), role)).collect(),
        }
    }

    fn tenant(&self, id: &TenantId, required_records: &RequiredRecords) -> TenantFacts {
        let access = &self.standing.access;
        let opened_by =
            required_records.tenants.get(id).map(|record| record.groups.clone()).unwrap_or_default();
        let mut through = opened_by.clone();
        through.retain(|group, _| access.groups.contains(group));
        TenantFacts {
            id: id.clone(),
            exists: required_records.tenants.contains_key(id),
            role: access.role_in(id),
            through,
            opened_by,
        }
    }

    pub(super) fn admin(&self, requirement: &Requirement) -> AdminFacts {
        let admin = self.record.admin.clone().unwrap_or_default();
        AdminFacts {
            is_admin: self.standing.access.is_admin,
            is_required: requirement.admin,
            explicit: admin.explicit,
            reasons: admin.reasons,
        }
    }
}

fn external_id(link: &GroupLink) -> String {
    link.external.to_string()
}
