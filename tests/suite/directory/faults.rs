//! A change whose transaction fails, at each of its writes in turn and at its commit, leaves nothing: no row, no audit, no
//! version, no answer of a request that may come again.

use super::{Opened, actor, email, files, now, person};
use gatepost_core::access::Role;
use gatepost_core::access_request::Wanted;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::secret::{Hash, Secret};
use gatepost_store::directory::changes::{
    AddMember, AddTenantMember, ApplyPlan, ApproveProposal, ChangeAddress, ChangeMembers, CreateGroup,
    CreateTenant, CreateUser, DeclineRequest, DeleteGroup, DeleteTenant, DisableUser, EnableUser, EndSession,
    EndSessions, EraseUser, GrantRequest, LinkGroup, MapGroup, Once, ProposeTenant, RefuseProposal,
    ReleaseAddress, RemoveMember, RemoveTenantMember, RenameGroup, RenameTenant, Repeat, RequestAccess,
    SetAdmin, UnlinkGroup, UnmapGroup, WithdrawRequest,
};
use gatepost_store::directory::{Actor, Applicable, Conditions, DirectoryError, Done, UserKey, Via, Who};
use std::sync::Arc;
use std::time::Duration;

/// Which write fails: the one with this number. The others: none, and the commit.
const NONE: i64 = 0;
const COMMIT: i64 = -1;

/// A store in which writes fail on demand.
struct Faulty {
    store: Opened,
    /// Reads every row of every table as text.
    everything: String,
}

impl Faulty {
    async fn new(store: Opened) -> Self {
        let tables = store.texts(if store.is_postgres() { POSTGRES_TABLES } else { SQLITE_TABLES }).await;
        assert!(tables.len() > 20, "{tables:?}");
        store.sql("CREATE TABLE gatepost.faults (target INTEGER NOT NULL, seen INTEGER NOT NULL)").await;
        store.sql("INSERT INTO gatepost.faults VALUES (0, 0)").await;
        let mut reads = Vec::new();
        for table in &tables {
            if store.is_postgres() {
                reads.push(format!("SELECT '{table} ' || one::text FROM gatepost.{table} one"));
            } else {
                let columns = store
                    .texts(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"))
                    .await;
                reads.push(format!("SELECT '{table} ' || {} FROM {table}", columns.join(" || ',' || ")));
            }
        }
        if store.is_postgres() {
            store.sql(POSTGRES_FAULTS).await;
        } else {
            store.sql(SQLITE_FAULTS).await;
        }
        for table in &tables {
            if store.is_postgres() {
                store.sql(&format!("CREATE TRIGGER fault AFTER INSERT OR UPDATE OR DELETE ON gatepost.{table} FOR EACH ROW EXECUTE FUNCTION fail()")).await;
            } else {
                for verb in ["INSERT", "UPDATE", "DELETE"] {
                    store.sql(&SQLITE_TRIGGER.replace("TABLE", table).replace("VERB", verb)).await;
                }
            }
        }
        Self { store, everything: format!("{} ORDER BY 1", reads.join(" UNION ALL ")) }
    }

    async fn fail_at(&self, target: i64) {
        self.store.sql(&format!("UPDATE gatepost.faults SET target = {target}, seen = 0")).await;
    }

    /// Makes a change again and again. Each time another write fails, until it has no more writes.
    #[expect(clippy::disallowed_methods, reason = "these tests are about what the door keeps")]
    async fn make<C: Applicable>(&self, change: C, actor: &Actor) -> C::Outcome {
        let repeat = Repeat { key: Secret::generate().digest(), request: Secret::generate().digest() };
        let once = Once { change: &change, repeat, answer: |_: &Done<C::Outcome>| "done".to_owned() };
        let before = self.store.texts(&self.everything).await;
        for target in std::iter::once(COMMIT).chain(1..) {
            self.fail_at(target).await;
            match self.store.directory.carry_out(&once, Conditions::default(), actor).await {
                Err(DirectoryError::Unavailable(_)) => {
                    let left = self.store.texts(&self.everything).await;
                    assert_eq!(left, before, "{}: write {target} failed", C::NAME);
                }
                Ok(done) => {
                    // The answer is noted and stored, something is written, and the audit says so.
                    assert!(done.changed && target > 4, "{}: {target}", C::NAME);
                    self.fail_at(NONE).await;
                    assert_ne!(self.store.texts(&self.everything).await, before, "{}", C::NAME);
                    return done.outcome;
                }
                Err(other) => panic!("{}: write {target} failed, and it said {other}", C::NAME),
            }
        }
        unreachable!("a change has an end")
    }
}

const POSTGRES_TABLES: &str = "SELECT table_name::text FROM information_schema.tables \
    WHERE table_schema = 'gatepost' AND table_type = 'BASE TABLE' AND table_name <> 'migrations'";
const SQLITE_TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migrations'";

/// The count of writes is rolled back with them. The constraint is judged by the commit.
const POSTGRES_FAULTS: &str = "\
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE gatepost.faults SET seen = seen + 1;
    IF EXISTS (SELECT FROM gatepost.faults WHERE seen = target) THEN RAISE 'a fault'; END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.target = -1 AND NEW.seen > 0 THEN RAISE 'a fault'; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fault AFTER UPDATE ON gatepost.faults DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fail_at_commit();";

const SQLITE_FAULTS: &str = "\
CREATE TABLE nobody (id INTEGER PRIMARY KEY);
CREATE TABLE marks (of INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED);";
const SQLITE_TRIGGER: &str = "\
CREATE TRIGGER fault_TABLE_VERB AFTER VERB ON TABLE BEGIN
    UPDATE faults SET seen = seen + 1;
    SELECT RAISE(ABORT, 'a fault') FROM faults WHERE seen = target;
    INSERT INTO marks SELECT 1 FROM faults WHERE target = -1;
END;";

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

fn by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Api }
}

