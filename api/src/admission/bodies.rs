//! Room for long bodies of requests: so many bytes at a time, of which one caller has a quarter.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Result, error::Error};

/// What of all bytes is one caller's at most.
pub(super) const OWN: usize = 4;

/// Room for one body, taken as it comes and until this is dropped: nobody keeps others out with what
/// only is said to come.
pub(crate) struct Room {
    all: Arc<Semaphore>,
    /// None where callers are not told apart.
    own: Option<Arc<Semaphore>>,
    taken: Vec<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn of(all: Arc<Semaphore>, own: Option<Arc<Semaphore>>) -> Self {
        Self {
            all,
            own,
            taken: Vec::new(),
        }
    }

    /// Takes so many more bytes.
    ///
    /// # Errors
    /// `UNAVAILABLE` where there is no room for them.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<()> {
        let bytes = u32::try_from(bytes).map_err(|_| Error::too_busy())?;
        for room in self.own.iter().chain([&self.all]) {
            let taken = Arc::clone(room).try_acquire_many_owned(bytes);
            self.taken.push(taken.map_err(|_| Error::too_busy())?);
        }
        Ok(())
    }
}
