//! Who is asking, and what they may do. The only place that knows roles.

use async_graphql::{Enum, Object, SimpleObject};

/// What a caller may do.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads everything.
    Reader,
    /// Reads, and creates and changes customers and tickets.
    Technician,
    /// All of it, deleting included.
    Manager,
}

/// Who is asking.
#[derive(SimpleObject)]
pub struct Viewer {
    /// The subject of the access token; null where the server asks for none.
    subject: Option<String>,
    /// What the caller may do.
    role: Role,
}

/// The query for the caller.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who is asking, and what they may do.
    async fn viewer(&self) -> Viewer {
        // The server asks for no token, so that everybody may do everything.
        Viewer {
            subject: None,
            role: Role::Manager,
        }
    }
}