both_stores! {
    async fn a_change_of_groups_that_fails_anywhere_leaves_nothing(store) {
        let (config, command_line) = (super::config(&[]), actor());
        let user = store.admitted(&person("alice", "alice@example.com", &["known"])).await;
        let faulty = Faulty::new(store).await;
        let make = async |name: &str, user, until| {
            let change = AddMember { group: group(name).into(), user, until };
            faulty.make(change, &command_line).await
        };
        faulty.make(CreateGroup { name: group("Crew") }, &command_line).await;
        faulty.make(RenameGroup { group: group("Crew").into(), name: group("Team") }, &command_line).await;
        let external = "entra:known".parse().unwrap();
        faulty.make(LinkGroup::new(group("Team").into(), external, &config).unwrap(), &command_line).await;
        make("Team", email("new@example.com"), Some(now().plus(Duration::from_hours(1)))).await;
        make("Other", UserKey::Id(user), None).await;
        let add = vec![(email("x@example.com"), None), (email("y@example.com"), None)];
        let remove = vec![email("new@example.com")];
        faulty.make(ChangeMembers { group: group("Team").into(), add, remove }, &command_line).await;
        faulty.make(RemoveMember { group: group("Team").into(), user: email("x@example.com") }, &command_line).await;
        faulty.make(CreateTenant { id: tenant("t"), name: Some("T".to_owned()) }, &command_line).await;
        faulty.make(RenameTenant { id: tenant("t"), name: None }, &command_line).await;
        let map = MapGroup { group: group("Team").into(), tenant: tenant("t"), role: Role::Viewer };
        faulty.make(map, &command_line).await;
        faulty.make(UnmapGroup { group: group("Team").into(), tenant: tenant("t") }, &command_line).await;
        let member = AddTenantMember { tenant: tenant("t"), user: UserKey::Id(user), role: Role::Admin, until: None };
        faulty.make(member, &command_line).await;
        faulty.make(RemoveTenantMember { tenant: tenant("t"), user: UserKey::Id(user) }, &command_line).await;
        faulty.make(DeleteTenant { id: tenant("t") }, &command_line).await;
        faulty.make(UnlinkGroup::new("entra:known".parse().unwrap(), &config), &command_line).await;
        faulty.make(DeleteGroup { group: group("Team").into() }, &command_line).await;
    }

    async fn a_change_of_people_that_fails_anywhere_leaves_nothing(store) {
        let command_line = actor();
        let user = store.admitted(&person("alice", "alice@example.com", &["known"])).await;
        let id = UserKey::Id(user);
        let keep = Arc::new(super::config(&[("GATEPOST_ADDRESS_CHANGES", "keep")]));
        let faulty = Faulty::new(store).await;
        faulty.make(CreateUser { email: "new@example.com".parse().unwrap() }, &command_line).await;
        faulty.make(SetAdmin { user: id.clone(), is_admin: Some(true), until: None }, &command_line).await;
        faulty.make(SetAdmin { user: id.clone(), is_admin: None, until: None }, &command_line).await;
        faulty.make(EndSessions { user: id.clone(), started_before: now() }, &command_line).await;
        for provider in ["entra", "t-acme"] {
            let (session, provider) = (Hash::of(&[provider.as_bytes()]), provider.parse().unwrap());
            let end = EndSession { session, user, provider, expires_at: now(), reason: "administrator" };
            faulty.make(end, &command_line).await;
        }
        let to = "alice@example.org".parse().unwrap();
        faulty.make(ChangeAddress::new(id.clone(), to, &keep).unwrap(), &command_line).await;
        faulty.make(DisableUser { user: id.clone() }, &command_line).await;
        faulty.make(EnableUser { user: id.clone() }, &command_line).await;
        faulty.make(ReleaseAddress { user: id }, &command_line).await;
        faulty.make(EraseUser { user, confirm: user.to_string() }, &command_line).await;
    }

    async fn a_proposal_that_fails_anywhere_leaves_nothing(store) {
        let user = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let faulty = Faulty::new(store).await;
        let propose = async |id: &str| {
            let change = ProposeTenant { user, tenant: tenant(id), name: "New".parse().unwrap(), reason: None, is_tried: false };
            faulty.make(change, &by(user)).await
        };
        let refused = RefuseProposal { id: propose("shop").await, answer: None };
        faulty.make(refused, &actor()).await;
        faulty.make(ApproveProposal { id: propose("shop").await }, &actor()).await;
    }

    async fn a_request_and_a_plan_that_fail_anywhere_leave_nothing(store) {
        let command_line = actor();
        let user = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let all = files::declared(files::ALL);
        let plan = files::plan(&store, &all).await;
        let faulty = Faulty::new(store).await;
        let config = files::config();
        faulty.make(ApplyPlan { declared: all, plan, config }, &command_line).await;
        let (support, github) = (Wanted::Group(group("Support")), Wanted::Tenant(tenant("github")));
        let ask = async |wanted: &Wanted| {
            let change = RequestAccess { user, wanted: vec![wanted.clone()], note: None };
            faulty.make(change, &by(user)).await[0]
        };
        let id = ask(&github).await;
        faulty.make(WithdrawRequest { user, id }, &by(user)).await;
        let decline = DeclineRequest { id: ask(&github).await, wanted: github.clone(), answer: "No.".parse().unwrap() };
        faulty.make(decline, &command_line).await;
        for wanted in [github, support] {
            let until = now().plus(Duration::from_hours(1));
            faulty.make(GrantRequest { id: ask(&wanted).await, wanted, until }, &command_line).await;
        }
        let nothing = files::declared(files::NOTHING);
        let plan = files::plan(&faulty.store, &nothing).await;
        faulty.make(ApplyPlan { declared: nothing, plan, config: files::config() }, &command_line).await;
    }
}
