//! What a person filled in, on its way into a row: trimmed, folded, checked, and everything that is
//! wrong collected, each with its path. Knows kinds of text, not features.
//!
//! No stricter than the shop's own data: a text has to be there, to fit its column, and where the
//! form is fixed (email address, state) to be of that form.

use async_graphql::MaybeUndefined;
use sea_orm::ActiveValue;

use crate::error::{UserError, UserErrorCode};

/// What a text field takes.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Anything that a page of can be shown.
    Text,
    /// What is in a B-tree index of PostgreSQL, whose entries end at some 2,700 bytes.
    Indexed,
    /// An email address; stored in lower case.
    Email,
    /// The two-letter code of a state; stored in upper case.
    State,
    /// A postal code: `varchar(10)`.
    ZipCode,
}

impl Kind {
    /// The longest text, in characters.
    const fn max(self) -> usize {
        match self {
            Self::Text => 10_000,
            Self::Indexed | Self::Email => 600,
            Self::State => 2,
            Self::ZipCode => 10,
        }
    }

    fn fold(self, text: &str) -> String {
        let text = text.trim();
        match self {
            Self::Email => text.to_lowercase(),
            Self::State => text.to_ascii_uppercase(),
            _ => text.to_owned(),
        }
    }

    /// What is wrong with the form of a text that is there and fits.
    fn misfit(self, text: &str) -> Option<&'static str> {
        match self {
            Self::Email if !is_email(text) => Some("must look like name@example.com"),
            Self::State if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_uppercase()) => {
                Some("must be a two-letter code")
            }
            _ => None,
        }
    }
}

/// Something before and after one `@`, and no blanks: whether mail arrives, only mail can tell.
fn is_email(text: &str) -> bool {
    let (local, domain) = text.split_once('@').unwrap_or_default();
    let blank = |letter: char| letter.is_whitespace() || letter.is_control();
    !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(blank)
}

/// A form that is being read.
pub(crate) struct Form {
    path: Vec<String>,
    errors: Vec<UserError>,
}

impl Form {
    /// The mutation's `input`.
    pub(crate) fn input() -> Self {
        Self {
            path: vec!["input".to_owned()],
            errors: Vec::new(),
        }
    }

    /// Reads an element of a list in the form.
    pub(crate) fn element<T>(
        &mut self,
        list: &str,
        index: usize,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.extend([list.to_owned(), index.to_string()]);
        let value = read(self);
        self.path.truncate(self.path.len() - 2);
        value
    }

    /// A text that has to be there.
    pub(crate) fn text(&mut self, field: &str, kind: Kind, text: &str) -> ActiveValue<String> {
        let text = kind.fold(text);
        if text.is_empty() {
            return self.blank(field);
        }
        self.check(field, kind, &text);
        ActiveValue::Set(text)
    }

    /// A text that has to be there, in an update: a null is an error, an absent one is not set.
    pub(crate) fn text_change(
        &mut self,
        field: &str,
        kind: Kind,
        text: &MaybeUndefined<String>,
    ) -> ActiveValue<String> {
        match text {
            MaybeUndefined::Undefined => ActiveValue::NotSet,
            MaybeUndefined::Null => self.blank(field),
            MaybeUndefined::Value(text) => self.text(field, kind, text),
        }
    }

    /// A text that may be null; a blank one is.
    pub(crate) fn optional_text(
        &mut self,
        field: &str,
        text: &MaybeUndefined<String>,
    ) -> ActiveValue<Option<String>> {
        match text {
            MaybeUndefined::Undefined => ActiveValue::NotSet,
            MaybeUndefined::Null => ActiveValue::Set(None),
            MaybeUndefined::Value(text) => {
                let text = Kind::Text.fold(text);
                self.check(field, Kind::Text, &text);
                ActiveValue::Set(Some(text).filter(|text| !text.is_empty()))
            }
        }
    }

    /// A value that has to be there, in an update, as [`Form::text_change`].
    pub(crate) fn value_change<T: Into<sea_orm::Value>>(
        &mut self,
        field: &str,
        value: MaybeUndefined<T>,
    ) -> ActiveValue<T> {
        match value {
            MaybeUndefined::Undefined => ActiveValue::NotSet,
            MaybeUndefined::Null => self.blank(field),
            MaybeUndefined::Value(value) => ActiveValue::Set(value),
        }
    }

    /// All that is wrong; the form may go into a row only if that is nothing.
    pub(crate) fn into_errors(self) -> Vec<UserError> {
        self.errors
    }

    fn check(&mut self, field: &str, kind: Kind, text: &str) {
        let length = text.chars().count();
        if text.contains('\0') {
            let message = "must not contain a NUL character";
            self.error(field, UserErrorCode::Invalid, message);
        } else if length > kind.max() {
            let max = kind.max();
            let message = format!("must be at most {max} characters long; this has {length}");
            self.error(field, UserErrorCode::TooLong, &message);
        } else if let Some(message) = kind.misfit(text) {
            self.error(field, UserErrorCode::Invalid, message);
        }
    }

    fn blank<T: Into<sea_orm::Value>>(&mut self, field: &str) -> ActiveValue<T> {
        self.error(field, UserErrorCode::Blank, "must not be empty");
        ActiveValue::NotSet
    }

    fn error(&mut self, field: &str, code: UserErrorCode, message: &str) {
        let mut path = self.path.clone();
        path.push(field.to_owned());
        self.errors.push(UserError {
            code,
            message: format!("{} {message}.", label(field)),
            field: path,
        });
    }
}

/// A field as people call it: `firstName` is "First name", unless there is a better word.
fn label(field: &str) -> String {
    let better = match field {
        "email" => "Email address",
        "address1" => "Address",
        "address2" => "Second line of the address",
        "zipCode" => "ZIP code",
        "customerId" => "Customer",
        "tech" => "Technician",
        _ => "",
    };
    let mut label = better.to_owned();
    for letter in field.chars().filter(|_| better.is_empty()) {
        if label.is_empty() {
            label.extend(letter.to_uppercase());
        } else if letter.is_uppercase() {
            label.push(' ');
            label.extend(letter.to_lowercase());
        } else {
            label.push(letter);
        }
    }
    label
}
