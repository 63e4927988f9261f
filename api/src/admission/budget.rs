//! What each caller may spend: so much a minute, in whatever bursts.

use std::{convert::Infallible, net::IpAddr, num::NonZeroU32, sync::Arc};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use quick_cache::sync::Cache;

use super::queue::Share;
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
    /// How many requests of one caller may run at a time.
    share: usize,
    bodies: usize,
    callers: Cache<Key, Arc<Budget>>,
    clock: DefaultClock,
}

/// What one caller has.
struct Budget {
    limiter: DefaultDirectRateLimiter,
    share: Arc<Share>,
}

/// Who pays.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Subject(Arc<str>),
    Address(IpAddr),
}

impl Budgets {
    /// Each caller's share is of so many turns, and of so many bytes.
    pub(super) fn new(limit: RateLimit, share: usize, bodies: usize) -> Self {
        let (limit, local) = match limit {
            RateLimit::Off => (None, false),
            RateLimit::Others(limit) => (Some(limit), false),
            RateLimit::Everybody(limit) => (Some(limit), true),
        };
        Self {
            limit,
            local,
            share,
            bodies,
            callers: Cache::new(if limit.is_some() { CALLERS } else { 0 }),
            clock: DefaultClock::default(),
        }
    }

    /// None for who may spend what they like.
    fn of(&self, caller: &Caller) -> Option<(NonZeroU32, Arc<Budget>)> {
        let limit = self.limit?;
        let key = match &caller.subject {
            Some(subject) => Key::Subject(Arc::clone(subject)),
            None if !self.local && caller.until.is_none() && is_here(caller.address) => {
                return None;
            }
            None => Key::Address(address::caller(caller.address)),
        };
        let new = || {
            Ok::<_, Infallible>(Arc::new(Budget {
                limiter: RateLimiter::direct(Quota::per_minute(limit)),
                share: Arc::new(Share::of(self.share, self.bodies)),
            }))
        };
        let Ok(budget) = self.callers.get_or_insert_with(&key, new);
        Some((limit, budget))
    }

    /// What of the turns is a caller's.
    pub(super) fn share(&self, caller: &Caller) -> Option<Arc<Share>> {
        let (_, budget) = self.of(caller)?;
        Some(Arc::clone(&budget.share))
    }

    pub(super) fn charge(&self, caller: &Caller, cost: u32) -> Result<()> {
        let Some((limit, budget)) = self.of(caller) else {
            return Ok(());
        };
        // What costs more than there ever is takes all of it.
        let cost = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN).min(limit);
        match budget.limiter.check_n(cost) {
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
