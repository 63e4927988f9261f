//! Who is asking, and what they may do. The only place that knows what a role is for.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use async_graphql::{Context, Enum, Object, Request};
use tokio::time::Instant;

use crate::{Error, Result};

/// What a caller may do.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads everything.
    Reader,
    /// Reads, and creates and changes customers and tickets.
    Technician,
    /// All of it, deleting included.
    Manager,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Reader => "READER",
            Self::Technician => "TECHNICIAN",
            Self::Manager => "MANAGER",
        }
    }
}

/// What a caller has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// A token, where tokens are asked for; a role or none.
    Token,
    /// This role, or a higher one.
    Role(Role),
    /// What nobody has: there is no rule.
    Rule,
}

use Needs::{Role as AtLeast, Token};

/// To change `active` to false.
const DEACTIVATION: &str = "updateCustomer(input: {active: false})";

/// What a field at the root asks for beside, where its argument `input` has this value.
pub(crate) struct Beside {
    field: &'static str,
    /// Of the input.
    pub(crate) key: &'static str,
    pub(crate) value: bool,
    /// One of [`RULES`].
    pub(crate) what: &'static str,
}

const BESIDE: &[Beside] = &[Beside {
    field: "updateCustomer",
    key: "active",
    value: false,
    what: DEACTIVATION,
}];

/// What the input of a field at the root may ask for beside.
pub(crate) fn beside(field: &str) -> Option<&'static Beside> {
    BESIDE.iter().find(|it| it.field == field)
}

/// What each role may do: the fields at the schema's root, and what an input can ask for beside.
const RULES: &[(&str, Needs)] = &[
    ("viewer", Token),
    ("node", AtLeast(Role::Reader)),
    ("nodes", AtLeast(Role::Reader)),
    ("customer", AtLeast(Role::Reader)),
    ("customerByEmail", AtLeast(Role::Reader)),
    ("customers", AtLeast(Role::Reader)),
    ("ticket", AtLeast(Role::Reader)),
    ("tickets", AtLeast(Role::Reader)),
    ("technicians", AtLeast(Role::Reader)),
    ("ticketCounts", AtLeast(Role::Reader)),
    ("customerChanged", AtLeast(Role::Reader)),
    ("ticketChanged", AtLeast(Role::Reader)),
    ("createCustomer", AtLeast(Role::Technician)),
    ("updateCustomer", AtLeast(Role::Technician)),
    ("createTicket", AtLeast(Role::Technician)),
    ("updateTicket", AtLeast(Role::Technician)),
    (DEACTIVATION, AtLeast(Role::Manager)),
    ("deleteCustomer", AtLeast(Role::Manager)),
    ("deleteTicket", AtLeast(Role::Manager)),
];

/// What a field at the root needs. Introspection tells the schema alone.
pub(crate) fn needs(field: &str) -> Needs {
    if field.starts_with("__") {
        return Token;
    }
    let rule = RULES.iter().find(|(name, _)| *name == field);
    rule.map_or(Needs::Rule, |(_, needs)| *needs)
}

/// Who sends a request, as the transport knows it. Each request carries one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The subject of the access token; none where the server asks for no token.
    pub subject: Option<Arc<str>>,
    /// None where the token gives none.
    pub role: Option<Role>,
    /// Where the request comes from.
    pub address: IpAddr,
    /// When the access token ends; never where there is none.
    pub until: Option<SystemTime>,
}

impl Caller {
    /// Somebody at an address, where the server asks for no token: they may do everything.
    #[must_use]
    pub fn anybody(address: IpAddr) -> Self {
        Self {
            subject: None,
            role: Some(Role::Manager),
            address,
            until: None,
        }
    }

    /// Who sends this request.
    pub(crate) fn of(request: &Request) -> Option<&Self> {
        let caller = request.data.get(&std::any::TypeId::of::<Self>());
        caller.and_then(|it| it.downcast_ref())
    }

    /// When the access token ends, for timers.
    pub(crate) fn ends(&self) -> Option<Instant> {
        let left = self.until?.duration_since(SystemTime::now());
        Some(Instant::now() + left.unwrap_or_default())
    }

    pub(crate) fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Token => true,
            Needs::Role(lowest) => self.role >= Some(lowest),
            Needs::Rule => false,
        }
    }

    /// Lets a caller do one of [`RULES`], or says what is missing.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn may(&self, what: &str) -> Result<()> {
        let needs = needs(what);
        if self.has(needs) {
            return Ok(());
        }
        let expected = match needs {
            Needs::Role(Role::Manager) => "the role MANAGER".to_owned(),
            Needs::Role(lowest) => format!("at least the role {}", lowest.name()),
            Needs::Token | Needs::Rule => "a rule that allows it".to_owned(),
        };
        let found = self.role.map_or("no role", Role::name);
        Err(Error::forbidden(format!(
            "Expected {expected} for `{what}`, found {found}."
        )))
    }
}

/// Who is asking.
pub struct Viewer(Caller);

/// Who is asking.
#[Object]
impl Viewer {
    /// The subject of the access token; null where the server asks for none.
    fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// What the caller may do.
    fn role(&self) -> Result<Role> {
        let found = "Expected an access token with a role, found one without.";
        self.0.role.ok_or_else(|| Error::forbidden(found))
    }
}

/// The query for the caller.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who is asking, and what they may do.
    async fn viewer(&self, ctx: &Context<'_>) -> Viewer {
        Viewer(ctx.data_unchecked::<Caller>().clone())
    }
}
