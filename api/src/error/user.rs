//! What the person at a form can put right.

use async_graphql::{Enum, SimpleObject};

/// Something that the person who filled in the form can put right.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// What is wrong, for programs.
    pub code: UserErrorCode,
    /// A sentence to show to that person.
    pub message: String,
    /// The input that it is about: `["input", "tickets", "0", "title"]`.
    pub field: Vec<String>,
}

impl UserError {
    /// About one field of the mutation's `input`.
    pub(crate) fn input(field: &str, code: UserErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: vec!["input".to_owned(), field.to_owned()],
        }
    }
}

/// What can be wrong with what was filled in.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserErrorCode {
    /// Left empty.
    Blank,
    /// Longer than the column takes, or its index.
    TooLong,
    /// Not of the form that this field takes.
    Invalid,
    /// Another customer has this email address.
    Taken,
    /// There is no such record.
    NotFound,
    /// Somebody has changed the record since `ifUpdatedAt`.
    Stale,
    /// The customer still has tickets.
    HasTickets,
}
