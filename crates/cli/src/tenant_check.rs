//! `gatepost tenant check`: what is not as it should be about one tenant.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use gatepost_admin::TenantSeverity;
use gatepost_core::ids::TenantId;

pub(super) async fn run(console: &Console, id: &TenantId) -> Result<Report, CommandError> {
    let check = if let Some(api) = console.api() {
        api.check_tenant(id).await?
    } else {
        console.here()?.admin.check_tenant(&console.find_tenant_here(id).await?).await?
    };
    let mut said = Vec::new();
    for finding in &check.findings {
        let severity = match finding.severity {
            TenantSeverity::Hint => "hint",
            TenantSeverity::Warning => "warning",
            TenantSeverity::Error => "error",
        };
        said.push(format!("{severity}: {} ({}) {}", finding.about, finding.code, finding.found));
        said.push(format!("  {}", finding.fix));
    }
    said.push(match (check.errors, check.findings.len()) {
        (_, 0) => format!("Tenant {id} is as it should be."),
        (0, _) => format!("Tenant {id} has no errors."),
        (1, _) => format!("Tenant {id} has 1 error."),
        (errors, _) => format!("Tenant {id} has {errors} errors."),
    });
    let is_bad = check.errors > 0;
    Ok(Report::new(lines(&said), check).bad_if(is_bad))
}
