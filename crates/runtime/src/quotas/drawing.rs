//! Draws units from the session store, and gives them back.

use super::account::{Account, Book, Unanswered, allotment};
use super::{Accounts, Quotas};
use futures_util::{StreamExt, stream};
use gatepost_core::clock::{BootTime, Day, Timestamp};
use gatepost_core::error_chain::Chain;
use gatepost_core::secret;
use gatepost_store::session::quotas::{Draw, Drawn, MarkKey};
use gatepost_store::session::store::StoreError;
use gatepost_telemetry::{Store, StoreOperation};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The lifetime of a counter: it is needed until the replica whose clock is slowest has gone on to the next day.
const COUNTER_TTL: Duration = Duration::from_hours(48);
/// How often a draw is tried before the store counts as away: a slow answer must not let requests pass that are not drawn.
const ATTEMPTS: u32 = 4;
/// The pause between two of them.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a draw can be repeated: the store knows its answer for a minute.
const REPEATABLE: Duration = Duration::from_secs(50);
/// How long a store that is away is not asked again.
const AWAY: Duration = Duration::from_secs(1);
/// How often limits are read, and the store is asked whether it has lost its data.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// How many marks are asked for at once.
const MARKS_AT_ONCE: usize = 32;

impl Quotas {
    /// Draws the next allotment while requests spend the rest of this one.
    pub(super) fn refill_ahead(self: &Arc<Self>, account: &Arc<Account>) {
        let (quotas, account) = (Arc::clone(self), Arc::clone(account));
        self.tasks.spawn(async move {
            let mut book = account.book.lock().await;
            quotas.refill(&account, &mut book).await;
            account.note_refilled();
        });
    }

    /// Takes one unit, and draws an allotment first if there is none. Returns whether there was one. A request that does
    /// not wait any more takes none: the draw goes on for those that do.
    pub(super) async fn draw_one(self: &Arc<Self>, account: &Arc<Account>) -> bool {
        loop {
            let now = Timestamp::now();
            if account.per_day().is_none() || account.take(now.day()).is_some() {
                return true;
            }
            if account.is_empty(now) {
                return false;
            }
            let (quotas, account) = (Arc::clone(self), Arc::clone(account));
            let draw = async move {
                let mut book = account.book.lock().await;
                let now = Timestamp::now();
                // Whoever waited for the book may find what others drew.
                if account.held(now.day()) == 0 && !account.is_empty(now) {
                    quotas.refill(&account, &mut book).await;
                }
            };
            self.tasks.run(draw).await;
        }
    }

    /// Draws as many units as an allotment lacks.
    async fn refill(&self, account: &Account, book: &mut Book) {
        loop {
            let (day, Some(limit)) = (Timestamp::now().day(), account.per_day()) else { return };
            let wanted = allotment(limit).saturating_sub(account.held(day));
            if wanted == 0 {
                return;
            }
            let Ok(drawn) = self.draw(account, book, (day, wanted, limit)).await else {
                return self.credit(account, book, (day, wanted, limit));
            };
            account.note_used(drawn.tally.used());
            if let Some(rest) = drawn.settling {
                sleep(rest).await;
                continue;
            }
            account.grant(day, drawn.granted, limit);
            if drawn.granted == 0 {
                account.note_empty(day);
            }
            return;
        }
    }

    /// Lets requests pass that no store counts. No more than the limit, as far as this replica knows what was used.
    /// Units of a draw without an answer are not known to be used: see [`Self::repeat_unanswered`].
    fn credit(&self, account: &Account, book: &mut Book, (day, wanted, limit): (Day, u64, u64)) {
        let units = wanted.min(limit.saturating_sub(book.used()));
        book.owed += units;
        account.grant(day, units, limit);
        if units == 0 {
            account.note_empty(day);
        }
        self.stores.metrics.quota_uncounted(units);
    }

    /// One draw. `Err`: the store is away, or was so a moment ago.
    async fn draw(
        &self,
        account: &Account,
        book: &mut Book,
        (day, wanted, limit): (Day, u64, u64),
    ) -> Result<Drawn, ()> {
        if book.day != day {
            *book = Book { day, away_until: book.away_until, ..Book::default() };
        }
        // What is only told must be told as soon as the store is back, not when its second is over.
        if wanted > 0 && BootTime::now() < book.away_until {
            return Err(());
        }
        let was_away = book.away_until > BootTime::default();
        let attempts = if was_away { 1 } else { ATTEMPTS };
        match self.draw_anew(account, book, (wanted, limit), attempts).await {
            Ok(drawn) => {
                if was_away {
                    tracing::info!(tenant = %account.tenant, "the session store counts requests of a tenant again");
                    book.away_until = BootTime::default();
                }
                Ok(drawn)
            }
            Err(error) => {
                if !was_away {
                    tracing::warn!(
                        tenant = %account.tenant,
                        error = %Chain(&error),
                        "the session store cannot count requests of a tenant: they pass, and are counted in memory"
                    );
                }
                book.away_until = BootTime::now().plus(AWAY);
                Err(())
            }
        }
    }

