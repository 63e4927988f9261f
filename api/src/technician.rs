//! Technicians: the names that tickets are assigned to. There is no table of them.

use async_graphql::{Context, Object};
use entity::ticket::{Column, Entity};
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Order, Query},
};

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
        let select = Query::select()
            .distinct()
            .column(Column::Tech)
            .from(Entity)
            .order_by(Column::Tech, Order::Asc)
            .limit(at_most(MAX_GROUPS, "first", first)?)
            .take();
        let rows = ctx.shop().db().query_all(&select).await?;
        let names = rows
            .iter()
            .map(|row| row.try_get_by_index(0).map(Technician));
        Ok(names.collect::<Result<_, DbErr>>()?)
    }
}
