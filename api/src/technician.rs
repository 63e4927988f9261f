//! Technicians: the names that tickets are assigned to. There is no table of them.

use async_graphql::{Context, Object};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::{
    Result,
    context::ContextExt,
    limits::MAX_GROUPS,
    page::at_most,
    ticket::{TicketList, TicketsOf},
};

/// A name that tickets are assigned to.
pub struct Technician(String);

/// A name that tickets are assigned to.
#[Object]
impl Technician {
    /// As in `Ticket.tech`.
    fn name(&self) -> &str {
        &self.0
    }
    #[graphql(flatten)]
    fn tickets(&self, _ctx: &Context<'_>) -> TicketList {
        TicketList(TicketsOf::Technician(self.0.clone()))
    }
}

/// From one name to the next by the index on it, for there are few names and many tickets; DISTINCT
/// reads all of them.
const NAMES: &str = "WITH RECURSIVE names (tech, place) AS (\
     SELECT min(tech), 1 FROM tickets \
     UNION ALL \
     SELECT (SELECT min(tech) FROM tickets WHERE tech > names.tech), place + 1 FROM names \
     WHERE tech IS NOT NULL AND place < $1\
     ) SELECT tech FROM names WHERE tech IS NOT NULL AND place <= $1 ORDER BY tech";

/// The query for technicians.
#[derive(Default)]
pub struct TechnicianQuery;

#[Object]
impl TechnicianQuery {
    /// Everyone who has a ticket assigned, by name, the unassigned pile included.
    async fn technicians(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 0 to 1,000.", default = 100)] first: i32,
    ) -> Result<Vec<Technician>> {
        let first = at_most(MAX_GROUPS, "first", first)?;
        let db = ctx.shop().db();
        let backend = db.get_database_backend();
        let names = Statement::from_sql_and_values(backend, NAMES, [first.into()]);
        let rows = db.query_all_raw(names).await?;
        let names = rows
            .iter()
            .map(|row| row.try_get_by_index(0).map(Technician));
        Ok(names.collect::<Result<_, DbErr>>()?)
    }
}
