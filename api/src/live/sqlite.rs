//! SQLite: what this process commits, and nobody else.
//!
//! While somebody listens, the connection that writes has triggers of its own, which no other
//! connection sees and no file holds. They note each change in a table of that connection, as a
//! part of the transaction that makes it, so that what is rolled back was never noted.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use super::{Live, Reading, change::Noted};
use crate::database::Pool;

/// How long to wait before another attempt.
const PAUSE: Duration = Duration::from_millis(500);

/// What notes changes, in a table first.
const OPEN: [&str; 7] = [
    "CREATE TEMP TABLE IF NOT EXISTS repairshop_changes ( \
     id INTEGER PRIMARY KEY, relation TEXT, operation TEXT, number INTEGER, \
     old_customer_id INTEGER, old_tech TEXT, new_customer_id INTEGER, new_tech TEXT \
     )",
    "CREATE TEMP TRIGGER IF NOT EXISTS repairshop_customers_insert AFTER INSERT ON main.customers BEGIN \
     INSERT INTO repairshop_changes (relation, operation, number) VALUES ('customers', 'INSERT', NEW.id); \
     END",
    "CREATE TEMP TRIGGER IF NOT EXISTS repairshop_customers_update AFTER UPDATE ON main.customers BEGIN \
     INSERT INTO repairshop_changes (relation, operation, number) VALUES ('customers', 'UPDATE', NEW.id); \
     END",
    "CREATE TEMP TRIGGER IF NOT EXISTS repairshop_customers_delete AFTER DELETE ON main.customers BEGIN \
     INSERT INTO repairshop_changes (relation, operation, number) VALUES ('customers', 'DELETE', OLD.id); \
     END",
    "CREATE TEMP TRIGGER IF NOT EXISTS repairshop_tickets_insert AFTER INSERT ON main.tickets BEGIN \
     INSERT INTO repairshop_changes (relation, operation, number, new_customer_id, new_tech) \
     VALUES ('tickets', 'INSERT', NEW.id, NEW.customer_id, NEW.tech); \
     END",
    "CREATE TEMP TRIGGER IF NOT EXISTS repairshop_tickets_update AFTER UPDATE ON main.tickets BEGIN \
     INSERT INTO repairshop_changes \
     (relation, operation, number, old_customer_id, old_tech, new_customer_id, new_tech) \
     VALUES \
     ('tickets', 'UPDATE', NEW.id, OLD.customer_id, OLD.tech, NEW.customer_id, NEW.tech); \
     END",
    "CREATE TEMP TRIGGER IF NOT EXISTS repairshop_tickets_delete AFTER DELETE ON main.tickets BEGIN \
     INSERT INTO repairshop_changes (relation, operation, number, old_customer_id, old_tech) \
     VALUES ('tickets', 'DELETE', OLD.id, OLD.customer_id, OLD.tech); \
     END",
];

const TAKE: &str = "DELETE FROM temp.repairshop_changes \
     RETURNING id, relation, operation, number, \
     old_customer_id, old_tech, new_customer_id, new_tech";

const CLOSE: [&str; 7] = [
    "DROP TRIGGER IF EXISTS temp.repairshop_customers_insert",
    "DROP TRIGGER IF EXISTS temp.repairshop_customers_update",
    "DROP TRIGGER IF EXISTS temp.repairshop_customers_delete",
    "DROP TRIGGER IF EXISTS temp.repairshop_tickets_insert",
    "DROP TRIGGER IF EXISTS temp.repairshop_tickets_update",
    "DROP TRIGGER IF EXISTS temp.repairshop_tickets_delete",
    "DROP TABLE IF EXISTS temp.repairshop_changes",
];

pub(super) struct Source {
    /// A pool of one connection. Where a write that took too long has cost it, what was noted on it is
    /// gone: a gap for all who subscribe.
    write: Pool,
    woken: Notify,
}

impl Source {
    pub(super) fn new(write: Pool) -> Self {
        let woken = Notify::new();
        Self { write, woken }
    }

    /// Says that there may be something new.
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Publishes changes until nobody listens any more, and tidies up.
    pub(super) async fn listen(&self, live: &Live, ready: &watch::Sender<Reading>) {
        if let Err(cause) = self.read(live, ready).await {
            tracing::warn!(%cause, "changes were not noted: subscriptions begin anew");
            live.publish_gap().await;
            ready.send_replace(Reading::NotYet);
            sleep(PAUSE).await;
        }
        if let Err(cause) = self.execute(&CLOSE).await {
            tracing::error!(%cause, "changes are still noted");
        }
    }

    async fn execute(&self, statements: &[&str]) -> Result<(), DbErr> {
        for sql in statements {
            let statement = Statement::from_string(DbBackend::Sqlite, *sql);
            self.write.execute_raw(statement).await?;
        }
        Ok(())
    }

    async fn read(&self, live: &Live, ready: &watch::Sender<Reading>) -> Result<(), DbErr> {
        self.execute(&OPEN).await?;
        ready.send_replace(Reading::Yes);
        live.reads(true);
        loop {
            tokio::select! {
                () = self.woken.notified() => live.publish(&self.take().await?).await,
                () = live.0.queue.deserted() => if live.is_deserted(ready) {
                    return Ok(());
                },
            }
        }
    }

    /// What was written since the last time, in its order.
    async fn take(&self) -> Result<Vec<Noted>, DbErr> {
        let take = Statement::from_string(DbBackend::Sqlite, TAKE);
        let mut changes = Vec::new();
        for row in self.write.query_all_raw(take).await? {
            // They come in no particular order.
            let id: i64 = row.try_get_by_index(0)?;
            changes.extend(Noted::read(&row)?.map(|change| (id, change)));
        }
        changes.sort_unstable_by_key(|(id, _)| *id);
        Ok(changes.into_iter().map(|(_, change)| change).collect())
    }
}
