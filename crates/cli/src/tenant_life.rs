//! `gatepost tenant suspend`, `resume`, `delete` and `restore`.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS};
use super::error::CommandError;
use super::report::Report;
use gatepost_admin::views::TenantChange;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant::SuspensionReason;
use gatepost_store::directory::changes::{DeleteTenant, RestoreTenant, ResumeTenant, SuspendTenant};
use serde_json::json;

pub(super) async fn suspend(
    console: &Console,
    id: TenantId,
    reason: SuspensionReason,
) -> Result<Report, CommandError> {
    let changed = console.carry_out(&SuspendTenant { id: id.clone(), reason }).await?.changed;
    let text = if changed {
        format!(
            "Tenant {id} {} suspended: nobody may enter it, and its keys are refused.\n\
             Its data stays. To end this: gatepost tenant resume {id}{}",
            console.either("is now", "would be"),
            console.note(WHAT_GOES_ON_WITH_LESS_ACCESS)
        )
    } else {
        format!("Tenant {id} is already suspended for this reason.")
    };
    Ok(report(text, &id, changed))
}

pub(super) async fn resume(console: &Console, id: TenantId) -> Result<Report, CommandError> {
    let changed = console.carry_out(&ResumeTenant { id: id.clone() }).await?.changed;
    let text = if changed {
        format!("Tenant {id} {} active again.", console.either("is now", "would be"))
    } else {
        format!("Tenant {id} is not suspended.")
    };
    Ok(report(text, &id, changed))
}

pub(super) async fn restore(console: &Console, id: TenantId) -> Result<Report, CommandError> {
    let changed = console.carry_out(&RestoreTenant { id: id.clone() }).await?.changed;
    let text = if changed {
        format!("Tenant {id} {} back, with its members and keys.", console.either("is", "would be"))
    } else {
        format!("Tenant {id} is not deleted.")
    };
    Ok(report(text, &id, changed))
}

pub(super) async fn delete(console: &Console, id: TenantId) -> Result<Report, CommandError> {
    let groups: Vec<String> = console.find_tenant(&id).await?.groups.into_keys().collect();
    let changed = console.carry_out(&DeleteTenant { id: id.clone() }).await?.changed;
    let opened = if groups.is_empty() { "No group".to_owned() } else { groups.join(", ") };
    let text = if changed {
        format!(
            "Tenant {id} {} deleted. {opened} gave access to it.\n\
             Routers that require it refuse everybody, and its keys are dead.\n\
             Everything of it is erased in 30 days. Until then: gatepost tenant restore {id}{}",
            console.either("was", "would be"),
            console.note(WHAT_GOES_ON_WITH_LESS_ACCESS)
        )
    } else {
        format!("Tenant {id} is already deleted. To bring it back: gatepost tenant restore {id}")
    };
    Ok(Report::new(text, json!({ "id": id, "groups": groups, "changed": changed })))
}

fn report(text: String, id: &TenantId, changed: bool) -> Report {
    Report::new(text, TenantChange { id: id.to_string(), changed })
}
