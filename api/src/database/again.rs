//! Whether what has failed is tried again, and what is said where it is not. Knows no statement.

use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use tokio::time::sleep;

use super::{Pool, outage::Loss};

/// How long a statement is run again; a pool may take its own time once more after that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a statement is run again that may itself be what ends its connections.
const ATTEMPTS: u32 = 4;
/// How long to wait before the second of those attempts where its connection was cut, and twice as long
/// before each further one: a pooler cuts them while it has no server.
const CUT_PAUSE: Duration = Duration::from_millis(700);
/// How long to wait before the second attempt to run it again, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
/// In place of what is said of a write of which nobody knows whether it was done.
const UNKNOWN: &str = "the connection was lost while it wrote";
/// In place of what is said of a pool that is not busy.
const LATE: &str = "there was no connection in time";

/// How often, and how long already, something is tried again.
pub(super) struct Again {
    began: Instant,
    attempts: u32,
    suspected: u32,
}

impl Default for Again {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            attempts: 0,
            suspected: 0,
        }
    }
}

impl Again {
    /// Waits for a moment after what has failed, if it may be tried again: because it was without
    /// effect, or because it is `harmless` in any case.
    pub(super) async fn after(
        &mut self,
        pool: &Pool,
        error: DbErr,
        harmless: bool,
    ) -> Result<(), DbErr> {
        let Some(loss) = pool.loss(&error).await else {
            return Err(error);
        };
        if !loss.is_innocent() {
            self.suspected += 1;
        }
        let left = PATIENCE.checked_sub(self.began.elapsed());
        let pause = if loss == Loss::Cut && self.suspected > 1 {
            CUT_PAUSE * 2_u32.pow(self.suspected - 2)
        } else {
            PAUSE.1.min(PAUSE.0 * self.attempts)
        };
        let may = harmless || loss.is_without_effect();
        if !may || self.suspected > ATTEMPTS || left.is_none() {
            return Err(if !may {
                DbErr::Custom(UNKNOWN.to_owned())
            } else if is_timeout(&error) {
                DbErr::Conn(RuntimeErr::Internal(LATE.to_owned()))
            } else {
                error
            });
        }
        if !pause.is_zero() {
            sleep(pause.min(left.unwrap_or_default())).await;
        }
        self.attempts += 1;
        Ok(())
    }
}

/// Whether nobody knows if a write was done.
pub(crate) fn is_unknown(error: &DbErr) -> bool {
    matches!(error, DbErr::Custom(said) if said == UNKNOWN)
}

/// Whether an error comes of a connection that was lost, which the log has told of.
pub(crate) fn is_loss(error: &DbErr) -> bool {
    let late = matches!(error, DbErr::Conn(RuntimeErr::Internal(said)) if said == LATE);
    late || is_unknown(error) || Loss::of(error).is_some_and(|loss| loss != Loss::Conflict)
}

pub(super) fn is_timeout(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
}
