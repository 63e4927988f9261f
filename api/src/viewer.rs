//! Who is asking, and what they may do. The only place that knows roles.

use std::{net::IpAddr, sync::Arc};

use async_graphql::{Context, Enum, Object, SimpleObject};

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

/// Who sends a request, as the transport knows it. Each request carries one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The subject of the access token; none where the server asks for no token.
    pub subject: Option<Arc<str>>,
    pub role: Role,
    /// Where the request comes from.
    pub address: IpAddr,
}

impl Caller {
    /// Somebody at an address, where the server asks for no token: they may do everything.
    #[must_use]
    pub fn anybody(address: IpAddr) -> Self {
        Self {
            subject: None,
            role: Role::Manager,
            address,
        }
    }
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
    async fn viewer(&self, ctx: &Context<'_>) -> Viewer {
        let caller = ctx.data_unchecked::<Caller>();
        Viewer {
            subject: caller.subject.as_deref().map(ToOwned::to_owned),
            role: caller.role,
        }
    }
}
