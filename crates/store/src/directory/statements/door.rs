//! The one door for changes by administrators: scope, row lock, version, decision, write and audit, in this order and in
//! one transaction. The notification of the replicas belongs to the transaction too: the tables' triggers make it.

use super::{Apply, Connection, Result, Store, admins, standing};
use crate::directory::actor::{Actor, Who};
use crate::directory::changes::{Conditions, Done};
use gatepost_core::administration::Caller;

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
        transaction!(self, &locks, !conditions.is_dry_run, |connection| {
            let granted = caller(connection, actor).await?.grant(&change.matter(), change)?;
            let (locked, version) = change.lock(&mut *connection).await?;
            conditions.demand(version)?;
            let done = C::write(granted, locked, &mut *connection, actor).await?;
            if change.may_unmake_admins() && matches!(actor.who, Who::Person(_)) {
                admins::demand_one(connection).await?;
            }
            Ok(done)
        })
    }
}

/// Who the actor is, and what they may administer. A person's scope is what the directory says now, not what a page said
/// that they read a second ago.
async fn caller(connection: &mut Connection, actor: &Actor) -> Result<Caller> {
    match &actor.who {
        Who::CommandLine(_) => Ok(Caller::SYSTEM),
        Who::Person(id) => {
            let standing = standing::find(connection, *id).await?;
            Ok(standing.map_or(Caller::NOBODY, |standing| Caller::of(&standing)))
        }
        _ => Ok(Caller::NOBODY),
    }
}
