//! SQLite: what this process commits, and nobody else.
//!
//! While somebody listens, the connection that writes has triggers of its own, which no other
//! connection sees and no file holds. They note each change in a table of that connection, as a
//! part of the transaction that makes it, so that what is rolled back was never noted.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use tokio::sync::Mutex;

use super::change::Recorded;

const OPEN: &str = "
CREATE TEMP TABLE IF NOT EXISTS repairshop_changes
    (id INTEGER PRIMARY KEY, of TEXT, operation TEXT, number INTEGER, customer_id INTEGER, tech TEXT);
CREATE TEMP TRIGGER IF NOT EXISTS repairshop_customers_insert AFTER INSERT ON main.customers BEGIN
    INSERT INTO repairshop_changes (of, operation, number) VALUES ('customers', 'INSERT', NEW.id);
END;
CREATE TEMP TRIGGER IF NOT EXISTS repairshop_customers_update AFTER UPDATE ON main.customers BEGIN
    INSERT INTO repairshop_changes (of, operation, number) VALUES ('customers', 'UPDATE', NEW.id);
END;
CREATE TEMP TRIGGER IF NOT EXISTS repairshop_customers_delete AFTER DELETE ON main.customers BEGIN
    INSERT INTO repairshop_changes (of, operation, number) VALUES ('customers', 'DELETE', OLD.id);
END;
CREATE TEMP TRIGGER IF NOT EXISTS repairshop_tickets_insert AFTER INSERT ON main.tickets BEGIN
    INSERT INTO repairshop_changes (of, operation, number) VALUES ('tickets', 'INSERT', NEW.id);
END;
CREATE TEMP TRIGGER IF NOT EXISTS repairshop_tickets_update AFTER UPDATE ON main.tickets BEGIN
    INSERT INTO repairshop_changes (of, operation, number, customer_id, tech)
    VALUES ('tickets', 'UPDATE', NEW.id, OLD.customer_id, OLD.tech);
END;
CREATE TEMP TRIGGER IF NOT EXISTS repairshop_tickets_delete AFTER DELETE ON main.tickets BEGIN
    INSERT INTO repairshop_changes (of, operation, number, customer_id, tech)
    VALUES ('tickets', 'DELETE', OLD.id, OLD.customer_id, OLD.tech);
END;
";

const TAKE: &str = "DELETE FROM temp.repairshop_changes \
     RETURNING of, operation, number, customer_id, tech, id";

const CLOSE: &str = "
DROP TRIGGER IF EXISTS temp.repairshop_customers_insert;
DROP TRIGGER IF EXISTS temp.repairshop_customers_update;
DROP TRIGGER IF EXISTS temp.repairshop_customers_delete;
DROP TRIGGER IF EXISTS temp.repairshop_tickets_insert;
DROP TRIGGER IF EXISTS temp.repairshop_tickets_update;
DROP TRIGGER IF EXISTS temp.repairshop_tickets_delete;
DROP TABLE IF EXISTS temp.repairshop_changes;
";

/// What the connection that writes has noted.
pub(super) struct Outbox {
    /// A pool of one connection, which stays the same.
    write: DatabaseConnection,
    /// Whether changes are noted: so that a write with no listeners pays nothing.
    open: AtomicBool,
    /// Held from looking at who listens to having told them.
    lock: Mutex<()>,
}

impl Outbox {
    pub(super) fn new(write: DatabaseConnection) -> Self {
        Self {
            write,
            open: AtomicBool::new(false),
            lock: Mutex::new(()),
        }
    }

    /// Notes what is written from now on.
    pub(super) async fn open(&self) -> Result<(), DbErr> {
        let _guard = self.lock.lock().await;
        self.write.execute_unprepared(OPEN).await?;
        self.open.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Hands over what was written since the last call, in its order; or stops noting where nobody
    /// listens any more.
    pub(super) async fn empty(
        &self,
        anybody: impl FnOnce() -> bool,
        publish: impl FnOnce(Vec<Recorded>),
    ) -> Result<(), DbErr> {
        if !self.open.load(Ordering::SeqCst) {
            return Ok(());
        }
        let _guard = self.lock.lock().await;
        if !anybody() {
            self.open.store(false, Ordering::SeqCst);
            return self.write.execute_unprepared(CLOSE).await.map(drop);
        }
        let take = Statement::from_string(self.write.get_database_backend(), TAKE);
        let mut changes = Vec::new();
        for row in self.write.query_all_raw(take).await? {
            // They come in no particular order.
            let id: i64 = row.try_get_by_index(5)?;
            changes.extend(Recorded::read(&row)?.map(|change| (id, change)));
        }
        changes.sort_unstable_by_key(|(id, _)| *id);
        publish(changes.into_iter().map(|(_, change)| change).collect());
        Ok(())
    }
}
