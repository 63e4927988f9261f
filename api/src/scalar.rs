//! `DateTime` and `Date`, the scalars that GraphQL lacks, and `Text`, a `String` that any database
//! can be asked for. Knows how a value is written, not what it means.

use std::borrow::Cow;

use async_graphql::{
    InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value, registry::Registry,
};
use chrono::{
    Datelike, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, SubsecRound, TimeDelta,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Error, Result, error::excerpt};

/// The days that can be written: RFC 3339 has four digits for the year.
const DAYS: (NaiveDate, NaiveDate) = match (
    NaiveDate::from_ymd_opt(0, 1, 1),
    NaiveDate::from_ymd_opt(9999, 12, 31),
) {
    (Some(first), Some(last)) => (first, last),
    _ => (NaiveDate::MIN, NaiveDate::MAX),
};

/// The instants that can be written, to the microsecond.
const INSTANTS: (NaiveDateTime, NaiveDateTime) = (
    DAYS.0.and_time(NaiveTime::MIN),
    match DAYS.1.and_hms_micro_opt(23, 59, 59, 999_999) {
        Some(last) => last,
        None => NaiveDateTime::MAX,
    },
);

/// An instant in UTC, as an RFC 3339 string: `2026-11-22T09:30:00.123456Z`. What is before the year 0
/// or after 9999 is written as the first, or the last, instant that can be.
#[derive(Clone, Copy, Debug, Default)]
pub struct DateTime(pub NaiveDateTime);

/// An instant in UTC, as an RFC 3339 string: `2026-11-22T09:30:00.123456Z`. Other offsets are
/// accepted and converted; what is finer than a microsecond is cut off.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://scalars.graphql.org/chillicream/date-time.html"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        instant(text).map(Self).ok_or_else(|| {
            let found = excerpt(text);
            InputValueError::custom(format!("Expected {AN_INSTANT}, found `{found}`."))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.text())
    }
}

impl DateTime {
    fn text(self) -> String {
        let instant = self.0.clamp(INSTANTS.0, INSTANTS.1);
        (instant.and_utc()).to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// From when to before when the millisecond is that this was read in; without an end where it may
    /// stand for what cannot be written.
    pub(crate) fn millisecond(self) -> (Option<NaiveDateTime>, Option<NaiveDateTime>) {
        let from = self.0.trunc_subsecs(3);
        let to = from + TimeDelta::milliseconds(1);
        (
            Some(from).filter(|from| *from > INSTANTS.0),
            Some(to).filter(|to| *to <= INSTANTS.1),
        )
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let instant = instant(&text).ok_or_else(|| D::Error::custom(AN_INSTANT))?;
        Ok(Self(instant))
    }
}

const AN_INSTANT: &str = "an RFC 3339 instant such as `2026-11-22T09:30:00Z`";

fn instant(text: &str) -> Option<NaiveDateTime> {
    let instant = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    // Both databases have these, and sort them where they belong.
    Some(instant.naive_utc().trunc_subsecs(6)).filter(|it| (0..=9999).contains(&it.year()))
}

/// A day in UTC: `2026-11-22`.
#[derive(Clone, Copy, Debug)]
pub struct Date(pub NaiveDate);

/// A day in UTC: `2026-11-22`.
#[Scalar(
    name = "Date",
    specified_by_url = "https://scalars.graphql.org/andimarek/local-date.html"
)]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        text.parse().map(Self).map_err(|_| {
            let found = excerpt(text);
            InputValueError::custom(format!("Expected {A_DAY}, found `{found}`."))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clamp(DAYS.0, DAYS.1).to_string())
    }
}

const A_DAY: &str = "a day such as `2026-11-22`";

/// What a value of a scalar of this file has to be, where it is something else. `text` is the value
/// if it is a string. Other scalars are not known here.
pub(crate) fn expected(scalar: &str, text: Option<&str>) -> Option<&'static str> {
    let (readable, expected) = match scalar {
        "DateTime" => (text.and_then(instant).is_some(), AN_INSTANT),
        "Date" => (
            text.is_some_and(|text| text.parse::<NaiveDate>().is_ok()),
            A_DAY,
        ),
        _ => return None,
    };
    (!readable).then_some(expected)
}

/// A `String` to look for. PostgreSQL can neither hold nor compare a NUL character, so a text with
/// one is the caller's mistake. `MAX` is the longest that there may be, in characters.
#[derive(Clone, Debug)]
pub struct Text<const MAX: usize = { usize::MAX }>(String);

/// A text to look for inside of others. SQLite's patterns end at 50,000 bytes, of which a letter
/// takes up to a dozen.
pub type Needle = Text<1_000>;

impl<const MAX: usize> Text<MAX> {
    /// # Errors
    /// `BAD_USER_INPUT` where the text is too long or holds a NUL character.
    pub fn new(text: String) -> Result<Self> {
        let length = text.chars().count();
        if length > MAX {
            return Err(Error::bad_user_input(format!(
                "Expected at most {MAX} characters to look for, found {length}."
            )));
        }
        if text.contains('\0') {
            return Err(Error::bad_user_input(
                "Expected text without NUL characters, which the database cannot hold.",
            ));
        }
        Ok(Self(text))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> InputType for Text<MAX> {
    type RawValueType = str;

    fn type_name() -> Cow<'static, str> {
        <String as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <String as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let text = <String as InputType>::parse(value).map_err(InputValueError::propagate)?;
        Self::new(text).map_err(|error| InputValueError::custom(error.message()))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn as_raw_value(&self) -> Option<&str> {
        Some(&self.0)
    }
}
