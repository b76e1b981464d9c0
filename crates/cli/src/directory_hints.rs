//! What to do about an error of the directory.

use gatepost_store::directory::DirectoryError;

/// What to do, if a command can say it.
pub(super) fn of_directory(error: &DirectoryError) -> Option<String> {
    let hint = match error {
        DirectoryError::UnknownUser(_) => {
            "`gatepost user list` shows all people; a person appears after the first sign-in"
        }
        DirectoryError::Erased(_) => "whoever signs in with the same address is a new person",
        DirectoryError::NotConfirmed => "`gatepost user show USER` shows the address",
        DirectoryError::AddressHeld(email) => {
            return Some(format!(
                "`gatepost user show {email}` shows who has it; `gatepost user release {email}` releases it if it is no longer theirs"
            ));
        }
        DirectoryError::UnknownGroup(_) => {
            "`gatepost group list` shows all groups; `gatepost group link NAME PROVIDER:ID` and \
             `gatepost group add NAME USER` create one"
        }
        DirectoryError::NotMember(_, group) => {
            return Some(format!(
                "`gatepost group members '{group}'` shows the members and the source of each membership"
            ));
        }
        DirectoryError::UnknownTenant(id) => {
            return Some(format!("`gatepost tenant create {id}` creates it"));
        }
        DirectoryError::UnknownToolServer(_) => "`gatepost tool-server list` shows all tool servers",
        DirectoryError::ToolServerExists(id) => {
            return Some(format!("`gatepost tool-server update {id}` changes it"));
        }
        DirectoryError::AddressTaken => "`gatepost tool-server list` shows the addresses",
        DirectoryError::UnknownService(_) => "name an upstream that is there, or add it and restart Gatepost",
        DirectoryError::HostNotProtected(_) => {
            "give the tenant the host (`gatepost tenant host add`), or add the host to GATEPOST_HOSTS and restart \
             Gatepost; then repeat this command"
        }
        DirectoryError::NotMapped(..) => {
            "`gatepost tenant list` shows which groups have access to each tenant"
        }
        DirectoryError::UnknownProvider(..) | DirectoryError::RoleWithoutTenant(_) => {
            "write PROVIDER:ID, for an app role PROVIDER:role:NAME"
        }
        DirectoryError::AddressesFollow => {
            "change it at the provider, or set GATEPOST_ADDRESS_CHANGES=keep for `gatepost serve` and here"
        }
        DirectoryError::DomainNotAllowed(..) => {
            "add the domain there, restart Gatepost, then repeat this command"
        }
        DirectoryError::UnknownRequest(_) => {
            "`gatepost request list` shows the open requests; requests are deleted after 90 days"
        }
        DirectoryError::UnknownProposal(_) => {
            "`gatepost proposal list` shows the open proposals; proposals are deleted after 30 days"
        }
        DirectoryError::ProposerDisabled(id) => {
            return Some(format!(
                "`gatepost user enable` the person first, or `gatepost proposal refuse {id}`"
            ));
        }
        DirectoryError::ProposerConfined => {
            "refuse it, or create the tenant with `gatepost tenant create` and name somebody else"
        }
        DirectoryError::UnknownKey(_) => "`gatepost key list` shows all keys",
        DirectoryError::KeyRevoked(_) => {
            "a revoked key stays revoked; `gatepost key create NAME` makes another one"
        }
        DirectoryError::EndsInThePast => "the clock of the database decides; give a later time",
        DirectoryError::ReservedGroup(_) => {
            "`gatepost group list` shows it; restart Gatepost after the change"
        }
        DirectoryError::NotTenantMember(..) => {
            "a role that comes through a group is taken with `gatepost group remove` or `gatepost tenant unmap`"
        }
        DirectoryError::PlanOvertaken(_) => {
            "nothing was changed; run the command again, and read what it shows now"
        }
        DirectoryError::PlanTooLong(..) => "apply the files in several steps",
        DirectoryError::NameTaken(_) => "choose another name; `gatepost group list` shows all groups",
        DirectoryError::GroupLinked(name) => {
            return Some(format!(
                "`gatepost group list` shows its links; `gatepost group unlink PROVIDER:ID` removes one from {name}"
            ));
        }
        DirectoryError::NotLinked(_) => "`gatepost group list` shows all links",
        DirectoryError::LinkedByConfiguration(_) => {
            "then restart Gatepost; a link made on the command line never overrides it"
        }
        _ => return of_database(error),
    };
    Some(hint.to_owned())
}

/// About the database or its file as a whole.
fn of_database(error: &DirectoryError) -> Option<String> {
    let hint = match error {
        DirectoryError::Unavailable(_) => "check that DATABASE_URL is right and that the database runs",
        DirectoryError::MayNotMigrate => {
            "migrate as the role that owns the tables: `gatepost migrate --as-owner postgres://OWNER@HOST/DATABASE`"
        }
        DirectoryError::UnknownRole(_) => {
            "create it first, with a password: CREATE ROLE name LOGIN PASSWORD '...'"
        }
        DirectoryError::Pooler => {
            "point DATABASE_URL to Postgres itself, or set pool_mode = session for this database in the pooler; managed poolers \
             have another port for sessions (Supabase: 5432 instead of 6543)"
        }
        DirectoryError::ReadOnly => {
            "the database is a standby or set to read-only; `gatepost check` says which"
        }
        DirectoryError::Exposed { path, .. } => {
            return Some(format!(
                "chmod 600 {}, and check `gatepost audit list` for changes by others",
                path.display()
            ));
        }
        DirectoryError::HalfCopied(_) => "`gatepost copy` with `--resume` goes on with the copy",
        DirectoryError::Moved(_) => {
            "use the settings for the new store, or take the mark away: `gatepost copy` with `--undo`"
        }
        DirectoryError::File { .. } => "run this as the user that `gatepost serve` runs as",
        _ => return None,
    };
    Some(hint.to_owned())
}
