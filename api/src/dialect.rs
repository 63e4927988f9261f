//! What differs between the SQL of PostgreSQL and of SQLite, expression by expression.
//!
//! Knows no table. Everything else in this crate writes SQL that both understand.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::{
    ActiveValue, DbBackend, DbErr, QueryResult, RuntimeErr, TryGetable, Value,
    sea_query::{
        Expr, ExprTrait, Func, FunctionCall, LikeExpr, Query, SelectStatement, SimpleExpr,
        extension::postgres::{PgExpr, PgFunc},
        extension::sqlite::SqliteExpr,
    },
    sqlx::{Decode, Postgres, Row, Type},
};

/// Where in a text something has to stand.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Anywhere,
    Start,
    End,
}

/// Whether `needle` stands in `text`, whatever the case of either; every character of it means
/// itself.
pub(crate) fn contains(backend: DbBackend, text: Expr, needle: &str, place: Place) -> Expr {
    let wildcard = if backend == DbBackend::Sqlite {
        "*"
    } else {
        "%"
    };
    let (before, after) = match place {
        Place::Anywhere => (wildcard, wildcard),
        Place::Start => ("", wildcard),
        Place::End => (wildcard, ""),
    };
    let mut pattern = String::with_capacity(needle.len() + 2);
    pattern.push_str(before);
    for letter in needle.chars() {
        if backend == DbBackend::Sqlite {
            push_glob(&mut pattern, letter);
        } else {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
    }
    pattern.push_str(after);
    if backend == DbBackend::Sqlite {
        text.glob(pattern)
    } else {
        text.ilike(LikeExpr::new(pattern))
    }
}

/// SQLite's LIKE folds ASCII alone; a GLOB with both cases of each letter folds every alphabet, as
/// PostgreSQL's ILIKE does.
fn push_glob(pattern: &mut String, letter: char) {
    let lower = lower(letter);
    let mut upper = lower.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(upper), None) if self::lower(upper) == lower => upper,
        _ => lower,
    };
    if lower != upper || lower != letter {
        pattern.extend(['[', letter, lower, upper, ']']);
    } else if matches!(letter, '*' | '?' | '[') {
        pattern.extend(['[', letter, ']']);
    } else {
        pattern.push(letter);
    }
}

/// A letter's lower case, where that is one letter.
fn lower(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) => lower,
        _ => letter,
    }
}

/// A value of which many can be bound at once: as an array on PostgreSQL, as JSON on SQLite.
pub trait Bound: Clone + serde::Serialize + Into<Value> {
    fn array(values: &[Self]) -> Value;
}
impl Bound for i32 {
    fn array(values: &[Self]) -> Value {
        values.to_vec().into()
    }
}
impl Bound for String {
    fn array(values: &[Self]) -> Value {
        values.to_vec().into()
    }
}

/// Whether `column` is one of `values`: one bound array, so that the statement's text is the same
/// for any number of them; but a single value as it is, of which PostgreSQL keeps the plan.
pub(crate) fn one_of<T: Bound>(backend: DbBackend, column: Expr, values: &[T]) -> Expr {
    if let [value] = values {
        return column.eq(value.clone());
    }
    if backend == DbBackend::Sqlite {
        let each = Query::select()
            .column("value")
            .from_function(json_each(values), "each")
            .take();
        column.in_subquery(each)
    } else {
        column.eq(PgFunc::any(T::array(values)))
    }
}

/// PostgreSQL: whether `column` is one of the rows of a subquery; written so that the subquery is run
/// once, first, and an index on `column` can then be used in an OR.
pub(crate) fn one_of_rows(column: Expr, rows: SelectStatement) -> Expr {
    let array = Func::cust("ARRAY").arg(Expr::SubQuery(None, Box::new(rows.into())));
    column.eq(PgFunc::any(array))
}

/// SQLite: the elements of a list as rows with the columns `key` (place) and `value`.
pub(crate) fn json_each<T: serde::Serialize>(values: &[T]) -> FunctionCall {
    let json = serde_json::to_string(values).unwrap_or_default();
    Func::cust("json_each").arg(json)
}

/// Neither false nor unknown: what a filter means by "not", so that a row without a value is not
/// lost from both a condition and its opposite.
pub(crate) fn not(condition: Expr) -> SimpleExpr {
    condition.is_not(Expr::Constant(true.into()))
}

/// The UTC day of a timestamp.
pub(crate) fn day(backend: DbBackend, timestamp: Expr) -> Expr {
    if backend == DbBackend::Sqlite {
        Func::cust("date").arg(timestamp).into()
    } else {
        timestamp.cast_as("date")
    }
}

/// PostgreSQL counts time from the beginning of 2000.
const EPOCH: NaiveDateTime = match NaiveDate::from_ymd_opt(2000, 1, 1) {
    Some(day) => day.and_time(chrono::NaiveTime::MIN),
    None => NaiveDateTime::MIN,
};

/// What a column's value is read as.
pub trait Readable: TryGetable + Type<Postgres> + for<'r> Decode<'r, Postgres> {}
impl<T: TryGetable + Type<Postgres> + for<'r> Decode<'r, Postgres>> Readable for T {}

