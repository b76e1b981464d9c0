//! `gatepost tenant export`: everything that is held about a tenant, as a file.

use super::console::Console;
use super::error::CommandError;
use super::report::Report;
use gatepost_admin::audit::Export;
use gatepost_admin::views::AuditEntry;
use gatepost_core::administration::Scope;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::{AuditFilter, DirectoryError};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes a new file, or replaces one as a whole. It names people, so others may not read it.
pub(super) async fn run(console: &Console, id: &TenantId, output: &Path) -> Result<Report, CommandError> {
    let failed = |error| CommandError::Export(output.to_owned(), error);
    let mut name = output.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    let mut file = BufWriter::new(file.map_err(failed)?);
    if let Some(api) = console.api() {
        let take = |chunk: &[u8]| file.write_all(chunk).map_err(failed);
        Box::pin(api.export_tenant(id, take)).await?;
    } else {
        write_here(console, id, &mut file, failed).await?;
    }
    file.flush().and_then(|()| file.get_ref().sync_all()).map_err(failed)?;
    fs::rename(&new, output).map_err(failed)?;
    let text = format!("Everything that is held about tenant {id} is in {}.", output.display());
    Ok(Report::new(text, json!({ "tenant": id, "file": output.display().to_string() })))
}

async fn write_here(
    console: &Console,
    id: &TenantId,
    file: &mut BufWriter<File>,
    failed: impl Fn(std::io::Error) -> CommandError,
) -> Result<(), CommandError> {
    let (admin, scope) = (&console.here()?.admin, &Scope::System);
    let tenant = admin.stores.directory.find_tenant(scope, id).await?;
    let tenant = tenant.ok_or_else(|| DirectoryError::UnknownTenant(id.clone()))?;
    let mut data = admin.read_tenant_data(scope, &tenant).await?;
    let filter = AuditFilter { tenant: Some(id.clone()), ..AuditFilter::default() };
    let mut export = Export::new(admin, filter);
    loop {
        let page = export.next(scope).await?;
        if page.is_empty() {
            break;
        }
        data.audit.extend(page.iter().map(AuditEntry::for_tenant));
    }
    serde_json::to_writer(file, &data).map_err(|error| failed(error.into()))
}
