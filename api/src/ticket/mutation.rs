//! Creating, changing and deleting tickets.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::ticket::ActiveModel;
use sea_orm::{
    ActiveValue::{self, NotSet, Set},
    ConnectionTrait, DbErr,
    prelude::DateTime as NaiveDateTime,
};

use super::Ticket;
use crate::{
    Result,
    context::ContextExt,
    customer::Customer,
    dialect,
    error::{Constraint, UserError, UserErrorCode, violated},
    form::{Form, Kind},
    node::Id,
    row::{Columns, Row},
    scalar::DateTime,
    write::{Target, insert},
};

/// A ticket of the customer that is being created.
#[derive(InputObject)]
pub struct NewTicketInput {
    /// What is to be done, in a line.
    title: String,
    /// What is to be done, at length.
    description: MaybeUndefined<String>,
    /// Whether it is done already.
    #[graphql(default = false)]
    completed: bool,
    /// Who works on it, at most 600 characters.
    #[graphql(default = "unassigned")]
    tech: String,
}

/// A new ticket.
#[derive(InputObject)]
pub struct CreateTicketInput {
    /// Whose it is: `Customer:42` or `42`.
    customer_id: Id<Customer>,
    /// What is to be done.
    #[graphql(flatten)]
    ticket: NewTicketInput,
}

/// What to change of a ticket; a field that is left out keeps its value.
#[derive(InputObject)]
pub struct UpdateTicketInput {
    /// The ticket: `Ticket:7` or `7`.
    id: Id<Ticket>,
    /// Change it only if nobody has since: the `updatedAt` that the change is based on, compared to
    /// the millisecond.
    if_updated_at: Option<DateTime>,
    /// Whose it is: `Customer:42` or `42`.
    customer_id: MaybeUndefined<Id<Customer>>,
    /// What is to be done, in a line.
    title: MaybeUndefined<String>,
    /// What is to be done, at length; null clears it.
    description: MaybeUndefined<String>,
    /// Whether it is done.
    completed: MaybeUndefined<bool>,
    /// Who works on it, at most 600 characters.
    tech: MaybeUndefined<String>,
}

/// Which ticket to delete.
#[derive(InputObject)]
pub struct DeleteTicketInput {
    /// The ticket: `Ticket:7` or `7`.
    id: Id<Ticket>,
    /// Delete it only if nobody has changed it since: its `updatedAt`, compared to the millisecond.
    if_updated_at: Option<DateTime>,
}

/// What became of a new ticket.
#[derive(SimpleObject)]
pub struct CreateTicketPayload {
    /// Null where `userErrors` says why.
    ticket: Option<Row<Ticket>>,
    /// What the person who filled in the form can put right.
    user_errors: Vec<UserError>,
}

/// What became of a change to a ticket.
#[derive(SimpleObject)]
pub struct UpdateTicketPayload {
    /// As it stands after the call, also where `userErrors` says why nothing was changed; null
    /// where there is no such ticket.
    ticket: Option<Row<Ticket>>,
    /// What the person who filled in the form can put right.
    user_errors: Vec<UserError>,
}

/// What became of a deletion.
#[derive(SimpleObject)]
pub struct DeleteTicketPayload {
    /// The global id of the ticket that was deleted; null where `userErrors` says why not.
    deleted_ticket_id: Option<ID>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// The mutations of tickets.
#[derive(Default)]
pub struct TicketMutation;

#[Object]
impl TicketMutation {
    /// Adds a ticket to a customer.
    async fn create_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new ticket.")] input: CreateTicketInput,
    ) -> Result<CreateTicketPayload> {
        let db = ctx.shop().db();
        let customer = input.customer_id.number;
        let mut form = Form::input();
        let now = dialect::now(db.get_database_backend());
        let mut ticket = input.ticket.read(&mut form, now);
        ticket.customer_id = Set(customer);
        let mut user_errors = form.into_errors();
        let mut created = None;
        if user_errors.is_empty() {
            match insert(db, ticket, Columns::<Ticket>::of_payload(ctx, "ticket")).await {
                Ok(ticket) => created = Some(Row(ticket)),
                Err(error) => user_errors.push(refused(error, Some(customer))?),
            }
        }
        Ok(CreateTicketPayload {
            ticket: created,
            user_errors,
        })
    }

    /// Changes the given fields of a ticket; a field that is left out keeps its value.
    async fn update_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket, and what to change.")] input: UpdateTicketInput,
    ) -> Result<UpdateTicketPayload> {
        let target = Target {
            id: input.id,
            if_updated_at: input.if_updated_at,
            shown: Columns::of_payload(ctx, "ticket"),
        };
        let customer = input.customer_id.value().map(|id| id.number);
        let mut form = Form::input();
        let values = input.read(&mut form);
        let (ticket, user_errors) = target
            .update(ctx.shop().db(), values, form.into_errors(), |error| {
                refused(error, customer)
            })
            .await?;
        Ok(UpdateTicketPayload {
            ticket,
            user_errors,
        })
    }

    /// Deletes a ticket.
    async fn delete_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: DeleteTicketInput,
    ) -> Result<DeleteTicketPayload> {
        let target = Target {
            id: input.id,
            if_updated_at: input.if_updated_at,
            shown: Columns::key(),
        };
        let deleted = target
            .delete(ctx.shop().db(), None, |error| Err(error.into()))
            .await?;
        Ok(DeleteTicketPayload {
            deleted_ticket_id: deleted.as_ref().ok().cloned(),
            user_errors: deleted.err().into_iter().collect(),
        })
    }
}

/// What the person can put right, where the database refused a ticket.
fn refused(error: DbErr, customer: Option<i32>) -> Result<UserError> {
    match (violated(&error), customer) {
        (Some(Constraint::TicketCustomer), Some(number)) => Ok(UserError::input(
            "customerId",
            UserErrorCode::NotFound,
            format!("There is no customer {number}."),
        )),
        _ => Err(error.into()),
    }
}

impl NewTicketInput {
    /// The ticket's row, but for whose it is.
    pub(crate) fn read(&self, form: &mut Form, now: ActiveValue<NaiveDateTime>) -> ActiveModel {
        ActiveModel {
            id: NotSet,
            customer_id: NotSet,
            title: form.text("title", Kind::Text, &self.title),
            // Set in any case: rows that are inserted together have the same columns.
            description: match form.optional_text("description", &self.description) {
                NotSet => Set(None),
                description => description,
            },
            completed: Set(self.completed),
            tech: form.text("tech", Kind::Indexed, &self.tech),
            created_at: now.clone(),
            updated_at: now,
        }
    }
}

impl UpdateTicketInput {
    fn read(&self, form: &mut Form) -> ActiveModel {
        let customer_id = self.customer_id.map_value(|id| id.number);
        ActiveModel {
            id: NotSet,
            customer_id: form.value_change("customerId", customer_id),
            title: form.text_change("title", Kind::Text, &self.title),
            description: form.optional_text("description", &self.description),
            completed: form.value_change("completed", self.completed),
            tech: form.text_change("tech", Kind::Indexed, &self.tech),
            created_at: NotSet,
            updated_at: NotSet,
        }
    }
}
