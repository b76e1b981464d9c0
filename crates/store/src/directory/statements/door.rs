//! The one door for changes by administrators: scope, row lock, version, decision, write and audit, in this order and in
//! one transaction. The notification of the replicas belongs to the transaction too: the tables' triggers make it.

use super::{Apply, Result, Store, admins, callers, tenants};
use crate::directory::actor::{Actor, Who};
use crate::directory::changes::{Conditions, Done};
use gatepost_core::administration::{Denied, Matter};

impl Store {
    pub(in crate::directory) async fn carry_out<C: Apply>(
        &self,
        change: &C,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<C::Outcome>> {
        let mut locks = change.locks();
        if change.may_unmake_admins() {
            locks.push(admins::lock_of_admins());
        }
        transaction!(within C::TIMEOUT, self, &locks, !conditions.is_dry_run, |connection| {
            let caller = callers::find(connection, actor).await?;
            let matter = change.matter();
            let granted = caller.grant(&matter, change)?;
            if let Matter::Tenant(id) = &matter
                && !granted.is_by_system()
            {
                tenants::demand_active(connection, id).await?;
            }
            if actor.key.is_some() && !change.may_be_made_by_key() {
                return Err(Denied::NotByKey.into());
            }
            let (locked, version) = change.lock(&mut *connection).await?;
            conditions.demand(version)?;
            let done = C::write(granted, locked, &mut *connection, actor).await?;
            if change.may_unmake_admins() && matches!(actor.who, Who::Person(_) | Who::Key(_)) {
                admins::demand_one(connection).await?;
            }
            Ok(done)
        })
    }
}
