//! Cursors: a row's place in an order, as an opaque text.
//!
//! Inside is the order's name and the row's values in it, as JSON in base64. A cursor is input like
//! any other: what it holds is checked against the order before it gets near SQL.

use async_graphql::resolver_utils::enum_value;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, NaiveDateTime};
use sea_orm::{DbErr, QueryResult, sea_query::Value};
use serde_json::Value as Json;

use super::{Listed, OrderDirection, SortKey};
use crate::{Error, Result, dialect, shape::append};

/// Room for a cursor's values, enough for most: so it does not grow value by value. In bytes.
const VALUES: usize = 64;

/// The type of a sort key's values.
#[derive(Clone, Copy, Debug)]
pub enum KeyKind {
    Int,
    BigInt,
    Bool,
    Text,
    Time,
}

/// One term of an ORDER BY.
pub(super) struct KeyTerm {
    pub(super) key: SortKey,
    pub(super) descending: bool,
}

/// What a list is sorted by: the terms of `orderBy`, then the primary key.
pub(super) struct Keys {
    pub(super) terms: Vec<KeyTerm>,
    /// `Ticket CREATED_AT DESC NUMBER DESC`: what makes a cursor of this order one.
    name: String,
}

impl Keys {
    pub(super) fn new<R: Listed>(order: &[(R::OrderField, OrderDirection)]) -> Self {
        let mut terms = Vec::with_capacity(order.len() + 1);
        let mut name = R::NAME.to_owned();
        let mut seen = Vec::with_capacity(order.len() + 1);
        // The primary key goes the way of the last term, so that one index serves both.
        let last = order.last().map_or(OrderDirection::Asc, |(_, last)| *last);
        for (field, direction) in order.iter().copied().chain([(R::BY_NUMBER, last)]) {
            let value = enum_value(field).to_string();
            if seen.contains(&value) {
                continue;
            }
            let descending = direction == OrderDirection::Desc;
            name.extend([" ", &value, if descending { " DESC" } else { " ASC" }]);
            let unique = value == enum_value(R::BY_NUMBER).to_string();
            seen.push(value);
            terms.push(KeyTerm {
                key: R::sort_key(field),
                descending,
            });
            if unique {
                break;
            }
        }
        Self { terms, name }
    }

    /// The cursor of a row whose values begin at column `start`.
    pub(super) fn encode(&self, row: &QueryResult, start: usize) -> Result<String, DbErr> {
        let mut json = Vec::with_capacity(self.name.len() + VALUES);
        // Of GraphQL's names and spaces: nothing to escape.
        json.extend_from_slice(b"[\"");
        json.extend_from_slice(self.name.as_bytes());
        json.push(b'"');
        for (offset, term) in self.terms.iter().enumerate() {
            let index = start + offset;
            json.push(b',');
            match term.key.kind {
                KeyKind::Int => append(&mut json, &row.try_get_by_index::<i32>(index)?),
                KeyKind::BigInt => append(&mut json, &row.try_get_by_index::<i64>(index)?),
                KeyKind::Bool => append(&mut json, &row.try_get_by_index::<bool>(index)?),
                KeyKind::Text => append(&mut json, &row.try_get_by_index::<String>(index)?),
                KeyKind::Time => {
                    let micros = match dialect::instant(row, index)?.unwrap_or_default() {
                        NaiveDateTime::MIN => i64::MIN,
                        NaiveDateTime::MAX => i64::MAX,
                        instant => instant.and_utc().timestamp_micros(),
                    };
                    append(&mut json, &micros);
                }
            }
        }
        json.push(b']');
        Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
    }

    /// The values that a cursor holds, one per term.
    pub(super) fn decode(&self, argument: &str, cursor: &str) -> Result<Vec<Value>> {
        let bad = |found: &str| {
            Error::bad_user_input(format!(
                "Expected `{argument}` to be a cursor of this list and order, found {found}."
            ))
        };
        let parts: Vec<Json> = (BASE64_URL_SAFE_NO_PAD.decode(cursor).ok())
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| bad("something else"))?;
        let (name, values) = parts.split_first().ok_or_else(|| bad("something else"))?;
        if *name != self.name {
            return Err(bad("the cursor of another one"));
        }
        let values = (self.terms.iter().zip(values))
            .map(|(term, value)| term.key.kind.value(value))
            .collect::<Option<Vec<_>>>()
            .filter(|found| found.len() == self.terms.len() && found.len() == values.len());
        values.ok_or_else(|| bad("something else"))
    }
}

impl KeyKind {
    /// A cursor's value, if it is of this kind and the database can compare it.
    fn value(self, json: &Json) -> Option<Value> {
        Some(match self {
            Self::Int => i32::try_from(json.as_i64()?).ok()?.into(),
            Self::BigInt => json.as_i64()?.into(),
            Self::Bool => json.as_bool()?.into(),
            Self::Text => json.as_str().filter(|text| !text.contains('\0'))?.into(),
            Self::Time => {
                let instant = match json.as_i64()? {
                    i64::MIN => NaiveDateTime::MIN,
                    i64::MAX => NaiveDateTime::MAX,
                    // PostgreSQL has none before.
                    micros => Some(DateTime::from_timestamp_micros(micros)?.naive_utc())
                        .filter(|instant| instant.year() > -4713)?,
                };
                instant.into()
            }
        })
    }
}