/// Reads a value of a type that the column is known to have, for the server has looked at the tables
/// when it started: SeaORM has the driver compare the two for each value of each row, which is a tenth of
/// what a long list costs.
pub(crate) fn value<T: Readable>(row: &QueryResult, index: usize) -> Result<T, DbErr> {
    match row.try_as_pg_row() {
        Some(row) => row.try_get_unchecked(index).map_err(unreadable),
        None => row.try_get_by_index(index),
    }
}

/// Reads a text, as [`value`] does; where the driver has it in a buffer, without a copy.
pub(crate) fn text(row: &QueryResult, index: usize) -> Result<Option<Cow<'_, str>>, DbErr> {
    let Some(row) = row.try_as_pg_row() else {
        let text: Option<String> = row.try_get_by_index(index)?;
        return Ok(text.map(Cow::Owned));
    };
    let text: Option<&str> = row.try_get_unchecked(index).map_err(unreadable)?;
    Ok(text.map(Cow::Borrowed))
}

/// Reads a boolean, as [`value`] does; but what has become a number is refused, for the driver would
/// take it for false.
pub(crate) fn boolean(row: &QueryResult, index: usize) -> Result<Option<bool>, DbErr> {
    let Some(row) = row.try_as_pg_row() else {
        return row.try_get_by_index(index);
    };
    let byte: Option<&[u8]> = row.try_get_unchecked(index).map_err(unreadable)?;
    match byte {
        None => Ok(None),
        Some([0]) => Ok(Some(false)),
        Some([1]) => Ok(Some(true)),
        Some(_) => Err(DbErr::Type(format!(
            "column {index} of a row is no boolean"
        ))),
    }
}

/// Reads an instant. PostgreSQL has `infinity`, `-infinity` and years that chrono has not: those are
/// the last instant here, or the first.
pub(crate) fn instant(row: &QueryResult, index: usize) -> Result<Option<NaiveDateTime>, DbErr> {
    let Some(row) = row.try_as_pg_row() else {
        return row.try_get_by_index(index);
    };
    // In microseconds; the driver would panic at those that are out of its range.
    let micros: Option<i64> = row.try_get_unchecked(index).map_err(unreadable)?;
    let instant = |micros| EPOCH.checked_add_signed(TimeDelta::microseconds(micros));
    Ok(micros.map(|micros| {
        instant(micros).unwrap_or(if micros < 0 {
            NaiveDateTime::MIN
        } else {
            NaiveDateTime::MAX
        })
    }))
}

/// Reads a day, as [`instant`] does.
pub(crate) fn date(row: &QueryResult, index: usize) -> Result<Option<NaiveDate>, DbErr> {
    let Some(row) = row.try_as_pg_row() else {
        return row.try_get_by_index(index);
    };
    let days: Option<i32> = row.try_get_unchecked(index).map_err(unreadable)?;
    let day = |days: i32| {
        EPOCH
            .date()
            .checked_add_signed(TimeDelta::days(days.into()))
    };
    Ok(days.map(|days| {
        day(days).unwrap_or(if days < 0 {
            NaiveDate::MIN
        } else {
            NaiveDate::MAX
        })
    }))
}

fn unreadable(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

/// A value to compare with, where an instant may be one that [`instant`] has read.
pub(crate) fn bound(value: &Value) -> Expr {
    match value {
        Value::ChronoDateTime(Some(instant)) if *instant == NaiveDateTime::MAX => {
            Expr::cust("CAST('infinity' AS timestamp)")
        }
        Value::ChronoDateTime(Some(instant)) if *instant == NaiveDateTime::MIN => {
            Expr::cust("CAST('-infinity' AS timestamp)")
        }
        value => Expr::val(value.clone()),
    }
}

/// For a new row's timestamps: PostgreSQL's default does it; SQLite's knows seconds alone.
pub(crate) fn now(backend: DbBackend) -> ActiveValue<NaiveDateTime> {
    if backend == DbBackend::Sqlite {
        ActiveValue::Set(Utc::now().naive_utc().trunc_subsecs(6))
    } else {
        ActiveValue::NotSet
    }
}

/// The new `updated_at` of a row that is changed: now, but at least a millisecond after the old
/// one, so that `ifUpdatedAt`, which compares milliseconds, sees each change.
pub(crate) fn touched(backend: DbBackend, updated_at: Expr) -> Expr {
    if backend == DbBackend::Sqlite {
        let now = Utc::now().naive_utc().trunc_subsecs(6);
        let later = Func::cust("strftime")
            .arg("%Y-%m-%d %H:%M:%f")
            .arg(updated_at)
            .arg("+0.001 seconds");
        // A whole second is written without its fraction, or it would not equal itself.
        let later = Func::cust("replace").arg(later).arg(".000").arg("");
        Func::cust("max").arg(now).arg(later).into()
    } else {
        let later = updated_at.add(Expr::cust("interval '1 millisecond'"));
        Func::greatest([Expr::cust("now()::timestamp"), later]).into()
    }
}