    /// A draw with an id of its own, after the answer that is missing.
    async fn draw_anew(
        &self,
        account: &Account,
        book: &mut Book,
        (wanted, limit): (u64, u64),
        attempts: u32,
    ) -> Result<Drawn, StoreError> {
        self.repeat_unanswered(account, book).await?;
        let mut id = [0; 16];
        secret::fill_random(&mut id);
        let (known, owed, returned) = (book.known, book.owed, account.take_surrendered(book.day));
        let draw = Draw { id, wanted, limit, known, owed, returned, ttl: COUNTER_TTL };
        // One that tells what is owed is repeated all day: the store knows its answer as long, and it must not be told twice.
        let until = if owed > 0 { BootTime::MAX } else { BootTime::now().plus(REPEATABLE) };
        let unanswered = Unanswered { draw, until };
        self.try_draw(account, book, unanswered, attempts).await
    }

    /// Asks again for the answer that did not come. After [`REPEATABLE`] nobody can know it: the units stay unused. What was lent
    /// instead of the units that it granted is owed no more.
    async fn repeat_unanswered(&self, account: &Account, book: &mut Book) -> Result<(), StoreError> {
        let Some(unanswered) = book.unanswered else { return Ok(()) };
        if BootTime::now() >= unanswered.until {
            book.unanswered = None;
            return Ok(());
        }
        let drawn = self.try_draw(account, book, unanswered, 1).await?;
        let lent = drawn.granted.min(book.owed);
        book.owed -= lent;
        account.grant(book.day, drawn.granted - lent, unanswered.draw.limit);
        Ok(())
    }

    /// Sends a draw. It stays in the book until an answer comes.
    async fn try_draw(
        &self,
        account: &Account,
        book: &mut Book,
        unanswered: Unanswered,
        attempts: u32,
    ) -> Result<Drawn, StoreError> {
        let draw = unanswered.draw;
        book.unanswered = Some(unanswered);
        let mut attempt = 1;
        loop {
            let query = self.stores.sessions.draw(&account.tenant, book.day, &draw);
            match self.stores.query(Store::Session, StoreOperation::DrawQuota, query).await {
                Ok(drawn) => {
                    book.unanswered = None;
                    book.known = book.known.newer(drawn.tally);
                    if drawn.settling.is_some() {
                        // The store has taken nothing of this yet.
                        account.surrender_units(book.day, draw.returned);
                    } else {
                        // What was lent since then is told later.
                        book.owed = book.owed.saturating_sub(draw.owed);
                    }
                    return Ok(drawn);
                }
                Err(error) if attempt >= attempts => return Err(error),
                Err(_) => attempt += 1,
            }
            sleep(PAUSE).await;
        }
    }
    /// Takes over changed limits, and tells a store that has lost its data what this replica knows. Never ends.
    pub async fn watch(&self) {
        let mut marks = HashMap::new();
        loop {
            // Without an answer, what was read before holds.
            let _ = self.read_limits().await;
            if let Some(accounts) = self.accounts.load_full() {
                self.tell(&accounts, &mut marks).await;
            }
            sleep(WATCH_INTERVAL).await;
        }
    }

    /// Reads the marks of tenants of which this replica knows something, and those that it has not read yet. A Cluster
    /// has one for each tenant, and a node that does not answer keeps nobody from the marks of the others.
    async fn tell(&self, accounts: &Accounts, marks: &mut HashMap<MarkKey, Vec<u8>>) {
        let mut tenants: HashMap<MarkKey, Vec<&Account>> = HashMap::new();
        for account in accounts.by_tenant.values() {
            tenants.entry(self.stores.sessions.quota_mark_key(&account.tenant)).or_default().push(account);
        }
        marks.retain(|key, _| tenants.contains_key(key));
        tenants.retain(|key, accounts| !marks.contains_key(key) || accounts.iter().any(|it| it.has_known()));
        let read = tenants.into_iter().map(|(key, accounts)| async move {
            let mark = self.stores.sessions.quota_mark(&key).await.ok()?;
            Some((key, mark, accounts))
        });
        let mut read = stream::iter(read).buffer_unordered(MARKS_AT_ONCE);
        while let Some(found) = read.next().await {
            let Some((key, mark, accounts)) = found else { continue };
            if marks.get(&key) != Some(&mark) && self.tell_of(&accounts).await.is_ok() {
                marks.insert(key, mark);
            }
        }
    }

    async fn tell_of(&self, accounts: &[&Account]) -> Result<(), ()> {
        for account in accounts {
            // Whoever draws now tells the same.
            let Ok(mut book) = account.book.try_lock() else { continue };
            let day = Timestamp::now().day();
            if book.has_known(day) {
                self.draw(account, &mut book, (day, 0, account.per_day().unwrap_or(0))).await?;
            }
        }
        Ok(())
    }

    /// Gives the units back that this replica holds, before it ends. Stops at the first failure: they stay unused.
    pub async fn give_back(&self) {
        let Some(accounts) = self.accounts.load_full() else { return };
        let day = Timestamp::now().day();
        for account in accounts.by_tenant.values() {
            let mut book = account.book.lock().await;
            account.surrender(day);
            let has_news = account.has_surrendered(day) || book.owed > 0;
            if has_news
                && self.draw(account, &mut book, (day, 0, account.per_day().unwrap_or(0))).await.is_err()
            {
                return;
            }
        }
    }
}
