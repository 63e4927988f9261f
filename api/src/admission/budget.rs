//! What each caller may spend: so much a minute, in whatever bursts.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use quick_cache::sync::Cache;

use crate::{Result, address, error::Error, viewer::Caller};

/// How many callers are remembered, those that have asked lately: some 20 MiB at most.
const CALLERS: usize = 100_000;

/// How much a caller may spend a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    Off,
    /// Callers on this machine may spend what they like: they are whoever runs the server, or a proxy
    /// that all callers have in common.
    Others(NonZeroU32),
    Everybody(NonZeroU32),
}

impl Default for RateLimit {
    /// No person's screen comes near it; a script that reads all there is does.
    fn default() -> Self {
        const A_MINUTE: NonZeroU32 = NonZeroU32::new(300_000).expect("it is not zero");
        Self::Others(A_MINUTE)
    }
}

pub(super) struct Budgets {
    limit: Option<NonZeroU32>,
    local: bool,
    callers: Cache<Key, Arc<DefaultDirectRateLimiter>>,
    clock: DefaultClock,
}

/// Who pays.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Subject(Arc<str>),
    Address(IpAddr),
}

impl Budgets {
    pub(super) fn new(limit: RateLimit) -> Self {
        let (limit, local) = match limit {
            RateLimit::Off => (None, false),
            RateLimit::Others(limit) => (Some(limit), false),
            RateLimit::Everybody(limit) => (Some(limit), true),
        };
        Self {
            limit,
            local,
            callers: Cache::new(if limit.is_some() { CALLERS } else { 0 }),
            clock: DefaultClock::default(),
        }
    }

    pub(super) fn charge(&self, caller: &Caller, cost: u32) -> Result<()> {
        let Some(limit) = self.limit else {
            return Ok(());
        };
        let key = match &caller.subject {
            Some(subject) => Key::Subject(Arc::clone(subject)),
            None if !self.local && is_here(caller.address) => return Ok(()),
            None => Key::Address(address::caller(caller.address)),
        };
        let budget = self.callers.get_or_insert_with(&key, || {
            Ok::<_, Error>(Arc::new(RateLimiter::direct(Quota::per_minute(limit))))
        })?;
        // What costs more than there ever is takes all of it.
        let cost = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN).min(limit);
        match budget.check_n(cost) {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(Error::rate_limited(limit.get(), wait))
            }
        }
    }
}

/// Whether a request comes from this machine, or from no connection at all.
fn is_here(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}
