//! One made-up customer, one made-up ticket, and the dice that are thrown for them.
//!
//! Knows nothing of the database.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use entity::{customer, ticket};
use sea_orm::ActiveValue::Set;

use super::words::{CITIES, FIRST_NAMES, JOBS, LAST_NAMES, NOTES, REMARKS, STREETS, TECHS};

pub(super) fn opening() -> NaiveDateTime {
    day(2021)
}

pub(super) fn closing() -> NaiveDateTime {
    day(2026)
}

fn day(year: i32) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(year, 9, 1).unwrap_or_default();
    day.and_hms_opt(8, 30, 0).unwrap_or_default()
}

pub(super) fn a_customer(dice: &mut Dice, number: u32, at: NaiveDateTime) -> customer::ActiveModel {
    let (first, last) = (dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES));
    let &(city, state, zip, area) = dice.choose(CITIES);
    let host = dice.pick(&["example.com", "example.net", "example.org"]);
    let email = format!("{first}.{last}{number}@{host}").to_lowercase();
    let changed = at + TimeDelta::minutes(dice.below(60 * 24 * 90));
    customer::ActiveModel {
        first_name: Set(first.to_owned()),
        last_name: Set(last.to_owned()),
        email: Set(email),
        phone: Set(format!("{area}-555-{:04}", dice.below(10_000))),
        address1: Set(format!("{} {}", 1 + dice.below(9_899), dice.pick(STREETS))),
        address2: Set((dice.below(5) == 0).then(|| format!("Apt {}", 1 + dice.below(40)))),
        city: Set(city.to_owned()),
        state: Set(state.to_owned()),
        zip_code: Set(format!("{zip}{:02}", dice.below(100))),
        notes: Set((dice.below(4) == 0).then(|| dice.pick(NOTES).to_owned())),
        active: Set(dice.below(12) > 0),
        created_at: Set(at),
        updated_at: Set(changed.min(closing())),
        ..Default::default()
    }
}

pub(super) fn a_ticket(
    dice: &mut Dice,
    owners: &[(i32, NaiveDateTime)],
    at: NaiveDateTime,
    until: NaiveDateTime,
) -> ticket::ActiveModel {
    let known = owners.partition_point(|(_, since)| *since <= at).max(1);
    // The lower of two throws: some customers come again and again.
    let owner = dice.index(known).min(dice.index(known));
    let &(devices, problem, symptom) = dice.choose(JOBS);
    let device = dice.pick(devices);
    let old = until - at > TimeDelta::days(45);
    let completed = dice.below(100) < if old { 97 } else { 40 };
    let unassigned = !completed && dice.below(4) == 0;
    let tech = if unassigned {
        "unassigned"
    } else {
        dice.pick(TECHS)
    };
    let worked = TimeDelta::minutes(dice.below(60 * 24 * 10));
    let changed = if unassigned {
        at
    } else {
        (at + worked).min(until)
    };
    let description = format!("{symptom} {}", dice.pick(REMARKS));
    ticket::ActiveModel {
        customer_id: Set(owners.get(owner).map_or(0, |(id, _)| *id)),
        title: Set(format!("{device}: {problem}")),
        description: Set((dice.below(10) > 0).then_some(description)),
        completed: Set(completed),
        tech: Set(tech.to_owned()),
        created_at: Set(at),
        updated_at: Set(changed),
        ..Default::default()
    }
}

/// SplitMix64, written out because a library's generator may change with its version.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u32) -> Dice {
        Dice(u64::from(seed))
    }

    fn below(&mut self, n: u32) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) % u64::from(n)).unwrap_or(0)
    }

    fn index(&mut self, len: usize) -> usize {
        let n = u32::try_from(len).unwrap_or(u32::MAX);
        usize::try_from(self.below(n)).unwrap_or(0)
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        self.choose::<&str>(words)
    }
}
